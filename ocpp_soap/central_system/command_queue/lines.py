"""The line of each station: its open commands wait in it, and one worker at a time works on it.

A line is a document under the station's identity. A worker claims it by writing its name and an end of the lease at a
revision, so of several only one succeeds; a worker that died leaves a lease that ends, and the line is due again then.
Whoever adds a command or hears the station writes the line too, so a worker that is about to let go of it notices.
The clocks of the machines must agree to within :data:`MARGIN` seconds.
"""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from uuid import uuid4

from ocpp_soap.central_system.fleet_collections import LINES
from ocpp_soap.central_system.records import document_of, record_of, revise
from ocpp_soap.errors import AlreadyExists, NotFound, RevisionConflict
from ocpp_soap.storage.base import Document, Range, Storage, Stored

MARGIN = 15.0
"""Seconds that a lease outlasts the call it is for: time to write the outcome and to wake the station up."""

_FEW = 100
"""So many lines are rather read than looked for, since a database may charge for each station that is looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """The line of a station. ``touched`` counts those who wrote it while it was leased.

    ``leased_at`` is when the lease was given. ``contact_at`` is the time of the message that made it due, ``woken_at``
    of the last wake-up.
    """

    charge_box_identity: str
    due_at: datetime | None = None
    owner: str | None = None
    leased_until: datetime | None = None
    leased_at: datetime | None = None
    contact_at: datetime | None = None
    woken_at: datetime | None = None
    touched: int = 0

    def is_leased(self, at: datetime) -> bool:
        """Whether a worker has it ``at`` that time; a lease that was given later is one of a clock that was ahead."""
        if self.leased_until is None or self.leased_until <= at:
            return False
        return self.leased_at is None or self.leased_at <= at + timedelta(seconds=MARGIN)


@dataclass(frozen=True, slots=True)
class Claim:
    """A line that this worker has: what is in it, and the revision at which that holds."""

    line: Line
    revision: int


class Lines:
    """The lines of all stations."""

    def __init__(self, store: Storage) -> None:
        self._store = store

    def touch(self, charge_box_identity: str, at: datetime) -> None:
        """Make the line due; it begins if there is none."""

        def touched(document: Document) -> Document:
            return {**_due(document, at), "touched": document.get("touched", 0) + 1}

        while revise(self._store, LINES, charge_box_identity, touched) is None:
            try:
                document = document_of(Line(charge_box_identity=charge_box_identity, due_at=at))
                self._store.create(LINES, charge_box_identity, document)
            except AlreadyExists:
                continue
            return

    def contacted(self, times: dict[str, datetime]) -> list[str] | None:
        """Make the lines of stations due that spoke at those times; which of them have one. None: no station has."""
        page = self._store.find(LINES, limit=min(len(times), _FEW))
        if not page.items:
            return None
        are_all = page.next is None
        lines = {item.key for item in page.items} if are_all else self._store.get_many(LINES, times)
        found = [identity for identity in times if identity in lines]
        for identity in found:
            at = times[identity]
            revise(self._store, LINES, identity, lambda document, at=at: {**_due(document, at), "contact_at": at})  # type: ignore[misc]
        return found

    def not_due(self, at: datetime, charge_box_identities: Iterable[str]) -> set[str]:
        """Those of the stations that have no line, or one that nobody has and nobody looks at until after that time."""
        names = set(charge_box_identities)
        lines = {name: record_of(Line, item.document) for name, item in self._store.get_many(LINES, names).items()}
        looked_at = {name for name, line in lines.items() if line.is_leased(at) or (line.due_at and line.due_at <= at)}
        return names - looked_at

    def claim_due(self, worker: str, lease: float, limit: int) -> list[Claim]:
        """Claim up to ``limit`` lines that are due, for ``lease`` seconds each."""
        now = datetime.now(timezone.utc)
        due = self._store.find(LINES, {"due_at": Range(None, now)}, limit=limit * 2).items
        random.shuffle(due)
        claims = (self._claim(item.key, item.revision, item.document, worker, lease) for item in due)
        return [claim for claim, _ in zip((c for c in claims if c is not None), range(limit), strict=False)]

    def claim(self, charge_box_identity: str, worker: str, lease: float) -> Claim | None:
        """Claim the line of one station, due or not; None: it has none, or another worker has it."""
        stored = self._store.get(LINES, charge_box_identity)
        if stored is None:
            return None
        return self._claim(stored.key, stored.revision, stored.document, worker, lease)

    def keep(self, claim: Claim, lease: float, **changes: datetime) -> Claim | None:
        """Go on with a claimed line for another ``lease`` seconds; None: it is no longer this worker's."""
        now = datetime.now(timezone.utc)
        until = now + timedelta(seconds=lease)

        def kept(document: Document) -> Document | None:
            if document.get("owner") != claim.line.owner:
                return None
            return {**document, **changes, "leased_at": now, "leased_until": until, "due_at": until}

        return _renewed(claim, revise(self._store, LINES, claim.line.charge_box_identity, kept))

    def is_held(self, claim: Claim) -> bool:
        """Whether a claimed line is still this worker's."""
        return _renewed(claim, self._store.get(LINES, claim.line.charge_box_identity)) is not None

    def release(self, claim: Claim, due_at: datetime | None, *, is_empty: bool) -> Claim | None:
        """Let go of a line, which is due next at that time, or ends if it is empty; None: done, or it was lost.

        If somebody wrote it since it was claimed or kept, it stays claimed and is returned as it is now.
        """
        identity = claim.line.charge_box_identity
        free = replace(claim.line, owner=None, leased_at=None, leased_until=None, due_at=due_at)
        try:
            if is_empty:
                self._store.delete(LINES, identity, revision=claim.revision)
            else:
                self._store.replace(LINES, identity, document_of(free), revision=claim.revision)
        except NotFound:
            return None
        except RevisionConflict:
            return _renewed(claim, self._store.get(LINES, identity))
        return None

    def _claim(self, identity: str, revision: int, document: Document, worker: str, lease: float) -> Claim | None:
        now = datetime.now(timezone.utc)
        line = record_of(Line, document)
        if line.is_leased(now):
            return None
        until = now + timedelta(seconds=lease)
        owner = f"{worker}/{uuid4().hex[:12]}"
        mine = replace(line, owner=owner, leased_at=now, leased_until=until, due_at=until)
        try:
            stored = self._store.replace(LINES, identity, document_of(mine), revision=revision)
        except (NotFound, RevisionConflict):
            return None
        return Claim(mine, stored.revision)


def _renewed(claim: Claim, stored: Stored | None) -> Claim | None:
    """The claim with the line as it is stored now; None: it is no longer this worker's."""
    if stored is None or stored.document.get("owner") != claim.line.owner:
        return None
    return Claim(record_of(Line, stored.document), stored.revision)


def _due(document: Document, at: datetime) -> Document:
    """The line due at that time at the latest; while somebody has it, when the lease ends as before."""
    line = record_of(Line, document)
    if line.is_leased(datetime.now(timezone.utc)):
        return document
    return {**document, "due_at": at if line.due_at is None else min(at, line.due_at)}
