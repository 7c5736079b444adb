"""Identifiers of the REST resources: two letters and 32 lower-case hex digits, as Twilio's."""

from typing import NewType

from callapi.base.entropy import random_hex

AccountSid = NewType("AccountSid", str)
CallSid = NewType("CallSid", str)
RecordingSid = NewType("RecordingSid", str)
TranscriptSid = NewType("TranscriptSid", str)
NumberSid = NewType("NumberSid", str)
ApplicationSid = NewType("ApplicationSid", str)
ClientSid = NewType("ClientSid", str)
NotificationSid = NewType("NotificationSid", str)
TrunkSid = NewType("TrunkSid", str)
KeySid = NewType("KeySid", str)
ConferenceSid = NewType("ConferenceSid", str)
QueueSid = NewType("QueueSid", str)
EventId = NewType("EventId", str)


def _new(prefix: str) -> str:
    return prefix + random_hex()


def new_account_sid() -> AccountSid:
    """A fresh `AC…`."""
    return AccountSid(_new("AC"))


def new_call_sid() -> CallSid:
    """A fresh `CA…`."""
    return CallSid(_new("CA"))


def new_recording_sid() -> RecordingSid:
    """A fresh `RE…`."""
    return RecordingSid(_new("RE"))


def new_transcript_sid() -> TranscriptSid:
    """A fresh `TR…`."""
    return TranscriptSid(_new("TR"))


def new_number_sid() -> NumberSid:
    """A fresh `PN…`."""
    return NumberSid(_new("PN"))


def new_application_sid() -> ApplicationSid:
    """A fresh `AP…`."""
    return ApplicationSid(_new("AP"))


def new_client_sid() -> ClientSid:
    """A fresh `CL…`."""
    return ClientSid(_new("CL"))


def new_notification_sid() -> NotificationSid:
    """A fresh `NO…`."""
    return NotificationSid(_new("NO"))


def new_trunk_sid() -> TrunkSid:
    """A fresh `TK…`."""
    return TrunkSid(_new("TK"))


def new_key_sid() -> KeySid:
    """A fresh `SK…`."""
    return KeySid(_new("SK"))


def new_sip_sid(prefix: str) -> str:
    """A fresh sid of a SIP domain (`SD`), list (`CL`, `AL`), credential (`CR`) or address (`IP`)."""
    return _new(prefix)


def new_conference_sid() -> ConferenceSid:
    """A fresh `CF…`."""
    return ConferenceSid(_new("CF"))


def new_queue_sid() -> QueueSid:
    """A fresh `QU…`."""
    return QueueSid(_new("QU"))
