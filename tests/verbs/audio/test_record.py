"""`<Record>`: every attribute, every end, and the disk that fails."""

import asyncio
from pathlib import Path

import pytest
from msgspec.structs import replace

from callapi.media import RecordingCause, RecordOptions
from callapi.media.plane.fake import FakeRecording
from tests.verbs.conftest import RunStory, press_by_info
from tests.verbs.world import Phone, World

AFTER = "<Redirect>/nothing</Redirect>"


async def recording(here: World, attributes: str = "") -> tuple[FakeRecording, Phone]:
    """A caller in the middle of a Record."""
    here.application.documents |= {"/got": "<Response/>", "/nothing": "<Response/>"}
    call, phone = here.caller(f'<Response><Record action="/got" {attributes}/>{AFTER}</Response>')
    await asyncio.sleep(1)
    [made] = here.stream_of(call).recordings
    return made, phone


def asked(here: World) -> list[str]:
    return [path for path, _ in here.application.requests]


DEFAULTS = RecordOptions(
    received_only=True,
    silence_timeout_s=5,
    max_length_s=3600,
    finish_on_key="1234567890*#",
    trim=True,
    beep=True,
)


@pytest.mark.parametrize(
    ("attributes", "options"),
    [
        ("", DEFAULTS),
        ('timeout="9"', replace(DEFAULTS, silence_timeout_s=9)),
        ('timeout="0"', replace(DEFAULTS, silence_timeout_s=None)),
        ('maxLength="30"', replace(DEFAULTS, max_length_s=30)),
        ('finishOnKey="*#"', replace(DEFAULTS, finish_on_key="*#")),
        ('finishOnKey=""', replace(DEFAULTS, finish_on_key="")),
        ('playBeep="false"', replace(DEFAULTS, beep=False)),
        ('trim="do-not-trim"', replace(DEFAULTS, trim=False)),
    ],
)
def test_attributes_reach_the_media_plane(
    run_story: RunStory, attributes: str, options: RecordOptions
) -> None:
    async def story(here: World) -> None:
        made, phone = await recording(here, attributes)
        assert made.options == options
        phone.hang_up()

    run_story(story)


def test_silence_ends_it_and_the_action_is_requested(run_story: RunStory) -> None:
    async def story(here: World) -> None:
        made, _ = await recording(here)
        made.duration_ms = 7600
        made.end(RecordingCause.SILENCE)
        await here.live.empty.wait()
        [reported] = here.application.asked("/got")
        assert reported["RecordingDuration"] == "8"
        assert reported["RecordingUrl"].endswith(reported["RecordingSid"])
        assert "Digits" not in reported
        assert reported["CallStatus"] == "in-progress"
        record = here.book.recordings[reported["RecordingSid"]]
        assert (record.status, record.source, record.duration) == ("completed", "RecordVerb", 8)
        assert asked(here) == ["/voice", "/got"], "its answer takes the place of the document"

    run_story(story)


@pytest.mark.parametrize("way", ["rtp", "info"])
@pytest.mark.parametrize(
    ("attributes", "keys", "digit"),
    [("", "5", "5"), ("", "#", "#"), ('finishOnKey="*"', "12*", "*"), ('finishOnKey="#"', "#12", "#")],
)
def test_a_key_ends_it_however_it_came(
    run_story: RunStory, attributes: str, keys: str, digit: str, way: str
) -> None:
    async def story(here: World) -> None:
        _, phone = await recording(here, attributes)
        if way == "rtp":
            here.plane.streams[0].press(keys)
        else:
            press_by_info(phone, keys)
        await here.live.empty.wait()
        [reported] = here.application.asked("/got")
        assert reported["Digits"] == digit

    run_story(story)


def test_a_key_that_finishes_nothing_is_recorded_over(run_story: RunStory) -> None:
    async def story(here: World) -> None:
        made, phone = await recording(here, 'finishOnKey=""')
        here.plane.streams[0].press("123#*")
        press_by_info(phone, "4")
        await asyncio.sleep(1)
        assert made.is_recording
        made.end(RecordingCause.MAX_LENGTH)
        await here.live.empty.wait()
        assert "Digits" not in here.application.asked("/got")[0]

    run_story(story)


@pytest.mark.usefixtures("sounding")
def test_what_was_typed_before_does_not_end_it_nor_what_ended_it_a_later_gather(run_story: RunStory) -> None:
    async def story(here: World) -> None:
        here.application.documents["/got"] = '<Response><Gather timeout="2"/></Response>'
        call, phone = here.caller('<Response><Say>A. B. C.</Say><Record action="/got"/></Response>')
        await asyncio.sleep(0.1)
        stream = here.stream_of(call)
        stream.press("7")
        press_by_info(phone, "8")
        await asyncio.sleep(3)
        assert stream.recordings[0].is_recording
        stream.press("#")
        await here.live.empty.wait()
        assert here.application.asked("/got")[0]["Digits"] == "#"
        assert len(here.application.asked("/got")) == 1
        assert len(here.application.asked("/voice")) == 1, "the Gather got nothing, so nothing is asked"

    run_story(story)


@pytest.mark.parametrize("is_silent", [True, False])
def test_an_empty_recording_asks_nothing_and_goes_on(run_story: RunStory, is_silent: bool) -> None:
    async def story(here: World) -> None:
        made, _ = await recording(
            here, 'recordingStatusCallback="/status" recordingStatusCallbackEvent="absent"'
        )
        made.duration_ms = 5000 if is_silent else 0
        made.end(RecordingCause.SILENCE, is_silent=is_silent)
        await here.live.empty.wait()
        assert asked(here) == ["/voice", "/nothing"]
        [reported] = here.book.reported("/status")
        assert reported["RecordingStatus"] == "absent"

    run_story(story)


def test_a_disk_that_fails_is_reported_and_the_call_goes_on(run_story: RunStory) -> None:
    async def story(here: World) -> None:
        made, _ = await recording(here, 'recordingStatusCallback="/status"')
        made.end(RecordingCause.FAILED)
        await here.live.empty.wait()
        assert asked(here) == ["/voice", "/nothing"]
        [reported] = here.book.reported("/status")
        assert reported["RecordingStatus"] == "failed"
        assert reported["ErrorCode"] == "60030"
        [notification] = here.book.notifications
        assert "no space left" in notification.message_text
        [record] = here.book.recordings.values()
        assert record.status == "failed"

    run_story(story)


def test_a_directory_that_cannot_be_made_fails_no_call(run_story: RunStory, tmp_path: Path) -> None:
    async def story(here: World) -> None:
        (tmp_path / "file").write_text("not a directory")
        here.services.recordings._directory = tmp_path / "file" / "recordings"
        made, _ = await recording(here)
        made.end(RecordingCause.FAILED)
        await here.live.empty.wait()
        assert asked(here) == ["/voice", "/nothing"]

    run_story(story)


def test_a_caller_who_hangs_up_still_has_it_reported(run_story: RunStory) -> None:
    async def story(here: World) -> None:
        _, phone = await recording(here)
        phone.hang_up()
        await here.live.empty.wait()
        [reported] = here.application.asked("/got")
        assert reported["Digits"] == "hangup"
        assert asked(here) == ["/voice", "/got"]

    run_story(story)


def test_progress_is_reported_in_order(run_story: RunStory) -> None:
    async def story(here: World) -> None:
        made, _ = await recording(
            here, 'recordingStatusCallback="/status" recordingStatusCallbackEvent="in-progress completed"'
        )
        made.end(RecordingCause.MAX_LENGTH)
        await here.live.empty.wait()
        assert [each["RecordingStatus"] for each in here.book.reported("/status")] == [
            "in-progress",
            "completed",
        ]

    run_story(story)
