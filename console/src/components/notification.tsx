/** One notification: what happened, what to do, the request and its answer. */

import type { JSX } from "preact";
import { fullMoment } from "../format";
import type { Notification } from "../types";

export function NotificationCard({ notification }: { notification: Notification }): JSX.Element {
  const { request_url: url, response_status: status } = notification;
  const isError = notification.log === "0";
  return (
    <article class="notification">
      <div class="notification-head">
        <span class={`badge ${isError ? "is-bad" : "is-warn"}`}>
          {isError ? "Error" : "Warning"} {notification.error_code}
        </span>
        <time class="soft">{fullMoment(notification.message_date)}</time>
      </div>
      <p>{notification.message_text}</p>
      {notification.document_line ? (
        <p class="soft">
          Line {notification.document_line}, column {notification.document_column ?? 1} of the document
        </p>
      ) : null}
      {notification.more_info ? (
        <a href={notification.more_info} target="_blank" rel="noreferrer">
          What {notification.error_code} means, and what to do
        </a>
      ) : null}
      {url ? (
        <details>
          <summary>
            {notification.request_method} {url} {status ? `→ ${status}` : "→ no answer"}
          </summary>
          <div class="stack">
            {notification.request_variables ? <pre class="text">{notification.request_variables.replaceAll("&", "\n")}</pre> : null}
            {notification.response_headers ? <pre class="text">{notification.response_headers}</pre> : null}
            {notification.response_body ? <pre class="text">{notification.response_body}</pre> : null}
          </div>
        </details>
      ) : null}
    </article>
  );
}
