/** How times, lengths and parties are written. */

const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const DAY = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const FULL = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium", hourCycle: "h23" });

/** `10:32:07` today, `17 Nov, 10:32:07` on another day. */
export function moment(text: string | null): string {
  if (!text) return "–";
  const date = new Date(text);
  const isToday = date.toDateString() === new Date().toDateString();
  return isToday ? CLOCK.format(date) : `${DAY.format(date)}, ${CLOCK.format(date)}`;
}

export function fullMoment(text: string | null): string {
  return text ? FULL.format(new Date(text)) : "–";
}

/** `1:23` or `1:02:03`. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.floor(seconds));
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const tail = `${String(minutes).padStart(hours ? 2 : 1, "0")}:${String(rest).padStart(2, "0")}`;
  return hours ? `${hours}:${tail}` : tail;
}

export function seconds(text: string | null): string {
  return text === null || text === "" ? "–" : clock(Number(text));
}

/** The part of a SIP URI that people know: `sip:bob@host` stays, parameters go. */
export function party(text: string): string {
  return text.replace(/^(sips?:[^;?]*).*$/, "$1");
}

/** `CA1234…cdef`. */
export function shortSid(sid: string): string {
  return sid.length > 14 ? `${sid.slice(0, 8)}…${sid.slice(-4)}` : sid;
}

export function words(name: string): string {
  const text = name.replace(/([a-z0-9])([A-Z])/g, "$1 $2").replaceAll("_", " ");
  const lower = text.toLowerCase().replace(/\b(url|uri|sip|id|srtp)\b/g, (each) => each.toUpperCase());
  return lower.charAt(0).toUpperCase() + lower.slice(1);
}

export function bytes(count: number): string {
  if (count < 1024) return `${count} B`;
  return count < 1048576 ? `${(count / 1024).toFixed(1)} KiB` : `${(count / 1048576).toFixed(1)} MiB`;
}
