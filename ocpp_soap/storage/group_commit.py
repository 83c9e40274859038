"""Group commit: the threads of a process share one transaction at a time instead of queueing for one each.

A thread with something to write either finds nobody writing and leads, that is, commits everything that waits, or
waits until a leader has committed its write too. There is no thread of its own and nothing to hand over while only
one thread writes, and the writes that pile up during one commit (a disk sync, for a durable one) make the next.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

from ocpp_soap.errors import StoreUnavailable

_STEPS = 3
"""Times that a leader looks whether more have come."""


class Write:
    """One write that waits for its commit. ``work`` is what the commit does for it, in the form that it wants.

    For SQLite, a callable that is run inside the transaction; it returns no cursor, which would be freed by its own
    thread while the next leader uses the connection.
    """

    __slots__ = ("durable", "error", "leads", "result", "wake", "work")

    def __init__(self, work: Any, durable: bool) -> None:
        self.work = work
        self.durable = durable
        self.leads = False
        self.result: Any = None
        self.error: Exception | None = StoreUnavailable("The write was interrupted")
        self.wake = threading.Lock()
        self.wake.acquire()


class GroupCommit:
    """Runs writes through ``commit``, one call of it at a time; it sets ``result`` or ``error`` of each write.

    ``pause``: seconds for which a leader waits at most until as many writes are there as came at once before, and no
    longer if none came within a third of it.
    """

    def __init__(self, commit: Callable[[Sequence[Write]], None], *, pause: float = 0.0) -> None:
        self._commit = commit
        self._pause = pause
        self._expected = 1
        self._gathered: threading.Lock | None = None
        self._mutex = threading.Lock()
        self._waiting: list[Write] = []
        self._led = False

    def run(self, work: Any, *, durable: bool = False) -> Any:
        """What the commit gives as the result of ``work``. Raises the error that it sets, or its own."""
        write = Write(work, durable)
        with self._mutex:
            self._waiting.append(write)
            waits = self._led
            if not waits:
                self._led = write.leads = True
            elif self._gathered is not None and len(self._waiting) >= self._expected:
                self._gathered.release()
                self._gathered = None
        try:
            if waits:
                write.wake.acquire()
            if write.leads:
                self._lead(write)
        except BaseException:
            self._withdraw(write)
            raise
        if write.error is not None:
            raise write.error
        return write.result

    def _lead(self, leader: Write) -> None:
        if self._pause:
            self._gather()
        with self._mutex:
            batch, self._waiting = self._waiting, []
            leader.leads = False
        try:
            self._commit(batch)
        finally:
            with self._mutex:
                self._expected = len(batch) + len(self._waiting)
                self._pass_on()
            for write in batch:
                write.wake.release()

    def _gather(self) -> None:
        """Wait until as many writes are there as the group before had and as came while it was committed."""
        with self._mutex:
            if len(self._waiting) >= self._expected:
                return
            gathered = self._gathered = threading.Lock()
            gathered.acquire()
        try:
            for _ in range(_STEPS):
                there = len(self._waiting)
                if gathered.acquire(timeout=self._pause / _STEPS) or len(self._waiting) == there:
                    break
        finally:
            with self._mutex:
                self._gathered = None

    def _pass_on(self) -> None:
        self._led = bool(self._waiting)
        if self._waiting:
            self._waiting[0].leads = True
            self._waiting[0].wake.release()

    def _withdraw(self, write: Write) -> None:
        """Forget a write whose thread was interrupted (a signal) before it was taken up, also as the next leader."""
        with self._mutex:
            if write in self._waiting:
                self._waiting.remove(write)
            if write.leads:
                write.leads = False
                self._pass_on()
