"""Content codings of an answer's body (RFC 9110 §8.4.1), decoded in bounds."""

import zlib
from collections.abc import Iterator
from typing import Final, Protocol

ACCEPTED: Final = "gzip, deflate"
_GZIP: Final = 16 + zlib.MAX_WBITS
# Real codings that are not asked for; any other word in the field comes from servers that mean something else.
_UNREADABLE: Final = frozenset({"br", "zstd", "compress", "x-compress"})
_PIECE: Final = 65_536


class Decoder(Protocol):
    """Decodes one body."""

    def decode(self, data: bytes) -> Iterator[bytes]:
        """What `data` adds, in pieces of at most 64 KiB, each decoded when it is asked for; raises ValueError."""

    @property
    def is_complete(self) -> bool:
        """Whether the coded body has come to its own end."""


class _Inflating:
    """`gzip` and `deflate`; the latter with the header of zlib, or without it as some servers write it."""

    __slots__ = ("_inflate", "_is_gzip")

    def __init__(self, *, is_gzip: bool) -> None:
        self._is_gzip = is_gzip
        self._inflate = zlib.decompressobj(_GZIP) if is_gzip else None

    def decode(self, data: bytes) -> Iterator[bytes]:
        if self._inflate is None and data:
            has_header = data[0] & 0x0F == zlib.DEFLATED
            self._inflate = zlib.decompressobj(zlib.MAX_WBITS if has_header else -zlib.MAX_WBITS)
        while data and self._inflate is not None:
            try:
                piece = self._inflate.decompress(data, _PIECE)
            except zlib.error as error:
                raise ValueError(str(error)) from error
            if piece:
                yield piece
            data = self._inflate.unconsumed_tail
            if self._inflate.eof and self._is_gzip and self._inflate.unused_data.startswith(b"\x1f\x8b"):
                data = self._inflate.unused_data  # a further member (RFC 1952 §2.2)
                self._inflate = zlib.decompressobj(_GZIP)

    @property
    def is_complete(self) -> bool:
        return self._inflate is None or self._inflate.eof


def decoder_of(coding: str) -> Decoder | None:
    """What decodes a body whose `Content-Encoding` is `coding`; None: it comes as it is.

    Raises:
        ValueError: a coding that cannot be decoded here, and was not asked for.
    """
    name = coding.strip().lower()
    if name in {"gzip", "x-gzip", "deflate"}:
        return _Inflating(is_gzip=name != "deflate")
    if name in _UNREADABLE:
        raise ValueError(f"the content coding {name} was not asked for")
    return None
