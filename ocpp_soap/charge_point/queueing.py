"""What an outbox holds, and what it asks of its surroundings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from ocpp_soap.errors import OcppSoapError, TryLater
from ocpp_soap.messages import StartTransactionRequest, StopTransactionRequest

Then = Callable[[Any, OcppSoapError | None], None]
"""Called with the answer and None, or with None and the reason why there is none."""

FAULT_TRIES = 3
"""How often in all a Start or Stop is tried that is answered with InternalError."""

BAD_ANSWERS = 8
"""How many answers that are not OCPP a queued request gets while others are answered, before it is given up."""


@dataclass(slots=True, eq=False)
class Entry:
    """One request to be delivered. ``transaction`` is the station's own handle of the transaction it belongs to.

    ``source`` names the document that it was made of, where there is one. ``bad_answers`` counts what was not OCPP
    although the exchange before was.
    """

    sequence: int
    request: Any
    transaction: str = ""
    waits_for_id: bool = False
    faults: int = 0
    bad_answers: int = 0
    then: Then | None = None
    before_acceptance: bool = False
    source: str = ""


def is_demanded(entry: Entry) -> bool:
    """Tell whether the specification demands that the request is queued: it is a Start or a Stop (12/15 §3.2)."""
    return isinstance(entry.request, StartTransactionRequest | StopTransactionRequest)


@dataclass(frozen=True, slots=True)
class Backoff:
    """Seconds between tries: ``first``, then twice as long each time, up to ``longest``.

    ``longest_asked`` is the most that a central system can ask for by Retry-After.
    """

    first: float = 0.5
    longest: float = 10.0
    longest_asked: float = 60.0

    def delay(self, failures: int) -> float:
        """The wait after that many failures in a row (1 or more)."""
        return min(self.first * 2.0 ** min(failures - 1, 30), self.longest)

    def wait(self, failures: int, error: OcppSoapError | None) -> float:
        """The delay, or the longer one that the last ``error`` asked for."""
        asked = float(error.after or 0) if isinstance(error, TryLater) else 0.0
        return max(self.delay(failures), min(asked, self.longest_asked))


class Journal(Protocol):
    """Where the queue is kept across a restart."""

    def load(self) -> tuple[list[Entry], list[Entry]]:
        """What was queued, in order, and what was set aside."""

    def add(self, entry: Entry) -> None:
        """Keep a new entry; it is on disk on return."""

    def change(self, entries: list[Entry]) -> None:
        """Keep the present content of entries that were added before."""

    def remove(self, entry: Entry) -> None:
        """Forget an entry that was delivered."""

    def set_aside(self, entry: Entry, reason: str) -> None:
        """Keep an entry that cannot be delivered, with the reason."""


class OutboxOwner(Protocol):
    """What the outbox tells its station, always with the station's lock held."""

    def answered(self, entry: Entry, response: Any) -> None:
        """``entry`` was delivered and answered."""

    def given_up(self, entry: Entry, error: OcppSoapError) -> None:
        """``entry`` cannot be delivered."""
