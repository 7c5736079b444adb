"""Numbers and SIP users that the node answers for."""

import re
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from functools import lru_cache

from msgspec.structs import replace

from callapi.base.api_version import API_VERSION
from callapi.base.clock import utc_now
from callapi.base.ids import AccountSid, new_number_sid
from callapi.base.settings import NumberSettings
from callapi.store.changes import Put, Remove
from callapi.store.errors import Conflict
from callapi.store.query import Contains, Equals, Query
from callapi.store.reading.cache import Cache
from callapi.store.reading.reader import Reader
from callapi.store.reading.repository import Repository
from callapi.store.records import NumberRecord
from callapi.store.repositories.accounts import Commit

CONFIGURATION = "configuration"
_PATTERNS = "*"
_TRIES = 3


class NumberRepository(Repository[NumberRecord]):
    """Which number leads to which application. A number or pattern exists once on the whole node."""

    kind = NumberRecord

    def __init__(self, reader: Reader, commit: Commit) -> None:
        super().__init__(reader)
        self._commit = commit
        self._exact: Cache[NumberRecord | None] = Cache(reader, self._load)
        self._patterns: Cache[tuple[NumberRecord, ...]] = Cache(reader, self._load_patterns)

    async def by_number(self, phone_number: str) -> NumberRecord | None:
        """The record of exactly this number or pattern."""
        found = await self._select(Query(NumberRecord, (Equals("phone_number", phone_number),)))
        return found[0] if found else None

    async def route(self, user: str) -> NumberRecord | None:
        """Who answers for the user part of a Request-URI, from memory when warm.

        The same text wins; then the same number with or without the `+` of E.164, since trunks write both; then the
        pattern with the most characters that are not `*`.
        """
        if (exact := await self._exact.get(user)) is not None:
            return exact
        if (written := _other_writing(user)) and (other := await self._exact.get(written)) is not None:
            return other
        return best_pattern(user, await self._patterns.get(_PATTERNS))

    async def configure(
        self, account_sid: AccountSid, wanted: Sequence[NumberSettings], elsewhere: Collection[str] = ()
    ) -> None:
        """Make the numbers from the configuration what `wanted` says; those made over REST stay.

        A number that occurs in both belongs to the configuration. Those in the configuration files of other nodes
        (`elsewhere`) stay too. Raises Unavailable.
        """
        for _ in range(_TRIES - 1):
            with suppress(Conflict):  # another node that starts has just made the same number
                await self._configure(account_sid, wanted, elsewhere)
                return
        await self._configure(account_sid, wanted, elsewhere)

    async def _configure(
        self, account_sid: AccountSid, wanted: Sequence[NumberSettings], elsewhere: Collection[str]
    ) -> None:
        before = {each.phone_number: each for each in await self._select(Query(NumberRecord))}
        changes: list[Put | Remove] = []
        for settings in wanted:
            record = _configured(account_sid, settings, before.pop(settings.number, None))
            if record is not None:
                changes.append(Put(record))
        obsolete = (
            each
            for each in before.values()
            if each.origin == CONFIGURATION and each.phone_number not in elsewhere
        )
        changes.extend(Remove(NumberRecord, (each.sid,)) for each in obsolete)
        if changes:
            await self._commit(*changes)

    def update(self, change: Put | Remove) -> None:  # noqa: ARG002 - any change may lead any user elsewhere
        """Forget what was known."""
        self.forget()

    def forget(self) -> None:
        """Know nothing, and ask again."""
        self._exact.drop()
        self._patterns.drop()

    def _load(self, number: str) -> NumberRecord | None:
        if "*" in number:
            return None  # a caller who dials "*" does not ask for the pattern
        found = self._reader.backend.select(Query(NumberRecord, (Equals("phone_number", number),)))
        return found[0] if found else None

    def _load_patterns(self, _key: str) -> tuple[NumberRecord, ...]:
        return tuple(self._reader.backend.select(Query(NumberRecord, (Contains("phone_number", "*"),))))


def best_pattern(user: str, numbers: Iterable[NumberRecord]) -> NumberRecord | None:
    """The record whose pattern fits `user` most closely."""
    fitting = [each for each in numbers if fits(each.phone_number, user)]
    return max(fitting, key=lambda each: (specificity(each.phone_number), each.phone_number), default=None)


def fits(pattern: str, text: str) -> bool:
    """Whether `text` is what `pattern` describes: `*` stands for any characters, also none."""
    return _expression(pattern).fullmatch(text) is not None


@lru_cache(maxsize=10_000)
def _expression(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, pattern.split("*"))), re.DOTALL)


def specificity(pattern: str) -> tuple[int, int]:
    """Greater for a pattern that says more: the more characters of its own, then the fewer `*`."""
    stars = pattern.count("*")
    return len(pattern) - stars, -stars


def _other_writing(user: str) -> str | None:
    digits = user.removeprefix("+")
    if not digits.isdecimal():
        return None
    return digits if user.startswith("+") else f"+{digits}"


def _configured(
    account_sid: AccountSid, settings: NumberSettings, before: NumberRecord | None
) -> NumberRecord | None:
    """The record that says what `settings` do; None if it is there already."""
    now = utc_now()
    base = before or NumberRecord(
        sid=new_number_sid(),
        account_sid=account_sid,
        phone_number=settings.number,
        friendly_name=settings.number,
        date_created=now,
        date_updated=now,
        api_version=API_VERSION,
    )
    record = replace(
        base,
        account_sid=account_sid,
        origin=CONFIGURATION,
        voice_url=settings.voice_url or None,
        voice_method=settings.voice_method,
        voice_fallback_url=settings.voice_fallback_url or None,
        voice_fallback_method=settings.voice_fallback_method,
        voice_application_sid=None,
        status_callback=settings.status_callback or None,
        status_callback_method=settings.status_callback_method,
    )
    return None if record == before else replace(record, date_updated=now)
