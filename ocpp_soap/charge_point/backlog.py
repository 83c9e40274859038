"""What a station keeps until it is delivered, and the Starts and Stops that were given up (notes 7.11, 7.12)."""

from __future__ import annotations

from collections import deque
from typing import Any

from ocpp_soap.charge_point.queueing import BAD_ANSWERS, FAULT_TRIES, Entry, Journal, is_demanded
from ocpp_soap.messages import MeterValuesRequest, StartTransactionRequest, StopTransactionRequest


class Backlog:
    """Queued requests in their order, kept in ``journal`` too if there is one. Not safe without the outbox's lock."""

    def __init__(self, journal: Journal | None) -> None:
        self._journal = journal
        self._queue: deque[Entry] = deque()
        self._set_aside: list[Entry] = []
        self._revived: set[str] = set()
        self._sequence = 0
        if journal is not None:
            queued, self._set_aside = journal.load()
            self._queue.extend(queued)
            self._sequence = max((e.sequence for e in [*queued, *self._set_aside]), default=0)

    def __len__(self) -> int:
        return len(self._queue)

    @property
    def head(self) -> Entry | None:
        """What is to be delivered next."""
        return self._queue[0] if self._queue else None

    @property
    def set_aside(self) -> tuple[Entry, ...]:
        """The Starts and Stops that were given up."""
        return tuple(self._set_aside)

    def sources(self) -> set[str]:
        """The sources of what is queued or set aside."""
        return {entry.source for entry in [*self._queue, *self._set_aside] if entry.source}

    def holds_start(self, transaction: str) -> bool:
        """Tell whether the Start of a transaction is queued or set aside."""
        return self._holds(StartTransactionRequest, transaction)

    def holds_stop(self, transaction: str) -> bool:
        """Tell whether the Stop of a transaction is queued or set aside."""
        return self._holds(StopTransactionRequest, transaction)

    def add(self, request: Any, transaction: str, *, waits_for_id: bool, source: str) -> None:
        """Put a request at the end."""
        self._sequence += 1
        entry = Entry(self._sequence, request, transaction, waits_for_id, source=source)
        if self._journal is not None:
            self._journal.add(entry)
        self._queue.append(entry)

    def remove(self, entry: Entry) -> None:
        """Forget a request that was delivered."""
        self._queue.remove(entry)
        if self._journal is not None:
            self._journal.remove(entry)

    def give_up(self, entry: Entry, reason: str) -> None:
        """Take a request out of the queue: a Start or Stop is set aside, any other is forgotten."""
        if not is_demanded(entry):
            self.remove(entry)
            return
        self._queue.remove(entry)
        self._set_aside.append(entry)
        if self._journal is not None:
            self._journal.set_aside(entry, reason)

    def revive_start(self, stop: Entry) -> bool:
        """Bring the Start of a Stop back to the head of the queue, once, for one more try (notes 7.12)."""
        for start in self._set_aside:
            if start.transaction == stop.transaction and start.transaction not in self._revived:
                self._revived.add(start.transaction)
                self._set_aside.remove(start)
                start.faults, start.bad_answers = FAULT_TRIES, BAD_ANSWERS - 1
                self._queue.appendleft(start)
                return True
        return False

    def fill_in_id(self, transaction: str, transaction_id: int) -> None:
        """Write the id of a transaction, which is known now, into what is queued for it."""
        changed = [e for e in self._queue if e.transaction == transaction and _takes_id(e.request)]
        for entry in changed:
            entry.request.transaction_id = transaction_id
            entry.waits_for_id = False
        if changed and self._journal is not None:
            self._journal.change(changed)

    def _holds(self, kind: type[Any], transaction: str) -> bool:
        entries = [*self._queue, *self._set_aside]
        return any(e.transaction == transaction and isinstance(e.request, kind) for e in entries)


def _takes_id(request: Any) -> bool:
    return isinstance(request, StopTransactionRequest | MeterValuesRequest)
