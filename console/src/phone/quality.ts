/** The figures of a call, of WebRTC's statistics (W3C webrtc-stats). */

export interface Quality {
  codec: string;
  /** Lost of what the node sent to this page, 0 to 1. */
  lossIn: number | null;
  /** Lost of what this page sent, as the node reports it, 0 to 1. */
  lossOut: number | null;
  jitterMs: number | null;
  roundTripMs: number | null;
}

export async function qualityOf(connection: RTCPeerConnection): Promise<Quality> {
  const quality: Quality = { codec: "", lossIn: null, lossOut: null, jitterMs: null, roundTripMs: null };
  const report = await connection.getStats();
  report.forEach((each: Record<string, unknown>) => {
    if (each["type"] === "inbound-rtp" && each["kind"] === "audio") {
      const [received, lost] = [number(each["packetsReceived"]) ?? 0, number(each["packetsLost"]) ?? 0];
      if (received + lost > 0) quality.lossIn = Math.max(0, lost) / (received + Math.max(0, lost));
      quality.jitterMs = milliseconds(each["jitter"]);
      const codec = report.get(String(each["codecId"])) as { mimeType?: string } | undefined;
      quality.codec = codec?.mimeType?.replace("audio/", "") ?? "";
    } else if (each["type"] === "remote-inbound-rtp" && each["kind"] === "audio") {
      quality.lossOut = number(each["fractionLost"]);
      quality.roundTripMs = milliseconds(each["roundTripTime"]) ?? quality.roundTripMs;
    } else if (each["type"] === "candidate-pair" && each["nominated"] === true) {
      quality.roundTripMs ??= milliseconds(each["currentRoundTripTime"]);
    }
  });
  return quality;
}

function number(value: unknown): number | null {
  return typeof value === "number" ? value : null;
}

function milliseconds(value: unknown): number | null {
  return typeof value === "number" ? value * 1000 : null;
}
