"""The console's own answers: pages under a strict policy, sign-in, sessions that end with what opened them."""

from typing import Any

import pytest
from starlette.types import ASGIApp

from callapi.api import Sessions
from callapi.api.requests.sessions import COOKIE, LIFETIME_S
from callapi.console import Console, ConsoleOptions
from callapi.console.throttle import LOCKED_S, MAX_WRONG
from tests.api.world import Answer, World, account, run_app

FORM = {"content-type": "application/x-www-form-urlencoded"}


class Browser:
    """Keeps the cookie, as a browser does."""

    def __init__(self, world: World, *, is_secure: bool = False) -> None:
        async def figures() -> dict[str, Any]:
            return {"nodes": [{"node": "node-1"}]}

        sessions = Sessions(world.store, lambda: world.clock)
        self._rest = world.app
        options = ConsoleOptions("node-1", "voice.example.com", is_secure, figures)
        self.app: ASGIApp = Console(world.store, sessions, options, lambda: world.clock)
        self.cookie = ""
        self.csrf = ""

    async def ask(
        self, method: str, path: str, body: bytes = b"", *, client: str = "127.0.0.1", **headers: str
    ) -> Answer:
        """One request, with the cookie."""
        sent = FORM | {name.replace("_", "-"): value for name, value in headers.items()}
        if self.cookie:
            sent["cookie"] = f"{COOKIE}={self.cookie}"
        is_console = path.startswith("/console")
        target = self.app if is_console else self._rest

        async def app(scope: Any, receive: Any, send: Any) -> None:
            await target({**scope, "client": (client, 5000)}, receive, send)

        path, _, query = path.partition("?")
        return await run_app(app, method, path, query, sent, body)

    async def sign_in(self, sid: str, secret: str, **headers: str) -> Answer:
        """Send the form; keep what comes."""
        answer = await self.ask("POST", "/console/session", f"sid={sid}&secret={secret}".encode(), **headers)
        if answer.status == 200:
            self.cookie = answer.headers["set-cookie"].partition("=")[2].partition(";")[0]
            self.csrf = answer.json["csrf_token"]
        return answer


async def test_a_session_is_as_good_as_the_credentials(world: World) -> None:
    """In REST, reading by the cookie alone; a change needs the token that no other page knows."""
    browser = Browser(world)
    assert (await browser.ask("GET", "/console/session")).status == 204
    answer = await browser.sign_in(world.account.sid, world.account.auth_token)
    assert (answer.status, answer.json["account_sid"]) == (200, world.account.sid)
    calls = f"{world.base}/Calls.json"
    assert (await browser.ask("GET", calls)).status == 200
    form = b"FriendlyName=x"
    applications = f"{world.base}/Applications.json"
    refused = await browser.ask("POST", applications, form)
    assert (refused.status, refused.json["code"]) == (403, 20006)
    assert (await browser.ask("POST", applications, form, x_csrf_token="0" * 64)).status == 403
    assert (await browser.ask("POST", applications, form, x_csrf_token=browser.csrf)).status == 201


async def test_the_cookie(world: World) -> None:
    """No script reads it, no other site sends it, and behind HTTPS it goes by HTTPS alone."""
    plain = await Browser(world).sign_in(world.account.sid, world.account.auth_token)
    cookie = plain.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "; secure" not in cookie
    secure = await Browser(world, is_secure=True).sign_in(world.account.sid, world.account.auth_token)
    assert "; secure" in secure.headers["set-cookie"].lower()
    assert world.account.auth_token not in plain.headers["set-cookie"]


async def test_signing_out(world: World) -> None:
    """The session is also over for a copy of the cookie."""
    browser = Browser(world)
    await browser.sign_in(world.account.sid, world.account.auth_token)
    assert (await browser.ask("DELETE", "/console/session")).status == 403
    assert (await browser.ask("DELETE", "/console/session", x_csrf_token=browser.csrf)).status == 204
    assert (await browser.ask("GET", "/console/session")).status == 204


async def test_a_session_ends_with_its_key(world: World) -> None:
    """From the next request on."""
    key = (await world.post("Keys.json", FriendlyName="browser")).json
    browser = Browser(world)
    answer = await browser.sign_in(key["sid"], key["secret"])
    assert answer.json["key_sid"] == key["sid"]
    assert (await browser.ask("GET", f"{world.base}/Calls.json")).status == 200
    await world.delete(f"Keys/{key['sid']}.json")
    assert (await browser.ask("GET", f"{world.base}/Calls.json")).status == 401
    assert (await browser.ask("GET", "/console/session")).status == 204


async def test_a_session_ends_with_its_time_and_with_the_token(world: World) -> None:
    """A rotated token ends the sessions that it opened."""
    browser = Browser(world)
    await browser.sign_in(world.account.sid, world.account.auth_token)
    world.clock += LIFETIME_S - 1
    assert (await browser.ask("GET", f"{world.base}/Calls.json")).status == 200
    world.clock += 2
    assert (await browser.ask("GET", f"{world.base}/Calls.json")).status == 401
    await browser.sign_in(world.account.sid, world.account.auth_token)
    await world.post("AuthTokens/Secondary.json")
    await world.post("AuthTokens/Promote.json")
    assert (await browser.ask("GET", f"{world.base}/Calls.json")).status == 401


async def test_forged_cookies(world: World) -> None:
    """Another account in the same signature, a cut one, and rubbish."""
    other = account()
    await world.keep(other)
    one, two = Browser(world), Browser(world)
    await one.sign_in(world.account.sid, world.account.auth_token)
    await two.sign_in(other.sid, other.auth_token)
    payload, signature = one.cookie.split(".")
    other_payload, _ = two.cookie.split(".")
    for forged in (f"{other_payload}.{signature}", f"{payload}.", payload, "x.y", ".", "é", "x" * 5000):
        one.cookie = forged
        assert (await one.ask("GET", f"{world.base}/Calls.json")).status == 401


async def test_failed_logins_are_throttled(world: World) -> None:
    """After some wrong attempts in a row 429, whatever is sent; other clients are not held up."""
    browser = Browser(world)
    statuses = [(await browser.sign_in(world.account.sid, "wrong")).status for _ in range(20)]
    assert statuses == [401] * MAX_WRONG + [429] * (20 - MAX_WRONG)
    locked = await browser.sign_in(world.account.sid, world.account.auth_token)
    assert locked.status == 429
    assert int(locked.headers["retry-after"]) <= LOCKED_S + 1
    other = await browser.sign_in(world.account.sid, world.account.auth_token, client="192.0.2.1")
    assert other.status == 200
    world.clock += LOCKED_S + 1
    assert (await browser.sign_in(world.account.sid, "wrong")).status == 401
    assert (await browser.sign_in(world.account.sid, "wrong")).status == 429
    world.clock += LOCKED_S + 1
    assert (await browser.sign_in(world.account.sid, world.account.auth_token)).status == 200


async def test_a_page_of_another_site_cannot_sign_in(world: World) -> None:
    """The browser says where the request comes from."""
    answer = await Browser(world).sign_in(
        world.account.sid, world.account.auth_token, sec_fetch_site="cross-site"
    )
    assert answer.status == 403


async def test_an_inactive_account(world: World) -> None:
    """403, as over REST."""
    suspended = account(status="suspended")
    await world.keep(suspended)
    assert (await Browser(world).sign_in(suspended.sid, suspended.auth_token)).status == 403


async def test_a_script_gets_no_challenge(world: World) -> None:
    """A browser would ask for a password in a window of its own."""
    answer = await Browser(world).ask("GET", f"{world.base}/Calls.json", sec_fetch_dest="empty")
    assert (answer.status, "www-authenticate" in answer.headers) == (401, False)


async def test_the_figures_of_the_node_are_for_the_main_account(world: World) -> None:
    """A tenant sees its own calls, not the machine."""
    tenant = account(parent_sid=world.account.sid)
    await world.keep(tenant)
    owner, other = Browser(world), Browser(world)
    assert (await owner.ask("GET", "/console/node")).status == 401
    await owner.sign_in(world.account.sid, world.account.auth_token)
    assert (await owner.ask("GET", "/console/node")).json == {"nodes": [{"node": "node-1"}]}
    await other.sign_in(tenant.sid, tenant.auth_token)
    assert (await other.ask("GET", "/console/node")).status == 403


async def test_the_linter(world: World) -> None:
    """What `callapi rcml check` says; for those who are signed in."""
    browser = Browser(world)
    document = b"<Response><Dail/></Response>"
    assert (await browser.ask("POST", "/console/lint", document)).status == 401
    await browser.sign_in(world.account.sid, world.account.auth_token)
    answer = await browser.ask("POST", "/console/lint", document, x_csrf_token=browser.csrf)
    (finding,) = answer.json["findings"]
    assert (finding["severity"], finding["line"]) == ("error", 1)
    assert (
        await browser.ask("POST", "/console/lint", b"x" * 200_000, x_csrf_token=browser.csrf)
    ).status == 413


@pytest.mark.parametrize(
    "path", ["/console", "/console/", "/console/calls/CA" + "0" * 32, "/console/nonsense"]
)
async def test_pages(world: World, path: str) -> None:
    """One document for every address, under a policy that allows no script within it."""
    answer = await Browser(world).ask("GET", path)
    if answer.status == 503:
        pytest.skip("the console is not built (make console)")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy
    assert "connect-src 'self';" in policy
    assert b"<script>" not in answer.body
    assert b'<meta name="sip-domain" content="voice.example.com"' in answer.body
    assert answer.body.count(policy.partition("'nonce-")[2].partition("'")[0].encode()) == 1


@pytest.mark.parametrize(
    ("host", "sockets"),
    [
        ("voice.example.com", " ws://voice.example.com wss://voice.example.com"),
        ("[::1]:8080", " ws://[::1]:8080 wss://[::1]:8080"),
        ("evil; script-src *", ""),
        ("*", ""),
    ],
)
async def test_the_sockets_of_the_phone(world: World, host: str, sockets: str) -> None:
    """The policy names the sockets of this origin; a Host that is not one adds nothing."""
    answer = await Browser(world).ask("GET", "/console/phone", host=host)
    if answer.status == 503:
        pytest.skip("the console is not built (make console)")
    assert f"connect-src 'self'{sockets}; img-src" in answer.headers["content-security-policy"]


@pytest.mark.parametrize("path", ["/console/assets/none.js", "/console/assets/../application.py"])
async def test_nothing_else_is_served(world: World, path: str) -> None:
    """Only the files that were built."""
    assert (await Browser(world).ask("GET", path)).status == 404
