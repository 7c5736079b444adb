"""Play, Pause, Hangup: what the caller hears of a document, and when."""

from pathlib import Path

import numpy
import pytest
import soundfile

from tests.scenarios.conftest import PhoneFactory, Server
from tests.scenarios.harness.application import Answer, Webhook, response
from tests.scenarios.harness.audio import silence, tone, write_wav


def _wav(folder: Path, *parts: numpy.ndarray, rate: int = 8000) -> Answer:
    path = write_wav(folder / "prompt.wav", numpy.concatenate(parts), rate=rate)
    return Answer(path.read_bytes(), content_type="audio/wav")


async def test_play_is_heard_then_the_document_goes_on(
    server: Server, phone: PhoneFactory, webhook: Webhook, tmp_path: Path
) -> None:
    """Play answers the caller; it is heard whole, in order, without a gap; then comes Hangup."""
    alice = await phone("alice")
    webhook["voice"] = response("<Play>prompt.wav</Play>", "<Hangup/>")
    webhook["prompt.wav"] = _wav(tmp_path, tone(500, 0.8), tone(900, 0.8))
    call = await alice.invite(server.uri)
    await call.answered()
    assert await call.ended() == 200
    heard = call.heard()
    assert heard.seconds_of(500) >= 0.6, heard.score()
    assert heard.seconds_of(900) >= 0.6, heard.score()
    low, high = heard.first(500), heard.first(900)
    assert low is not None
    assert high is not None
    assert low < high
    assert heard.gaps_in(500) == 0


async def test_play_loops_and_pause_is_silence(
    server: Server, phone: PhoneFactory, webhook: Webhook, tmp_path: Path
) -> None:
    """`loop="3"` plays three times; Pause afterwards is silence of its length."""
    alice = await phone("alice")
    webhook["voice"] = response(
        '<Play loop="3">prompt.wav</Play>', '<Pause length="1"/>', "<Play>end.wav</Play>"
    )
    webhook["prompt.wav"] = _wav(tmp_path, tone(500, 0.4), silence(0.2))
    webhook["end.wav"] = _wav(tmp_path, tone(900, 0.5))
    call = await alice.invite(server.uri)
    assert await call.ended() == 200
    heard = call.heard()
    assert 0.9 <= heard.seconds_of(500) <= 1.3, heard.score()
    end = heard.first(900)
    assert end is not None
    assert heard.between(end - 0.9, end - 0.1).seconds_of_sound == 0, heard.score()


@pytest.mark.parametrize(
    "audio",
    [("WAV", "ULAW", 8000), ("WAV", "PCM_16", 44100), ("MP3", None, 22050), ("OGG", "VORBIS", 16000)],
)
async def test_prompts_of_many_kinds(
    server: Server,
    phone: PhoneFactory,
    webhook: Webhook,
    tmp_path: Path,
    audio: tuple[str, str | None, int],
) -> None:
    """WAV in many encodings, MP3, Ogg, any rate, stereo: the same tone is heard."""
    alice = await phone("alice")
    container, kind, rate = audio
    path = tmp_path / f"prompt.{container.lower()}"
    mono = tone(600, 1.0, rate=rate) / 32768.0
    soundfile.write(path, numpy.column_stack([mono, mono]), rate, format=container, subtype=kind)
    webhook["voice"] = response("<Play>prompt</Play>")
    webhook["prompt"] = Answer(path.read_bytes(), content_type=f"audio/{container.lower()}")
    call = await alice.invite(server.uri)
    assert await call.ended() == 200
    assert call.heard().seconds_of(600) >= 0.7, call.heard().score()


@pytest.mark.parametrize(
    "answer", [Answer(status=404), Answer(b"not audio at all", content_type="audio/wav")]
)
async def test_audio_that_cannot_be_had_is_skipped(
    server: Server, phone: PhoneFactory, webhook: Webhook, answer: Answer
) -> None:
    """The verb is skipped, a notification written, the document goes on."""
    alice = await phone("alice")
    webhook["voice"] = response("<Play>prompt.wav</Play>", "<Redirect>onward</Redirect>")
    webhook["prompt.wav"] = answer
    webhook["onward"] = response("<Hangup/>")
    call = await alice.invite(server.uri)
    sid = (await webhook.next("onward"))["CallSid"]
    await call.ended()
    status, page = await server.node.rest("GET", f"Calls/{sid}/Notifications.json")
    assert status == 200
    assert len(page["notifications"]) == 1


async def test_a_prompt_is_fetched_once(
    server: Server, phone: PhoneFactory, webhook: Webhook, tmp_path: Path
) -> None:
    """`Cache-Control: max-age` is honoured: two calls, one fetch."""
    alice = await phone("alice")
    webhook["voice"] = response("<Play>prompt.wav</Play>")
    wav = _wav(tmp_path, tone(700, 1.0))
    webhook["prompt.wav"] = Answer(
        wav.body, content_type="audio/wav", headers={"Cache-Control": "max-age=300"}
    )
    for _ in range(2):
        call = await alice.invite(server.uri)
        assert await call.ended() == 200
        assert call.heard().seconds_of(700) >= 0.3
    assert len(webhook.all("prompt.wav")) == 1


async def test_a_caller_who_leaves_ends_the_prompt(
    server: Server, phone: PhoneFactory, webhook: Webhook, tmp_path: Path
) -> None:
    """BYE in the middle of an endless Play: the record is final at once, no verb follows."""
    alice = await phone("alice")
    webhook["voice"] = response('<Play loop="0">prompt.wav</Play>', "<Redirect>never</Redirect>")
    webhook["prompt.wav"] = _wav(tmp_path, tone(500, 0.5))
    call = await alice.invite(server.uri)
    assert await call.hears(500)
    await call.hang_up()
    record = await server.node.final((await webhook.next("voice"))["CallSid"], timeout=2)
    assert record["status"] == "completed"
    await webhook.never("never", within=0.3)
