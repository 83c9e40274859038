"""How a lenient reader says what it forgave."""

from __future__ import annotations

from typing import Any, Final

from ocpp_soap.dispatch import LONGEST_IN_WARNING, MessageWarning

MOST_WARNINGS = 100

UNREAD = "unread_value"
"""The kind of warning of an element that must hold a meter value, but is none that is known."""

ABSENT: Final[Any] = object()
"""What a reader returns for an element that is there but says nothing: nil, or empty where empty means absent."""


def note(warnings: list[MessageWarning], kind: str, where: str, sent: str = "") -> None:
    """Append a warning, once, unless the message has earned MOST_WARNINGS already."""
    if len(warnings) < MOST_WARNINGS:
        warning = MessageWarning(kind, where[:LONGEST_IN_WARNING], sent[:LONGEST_IN_WARNING])
        if warning not in warnings:
            warnings.append(warning)


def note_unread(warnings: list[MessageWarning], where: str, sent: str) -> None:
    """Say that a value was not understood, in the place of another warning if there are too many."""
    if len(warnings) >= MOST_WARNINGS:
        warnings.pop()
    note(warnings, UNREAD, where, sent)


def shown(text: str) -> str:
    """A received text as a fault may repeat it: quoted and cut."""
    return repr(text if len(text) <= 40 else text[:40] + "…")
