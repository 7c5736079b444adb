"""Offer and answer (RFC 3264) for one leg: bodies in, bodies out, and what is in force between them.

Decisions where the RFC leaves room:

- We answer with **one** codec, the first of the offerer's list that we have too, under the offerer's number, and
  digits beside it. What was answered is thereby what is sent, by both sides.
- Our re-offers list the codec in use first, then all the others: nothing changes unless the peer wants it.
- An offer replaces an offer of ours that was not answered; the SIP layer has settled glare (491) before it
  comes here. An offer may be answered again: a 200 often says something else than the 183 before it.
- A refused or illegible body leaves everything as it was (RFC 3261 §14.2).
- An offer that only closes the audio line (port 0) pauses it; one that wants something else in its place (T.38)
  is refused, so that the caller stays with audio.
"""

from collections.abc import Sequence

from msgspec import Struct
from msgspec.structs import replace

from callapi.media.errors import NotAcceptable, SdpError
from callapi.media.plane.types import (
    Direction,
    MediaAddress,
    StreamParameters,
    VideoFormat,
    VideoParameters,
)
from callapi.media.sdp import lines, video
from callapi.media.sdp.description import MediaDescription, Origin, SessionDescription, parse
from callapi.media.sdp.dtls import session_attributes
from callapi.media.sdp.formats import (
    AgreedAudio,
    AudioFormats,
    PayloadNumbers,
    agreed_by_answer,
    agreed_by_offer,
    agreed_in_use,
    formats_of_offer,
    offered_formats,
    other_formats,
    with_announced,
)
from callapi.media.sdp.security import PLAIN, Agreed, LineSecurity, MediaSecurity

_USERNAME = "callapi"


class LocalMedia(Struct, frozen=True, gc=False):
    """Our end: where packets are wanted, and the codecs, best first. No video without `video_port`."""

    address: str
    audio_port: int
    video_port: int | None = None
    codecs: tuple[str, ...] = ("PCMU", "PCMA", "G722", "opus")
    ptime_ms: int = 20


class _Offer(Struct, frozen=True, gc=False):
    """An offer of ours, kept so that its answers can be understood."""

    media: tuple[MediaDescription, ...]
    audio: AudioFormats
    audio_line: int
    video_line: int | None
    direction: Direction


class MediaNegotiation:
    """One leg's offers and answers.

    `audio` and `video` are what the last exchange agreed on, None before it (and for video, unless both sides
    want it); the leg hands them to its streams. `session_id` goes into `o=` and should differ from leg to leg.
    """

    __slots__ = (
        "_answered",
        "_audio_security",
        "_bundles",
        "_keys_of_video",
        "_media",
        "_numbers",
        "_offer",
        "_session_id",
        "_version",
        "_video_formats",
        "_wish",
        "_written",
        "audio",
        "local",
        "offered_video",
        "remote_on_hold",
        "video",
    )

    def __init__(self, local: LocalMedia, security: MediaSecurity = PLAIN, *, session_id: int = 1) -> None:
        self.local = local
        self._audio_security = LineSecurity(security)
        self._keys_of_video: LineSecurity | None = None
        self.audio: StreamParameters | None = None
        self.video: VideoParameters | None = None
        self.remote_on_hold = False
        self.offered_video: tuple[VideoFormat, ...] = ()
        """What the peer's last offer would like to do with video, whether it was accepted or not."""
        self._video_formats: tuple[VideoFormat, ...] = ()
        self._wish = Direction.SENDRECV
        self._session_id = session_id
        self._version = 0
        self._written: SessionDescription | None = None
        self._media: tuple[MediaDescription, ...] = ()
        """Our lines as they stand: later descriptions repeat them in this order (RFC 3264 §8)."""
        self._offer: _Offer | None = None
        self._answered: tuple[MediaDescription, AudioFormats] | None = None
        """The peer's last answer, and what it answered; None after an offer, which we answer with one codec."""
        self._numbers: PayloadNumbers = ()
        self._bundles = security.offers_dtls

    @property
    def encryption(self) -> str:
        """How the audio is encrypted: `none`, `sdes` or `dtls`."""
        if self.audio is None:
            return "none"
        return "dtls" if self.audio.dtls else "sdes" if self.audio.srtp else "none"

    @property
    def exposes_keys(self) -> bool:
        """Whether our offers hold keys that others can see: required where signalling is not private."""
        security = self._audio_security.security
        return security.offers_keys and not security.is_private

    @property
    def security_note(self) -> str | None:
        """Why the peer's last offer was answered without the encryption that it asked for; None: it was not."""
        return self._audio_security.note

    def relay_video(self, port: int | None, formats: tuple[VideoFormat, ...] = ()) -> None:
        """From the next offer or answer on, video is wanted at `port` (None: no more).

        `formats` are the other party's (its `offered_video`, or what its `video` agreed on): offered on untouched,
        and the only ones accepted. Without any, nothing is offered and whatever the peer offers is accepted.
        """
        self.local = replace(self.local, video_port=port)
        self._video_formats = formats

    @property
    def video_suits(self) -> bool:
        """Whether the video in force is what `relay_video` wants: what the peer sends first can be relayed."""
        if self.local.video_port is None or not self._video_formats:
            return self.video is None
        first = self.video.formats[0].kind if self.video is not None else ""
        return any(first == each.kind for each in self._video_formats)

    def local_hold(self) -> None:
        """The next offer or answer lets the peer hear us, and not be heard."""
        self._wish = Direction.SENDONLY

    def resume(self) -> None:
        """The next offer or answer is sendrecv again."""
        self._wish = Direction.SENDRECV

    def make_offer(self) -> bytes:
        """Our offer, or re-offer. The same text and version as before if nothing has changed.

        Of a re-offer `audio` has all formats at once: the peer may speak one of them before its answer comes.
        """
        agreed = self.audio
        formats, self._numbers = offered_formats(
            self.local.codecs, agreed.codec.name if agreed else None, self._numbers
        )
        audio_line = lines.standing(self._media, "audio")
        media = list(self._media)
        like = media[audio_line] if audio_line is not None else None
        offered = lines.audio(
            self.local.audio_port,
            formats.announced,
            self._audio_security.offer(_agreed(agreed), like, self._audio_address),
            ptime_ms=self.local.ptime_ms,
            direction=self._wish,
            is_muxed=like is not None and like.has("rtcp-mux"),
        )
        if audio_line is None:
            audio_line = len(media)
            media.append(offered)
        else:
            media[audio_line] = offered
        video_line = self._offer_video(media)
        self._offer = _Offer(tuple(media), formats, audio_line, video_line, self._wish)
        if agreed is not None:
            in_use = agreed.codec.receive_payload_type
            self.audio = replace(agreed, other_formats=formats_of_offer(formats, in_use))
        return self._write(media)

    def _offer_video(self, media: list[MediaDescription]) -> int | None:
        """Put our video line into `media`, in the place of a former one if there was any."""
        known = self.offered_video or (self.video.formats if self.video else ())
        formats = video.common(known, self._video_formats) or self._video_formats
        index = lines.standing(media, "video")
        if self.local.video_port is None or not formats:
            if index is not None:
                media[index] = lines.refused(media[index])
            return None
        like = media[index] if index is not None else None
        offered = video.line(
            self.local.video_port,
            formats,
            self._wish,
            self._video_security.offer(_agreed(self.video), like, self._video_address),
            is_muxed=like is not None and like.has("rtcp-mux"),
        )
        if index is None:
            media.append(offered)
            return len(media) - 1
        media[index] = offered
        return index

    def receive_offer(self, body: bytes) -> bytes:
        """Take the peer's offer and return our answer.

        Raises:
            NotAcceptable: it cannot be read, or leaves no audio in common; nothing has changed then.
        """
        remote = _read(body)
        acceptable = self._acceptable(remote)
        if acceptable is None:
            return self._pause(remote)
        index, agreed = acceptable
        offered = remote.media[index]
        protection, security = self._audio_security.answer(remote, offered, self._audio_address)
        address = self._remote_address(remote, offered, security)
        direction = remote.direction_of(offered)
        parameters = StreamParameters(
            remote=address,
            codec=agreed.codec,
            remote_rtcp=lines.remote_rtcp(offered, address, self.local.address),
            telephone_event=agreed.telephone_event,
            receive_telephone_event=agreed.receive_telephone_event,
            direction=lines.our_direction(self._wish, direction, address),
            ptime_ms=agreed.ptime_ms,
            rtcp_mux=offered.has("rtcp-mux"),
            srtp=security.srtp,
            dtls=security.dtls,
            ice=security.ice,
        )
        # Nothing fails from here on.
        self._bundles = any((group or "").startswith("BUNDLE") for group in remote.values("group"))
        self._numbers = with_announced(self._numbers, agreed.announced)
        media = [lines.refused(each) for each in remote.media]
        media[index] = lines.audio(
            self.local.audio_port,
            agreed.announced,
            protection,
            ptime_ms=self.local.ptime_ms,
            direction=parameters.direction,
            is_muxed=parameters.rtcp_mux,
        )
        self._answer_video(remote, media)
        self._offer = self._answered = None
        self._agree(parameters, media, remote_on_hold=lines.remote_holds(direction, address))
        return self._write(media)

    def _acceptable(self, remote: SessionDescription) -> tuple[int, AgreedAudio] | None:
        """The first open audio line that can be used, and what is agreed on it; None: no audio line is open.

        Raises:
            NotAcceptable: none of the open ones can be used; the reason is that of the first.
        """
        first_problem: NotAcceptable | None = None
        for index in lines.open_lines(remote.media, "audio"):
            try:
                return index, self._agreed(remote, remote.media[index])
            except NotAcceptable as problem:
                first_problem = first_problem or problem
        if first_problem is not None:
            raise first_problem
        return None

    def _agreed(self, remote: SessionDescription, line: MediaDescription) -> AgreedAudio:
        """What an audio line comes to (RFC 3264 §6: each is judged by itself). Raises NotAcceptable."""
        if (problem := self._audio_security.problem(remote, line)) is not None:
            raise problem
        agreed = agreed_by_offer(line, self.local.codecs, self.local.ptime_ms)
        if agreed is None:
            raise lines.no_common_codec(line, self.local.codecs)
        lines.remote_address(remote, line, self.local.address)
        return agreed

    def _answer_video(self, remote: SessionDescription, media: list[MediaDescription]) -> None:
        security = self._video_security
        candidates = (remote.media[index] for index in lines.open_lines(remote.media, "video"))
        offered = next((each for each in candidates if security.problem(remote, each) is None), None)
        self.offered_video = video.formats_of(offered) if offered is not None else ()
        self.video = None
        if offered is None or self.local.video_port is None:
            return
        agreed = video.common(self.offered_video, self._video_formats)
        parameters = video.parameters(remote, offered, agreed, self.local.address, self._wish)
        if parameters is None:
            return
        try:
            protection, agreed_on = security.answer(remote, offered, self._video_address)
        except NotAcceptable:
            return
        self.video = _protected(parameters, agreed_on)
        index = next(index for index, each in enumerate(remote.media) if each is offered)
        media[index] = video.line(
            self.local.video_port,
            agreed,
            parameters.direction,
            protection,
            is_muxed=parameters.rtcp_mux,
        )

    def _pause(self, remote: SessionDescription) -> bytes:
        """Answer an offer that has no usable audio line: a pause of what we had, or nothing to talk about."""
        is_closed = lines.standing(remote.media, "audio") is not None
        if self.audio is None or not is_closed or any(each.port for each in remote.media):
            raise NotAcceptable(304, "an audio stream is needed")
        self._offer = None
        self.video = None
        paused = replace(self.audio, remote=None, remote_rtcp=None, direction=Direction.INACTIVE)
        media = [lines.refused(each) for each in remote.media]
        self._agree(paused, media, remote_on_hold=True)
        return self._write(media)

    def receive_answer(self, body: bytes) -> None:
        """Take the peer's answer to our last offer; the first one, or a later one that replaces it.

        Raises:
            NotAcceptable: it cannot be read, refuses the audio, or answers nothing; nothing has changed then.
        """
        offer = self._offer
        if offer is None:
            raise NotAcceptable(307, "an answer came to no offer of ours")
        remote = _read(body)
        answered = lines.answered(remote.media, offer.audio_line, "audio")
        if answered is None:
            raise NotAcceptable(304, "the answer refuses the audio stream")
        parameters = self._parameters_of_answer(remote, answered, offer)
        media = [
            ours if lines.answered(remote.media, index, ours.kind) else lines.refused(ours)
            for index, ours in enumerate(offer.media)
        ]
        self.video = self._video_of_answer(remote, offer)
        on_hold = lines.remote_holds(remote.direction_of(answered), parameters.remote)
        self._answered = answered, offer.audio
        self._agree(parameters, media, remote_on_hold=on_hold)

    def use_format(self, payload_type: int) -> bool:
        """Turn to another format of the peer's answer, by our number for it: the peer sends that one now.

        Each format of an answer may be used at any time (RFC 3264 §6.1, §7). False: the answer has none such.
        """
        if self.audio is None or self._answered is None:
            return False
        answered, ours = self._answered
        agreed = agreed_in_use(answered, ours, self.local.ptime_ms, payload_type)
        if agreed is None:
            return False
        self.audio = replace(
            self.audio,
            codec=agreed.codec,
            telephone_event=agreed.telephone_event,
            receive_telephone_event=agreed.receive_telephone_event,
            ptime_ms=agreed.ptime_ms,
            other_formats=other_formats(answered, ours, payload_type),
        )
        return True

    def _parameters_of_answer(
        self, remote: SessionDescription, answered: MediaDescription, offer: _Offer
    ) -> StreamParameters:
        agreed = agreed_by_answer(answered, offer.audio, self.local.ptime_ms)
        if agreed is None:
            raise lines.no_common_codec(answered, self.local.codecs)
        ours = offer.media[offer.audio_line]
        security = self._audio_security.take_answer(ours, remote, answered, self._audio_address)
        address = self._remote_address(remote, answered, security)
        return StreamParameters(
            remote=address,
            codec=agreed.codec,
            remote_rtcp=lines.remote_rtcp(answered, address, self.local.address),
            telephone_event=agreed.telephone_event,
            receive_telephone_event=agreed.receive_telephone_event,
            direction=lines.our_direction(offer.direction, remote.direction_of(answered), address),
            ptime_ms=agreed.ptime_ms,
            rtcp_mux=answered.has("rtcp-mux") and ours.has("rtcp-mux"),
            other_formats=other_formats(answered, offer.audio, agreed.codec.receive_payload_type),
            srtp=security.srtp,
            dtls=security.dtls,
            ice=security.ice,
        )

    def _video_of_answer(self, remote: SessionDescription, offer: _Offer) -> VideoParameters | None:
        if offer.video_line is None:
            return None
        ours = offer.media[offer.video_line]
        answered = lines.answered(remote.media, offer.video_line, "video")
        if answered is None:
            return None
        agreed = video.answered(answered, ours)
        parameters = video.parameters(remote, answered, agreed, self.local.address, offer.direction)
        if parameters is None:
            return None
        try:
            agreed_on = self._video_security.take_answer(ours, remote, answered, self._video_address)
        except NotAcceptable:
            return None
        is_muxed = parameters.rtcp_mux and ours.has("rtcp-mux")
        return _protected(replace(parameters, rtcp_mux=is_muxed), agreed_on)

    @property
    def _video_security(self) -> LineSecurity:
        if self._keys_of_video is None:
            self._keys_of_video = LineSecurity(self._audio_security.security, "video")
        return self._keys_of_video

    @property
    def _audio_address(self) -> MediaAddress:
        return MediaAddress(self.local.address, self.local.audio_port)

    @property
    def _video_address(self) -> MediaAddress:
        return MediaAddress(self.local.address, self.local.video_port or 0)

    def _remote_address(
        self, remote: SessionDescription, line: MediaDescription, security: Agreed
    ) -> MediaAddress | None:
        if security.ice is not None:
            return lines.ice_address(line, self.local.address)
        return lines.remote_address(remote, line, self.local.address)

    def _agree(
        self, audio: StreamParameters, media: Sequence[MediaDescription], *, remote_on_hold: bool
    ) -> None:
        self.audio = audio
        self.remote_on_hold = remote_on_hold
        self._media = tuple(media)

    def _write(self, media: Sequence[MediaDescription]) -> bytes:
        """The body; its version grows by one if and only if it says something new (RFC 3264 §8)."""
        described = SessionDescription(
            address=self.local.address,
            attributes=session_attributes(tuple(media), bundles=self._bundles),
            media=tuple(media),
        )
        if described != self._written:
            self._written = described
            self._version += 1
        origin = Origin(_USERNAME, self._session_id, self._version, self.local.address)
        return bytes(replace(described, origin=origin))

    def __repr__(self) -> str:
        codec = self.audio.codec.name if self.audio else "nothing yet"
        pending = " offer sent" if self._offer else ""
        return f"<MediaNegotiation {codec} v{self._version}{pending}>"


def _agreed(parameters: StreamParameters | VideoParameters | None) -> Agreed | None:
    return Agreed(parameters.srtp, parameters.dtls, parameters.ice) if parameters is not None else None


def _protected(parameters: VideoParameters, security: Agreed) -> VideoParameters:
    return replace(parameters, srtp=security.srtp, dtls=security.dtls, ice=security.ice)


def _read(body: bytes) -> SessionDescription:
    try:
        return parse(body)
    except SdpError as error:
        raise NotAcceptable(307, str(error)) from error
