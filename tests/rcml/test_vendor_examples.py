"""The examples of the vendor's page for `<Sip>`, as people type them from it, and what each means."""

# ruff: noqa: RUF001 - typographic quotes are what this is about

import pytest

from callapi.rcml import CallEvent, Client, Dial, Method, Number, RecordMode, Sip, Target, parse


def read(text: str) -> tuple[Dial, list[str]]:
    document = parse(text.encode())
    (verb,) = document.verbs
    assert isinstance(verb, Dial)
    return verb, [warning.message for warning in document.warnings]


def test_a_sip_uri() -> None:
    dial, warnings = read(
        """<?xml version="1.0" encoding="UTF-8"?>
        <Response>
            <Dial>
                <Sip>
                    sip:alice@example.com
                </Sip>
            </Dial>
        </Response>"""
    )
    assert dial == Dial((Sip("sip:alice@example.com"),))
    assert warnings == []


def test_name_with_video() -> None:
    dial, warnings = read(
        """<Response>
            <Dial>
                <Sip name="sip:alice@example.com">
                    <Video enable="true"/>
                </Sip>
            </Dial>
        </Response>"""
    )
    assert dial == Dial((Sip("sip:alice@example.com", video=True),))
    assert warnings == []


def test_status_callback_events_separated_with_a_comma() -> None:
    dial, warnings = read(
        """<Response>
            <Dial>
                <Sip statusCallbackEvent="initiated,ringing,answered,completed"
                     statusCallback="https://myapp.com/calls/events"
                     statusCallbackMethod="POST">sip:alice@example.com</Sip>
            </Dial>
        </Response>"""
    )
    assert dial.targets == (
        Sip(
            "sip:alice@example.com",
            status_callback="https://myapp.com/calls/events",
            status_callback_method=Method.POST,
            status_callback_events=frozenset(CallEvent),
        ),
    )
    assert warnings == []


def test_authentication() -> None:
    dial, warnings = read(
        """<Response>
            <Dial>
                <Sip username="alice" password="secret">sip:alice@example.com</Sip>
            </Dial>
        </Response>"""
    )
    assert dial.targets == (Sip("sip:alice@example.com", "alice", "secret"),)
    assert warnings == []


def test_custom_headers_with_a_bare_ampersand() -> None:
    dial, warnings = read(
        """<Response>
            <Dial>
                <Sip>sip:alice@example.com?mycustomheader=tata&myotherheader=toto</Sip>
            </Dial>
        </Response>"""
    )
    assert dial.targets == (Sip("sip:alice@example.com?mycustomheader=tata&myotherheader=toto"),)
    assert warnings == ["a bare &, which must be written &amp;"]


def test_custom_headers_written_well() -> None:
    dial, warnings = read(
        "<Response><Dial><Sip>sip:alice@example.com?mycustomheader=tata&amp;myotherheader=toto</Sip></Dial></Response>"
    )
    assert dial.targets == (Sip("sip:alice@example.com?mycustomheader=tata&myotherheader=toto"),)
    assert warnings == []


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_transport(transport: str) -> None:
    dial, warnings = read(
        f"<Response><Dial><Sip>sip:alice@example.com;transport={transport}</Sip></Dial></Response>"
    )
    assert dial.targets == (Sip(f"sip:alice@example.com;transport={transport}"),)
    assert warnings == []


@pytest.mark.parametrize(
    "nouns",
    [
        (Sip("sip:alice@example.com"), Sip("sip:bob@example.com")),
        (Sip("sip:alice@example.com"), Number("+14155550100"), Client("carol")),
    ],
)
def test_multiple(nouns: tuple[Target, ...]) -> None:
    texts = {Sip: "uri", Number: "number", Client: "name"}
    written = "".join(
        f"<{type(noun).__name__}>{getattr(noun, texts[type(noun)])}</{type(noun).__name__}>" for noun in nouns
    )
    dial, warnings = read(f"<Response><Dial>{written}</Dial></Response>")
    assert dial.targets == nouns
    assert warnings == []


def test_a_more_complex_dial() -> None:
    dial, warnings = read(
        """<?xml version="1.0" encoding="UTF-8"?>
        <Response>
            <Dial
                record="true"
                timeout="10"
                hangupOnStar="true"
                callerId="bob"
                method="POST"
                action="/handle_post_dial">
                <Sip
                    method="POST"
                    url="/handle_screening_on_answer">
                    sip:alice@example.com;transport=tcp?customheader=foo
                </Sip>
            </Dial>
        </Response>"""
    )
    assert dial == Dial(
        (
            Sip(
                "sip:alice@example.com;transport=tcp?customheader=foo",
                url="/handle_screening_on_answer",
                method=Method.POST,
            ),
        ),
        record=RecordMode.FROM_ANSWER,
        timeout=10,
        hangup_on_star=True,
        caller_id="bob",
        method=Method.POST,
        action="/handle_post_dial",
    )
    assert warnings == []


def test_a_more_complex_dial_copied_from_a_page_that_beautifies() -> None:
    dial, warnings = read(
        "<Response><Dial record=“true” timeout=“10” callerId=‘bob’>"
        "<Sip>sip:alice@example.com?a=1&b=2</Sip></Dial></Response>"
    )
    assert (dial.record, dial.timeout, dial.caller_id) == (RecordMode.FROM_ANSWER, 10, "bob")
    assert dial.targets == (Sip("sip:alice@example.com?a=1&b=2"),)
    assert len(warnings) == 4
