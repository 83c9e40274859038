"""How many threads of a worker take requests: few while all of them compute, more as soon as some of them wait.

Threads that compute at the same time only take the interpreter's lock from each other, at each parse, read and write,
which costs a message of meter values a quarter of its time. So a thread that has answered rests while enough others are
free to take the next request; one that rests goes on when others wait for a commit, or take so long that they seem to
wait for something. granian itself begins a thread for each request that finds none.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from itertools import count

LONG = 0.005
"""Seconds from which on a request is taken for one that waits."""
LONGEST_REST = 20.0
"""Seconds after which a thread goes back to granian, which ends those that have nothing to do for longer than that."""
_CALM = 20
"""Rounds of LONG seconds after which one thread less is kept free for those that wait."""


class Turns:
    """The threads of a process that call :meth:`take`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._own = threading.local()
        self._threads = 0
        self._working: dict[_Thread, float] = {}
        self._resting: list[threading.Lock] = []
        self._away = 0
        self._most_away = 0
        self._is_watched = False

    def take(self, work: Callable[[], object]) -> None:
        """Do the work of one request in this thread, then rest while enough others are free."""
        try:
            thread: _Thread = self._own.thread
        except AttributeError:
            thread = self._begin()
        self._working[thread] = time.monotonic()
        try:
            work()
        finally:
            del self._working[thread]
            if thread.is_away:
                self._set_away(thread, False)
            if self._threads - len(self._resting) > 1 + self._most_away:
                self._rest(thread)

    def wait(self) -> None:
        """The calling thread begins to wait for something else than the processor."""
        thread = getattr(self._own, "thread", None)
        if thread in self._working:
            self._set_away(thread, True)

    def go_on(self) -> None:
        """The calling thread has waited."""
        thread = getattr(self._own, "thread", None)
        if thread in self._working:
            self._set_away(thread, False)

    def _begin(self) -> _Thread:
        thread = self._own.thread = _Thread(self._end)
        with self._lock:
            self._threads += 1
        return thread

    def _end(self) -> None:
        with self._lock:
            self._threads -= 1
            self._wake()

    def _set_away(self, thread: _Thread, is_away: bool) -> None:
        with self._lock:
            if thread.is_away != is_away:
                thread.is_away = is_away
                self._away += 1 if is_away else -1
                self._most_away = max(self._most_away, self._away)
                self._wake()
                if is_away:
                    self._have_watched()

    def _rest(self, thread: _Thread) -> None:
        self._set_away(thread, False)
        with self._lock:
            if self._threads - len(self._resting) <= 1 + self._most_away:
                return
            over = threading.Lock()
            over.acquire()
            self._resting.append(over)
            self._have_watched()
        if not over.acquire(timeout=LONGEST_REST):
            with self._lock:
                if over in self._resting:
                    self._resting.remove(over)

    def _wake(self) -> None:
        """Let one go on if all others are away."""
        if self._resting and self._threads - len(self._resting) <= self._away:
            self._resting.pop().release()

    def _have_watched(self) -> None:
        if not self._is_watched:
            self._is_watched = True
            threading.Thread(target=self._watch, name="turns", daemon=True).start()

    def _watch(self) -> None:
        """Find the threads that take long, and forget how many waited, until there is nothing of both."""
        for round_ in count(1):
            time.sleep(LONG)
            self._find_long()
            with self._lock:
                if round_ % _CALM == 0:
                    self._most_away = max(self._away, self._most_away - 1)
                if not self._resting and not self._most_away:
                    self._is_watched = False
                    return

    def _find_long(self) -> None:
        long_ago = time.monotonic() - LONG
        for thread, began in self._working.copy().items():
            if began < long_ago and not thread.is_away:
                self._set_away(thread, True)


class _Thread:
    """A thread, and whether it waits, or takes so long that it seems to. ``ended`` is called when it has ended."""

    __slots__ = ("_ended", "is_away")

    def __init__(self, ended: Callable[[], None]) -> None:
        self.is_away = False
        self._ended = ended

    def __del__(self) -> None:
        self._ended()
