"""ConversationRelay: an application without audio code holds a conversation with a caller."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path

import numpy
import pytest
import pytest_asyncio
from bench.detection.noises import hiss, keys
from twilio.request_validator import RequestValidator

from tests.scenarios.conftest import Measured, NodeFactory, PhoneFactory, Server
from tests.scenarios.harness.application import Webhook, response
from tests.scenarios.harness.caller import calling
from tests.scenarios.harness.spoken import is_text_of, speaks, spoken, word_files
from tests.scenarios.harness.stream_application import StreamApplication
from tests.scenarios.harness.waiting import eventually
from tests.scenarios.test_streams import notified

pytestmark = speaks
BOOK, STOP = "I would like to book a room", "stop it please"
AFTER = response("<Play digits='1'/><Pause length='20'/>")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def words(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[str, Path]]:
    """What the caller says, as files that a phone can play: silence, the words, a long silence."""
    texts = (BOOK, STOP)
    files = await word_files(tmp_path_factory.mktemp("words"), *(f"{each}." for each in texts))
    yield dict(zip(texts, files, strict=True))


def relay(url: str, more: str = "", inner: str = "", action: str = "") -> str:
    """A document that hands the call to a conversation."""
    attribute = f' action="{action}"' if action else ""
    return response(
        f'<Connect{attribute}><ConversationRelay url="{url}" {more}>{inner}</ConversationRelay></Connect>',
        "<Pause length='20'/>",
    )


async def test_a_conversation(
    server: Server, phone: PhoneFactory, webhook: Webhook, words: dict[str, Path], measured: Measured
) -> None:
    """Greeting, prompt, an answer token by token, an interruption with what was heard, and a handoff."""
    async with StreamApplication() as application:
        alice = await phone("alice")
        webhook["voice"] = relay(
            f"{application.url}?tenant=a%20b&x=1",
            'welcomeGreeting="Hello!" dtmfDetection="true" speechTimeout="500"',
            '<Parameter name="who" value="Alice"/>',
            webhook.url("after"),
        )
        webhook["after"] = AFTER
        call = await alice.invite(server.uri)
        socket = await application.next_socket(first="setup")
        setup = socket.messages[0]
        voice = await webhook.next("voice")
        assert setup["type"] == "setup"
        assert setup["sessionId"].startswith("VX")
        assert (setup["callSid"], setup["accountSid"]) == (voice["CallSid"], server.node.account_sid)
        assert (setup["from"], setup["to"], setup["direction"]) == (voice["From"], voice["To"], "inbound")
        assert setup["customParameters"] == {"who": "Alice"}
        validator = RequestValidator(server.node.auth_token)
        signature = socket.headers["X-Twilio-Signature"]
        assert validator.validate(application.url, {"tenant": "a b", "x": "1"}, signature)

        await eventually("the greeting", lambda: call.heard().seconds_of_sound >= 0.2, timeout=60)
        await asyncio.sleep(1.0)  # the greeting is over
        await alice.order("play", call=call.number, path=str(words[BOOK]))
        prompt = await socket.next("prompt", timeout=60)
        assert is_text_of(prompt["voicePrompt"], BOOK)
        assert (prompt["lang"], prompt["last"]) == ("en-US", True)

        before = call.heard().seconds_of_sound
        asked = time.monotonic()
        for token in ("Certainly", ". For", " how many nights", " would you like to stay with us"):
            await socket.send(type="text", token=token, last=False)
        await eventually("speech", lambda: call.heard().seconds_of_sound >= before + 0.2, timeout=30)
        measured(
            f"ConversationRelay: first token to first sound {time.monotonic() - asked:.2f} s (0.2 s of it sound)"
        )
        await socket.send(
            type="text", token=" in our old house by the sea, where the wind blows all day long?", last=True
        )
        await asyncio.sleep(1.5)
        await alice.order("play", call=call.number, path=str(words[STOP]))
        spoken = time.monotonic()
        interrupt = await socket.next("interrupt")
        assert time.monotonic() - spoken < 1.5
        assert interrupt["utteranceUntilInterrupt"].startswith("Certainly.")
        assert not interrupt["utteranceUntilInterrupt"].endswith("long?")
        assert interrupt["durationUntilInterruptMs"] > 500
        second = await socket.next("prompt", 2, timeout=60)
        assert is_text_of(second["voicePrompt"], STOP, 1 / 3)

        await call.press("7")
        assert (await socket.next("dtmf"))["digit"] == "7"
        await socket.send_text("what is this?")
        assert "description" in await socket.next("error")
        await notified(server.node, setup["callSid"], 64107)

        await socket.send(type="end", handoffData=json.dumps({"reason": "human"}))
        after = await webhook.next("after")
        assert after["SessionId"] == setup["sessionId"]
        assert after["SessionStatus"] == "ended"
        assert int(after["SessionDuration"]) > 2
        assert json.loads(after["HandoffData"]) == {"reason": "human"}
        assert await socket.ended() == 1000
        await call.pressed("1")
        await call.hang_up()


async def test_an_application_speaks_with_its_handshake(server: Server, webhook: Webhook) -> None:
    """A token in one segment with the 101, before `setup` has come there: said after the greeting, not lost."""
    async with StreamApplication() as application:
        application.first_words = [{"type": "text", "token": "Good morning.", "last": True}]
        webhook["voice"] = relay(application.url, 'welcomeGreeting="Hello!" events="tokens-played"')
        async with calling(server.uri, server.node.sip_address):
            socket = await application.next_socket(first="setup")
            await socket.next("info", 2, timeout=20)
            assert [each["value"] for each in socket.all("info")] == ["Hello!", "Good morning."]


@pytest.mark.timeout(90)
@pytest.mark.timing
async def test_an_interruption_is_heard_within_300_ms(
    server: Server, webhook: Webhook, tmp_path: Path, measured: Measured
) -> None:
    """From the first packet of a caller's words to the last of the node's speech, three times in one session."""
    [words] = await spoken(tmp_path, "Stop it please.")
    story = (
        "Once upon a time there was a king who had three daughters, and each of them had a garden of her own."
    )
    async with StreamApplication() as application:
        webhook["voice"] = relay(application.url)
        delays = []
        async with calling(server.uri, server.node.sip_address) as call:
            socket = await application.next_socket(first="setup")
            for turn in range(1, 4):
                asked = time.monotonic()
                await socket.send(type="text", token=story, last=True)
                begun = await call.sounds(asked, timeout=30)
                await asyncio.sleep(max(0.0, begun + 1.0 - time.monotonic()))
                said = call.say(words)
                silent = await call.falls_silent(said)
                await socket.next("interrupt", turn)
                await socket.next("prompt", turn, timeout=60)
                delays.append(silent - said)
        measured(
            "ConversationRelay: interrupted within "
            + ", ".join(f"{each * 1000:.0f}" for each in delays)
            + " ms"
        )
        assert sorted(delays)[1] < 0.3, delays


async def test_words_in_noise_are_noticed_by_silero(new_node: NodeFactory, tmp_path: Path) -> None:
    """`speech.detector = "silero"`: typing does not interrupt, words over the hiss of a bad line do."""
    [words] = await spoken(tmp_path, "Stop it please.")
    rng = numpy.random.default_rng(3)
    level = float(numpy.sqrt(numpy.mean(numpy.square(words.astype(float)))))
    typing = (keys(4 * 8000, rng) * level / 4).clip(-32768, 32767).astype(numpy.int16)
    noisy = words + (hiss(len(words), rng) * level / 2.5).astype(numpy.int16)
    story = (
        "Once upon a time there was a king who had three daughters, and each of them had a garden of her own."
    )
    node, webhook = await new_node(speech={"detector": "silero"})
    async with StreamApplication() as application:
        webhook["voice"] = relay(application.url, "speechTimeout='500'")
        async with calling(node.uri("1"), node.sip_address) as call:
            socket = await application.next_socket(first="setup")
            asked = time.monotonic()
            await socket.send(type="text", token=story, last=True)
            await call.sounds(asked, timeout=20)
            call.say(typing)
            await asyncio.sleep(2.0)
            assert not socket.all("interrupt")
            call.say(noisy)
            await socket.next("interrupt", timeout=5)


@pytest.mark.parametrize("way", ["closes", "refuses", "hangs up"])
async def test_every_other_end_asks_the_action(
    server: Server, phone: PhoneFactory, webhook: Webhook, way: str
) -> None:
    """The application closes, refuses the handshake, or the caller leaves: no HandoffData, one action."""
    async with StreamApplication() as application:
        alice = await phone("alice")
        url = application.url.replace("/media", "/status/403") if way == "refuses" else application.url
        webhook["voice"] = relay(url, action=webhook.url("after"))
        webhook["after"] = AFTER
        call = await alice.invite(server.uri)
        if way != "refuses":
            socket = await application.next_socket(first="setup")
            await (socket.close() if way == "closes" else call.hang_up())
            assert await socket.ended() == 1000
        after = await webhook.next("after")
        assert after["SessionStatus"] == ("failed" if way == "refuses" else "completed")
        assert "HandoffData" not in after
        await webhook.never("after", within=0.2)
        await call.hang_up()


async def test_a_redirect_ends_a_conversation_in_mid_sentence(server: Server, webhook: Webhook) -> None:
    """Over REST: the socket is closed, the rest is not said, the action is not asked, the next document runs."""
    async with StreamApplication() as application:
        webhook["voice"] = relay(application.url, action=webhook.url("after"))
        webhook["elsewhere"] = AFTER
        async with calling(server.uri, server.node.sip_address) as call:
            socket = await application.next_socket(first="setup")
            asked = time.monotonic()
            await socket.send(type="text", token="One, two, three, four, five, six, seven. " * 3, last=True)
            await call.sounds(asked, timeout=20)
            path = f"Calls/{socket.messages[0]['callSid']}.json"
            redirected = time.monotonic()
            status, _ = await server.node.rest("POST", path, Url=webhook.url("elsewhere"))
            assert status == 200
            assert await socket.ended() == 1000
            assert await call.falls_silent(redirected) - redirected < 2.0
            await eventually("the next document", lambda: call.rtp.digits == "1")
            await webhook.never("after", within=0.2)


async def test_a_transcription_beside_the_document(
    server: Server, phone: PhoneFactory, webhook: Webhook, words: dict[str, Path]
) -> None:
    """`<Start><Transcription>`: started, what was said, stopped; in order, numbered; REST stops it by name."""
    alice = await phone("alice")
    webhook["voice"] = response(
        '<Start><Transcription name="log" track="inbound_track" statusCallbackUrl="text"/></Start>',
        "<Say>One moment.</Say>",
        "<Pause length='60'/>",
    )
    webhook["text"] = ""
    call = await alice.invite(server.uri)
    started = await webhook.next("text", timeout=30)
    assert started["TranscriptionEvent"] == "transcription-started"
    await alice.order("play", call=call.number, path=str(words[BOOK]))
    said = await webhook.next("text", timeout=60)
    assert said["TranscriptionEvent"] == "transcription-content"
    data = json.loads(said["TranscriptionData"])
    assert is_text_of(data["transcript"], BOOK)
    assert 0 < data["confidence"] <= 1
    assert (said["Track"], said["Final"], said["LanguageCode"]) == ("inbound_track", "true", "en-US")
    sid = said["CallSid"]
    node = server.node
    status, stopped = await node.rest("POST", f"Calls/{sid}/Transcriptions/log.json", Status="stopped")
    assert (status, stopped["status"], stopped["sid"]) == (200, "stopped", said["TranscriptionSid"])
    last = await webhook.next("text")
    assert last["TranscriptionEvent"] == "transcription-stopped"
    assert [each["SequenceId"] for each in (started, said, last)] == ["1", "2", "3"]
    status, made = await node.rest("POST", f"Calls/{sid}/Transcriptions.json", Track="outbound_track")
    assert (status, made["sid"][:2]) == (201, "GT")
    await call.hang_up()


async def test_a_message_is_recorded_and_transcribed(
    server: Server, phone: PhoneFactory, webhook: Webhook, words: dict[str, Path]
) -> None:
    """`<Record transcribeCallback>`: the text of the recording, once, beside the action."""
    alice = await phone("alice")
    webhook["voice"] = response(
        '<Record action="done" maxLength="5" playBeep="false" transcribe="true" transcribeCallback="text"/>'
    )
    webhook["done"] = AFTER
    webhook["text"] = ""
    call = await alice.invite(server.uri)
    await call.answered()
    await alice.order("play", call=call.number, path=str(words[BOOK]))
    done = await webhook.next("done", timeout=30)
    text = await webhook.next("text", timeout=60)
    assert text["TranscriptionStatus"] == "completed"
    assert is_text_of(text["TranscriptionText"], BOOK)
    assert (text["RecordingSid"], text["RecordingUrl"]) == (done["RecordingSid"], done["RecordingUrl"])
    sid = text["TranscriptionSid"]
    assert sid.startswith("TR")
    assert text["TranscriptionUrl"].endswith(f"/Transcriptions/{sid}")
    node = server.node
    status, kept = await node.rest("GET", f"Transcriptions/{sid}.json")
    assert (status, kept["transcription_text"], kept["status"]) == (
        200,
        text["TranscriptionText"],
        "completed",
    )
    assert (kept["recording_sid"], kept["type"]) == (text["RecordingSid"], "fast")
    below = f"Recordings/{text['RecordingSid']}/Transcriptions"
    _, page = await node.rest("GET", f"{below}.json")
    assert page["transcriptions"] == [kept]
    assert (await node.rest("DELETE", f"{below}/{sid}.json"))[0] == 204
    assert (await node.rest("GET", f"Transcriptions/{sid}.json"))[0] == 404
    await call.hang_up()
