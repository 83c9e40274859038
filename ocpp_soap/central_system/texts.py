"""How much is stored of a text that a station sends: so much that every store takes it, and a copy fits any other.

What is longer is cut, with the warning ``cut_short``; specifications allow 20 to 500 characters. Cloud Firestore, which
sets the limits, holds 1 MiB in a document and compares 1,500 bytes of an indexed field, four of which may be one
character.
"""

from __future__ import annotations

from typing import TypeVar

from ocpp_soap.dispatch import LONGEST_IN_WARNING, MessageWarning

LONGEST_NAME = 255
"""Characters of a text that is searched for, and of what a station says of itself when it boots."""

LONGEST_TEXT = 1_000
"""Characters of any other text."""

LONGEST_ID_TAG = 100_000
"""Characters of an idTag in a record; the table of idTags has none that is longer than a name."""

LARGEST_DOCUMENT = 200_000
"""Rough size of what a station sends at once above which it is not stored in one document: characters."""


Text = TypeVar("Text", str, "str | None")


def shortened(text: Text, where: str, warnings: list[MessageWarning], longest: int = LONGEST_TEXT) -> Text:
    """What is stored of a text; if that is not all of it, a warning says so, once for each element."""
    if text is None or len(text) <= longest:
        return text
    note(warnings, "cut_short", where, text)
    return text[:longest]


def note(warnings: list[MessageWarning], kind: str, where: str, sent: str) -> None:
    """Append a warning, once for each kind and element."""
    if not any(known.kind == kind and known.where == where for known in warnings):
        warnings.append(MessageWarning(kind, where, sent[:LONGEST_IN_WARNING]))
