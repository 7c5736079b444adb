"""`SIP/…`: domains, lists, credentials, addresses, and what their mappings switch on."""

import pytest

from callapi.store import BindingRecord
from tests.api.world import NOW, World

SECRET = "correct Horse1"


async def _made(world: World, path: str, **parameters: str) -> str:
    answer = await world.post(f"SIP/{path}.json", **parameters)
    assert answer.status == 201, answer.body
    return str(answer.json["sid"])


async def _status(world: World, login: str) -> str | None:
    client = await world.store.clients.by_login(login)
    return client.status if client else None


async def test_a_domain(world: World) -> None:
    sid = await _made(world, "Domains", DomainName="Acme.example", VoiceUrl="http://app/voice")
    shown = (await world.get(f"SIP/Domains/{sid}.json")).json
    assert (shown["domain_name"], shown["voice_url"], shown["voice_method"]) == (
        "acme.example",
        "http://app/voice",
        "POST",
    )
    again = await world.post("SIP/Domains.json", DomainName="acme.EXAMPLE")
    assert (again.status, again.json["code"]) == (400, 21232)
    changed = await world.post(f"SIP/Domains/{sid}.json", VoiceMethod="GET")
    assert (changed.json["voice_method"], changed.json["voice_url"]) == ("GET", "http://app/voice")
    assert len((await world.get("SIP/Domains.json")).json["domains"]) == 1
    assert (await world.delete(f"SIP/Domains/{sid}.json")).status == 204
    assert await world.store.sip_objects.domain("acme.example") is None


@pytest.mark.parametrize("last", ["CredentialListMappings", "Auth/Calls/CredentialListMappings"])
async def test_a_credential_is_a_client_while_its_list_is_mapped(world: World, last: str) -> None:
    """Made before or after the mapping."""
    domain = await _made(world, "Domains", DomainName="acme.example")
    list_sid = await _made(world, "CredentialLists", FriendlyName="phones")
    await _made(world, f"CredentialLists/{list_sid}/Credentials", Username="anna", Password=SECRET)
    assert await _status(world, "anna") == "disabled"
    mapped = await _made(world, f"Domains/{domain}/{last}", CredentialListSid=list_sid)
    assert mapped == list_sid
    await _made(world, f"CredentialLists/{list_sid}/Credentials", Username="ben", Password=SECRET)
    assert [await _status(world, "anna"), await _status(world, "ben")] == ["enabled", "enabled"]
    assert (await world.delete(f"SIP/CredentialLists/{list_sid}.json")).status == 409
    assert (await world.delete(f"SIP/Domains/{domain}/{last}/{list_sid}.json")).status == 204
    assert [await _status(world, "anna"), await _status(world, "ben")] == ["disabled", "disabled"]
    assert (await world.delete(f"SIP/CredentialLists/{list_sid}.json")).status == 204
    assert await _status(world, "anna") is None


async def test_another_password(world: World) -> None:
    """It never shows, and what was registered with the old one is gone."""
    list_sid = await _made(world, "CredentialLists", FriendlyName="phones")
    path = f"CredentialLists/{list_sid}/Credentials"
    sid = await _made(world, path, Username="anna", Password=SECRET)
    before = await world.store.clients.by_login("anna")
    await world.keep(BindingRecord("anna", "sip:anna@192.0.2.1", "id", 1, expires_at=NOW, date_updated=NOW))
    answer = await world.post(f"SIP/{path}/{sid}.json", Password="another Horse2")
    assert answer.status == 200
    assert "Horse" not in answer.body.decode()
    after = await world.store.clients.by_login("anna")
    assert before is not None
    assert after is not None
    assert before.ha1_sha256 != after.ha1_sha256
    assert await world.store.bindings.of("anna") == ()


async def test_a_user_name_exists_once(world: World) -> None:
    list_sid = await _made(world, "CredentialLists", FriendlyName="phones")
    path = f"CredentialLists/{list_sid}/Credentials"
    await _made(world, path, Username="anna", Password=SECRET)
    again = await world.post(f"SIP/{path}.json", Username="anna", Password=SECRET)
    assert (again.status, again.json["code"]) == (400, 21231)


@pytest.mark.parametrize(
    ("address", "length", "host", "is_in"),
    [
        ("192.0.2.7", "", "192.0.2.7", True),
        ("192.0.2.7", "", "192.0.2.8", False),
        ("192.0.2.7", "24", "192.0.2.8", True),
        ("2001:db8::1", "64", "2001:db8::2", True),
    ],
)
async def test_an_address_may_call_while_its_list_is_mapped(
    world: World, address: str, length: str, host: str, is_in: bool
) -> None:
    domain = await _made(world, "Domains", DomainName="acme.example")
    list_sid = await _made(world, "IpAccessControlLists", FriendlyName="places")
    given = {"CidrPrefixLength": length} if length else {}
    path = f"IpAccessControlLists/{list_sid}/IpAddresses"
    sid = await _made(world, path, FriendlyName="one", IpAddress=address, **given)
    objects = world.store.sip_objects
    assert await objects.accounts_at(host) == frozenset()
    mapping = f"Domains/{domain}/IpAccessControlListMappings"
    await _made(world, mapping, IpAccessControlListSid=list_sid)
    assert bool(await objects.accounts_at(host)) is is_in
    assert (await world.get(f"SIP/{path}/{sid}.json")).json["ip_address"] == address
    assert (await world.delete(f"SIP/{path}/{sid}.json")).status == 204
    assert await objects.accounts_at(host) == frozenset()


@pytest.mark.parametrize(
    ("path", "parameters"),
    [
        ("Domains", {"DomainName": "not a host"}),
        ("Domains", {"DomainName": "-acme"}),
        ("CredentialLists", {}),
        ("IpAccessControlLists/{list}/IpAddresses", {"FriendlyName": "x", "IpAddress": "300.1.1.1"}),
        (
            "IpAccessControlLists/{list}/IpAddresses",
            {"FriendlyName": "x", "IpAddress": "192.0.2.1", "CidrPrefixLength": "64"},
        ),
        ("Domains/{domain}/IpAccessControlListMappings", {"IpAccessControlListSid": "AL" + "0" * 32}),
        ("Domains/{domain}/CredentialListMappings", {"CredentialListSid": "CL" + "0" * 32}),
    ],
)
async def test_refused(world: World, path: str, parameters: dict[str, str]) -> None:
    places = await _made(world, "IpAccessControlLists", FriendlyName="places")
    domain = await _made(world, "Domains", DomainName="acme.example")
    answer = await world.post(f"SIP/{path.format(list=places, domain=domain)}.json", **parameters)
    assert answer.status == 400, answer.body


async def test_the_pages_of_one_kind_of_mapping_hold_no_other(world: World) -> None:
    """The newest mapping is of the other kind: the first page of one record is still full."""
    domain = await _made(world, "Domains", DomainName="acme.example")
    phones = await _made(world, "CredentialLists", FriendlyName="phones")
    office = await _made(world, "IpAccessControlLists", FriendlyName="office")
    await _made(world, f"Domains/{domain}/CredentialListMappings", CredentialListSid=phones)
    await _made(world, f"Domains/{domain}/IpAccessControlListMappings", IpAccessControlListSid=office)
    for last, key, sid in (
        ("CredentialListMappings", "credential_list_mappings", phones),
        ("IpAccessControlListMappings", "ip_access_control_list_mappings", office),
    ):
        page = (await world.get(f"SIP/Domains/{domain}/{last}.json?PageSize=1")).json
        assert [each["sid"] for each in page[key]] == [sid]
        assert page["next_page_uri"] is None
