"""Trunks: gateways, ours."""

import random

import pytest

from tests.api.world import World

URI = "sip:gateway.example.net;transport=tls"


async def test_life_of_a_trunk(world: World) -> None:
    """Create, change, take away, delete; the password never comes out; numbers find their way at once."""
    made = await world.post(
        "Trunks.json",
        SipUri=URI,
        Pattern="+49*",
        Priority="5",
        Weight="20",
        Username="me",
        Password="hidden secret",
        Codecs="PCMA,PCMU",
        Networks=["192.0.2.0/24, 198.51.100.7", "2001:db8::/32"],
    )
    assert made.status == 201
    assert b"hidden" not in made.body
    trunk = made.json
    assert (trunk["sip_uri"], trunk["pattern"], trunk["priority"], trunk["weight"]) == (URI, "+49*", 5, 20)
    assert trunk["codecs"] == ["PCMA", "PCMU"]
    assert trunk["networks"] == ["192.0.2.0/24", "198.51.100.7/32", "2001:db8::/32"]
    (serving,) = await world.store.trunks.serving(world.account.sid, "+4930123", random.random)
    assert (serving.sid, serving.password) == (trunk["sid"], "hidden secret")
    path = f"Trunks/{trunk['sid']}.json"
    changed = (await world.post(path, SipUri="", Username="", Codecs="", Priority="", Weight="")).json
    names = ("sip_uri", "username", "codecs", "priority", "weight")
    assert [changed[each] for each in names] == [URI, None, [], 0, 1]
    assert (await world.post(path, Status="disabled")).json["status"] == "disabled"
    assert await world.store.trunks.serving(world.account.sid, "+4930123", random.random) == ()
    assert len((await world.get("Trunks.json")).json["trunks"]) == 1
    assert (await world.delete(path)).status == 204
    assert (await world.get(path)).status == 404


@pytest.mark.parametrize(
    "form",
    [
        {},
        {"SipUri": "http://x"},
        {"SipUri": "sip:gateway;transport=smoke"},
        {"SipUri": URI, "Priority": "high"},
        {"SipUri": URI, "Weight": "-1"},
        {"SipUri": URI, "Codecs": "G729"},
        {"SipUri": URI, "Networks": "example.net"},
        {"SipUri": URI, "Networks": "0.0.0.0/0"},
    ],
)
async def test_bad_parameters(world: World, form: dict[str, str]) -> None:
    """400 with 20001."""
    answer = await world.ask("POST", "Trunks.json", form=form)
    assert (answer.status, answer.json["code"]) == (400, 20001)
