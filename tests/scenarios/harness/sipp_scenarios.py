"""SIPp scenarios, written out from a few phrases: who answers how, who calls, who hangs up.

`[media_port]` is whatever `-mp` says; nothing here opens it unless SIPp is asked to echo or stream.
"""

from collections.abc import Sequence
from xml.sax.saxutils import quoteattr

Header = tuple[str, str]

_SDP = """\
v=0
o=sipp 53655765 2353687637 IN IP[local_ip_type] [local_ip]
s=-
c=IN IP[media_ip_type] [media_ip]
t=0 0
m=audio {port} RTP/AVP {formats}
{maps}
a=ptime:20
"""
_MAPS = {0: "a=rtpmap:0 PCMU/8000", 8: "a=rtpmap:8 PCMA/8000", 101: "a=rtpmap:101 telephone-event/8000"}
_CONTACT = "Contact: <sip:sipp@[local_ip]:[local_port];transport=[transport]>"
_PARTIES = "[last_Via:]\n[last_Record-Route:]\n"
_PARTIES += "[last_From:]\n[last_To:];tag=[pid]S[call_number]\n[last_Call-ID:]\n[last_CSeq:]"
_REPLY = "[last_Via:]\n[last_From:]\n[last_To:]\n[last_Call-ID:]\n[last_CSeq:]\nContent-Length: 0"
REASONS = {
    180: "Ringing", 183: "Session Progress", 200: "OK", 202: "Accepted", 302: "Moved Temporarily",
    401: "Unauthorized", 403: "Forbidden",
    404: "Not Found", 407: "Proxy Authentication Required", 408: "Request Timeout", 480: "Temporarily Unavailable",
    422: "Session Interval Too Small",
    486: "Busy Here", 487: "Request Terminated", 488: "Not Acceptable Here", 500: "Server Internal Error",
    503: "Service Unavailable", 600: "Busy Everywhere", 603: "Decline",
}  # fmt: skip


def sdp(port: str = "[media_port]", formats: Sequence[int] = (0, 101)) -> str:
    """A description with audio at `port`."""
    maps = "\n".join(_MAPS[each] for each in formats)
    return _SDP.format(port=port, formats=" ".join(map(str, formats)), maps=maps)


def scenario(name: str, *steps: str) -> str:
    """A whole scenario file."""
    head = f'<?xml version="1.0" encoding="ISO-8859-1" ?>\n<scenario name={quoteattr(name)}>\n'
    return head + "\n".join(steps) + "\n</scenario>\n"


def send(text: str, *, retransmit: bool = False, body: str | None = None) -> str:
    """Send a message; with `body` its type and length are added."""
    if body is not None:
        text = f"{text}\nContent-Type: application/sdp\nContent-Length: [len]\n\n{body}"
    timer = ' retrans="500"' if retransmit else ""
    return f"<send{timer}><![CDATA[\n\n{text}\n\n]]></send>"


def receive(
    request: str, *, optional: bool = False, action: str = "", label: str = "", timeout: int = 0
) -> str:
    """Wait for a request."""
    more = (' optional="true"' if optional else "") + (f' next="{label}"' if label else "")
    more += f' timeout="{timeout}"' if timeout else ""
    more += ' rrs="true"' if request == "INVITE" else ""
    return f'<recv request="{request}" crlf="true"{more}>{action}</recv>'


def expect(status: int, *, optional: bool = False, action: str = "", has_contact: bool = False) -> str:
    """Wait for a response; one with a Contact says where the dialog goes on."""
    more = ' optional="true"' if optional else ' rtd="true"'
    more += ' rrs="true"' if has_contact else ""
    return f'<recv response="{status}"{more}>{action}</recv>'


def pause(milliseconds: int) -> str:
    """Do nothing for a while; a message meanwhile is kept."""
    return f'<pause milliseconds="{milliseconds}"/>'


def respond(status: int, headers: Sequence[Header] = (), *, body: str | None = None) -> str:
    """Answer the INVITE."""
    lines = [
        f"SIP/2.0 {status} {REASONS[status]}",
        _PARTIES,
        _CONTACT,
        *(f"{name}: {value}" for name, value in headers),
    ]
    if body is None:
        lines.append("Content-Length: 0")
    return send("\n".join(lines), retransmit=status >= 200, body=body)


def reply() -> str:
    """200 to a request within the dialog."""
    return send(f"SIP/2.0 200 OK\n{_REPLY}")


_NOTE_SDP = (
    '<action><ereg regexp="m=audio ([0-9]+)" search_in="body" assign_to="line,port" check_it="true"/>'
    '<log message="audio [call_id] [$port]"/></action>'
)


def answering(
    headers: Sequence[Header] = (),
    *,
    ring_ms: int = 50,
    ring: bool = True,
    port: str = "[media_port]",
    note: bool = False,
) -> str:
    """Rings, answers, waits for BYE; with `note` the caller's audio port is logged."""
    steps = [receive("INVITE", action=_NOTE_SDP if note else "")]
    if ring:
        steps += [respond(180), pause(ring_ms)]
    steps += [respond(200, headers, body=sdp(port)), receive("ACK"), receive("BYE"), reply()]
    if note:
        steps.append('<Reference variables="line"/>')
    return scenario("answers and waits for BYE", *steps)


def answering_then_hanging_up(after_ms: int, headers: Sequence[Header] = ()) -> str:
    """Answers, talks for `after_ms`, says BYE."""
    parties = (
        '<action><ereg regexp=".*" search_in="hdr" header="From:" assign_to="remote"/>'
        '<ereg regexp=".*" search_in="hdr" header="To:" assign_to="local"/></action>'
    )
    bye = "\n".join(
        [
            "BYE [next_url] SIP/2.0",
            "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]",
            "[routes]",
            "From:[$local];tag=[pid]S[call_number]",
            "To:[$remote]",
            "Call-ID: [call_id]",
            "CSeq: 1 BYE",
            "Max-Forwards: 70",
            "Content-Length: 0",
        ]
    )
    return scenario(
        "answers and hangs up",
        receive("INVITE", action=parties),
        respond(180),
        respond(200, headers, body=sdp()),
        receive("ACK"),
        pause(after_ms),
        send(bye, retransmit=True),
        expect(200),
    )


def referring(to: str) -> str:
    """Answers, asks for a transfer to `to`, answers no NOTIFY, and waits for BYE."""
    parties = (
        '<action><ereg regexp=".*" search_in="hdr" header="From:" assign_to="remote"/>'
        '<ereg regexp=".*" search_in="hdr" header="To:" assign_to="local"/></action>'
    )
    refer = "\n".join(
        [
            "REFER [next_url] SIP/2.0",
            "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]",
            "[routes]",
            "From:[$local];tag=[pid]S[call_number]",
            "To:[$remote]",
            "Call-ID: [call_id]",
            "CSeq: 1 REFER",
            _CONTACT,
            f"Refer-To: <{to}>",
            "Max-Forwards: 70",
            "Content-Length: 0",
        ]
    )
    return scenario(
        "refers",
        receive("INVITE", action=parties),
        respond(180),
        respond(200, body=sdp()),
        receive("ACK"),
        pause(300),
        send(refer, retransmit=True),
        expect(202),
        '<label id="1"/>',
        receive("NOTIFY", optional=True, label="1"),
        receive("BYE"),
        reply(),
    )


def refusing(status: int, headers: Sequence[Header] = (), *, ring: bool = False) -> str:
    """Refuses, perhaps after ringing."""
    steps = [receive("INVITE")]
    if ring:
        steps += [respond(180), pause(200)]
    return scenario(f"refuses with {status}", *steps, respond(status, headers), receive("ACK"))


def ringing_for_ever() -> str:
    """Rings until it is cancelled."""
    cancelled = (
        "SIP/2.0 487 Request Terminated\n[last_Via:]\n[last_From:]\n[last_To:];tag=[pid]S[call_number]\n"
    )
    cancelled += "[last_Call-ID:]\nCSeq: [$sequence] INVITE\nContent-Length: 0"
    keep = '<action><ereg regexp="[0-9]+" search_in="hdr" header="CSeq:" assign_to="sequence"/></action>'
    return scenario(
        "rings until cancelled",
        receive("INVITE", action=keep),
        respond(180),
        receive("CANCEL"),
        reply(),
        send(cancelled, retransmit=True),
        receive("ACK"),
    )


def silent() -> str:
    """Takes the INVITE and never says anything."""
    return scenario("never answers", receive("INVITE"), receive("CANCEL", optional=True), pause(60_000))


_REQUEST = """\
{method} sip:[service]@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];rport;branch=[branch]
From: <sip:{user}@[local_ip]:[local_port]>;tag=[pid]C[call_number]
To: <sip:[service]@[remote_ip]:[remote_port]>{tag}
Call-ID: [call_id]
CSeq: {sequence} {method}
Max-Forwards: 70"""
_IN_DIALOG = _REQUEST.replace("sip:[service]@[remote_ip]:[remote_port] SIP", "[next_url] SIP") + "\n[routes]"


_OF_CLIENT = """\
{method} sip:{target}[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];rport;branch=[branch]
From: <sip:{login}@[remote_ip]:[remote_port]>;tag=[pid]C[call_number]
To: <sip:{to}@[remote_ip]:[remote_port]>
Call-ID: [call_id]
CSeq: {sequence} {method}
Max-Forwards: 70"""


def client(login: str, password: str) -> str:
    """Registers and calls [service] as a client, with the answer to each challenge, and gets 486."""
    answer = f"[authentication username={login} password={password}]"

    def ask(method: str, sequence: int, *more: str) -> str:
        target, to = ("", login) if method == "REGISTER" else ("[service]@", "[service]")
        head = _OF_CLIENT.format(method=method, sequence=sequence, login=login, target=target, to=to)
        lines = [head, _CONTACT, *more]
        if method == "INVITE":
            return send("\n".join(lines), retransmit=True, body=sdp())
        return send("\n".join([*lines, "Content-Length: 0"]), retransmit=method != "ACK")

    def challenge(status: int) -> str:
        return f'<recv response="{status}" auth="true"/>'

    return scenario(
        "registers and calls",
        ask("REGISTER", 1),
        challenge(401),
        ask("REGISTER", 2, answer),
        expect(200),
        ask("INVITE", 3),
        expect(100, optional=True),
        challenge(407),
        ask("ACK", 3),
        ask("INVITE", 4, answer),
        expect(100, optional=True),
        expect(180, optional=True),
        expect(486),
        ask("ACK", 4),
    )


def calling(
    headers: Sequence[Header] = (),
    *,
    talk_ms: int,
    user: str = "sipp",
    port: str = "[media_port]",
    note: bool = False,
    while_talking: str = "",
    waits_for_bye: bool = False,
) -> str:
    """Calls, talks for `talk_ms`, hangs up (or waits for BYE); with `note` the callee's audio port is logged."""
    invite = _REQUEST.format(method="INVITE", user=user, tag="", sequence=1)
    invite += "\n" + "\n".join([_CONTACT, *(f"{name}: {value}" for name, value in headers)])
    ack = (
        _IN_DIALOG.format(method="ACK", user=user, tag="[peer_tag_param]", sequence=1) + "\nContent-Length: 0"
    )
    bye = (
        _IN_DIALOG.format(method="BYE", user=user, tag="[peer_tag_param]", sequence=2) + "\nContent-Length: 0"
    )
    ending = (
        [receive("BYE"), reply()]
        if waits_for_bye
        else [pause(talk_ms), send(bye, retransmit=True), expect(200)]
    )
    steps = [
        send(invite, retransmit=True, body=sdp(port)),
        expect(100, optional=True),
        expect(180, optional=True),
        expect(183, optional=True),
        expect(200, action=_NOTE_SDP if note else "", has_contact=True),
        send(ack),
        while_talking,
        *ending,
    ]
    if note:
        steps.append('<Reference variables="line"/>')
    return scenario("calls", *[each for each in steps if each])


def streaming(file: str) -> str:
    """Play a WAV of G.711 µ-law, over and over, into the call."""
    return f'<nop><action><exec rtp_stream="{file},-1,0,PCMU/8000"/></action></nop>'
