/** The figures of each node, taken every two seconds. */

import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { nodes, type NodeFigures } from "../api";
import { Card, PageHead, Waiting } from "../components/parts";
import { useLoaded, useTick, useTitle } from "../hooks";

const SHOWN: readonly (readonly [string, string])[] = [
  ["calls_live", "Live calls"],
  ["calls_queued", "Queued calls"],
  ["registrations", "Registrations"],
  ["outbox_pending", "Callbacks to deliver"],
  ["outbox_oldest_s", "Oldest callback, s"],
  ["event_loop_lag_s", "Event-loop lag, ms"],
  ["media_streams", "RTP streams"],
  ["media_bridges", "Bridges"],
  ["media_threads", "Packet threads"],
  ["media_ports_free", "Free RTP ports"],
  ["recordings_live", "Recordings"],
  ["sip_sessions", "SIP sessions"],
  ["sip_transactions", "SIP transactions"],
  ["sip_retransmissions", "SIP retransmissions"],
  ["store_pending", "Writes that wait"],
  ["refused_callers", "Refused callers"],
  ["seconds_since_seen", "Seen, s ago"],
];
const RATES: readonly (readonly [string, string])[] = [
  ["rtp_packets_received", "RTP packets in, per s"],
  ["rtp_packets_sent", "RTP packets out, per s"],
];

export function NodesPage(): JSX.Element {
  useTitle("Nodes");
  const now = useTick(2000);
  const loaded = useLoaded("nodes", sample);
  useEffect(() => loaded.reload(), [now]);
  if (loaded.value === null) return <Waiting error={loaded.error} retry={loaded.reload} />;
  return (
    <>
      <PageHead title="Nodes" />
      {loaded.value.map((each) => (
        <NodeCard key={String(each.figures["node"])} figures={each.figures} rates={each.rates} />
      ))}
    </>
  );
}

interface Sample {
  figures: NodeFigures;
  rates: [string, string][];
}

const before = new Map<string, { at: number; figures: NodeFigures }>();

/** The figures of each node, and what they have grown by since the last sample. */
async function sample(): Promise<Sample[]> {
  const answer = await nodes();
  const now = Date.now();
  return answer.nodes.map((figures) => {
    const last = before.get(String(figures["node"]));
    before.set(String(figures["node"]), { at: now, figures });
    const elapsed = last ? (now - last.at) / 1000 : 0;
    const rates = RATES.filter(([key]) => figures[key] !== undefined).map(([key, label]): [string, string] => {
      const change = last ? Number(figures[key]) - Number(last.figures[key]) : 0;
      return [label, elapsed > 0.5 && elapsed < 60 ? Math.max(0, Math.round(change / elapsed)).toLocaleString() : "–"];
    });
    return { figures, rates };
  });
}

function NodeCard({ figures, rates }: Sample): JSX.Element {
  const name = String(figures["node"]);
  const state = figures["state"] ? String(figures["state"]) : figures["is_draining"] ? "draining" : figures["is_store_writable"] ? "ready" : "database away";
  const values = SHOWN.filter(([key]) => figures[key] !== undefined).map(([key, label]): [string, string] => [label, key === "event_loop_lag_s" ? (Number(figures[key]) * 1000).toFixed(1) : Number(figures[key]).toLocaleString()]);
  return (
    <Card
      title={name}
      aside={
        <span class="buttons">
          <span class="soft">CallAPI {String(figures["version"])}</span>
          <span class={`badge ${state === "ready" || state === "up" ? "is-good" : "is-warn"}`}>{state}</span>
        </span>
      }
    >
      <dl class="facts is-figures">
        {[...values, ...rates].map(([label, value]) => (
          <div key={label}>
            <dt>{label}</dt>
            <dd class="number">{value}</dd>
          </div>
        ))}
      </dl>
    </Card>
  );
}
