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
    for add in (_serve, _demo, _phone, _rcml, _doctor, _nodes, _drain):
        add(commands)
    return top


def _with_log_level(this: argparse.ArgumentParser, default: str) -> None:
    this.add_argument("--log-level", choices=LOG_LEVELS, default=default, help=f"default: {default}")


def _with_config(this: argparse.ArgumentParser) -> None:
    this.add_argument(
        "--config", type=Path, metavar="TOML", help="default: the built-in settings and CALLAPI_…"
    )


def _serve(commands: Commands) -> None:
    this = commands.add_parser("serve", help="run one node in the foreground")
    _with_config(this)
    _with_log_level(this, "info")


def _demo(commands: Commands) -> None:
    this = commands.add_parser("demo", help="a node, an application, two phones and a real call between them")
    how = this.add_mutually_exclusive_group()
    how.add_argument("--once", action="store_true", help="leave after the call; status 0 if it worked")
    how.add_argument("--stay", action="store_true", help="keep the node up afterwards (default)")
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
        help="wait no longer than this; status 1 then (0: for ever)",
    )
    _with_config(this)
    _with_log_level(this, "error")
