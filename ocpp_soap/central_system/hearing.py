"""Who has spoken just now: gathered from the messages without delaying their answers, told to those who wait for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import datetime

PAUSE = 0.1
"""Seconds between two rounds: what speaks meanwhile is told together."""

RARELY = 1.0
"""Seconds between two rounds of a listener that is in no hurry; each round costs it a look into the store."""

Told = Callable[[dict[str, datetime]], bool | None]
"""Gets stations and when they spoke; returns True where it waits for some station in a hurry, for these or others."""


class Hearing:
    """Notes stations that speak and tells the listeners, in a thread of its own while ``run`` runs."""

    def __init__(self) -> None:
        self._listeners: list[_Listener] = []
        self._heard: dict[str, datetime] = {}
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._runs = False

    def add(self, listener: Told) -> None:
        """Have ``listener`` called with the stations that spoke and when."""
        self._listeners.append(_Listener(listener))

    def note(self, charge_box_identity: str, at: datetime) -> None:
        """The station has sent a message; costs next to nothing."""
        if self._runs:
            with self._lock:
                self._heard[charge_box_identity] = at
            if not self._wake.is_set():
                self._wake.set()

    def run(self, stop: threading.Event) -> None:
        """Tell the listeners until ``stop`` is set, and then what they have not been told yet."""
        self._runs = True
        try:
            while not stop.is_set():
                heard = self._taken() if self._wake.wait(PAUSE) else {}
                for listener in self._listeners:
                    listener.tell(heard)
                if heard:
                    stop.wait(PAUSE)
            heard = self._taken()
            for listener in self._listeners:
                listener.tell(heard, at_once=True)
        finally:
            self._runs = False

    def _taken(self) -> dict[str, datetime]:
        self._wake.clear()
        with self._lock:
            heard, self._heard = self._heard, {}
        return heard


class _Listener:
    """One who is told, and what it has not been told yet."""

    def __init__(self, told: Told) -> None:
        self._told = told
        self._heard: dict[str, datetime] = {}
        self._next_at = 0.0

    def tell(self, heard: dict[str, datetime], *, at_once: bool = False) -> None:
        """Tell it of these stations, a little later if it was in no hurry a moment ago and it is not ``at_once``."""
        self._heard |= heard
        now = time.monotonic()
        if self._heard and (at_once or now >= self._next_at):
            heard, self._heard = self._heard, {}
            self._next_at = 0.0 if self._told(heard) else now + RARELY
