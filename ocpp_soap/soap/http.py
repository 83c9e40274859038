"""The HTTP side of a SOAP server: what a WSGI environment says, bodies with their codings, and answers."""

from __future__ import annotations

import gzip
import re
import zlib
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any, NamedTuple

from ocpp_soap.soap.compression import CannotDecompress, TooLarge, decompress

Environ = dict[str, Any]
StartResponse = Callable[..., Any]
WsgiApplication = Callable[[Environ, StartResponse], Iterable[bytes]]

_STATUS_LINES = {status.value: f"{status.value} {status.phrase}" for status in HTTPStatus}
_HOST = re.compile(r"[A-Za-z0-9._-]{1,253}(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]{2,45}\](:[0-9]{1,5})?")
_PIECE = 65536
_PEEK = 32768


class Answer(NamedTuple):
    """What goes back: status, headers and body."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes


class Refused(Exception):
    """The request gets an HTTP status and a sentence instead of an envelope. ``kind`` is for counters and the log."""

    def __init__(self, status: int, sentence: str, kind: str, *headers: tuple[str, str]) -> None:
        super().__init__(sentence)
        self.kind = kind
        self.answer = text(status, sentence, *headers)


def text(status: int, sentence: str, *headers: tuple[str, str]) -> Answer:
    """A plain answer for people."""
    return Answer(status, [("Content-Type", "text/plain; charset=utf-8"), *headers], f"{sentence}\n".encode())


def respond(answer: Answer, environ: Environ, start_response: StartResponse) -> list[bytes]:
    """Hand an answer to the WSGI server, without its body if only the head was asked for."""
    start_response(_STATUS_LINES[answer.status], [*answer.headers, ("Content-Length", str(len(answer.body)))])
    return [b"" if environ["REQUEST_METHOD"] == "HEAD" else answer.body]


def path_of(environ: Environ) -> str:
    """The path of the request, whose bytes are UTF-8 and which WSGI hands over as if they were Latin-1."""
    path: str = environ.get("PATH_INFO", "")
    return path if path.isascii() else path.encode("latin-1", "replace").decode("utf-8", "replace")


def own_address(environ: Environ, public_url: str, *, forwarded: bool) -> str:
    """The URL of the request's path as the sender knows it; ``forwarded``: X-Forwarded-* may be believed.

    A Host header that is not a host name is not repeated.
    """
    path = f"{environ.get('SCRIPT_NAME', '')}{path_of(environ)}"
    if public_url:
        return f"{public_url.rstrip('/')}{path}"
    scheme, host = environ.get("wsgi.url_scheme", "http"), environ.get("HTTP_HOST", "")
    if forwarded:
        scheme = str(environ.get("HTTP_X_FORWARDED_PROTO", scheme)).split(",")[0].strip().lower()
        host = str(environ.get("HTTP_X_FORWARDED_HOST", host)).split(",")[0].strip()
    if not _HOST.fullmatch(host):
        host = f"{environ.get('SERVER_NAME', 'localhost')}:{environ.get('SERVER_PORT', '80')}"
    return f"{scheme if scheme in ('http', 'https') else 'http'}://{host}{path}"


def read_body(environ: Environ, max_body: int, large_marker: bytes, max_large: int) -> bytes:
    """The body of a request without its transfer and content codings.

    At most ``max_body`` bytes are taken, before and after unpacking, or ``max_large`` if ``large_marker`` stands near
    the beginning. Raises Refused: 413 beyond that, 400, 411 or 415 for what cannot be read.
    """
    limits = _BodyLimits(max_body, large_marker, max(max_body, max_large))
    coding = environ.get("HTTP_CONTENT_ENCODING", "")
    if not coding:
        return _read(environ, limits, coded=False)
    packed = _read(environ, limits, coded=True)
    try:
        body = decompress(packed, coding, limits.large)
    except TooLarge:
        raise limits.too_large() from None
    except CannotDecompress as error:
        raise Refused(415, f"{str(error)[:1].upper()}{str(error)[1:]}.", "content_encoding") from None
    if len(body) > limits.of(body):
        raise limits.too_large()
    return body


class _BodyLimits(NamedTuple):
    usual: int
    marker: bytes
    large: int

    def of(self, beginning: bytes) -> int:
        if self.large > self.usual and self.marker in beginning[:_PEEK].replace(b"\0", b"").lower():
            return self.large
        return self.usual

    def too_large(self) -> Refused:
        return Refused(413, f"The body is larger than {self.usual} bytes.", "body_too_large", ("Connection", "close"))


def _read(environ: Environ, limits: _BodyLimits, *, coded: bool) -> bytes:
    stated = environ.get("CONTENT_LENGTH", "")
    read = environ["wsgi.input"].read
    if not stated:
        if not environ.get("wsgi.input_terminated"):
            if environ.get("HTTP_TRANSFER_ENCODING"):
                raise Refused(411, "This server needs a Content-Length.", "no_length")
            return b""
        return _read_to_end(read, limits, coded=coded)
    if not (stated.isascii() and stated.isdigit()):
        raise Refused(400, "Content-Length: expected a number.", "bad_length")
    length = int(stated)
    if length > limits.large:
        raise limits.too_large()
    if length <= limits.usual:
        return _read_exactly(read, length)
    beginning = _read_exactly(read, min(length, _PEEK))
    if not coded and length > limits.of(beginning):
        raise limits.too_large()
    return beginning + _read_exactly(read, length - len(beginning))


def _read_exactly(read: Callable[[int], bytes], length: int) -> bytes:
    data: bytes = read(length) if length else b""
    if len(data) == length:
        return data
    pieces = [data]
    missing = length - len(data)
    while missing > 0:
        piece = read(min(missing, _PIECE))
        if not piece:
            raise Refused(400, "The body ended before its Content-Length.", "cut_body")
        pieces.append(piece)
        missing -= len(piece)
    return b"".join(pieces)


def _read_to_end(read: Callable[[int], bytes], limits: _BodyLimits, *, coded: bool) -> bytes:
    data = bytearray()
    while piece := read(_PIECE):
        data += piece
        if len(data) > limits.large or (not coded and len(data) > limits.usual and len(data) > limits.of(bytes(data))):
            raise limits.too_large()
    return bytes(data)


def compressed(answer: Answer, accepted: str, over: int) -> Answer:
    """The answer, packed if it is longer than ``over`` bytes (0: never) and ``accepted`` (Accept-Encoding) asks."""
    if not over or len(answer.body) <= over or not accepted:
        return answer
    for coding, pack in (("gzip", _gzip), ("deflate", zlib.compress)):
        if _accepts(accepted, coding):
            headers = [*answer.headers, ("Content-Encoding", coding), ("Vary", "Accept-Encoding")]
            return Answer(answer.status, headers, pack(answer.body))
    return answer


def _gzip(data: bytes) -> bytes:
    return gzip.compress(data, 6, mtime=0)


def _accepts(accepted: str, coding: str) -> bool:
    for part in accepted.lower().split(","):
        name, _, parameters = part.partition(";")
        if name.strip() == coding:
            return not re.fullmatch(r"\s*q\s*=\s*0(\.0*)?\s*", parameters)
    return False
