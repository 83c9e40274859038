"""Request bodies: read within bounds of size, time and number, and freed from their content codings."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from ocpp_soap.soap.compression import CannotDecompress, TooLarge, decompress
from ocpp_soap.soap.http import Environ, Refused
from ocpp_soap.soap.settings import PEEK, SoapServerSettings

_FIRST_PIECE = 1024
_LARGEST_PIECE = 65536
_SLOW_PIECE = 256
_AT_ONCE = 0.05
_CLOSE = ("Connection", "close")


class Bodies:
    """Reads the bodies of one server.

    A body may have ``max_body`` bytes, before and after unpacking; ``large_body`` if the name of the action that may
    be large stands near its beginning. WSGI has no time limit for a read and no way to interrupt one, so the time is
    looked at between reads, and no more than ``max_waiting`` requests wait for their bodies at a time.
    """

    def __init__(self, settings: SoapServerSettings) -> None:
        self._usual = settings.max_body
        self._largest = max(settings.max_body, settings.large_body if settings.large_action else 0)
        self._is_large = settings.is_large
        self._timeout = settings.read_timeout
        self._max_waiting = settings.max_waiting
        self._waiting: list[None] = []

    def read(self, environ: Environ) -> bytes:
        """The body of a request, unpacked.

        Raises Refused: 413 for one that is too large, 408 for one that takes too long, 503 if too many are waiting,
        400, 411 or 415 for one that cannot be read.
        """
        coding = environ.get("HTTP_CONTENT_ENCODING", "")
        self._waiting.append(None)
        try:
            if len(self._waiting) > self._max_waiting:
                raise Refused(503, "Too many requests wait for their bodies; send this one again.", "too_many_waiting",
                              ("Retry-After", "10"), _CLOSE)  # fmt: skip
            body = self._received(environ, coded=bool(coding))
        finally:
            self._waiting.pop()
        return self._unpacked(body, coding) if coding else body

    def _received(self, environ: Environ, *, coded: bool) -> bytes:
        stated = environ.get("CONTENT_LENGTH", "")
        read = environ["wsgi.input"].read
        if stated:
            return self._of_length(read, stated, coded=coded)
        if environ.get("wsgi.input_terminated"):
            return self._to_end(read, coded=coded)
        if environ.get("HTTP_TRANSFER_ENCODING"):
            raise Refused(411, "This server needs a Content-Length.", "no_length")
        return b""

    def _of_length(self, read: Callable[[int], bytes], stated: str, *, coded: bool) -> bytes:
        if not (stated.isascii() and stated.isdigit() and len(stated) < 20):
            raise Refused(400, "Content-Length: expected a number.", "bad_length", _CLOSE)
        length = int(stated)
        if length > self._largest:
            raise self._too_large()
        undecided = not coded and length > self._usual
        data = bytearray()
        if length <= _FIRST_PIECE and not undecided:
            whole = read(length)
            if len(whole) == length:
                return whole
            data += whole
        for piece in self._pieces(read, length - len(data)):
            data += piece
            if undecided and len(data) >= min(length, PEEK):
                if length > self._limit(data):
                    raise self._too_large()
                undecided = False
        if len(data) < length:
            raise Refused(400, "The body ended before its Content-Length.", "cut_body", _CLOSE)
        return bytes(data)

    def _to_end(self, read: Callable[[int], bytes], *, coded: bool) -> bytes:
        data = bytearray()
        limit = self._largest if coded else self._usual
        for piece in self._pieces(read, self._largest + 1):
            data += piece
            if len(data) > limit:
                limit = self._largest if coded else self._limit(data)
                if len(data) > limit:
                    raise self._too_large()
        return bytes(data)

    def _pieces(self, read: Callable[[int], bytes], length: int) -> Iterator[bytes]:
        """Up to ``length`` bytes: few reads of a body that is there, small pieces of one that trickles in."""
        started = time.monotonic()
        size = _FIRST_PIECE
        while length > 0:
            piece = read(min(size, length))
            if not piece:
                return
            yield piece
            length -= len(piece)
            if length > 0:
                elapsed = time.monotonic() - started
                if elapsed > self._timeout:
                    raise Refused(408, f"The body did not arrive within {self._timeout:g} s.", "slow_body", _CLOSE)
                size = _LARGEST_PIECE if elapsed < _AT_ONCE else _SLOW_PIECE

    def _unpacked(self, packed: bytes, coding: str) -> bytes:
        try:
            body = decompress(packed, coding, self._largest)
        except TooLarge:
            raise self._too_large() from None
        except CannotDecompress as error:
            raise Refused(415, f"{str(error)[:1].upper()}{str(error)[1:]}.", "content_encoding") from None
        if len(body) > self._usual and len(body) > self._limit(body):
            raise self._too_large()
        return body

    def _limit(self, beginning: bytes | bytearray) -> int:
        """How many bytes a body may have that begins so."""
        return self._largest if self._is_large(beginning) else self._usual

    def _too_large(self) -> Refused:
        return Refused(413, f"The body is larger than {self._usual} bytes.", "body_too_large", _CLOSE)
