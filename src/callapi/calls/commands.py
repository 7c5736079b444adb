"""What REST may ask of calls: validated values, made by `api/`, carried out by `Outbound` and `CallControl`."""

from typing import Literal

from msgspec import Struct

from callapi.calls.documents.document import DocumentRequest
from callapi.calls.placing.machine_detection import DetectionOrder
from callapi.calls.placing.placement import Subscription
from callapi.calls.recording.recordings import RecordingCallback
from callapi.media import RecordOptions


class RecordingOrder(Struct, frozen=True):
    """How a call that REST places is recorded."""

    options: RecordOptions = RecordOptions()
    sent_only: bool = False
    """The called party hears it: what the document plays and says."""
    callback: RecordingCallback | None = None


class CreateCall(Struct, frozen=True):
    """A call to be placed; `document` runs once it is answered."""

    from_: str
    to: str
    document: DocumentRequest
    callbacks: Subscription | None = None
    timeout_s: int = 60
    """How long it may ring."""
    time_limit_s: int = 14_400
    """How long it may last once answered."""
    recording: RecordingOrder | None = None
    """Of the whole call, from its answer on."""
    sip_username: str | None = None
    sip_password: str | None = None
    caller_name: str | None = None
    caller_id: str | None = None
    """Shown to the called party in place of `from_`."""
    send_digits: str | None = None
    """Sent once answered, before the document."""
    detection: DetectionOrder | None = None
    """Find out whether a person or a machine answers; without effect where there are `send_digits`."""


class ModifyCall(Struct, frozen=True):
    """A command to a live call; what is None stays as it is."""

    document: DocumentRequest | None = None
    """Runs on the call in place of its present document."""
    status: Literal["canceled", "completed"] | None = None
    """`canceled` ends a call that was not answered yet, `completed` any."""
    move_connected_leg: bool = False
    """The party it is joined with runs `document` too."""
    mute: bool | None = None
    time_limit_s: int | None = None
    """How long it may last, counted from its answer."""
    status_callback: str | None = None
    """Where its status callbacks go from now on, for the same steps as before."""
    status_callback_method: str | None = None
