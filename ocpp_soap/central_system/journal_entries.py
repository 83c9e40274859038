"""The lines of the message journal."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from ocpp_soap.messages import Choice, Version


class Direction(Choice):
    """Who asked whom: ``in`` is a station's request, ``out`` one of ours."""

    IN = "in"
    OUT = "out"


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEntry:
    """One message with its answer, or a number of heartbeats.

    ``bytes_in`` is the size of what was received, ``bytes_out`` of what was sent. ``outcome`` is ``ok``, the subcode
    of a fault, or what went wrong in one word; ``reason`` says more of a call that failed. ``count`` is above 1 for
    heartbeats, which are counted together. ``request`` and ``response`` are the envelopes, if those are kept.
    """

    id: str
    at: datetime
    action: str
    direction: str
    outcome: str
    charge_box_identity: str | None = None
    version: str | None = None
    peer: str | None = None
    status: int | None = None
    milliseconds: float = 0.0
    bytes_in: int = 0
    bytes_out: int = 0
    count: int = 1
    reason: str | None = None
    warnings: list[dict[str, str]] = field(default_factory=list)
    request: str | None = None
    response: str | None = None


@dataclass(frozen=True, slots=True)
class Called:
    """A call of ours to a station: to whom, what, when, and how it ended."""

    charge_box_identity: str
    action: str
    version: Version
    at: datetime
    outcome: str
    reason: str | None
