/** Line icons, 20 by 20. */

import type { JSX } from "preact";

const PATHS: Record<string, string> = {
  live: "M4 10h2l2-5 3 10 2-7 1.5 2H17",
  calls: "M5 3.5h3l1.2 3.4-1.7 1.3a9 9 0 0 0 4.3 4.3l1.3-1.7 3.4 1.2v3A1.5 1.5 0 0 1 15 16.500 12 12 0 0 1 3.500 5 1.500 1.500 0 0 1 5 3.500Z",
  debugger: "M10 3.500 17 16H3L10 3.500Zm0 4.700v3.600m0 2v.3",
  phone: "M6.500 2.500h7v15h-7zM9 15h2",
  numbers: "M7.500 3.500 6 16.500m8-13-1.500 13M3.800 7.500h12.900M3.300 12.500h12.900",
  clients: "M10 10a3 3 0 1 0 0-6 3 3 0 0 0 0 6Zm-5.500 6.500a5.500 5.500 0 0 1 11 0",
  trunks: "M3.500 7h10m0 0-2.500-2.500M13.500 7 11 9.500M16.500 13h-10m0 0L9 10.500M6.500 13 9 15.500",
  applications: "M4 4h5v5H4zm7 0h5v5h-5zM4 11h5v5H4zm7 0h5v5h-5z",
  keys: "M8.500 11.500a3.500 3.500 0 1 1 1.700-4.700L16.500 7v2.500h-2V12h-2.500v-1.600",
  recordings: "M10 3.500v8m0-8a2 2 0 0 0-2 2V9a2 2 0 1 0 4 0V5.500a2 2 0 0 0-2-2ZM5.500 9.500a4.500 4.500 0 0 0 9 0M10 14v2.500",
  conferences: "M7 9a2.300 2.300 0 1 0 0-4.600A2.300 2.300 0 0 0 7 9Zm6 0a2.300 2.300 0 1 0 0-4.600M3 15.500a4 4 0 0 1 8 0m1.500-4A4 4 0 0 1 17 15.500",
  queues: "M4 5.500h12M4 10h12M4 14.500h7",
  try: "M7 5 3 10l4 5m6-10 4 5-4 5",
  nodes: "M3.500 4.500h13v4h-13zm0 7h13v4h-13zM6 6.500h.01M6 13.500h.01",
  menu: "M3.500 6h13M3.500 10h13M3.500 14h13",
  close: "m5 5 10 10M15 5 5 15",
  listen: "M4 11.500V10a6 6 0 0 1 12 0v1.500M4 11.500h2.500v4H5a1 1 0 0 1-1-1Zm12 0h-2.500v4H15a1 1 0 0 0 1-1Z",
  play: "M6.500 4.500v11l9-5.500-9-5.500Z",
  pause: "M7 4.500v11m6-11v11",
};

export function Icon({ name }: { name: string }): JSX.Element {
  return (
    <svg viewBox="0 0 20 20" width="18" height="18" fill="none" stroke="currentColor" stroke-width="1.6" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">
      <path d={PATHS[name] ?? ""} />
    </svg>
  );
}

export function Logo(): JSX.Element {
  return (
    <svg viewBox="0 0 32 32" aria-hidden="true">
      <rect width="32" height="32" rx="8" fill="#0b63c4" />
      <path d="M8 16h2m3-5v10m3-13v16m3-12v8m3-4h2" stroke="#fff" stroke-width="2.400" stroke-linecap="round" fill="none" />
    </svg>
  );
}
