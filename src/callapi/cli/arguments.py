"""The arguments of every command; the commands themselves are imported only when they are run."""

import argparse
from pathlib import Path
from typing import Any, Final

from callapi import __version__

Commands = Any
"""What `add_subparsers` gives: argparse has no public name for it."""
LOG_LEVELS: Final = ("debug", "info", "warning", "error")
_DESCRIPTION: Final = "A self-hosted programmable-voice server: SIP in, RCML decides, real audio."


def parser() -> argparse.ArgumentParser:
    """Everything that `callapi` understands."""
    top = argparse.ArgumentParser(prog="callapi", description=_DESCRIPTION)
    top.add_argument("--version", action="version", version=f"callapi {__version__}")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for add in (_serve, _demo, _phone, _rcml, _doctor, _nodes, _drain, _calls, _trace, _explain, _simulate):
        add(commands)
    return top


def _with_log_level(this: argparse.ArgumentParser, default: str | None) -> None:
    text = default or "log.level of the configuration"
    this.add_argument("--log-level", choices=LOG_LEVELS, default=default, help=f"default: {text}")


def _with_config(this: argparse.ArgumentParser) -> None:
    this.add_argument(
        "--config", type=Path, metavar="TOML", help="default: the built-in settings and CALLAPI_…"
    )


def _serve(commands: Commands) -> None:
    this = commands.add_parser("serve", help="run one node in the foreground")
    _with_config(this)
    _with_log_level(this, None)


def _demo(commands: Commands) -> None:
    this = commands.add_parser("demo", help="a node, an application, two phones and a real call between them")
    how = this.add_mutually_exclusive_group()
    how.add_argument("--once", action="store_true", help="leave after the call; status 0 if it worked")
    how.add_argument("--stay", action="store_true", help="keep the node up afterwards (default)")
    this.add_argument(
        "--agent",
        action="store_true",
        help="an agent to talk with instead, by ConversationRelay; needs no key",
    )
    this.add_argument(
        "--data-dir", type=Path, metavar="DIR", help="default: data; with --once one that is thrown away"
    )
    _with_log_level(this, "warning")


def _phone(commands: Commands) -> None:
    this = commands.add_parser("phone", help="a scripted softphone for trying things")
    this.add_argument(
        "uri", nargs="?", metavar="SIP-URI", help="the address to call; without it the phone waits for calls"
    )
    this.add_argument("--name", default="phone", help="the user part of its own address (default: phone)")
    this.add_argument(
        "--listen", metavar="HOST[:PORT]", default="127.0.0.1", help="its own address (127.0.0.1)"
    )
    this.add_argument("--transport", choices=("udp", "tcp"), default="udp")
    this.add_argument("--register", metavar="SIP-URI", help="the registrar, such as sip:127.0.0.1:5060")
    this.add_argument("--username", default="", help="for digest authentication (default: --name)")
    this.add_argument("--password", default="", help="for digest authentication")
    this.add_argument(
        "--header", action="append", default=[], metavar="NAME:VALUE", help="of the INVITE; repeatable"
    )
    this.add_argument(
        "--answer-after", type=float, default=1.0, metavar="S", help="ring so long (default: 1)"
    )
    this.add_argument("--refuse", type=int, metavar="CODE", help="refuse calls with this code, such as 486")
    this.add_argument(
        "--hang-up-after", type=float, metavar="S", help="seconds of talk; default: the other side's turn"
    )
    this.add_argument("--digits", default="", help="keys to press once it is answered; w waits half a second")
    this.add_argument(
        "--codecs", metavar="LIST", help="those it knows, the best liked first: PCMU,PCMA,G722,opus (default)"
    )
    this.add_argument("--play", type=Path, metavar="WAV", help="what to say")
    this.add_argument("--tone", type=float, metavar="HZ", help="say a tone, over and over")
    this.add_argument("--record", type=Path, metavar="WAV", help="where to keep what is heard")
    this.add_argument(
        "--calls", type=int, default=0, metavar="N", help="leave after N calls came in (0: never)"
    )
    this.add_argument("--messages", action="store_true", help="print every SIP message whole")
    _with_log_level(this, "warning")


def _rcml(commands: Commands) -> None:
    top = commands.add_parser("rcml", help="look at RCML documents")
    verbs = top.add_subparsers(dest="verb", metavar="VERB", required=True)
    this = verbs.add_parser("check", help="say what the server would say of a document")
    this.add_argument("source", metavar="FILE|URL", help="a file, an http(s) URL, or - for standard input")
    this.add_argument("--strict", action="store_true", help="let warnings count as errors")


def _calls(commands: Commands) -> None:
    this = commands.add_parser("calls", help="live and past calls")
    _with_config(this)
    this.add_argument("--live", action="store_true", help="only those that are up")
    this.add_argument("--status", help="in this state, such as failed or in-progress")
    this.add_argument("--from", dest="from_", metavar="PARTY", help="from this number or SIP URI")
    this.add_argument("--to", metavar="PARTY", help="to this number or SIP URI")
    this.add_argument("--find", metavar="TEXT", help="with this sid, From, To or SIP Call-ID")
    this.add_argument("--since", metavar="WHEN", help="started then or later: 2026-11-17, or an instant")
    this.add_argument("--until", metavar="WHEN", help="started then or earlier")
    this.add_argument("--code", type=int, metavar="SIP", help="ended with this SIP status, such as 486")
    this.add_argument("--longer", type=int, metavar="S", help="of so many seconds or more")
    this.add_argument("--parent", metavar="SID", help="dialled by this call")
    this.add_argument("--node", metavar="NAME", help="of this node")
    this.add_argument("--limit", type=int, default=50, metavar="N", help="so many at most (default: 50)")
    this.add_argument("--json", action="store_true", help="as REST shows them")


def _trace(commands: Commands) -> None:
    this = commands.add_parser("trace", help="the ladder of a call")
    _with_config(this)
    this.add_argument("sid", metavar="CALL_SID")
    this.add_argument("--follow", action="store_true", help="go on until the call is over")
    this.add_argument(
        "--pcap", type=Path, metavar="FILE", help="write its SIP messages there; with --follow, at its end"
    )


def _explain(commands: Commands) -> None:
    this = commands.add_parser("explain", help="which rule would take or refuse an INVITE; no call is made")
    _with_config(this)
    this.add_argument("file", nargs="?", type=Path, metavar="FILE", help="an INVITE as it was on the wire")
    this.add_argument("--from", dest="from_", default="anonymous", metavar="PARTY", help="who calls")
    this.add_argument("--to", metavar="NUMBER", help="the number, SIP user or URI that is called")
    this.add_argument("--source", metavar="ADDRESS", help="where it comes from (default: 127.0.0.1)")
    this.add_argument(
        "--fetch", action="store_true", help="ask the application for the document, and check what it answers"
    )


def _simulate(commands: Commands) -> None:
    this = commands.add_parser("simulate", help="play a call against an application, in virtual time")
    this.add_argument("url", metavar="URL", help="what is asked for the call's first document")
    this.add_argument(
        "script", nargs="?", type=Path, metavar="SCRIPT", help="a step a line; - reads standard input"
    )
    this.add_argument("--step", action="append", default=[], metavar="STEP", help="one more step; repeatable")
    this.add_argument("--from", dest="from_", default="+15550100", metavar="PARTY", help="who calls")
    this.add_argument("--to", default="+15550199", metavar="PARTY", help="who is called")
    this.add_argument("--method", choices=("GET", "POST"), default="POST", help="of the first request")
    this.add_argument(
        "--token", default="", metavar="TOKEN", help="the auth token that requests are signed with"
    )


def _doctor(commands: Commands) -> None:
    this = commands.add_parser("doctor", help="is everything here that a node needs? A verdict per line")
    _with_config(this)
    _with_log_level(this, "error")


def _nodes(commands: Commands) -> None:
    this = commands.add_parser("nodes", help="the nodes on a database: state, calls, addresses")
    _with_config(this)
    this.add_argument("--json", action="store_true", help="one JSON object a line")
    _with_log_level(this, "error")


def _drain(commands: Commands) -> None:
    this = commands.add_parser(
        "drain", help="let a node take no new calls, and wait until its calls are over"
    )
    this.add_argument("node", metavar="NODE", help="its node.name")
    this.add_argument("--undo", action="store_true", help="let it take calls again")
    this.add_argument("--no-wait", action="store_true", help="return at once")
    this.add_argument(
        "--timeout",
        type=float,
        default=0,
        metavar="S",
        help="wait no longer than this; status 1 then (0: without a limit)",
    )
    _with_config(this)
    _with_log_level(this, "error")
