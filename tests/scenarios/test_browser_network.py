"""Browsers and the network: TLS, time to set up, a network that is cut, and a certificate that is another's."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from callapi.sip.transport import TlsFiles
from tests.scenarios.conftest import Measured, PhoneFactory
from tests.scenarios.harness.application import Application, response
from tests.scenarios.harness.browser_phone import Browser, missing
from tests.scenarios.harness.ports import free_port
from tests.scenarios.harness.street import MICROPHONE_HZ, Street, new_street
from tests.sip.transport.certificates import Authority

pytestmark = [pytest.mark.timeout(90), pytest.mark.skipif(missing() is not None, reason=missing() or "")]
LIBRARIES = ["jssip", "sipjs"]
SET_UP_MS = 400
CALLS = 5


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> TlsFiles:
    """A certificate for the node, of an authority that no browser knows."""
    return Authority(tmp_path_factory.mktemp("authority")).issue("127.0.0.1")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def secure(
    application: Application, browser: Browser, files: TlsFiles, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Street]:
    """A node with a `wss://` listener, which the tabs use."""
    wss, sip = free_port(), free_port()
    sip_settings = {
        "listen": [f"udp://127.0.0.1:{sip}", f"wss://127.0.0.1:{wss}"],
        "tls_certificate": str(files.certificate),
        "tls_private_key": str(files.private_key),
    }
    folder = tmp_path_factory.mktemp("secure")
    async with new_street(folder, application, "secure", browser, {"sip": sip_settings}) as made:
        made.node.sip_port = sip
        made.server = f"wss://127.0.0.1:{wss}/"
        yield made


@pytest.mark.parametrize("library", LIBRARIES)
async def test_a_browser_calls_over_wss(secure: Street, phone: PhoneFactory, library: str) -> None:
    """The socket is TLS; tone sent is tone heard, both ways; then it is called by the same way."""
    bob = await phone("bob")
    secure.webhook["voice"] = response(f'<Dial action="after"><Sip>{bob.uri}</Sip></Dial>')
    secure.webhook["after"] = response("<Hangup/>")
    page = await secure.open("alice", library)
    await secure.call(page)
    ringing = await bob.next_call()
    await ringing.answer(say=440)
    await page.event("answered")
    assert await page.hears(440)
    assert await ringing.hears(MICROPHONE_HZ)
    await page.run("hangUp")
    assert (await secure.webhook.next("after"))["DialCallStatus"] == "completed"
    secure.webhook["voice"] = response("<Dial><Client>alice</Client></Dial>")
    call = await bob.invite(secure.node.uri("1000"), say=440)
    await page.event("incoming")
    await page.run("answer")
    assert await call.hears(MICROPHONE_HZ)
    await call.hang_up()
    await secure.close_tabs()


@pytest.mark.timing
async def test_a_call_is_set_up_in_an_instant(secure: Street, measured: Measured) -> None:
    """From the page's call to its answer and to the end of ICE and DTLS; the document is fetched in between."""
    secure.webhook["voice"] = response("<Play digits='1'/><Pause length='20'/>")
    page = await secure.open("alice", "jssip")
    took = []
    for _ in range(CALLS):
        await secure.call(page)
        answered, connected = await page.event("answered"), await page.event("connected")
        took.append(max(answered["after_ms"], connected["after_ms"]))
        await page.run("hangUp")
        await page.event("ended")
    await secure.close_tabs()
    measured(f"browser: set up in {sorted(took)} ms")
    assert min(took) < SET_UP_MS, took


async def test_the_certificate_of_another_ends_the_leg(secure: Street) -> None:
    """The fingerprint of the description is not that of the handshake's certificate: no sound, and the reason."""
    secure.webhook["voice"] = response("<Play digits='1'/><Pause length='20'/>")
    page = await secure.open("eve", "jssip")
    await page.run("change", ["(a=fingerprint:sha-256 ..:)..:..", "$100:11"])
    await secure.call(page)
    asked = await secure.webhook.next("voice")
    while asked["From"] != "client:eve":  # those of other tests' calls may not have been read
        asked = await secure.webhook.next("voice")
    sid = asked["CallSid"]
    await page.event("ended")
    assert (await secure.node.final(sid))["status"] == "completed"
    assert "fingerprint" in await secure.security_failure(sid)
    await secure.close_tabs()


async def test_a_weak_fingerprint_is_refused(secure: Street) -> None:
    """SHA-1 alone does not prove a certificate: 488, before any document is asked for."""
    page = await secure.open("mallory", "jssip")
    await page.run(
        "change", ["a=fingerprint:sha-256 [0-9A-F:]+", f"a=fingerprint:sha-1 {':'.join(['AB'] * 20)}"]
    )
    await secure.call(page)
    assert (await page.event("ended"))["code"] == 488
    await secure.close_tabs()
