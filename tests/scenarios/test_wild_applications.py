"""Applications as they are: sessions in cookies, queries in any spelling, templates that leave attributes empty."""

import pytest
from twilio.request_validator import RequestValidator

from tests.scenarios.conftest import Server
from tests.scenarios.harness.application import Answer, Request, Webhook, response
from tests.scenarios.harness.raw_phone import RawPhone, sdp


def _with_cookie(value: str, *verbs: str) -> Answer:
    return Answer(response(*verbs), headers={"Set-Cookie": value})


async def test_cookies_are_kept_for_the_call_and_for_no_other(server: Server, webhook: Webhook) -> None:
    """What applications written for Twilio rely on: a session per call."""
    webhook["voice"] = _with_cookie("sid=s%3A1.a/+=; Path=/; HttpOnly", "<Redirect>menu/one</Redirect>")
    webhook["menu/one"] = _with_cookie("step=one", "<Redirect>two</Redirect>")
    webhook["menu/two"] = response("<Redirect>../end</Redirect>")
    webhook["end"] = response("<Reject/>")
    async with RawPhone("caller") as caller:
        for _ in range(2):
            call = caller.invite(server.uri, server.node.sip_address, body=sdp())
            await call.gets_final("INVITE")
    for path, cookie in (
        ("voice", None),
        ("menu/one", "sid=s%3A1.a/+="),
        ("menu/two", "step=one; sid=s%3A1.a/+="),
        ("end", "sid=s%3A1.a/+="),
    ):
        assert [each.headers.get("Cookie") for each in webhook.all(path)] == [cookie, cookie]


@pytest.mark.parametrize(
    "query", ["?p=%2Fa%2fb", "?list[]=1|2", "?q=a+b%20c&e=&off=50%", "?u=https://x/?a={b}"]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_query_is_sent_and_signed_as_written(
    server: Server, webhook: Webhook, query: str, method: str
) -> None:
    """RFC 3986 §2.2: `%2F` is not `/`. The signature is over what the application sees."""
    webhook["voice"] = response(f'<Redirect method="{method}">next{query.replace("&", "&amp;")}</Redirect>')
    webhook["next"] = response("<Reject/>")
    async with RawPhone("caller") as caller:
        call = caller.invite(server.uri, server.node.sip_address, body=sdp())
        await call.gets_final("INVITE")
    asked = await webhook.next("next")
    target = asked.target
    assert target.split("next", 1)[1].startswith(query)
    url = f"{webhook.base_url}{target}"
    form = _form(asked) if method == "POST" else {}
    validator = RequestValidator(server.node.auth_token)
    assert validator.validate(url, form, asked.headers["X-Twilio-Signature"])


def _form(request: Request) -> dict[str, str]:
    return {name: value for name, value in request.parameters.items() if name[0].isupper()}
