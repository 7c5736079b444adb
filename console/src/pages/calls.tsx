/** All calls, found by what is known of them. The filters are in the address, so that a search can be sent on. */

import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import { Link, useLocation, useSearch } from "wouter-preact";
import { More, usePages } from "../components/pager";
import { Card, Empty, PageHead, Status, Waiting } from "../components/parts";
import { useFeed } from "../feed";
import { fullMoment, moment, party, seconds } from "../format";
import { useThrottled, useTitle } from "../hooks";
import type { Call } from "../types";

const STATUSES = ["queued", "initiated", "ringing", "in-progress", "completed", "busy", "no-answer", "canceled", "failed"];
const FILTERS = ["From", "To", "Status", "StartTime>", "StartTime<", "SipCallId", "SipResponseCode", "Duration>", "Duration<", "Node"] as const;

export function CallsPage(): JSX.Element {
  const search = useSearch();
  const [, navigate] = useLocation();
  useTitle("Calls");
  const given = useMemo(() => new URLSearchParams(search), [search]);
  const query = useMemo(() => filtersOf(given), [given]);
  const pages = usePages<Call>(`Calls.json?${query.toString()}`, "calls");
  const refresh = useThrottled(pages.reload, 2000);
  useFeed((event) => {
    if (query.toString() === "PageSize=50" && (event.type === "call-started" || event.type === "call-ended")) refresh();
  });
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const wanted = new URLSearchParams();
    for (const [name, value] of form) {
      const text = String(value).trim();
      if (text) wanted.set(name, name.startsWith("StartTime") ? new Date(text).toISOString() : text);
    }
    const sid = wanted.get("find")?.match(/\bCA[0-9a-f]{32}\b/)?.[0];
    if (sid) navigate(`/calls/${sid}`);
    else navigate(`/calls?${wanted.toString()}`);
  };
  return (
    <>
      <PageHead title="Calls" />
      <Card>
        <form class="form" key={search} onSubmit={submit} role="search">
          <div class="form-grid">
            <div class="field">
              <label for="find">Number, sid or Call-ID</label>
              <input id="find" name="find" type="search" class="input" defaultValue={given.get("find") ?? ""} spellcheck={false} />
            </div>
            <div class="field">
              <label for="status">Status</label>
              <select id="status" name="Status" class="input">
                <option value="">Any</option>
                {STATUSES.map((each) => (
                  <option key={each} selected={each === given.get("Status")}>
                    {each}
                  </option>
                ))}
              </select>
            </div>
            <div class="field">
              <label for="since">Started after</label>
              <input id="since" name="StartTime>" type="datetime-local" class="input" value={localTime(given.get("StartTime>"))} />
            </div>
            <div class="field">
              <label for="until">Started before</label>
              <input id="until" name="StartTime<" type="datetime-local" class="input" defaultValue={localTime(given.get("StartTime<"))} />
            </div>
            <div class="field">
              <label for="code">SIP code</label>
              <input id="code" name="SipResponseCode" type="number" min="100" max="699" class="input" defaultValue={given.get("SipResponseCode") ?? ""} />
            </div>
            <div class="field">
              <label for="least">Seconds at least</label>
              <input id="least" name="Duration>" type="number" min="0" class="input" value={given.get("Duration>") ?? ""} />
            </div>
            <div class="field">
              <label for="most">Seconds at most</label>
              <input id="most" name="Duration<" type="number" min="0" class="input" defaultValue={given.get("Duration<") ?? ""} />
            </div>
            <div class="field">
              <label for="node">Node</label>
              <input id="node" name="Node" class="input" defaultValue={given.get("Node") ?? ""} spellcheck={false} />
            </div>
            <div class="buttons">
              <button type="submit" class="button is-primary">
                Search
              </button>
              {search ? (
                <Link href="/calls" class="button">
                  Clear
                </Link>
              ) : null}
            </div>
          </div>
        </form>
      </Card>
      <Found given={given} plain={pages} />
    </>
  );
}

function Found({ given, plain }: { given: URLSearchParams; plain: ReturnType<typeof usePages<Call>> }): JSX.Element {
  return (
    <Card isFlush>
      {plain.records === null ? (
        <Waiting error={plain.error} retry={plain.reload} />
      ) : plain.records.length === 0 ? (
        <Empty title="No calls found">{given.toString() ? "Try fewer filters." : "The first call will be listed here."}</Empty>
      ) : (
        <CallTable calls={plain.records} />
      )}
      <More pages={plain} />
    </Card>
  );
}

export function CallTable({ calls }: { calls: Call[] }): JSX.Element {
  return (
    <div class="table-wrap">
      <table class="list">
        <thead>
          <tr>
            <th scope="col">Started</th>
            <th scope="col">From</th>
            <th scope="col">To</th>
            <th scope="col">Status</th>
            <th scope="col">Direction</th>
            <th scope="col" class="is-end">
              Length
            </th>
          </tr>
        </thead>
        <tbody>
          {calls.map((call) => (
            <tr key={call.sid}>
              <td data-label="Started">
                <Link href={`/calls/${call.sid}`}>
                  <time title={fullMoment(call.start_time ?? call.date_created)}>{moment(call.start_time ?? call.date_created)}</time>
                </Link>
              </td>
              <td data-label="From">
                <span class="party">{party(call.from)}</span>
              </td>
              <td data-label="To">
                <span class="party">{party(call.to)}</span>
              </td>
              <td data-label="Status">
                <span>
                  <Status call={call} /> {call.sip_response_code && call.sip_response_code >= 300 ? <span class="soft number">{call.sip_response_code}</span> : null}
                </span>
              </td>
              <td data-label="Direction" class="soft">
                {call.direction}
              </td>
              <td data-label="Length" class="is-end number">
                {seconds(call.duration)}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** The instant of a filter as its field writes it, in the time of the reader. */
function localTime(instant: string | null): string {
  const date = new Date(instant ?? "");
  if (Number.isNaN(date.getTime())) return "";
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

function filtersOf(given: URLSearchParams): URLSearchParams {
  const query = new URLSearchParams({ PageSize: "50" });
  for (const name of FILTERS) {
    const value = given.get(name);
    if (value) query.set(name, value);
  }
  const find = given.get("find");
  if (find) query.set("Find", find);
  return query;
}
