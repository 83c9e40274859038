"""How the workers of ``ocpp-soap serve`` begin to answer at the same time.

Whoever is alone at first gets all stations and proxies that wait for the central system, and those that keep their
connection stay with it: 263 of 270, measured, while the other worker had nothing to do.
"""

from __future__ import annotations

import mmap
import time

PATIENCE = 2.0
"""Seconds for which a worker that is ready waits for the others."""

_PAUSE = 0.002


class Together:
    """Shared by so many ``workers``, processes that are forked from the one that makes it."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._ready = mmap.mmap(-1, workers)

    def begin(self, number: int) -> None:
        """Wait until all have been ready once; not for long. A worker that replaces another has that one's number."""
        self._ready[number % self.workers] = 1
        until = time.monotonic() + PATIENCE
        while 0 in self._ready[:] and time.monotonic() < until:
            time.sleep(_PAUSE)
