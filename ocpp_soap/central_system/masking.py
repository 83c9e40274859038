"""What is not shown, logged or noted of a document: the passwords in its URLs, and what its names call a secret."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

MASK = "…"
DEEPEST = 32
_IN_AUTHORITY = re.compile(r"(//[^/?#\s<>:@]*:)[^/?#\s<>]*@")
_IN_PATH = re.compile(r"(/files/f[0-9a-f]+/)[0-9a-f]+")
_IN_QUERY = re.compile(r"([?&;](?:password|passwd|pwd|secret|token|api_?key|access_token|signature)=)[^&#\s<>]+", re.I)
_SECRET = re.compile(
    r".*(password|passwd|passphrase|secret|credential).*|.*(token|pwd|pass|psk|apikey|wpakey)|(sim)?pin|authorization(key)?"
)


def masked_text(text: str) -> str:
    """A text without the passwords of the URLs in it; those of the file area may be a part of the path."""
    if "/" not in text:
        return text
    return _IN_QUERY.sub(rf"\1{MASK}", _IN_PATH.sub(rf"\1{MASK}", _IN_AUTHORITY.sub(rf"\1{MASK}@", text)))


def masked(value: Any, depth: int = 0) -> Any:
    """A document without secrets at any depth; what lies deeper than :data:`DEEPEST` is left out as a whole.

    A secret is what its name says, such as ``password``, and the ``value`` of a ``key`` that has such a name.
    """
    if isinstance(value, str):
        return masked_text(value)
    if not isinstance(value, Mapping | list | tuple):
        return value
    if depth > DEEPEST:
        return MASK
    if not isinstance(value, Mapping):
        return [masked(item, depth + 1) for item in value]
    names_secret = _is_secret(value.get("key"))
    return {
        name: MASK if item and (_is_secret(name) or (names_secret and name == "value")) else masked(item, depth + 1)
        for name, item in value.items()
    }


def masked_setting(key: str, value: str | None) -> str | None:
    """The value of a configuration key without secrets."""
    shown: str | None = masked({"key": key, "value": value})["value"]
    return shown


def _is_secret(name: Any) -> bool:
    return isinstance(name, str) and _SECRET.fullmatch(re.sub(r"[^a-z]", "", name.lower())) is not None
