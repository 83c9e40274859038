"""The webhooks, how far each has come in the log of events, and the events that its receiver did not take."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

from ocpp_soap.central_system.collections import DEAD_LETTERS, WEBHOOKS
from ocpp_soap.central_system.events import Event, Events
from ocpp_soap.central_system.posts import check_url
from ocpp_soap.central_system.records import Listing, digest, document_of, record_of, revise, select
from ocpp_soap.errors import AlreadyExists
from ocpp_soap.storage.base import Document, Range, Storage

PLACE_UNKNOWN = (
    "its cursor is not of this store: resumed, it begins with the oldest event that is kept; removed and added, "
    "with the next one"
)
"""The last error of a webhook that :func:`without_place` has paused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """Where events are sent: all of them, or those of some kinds or of one station.

    ``secret`` signs each request; it is shown once. ``cursor`` is the place in the log behind the last event that was
    taken or put aside. ``failures`` counts the tries of the event behind it, ``next_try_at`` is when it is tried again.
    ``is_slow``: its last try took long. ``leased_until``: a process (``leased_by``) is delivering.
    """

    webhook_id: str
    url: str
    secret: str
    created_at: datetime
    created_by: str | None = None
    kinds: list[str] = field(default_factory=list)
    charge_box_identity: str | None = None
    is_active: bool = True
    cursor: str | None = None
    delivered: int = 0
    dead: int = 0
    failures: int = 0
    last_error: str | None = None
    last_delivered_at: datetime | None = None
    next_try_at: datetime | None = None
    is_slow: bool = False
    leased_by: str | None = None
    leased_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetter:
    """An event that a receiver did not take, however often it was tried."""

    letter_id: str
    webhook_id: str
    event: dict[str, Any]
    failed_at: datetime
    attempts: int
    error: str

    @property
    def event_record(self) -> Event:
        """The event."""
        return record_of(Event, self.event)


def without_place(document: Document) -> Document:
    """The document of a webhook whose cursor cannot be used: it is paused, and somebody decides where it begins."""
    kept = {name: value for name, value in document.items() if name not in ("cursor", "next_try_at")}
    return {**kept, "is_active": False, "failures": 0, "last_error": PLACE_UNKNOWN}


class Webhooks:
    """The table of webhooks."""

    def __init__(self, store: Storage, events: Events) -> None:
        self._store = store
        self._events = events

    def add(
        self, url: str, *, kinds: Sequence[str] = (), charge_box_identity: str | None = None, by: str = ""
    ) -> Webhook:
        """A new webhook, which gets the events from now on; with the secret that signs them.

        Raises ValueError if nothing can be called at the URL.
        """
        check_url(url)
        now = self._events.list(descending=True, limit=1, charge_box_identity=charge_box_identity, kinds=kinds)
        webhook = Webhook(
            webhook_id=secrets.token_hex(6),
            url=url,
            secret="whsec_" + base64.b64encode(secrets.token_bytes(32)).decode(),
            created_at=datetime.now(timezone.utc),
            created_by=by or None,
            kinds=list(kinds),
            charge_box_identity=charge_box_identity,
            cursor=now.cursor,
        )
        self._store.create(WEBHOOKS, webhook.webhook_id, document_of(webhook), durable=True)
        return webhook

    def get(self, webhook_id: str) -> Webhook | None:
        """The webhook of that id, or None."""
        stored = self._store.get(WEBHOOKS, webhook_id)
        return None if stored is None else record_of(Webhook, stored.document)

    def list(self, *, limit: int = 100, after: str | None = None) -> Listing[Webhook]:
        """The webhooks."""
        return select(self._store, WEBHOOKS, {}, lambda found: record_of(Webhook, found), limit=limit, after=after)

    def set_active(self, webhook_id: str, active: bool) -> Webhook | None:
        """Pause a webhook, or let it go on where it was, at once; None: there is none of that id."""
        return self.change(
            webhook_id, lambda document: {**document, "is_active": active, "next_try_at": None, "failures": 0}
        )

    def remove(self, webhook_id: str) -> bool:
        """End a webhook and forget its dead letters; False: there is none of that id."""
        removed = self._store.delete(WEBHOOKS, webhook_id)
        while self._store.delete_where(DEAD_LETTERS, {"webhook_id": webhook_id, "failed_at": Range()}):
            continue
        return removed

    def change(self, webhook_id: str, change: Callable[[Document], Document | None]) -> Webhook | None:
        """Change a webhook so that no other's write is lost; None: there is none of that id."""
        stored = revise(self._store, WEBHOOKS, webhook_id, change)
        return None if stored is None else record_of(Webhook, stored.document)

    def put_aside(self, webhook: Webhook, event: Event, error: str) -> None:
        """Keep an event as a dead letter."""
        letter = DeadLetter(
            letter_id=digest(webhook.webhook_id, event.event_id),
            webhook_id=webhook.webhook_id,
            event=document_of(event),
            failed_at=datetime.now(timezone.utc),
            attempts=webhook.failures,
            error=error,
        )
        with suppress(AlreadyExists):
            self._store.create(DEAD_LETTERS, letter.letter_id, document_of(letter), durable=True)

    def dead_letters(
        self, webhook_id: str, *, descending: bool = False, limit: int = 100, after: str | None = None
    ) -> Listing[DeadLetter]:
        """The dead letters of a webhook, by the time they were put aside."""
        return select(
            self._store,
            DEAD_LETTERS,
            {"webhook_id": webhook_id},
            lambda found: record_of(DeadLetter, found),
            order="failed_at",
            descending=descending,
            limit=limit,
            after=after,
        )

    def dead_letter(self, letter_id: str) -> DeadLetter | None:
        """The dead letter of that id, or None."""
        stored = self._store.get(DEAD_LETTERS, letter_id)
        return None if stored is None else record_of(DeadLetter, stored.document)

    def bury(self, letter_id: str) -> bool:
        """Forget a dead letter; False: there is none of that id."""
        return self._store.delete(DEAD_LETTERS, letter_id)
