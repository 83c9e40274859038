"""Turns: how long a webhook has a thread before it goes to the next one, and which webhooks are slow."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

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
