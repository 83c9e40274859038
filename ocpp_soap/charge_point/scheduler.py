"""Time and threads for any number of stations: one timer thread, one bounded pool for what blocks.

No station has a thread of its own. Timers run short callbacks; whatever waits for a network or a disk is a job.
:class:`SteppedScheduler` is the same without threads: its time moves only when told to.
"""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from typing import Generic, TypeVar

import structlog

_log = structlog.get_logger("ocpp_soap.charge_point")

Callback = Callable[[], None]
_Due = TypeVar("_Due", float, datetime)

LONGEST_WAIT = threading.TIMEOUT_MAX
"""Seconds, some hundred years, that a thread can wait at once; a date in the year 9999 is further away."""


class Timer:
    """A callback that is due once; ``cancel`` is final and may be called at any time."""

    __slots__ = ("_callback",)

    def __init__(self, callback: Callback) -> None:
        self._callback: Callback | None = callback

    @property
    def is_over(self) -> bool:
        """Whether it was cancelled or has run."""
        return self._callback is None

    def cancel(self) -> None:
        """Make sure that the callback is not run, unless it is running already."""
        self._callback = None

    def fire(self) -> None:
        """Run the callback, once; an exception of it is logged and goes no further."""
        callback, self._callback = self._callback, None
        if callback is not None:
            run_logged(callback)


class _Heap(Generic[_Due]):
    """The timers in the order of their time. It holds few that were cancelled, however far ahead their time is."""

    _LEAST_ROOM = 64

    def __init__(self) -> None:
        self._entries: list[tuple[_Due, int, Timer]] = []
        self._order = itertools.count()
        self._room = self._LEAST_ROOM

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def first_due(self) -> _Due:
        """The time of the next one, which there must be."""
        return self._entries[0][0]

    def add(self, due: _Due, timer: Timer) -> None:
        """Add a timer; whenever there are twice as many as were left the last time, those that are over leave."""
        if len(self._entries) >= self._room:
            self._entries = [entry for entry in self._entries if not entry[2].is_over]
            heapq.heapify(self._entries)
            self._room = max(2 * len(self._entries), self._LEAST_ROOM)
        heapq.heappush(self._entries, (due, next(self._order), timer))

    def pop(self) -> Timer:
        """Take the next one out."""
        return heapq.heappop(self._entries)[2]

    def clear(self) -> None:
        """Forget all."""
        self._entries.clear()


def run_logged(callback: Callback) -> None:
    """Run ``callback``; an exception is logged with its traceback, since no caller is there to see it."""
    try:
        callback()
    except Exception:
        _log.exception("a scheduled callback failed")


class Schedule(ABC):
    """What a station needs of time: the clock, timers, and a place for blocking work."""

    @abstractmethod
    def now(self) -> datetime:
        """The time in UTC; it goes on steadily."""

    def clock_set_by(self) -> timedelta:
        """By how much the machine's clock was set, which :meth:`now` does not follow."""
        return timedelta()

    @abstractmethod
    def after(self, seconds: float, callback: Callback) -> Timer:
        """Run ``callback`` in ``seconds``, at once if that is not positive."""

    @abstractmethod
    def submit(self, job: Callback) -> None:
        """Run ``job``, which may block for the time of one request."""

    @abstractmethod
    def transfer(self, job: Callback) -> None:
        """Run ``job``, which may block for minutes (a file transfer), without delaying what ``submit`` got."""


class Scheduler(Schedule):
    """The real time, one timer thread, ``workers`` threads for requests and two for file transfers.

    The time is that of the machine's clock at first, and then goes on whatever that clock is set to.
    """

    def __init__(self, workers: int = 8) -> None:
        self._began, self._began_at = datetime.now(timezone.utc), time.monotonic()
        self._heap: _Heap[float] = _Heap()
        self._wake = threading.Condition()
        self._closed = False
        self._workers = ThreadPoolExecutor(workers, "station-send")
        self._transfers = ThreadPoolExecutor(2, "station-transfer")
        self._thread = threading.Thread(target=self._run, name="station-timers", daemon=True)
        self._thread.start()

    def now(self) -> datetime:
        """The time in UTC."""
        return self._began + timedelta(seconds=time.monotonic() - self._began_at)

    def clock_set_by(self) -> timedelta:
        """By how much the machine's clock was set since the scheduler was made."""
        return datetime.now(timezone.utc) - self.now()

    def after(self, seconds: float, callback: Callback) -> Timer:
        """Run ``callback`` on the timer thread in ``seconds``; it must not block."""
        timer = Timer(callback)
        with self._wake:
            self._heap.add(time.monotonic() + max(seconds, 0.0), timer)
            self._wake.notify()
        return timer

    def submit(self, job: Callback) -> None:
        """Run ``job`` on a free worker; after ``close`` nothing is run any more."""
        self._hand_over(self._workers, job)

    def transfer(self, job: Callback) -> None:
        """Run ``job`` on one of the threads for file transfers."""
        self._hand_over(self._transfers, job)

    def close(self) -> None:
        """Forget all timers and waiting jobs, and wait for the jobs that run."""
        with self._wake:
            self._closed = True
            self._heap.clear()
            self._wake.notify()
        self._thread.join()
        self._workers.shutdown(cancel_futures=True)
        self._transfers.shutdown(cancel_futures=True)

    def __enter__(self) -> Scheduler:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _hand_over(self, pool: ThreadPoolExecutor, job: Callback) -> None:
        if not self._closed:
            try:
                pool.submit(run_logged, job)
            except RuntimeError:
                _log.debug("closed: a job was not run")

    def _run(self) -> None:
        while True:
            with self._wake:
                if self._closed:
                    return
                wait = self._heap.first_due - time.monotonic() if self._heap else None
                if wait is None or wait > 0:
                    self._wake.wait(None if wait is None else min(wait, LONGEST_WAIT))
                    continue
                timer = self._heap.pop()
            timer.fire()


class SteppedScheduler(Schedule):
    """Time that moves only by :meth:`advance`; jobs run on the caller's thread, in order. For tests and examples."""

    def __init__(self, start: datetime) -> None:
        self._now = start
        self._heap: _Heap[datetime] = _Heap()
        self._jobs: deque[Callback] = deque()

    def now(self) -> datetime:
        """The time that was reached."""
        return self._now

    def after(self, seconds: float, callback: Callback) -> Timer:
        """Run ``callback`` when the time has advanced by ``seconds``."""
        timer = Timer(callback)
        due = self._now + timedelta(seconds=min(max(seconds, 0.0), LONGEST_WAIT))
        self._heap.add(due, timer)
        return timer

    def submit(self, job: Callback) -> None:
        """Run ``job`` with the next :meth:`run` or :meth:`advance`."""
        self._jobs.append(job)

    def transfer(self, job: Callback) -> None:
        """Run ``job`` like any other."""
        self._jobs.append(job)

    def run(self) -> None:
        """Run the waiting jobs and what is due now."""
        self.advance(0)

    def advance(self, seconds: float) -> None:
        """Move the time on, running jobs and timers on the way, each at its own time."""
        until = self._now + timedelta(seconds=seconds)
        self._run_jobs()
        while self._heap and self._heap.first_due <= until:
            self._now = max(self._now, self._heap.first_due)
            self._heap.pop().fire()
            self._run_jobs()
        self._now = until

    def _run_jobs(self) -> None:
        while self._jobs:
            self._jobs.popleft()()
