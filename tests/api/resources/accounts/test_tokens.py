"""STUN and TURN servers for pages."""

import base64
import hashlib
import hmac

import pytest
from pydantic import TypeAdapter, ValidationError

from callapi.base.ice_servers import IceServer, IceServerEntry, for_page
from callapi.base.settings import MediaSettings
from tests.api.world import World

SECRET = "shared with coturn"


def servers(*given: object) -> tuple[IceServer, ...]:
    return MediaSettings.model_validate({"ice_servers": list(given)}).ice_servers


def test_a_url_alone_is_a_stun_server() -> None:
    assert for_page(servers("stun:stun.example.com:3478"), 0) == [
        {"url": "stun:stun.example.com:3478", "urls": "stun:stun.example.com:3478"}
    ]


def test_credentials_are_the_configured_ones_or_expire() -> None:
    fixed, made = for_page(
        servers(
            {"urls": "turn:turn.example.com?transport=udp", "username": "u", "credential": "c"},
            {"urls": "turns:turn.example.com:443", "secret": SECRET},
        ),
        1_800_000_000,
    )
    assert (fixed["username"], fixed["credential"]) == ("u", "c")
    assert made["username"] == "1800000000:callapi"
    digest = hmac.digest(SECRET.encode(), made["username"].encode(), hashlib.sha1)
    assert made["credential"] == base64.b64encode(digest).decode()


@pytest.mark.parametrize(
    "given", ["http://example.com", "turn:turn.example.com", {"urls": "stun:x", "colour": "blue"}, 7]
)
def test_what_is_no_server_is_refused(given: object) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(IceServerEntry).validate_python(given)


def test_secrets_are_not_shown() -> None:
    shown = repr(servers({"urls": "turn:t", "username": "u", "credential": SECRET, "secret": SECRET}))
    assert SECRET not in shown


async def test_a_token_is_twilios(world: World) -> None:
    answer = await world.post("Tokens.json", Ttl="3600")
    assert answer.status == 201
    token = answer.json
    assert (token["ttl"], token["ice_servers"], token["username"]) == ("3600", [], None)
    assert token["account_sid"] == world.account.sid
    assert (await world.post("Tokens.json", Ttl="1")).status == 400
