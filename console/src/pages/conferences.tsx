import type { JSX } from "preact";
import { RoomsPage } from "../components/rooms";

export function ConferencesPage(): JSX.Element {
  return (
    <RoomsPage
      title="Conferences"
      about="Rooms in which several calls hear each other."
      path="Conferences.json?Status=in-progress&PageSize=50"
      listKey="conferences"
      membersPath="Participants"
      membersKey="participants"
      empty="No conference is held"
    />
  );
}
