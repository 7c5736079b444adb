"""Each input of `reports` on the running product."""

import re
from pathlib import Path

import pytest

from tests.scenarios.conftest import Server
from tests.scenarios.harness.application import Answer, Webhook, response
from tests.scenarios.harness.raw_phone import RawCall, RawPhone, sdp, with_body
from tests.scenarios.harness.wire import SipMessage
from tests.scenarios.reports import DOCUMENTS, INVITES, DocumentReport, InviteReport

_COMPACT = {"v": "Via", "f": "From", "t": "To", "i": "Call-ID", "m": "Contact", "l": "Content-Length"}


def _name(line: str) -> str:
    name = line.partition(":")[0].strip().lower()
    return _COMPACT.get(name, name).lower()


def _invite(report: InviteReport, phone: RawPhone, server: Server) -> RawCall:
    host, port = server.node.sip_address
    place = {"node": f"{host}:{port}", "here": phone.here, "number": server.number}
    given = [line.format(**place) if "{" in line else line for line in report.headers]
    lines = [
        f"INVITE {server.uri} SIP/2.0",
        f"Via: SIP/2.0/UDP {phone.here};rport;branch=z9hG4bKreport{server.number}",
        f"From: <sip:report@{phone.here}>;tag=r{server.number}",
        f"To: <{server.uri}>",
        f"Call-ID: report-{server.number}",
        "CSeq: 1 INVITE",
        "Max-Forwards: 70",
        f"Contact: <{phone.uri}>",
    ]
    named = {_name(line) for line in given if not line[0].isspace()}
    lines = [lines[0], *(line for line in lines[1:] if _name(line) not in named), *given]
    body: str | None = sdp()
    if report.sdp is not None:
        media = "".join(line.format(port=phone.port) + "\r\n" for line in report.sdp)
        body = (
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n" + media
            if media
            else None
        )
    text = with_body(lines, body)
    message = SipMessage.read(text)
    call = phone.calls[message["Call-ID"] or ""] = RawCall(
        phone, server.node.sip_address, message, outgoing=True
    )
    phone.send(text, server.node.sip_address)
    return call


@pytest.mark.parametrize("report", INVITES, ids=lambda report: report.report)
async def test_an_invite_of_the_wild(server: Server, webhook: Webhook, report: InviteReport) -> None:
    verb = '<Gather timeout="9"/>' if report.status == 200 else '<Reject reason="busy"/>'
    webhook["voice"] = response(verb)
    async with RawPhone("report") as phone:
        call = _invite(report, phone, server)
        final = await call.gets_final("INVITE")
        assert final.status == report.status, final.start
        said = final.body + "".join(f"{name}: {value}\r\n" for name, value in final.headers)
        assert re.search(report.answer, said), said
        if report.status == 200:
            call.request("ACK", body=sdp() if report.sdp == () else None)
            call.request("BYE")
            assert (await call.gets_final("BYE")).status == 200
    if report.parameters:
        asked = await webhook.next("voice")
        assert {name: asked[name] for name, _ in report.parameters} == dict(report.parameters)


@pytest.mark.parametrize("report", DOCUMENTS, ids=lambda report: report.report)
async def test_a_document_of_the_wild(server: Server, webhook: Webhook, report: DocumentReport) -> None:
    webhook["voice"] = Answer(report.body, content_type=report.content_type, headers=dict(report.headers))
    async with RawPhone("report") as phone:
        call = phone.invite(server.uri, server.node.sip_address, body=sdp())
        assert (await call.gets_final("INVITE")).status == report.status
    sid = (await webhook.next("voice"))["CallSid"]
    _, page = await server.node.rest("GET", f"Calls/{sid}/Notifications.json")
    codes = {each["error_code"] for each in page["notifications"]}
    assert (report.code in codes) if report.code else not codes


def test_every_report_is_in_the_docs() -> None:
    page = (Path(__file__).parents[2] / "docs" / "interoperability.md").read_text(encoding="utf-8")
    for report in (*INVITES, *DOCUMENTS):
        assert f"| {report.report} | {report.sent} | {report.expected} |" in page
