"""Texts of others as a terminal may show them and XML hold them: no control sequence, and no line that is not ours."""

from __future__ import annotations

import unicodedata

_UNSAFE = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""The categories of Unicode that are not written as they are: controls, formats, surrogates, ends of lines."""


def is_unsafe(character: str) -> bool:
    """Whether a character may move the cursor, break the line or turn the direction of what is written."""
    return unicodedata.category(character) in _UNSAFE


def printable(text: str, *, keep: str = "") -> str:
    r"""The text with ``\x1b``, ``\n`` or ``\u2028`` for what is unsafe, but for the characters in ``keep``."""
    if text.isprintable():
        return text
    return "".join(repr(c)[1:-1] if is_unsafe(c) and c not in keep else c for c in text)


def blanked(text: str) -> str:
    """The text with a space for whatever is not printable, as an XML document can hold it."""
    return "".join(character if character.isprintable() else " " for character in text)
