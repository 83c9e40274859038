"""Group commit: the threads of a process share one transaction at a time instead of queueing for one each.

A thread with something to write either finds nobody writing and leads, that is, commits everything that waits, or
waits until a leader has committed its write too. There is no thread of its own and nothing to hand over while only
one thread writes, and the writes that pile up during one commit (a disk sync, for a durable one) make the next.

A write can also be begun, by a thread that does not wait for it. Where only such writes wait, a thread of the
group's own leads.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import structlog

from ocpp_soap.errors import StoreUnavailable

_logger = structlog.get_logger("ocpp_soap.storage")
_STEPS = 3
"""Times that a leader looks whether more have come."""


class Write:
    """One write that waits for its commit. ``work`` is what the commit does for it, in the form that it wants.

    For SQLite, a callable that is run inside the transaction; it returns no cursor, which would be freed by its own
    thread while the next leader uses the connection. ``over``: what is called with it at its end, if no thread waits.
    """

    __slots__ = ("durable", "error", "leads", "over", "result", "wake", "work")

    def __init__(self, work: Any, durable: bool, over: Callable[[Write], None] | None = None) -> None:
        self.work = work
        self.over = over
        self.durable = durable
        self.leads = False
        self.result: Any = None
        self.error: Exception | None = StoreUnavailable("The write was interrupted")
        self.wake = threading.Lock()
        self.wake.acquire()

    def end(self) -> None:
        """Tell who waits for it, or is to be told."""
        if self.over is None:
            self.wake.release()
            return
        try:
            self.over(self)
        except Exception:
            _logger.exception("what waited for a write was not told")


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
        self._turns = threading.Condition(self._mutex)
        self._is_own_turn = False
        self._thread: threading.Thread | None = None
        self._closed = False

    def begin(self, work: Any, over: Callable[[Write], None]) -> bool:
        """Have a write committed; ``over`` is called with it at its end, with the result or the error in it.

        That happens in another thread, which ``over`` must not have to wait; what it raises is logged. False: nothing
        was begun, since the group is closed or the system gives it no thread.
        """
        write = Write(work, durable=False, over=over)
        with self._mutex:
            if self._closed or (self._thread is None and not self._has_started()):
                return False
            if self._add(write):
                self._take_own_turn()
        return True

    def close(self) -> None:
        """End the group's own thread, when everything that was begun is over."""
        with self._mutex:
            thread, self._closed = self._thread, True
            self._turns.notify()
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def run(self, work: Any, *, durable: bool = False) -> Any:
        """What the commit gives as the result of ``work``. Raises the error that it sets, or its own."""
        write = Write(work, durable)
        with self._mutex:
            write.leads = self._add(write)
            waits = not write.leads
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

    def _add(self, write: Write) -> bool:
        """Let a write wait; returns whether nobody leads, so that a leader is needed."""
        self._waiting.append(write)
        if not self._led:
            self._led = True
            return True
        if self._gathered is not None and len(self._waiting) >= self._expected:
            self._gathered.release()
            self._gathered = None
        return False

    def _has_started(self) -> bool:
        """Start the group's own thread; it is one only if it runs, so that nothing waits for one that does not."""
        thread = threading.Thread(target=self._lead_begun, name="group commit", daemon=True)
        try:
            thread.start()
        except RuntimeError:
            return False
        self._thread = thread
        return True

    def _lead_begun(self) -> None:
        while True:
            with self._mutex:
                while not self._is_own_turn:
                    if self._closed and not self._led:
                        return
                    self._turns.wait()
                self._is_own_turn = False
            try:
                self._lead(None)
            except Exception:
                _logger.exception("a commit failed")

    def _lead(self, leader: Write | None) -> None:
        """Commit what waits, with the thread of ``leader`` or the group's own."""
        if self._pause:
            self._gather()
        with self._mutex:
            batch, self._waiting = self._waiting, []
            if leader is not None:
                leader.leads = False
        try:
            self._commit(batch)
        finally:
            with self._mutex:
                self._expected = len(batch) + len(self._waiting)
                self._pass_on()
            for write in batch:
                write.end()

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
        """Let one of those who wait lead, the group's own thread where none has a thread that waits."""
        self._led = bool(self._waiting)
        if not self._led:
            if self._closed:
                self._turns.notify()
            return
        leader = next((write for write in self._waiting if write.over is None), None)
        if leader is None:
            self._take_own_turn()
        else:
            leader.leads = True
            leader.wake.release()

    def _take_own_turn(self) -> None:
        self._is_own_turn = True
        self._turns.notify()

    def _withdraw(self, write: Write) -> None:
        """Forget a write whose thread was interrupted (a signal) before it was taken up, also as the next leader."""
        with self._mutex:
            if write in self._waiting:
                self._waiting.remove(write)
            if write.leads:
                write.leads = False
                self._pass_on()
