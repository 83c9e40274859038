"""The clock of a station, and what it does by it with its lock held."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from ocpp_soap.charge_point.scheduler import Schedule, Timer

AFTER_THE_ANSWER = 0.2
"""Seconds by which an action follows the answer that promised it."""


class Timekeeping:
    """A clock on ``schedule`` that can be set, and a ``lock`` that every callback holds.

    ``offset``: by how much the clock is ahead of that of the schedule.
    """

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule
        self.lock = threading.RLock()
        self.offset = timedelta()

    def now(self) -> datetime:
        """The station's clock, in UTC."""
        return self.schedule.now() + self.offset

    def set_clock(self, current_time: datetime) -> None:
        """Take over the central system's time."""
        self.offset = current_time - self.schedule.now()

    def at(self, when: datetime, callback: Callable[[], None]) -> Timer:
        """Run ``callback`` with the lock held when the station's clock shows ``when``."""
        return self.after((when - self.now()).total_seconds(), callback)

    def after(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """Run ``callback`` with the lock held in ``seconds``."""

        def locked() -> None:
            with self.lock:
                callback()

        return self.schedule.after(seconds, locked)

    def after_the_answer(self, callback: Callable[[], None]) -> Timer:
        """Run ``callback`` with the lock held when the answer that promised it has left (notes 7.23)."""
        return self.after(AFTER_THE_ANSWER, callback)
