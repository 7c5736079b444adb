"""A caller who leaves on any line of any verb leaves nothing behind.

`run_story` sees after each story that no stream, playback, recording, dialled phone or task is left. Between two
lines of a verb lie turns of the event loop: the caller leaves after each number of them, and again at each of some
later moments.
"""

import asyncio

import pytest

from tests.verbs.conftest import RunStory
from tests.verbs.world import World

PROMPT = '<Play loop="20">x.wav</Play>'
"""Two seconds of sound."""
VERBS = {
    "Say": "<Say>One. Two. Three.</Say>",
    "Say without end": '<Say loop="0">One.</Say>',
    "Play": PROMPT,
    "Play without end": '<Play loop="0">x.wav</Play>',
    "Play what is missing": "<Play>missing.wav</Play>",
    "Play digits": '<Play digits="12w34"/>',
    "Pause": '<Pause length="3"/>',
    "Gather": f'<Gather action="/never" numDigits="9">{PROMPT}<Say>One.</Say><Pause/></Gather>',
    "Gather without prompts": '<Gather action="/never"/>',
    "Record": '<Record action="/after"/>',
    "Record without a beep": '<Record action="/after" playBeep="false" recordingStatusCallback="/status"/>',
    "Redirect": "<Redirect>/next</Redirect>",
    "Reject": "<Reject/>",
    "Hangup": "<Hangup/>",
    "Dial": '<Dial action="/after"><Sip>sip:bob@127.0.0.9</Sip><Sip>sip:carol@127.0.0.9</Sip></Dial>',
    "Dial, recorded": '<Dial action="/after" record="record-from-ringing"><Sip>sip:bob@127.0.0.9</Sip></Dial>',
}
TURNS = range(40)
MOMENTS = (0.001, 0.05, 0.101, 0.5, 1.0, 1.999, 2.0, 2.05, 2.101, 2.9, 3.0, 4.5)


@pytest.mark.usefixtures("sounding")
@pytest.mark.parametrize("verb", VERBS)
def test_after_any_turn_and_at_any_moment(run_story: RunStory, verb: str) -> None:
    def leaving(turns: int, seconds: float) -> None:
        async def story(here: World) -> None:
            nothing = "<Response/>"
            here.application.documents |= {"/next": f"<Response>{PROMPT}</Response>", "/after": nothing}
            _, phone = here.caller(f"<Response>{VERBS[verb]}<Pause length='9'/></Response>")
            for _ in range(turns):
                await asyncio.sleep(0)
            await asyncio.sleep(seconds)
            phone.hang_up()
            await here.live.empty.wait()
            assert here.application.asked("/never") == []
            assert len(here.application.asked("/after")) <= 1

        run_story(story)

    for turns in TURNS:
        leaving(turns, 0)
    for seconds in MOMENTS:
        leaving(0, seconds)
