"""`callapi rcml check FILE|URL|-`: what the server would say of a document, with line and column."""

import argparse
import asyncio
import sys
from pathlib import Path
from typing import Final

from callapi.cli.terminal import Style, Terminal
from callapi.rcml import DocumentError, Finding, Severity, check, document_of
from callapi.webhooks import BadStatus, Fetcher, WebRequest

_ONLY_POST: Final = frozenset({404, 405, 501})
"""What frameworks answer to GET where an application is written for POST, the default of numbers."""


def run(arguments: argparse.Namespace) -> int:
    """Print the findings; 1 if the document cannot run."""
    terminal = Terminal()
    source: str = arguments.source
    try:
        body, content_type = read(source)
    except OSError as error:
        terminal.bad(f"{source}: {error.strerror}")
        return 2
    findings = findings_of(body, content_type, source)
    for finding in findings:
        _print(terminal, source, finding)
    errors = sum(each.severity is Severity.ERROR for each in findings)
    warnings = len(findings) - errors
    if errors:
        terminal.bad(f"{source}: would not run ({_count(errors, 'error')}, {_count(warnings, 'warning')})")
        return 1
    if warnings:
        terminal.doubtful(f"{source}: would run, with {_count(warnings, 'warning')}")
        return 1 if arguments.strict else 0
    terminal.good(f"{source}: would run")
    return 0


def read(source: str) -> tuple[bytes, str]:
    """The document and its content type. Raises OSError, WebhookError."""
    if source == "-":
        return sys.stdin.buffer.read(), "text/xml"
    if source.startswith(("http://", "https://")):
        return asyncio.run(_fetch(source))
    return Path(source).read_bytes(), "text/xml"


async def _fetch(url: str) -> tuple[bytes, str]:
    async with Fetcher() as fetcher:
        try:
            answer = await fetcher.fetch(WebRequest(url, method="GET"))
        except BadStatus as refused:
            if refused.answer is None or refused.answer.status not in _ONLY_POST:
                raise
            answer = await fetcher.fetch(WebRequest(url, method="POST"))
        return answer.body, answer.content_type


def findings_of(body: bytes, content_type: str, url: str) -> list[Finding]:
    """What there is to say of an answer of that type."""
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type in {"text/xml", "application/xml", "text/html"} or body.lstrip().startswith(b"<"):
        return check(body, content_type)
    try:
        document_of(body, content_type, url)
    except DocumentError as error:
        return [Finding(error.code, error.message, error.line, error.column, Severity.ERROR)]
    return []


def _print(terminal: Terminal, source: str, finding: Finding) -> None:
    style = Style.RED if finding.severity is Severity.ERROR else Style.YELLOW
    place = f"{source}:{finding.line}:{finding.column}:" if finding.line else f"{source}:"
    kind = terminal.styled(f"{finding.severity} {finding.code}", style)
    terminal.say(f"{terminal.styled(place, Style.BOLD)} {kind}: {finding.message}")


def _count(number: int, word: str) -> str:
    return f"{number} {word}{'' if number == 1 else 's'}"
