"""Inputs out of public reports about other products, each with what is right; docs/interoperability.md lists them.

`INVITES`: header lines in place of those of the same name (compact ones too), and what must come of the call.
"""

from typing import NamedTuple


class InviteReport(NamedTuple):
    """An INVITE that some product could not take."""

    report: str
    sent: str
    expected: str
    headers: tuple[str, ...] = ()
    """Lines; `{node}` is the node's host and port, `{here}` the caller's, `{number}` the number."""
    sdp: tuple[str, ...] | None = None
    """Media lines; None: G.711 as usual; (): no body."""
    status: int = 486
    answer: str = ""
    """A regular expression that the answer's SDP, or a header line of the final response, must match."""
    parameters: tuple[tuple[str, str], ...] = ()
    """Of the voice request."""


class DocumentReport(NamedTuple):
    """An answer of an application that some product could not take."""

    report: str
    sent: str
    expected: str
    body: bytes
    content_type: str = "text/xml"
    headers: tuple[tuple[str, str], ...] = ()
    status: int = 486
    code: str = ""
    """The notification that must be raised; empty: none."""


_INSTANCE = '+sip.instance="<urn:uuid:d8d542fb-570f-44ea-accb-efb8387408e0>"'
_PAI = "P-Asserted-Identity"
_ANONYMOUS = 'From: "Anonymous" <sip:anonymous@anonymous.invalid>;tag=1'
_G711 = ("m=audio {port} RTP/AVP 0 8 101",)

INVITES = (
    InviteReport(
        "emiago/sipgo 251 (AT&T)",
        "a header in folded lines",
        "it is one line",
        ("Subject: one,", "   two,", "\tthree", "X-Folded: a,", "  b"),
        parameters=(("SipHeader_X-Folded", "a, b"),),
    ),
    InviteReport(
        "pjproject 188, siphon-sip 80, sipdroid 617 (Callcentric)",
        "every header in its compact form",
        "as the long ones",
        (
            "v: SIP/2.0/UDP {here};rport;branch=z9hG4bKcompact{number}",
            "f: <sip:compact@{here}>;tag=c{number}",
            "t: <sip:{number}@{node}>",
            "i: compact-{number}",
            "m: <sip:compact@{here}>",
        ),
    ),
    InviteReport(
        "twinkle 225 (sipwitch)",
        "header names in lower case",
        "as in any other",
        ("from: <sip:lower@{here}>;tag=l{number}", "call-id: lower-{number}", "x-order: 7"),
        parameters=(("SipHeader_x-order", "7"),),
    ),
    InviteReport(
        "sngrep 39 (FreeSWITCH)",
        "no space after the colons",
        "it is optional",
        ("From:<sip:tight@{here}>;tag=t{number}", "Max-Forwards:67", "X-Order:7"),
        parameters=(("SipHeader_X-Order", "7"),),
    ),
    InviteReport(
        "OpenSIPS 1386",
        "two P-Asserted-Identity headers, SIP and tel",
        "the number names the anonymous caller",
        (_ANONYMOUS, f'{_PAI}: "9 9" <sip:dr.who@mpbx.example>', f'{_PAI}: "9 9" <tel:+349999999>'),
        parameters=(("From", "+349999999"),),
    ),
    InviteReport(
        "OpenSIPS 1134",
        "two values in one P-Asserted-Identity",
        "the number names the anonymous caller",
        (_ANONYMOUS, f'{_PAI}: "Dr who" <sip:dr.who@siprovider.example>, <tel:+349999999>'),
        parameters=(("From", "+349999999"),),
    ),
    InviteReport(
        "elixir-sippet 35 (3GPP)",
        "tel with phone-context and cpc, two Reason headers",
        "the number of E.164",
        (
            _ANONYMOUS,
            f"{_PAI}: <tel:5554443333;phone-context=+55;cpc=ordinary>",
            "Reason: X.int;reasoncode=0x0000030A;add-info=068C.0001.0001",
            'Reason: SIP;cause=200;text="Rejected"',
        ),
        parameters=(("From", "+555554443333"),),
    ),
    InviteReport(
        "asterisk 1220",
        "originating line information in the user part of From",
        "the number alone",
        ("From: <sip:+15550100;isup-oli=62@{here};user=phone>;tag=o{number}",),
        parameters=(("From", "+15550100"),),
    ),
    InviteReport(
        "linphone-desktop 118 (Fritz!Box)",
        "To without brackets",
        "an addr-spec is an address",
        ("To: sip:{number}@{node}",),
    ),
    InviteReport(
        "SIP.js 419 (Broadsoft)",
        "quotes and base64 in a Contact's parameter",
        "the call goes on",
        ('Contact: <sip:{here};thinfo="VG8+PoIUYHSD/sWAZZw/BCEaSdGA=">',),
    ),
    InviteReport(
        "SIP.js 560",
        "# in the user of a Contact",
        "the call goes on",
        ("Contact: <sip:PBX#1000#90544@{here}>",),
    ),
    InviteReport(
        "JsSIP 66",
        "parameters of the URI after the brackets",
        "they are the header's",
        (f"Contact: <sip:123@{{here}}>;expires=3600;reg-id=1;{_INSTANCE};transport=ws",),
    ),
    InviteReport(
        "linphone-android 1366",
        "an empty parameter in a Contact",
        "it is a parameter without a value",
        (f"Contact: <sip:1826@{{here}};app-id=1088;app-imei=;pn-silent=1>;{_INSTANCE}",),
    ),
    InviteReport(
        "freeswitch 2824",
        "a semicolon in the user of a Contact",
        "RFC 3261 allows it",
        ("Contact: <sip:+358-555-1234567;postd=pp22@{here};user=phone>",),
    ),
    InviteReport(
        "sofia-sip 230",
        "a display name without quotes in To",
        "tokens need none",
        ("To: test of this <sip:{number}@{node}>",),
    ),
    InviteReport(
        "JsSIP 698",
        "a stray colon between two Contacts",
        "the first Contact counts",
        ("Contact: <sip:a@{here}>;expires=390,: <sip:b@{here}>",),
    ),
    InviteReport(
        "siphon-ai 479, siphon-sip 415",
        "Session-Expires below the minimum",
        "422 with Min-SE",
        ("Session-Expires: 30", "Supported: timer"),
        status=422,
        answer=r"Min-SE: \d+",
    ),
    InviteReport(
        "drachtio-server 475",
        "Session-Expires without a refresher",
        "the 200 names one",
        ("Session-Expires: 1800", "Supported: timer"),
        status=200,
        answer=r"Session-Expires: 1800;\s*refresher=ua[cs]",
    ),
    InviteReport(
        "pjproject 2120",
        "Min-SE alone, of an hour",
        "it is respected",
        ("Min-SE: 3600", "Supported: timer"),
        status=200,
    ),
    InviteReport(
        "jambonz/sbc-inbound 179, suitenumerique/meet 934 (Cisco)",
        "no SDP in the INVITE",
        "our offer in the 200",
        sdp=(),
        status=200,
        answer=r"m=audio \d+ RTP/AVP .*\b0\b",
    ),
    InviteReport(
        "rtpengine 2122 (Cisco)",
        "a disabled video line with payload type 255",
        "it is disabled",
        sdp=(*_G711, "m=video 0 RTP/AVP 255"),
        status=200,
        answer=r"m=video 0 ",
    ),
    InviteReport(
        "deepch/vdk 22",
        "PCMA/8000/1 and an empty fmtp",
        "G.711",
        sdp=("m=audio {port} RTP/AVP 8", "a=rtpmap:8 PCMA/8000/1", "a=fmtp:8 "),
        status=200,
        answer=r"m=audio \d+ RTP/AVP 8",
    ),
    InviteReport(
        "rtcninja 35 (Digium's Opus)",
        "a=fmtp with a payload type and nothing else",
        "Opus",
        sdp=("m=audio {port} RTP/AVP 111", "a=rtpmap:111 opus/48000/2", "a=fmtp:111"),
        status=200,
        answer=r"m=audio \d+ RTP/AVP 111",
    ),
    InviteReport(
        "doubango 208",
        "a=tcap, and telephone-event/8000/1",
        "digits as RTP events",
        sdp=(
            "a=tcap:1 RTP/AVPF",
            "m=audio {port} RTP/AVP 0 8 101",
            "a=silenceSupp:off - - - -",
            "a=rtpmap:0 PCMU/8000/1",
            "a=rtpmap:101 telephone-event/8000/1",
            "a=fmtp:101 0-16",
        ),
        status=200,
        answer=r"a=rtpmap:101 telephone-event/8000",
    ),
    InviteReport(
        "media-core 61",
        "two telephone-events, codec names in lower case",
        "one of them",
        sdp=(
            "m=audio {port} RTP/AVP 8 0 101 126",
            "a=rtpmap:0 pcmu/8000",
            "a=rtpmap:101 telephone-event/8000",
            "a=rtpmap:8 pcma/8000",
            "a=rtpmap:126 telephone-event/8000",
        ),
        status=200,
        answer=r"a=rtpmap:(101|126) telephone-event/8000",
    ),
    InviteReport(
        "rtpengine 2044, pjproject 2088",
        "telephone-event at two clock rates",
        "the one of the codec",
        sdp=(
            "m=audio {port} RTP/AVP 8 96 97 101",
            "a=rtpmap:8 PCMA/8000",
            "a=rtpmap:96 opus/48000/2",
            "a=rtpmap:97 telephone-event/48000",
            "a=rtpmap:101 telephone-event/8000",
        ),
        status=200,
        answer=r"(a=rtpmap:101 telephone-event/8000|a=rtpmap:97 telephone-event/48000)",
    ),
    InviteReport(
        "sipcmd 52 (Fritz!OS)",
        "G722/8000/1 before codecs that are not known",
        "G.722",
        sdp=(
            "m=audio {port} RTP/AVP 9 117 118 120",
            "a=rtpmap:9 G722/8000/1",
            "a=rtpmap:117 G7221/16000/1",
            "a=fmtp:117 bitrate=24000",
            "a=rtpmap:120 AMR-WB/16000/1",
            "a=maxptime:20",
        ),
        status=200,
        answer=r"m=audio \d+ RTP/AVP 9",
    ),
    InviteReport(
        "ha-plugins 161 (PJSIP)",
        "16 lines of candidates, X-nat, TIAS, an rtcp port of its own",
        "what is known of it",
        sdp=(
            "b=AS:117",
            "a=X-nat:0",
            "m=audio {port} RTP/AVP 96 3 0 8 120 121",
            "b=TIAS:96000",
            "a=rtcp:4018 IN IP4 127.0.0.1",
            "a=rtpmap:96 speex/16000",
            "a=rtpmap:120 telephone-event/16000",
            "a=rtpmap:121 telephone-event/8000",
            "a=fmtp:121 0-16",
            "a=ssrc:445830440 cname:636cc9b769df6901",
            *(
                f"a=candidate:H{number} 1 UDP 2130706431 10.0.0.{number} 4027 typ host"
                for number in range(1, 9)
            ),
        ),
        status=200,
        answer=r"m=audio \d+ RTP/AVP 0",
    ),
    InviteReport(
        "captagent 4 (Cisco 7960, 7965)",
        "c= after the m= line, codecs that are not known",
        "G.711",
        sdp=(
            "m=audio {port} RTP/AVP 18 116 0 8 101",
            "c=IN IP4 127.0.0.1",
            "a=rtpmap:18 G729/8000",
            "a=fmtp:18 annexb=no",
            "a=rtpmap:116 iLBC/8000",
            "a=fmtp:116 mode=20",
            "a=rtpmap:101 telephone-event/8000",
            "a=sendrecv",
        ),
        status=200,
        answer=r"m=audio \d+ RTP/AVP 0 101",
    ),
    InviteReport(
        "mrcp_server 32 (Cisco UCCX)",
        "a line of TCP/MRCPv2, recvonly, a quoted parameter of Call-Info",
        "audio is sent, the other line refused",
        ('Call-Info: <sip:{here}>;method="NOTIFY;Event=telephone-event;Duration=2000"',),
        sdp=(
            "m=audio {port} RTP/AVP 0 96",
            "a=rtpmap:0 pcmu/8000",
            "a=rtpmap:96 telephone-event/8000",
            "a=recvonly",
            "a=mid:1",
            "m=application 9 TCP/MRCPv2",
            "a=setup:active",
            "a=connection:new",
            "a=resource:speechsynth",
        ),
        status=200,
        answer=r"m=audio \d+ RTP/AVP 0 96(?s:.*)a=sendonly(?s:.*)m=application 0 ",
    ),
    InviteReport(
        "rtpengine 702 (Lync, Skype for Business)",
        "an INVITE that is on hold from the beginning (0.0.0.0)",
        "answered, and a re-INVITE may follow",
        sdp=("m=audio 1024 RTP/AVP 0 18 101", "c=IN IP4 0.0.0.0", "a=rtpmap:101 telephone-event/8000"),
        status=200,
        answer=r"m=audio [1-9]\d* RTP/AVP 0",
    ),
    InviteReport(
        "livekit/sip 779 (carriers' SBCs)",
        "a=sendonly",
        "recvonly",
        sdp=(*_G711, "a=sendonly"),
        status=200,
        answer=r"a=recvonly",
    ),
    InviteReport(
        "media-core 435 (PhonerLite)",
        "a=ssrc without an attribute",
        "it says nothing",
        sdp=(*_G711, "a=ssrc:1308456296"),
        status=200,
        answer=r"m=audio \d+ RTP/AVP 0",
    ),
    InviteReport(
        "freeswitch 2812 (Huawei ATS9900)",
        "AMR first, events at 16000 Hz before those at 8000, CN",
        "G.711 with the events of its clock",
        sdp=(
            "m=audio {port} RTP/AVP 102 103 0 8 104 105 101 13",
            "a=rtpmap:102 AMR-WB/16000",
            "a=fmtp:102 octet-align=0; mode-set=0,1,2; max-red=0; mode-change-capability=2",
            "a=rtpmap:103 AMR/8000",
            "a=rtpmap:104 telephone-event/16000",
            "a=rtpmap:105 CN/16000",
            "a=rtpmap:101 telephone-event/8000",
            "a=rtpmap:13 CN/8000",
        ),
        status=200,
        answer=r"m=audio \d+ RTP/AVP 0 101\s",
    ),
    InviteReport(
        "go-b2bua 7 (Linphone)",
        "a GRUU of a urn in the Contact, a list in quotes after it",
        "the call goes on",
        (
            'Contact: <sip:kin@{here};gr=urn:uuid:3bc8f96e-2c58-00b7-9fb0-dcd5>;+org.linphone.specs="a/1.1,lime"',
        ),
    ),
    InviteReport(
        "home-assistant/core 92285 (Polycom VVX)",
        "To without a user, a port and brackets",
        "the Request-URI says who is called",
        ("To: sip:127.0.0.1",),
    ),
    InviteReport(
        "linphone-sdk 538 (Hikvision)",
        "From without a user, an origin of zeros",
        "the call goes on",
        ("From: <sip:{here}>;tag=411023750", "Subject: This is a call for conversation"),
        sdp=("o=FG4131280 0 0 IN IP4 127.0.0.1", *_G711),
        status=200,
    ),
    InviteReport(
        "pjproject 486",
        "payload type 9 with G722/16000",
        "G.722, whose clock is 8000",
        sdp=("m=audio {port} RTP/AVP 9", "a=rtpmap:9 G722/16000"),
        status=200,
        answer=r"a=rtpmap:9 G722/8000",
    ),
)

_BUSY = b'<Response><Reject reason="busy"/></Response>'
_CAPITALS = 'Application/XML; charset="UTF-8"'
_COMMENT = b"\n<!-- 0.02 s -->\n"
_XML = b'<?xml version="1.0" encoding="UTF-8"?>'

DOCUMENTS = (
    DocumentReport(
        "OpenVBX 196 (PHP)",
        "an empty line before the XML declaration",
        "read, with a warning",
        b"\n" + _XML + _BUSY,
        code="12100",
    ),
    DocumentReport(
        "dreeve 2630",
        "a byte order mark and white space before it",
        "read, with a warning",
        b"\xef\xbb\xbf\n  " + _XML + _BUSY,
        code="12100",
    ),
    DocumentReport(
        "twilio-php 509",
        "two XML declarations",
        "read, with a warning",
        b'<?xml version="1.0"?>\n' + _XML + _BUSY,
        code="12100",
    ),
    DocumentReport(
        "TwilioSheet 1",
        "a sentence as text/html",
        "12100, the call ends",
        b"Submitted successfully!",
        "text/html",
        status=500,
        code="12100",
    ),
    DocumentReport(
        "yap 415 (PHP)",
        "a document that an error message of PHP breaks off",
        "12100, the call ends",
        _XML + b"<Response><Say>Hi<br />\n<b>Fatal error</b>: Uncaught",
        status=500,
        code="12100",
    ),
    DocumentReport(
        "OpenVBX 185",
        "the source of a PHP script",
        "12100, the call ends",
        b'<?php\nrequire "Services/Twilio.php";\n',
        status=500,
        code="12100",
    ),
    DocumentReport(
        "twilio/media-streams 253",
        "a DOCTYPE",
        "12100, the call ends",
        b"<!DOCTYPE html><html></html>",
        "text/html",
        status=500,
        code="12100",
    ),
    DocumentReport(
        "twilio-node 500, 504",
        "a bare & in a URL",
        "read, with a warning",
        b"<Response><Redirect>/none?x=1&y=2</Redirect></Response>",
        status=500,
        code="11200",
    ),
    DocumentReport(
        "takeyourmeds-web 118 (Django)",
        "white space of a template before the declaration",
        "read, with a warning",
        b"\n\n    " + _XML + b"\n" + _BUSY,
        code="12100",
    ),
    DocumentReport(
        "twilio/mobile-quickstart 2 (Python)",
        "a verb without a Response around it",
        "12200, the call ends",
        b"<Say>Invalid request</Say>",
        status=500,
        code="12200",
    ),
    DocumentReport(
        "home-assistant/core 66561",
        "a document as application/octet-stream",
        "12300, the call ends",
        _BUSY,
        "application/octet-stream",
        status=500,
        code="12300",
    ),
    DocumentReport("fop 174", "XML as text/plain", "read", _BUSY, "text/plain"),
    DocumentReport(
        "Rails, ASP.NET",
        "a charset in quotes and capitals",
        "read",
        _XML + _BUSY,
        'Application/XML; charset="UTF-8"',
    ),
    DocumentReport(
        "AWS API Gateway",
        "no declaration, application/xml",
        "read",
        _BUSY,
        "application/xml",
    ),
    DocumentReport(
        "PHP behind Cloudflare",
        "an HTML comment after the document",
        "read",
        _XML + _BUSY + _COMMENT,
    ),
    DocumentReport(
        ".NET StringWriter",
        'encoding="utf-16" declared of UTF-8',
        "read",
        b'<?xml version="1.0" encoding="utf-16"?>' + _BUSY,
    ),
    DocumentReport(
        "WordPress",
        "HTTP headers of a cache in odd cases, and cookies",
        "read",
        _XML + _BUSY,
        headers=(("x-cache", "HIT"), ("SET-COOKIE", "a=1; path=/"), ("Vary", "*")),
    ),
)
