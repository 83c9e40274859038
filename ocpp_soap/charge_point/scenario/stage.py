"""What the steps of a scenario act on, and the memory of what was said on the line."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar

from ocpp_soap.charge_point.events import Called, Exchange
from ocpp_soap.charge_point.scheduler import LONGEST_WAIT
from ocpp_soap.charge_point.sender import Sender
from ocpp_soap.charge_point.station import Station
from ocpp_soap.errors import Unreachable

_Event = TypeVar("_Event", Exchange, Called)

MOST_KEPT = 10_000
"""Messages in each direction that are kept for an expectation, the latest; a scenario may wait for weeks."""


class StepFailed(Exception):
    """What a step expected did not happen; the text says what did."""


class Interrupted(Exception):
    """The scenario was told to end."""


class Line:
    """The way to the central system, a sender that can be cut."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self.cut = False

    def __call__(self, request: Any) -> Any:
        """Send, or raise Unreachable where the line is cut."""
        if self.cut:
            raise Unreachable("the scenario took the station offline")
        return self._sender(request)


class Recorder:
    """Keeps what was sent and answered, and what the station was called for, until an expectation takes it.

    ``ended``: set to interrupt who waits, by Interrupted.
    """

    def __init__(self, ended: threading.Event) -> None:
        self._ended = ended
        self._changed = threading.Condition()
        self._sent: deque[Exchange] = deque(maxlen=MOST_KEPT)
        self._called: deque[Called] = deque(maxlen=MOST_KEPT)

    def observe(self, name: str, subject: Any) -> None:
        """Remember an event of the station if it is a message."""
        with self._changed:
            if name == "exchange" and subject.error is None:
                self._sent.append(subject)
            elif name == "called":
                self._called.append(subject)
            self._changed.notify_all()

    def take_sent(self, matches: Callable[[Exchange], bool], seconds: float) -> Exchange | None:
        """The first answered request that matches and was not taken before; waits for it. None: it did not come."""
        return self._take(self._sent, matches, seconds)

    def take_called(self, matches: Callable[[Called], bool], seconds: float) -> Called | None:
        """The first call that matches and was not taken before; waits for it. None: it did not come."""
        return self._take(self._called, matches, seconds)

    def actions(self) -> tuple[list[str], list[str]]:
        """The actions sent and called that no expectation has taken."""
        with self._changed:
            return [e.action for e in self._sent], [c.action for c in self._called]

    def wait_until(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Wait until ``condition``, looked at with each event and each 50 ms; False: it did not come true.

        Raises Interrupted.
        """
        deadline = time.monotonic() + seconds
        with self._changed:
            while not condition():
                if self._ended.is_set():
                    raise Interrupted
                left = deadline - time.monotonic()
                if left <= 0:
                    return False
                self._changed.wait(min(left, 0.05))
        return True

    def _take(self, kept: deque[_Event], matches: Callable[[_Event], bool], seconds: float) -> _Event | None:
        found: list[_Event] = []

        def look() -> bool:
            found[:] = [event for event in kept if matches(event)][:1]
            if found:
                kept.remove(found[0])
            return bool(found)

        return found[0] if self.wait_until(look, seconds) else None


class Stage:
    """One station playing one scenario. ``ended``: set to interrupt it."""

    def __init__(self, station: Station, line: Line, recorder: Recorder, id_tag: str, ended: threading.Event) -> None:
        self.station = station
        self.line = line
        self.recorder = recorder
        self.id_tag = id_tag
        self.ended = ended

    def sleep(self, seconds: float) -> None:
        """Let time pass. Raises Interrupted."""
        if self.ended.wait(min(seconds, LONGEST_WAIT)):
            raise Interrupted

    def connector(self, connector_id: int) -> Any:
        """A connector of the station. Raises StepFailed for one that it does not have."""
        if connector_id not in self.station.connectors:
            raise StepFailed(f"there is no connector {connector_id}; the station has {len(self.station.connectors)}")
        return self.station.connectors[connector_id]
