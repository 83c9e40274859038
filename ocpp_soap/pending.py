"""What a request has begun to store, for which its answer waits instead of its thread.

A thread that waits for a commit and is woken costs more than its share of the commit, since it has to get the
interpreter's lock back from those that compute. So a request may be answered by whoever learns that everything is
stored. A request of which not everything was is answered again from its beginning, by a thread that waits
(docs/adr/0010).
"""

from __future__ import annotations

from collections.abc import Callable


class Pending:
    """The writes of one request that are under way.

    A verb of the store that is given one may call :meth:`begin` and return as if it had stored what it was asked to.
    It calls :meth:`done` later, from any thread.
    """

    __slots__ = ("_afterwards", "_begun", "_is_stored", "_over", "_under_way")

    def __init__(self) -> None:
        self._begun = 0
        self._is_stored = True
        self._afterwards: list[Callable[[bool], None]] = []
        self._over: Callable[[bool], None] | None = None
        self._under_way: list[None] = []

    @property
    def is_begun(self) -> bool:
        """Whether the answer has to wait, or had to, for anything."""
        return self._begun > 0

    def begin(self) -> None:
        """A write begins, which :meth:`done` will end."""
        self._begun += 1
        self._under_way.append(None)

    def withdraw(self) -> None:
        """The write that began last cannot be begun after all: the caller does it and waits."""
        self._begun -= 1
        self._under_way.pop()

    def done(self, is_stored: bool) -> None:
        """A write is over; if it was refused or is not known to be stored, its request has to be answered again."""
        if not is_stored:
            self._is_stored = False
        self._end_one()

    def afterwards(self, step: Callable[[bool], None]) -> None:
        """Run ``step(is_stored)`` when all is over, before the answer leaves; it neither waits nor raises."""
        self._afterwards.append(step)

    def when_over(self, over: Callable[[bool], None]) -> None:
        """Run ``over(is_stored)`` when all is over, now or in another thread; nothing is begun any more."""
        self._over = over
        self._end_one()

    def _end_one(self) -> None:
        """One of the writes or the request itself is over; the last one finds no other to take off the list.

        To take something off a list is one step for the interpreter, so no two are the last one.
        """
        try:
            self._under_way.pop()
        except IndexError:
            self._finish()

    def _finish(self) -> None:
        try:
            for step in self._afterwards:
                step(self._is_stored)
        finally:  # whatever a handler has made of what a step tells: the answer leaves
            if self._over is not None:
                self._over(self._is_stored)
