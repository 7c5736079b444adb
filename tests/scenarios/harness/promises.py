"""What a service promises of its callbacks, counted: one final event for each leg, the last, in order, none twice."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable

from tests.scenarios.harness.application import Request, Webhook

EVENT_ID = "X-CallAPI-Event-Id"
MAX_DELIVERIES = 3
"""Of one event: by a node that died, by its heir that died in the midst, by the heir's heir."""
FINAL = {"completed", "failed", "busy", "no-answer", "canceled"}

Events = dict[str, list[tuple[str, int, str]]]


def events_in(requests: Iterable[Request], path: str, *, only: Collection[str] | None = None) -> Events:
    """The callbacks of each call: status, sequence number, event id, in the order of their arrival."""
    found: Events = defaultdict(list)
    for request in requests:
        if request.path == path and (only is None or request["CallSid"] in only):
            number = int(request.parameters["SequenceNumber"])
            found[request["CallSid"]].append((request["CallStatus"], number, request.headers[EVENT_ID]))
    return found


def reported(webhook: Webhook, path: str) -> Events:
    """The callbacks of the calls of this test: those that asked for a document, and their children."""
    asked = {each["CallSid"] for each in webhook.requests if each.path == "voice"}
    of_children = {each["CallSid"] for each in webhook.requests if "ParentCallSid" in each}
    return events_in(webhook.requests, path, only=asked | of_children if path == "ended" else None)


def judge(legs: Events) -> Events:
    """The same legs; AssertionError unless each has one final event, its last, in order and without a gap.

    A process that dies, or is cut off, between answers and its note of them has these events delivered again, by
    another one, under the same ids: they count once.
    """
    for sid, events in legs.items():
        once = list(dict.fromkeys(events))
        assert len({each[2] for each in once}) == len(once), f"{sid}: {events}"
        assert [each[1] for each in once] == list(range(len(once))), (
            f"{sid}: a gap, or out of order: {events}"
        )
        assert max(Counter(events).values()) <= MAX_DELIVERIES, f"{sid}: again and again: {events}"
        assert [each[0] in FINAL for each in once] == [False] * (len(once) - 1) + [True], f"{sid}: {events}"
    return legs


def doubled(legs: Events) -> int:
    """How many events were delivered more than once."""
    return sum(len(events) - len(set(events)) for events in legs.values())
