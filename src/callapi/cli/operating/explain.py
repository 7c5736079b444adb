"""`callapi explain`: who would admit an INVITE, what would answer it, and why it would be refused. No call is made.

With `--fetch` the application is asked for the document too, with the parameters of a call whose sid is all zeros."""

import argparse
import asyncio
from ipaddress import ip_address
from pathlib import Path
from typing import Final, Literal

from callapi.adapters.explanation import Enquiry, Finding, explain
from callapi.base.api_version import API_VERSION
from callapi.base.errors import CallApiError
from callapi.base.settings import Settings
from callapi.calls.arriving.inbound import Route, TrustedNetworks
from callapi.calls.parties import party_name
from callapi.cli.operating.nodes import settings_of
from callapi.cli.rcml import findings_of
from callapi.cli.terminal import Terminal
from callapi.node.options import domain
from callapi.rcml import Severity
from callapi.sip import Hop, ParseError, Request, Transport, parse_message
from callapi.store import Store
from callapi.webhooks import Fetcher, FetchOptions, WebhookError, WebRequest

_PORT: Final = 5060
NO_CALL: Final = "CA" + "0" * 32
"""The `CallSid` of a request that is made for no call."""


class ExplainError(CallApiError):
    """The arguments do not describe an INVITE."""


def run(arguments: argparse.Namespace) -> int:
    """Print the steps; 0 if the call would be taken, 1 if it would be refused."""
    settings = settings_of(arguments.config)
    _require_database(settings)
    enquiry = enquiry_of(arguments, settings)
    findings, token = asyncio.run(_explained(settings, enquiry))
    terminal = Terminal()
    for each in findings:
        (terminal.good if each.is_good else terminal.bad)(each.text)
    is_taken = all(each.is_good for each in findings)
    route = next((each.route for each in findings if each.route is not None), None)
    if arguments.fetch and is_taken and route is not None:
        is_taken = asyncio.run(_fetched(terminal, settings, enquiry, route, token))
    return 0 if is_taken else 1


def _require_database(settings: Settings) -> None:
    """A question must not make the database that it asks. Raises ExplainError."""
    scheme, _, path = settings.database_url().partition(":///")
    if scheme.startswith("sqlite") and not Path(path).is_file():
        raise ExplainError(
            f"{path} is not there: start the node once, or name its configuration with --config"
        )


async def _explained(settings: Settings, enquiry: Enquiry) -> tuple[list[Finding], str]:
    """The steps, and the token that requests of the number's account are signed with."""
    async with Store.open(settings.database_url()) as store:
        trusted = TrustedNetworks(settings.sip.trusted_networks)
        findings = await explain(store, trusted, domain(settings), enquiry)
        route = next((each.route for each in findings if each.route is not None), None)
        account = await store.accounts.by_sid(route.account_sid) if route is not None else None
        return findings, account.auth_token if account is not None else ""


async def _fetched(
    terminal: Terminal, settings: Settings, enquiry: Enquiry, route: Route, token: str
) -> bool:
    """Ask the application as for a call, and say what the node would; whether the document would run."""
    document, request = route.document, enquiry.request
    parameters = (
        ("CallSid", NO_CALL),
        ("AccountSid", route.account_sid),
        ("From", party_name(enquiry.remote_uri.uri)),
        ("To", party_name(request.uri)),
        ("CallStatus", "ringing"),
        ("ApiVersion", API_VERSION),
        ("Direction", "inbound"),
    )
    webhooks = settings.webhooks
    options = FetchOptions(
        timeout_s=webhooks.timeout_s, allow_private_networks=webhooks.allow_private_networks
    )
    method: Literal["GET", "POST"] = "GET" if document.method == "GET" else "POST"
    try:
        async with Fetcher(options) as fetcher:
            answer = await fetcher.fetch(WebRequest(document.url, method, parameters, token))
    except WebhookError as error:
        terminal.bad(f"{error}")
        return False
    problems = findings_of(answer.body, answer.content_type, answer.url)
    for each in problems:
        place = f"line {each.line}, column {each.column}: " if each.line else ""
        show = terminal.bad if each.severity is Severity.ERROR else terminal.doubtful
        show(f"{place}{each.code} {each.message}")
    if any(each.severity is Severity.ERROR for each in problems):
        return False
    terminal.good(f"{answer.url} answered {answer.status}: the document would run")
    return True


def enquiry_of(arguments: argparse.Namespace, settings: Settings) -> Enquiry:
    """The INVITE of a file, or one made of `--from`, `--to` and `--source`. Raises ExplainError."""
    source = arguments.source or "127.0.0.1"
    try:
        host, port = _split(source)
        ip_address(host)
    except ValueError as error:
        raise ExplainError(f"--source {source} must be an IP address, with or without a port") from error
    if arguments.file is not None:
        if not arguments.file.is_file():
            raise ExplainError(
                f"{arguments.file} is not a file; a number or a URI that is called is --to {arguments.file}"
            )
        content = arguments.file.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    elif arguments.to is not None:
        content = _invite(arguments.from_, arguments.to, domain(settings))
    else:
        raise ExplainError("name a file with an INVITE, or --to (and --from, --source)")
    try:
        message = parse_message(content)
    except ParseError as error:
        raise ExplainError(f"that is not a SIP message: {error}") from error
    if not isinstance(message, Request) or message.method != "INVITE":
        raise ExplainError("that is not an INVITE")
    return Enquiry(message, Hop(Transport.UDP, host, port))


def _invite(from_: str, to: str, realm: str) -> bytes:
    lines = (
        f"INVITE {_uri(to, realm)} SIP/2.0",
        "Via: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bKexplain",
        f"From: <{_uri(from_, realm)}>;tag=explain",
        f"To: <{_uri(to, realm)}>",
        "Call-ID: explain",
        "CSeq: 1 INVITE",
        "Max-Forwards: 70",
        "Content-Length: 0",
    )
    return "\r\n".join((*lines, "", "")).encode()


def _uri(text: str, realm: str) -> str:
    return text if text.lower().startswith(("sip:", "sips:", "tel:")) else f"sip:{text}@{realm}"


def _split(source: str) -> tuple[str, int]:
    if source.startswith("["):
        host, _, port = source[1:].partition("]")
        return host, int(port.removeprefix(":") or _PORT)
    host, _, port = source.partition(":") if source.count(":") == 1 else (source, "", "")
    return host, int(port or _PORT)
