"""Who has spoken just now: gathered from the messages without delaying their answers, told to those who wait for it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime

PAUSE = 0.1
"""Seconds between two rounds: what speaks meanwhile is told together."""

Told = Callable[[dict[str, datetime]], None]


class Hearing:
    """Notes stations that speak and tells the listeners, in a thread of its own while ``run`` runs."""

    def __init__(self) -> None:
        self._listeners: list[Told] = []
        self._heard: dict[str, datetime] = {}
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._runs = False

    def add(self, listener: Told) -> None:
        """Have ``listener`` called with the stations that spoke and when."""
        self._listeners.append(listener)

    def note(self, charge_box_identity: str, at: datetime) -> None:
        """The station has sent a message; costs next to nothing."""
        if self._runs:
            with self._lock:
                self._heard[charge_box_identity] = at
            if not self._wake.is_set():
                self._wake.set()

    def run(self, stop: threading.Event) -> None:
        """Tell the listeners until ``stop`` is set."""
        self._runs = True
        try:
            while not stop.is_set():
                if self._wake.wait(PAUSE):
                    self._wake.clear()
                    with self._lock:
                        heard, self._heard = self._heard, {}
                    for listener in self._listeners:
                        listener(heard)
                    stop.wait(PAUSE)
        finally:
            self._runs = False
