"""Kamailio as a proxy on the way: it record-routes, challenges, forks side by side and one after the other.

What it does with a call is said by the user of the Request-URI: `+...` and `guarded...` are challenged, each request of
the dialog too (but PRACK, which Kamailio lets pass); `strict...` gets a Record-Route without `lr` (RFC 2543). Where a
user is, `Proxy.put` says: contacts of one `q` ring side by side, others one after the other.
"""

import asyncio
import socket
from pathlib import Path
from typing import Self

from tests.scenarios.harness.ports import free_port
from tests.scenarios.harness.process import ManagedProcess
from tests.scenarios.harness.raw_phone import RawPhone
from tests.scenarios.harness.service import KAMAILIO
from tests.scenarios.harness.waiting import eventually

USER, PASSWORD = "callapi", "the proxy's password"
_CONFIGURATION = """\
#!KAMAILIO
debug=2
log_stderror=yes
fork=yes
children=2
tcp_children=2
auto_aliases=no
listen=udp:127.0.0.1:{port}
listen=tcp:127.0.0.1:{port}
server_header="Server: Kamailio"
loadmodule "tm.so"
loadmodule "tmx.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "auth.so"
modparam("tm", "contacts_avp", "tm_contacts")
modparam("tm", "contact_flows_avp", "tm_contact_flows")
modparam("usrloc", "db_mode", 0)
modparam("auth", "one_time_nonce", 1)
modparam("auth", "qop", "auth")

request_route {{
    if (!mf_process_maxfwd_header("10")) {{ sl_send_reply("483", "Too Many Hops"); exit; }}
    if (is_method("CANCEL")) {{ if (t_check_trans()) t_relay(); exit; }}
    if (has_totag()) {{
        if (loose_route()) {{
            if (!is_method("ACK") && is_direction("downstream") && check_route_param("guarded=yes")) route(CHALLENGE);
            t_relay();
            exit;
        }}
        if (is_method("ACK") && t_check_trans()) t_relay();
        if (!is_method("ACK")) sl_send_reply("404", "Not Here");
        exit;
    }}
    t_check_trans();
    if (is_method("REGISTER")) {{ save("location"); exit; }}
    if ($rU =~ "^(\\\\+|guarded)") route(CHALLENGE);
    if ($rU =~ "^strict") insert_hf("Record-Route: <sip:127.0.0.1:{port}>\\r\\n");
    else record_route();
    if ($rU =~ "^(\\\\+|guarded)") add_rr_param(";guarded=yes");
    if (!lookup("location")) {{ sl_send_reply("404", "Not Found"); exit; }}
    t_load_contacts();
    t_next_contacts();
    t_on_failure("NEXT");
    if (!t_relay()) sl_reply_error();
}}

route[CHALLENGE] {{
    if (!pv_proxy_authenticate("proxy.example", "{password}", "0")) {{
        proxy_challenge("proxy.example", "1");
        exit;
    }}
    consume_credentials();
}}

failure_route[NEXT] {{
    if (t_is_canceled()) exit;
    if (!t_next_contacts()) exit;
    t_on_failure("NEXT");
    t_relay();
}}
"""


class Proxy:
    """`async with Proxy(folder) as proxy`."""

    def __init__(self, folder: Path) -> None:
        assert KAMAILIO is not None
        self.port = free_port()
        runtime = folder / "run"
        runtime.mkdir()
        configuration = folder / "kamailio.cfg"
        configuration.write_text(_CONFIGURATION.format(port=self.port, password=PASSWORD), encoding="ascii")
        arguments = [
            KAMAILIO,
            "-DD",
            "-E",
            "-f",
            str(configuration),
            "-m",
            "64",
            "-M",
            "8",
            "-Y",
            str(runtime),
        ]
        self.process = ManagedProcess("kamailio", arguments, folder / "kamailio.log")

    async def __aenter__(self) -> Self:
        await self.process.start()
        await eventually("Kamailio to listen", self._listens, 20)
        return self

    def _listens(self) -> bool:
        if self.process.returncode is not None:
            raise self.process.failure("ended")
        with socket.socket() as probe:
            return probe.connect_ex(self.address) == 0

    async def __aexit__(self, *_: object) -> None:
        await self.process.stop()

    @property
    def address(self) -> tuple[str, int]:
        """Where it listens, for UDP and TCP."""
        return "127.0.0.1", self.port

    def uri(self, user: str, *, transport: str = "udp") -> str:
        """The SIP URI of a user here."""
        suffix = "" if transport == "udp" else f";transport={transport}"
        return f"sip:{user}@127.0.0.1:{self.port}{suffix}"

    async def put(self, user: str, *contacts: str, serial: bool = False) -> None:
        """Say where `user` is; several contacts are rung at once, or with `serial` one after the other."""
        async with RawPhone("registrant") as phone, asyncio.timeout(5):
            steps = (1 - number * 0.1 if serial else 1.0 for number in range(len(contacts)))
            lines = [
                f"REGISTER sip:127.0.0.1:{self.port} SIP/2.0",
                f"Via: SIP/2.0/UDP {phone.here};branch=z9hG4bK{user}",
                f"From: <{self.uri(user)}>;tag=1",
                f"To: <{self.uri(user)}>",
                f"Call-ID: {phone.port}-{user}",
                "CSeq: 1 REGISTER",
                *(f"Contact: <{uri}>;q={q:.1f};expires=600" for uri, q in zip(contacts, steps, strict=False)),
                "Content-Length: 0",
            ]
            phone.send("\r\n".join([*lines, "", ""]), self.address)
            await eventually("the registration", lambda: any(each[2].status for each in phone.seen), 4)
            answer = phone.seen[-1][2]
            assert answer.status == 200, answer.start
