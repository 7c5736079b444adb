/** Records as REST shows them (`/2010-04-01/…json`); only the fields that the pages read. */

export interface Call {
  sid: string;
  account_sid: string;
  parent_call_sid: string | null;
  from: string;
  to: string;
  status: string;
  direction: string;
  date_created: string | null;
  start_time: string | null;
  answer_time: string | null;
  end_time: string | null;
  duration: string | null;
  ring_duration: string | null;
  caller_name: string | null;
  sip_call_id: string | null;
  sip_response_code: number | null;
  ended_by: string | null;
  end_reason: string | null;
  answered_by: string | null;
  forwarded_from: string | null;
  phone_number_sid: string | null;
  srtp?: string | null;
  node?: string | null;
}

export interface CallEvent {
  sequence: number;
  at: string;
  kind: string;
  data: Record<string, unknown>;
}

export interface Notification {
  sid: string;
  call_sid: string | null;
  log: string;
  error_code: string;
  more_info: string | null;
  message_text: string;
  message_date: string;
  request_url: string | null;
  request_method: string | null;
  request_variables: string | null;
  response_status: number | null;
  response_headers: string | null;
  response_body: string | null;
  document_line: number | null;
  document_column: number | null;
}

export interface Recording {
  sid: string;
  call_sid: string;
  conference_sid: string | null;
  account_sid: string;
  duration: string | null;
  channels: number;
  source: string;
  status: string;
  start_time: string | null;
  date_created: string;
}

export interface Page<T> {
  records: T[];
  next: string | null;
}

/** Any record of a resource whose fields come from the OpenAPI document. */
export type Resource = Record<string, unknown> & { sid: string };

export const LIVE_STATUSES: ReadonlySet<string> = new Set(["queued", "initiated", "ringing", "in-progress"]);

export function isLive(call: Call): boolean {
  return LIVE_STATUSES.has(call.status);
}

export interface Conference {
  sid: string;
  friendly_name: string;
  status: string;
  date_created: string;
  date_updated: string | null;
  reason_conference_ended: string | null;
  call_sid_ending_conference: string | null;
}

export interface Participant {
  call_sid: string;
  label: string | null;
  status: string;
  muted: boolean;
  hold: boolean;
  coaching: boolean;
  call_sid_to_coach: string | null;
  date_created: string;
}

export interface Queue {
  sid: string;
  friendly_name: string;
  current_size: number;
  max_size: number;
  average_wait_time: number;
}

export interface QueueMember {
  call_sid: string;
  position: number;
  wait_time: number;
  date_enqueued: string;
}
