"""Look-ups on the path of a call: who answers, from memory when warm, and never what is no longer so."""

import asyncio
import random
from collections import Counter
from pathlib import Path

import pytest
from msgspec.structs import replace

from callapi.base.settings import NumberSettings
from callapi.store import (
    AccountRecord,
    ApplicationRecord,
    ClientRecord,
    Conflict,
    Equals,
    NumberRecord,
    PageRequest,
    Put,
    Remove,
    Store,
    TrunkRecord,
    Unavailable,
    digest_secrets,
)
from callapi.store.reading import cache as cache_module
from tests.store.flaky import FlakyBackend
from tests.store.samples import ACCOUNT, OTHER, account, after, application, binding, client, number, trunk


def first() -> float:
    """A draw that takes the first."""
    return 0.0


class TestAccounts:
    async def test_the_first_start_makes_an_account(self, store: Store) -> None:
        first = await store.accounts.ensure_first(None, None)
        assert first.is_new
        assert len(first.account.auth_token) == 32
        assert first.account.auth_token not in repr(first)
        again = await store.accounts.ensure_first(None, None)
        assert (again.account, again.is_new) == (first.account, False)

    async def test_sid_and_token_may_be_given(self, store: Store) -> None:
        first = await store.accounts.ensure_first(ACCOUNT, "t" * 32)
        assert (first.account.sid, first.account.auth_token, first.is_new) == (ACCOUNT, "t" * 32, True)
        again = await store.accounts.ensure_first(ACCOUNT, "u" * 32)
        assert (again.account.auth_token, again.is_new) == ("u" * 32, False)
        assert await store.accounts.by_sid(ACCOUNT) == again.account
        assert (await store.accounts.ensure_first(ACCOUNT, None)).account == again.account

    async def test_the_oldest_account_that_is_no_subaccount_is_the_first(self, store: Store) -> None:
        parent = account(date_created=after(1))
        await store.commit(
            Put(account(parent_sid=parent.sid)), Put(parent), Put(account(date_created=after(2)))
        )
        assert (await store.accounts.ensure_first(None, None)).account == parent

    async def test_a_list_holds_the_account_and_its_subaccounts(self, store: Store) -> None:
        parent = account()
        child = account(parent_sid=parent.sid, date_created=after(1), friendly_name="Child")
        await store.commit(Put(parent), Put(child), Put(account()))
        page = await store.accounts.page(parent.sid, PageRequest())
        assert page.records == (child, parent)
        assert await store.accounts.count(parent.sid) == 2
        named = await store.accounts.page(parent.sid, PageRequest(), Equals("friendly_name", "Child"))
        assert named.records == (child,)

    async def test_a_write_shows_at_once(self, store: Store) -> None:
        one = account()
        assert await store.accounts.by_sid(one.sid) is None
        store.write(Put(one))
        assert await store.accounts.by_sid(one.sid) == one
        suspended = replace(one, status="suspended")
        await store.commit(Put(suspended))
        assert await store.accounts.by_sid(one.sid) == suspended
        store.write(Remove(AccountRecord, (one.sid,)))
        assert await store.accounts.by_sid(one.sid) is None


class TestNumbers:
    @pytest.fixture
    async def store(self, store: Store) -> Store:
        """Numbers that overlap."""
        for text in ("1000", "+15551234", "*", "10*", "1*0", "+44*", "**44*", "alice"):
            store.write(Put(number(text)))
        await store.flush()
        return store

    @pytest.mark.parametrize(
        ("user", "pattern"),
        [
            ("1000", "1000"),
            ("+15551234", "+15551234"),
            ("15551234", "+15551234"),
            ("+1000", "1000"),
            ("1001", "10*"),
            ("1200", "1*0"),
            ("+44207", "+44*"),
            ("44207", "**44*"),
            ("alice", "alice"),
            ("+alice", "*"),
            ("Alice", "*"),
            ("*", "*"),
            ("", "*"),
            ("1.00", "1*0"),
        ],
    )
    async def test_the_most_specific_wins(self, store: Store, user: str, pattern: str) -> None:
        for _ in range(2):
            found = await store.numbers.route(user)
            assert found is not None
            assert found.phone_number == pattern

    async def test_changes_lead_elsewhere_at_once(self, store: Store) -> None:
        assert (await store.numbers.route("1001")) is not None
        exact = number("1001")
        await store.commit(Put(exact))
        assert await store.numbers.route("1001") == exact
        renamed = replace(exact, phone_number="1002")
        await store.commit(Put(renamed))
        found = await store.numbers.route("1001")
        assert found is not None
        assert found.phone_number == "10*"
        assert await store.numbers.route("1002") == renamed


async def test_without_a_pattern_that_fits(store: Store) -> None:
    store.write(Put(number("1000")), Put(number("2*")))
    assert await store.numbers.route("3000") is None


async def test_numbers_from_the_configuration_come_and_go_with_it(store: Store) -> None:
    by_rest, taken = number("3000"), number("1000", voice_application_sid="AP1")
    await store.commit(Put(by_rest), Put(taken))
    one, two = (
        NumberSettings(number="1000", voice_url="http://a/1"),
        NumberSettings(number="*", voice_method="GET"),
    )
    await store.numbers.configure(OTHER, (one, two))
    found = await store.numbers.by_number("1000")
    assert found is not None
    assert (found.sid, found.account_sid, found.voice_url) == (taken.sid, OTHER, "http://a/1")
    assert found.voice_application_sid is None
    catch_all = await store.numbers.route("9")
    assert catch_all is not None
    assert (catch_all.voice_method, catch_all.voice_url) == ("GET", None)
    await store.numbers.configure(OTHER, (one,))
    assert await store.numbers.by_number("*") is None
    assert await store.numbers.by_number("1000") == found
    assert await store.numbers.by_number("3000") == by_rest


async def test_a_login_exists_once(store: Store) -> None:
    alice = client("alice")
    await store.commit(Put(alice))
    assert await store.clients.by_login("alice") == alice
    with pytest.raises(Conflict):
        await store.commit(Put(client("alice", account_sid=OTHER)))
    assert await store.clients.by_login("alice") == alice
    renamed = replace(alice, login="alicia")
    await store.commit(Put(renamed))
    assert await store.clients.by_login("alice") is None
    assert await store.clients.by_login("alicia") == renamed
    await store.commit(Remove(ClientRecord, (alice.sid,)))
    assert await store.clients.by_login("alicia") is None


async def test_a_write_that_is_refused_is_not_believed(store: Store) -> None:
    store.write(Put(client("alice")))
    store.write(Put(wrong := client("alice")))
    await store.flush()
    found = await store.clients.by_login("alice")
    assert found is not None
    assert found.sid != wrong.sid


async def test_applications(store: Store) -> None:
    one = application()
    store.write(Put(one))
    assert await store.applications.by_sid(one.sid) == one
    store.write(Remove(ApplicationRecord, (one.sid,)))
    assert await store.applications.by_sid(one.sid) is None


async def test_trunks_are_tried_by_priority_then_by_how_much_their_pattern_says(store: Store) -> None:
    anywhere, uk, backup = trunk(), trunk(pattern="+44*"), trunk(priority=1)
    store.write(*map(Put, (backup, anywhere, uk)))
    store.write(Put(trunk(status="disabled")), Put(trunk(account_sid=OTHER)))
    assert await store.trunks.serving(ACCOUNT, "+44207", first) == (uk, anywhere, backup)
    assert await store.trunks.serving(ACCOUNT, "+1555", first) == (anywhere, backup)
    store.write(Remove(TrunkRecord, (anywhere.sid,)))
    assert await store.trunks.serving(ACCOUNT, "+1555", first) == (backup,)
    store.write(Put(replace(backup, pattern="+49*")))
    assert await store.trunks.serving(ACCOUNT, "+1555", first) == ()


async def test_trunks_of_one_priority_share_the_calls_by_weight(store: Store) -> None:
    """Each call's order is drawn anew; a backup stays a backup, whatever its weight."""
    light, heavy, backup = trunk(weight=1), trunk(weight=3), trunk(priority=1, weight=100)
    await store.commit(*map(Put, (backup, heavy, light)))
    chance = random.Random(7).random
    orders = [await store.trunks.serving(ACCOUNT, "+1555", chance) for _ in range(2000)]
    firsts = Counter(order[0].weight for order in orders)
    assert firsts[3] / 2000 == pytest.approx(0.75, abs=0.05)
    assert all(set(order) == {light, heavy, backup} and order[-1] == backup for order in orders)


async def test_a_trunk_is_known_by_where_its_calls_come_from(store: Store) -> None:
    """The gateway's own address, or a network of the trunk; a host name says nothing."""
    by_address, by_network = (
        trunk(uri="sip:[2001:db8::1]:5070;transport=tcp"),
        trunk(networks=("192.0.2.0/24", "nonsense")),
    )
    store.write(Put(by_address), Put(by_network), Put(trunk(status="disabled", networks=("192.0.2.0/24",))))
    assert await store.trunks.at("192.0.2.7") == (by_network,)
    assert await store.trunks.at("2001:db8::1") == (by_address,)
    assert await store.trunks.at("198.51.100.1") == ()
    store.write(Remove(TrunkRecord, (by_network.sid,)))
    assert await store.trunks.at("192.0.2.7") == ()


async def test_bindings_of_everybody(store: Store) -> None:
    store.write(*(Put(binding(login, "sip:a@192.0.2.1")) for login in "abc"))
    await store.flush()
    assert [each.login for each in await store.bindings.everywhere(2)] == ["a", "b"]


def test_of_a_password_only_digests_are_kept() -> None:
    """RFC 7616 §3.9.1: the user Mufasa; the digests are those of `echo -n Mufasa:…:Circle of Life | md5sum` etc."""
    secrets = digest_secrets("Mufasa", "http-auth@example.org", "Circle of Life")
    assert secrets.md5 == "3d78807defe7de2157e2b0b6573a855f"
    assert (len(secrets.sha256), len(secrets.sha512_256)) == (64, 64)
    assert secrets.sha256 == "7987c64c30e25f1b74be53f966b49b90f2808aa92faf9a00262392d7b4794232"


class TestWarmth:
    """What is known is given at once; what may be old is asked for in the background."""

    async def test_another_node_s_change_shows_at_the_second_look(
        self, url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(cache_module, "TTL_S", 0.0)
        async with Store.open(url) as one, Store.open(url) as other:
            old = number("1000")
            await one.commit(Put(old))
            assert await other.numbers.route("1000") == old
            new = replace(old, voice_url="http://new")
            await one.commit(Put(new))
            assert await other.numbers.route("1000") == old
            await asyncio.gather(*(answer for _, answer in other.numbers._exact._under_way.values()))
            assert await other.numbers.route("1000") == new

    async def test_while_the_database_is_away_the_node_goes_on_with_what_it_knows(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(cache_module, "TTL_S", 0.0)
        backend = FlakyBackend()
        async with Store(backend) as store:
            store.write(Put(number("1000")), Put(client("alice")), Put(binding("alice", "sip:a@b")))
            await store.flush()
            known = await store.numbers.route("1000")
            assert len(await store.bindings.of("alice")) == 1
            backend.is_away = True
            for _ in range(3):
                assert await store.numbers.route("1000") == known
            store.write(Put(binding("alice", "sip:other@b")))
            assert len(await store.bindings.of("alice")) == 2
            with pytest.raises(Unavailable):
                await store.clients.by_login("bob")
            backend.is_away = False

    async def test_a_warm_answer_needs_no_thread_and_no_turn_of_the_loop(self, tmp_path: Path) -> None:
        async with Store.open(f"sqlite:///{tmp_path}/callapi.db") as store:
            await store.commit(Put(number("1000")))
            await store.numbers.route("1000")
            looking = store.numbers.route("1000")
            with pytest.raises(StopIteration) as ended:
                looking.send(None)
            assert isinstance(ended.value.value, NumberRecord)

    async def test_many_who_ask_at_once_ask_once(self) -> None:
        asked: list[str] = []

        class Backend(FlakyBackend):
            def select(self, query):  # type: ignore[no-untyped-def]
                asked.append(query.kind.__name__)
                return super().select(query)

        async with Store(Backend()) as store:
            await asyncio.gather(*(store.clients.by_login("alice") for _ in range(20)))
            assert asked == ["ClientRecord"]

    async def test_memory_for_answers_is_bounded(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(cache_module, "MAX_ENTRIES", 3)
        async with Store.in_memory() as store:
            for name in "abcde":
                await store.clients.by_login(name)
            await asyncio.sleep(0)
            assert list(store.clients._by_login._entries) == ["c", "d", "e"]

    async def test_an_answer_from_before_a_write_is_not_kept(self, tmp_path: Path) -> None:
        async with Store.open(f"sqlite:///{tmp_path}/callapi.db") as store:
            one = account()
            asking = asyncio.create_task(store.accounts.by_sid(one.sid))
            await asyncio.sleep(0)
            store.write(Put(one))
            await asking
            assert await store.accounts.by_sid(one.sid) == one
