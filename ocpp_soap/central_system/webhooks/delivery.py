"""Delivery: each webhook gets its events one after the other, so those of a station stay in their order.

An event that is not taken is tried again, ever further apart, and those behind it wait in the log; after the last try
it becomes a dead letter and the next one follows. A process leases a webhook while it delivers. One that is killed is
followed by another when the lease ends, which may send the last events again: ``webhook-id`` tells a receiver.

Webhooks take turns at the threads. A receiver whose last try took long uses threads that only such ones use, so that
however many of them there are, they delay each other and nobody else.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import structlog

from ocpp_soap.central_system.clocks import is_to_come
from ocpp_soap.central_system.events import Event, Events
from ocpp_soap.central_system.periodic import ThisProcess
from ocpp_soap.central_system.posts import open_connections
from ocpp_soap.central_system.records import record_of
from ocpp_soap.central_system.webhooks.posting import post
from ocpp_soap.central_system.webhooks.table import DeadLetter, Webhook, Webhooks, without_place
from ocpp_soap.central_system.webhooks.turns import TURN, Lanes, Turn
from ocpp_soap.errors import StorageError, StoreClosed
from ocpp_soap.storage.base import Document

if TYPE_CHECKING:
    from ocpp_soap.soap.client.transport import Pools

PAUSE = 0.5
IDLE_PAUSE = 5.0
AT_ONCE = 8
PORTION = 50
FIRST_RETRY = 1.0
LONGEST_RETRY = 300.0
SPARE = 20.0
SECONDS_TO_STOP = 1.0

_log = structlog.get_logger("ocpp_soap.central_system")


class Delivery:
    """Sends the events. ``timeout`` in seconds is for one request, ``attempts`` how often an event is tried."""

    def __init__(self, webhooks: Webhooks, events: Events, *, timeout: float, attempts: int) -> None:
        self._webhooks = webhooks
        self._events = events
        self._timeout = timeout
        self._lease_seconds = TURN + 2 * timeout + SPARE
        self._attempts = attempts

    def run(self, stop: threading.Event) -> None:
        """Deliver until ``stop`` is set; to up to :data:`AT_ONCE` quick webhooks and as many slow ones at a time."""
        lanes = Lanes(lambda webhook: self._deliver_quietly(webhook, stop), AT_ONCE)
        while not stop.is_set():
            webhooks = self._webhooks.list(limit=1000).items
            for webhook in webhooks:
                if self._is_due(webhook):
                    lanes.offer(webhook)
            stop.wait(PAUSE if webhooks else IDLE_PAUSE)
        lanes.let_finish(SECONDS_TO_STOP)

    def deliver(self, webhook: Webhook, stop: threading.Event) -> None:
        """Send what is new for a webhook, unless another process does.

        For one turn, in which one event at least is tried; what is left is for the next.
        """
        if stop.is_set() or not self._has_new(webhook):
            return
        current = self._lease(webhook)
        if current is None:
            return
        turn = Turn(current.is_slow)
        with closing(open_connections()) as connections:
            while current is not None and current.is_active and not stop.is_set():
                page = self._events.list(after=current.cursor, limit=PORTION, **_filters(current))
                taken, error = self._send(connections, current, page.items, turn, stop)
                is_whole = taken == len(page.items)
                place = page.cursor if is_whole else self._place_behind(current, taken)
                current = self._advance(current, place, taken, turn.is_slow)
                if error and current is not None:
                    self._fail(current, error)
                if error or turn.is_over or (is_whole and not page.has_more):
                    break
        self._change(webhook, leased_until=None, leased_by=None)

    def redeliver(self, letter: DeadLetter) -> str:
        """Send a dead letter again, now, and forget it if it is taken; returns what went wrong, empty: nothing."""
        webhook = self._webhooks.get(letter.webhook_id)
        if webhook is None:
            return "its webhook is gone"
        with closing(open_connections()) as connections:
            error = post(connections, webhook, letter.event_record, self._timeout)
        if not error:
            self._webhooks.bury(letter.letter_id)
        return error

    def _send(
        self, connections: Pools, webhook: Webhook, events: Sequence[Event], turn: Turn, stop: threading.Event
    ) -> tuple[int, str]:
        """Send events until one is not taken, ``stop`` is set or the turn is over: how many, what failed."""
        for taken, event in enumerate(events):
            if stop.is_set() or (turn.is_over and taken):
                return taken, ""
            with turn.trying():
                error = post(connections, webhook, event, self._timeout)
            if error:
                return taken, error
        return len(events), ""

    def _deliver_quietly(self, webhook: Webhook, stop: threading.Event) -> None:
        try:
            self.deliver(webhook, stop)
        except StoreClosed:
            return
        except StorageError as error:
            _log.warning("a webhook waits for the store", webhook=webhook.webhook_id, error=str(error))
        except Exception:
            _log.exception("delivery to a webhook failed", webhook=webhook.webhook_id)

    def _has_new(self, webhook: Webhook) -> bool:
        try:
            page = self._events.list(after=webhook.cursor, limit=1, **_filters(webhook))
        except ValueError:
            self._pause_without_place(webhook)
            return False
        return bool(page.items) or page.cursor != webhook.cursor

    def _pause_without_place(self, webhook: Webhook) -> None:
        """Pause a webhook whose cursor is no place in this log, unless it has another one by now."""

        def paused(document: Document) -> Document | None:
            return without_place(document) if document.get("cursor") == webhook.cursor else None

        after = self._webhooks.change(webhook.webhook_id, paused)
        if after is not None and not after.is_active:
            _log.error("a webhook is paused", webhook=webhook.webhook_id, error=after.last_error)

    def _place_behind(self, webhook: Webhook, taken: int) -> str | None:
        """The cursor behind as many events; the log only grows at its end, so they are the same ones."""
        cursor = webhook.cursor
        while taken:
            page = self._events.list(after=cursor, limit=1, **_filters(webhook))
            if page.cursor == cursor:
                break
            cursor, taken = page.cursor, taken - len(page.items)
        return cursor

    def _advance(self, webhook: Webhook, cursor: str | None, taken: int, is_slow: bool) -> Webhook | None:
        if not taken:
            return self._change(webhook, cursor=cursor, is_slow=is_slow, leased_until=self._lease_end())
        return self._change(
            webhook,
            cursor=cursor,
            is_slow=is_slow,
            delivered=webhook.delivered + taken,
            failures=0,
            last_error=None,
            next_try_at=None,
            last_delivered_at=datetime.now(timezone.utc),
            leased_until=self._lease_end(),
        )

    def _fail(self, webhook: Webhook, error: str) -> None:
        failures = webhook.failures + 1
        if failures < self._attempts:
            pause = min(LONGEST_RETRY, FIRST_RETRY * 2 ** (failures - 1))
            next_try = datetime.now(timezone.utc) + timedelta(seconds=pause)
            self._change(webhook, failures=failures, last_error=error, next_try_at=next_try)
            return
        event = self._next_event(webhook)
        if event is None:
            return
        tried = self._change(webhook, failures=failures) or webhook
        self._webhooks.put_aside(tried, event, error)
        _log.warning("an event became a dead letter", webhook=webhook.webhook_id, event_id=event.event_id, error=error)
        behind = self._place_behind(webhook, 1)
        self._change(webhook, cursor=behind, dead=webhook.dead + 1, failures=0, last_error=error, next_try_at=None)

    def _next_event(self, webhook: Webhook) -> Event | None:
        cursor = webhook.cursor
        while True:
            page = self._events.list(after=cursor, limit=1, **_filters(webhook))
            if page.items or not page.has_more:
                return page.items[0] if page.items else None
            cursor = page.cursor

    def _lease(self, webhook: Webhook) -> Webhook | None:
        """The webhook as it is now, leased; None: it is not due any more, since another process was first.

        ``webhook`` was read before it waited for a thread: what has come of it since then counts.
        """
        is_ours = False

        def leased(document: Document) -> Document | None:
            nonlocal is_ours
            is_ours = self._is_due(record_of(Webhook, document))
            return {**document, "leased_by": ThisProcess.name, "leased_until": self._lease_end()} if is_ours else None

        after = self._webhooks.change(webhook.webhook_id, leased)
        return after if is_ours else None

    def _lease_end(self) -> datetime:
        return datetime.now(timezone.utc) + timedelta(seconds=self._lease_seconds)

    def _is_due(self, webhook: Webhook) -> bool:
        waits = self._is_to_come(webhook.leased_until) or self._is_to_come(webhook.next_try_at)
        return webhook.is_active and not waits

    def _is_to_come(self, moment: datetime | None) -> bool:
        return is_to_come(moment, LONGEST_RETRY + self._lease_seconds)

    def _change(self, webhook: Webhook, **values: Any) -> Webhook | None:
        """Set fields (None removes one), as long as the lease is ours; None: it is not, or the webhook is gone."""
        worker = ThisProcess.name
        is_ours = True

        def changed(document: Document) -> Document | None:
            nonlocal is_ours
            is_ours = document.get("leased_by") == worker
            return _without_none({**document, **values}) if is_ours else None

        after = self._webhooks.change(webhook.webhook_id, changed)
        return after if is_ours else None


def _filters(webhook: Webhook) -> dict[str, Any]:
    return {"charge_box_identity": webhook.charge_box_identity, "kinds": webhook.kinds}


def _without_none(values: Mapping[str, Any]) -> Document:
    return {name: value for name, value in values.items() if value is not None}
