/** The phone in the browser. JsSIP is loaded with this page alone. */

import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Link } from "wouter-preact";
import { iceServers } from "../api";
import { Logo } from "../components/icons";
import { Card, PageHead, Waiting } from "../components/parts";
import { clock, party } from "../format";
import { useLoaded, useTick, useTitle } from "../hooks";
import { qualityOf, type Quality } from "../phone/quality";
import { listDevices, type Devices } from "../phone/sound";
import { usePhone, type PhoneCall, type PhoneState } from "../phone/state";

type Agent = typeof import("../phone/agent");

const KEYS: readonly (readonly [string, string])[] = [
  ["1", ""],
  ["2", "ABC"],
  ["3", "DEF"],
  ["4", "GHI"],
  ["5", "JKL"],
  ["6", "MNO"],
  ["7", "PQRS"],
  ["8", "TUV"],
  ["9", "WXYZ"],
  ["*", ""],
  ["0", "+"],
  ["#", ""],
];
const LINKS: Record<PhoneState["link"], readonly [string, string]> = {
  "signed-out": ["Signed out", ""],
  connecting: ["Connecting …", "is-warn"],
  registered: ["Registered", "is-good"],
  reconnecting: ["Reconnecting …", "is-warn"],
};

/** The page without the console's sign-in. */
export function PhoneAlone(): JSX.Element {
  return (
    <main class="main" id="main">
      <div class="content">
        <div class="phone-top">
          <span class="brand">
            <Logo /> CallAPI
          </span>
          <Link href="/">Console</Link>
        </div>
        <PhonePage isSignedIn={false} />
      </div>
    </main>
  );
}

export function PhonePage({ isSignedIn }: { isSignedIn: boolean }): JSX.Element {
  const loaded = useLoaded("phone", () => import("../phone/agent"));
  const phone = usePhone();
  const [text, tone] = LINKS[phone.link];
  useTitle(phone.call?.phase === "incoming" ? `${phone.call.party} calls` : "Phone");
  return (
    <>
      <PageHead title="Phone" about={phone.link === "signed-out" ? "A phone in this browser, signed in as one of the node's clients." : phone.login}>
        <div class="buttons phone-link">
          <span class={`badge ${tone}`} role="status">
            {text}
          </span>
          {loaded.value && phone.link !== "signed-out" ? (
            <button type="button" class="button is-small" onClick={loaded.value.signOut}>
              Sign the phone out
            </button>
          ) : null}
        </div>
      </PageHead>
      {phone.error ? (
        <p class="note is-bad" role="alert">
          {phone.error}
        </p>
      ) : null}
      {loaded.value === null ? (
        <Waiting error={loaded.error} retry={loaded.reload} />
      ) : phone.link === "signed-out" || phone.link === "connecting" ? (
        <SignIn agent={loaded.value} isSignedIn={isSignedIn} isBusy={phone.link === "connecting"} />
      ) : (
        <div class="phone">
          {phone.call ? <InCall agent={loaded.value} call={phone.call} /> : <Dialler agent={loaded.value} phone={phone} />}
          <div class="phone-side">
            <Card title="Sound">
              <Sound agent={loaded.value} isInCall={phone.call !== null} />
            </Card>
            {phone.call?.since ? <QualityCard agent={loaded.value} /> : null}
          </div>
        </div>
      )}
    </>
  );
}

function SignIn({ agent, isSignedIn, isBusy }: { agent: Agent; isSignedIn: boolean; isBusy: boolean }): JSX.Element {
  const [isAsking, setAsking] = useState(false);
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const of = (name: string): string => String(form.get(name) ?? "");
    setAsking(true);
    // A phone without these servers is still one wherever pages reach the node's address.
    const servers = isSignedIn ? await iceServers().catch(() => []) : [];
    setAsking(false);
    agent.signIn({ login: of("login").trim(), password: of("password"), server: of("server").trim(), iceServers: servers });
  };
  return (
    <div class="phone-signin">
      <Card title="Sign in as a client">
        <form class="form" onSubmit={(event) => void submit(event)}>
          <div class="field">
            <label for="login">Login</label>
            <input id="login" name="login" type="text" class="input" autocomplete="username" required spellcheck={false} autocapitalize="none" />
          </div>
          <div class="field">
            <label for="password">Password</label>
            <input id="password" name="password" type="password" class="input" autocomplete="current-password" required />
          </div>
          <div class="field">
            <label for="server">SIP over WebSocket</label>
            <input id="server" name="server" type="text" class="input mono" required spellcheck={false} defaultValue={defaultServer()} pattern={`wss?://${location.host.replace(/[.[\]]/g, "\\$&")}/.*`} title={`ws:// or wss:// at ${location.host}`} aria-describedby="server-hint" />
            <span class="hint" id="server-hint">
              At {location.host}, where this page comes from.
            </span>
          </div>
          <div class="buttons">
            <button type="submit" class="button is-primary" disabled={isBusy || isAsking}>
              {isBusy ? "Connecting …" : "Sign in"}
            </button>
          </div>
        </form>
      </Card>
    </div>
  );
}

function Dialler({ agent, phone }: { agent: Agent; phone: PhoneState }): JSX.Element {
  const [target, setTarget] = useState("");
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    if (target.trim()) void agent.call(target.trim());
  };
  return (
    <Card title="Call">
      <form class="form" onSubmit={submit}>
        <div class="field">
          <label for="target">Number, login or SIP URI</label>
          <input id="target" class="input phone-target" autocomplete="off" spellcheck={false} autocapitalize="none" autofocus value={target} onInput={(event) => setTarget(event.currentTarget.value)} />
        </div>
        <Keypad onPress={(digit) => setTarget((old) => old + digit)} />
        <button type="submit" class="button is-primary is-large" disabled={!target.trim() || phone.link !== "registered"}>
          Call
        </button>
        <p class="soft phone-last" role="status">
          {phone.last}
        </p>
      </form>
    </Card>
  );
}

const PHASES: Record<PhoneCall["phase"], string> = { calling: "Calling …", ringing: "Ringing …", incoming: "Incoming call", answering: "Answering …", up: "" };

function InCall({ agent, call }: { agent: Agent; call: PhoneCall }): JSX.Element {
  const isUp = call.phase === "up";
  const now = useTick(1000, isUp);
  const answer = useRef<HTMLButtonElement>(null);
  const [pressed, setPressed] = useState("");
  const press = (digit: string): void => {
    agent.press(digit);
    setPressed((old) => (old + digit).slice(-24));
  };
  useEffect(() => answer.current?.focus(), [call.phase]);
  useEffect(() => {
    if (!isUp) return undefined;
    const type = (event: KeyboardEvent): void => {
      const isTyping = event.target instanceof HTMLInputElement || event.target instanceof HTMLSelectElement;
      if (!isTyping && !event.ctrlKey && !event.metaKey && !event.altKey && /^[0-9*#]$/.test(event.key)) press(event.key);
    };
    addEventListener("keydown", type);
    return () => removeEventListener("keydown", type);
  }, [isUp]);
  const status = call.isHeld ? "On hold" : call.isHeldByPeer ? "The other party holds the call" : PHASES[call.phase];
  return (
    <Card title={call.isIncoming ? "Call from" : "Call to"} aside={isUp ? <span class="number">{clock((now - call.since) / 1000)}</span> : null}>
      <div class="form">
        <div class="phone-party">
          <strong>{party(call.party)}</strong>
          {call.name ? <span class="soft">{call.name}</span> : null}
          <span class="soft" role="status">
            {status || (call.isMuted ? "Muted" : "Connected")}
          </span>
        </div>
        {isUp ? (
          <>
            <div class="buttons phone-orders">
              <button type="button" class="button" aria-pressed={call.isMuted} onClick={agent.toggleMute}>
                Mute
              </button>
              <button type="button" class="button" aria-pressed={call.isHeld} aria-busy={call.isChanging} onClick={agent.toggleHold}>
                Hold
              </button>
            </div>
            <Keypad onPress={press} />
            <output class="soft number phone-last" aria-label="Digits sent">
              {pressed}
            </output>
            <Transfer agent={agent} state={call.transfer} />
          </>
        ) : null}
        <div class="buttons phone-orders">
          {call.phase === "incoming" ? (
            <button ref={answer} type="button" class="button is-primary is-large" onClick={() => void agent.answer()}>
              Answer
            </button>
          ) : null}
          <button type="button" class="button is-danger is-large" onClick={agent.hangUp}>
            {call.phase === "incoming" ? "Reject" : "Hang up"}
          </button>
        </div>
      </div>
    </Card>
  );
}

function Keypad({ onPress }: { onPress: (digit: string) => void }): JSX.Element {
  return (
    <div class="keypad" role="group" aria-label="Keypad">
      {KEYS.map(([digit, letters]) => (
        <button key={digit} type="button" class="button" onClick={() => onPress(digit)}>
          <span>{digit}</span>
          <small aria-hidden="true">{letters}</small>
        </button>
      ))}
    </div>
  );
}

function Transfer({ agent, state }: { agent: Agent; state: string }): JSX.Element {
  const [target, setTarget] = useState("");
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    agent.transfer(target.trim());
  };
  return (
    <form class="phone-transfer" onSubmit={submit}>
      <div class="field">
        <label for="transfer">Transfer to</label>
        <input id="transfer" class="input" autocomplete="off" spellcheck={false} autocapitalize="none" value={target} onInput={(event) => setTarget(event.currentTarget.value)} />
      </div>
      <button type="submit" class="button" disabled={!target.trim()}>
        Transfer
      </button>
      {state ? (
        <p class="soft" role="status">
          {state}
        </p>
      ) : null}
    </form>
  );
}

function Sound({ agent, isInCall }: { agent: Agent; isInCall: boolean }): JSX.Element {
  const [devices, setDevices] = useState<Devices>({ microphones: [], speakers: [] });
  useTick(100, isInCall);
  // Names of devices are there once the microphone was allowed: they are read again as calls come and go.
  useEffect(() => {
    const read = (): void => void listDevices().then(setDevices);
    read();
    navigator.mediaDevices?.addEventListener("devicechange", read);
    return () => navigator.mediaDevices?.removeEventListener("devicechange", read);
  }, [isInCall]);
  const { microphone, speaker } = agent.levels();
  return (
    <div class="form">
      <Device id="microphone" label="Microphone" devices={devices.microphones} level={microphone} onChoose={agent.chooseMicrophone} />
      <Device id="speaker" label="Speaker" devices={devices.speakers} level={speaker} onChoose={agent.chooseSpeaker} />
    </div>
  );
}

function Device({ id, label, devices, level, onChoose }: { id: string; label: string; devices: MediaDeviceInfo[]; level: number; onChoose: (deviceId: string) => Promise<void> }): JSX.Element {
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select id={id} class="input" onChange={(event) => void onChoose(event.currentTarget.value)}>
        <option value="">The system's default</option>
        {devices.map((each, at) => (
          <option key={each.deviceId} value={each.deviceId}>
            {each.label || `${label} ${at + 1}`}
          </option>
        ))}
      </select>
      <meter class="level" min={0} max={1} value={level} aria-label={`Level of the ${label.toLowerCase()}`} />
    </div>
  );
}

function QualityCard({ agent }: { agent: Agent }): JSX.Element {
  const [quality, setQuality] = useState<Quality | null>(null);
  const now = useTick(1000);
  useEffect(() => {
    const connection = agent.connection();
    if (!connection) return undefined;
    let isCurrent = true;
    void qualityOf(connection).then((fresh) => isCurrent && setQuality(fresh));
    return () => void (isCurrent = false);
  }, [now]);
  const percent = (value: number | null | undefined): string => (value == null ? "–" : `${(value * 100).toFixed(1)} %`);
  const time = (value: number | null | undefined): string => (value == null ? "–" : `${value.toFixed(0)} ms`);
  const figures = [
    ["Loss, heard", percent(quality?.lossIn)],
    ["Loss, sent", percent(quality?.lossOut)],
    ["Jitter", time(quality?.jitterMs)],
    ["Round trip", time(quality?.roundTripMs)],
    ["Codec", quality?.codec || "–"],
  ];
  return (
    <Card title="Quality">
      <dl class="facts phone-quality">
        {figures.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd class="number">{value}</dd>
          </div>
        ))}
      </dl>
    </Card>
  );
}

function defaultServer(): string {
  return `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/sip`;
}
