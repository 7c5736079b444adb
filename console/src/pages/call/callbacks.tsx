/** Status callbacks of the call, each with its attempts. */

import type { JSX } from "preact";
import { Card } from "../../components/parts";
import { moment } from "../../format";
import type { CallEvent } from "../../types";
import { exchangeOf, isCallback, type Exchange } from "./model";

export function Callbacks({ events }: { events: CallEvent[] }): JSX.Element | null {
  const groups = new Map<string, Exchange[]>();
  for (const event of events) {
    if (event.kind !== "http") continue;
    const exchange = exchangeOf(event);
    if (!isCallback(exchange)) continue;
    const key = `${exchange.url} ${exchange.parameters["CallStatus"] ?? ""} ${exchange.parameters["SequenceNumber"] ?? ""}`;
    groups.set(key, [...(groups.get(key) ?? []), exchange]);
  }
  if (groups.size === 0) return null;
  return (
    <Card title="Callbacks" isFlush>
      <div class="table-wrap">
        <table class="list">
          <thead>
            <tr>
              <th scope="col">No.</th>
              <th scope="col">Status</th>
              <th scope="col">URL</th>
              <th scope="col">Answer</th>
              <th scope="col" class="is-end">
                Attempts
              </th>
            </tr>
          </thead>
          <tbody>
            {[...groups.entries()].map(([key, attempts]) => {
              const last = attempts.at(-1) as Exchange;
              const isGood = last.status !== null && last.status < 300;
              return (
                <tr key={key}>
                  <td data-label="No." class="number">
                    {last.parameters["SequenceNumber"] ?? ""}
                  </td>
                  <td data-label="Status">{last.parameters["CallStatus"] ?? ""}</td>
                  <td data-label="URL">{last.url}</td>
                  <td data-label="Answer">
                    <span class={`badge ${isGood ? "is-good" : "is-bad"}`}>{last.status ?? "no answer"}</span>
                  </td>
                  <td data-label="Attempts" class="is-end number">
                    <span title={attempts.map((each) => `${moment(new Date(each.at).toISOString())}: ${each.error ?? each.status}`).join("\n")}>
                      {attempts.length} · {Math.round(last.duration_ms)} ms
                    </span>
                  </td>
                </tr>
              );
            })}
          </tbody>
        </table>
      </div>
    </Card>
  );
}
