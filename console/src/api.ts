/** The client of REST and of the console's own answers. A session that has ended brings the sign-in page back. */

import type { Page } from "./types";

export interface Session {
  account_sid: string;
  friendly_name: string;
  key_sid: string | null;
  csrf_token: string;
  node: string;
}

export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: number,
    message: string,
  ) {
    super(message);
  }
}

const BASE = "/2010-04-01";
let session: Session | null = null;
let onSignedOut: () => void = () => undefined;

export function currentSession(): Session {
  if (session === null) throw new Error("not signed in");
  return session;
}

export function whenSignedOut(handler: () => void): void {
  onSignedOut = handler;
}

export async function loadSession(): Promise<Session | null> {
  const answer = await fetch("/console/session", { headers: { Accept: "application/json" } });
  session = answer.status === 200 ? ((await answer.json()) as Session) : null;
  return session;
}

export async function signIn(sid: string, secret: string): Promise<Session> {
  const answer = await fetch("/console/session", { method: "POST", body: new URLSearchParams({ sid, secret }) });
  if (!answer.ok) throw await refusal(answer);
  session = (await answer.json()) as Session;
  return session;
}

export async function signOut(): Promise<void> {
  await fetch("/console/session", { method: "DELETE", headers: csrf() });
  session = null;
  onSignedOut();
}

export function accountPath(path: string): string {
  return `${BASE}/Accounts/${currentSession().account_sid}/${path}`;
}

export function get<T>(path: string): Promise<T> {
  return request<T>("GET", accountPath(path));
}

export function post<T>(path: string, form: Record<string, string | string[]>): Promise<T> {
  const body = new URLSearchParams();
  for (const [name, value] of Object.entries(form)) {
    for (const each of Array.isArray(value) ? value : [value]) body.append(name, each);
  }
  return request<T>("POST", accountPath(path), body);
}

export function remove(path: string): Promise<void> {
  return request<void>("DELETE", accountPath(path));
}

/** A page of a list; `path` is below the account, or the `next_page_uri` of the page before. */
export async function list<T>(path: string, key: string): Promise<Page<T>> {
  const url = path.startsWith("/") ? path : accountPath(path);
  const answer = await request<Record<string, unknown>>("GET", url);
  return { records: (answer[key] ?? []) as T[], next: (answer["next_page_uri"] ?? null) as string | null };
}

export async function lint(document: string): Promise<Finding[]> {
  const answer = await request<{ findings: Finding[] }>("POST", "/console/lint", document);
  return answer.findings;
}

/** The STUN and TURN servers of the node (`media.ice_servers`), with credentials for a day. */
export async function iceServers(): Promise<RTCIceServer[]> {
  const answer = await post<{ ice_servers: (RTCIceServer & { url?: string })[] }>("Tokens.json", { Ttl: "86400" });
  return answer.ice_servers.map(({ url: _, ...server }) => server);
}

export interface Finding {
  code: number;
  message: string;
  line: number | null;
  column: number | null;
  severity: string;
}

export function nodes(): Promise<{ nodes: NodeFigures[] }> {
  return request("GET", "/console/node");
}

export type NodeFigures = Record<string, number | string | boolean | Record<string, number>>;

export async function openApi(): Promise<OpenApi> {
  const answer = await fetch("/openapi.json");
  return (await answer.json()) as OpenApi;
}

export interface Schema {
  type?: string;
  enum?: string[];
  items?: Schema;
  anyOf?: Schema[];
  default?: unknown;
  description?: string;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  format?: string;
}

export interface OpenApi {
  paths: Record<
    string,
    Record<
      string,
      {
        description?: string;
        requestBody?: { content: Record<string, { schema: { properties: Record<string, Schema>; required?: string[] } }> };
      }
    >
  >;
}

async function request<T>(method: string, url: string, body?: URLSearchParams | string): Promise<T> {
  const answer = await fetch(url, { method, headers: method === "GET" ? {} : csrf(), ...(body ? { body } : {}) });
  if (answer.status === 401) {
    session = null;
    onSignedOut();
  }
  if (!answer.ok) throw await refusal(answer);
  return (answer.status === 204 ? undefined : await answer.json()) as T;
}

async function refusal(answer: Response): Promise<ApiError> {
  try {
    const error = (await answer.json()) as { code: number; message: string };
    return new ApiError(answer.status, error.code, error.message);
  } catch {
    return new ApiError(answer.status, 0, `${answer.status} ${answer.statusText}`);
  }
}

function csrf(): Record<string, string> {
  return session ? { "X-CSRF-Token": session.csrf_token } : {};
}
