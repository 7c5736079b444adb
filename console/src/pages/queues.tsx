import type { JSX } from "preact";
import { RoomsPage } from "../components/rooms";

export function QueuesPage(): JSX.Element {
  return (
    <RoomsPage
      title="Queues"
      about="Calls that wait for an agent."
      path="Queues.json?PageSize=50"
      listKey="queues"
      membersPath="Members"
      membersKey="queue_members"
      empty="No queue yet"
    />
  );
}
