"""Plain values of the media room: addresses, formats, parameters, options, statistics.

Durations are milliseconds where the name ends in `_ms` and seconds where it ends in `_s`; `payload_type` is
what the remote wants to receive (its SDP), `receive_payload_type` what we announced (ours).
"""

from enum import StrEnum
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from msgspec import Struct

from callapi.base.values import Redacted

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Samples: TypeAlias = "NDArray[np.int16]"
"""Mono audio of shape (n,). numpy is imported where samples are made (`base.later`)."""

_H264_PROFILE: Final = "42"
"""Baseline, where `profile-level-id` is missing (RFC 6184 §8.1)."""
_DISTINGUISHING: Final = {
    "h264": (("packetization-mode", "0"),),
    "h265": (("profile-id", "1"),),
    "vp9": (("profile-id", "0"),),
    "av1": (("profile", "0"),),
}
"""By codec: parameters of `a=fmtp` that both ends must agree on, and their defaults."""


class MediaAddress(Struct, frozen=True, gc=False):
    """An IP literal and a UDP port."""

    host: str
    port: int


class JitterDelay(Struct, frozen=True, gc=False):
    """How long a member's packets wait before they are mixed: it grows with their jitter, between these bounds.

    Both 0: a packet that does not come in time for its 20 ms is left out.
    """

    min_ms: int
    max_ms: int


class Direction(StrEnum):
    """Ours, as in `a=sendrecv` (RFC 8866 §6.7)."""

    SENDRECV = "sendrecv"
    SENDONLY = "sendonly"
    RECVONLY = "recvonly"
    INACTIVE = "inactive"

    @property
    def sends(self) -> bool:
        """Whether we send media to the remote."""
        return self is Direction.SENDRECV or self is Direction.SENDONLY

    @property
    def receives(self) -> bool:
        """Whether we expect media from the remote."""
        return self is Direction.SENDRECV or self is Direction.RECVONLY


class CodecFormat(Struct, frozen=True, gc=False):
    """One audio format as both sides agreed on it.

    `name` is one of PCMU, PCMA, G722, opus; `clock_rate` is the RTP clock (8000 for G722, RFC 3551 §4.5.2).
    """

    name: str
    payload_type: int
    clock_rate: int
    channels: int
    receive_payload_type: int
    fmtp: str = ""


class SrtpKeys(Redacted, frozen=True, gc=False):
    """Master keys of one media line (RFC 4568 §6.1): each the key and the salt of `suite`, one after the other."""

    secrets = frozenset({"send", "receive"})

    suite: str
    """One of `sdp.crypto.SUITES`, for both directions."""
    send: bytes
    receive: bytes


class DtlsParameters(Struct, frozen=True, gc=False):
    """Who begins the handshake, and SHA-256 of the certificates that the peer may show (32 octets each)."""

    is_client: bool
    fingerprints: tuple[bytes, ...]


class IceParameters(Redacted, frozen=True, gc=False):
    """Credentials of both sides (RFC 8445 §5.3), and our one candidate."""

    secrets = frozenset({"local_pwd", "remote_pwd"})

    local_ufrag: str
    local_pwd: str
    remote_ufrag: str
    remote_pwd: str
    candidate: MediaAddress


class StreamParameters(Struct, frozen=True, gc=False):
    """What offer and answer agreed on for one audio stream.

    `remote` is None while the remote gave no address (0.0.0.0, port 0): nothing is sent then. `remote_rtcp`
    None means the next port (or the same one with `rtcp_mux`). `telephone_event` is the payload type that the
    remote wants for digits (RFC 4733), None if it knows none. Without `srtp` and `dtls` packets
    are not encrypted; with `dtls` the keys come by a handshake, and with `ice` the peer's address by its checks.
    """

    remote: MediaAddress | None
    codec: CodecFormat
    remote_rtcp: MediaAddress | None = None
    telephone_event: int | None = None
    receive_telephone_event: int | None = None
    direction: Direction = Direction.SENDRECV
    ptime_ms: int = 20
    rtcp_mux: bool = False
    other_formats: tuple[CodecFormat, ...] = ()
    """The remote may turn to one of these at any time: it is heard at once, and a `FormatUsed` says so."""
    srtp: SrtpKeys | None = None
    dtls: DtlsParameters | None = None
    ice: IceParameters | None = None


class VideoFormat(Struct, frozen=True, gc=False):
    """One video format; packets are relayed untouched but for the payload type.

    `feedback` are the values of its `a=rtcp-fb` (RFC 4585), without the payload type. `repairs` is the format whose
    packets this one repeats (RFC 4588: `rtx`, whose `apt` then is not in `fmtp`).
    """

    name: str
    payload_type: int
    receive_payload_type: int
    clock_rate: int = 90_000
    fmtp: str = ""
    feedback: tuple[str, ...] = ()
    repairs: "VideoFormat | None" = None

    @property
    def kind(self) -> str:
        """Equal for formats of which one can be read as the other: name, and what its RFC says must be the same.

        H.264: profile, of any level, and packetization mode (RFC 6184 §8.2.2); VP9 (RFC 9628 §6.1), AV1, H.265
        (RFC 7798 §7.1): profile.
        """
        if self.repairs is not None:
            return f"rtx of {self.repairs.kind}"
        name = self.name.lower()
        said = {key.strip(): value.strip() for key, _, value in self._parameters()}
        distinct = [said.get(key, default) for key, default in _DISTINGUISHING.get(name, ())]
        if name == "h264":
            distinct.append(said.get("profile-level-id", _H264_PROFILE)[:2])
        return " ".join((f"{name}/{self.clock_rate}", *distinct))

    @property
    def is_repair(self) -> bool:
        """Whether its packets repeat those of another format."""
        return self.repairs is not None

    @property
    def parameters(self) -> str:
        """`fmtp`, or that of the format it repeats: distinguishes formats of one `kind`."""
        return self.repairs.fmtp if self.repairs is not None else self.fmtp

    def _parameters(self) -> list[tuple[str, str, str]]:
        return [each.partition("=") for each in self.fmtp.lower().split(";")]


class VideoParameters(Struct, frozen=True, gc=False):
    """What offer and answer agreed on for one video stream; None and defaults as in StreamParameters."""

    remote: MediaAddress | None
    formats: tuple[VideoFormat, ...]
    remote_rtcp: MediaAddress | None = None
    direction: Direction = Direction.SENDRECV
    rtcp_mux: bool = False
    srtp: SrtpKeys | None = None
    dtls: DtlsParameters | None = None
    ice: IceParameters | None = None


class Prompt(Struct, frozen=True, eq=False, weakref=True):
    """Audio to play: mono int16 `samples` of shape (n,) at `rate` Hz. Compared by identity; never changed."""

    samples: Samples
    rate: int
    flaw: str = ""
    """What is missing of the file that it came from, as a sentence; empty: nothing that is known."""

    @property
    def duration_ms(self) -> int:
        """How long it sounds once."""
        return len(self.samples) * 1000 // self.rate


class Track(StrEnum):
    """Which audio of a leg is meant."""

    INBOUND = "inbound"
    """What this party says."""
    OUTBOUND = "outbound"
    """What this party is sent, hence hears."""


class AudioFormat(Struct, frozen=True, gc=False):
    """How samples are written as octets: mono, `rate` samples a second.

    `encoding` is PCMU or PCMA (G.711, one octet a sample, 8000 Hz), or L16 (signed 16 bit, little-endian; 8000,
    16000, 24000 or 48000 Hz).
    """

    encoding: Literal["PCMU", "PCMA", "L16"] = "PCMU"
    rate: int = 8000

    @property
    def octets_per_ms(self) -> int:
        """Octets of one millisecond of audio."""
        return self.rate // 1000 * (2 if self.encoding == "L16" else 1)

    def check(self) -> None:
        """Raises ValueError on an unknown format."""
        rates = (8000, 16_000, 24_000, 48_000) if self.encoding == "L16" else (8000,)
        if self.rate not in rates:
            raise ValueError(f"{self.encoding} has one of {rates} samples a second, not {self.rate}")


class AudioFrame(Struct, frozen=True, gc=False):
    """20 ms of audio: `payload` in the format that was asked for, `timestamp_ms` since listening began."""

    timestamp_ms: int
    payload: bytes


class PlayedMark(Struct, frozen=True, gc=False):
    """A mark of a Feeding is over.

    `is_cleared`: what was written before it was dropped, at least in part; else all of it has left as RTP.
    """

    mark_id: str
    is_cleared: bool = False


class RecordOptions(Struct, frozen=True, gc=False):
    """How to record one stream.

    Attributes:
        channels: 1 mixes both directions (or holds the received audio alone with `received_only`); 2 has what
            this leg says on the left and what it hears on the right: caller and callee during a bridge.
        received_only: leave out what we send (`Record` wants the party alone).
        silence_timeout_s: end after so much silence from the remote; None: never.
        max_length_s: end after so long; None: never.
        finish_on_key: any of these digits ends the recording.
        trim: cut silence at both ends.
        beep: play a beep first; recording begins after it.
    """

    channels: int = 1
    received_only: bool = False
    silence_timeout_s: float | None = None
    max_length_s: float | None = None
    finish_on_key: str = ""
    trim: bool = False
    beep: bool = False


class StreamStatistics(Struct, frozen=True, gc=False):
    """Counters of one stream since it was opened (RFC 3550 §6.4.1 for lost and jitter).

    `remote` is where packets are sent at present: the latched source, else the SDP's. `mos` is estimated from
    loss, delay and codec (ITU-T G.107), None before anything was received.
    """

    packets_received: int = 0
    bytes_received: int = 0
    packets_sent: int = 0
    bytes_sent: int = 0
    packets_lost: int = 0
    packets_dropped: int = 0
    jitter_ms: float = 0.0
    round_trip_ms: float | None = None
    mos: float | None = None
    codec: str = ""
    remote: MediaAddress | None = None


class PlaneStatistics(Struct, frozen=True, gc=False):
    """What the media plane holds at present, and what went through it since its start."""

    streams: int = 0
    video_streams: int = 0
    bridges: int = 0
    rooms: int = 0
    recordings: int = 0
    ports_in_use: int = 0
    ports_free: int = 0
    threads: int = 0
    packets_received: int = 0
    packets_sent: int = 0
    packets_dropped: int = 0
    events_lost: int = 0
