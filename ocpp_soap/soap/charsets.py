"""How the bytes of a body are coded: told by their beginning, by the XML declaration, else by HTTP (XML 1.0, F)."""

from __future__ import annotations

import re

CHARSETS = frozenset(
    {"ascii", "iso-8859-1", "iso-8859-2", "iso-8859-15", "latin1", "us-ascii", "utf-8", "utf8", "utf-16", "utf-16be"}
    | {"utf-16le", "windows-1250", "windows-1252"}
)
"""Encodings in which ``<`` is the byte 0x3C, as the bounds count on; by names that Python knows too."""

_BEGINNINGS = {
    b"\xef\xbb\xbf": "utf-8",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
    b"<\0": "utf-16le",
    b"\0<": "utf-16be",
}
_NAMED_BY_HTTP = re.compile(r";\s*charset\s*=\s*[\"']?([A-Za-z0-9._-]+)", re.IGNORECASE)
_DECLARED = re.compile(rb"\s*<\?xml[^>]*\sencoding\s*=\s*[\"']([A-Za-z0-9._-]+)")


def told_by_beginning(data: bytes) -> str:
    """The encoding that the first bytes of ``data`` tell, whatever else is said; empty: they tell none."""
    return next((name for beginning, name in _BEGINNINGS.items() if data.startswith(beginning)), "")


def declared(data: bytes) -> str:
    """The encoding that the XML declaration names, in small letters; empty: it names none, or there is none."""
    found = _DECLARED.match(data)
    return found[1].decode("ascii").lower() if found else ""


def named_by_http(content_type: str) -> str:
    """The charset that a Content-Type names, with or without quotes; empty: it names none."""
    found = _NAMED_BY_HTTP.search(content_type)
    return found[1] if found else ""


def text_of(data: bytes, charset: str = "") -> str:
    """A body as text for people; what is no text in its encoding is replaced. ``charset``: of the HTTP Content-Type."""
    named = (told_by_beginning(data), declared(data), charset.lower())
    known = [name for name in named if name in CHARSETS and (b"\0" in data or not name.startswith("utf-16"))]
    return data.decode(known[0] if known else "utf-8", "replace").removeprefix("\ufeff")
