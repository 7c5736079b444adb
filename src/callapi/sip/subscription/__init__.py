"""The implicit subscriptions of REFER (RFC 3515, RFC 6665), as notifier and as subscriber; pure machines.

They are usages of a dialog beside its INVITE (RFC 5057): each has its own life, and the dialog lasts until the last of
them has ended.
"""

from callapi.sip.subscription.events import (
    ReferAccepted,
    ReferEnded,
    ReferEvent,
    ReferProgress,
    ReferRefused,
)
from callapi.sip.subscription.notifier import ReferNotifier
from callapi.sip.subscription.subscriber import ReferSubscriber

__all__ = [
    "ReferAccepted",
    "ReferEnded",
    "ReferEvent",
    "ReferNotifier",
    "ReferProgress",
    "ReferRefused",
    "ReferSubscriber",
]
