"""gzip and deflate (12/15 §8.6), read with a bound on what comes out."""

from __future__ import annotations

import zlib

from ocpp_soap.soap.charsets import CHARSETS

_GZIP, _ZLIB, _RAW = 31, 15, -15
_MAGIC = b"\x1f\x8b"
_MOST_MEMBERS = 100
_MOST_CODINGS = 2
_PLAIN = frozenset({"", "identity", *CHARSETS})
"""What codes nothing; a charset, which does not belong there, is what some senders name."""
_NAMES = {"gzip": (_GZIP,), "x-gzip": (_GZIP,), "deflate": (_ZLIB, _RAW)}


class CannotDecompress(ValueError):
    """The encoding is unknown, or the data is not what it says."""


class TooLarge(CannotDecompress):
    """More than the limit comes out."""


def decompress(data: bytes, encoding: str, limit: int) -> bytes:
    """The body of a message as it was before ``Content-Encoding``; deflate is read with and without zlib header.

    Raises CannotDecompress, or TooLarge as soon as more than ``limit`` bytes would come out.
    """
    names = [name for part in encoding.split(",") if (name := part.strip().lower()) not in _PLAIN]
    if len(names) > _MOST_CODINGS:
        raise CannotDecompress(f"the Content-Encoding names {len(names)} codings; expected {_MOST_CODINGS} at most")
    for name in reversed(names):
        if name not in _NAMES:
            raise CannotDecompress(f"the Content-Encoding is {name[:40]!r}; expected gzip or deflate")
        data = _inflate(data, name, limit)
    return data


def _inflate(data: bytes, name: str, limit: int) -> bytes:
    for window in _NAMES[name]:
        try:
            return _members(data, window, name, limit)
        except zlib.error:
            continue
    raise _broken(name)


def _members(data: bytes, window: int, name: str, limit: int) -> bytes:
    """What comes out of all members: a gzip file may have several (RFC 1952, 2.2). What follows them is left out."""
    members: list[bytes] = []
    left = limit
    for _ in range(_MOST_MEMBERS):
        inflater = zlib.decompressobj(window)
        members.append(inflater.decompress(data, left + 1))
        left -= len(members[-1])
        if left < 0:
            raise TooLarge(f"more than {limit} bytes come out of the {name} body")
        if not inflater.eof:
            raise _broken(name)
        data = inflater.unused_data
        if window != _GZIP or not data.startswith(_MAGIC):
            return b"".join(members)
    raise CannotDecompress(f"the {name} body has more than {_MOST_MEMBERS} members")


def _broken(name: str) -> CannotDecompress:
    return CannotDecompress(f"the body is not the {name} that its Content-Encoding says")
