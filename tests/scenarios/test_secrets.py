"""Secrets stay where they belong: not in logs, not in what a call's events and notifications show."""

import json
import re
from pathlib import Path

from tests.scenarios.harness.application import Application, response
from tests.scenarios.harness.node import PROGRAM, Node
from tests.scenarios.harness.ports import free_port
from tests.scenarios.harness.process import ManagedProcess
from tests.scenarios.harness.raw_phone import RawPhone, sdp
from tests.scenarios.harness.waiting import eventually

SIP_PASSWORD = "trunk-Pa55word"
CLIENT_PASSWORD = "client-Pa55word"
URL_PASSWORD = "hook-Pa55word"
CHALLENGE = 'Digest realm="peer", nonce="abc123", algorithm=MD5, qop="auth"'


class _Talkative(Node):
    """A node that logs all it can."""

    def _new_process(self) -> ManagedProcess:
        environ = {"CALLAPI_ACCOUNT_SID": self.account_sid, "CALLAPI_AUTH_TOKEN": self.auth_token}
        arguments = [str(PROGRAM), "serve", "--config", str(self.config), "--log-level", "debug"]
        return ManagedProcess("callapi", arguments, self.folder / "node.log", environ)


async def test_no_secret_is_shown(application: Application, tmp_path: Path) -> None:
    """A call with digest on its way out, credentials in URLs that fail, a client with a password."""
    webhook = application.webhook(tmp_path.name)
    dead = f"http://hook:{URL_PASSWORD}@127.0.0.1:{free_port()}"
    numbers = [
        {"number": "1", "voice_url": webhook.url("voice"), "status_callback": f"{dead}/ended"},
        {"number": "2", "voice_url": f"{dead}/voice", "voice_fallback_url": f"{dead}/fallback"},
    ]
    settings = {"node": {"drain_timeout_s": 0}}
    async with (
        _Talkative(tmp_path, numbers=numbers, settings=settings) as node,
        RawPhone("alice") as alice,
        RawPhone("bob") as bob,
    ):
        status, _ = await node.rest("POST", "Clients.json", Login="carol", Password=CLIENT_PASSWORD)
        assert status == 201
        webhook["voice"] = response(
            f'<Dial><Sip username="us" password="{SIP_PASSWORD}">{bob.uri}</Sip></Dial>'
        )
        call = alice.invite(node.uri("1"), node.sip_address, body=sdp())
        callee = await bob.next_call()
        callee.refuse(407, [("Proxy-Authenticate", CHALLENGE)])
        await callee.gets("ACK")
        await eventually("an INVITE with credentials", lambda: callee.count("INVITE") > 1)
        again = [each for each in callee.received if each.method == "INVITE"][-1]
        digest = again["Proxy-Authorization"] or ""
        (answer_to_challenge,) = re.findall(r'response="([0-9a-f]+)"', digest)
        callee.respond(again, 200, body=sdp())
        await call.gets("INVITE", 200)
        call.request("ACK")
        call.request("BYE")
        await call.gets("BYE", 200)
        failed = alice.invite(node.uri("2"), node.sip_address, body=sdp())
        await eventually("its end", lambda: failed.final_status)
        reported = await _everything(node)
        assert "Proxy-Authorization: (withheld)" in reported["events"]
        assert "voice" in reported["notifications"]
    reported["log"] = node.process.log.read_text(encoding="utf-8")
    secrets = [node.auth_token, SIP_PASSWORD, CLIENT_PASSWORD, URL_PASSWORD, answer_to_challenge]
    found = [(place, secret) for place, text in reported.items() for secret in secrets if secret in text]
    assert not found


async def _everything(node: Node) -> dict[str, str]:
    """What REST shows of calls and what went wrong with them."""
    calls = await node.calls()
    events = []
    for each in calls:
        await node.final(each["sid"])
        status, page = await node.rest("GET", f"Calls/{each['sid']}/Events.json", PageSize="1000")
        assert status == 200, page
        events.append(page)
    _, notifications = await node.rest("GET", "Notifications.json", PageSize="200")
    details = [
        (await node.rest("GET", f"Notifications/{each['sid']}.json"))[1]
        for each in notifications["notifications"]
    ]
    return {
        "calls": json.dumps(await node.calls()),
        "events": json.dumps(events),
        "notifications": json.dumps([notifications, details]),
    }
