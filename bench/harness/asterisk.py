"""Asterisk with the same work as a markup call of ours: the peer that `bench.calls` measures in the same run.

It is found as `asterisk` on the path, or by the environment's ASTERISK. A call there: INVITE, the document requested
by `CURL`, its `<Sip>` taken out by the dialplan, `Dial`, bridged with the media through Asterisk, and when the caller
hangs up the Dial's action and one status callback requested, and a row written by `cdr_sqlite3_custom`. The caller is
answered when the callee has answered, since `Answer` waits half a second for audio. What our node does beyond that,
Asterisk does not: it signs nothing, and keeps no timeline and no callbacks.
"""

import os
import shutil
from pathlib import Path
from typing import Final

MODULES: Final = (
    "app_dial", "bridge_native_rtp", "bridge_simple", "cdr_sqlite3_custom", "chan_pjsip", "codec_ulaw",
    "func_callerid", "func_curl", "func_cut", "pbx_config", "res_cdrel_custom", "res_curl", "res_geolocation",
    "res_pjproject", "res_pjsip", "res_pjsip_caller_id", "res_pjsip_endpoint_identifier_ip", "res_pjsip_pubsub",
    "res_pjsip_sdp_rtp", "res_pjsip_session", "res_rtp_asterisk", "res_sorcery_astdb", "res_sorcery_config",
    "res_sorcery_memory", "res_statsd", "res_timing_timerfd",
)  # fmt: skip
_FOLDERS: Final = (
    "astetcdir", "astvarlibdir", "astdbdir", "astkeydir", "astdatadir", "astspooldir", "astrundir", "astlogdir",
)  # fmt: skip
_ABOUT: Final = (
    "From=sip:${CALLERID(num)}@127.0.0.1&To=sip:${EXTEN}@127.0.0.1&CallSid=${UNIQUEID}&CallStatus="
)


def program() -> Path | None:
    """Where Asterisk is; None: not installed."""
    found = os.environ.get("ASTERISK") or shutil.which("asterisk")
    return Path(found) if found else None


def modules_of(program: Path) -> Path:
    """The folder of its modules: beside it, or where Debian has it."""
    beside = program.resolve().parent.parent / "lib/asterisk/modules"
    return beside if beside.is_dir() else Path("/usr/lib/asterisk/modules")


def missing_modules(program: Path) -> list[str]:
    """What this Asterisk lacks for the work of a markup call."""
    folder = modules_of(program)
    return [each for each in MODULES if not (folder / f"{each}.so").exists()]


def _extensions(application: int) -> list[str]:
    url = f"http://127.0.0.1:{application}"
    return [
        "[calls]",
        f"exten => _[a-z].,1,Set(document=${{CURL({url}/voice,{_ABOUT}ringing)}})",
        " same => n,Set(sip=${CUT(document,>,4)})",
        " same => n,Set(target=${CUT(sip,<,1)})",
        " same => n,Set(called=${EXTEN})",
        " same => n,Dial(PJSIP/callee/${target},30)",
        f"exten => h,1,Set(document=${{CURL({url}/action,{_ABOUT}completed&DialCallStatus=${{DIALSTATUS}})}})",
        f" same => n,Set(document=${{CURL({url}/status,{_ABOUT}completed&CallDuration=${{ANSWEREDTIME}})}})",
    ]


def configure(program: Path, folder: Path, *, sip: int, http: int, application: int) -> list[str]:
    """Write the configuration into `folder`; the command that serves SIP at `sip`, and is up when `http` answers."""
    folder.mkdir()
    endpoint = [
        "type=endpoint",
        "transport=udp",
        "context=calls",
        "disallow=all",
        "allow=ulaw",
        "direct_media=no",
    ]
    fields = "calldate,clid,src,dst,channel,dstchannel,duration,billsec,disposition,uniqueid"
    values = ", ".join(f"'${{CDR({each})}}'" for each in ["start", *fields.split(",")[1:]])
    files = {
        "asterisk.conf": [
            "[directories]",
            f"astmoddir => {modules_of(program)}",
            *(f"{each} => {folder}" for each in _FOLDERS),
            *("[options]", "maxfiles = 60000"),
        ],
        "modules.conf": ["[modules]", "autoload=no", *(f"load => {each}.so" for each in MODULES)],
        "logger.conf": ["[general]", "[logfiles]", "messages => error"],
        "http.conf": ["[general]", "enabled=yes", "bindaddr=127.0.0.1", f"bindport={http}"],
        "rtp.conf": ["[general]", "rtpstart=30000", "rtpend=39998"],
        "cdr.conf": ["[general]", "enable=yes", "batch=no"],
        "cdr_sqlite3_custom.conf": [
            "[master]",
            "table => cdr",
            f"columns => {fields}",
            f"values => {values}",
        ],
        "pjsip.conf": [
            *("[udp]", "type=transport", "protocol=udp", f"bind=127.0.0.1:{sip}"),
            *("[caller]", *endpoint),
            *("[callers]", "type=identify", "endpoint=caller", "match=127.0.0.1"),
            *("[callee]", *endpoint),
        ],
        "extensions.conf": _extensions(application),
    }
    for name, lines in files.items():
        (folder / name).write_text("\n".join([*lines, ""]))
    return [str(program), "-C", str(folder / "asterisk.conf"), "-f", "-n"]
