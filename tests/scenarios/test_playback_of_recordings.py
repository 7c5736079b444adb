"""What was recorded can be played by the URL that the application was told."""

from tests.scenarios.conftest import PhoneFactory, Server
from tests.scenarios.harness.application import Webhook, response


async def test_what_the_caller_said_is_played_back(
    server: Server, phone: PhoneFactory, webhook: Webhook
) -> None:
    """`<Record>`, then `<Play>` of its RecordingUrl: the caller hears its own tone, nobody else's."""
    alice = await phone("alice")
    webhook["voice"] = response('<Record action="recorded" maxLength="2" playBeep="false" timeout="0"/>')
    webhook["recorded"] = lambda request: response(f"<Play>{request['RecordingUrl']}</Play>")
    call = await alice.invite(server.uri, say=700)
    recorded = await webhook.next("recorded")
    assert recorded["RecordingDuration"] == "2"
    assert await call.hears(700, seconds=1.0)
    assert await call.ended() == 200
