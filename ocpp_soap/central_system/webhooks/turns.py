"""Turns: how long a webhook has a thread before it goes to the next one, and which webhooks are slow."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ocpp_soap.central_system.webhooks.table import Webhook

TURN = 5.0
SLOW = 1.0


class Turn:
    """The turn of a webhook. ``is_slow``: its last try, at first that before the turn, took over :data:`SLOW` s."""

    def __init__(self, is_slow: bool) -> None:
        self.is_slow = is_slow
        self._was_slow = is_slow
        self._ends_at = time.monotonic() + TURN

    @property
    def is_over(self) -> bool:
        """Whether :data:`TURN` seconds are, or it turned out slow and is to leave the threads to the quick ones."""
        return time.monotonic() >= self._ends_at or (self.is_slow and not self._was_slow)

    @contextmanager
    def trying(self) -> Iterator[None]:
        """Measure a try."""
        began = time.monotonic()
        yield
        self.is_slow = time.monotonic() - began > SLOW


class Lanes:
    """The threads: up to ``most`` for quick webhooks and as many for slow ones; who has waited longest is next.

    None of them keeps the process from ending, however long a receiver takes.
    """

    def __init__(self, deliver: Callable[[Webhook], None], most: int) -> None:
        self._deliver = deliver
        self._most = most
        self._changed = threading.Condition()
        self._taken: set[str] = set()
        self._waiting: dict[bool, deque[Webhook]] = {False: deque(), True: deque()}
        self._running = {False: 0, True: 0}

    def offer(self, webhook: Webhook) -> None:
        """Deliver to a webhook when its turn comes, unless it waits for one or has one already."""
        lane = webhook.is_slow
        with self._changed:
            if webhook.webhook_id in self._taken:
                return
            self._taken.add(webhook.webhook_id)
            self._waiting[lane].append(webhook)
            if self._running[lane] == self._most:
                return
            self._running[lane] += 1
        threading.Thread(target=self._work, args=(lane,), name="webhook", daemon=True).start()

    def let_finish(self, seconds: float) -> None:
        """Wait until there is nothing to do, but not for longer."""
        with self._changed:
            self._changed.wait_for(lambda: not self._taken, seconds)

    def _work(self, lane: bool) -> None:
        while (webhook := self._next(lane)) is not None:
            try:
                self._deliver(webhook)
            finally:
                with self._changed:
                    self._taken.discard(webhook.webhook_id)
                    self._changed.notify_all()

    def _next(self, lane: bool) -> Webhook | None:
        with self._changed:
            if self._waiting[lane]:
                return self._waiting[lane].popleft()
            self._running[lane] -= 1
            return None
