"""Who waits for something else than the processor says so here, and who hands out the threads of a process hears it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def _nothing() -> None:
    """Nobody hears."""


class Waiting:
    """A context for a wait that may take longer than a message takes. ``began`` and ``ended`` are called in its thread.

    One for each process.
    """

    def __init__(self) -> None:
        self.began: Callable[[], None] = _nothing
        self.ended: Callable[[], None] = _nothing

    def __enter__(self) -> None:
        self.began()

    def __exit__(self, *_: Any) -> None:
        self.ended()


WAITING = Waiting()
