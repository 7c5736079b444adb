/** The frame of every page: navigation at the side, or behind a button on a narrow screen. */

import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Link, useLocation } from "wouter-preact";
import { signOut, type Session } from "./api";
import { Icon, Logo } from "./components/icons";
import { useFeedState } from "./feed";
import { shortSid } from "./format";
import { usePhone } from "./phone/state";

const MENU: readonly (readonly [string, readonly (readonly [string, string, string])[]])[] = [
  [
    "Calls",
    [
      ["/", "Live", "live"],
      ["/calls", "Calls", "calls"],
      ["/debugger", "Debugger", "debugger"],
      ["/phone", "Phone", "phone"],
    ],
  ],
  [
    "Set up",
    [
      ["/numbers", "Numbers", "numbers"],
      ["/clients", "Clients", "clients"],
      ["/trunks", "Trunks", "trunks"],
      ["/applications", "Applications", "applications"],
      ["/keys", "API keys", "keys"],
    ],
  ],
  [
    "Media",
    [
      ["/recordings", "Recordings", "recordings"],
      ["/conferences", "Conferences", "conferences"],
      ["/queues", "Queues", "queues"],
    ],
  ],
  [
    "Node",
    [
      ["/try", "Try", "try"],
      ["/nodes", "Nodes", "nodes"],
    ],
  ],
];

export function Shell({ session, children }: { session: Session; children: ComponentChildren }): JSX.Element {
  const [location] = useLocation();
  const [isOpen, setOpen] = useState(false);
  const main = useRef<HTMLElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  useEffect(() => setOpen(false), [location]);
  useEffect(() => {
    if (!isOpen) return undefined;
    const close = (event: KeyboardEvent): void => {
      if (event.key !== "Escape") return;
      setOpen(false);
      button.current?.focus();
    };
    addEventListener("keydown", close);
    return () => removeEventListener("keydown", close);
  }, [isOpen]);
  return (
    <div class="shell">
      <a class="skip" href="#main" onClick={(event) => (event.preventDefault(), main.current?.focus())}>
        Skip to content
      </a>
      <header class="top">
        <button ref={button} type="button" class="button is-quiet is-icon" aria-label="Menu" aria-expanded={isOpen} aria-controls="side" onClick={() => setOpen(true)}>
          <Icon name="menu" />
        </button>
        <Link href="/" class="brand">
          <Logo /> CallAPI
        </Link>
        <LinkState />
      </header>
      {isOpen ? <button type="button" class="veil" aria-label="Close menu" onClick={() => setOpen(false)} /> : null}
      <div id="side" class={`side ${isOpen ? "is-open" : ""}`}>
        <Link href="/" class="brand">
          <Logo /> CallAPI
        </Link>
        <nav class="menu" aria-label="Pages">
          {MENU.map(([title, items]) => (
            <div key={title}>
              <h2>{title}</h2>
              <ul>
                {items.map(([address, label, icon]) => (
                  <li key={address}>
                    <Link href={address} aria-current={isCurrent(location, address) ? "page" : undefined}>
                      <Icon name={icon} />
                      {label}
                      {address === "/phone" ? <PhoneBadge /> : null}
                    </Link>
                  </li>
                ))}
              </ul>
            </div>
          ))}
        </nav>
        <div class="who">
          <LinkState />
          <span class="mono soft" title={session.account_sid}>
            {shortSid(session.key_sid ?? session.account_sid)}
          </span>
          <button type="button" class="button is-small" onClick={() => void signOut()}>
            Sign out
          </button>
        </div>
      </div>
      <main id="main" class="main" tabIndex={-1} ref={main}>
        <div class="content">{children}</div>
      </main>
    </div>
  );
}

function isCurrent(location: string, address: string): boolean {
  return address === "/" ? location === "/" : location === address || location.startsWith(`${address}/`);
}

/** A call of the phone goes on, and rings, while another page is open. */
function PhoneBadge(): JSX.Element | null {
  const { call } = usePhone();
  return call ? <span class="badge is-live">{call.phase === "incoming" ? "Ringing" : "In a call"}</span> : null;
}

function LinkState(): JSX.Element {
  const isConnected = useFeedState();
  return <span class={`link-state ${isConnected ? "is-on" : ""}`}>{isConnected ? "Live" : "Connecting …"}</span>;
}
