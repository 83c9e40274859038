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
_ROUND = 0.01
"""Seconds between two looks at who takes long."""
_CALM = 50
"""Rounds after which one thread less is kept free for those that wait."""


class Turns:
    """The threads of a process that call :meth:`take`.

    Sets and dictionaries are changed without a lock, as the interpreter does that in one go; what they tell may be a
    moment old, and then one thread more or less rests for a moment.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._own = threading.local()
        self._threads = 0
        self._working: dict[_Thread, float] = {}
        self._away: set[_Thread] = set()
        self._most_away = 0
        self._resting: list[threading.Lock] = []
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
            self._away.discard(thread)
            if self._are_many():
                self._rest(thread)

    def wait(self) -> None:
        """The calling thread begins to wait for something else than the processor."""
        thread = getattr(self._own, "thread", None)
        if thread in self._working:
            self._goes_away(thread)

    def go_on(self) -> None:
        """The calling thread has waited."""
        self._away.discard(getattr(self._own, "thread", None))

    def _begin(self) -> _Thread:
        thread = self._own.thread = _Thread(self._end)
        with self._lock:
            self._threads += 1
        return thread

    def _end(self) -> None:
        with self._lock:
            self._threads -= 1
        self._wake()

    def _are_many(self) -> bool:
        return self._threads - len(self._resting) > 1 + self._most_away

    def _goes_away(self, thread: _Thread) -> None:
        self._away.add(thread)
        if len(self._away) > self._most_away:
            self._most_away = len(self._away)
            self._have_watched()
        if self._resting:
            self._wake()

    def _wake(self, free: int = 1) -> None:
        """Have at least so many that neither rest nor are away."""
        if self._threads - len(self._resting) < len(self._away) + free:
            with self._lock:
                while self._resting and self._threads - len(self._resting) < len(self._away) + free:
                    self._resting.pop().release()

    def _rest(self, thread: _Thread) -> None:
        over = threading.Lock()
        over.acquire()
        with self._lock:
            self._away.discard(thread)
            if not self._are_many():
                return
            self._resting.append(over)
        self._have_watched()
        if not over.acquire(timeout=LONGEST_REST):
            with self._lock:
                if over in self._resting:
                    self._resting.remove(over)

    def _have_watched(self) -> None:
        with self._lock:
            if not self._is_watched:
                self._is_watched = True
                threading.Thread(target=self._watch, name="turns", daemon=True).start()

    def _watch(self) -> None:
        """Find the threads that take long, and forget how many waited, until there is nothing of both."""
        for round_ in count(1):
            time.sleep(_ROUND)
            self._find_long()
            with self._lock:
                if round_ % _CALM == 0:
                    self._most_away = max(len(self._away), self._most_away - 1)
                if not self._resting and not self._most_away:
                    self._is_watched = False
                    return

    def _find_long(self) -> None:
        """Count those that take long as away; as many may take long next, so as many others go on."""
        long_ago = time.monotonic() - LONG
        long = [thread for thread, began in self._working.copy().items() if began < long_ago]
        new = [thread for thread in long if thread not in self._away]
        self._away.update(new)
        self._away.difference_update([thread for thread in new if thread not in self._working])
        if new:
            self._most_away = max(self._most_away, 2 * len(self._away))
            self._wake(free=len(self._away))


class _Thread:
    """A thread; ``ended`` is called when it has ended."""

    __slots__ = ("_ended",)

    def __init__(self, ended: Callable[[], None]) -> None:
        self._ended = ended

    def __del__(self) -> None:
        self._ended()
