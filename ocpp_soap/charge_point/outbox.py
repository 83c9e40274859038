"""What a station has to say, sent strictly one request at a time and in order (12/15 §3.2, notes 7.11, 7.12, 7.39).

Nothing but the BootNotification leaves before the gate is open, that is before the central system accepted the
station (12/15 §4.2). What was put into the queue is kept until it is answered; a Stop waits for the id that the
answer to its Start brings. A request that met a fault is not sent again; a Start or Stop that met InternalError gets a
few more spaced tries and is then set aside, so that the queue goes on.

An answer that is not OCPP, such as a proxy's page, means a broken line: everything is kept. The message itself is at
fault if a Heartbeat before each further try is answered as it should be: then it is given up like one that met a fault.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any

import structlog

from ocpp_soap.charge_point.backlog import Backlog
from ocpp_soap.charge_point.queueing import (
    BAD_ANSWERS,
    FAULT_TRIES,
    Backoff,
    Entry,
    Journal,
    OutboxOwner,
    Then,
    is_demanded,
)
from ocpp_soap.charge_point.scheduler import Schedule, Timer
from ocpp_soap.errors import BadAnswer, CallFailed, InternalError, InvalidMessage, OcppSoapError, Refused
from ocpp_soap.messages import HeartbeatRequest, StartTransactionResponse

_log = structlog.get_logger("ocpp_soap.charge_point")


class Outbox:
    """The queue of one station. ``send`` blocks until the answer is there or raises :class:`CallFailed`."""

    def __init__(
        self,
        send: Callable[[Any], Any],
        schedule: Schedule,
        owner: OutboxOwner,
        *,
        lock: threading.RLock,
        journal: Journal | None = None,
        backoff: Backoff | None = None,
    ) -> None:
        self._send = send
        self._schedule = schedule
        self._owner = owner
        self._lock = lock
        self._backoff = backoff or Backoff()
        self._backlog = Backlog(journal)
        self._urgent: deque[Entry] = deque()
        self._open = False
        self._stopped = False
        self._in_flight: Entry | None = None
        self._failures = 0
        self._retry: Timer | None = None

    @property
    def online(self) -> bool:
        """Accepted by the central system, and the last exchange did not fail."""
        return self._open and self._failures == 0

    @property
    def waiting(self) -> int:
        """How many requests are not delivered yet."""
        return len(self._backlog) + len(self._urgent)

    @property
    def set_aside(self) -> tuple[Entry, ...]:
        """The Starts and Stops that were given up: kept, and sent again only where a Stop needs an id."""
        return self._backlog.set_aside

    def sources(self) -> set[str]:
        """The sources of what is queued or set aside."""
        with self._lock:
            return self._backlog.sources()

    def holds_start(self, transaction: str) -> bool:
        """Tell whether the Start of a transaction is queued or set aside."""
        return self._backlog.holds_start(transaction)

    def holds_stop(self, transaction: str) -> bool:
        """Tell whether the Stop of a transaction is queued or set aside."""
        return self._backlog.holds_stop(transaction)

    def put(self, request: Any, *, transaction: str = "", waits_for_id: bool = False, source: str = "") -> None:
        """Queue a request until it is delivered."""
        with self._lock:
            self._backlog.add(request, transaction, waits_for_id=waits_for_id, source=source)
            self._pump()

    def ask(self, request: Any, then: Then, *, before_acceptance: bool = False) -> None:
        """Send a request ahead of the queue, once: somebody waits for its answer, or it is of no use later."""
        with self._lock:
            self._urgent.append(Entry(0, request, then=then, before_acceptance=before_acceptance))
            self._pump()

    def open(self) -> None:
        """Let everything through: the station is accepted."""
        with self._lock:
            self._open = True
            self._failures = 0
            self._cancel_retry()
            self._pump()

    def shut(self) -> None:
        """Let only boot requests through; who waits for another answer is told that there is none."""
        with self._lock:
            self._open = False
            self._cancel_retry()
            dropped = [e for e in self._urgent if not e.before_acceptance and e is not self._in_flight]
            for entry in dropped:
                self._urgent.remove(entry)
                self._tell(entry, None, CallFailed("the station is restarting"))

    def stop(self) -> None:
        """Send nothing more; what is queued stays in the journal."""
        with self._lock:
            self._stopped = True
            self._cancel_retry()

    def _pump(self) -> None:
        if self._in_flight is not None or self._stopped:
            return
        entry = self._next()
        if entry is not None:
            self._in_flight = entry
            self._schedule.submit(lambda: self._exchange(entry))

    def _next(self) -> Entry | None:
        for entry in self._urgent:
            if self._open or entry.before_acceptance:
                return entry
        if not self._open or self._retry is not None:
            return None
        while (head := self._backlog.head) and head.waits_for_id and not self._backlog.revive_start(head):
            self._give_up(head, CallFailed("its StartTransaction was never answered with an id"))
        return self._backlog.head

    def _exchange(self, entry: Entry) -> None:
        if self._stopped:
            return
        response, error = None, None
        try:
            response = self._send(entry.request)
        except OcppSoapError as failure:
            error = failure
        except Exception as failure:
            _log.exception("%s could not be sent", type(entry.request).__name__)
            error = InvalidMessage(f"{type(failure).__name__} while sending")
        with self._lock:
            try:
                if error is None:
                    self._answered(entry, response)
                else:
                    self._failed(entry, error)
            except Exception:
                self._not_taken(entry)
                raise
            finally:
                self._in_flight = None
                self._pump()

    def _answered(self, entry: Entry, response: Any) -> None:
        self._connected()
        if isinstance(response, StartTransactionResponse):
            self._backlog.fill_in_id(entry.transaction, response.transaction_id)
        self._owner.answered(entry, response)
        self._remove(entry)
        self._tell(entry, response, None)

    def _failed(self, entry: Entry, error: OcppSoapError) -> None:
        reached = isinstance(error, Refused)
        if reached:
            self._connected()
        if isinstance(error, BadAnswer) and self._failures == 0:
            entry.bad_answers += 1
        if entry.sequence == 0:
            self._remove(entry)
            if isinstance(error, CallFailed) and not reached:
                self._lost(entry, error)
            self._tell(entry, None, error)
        elif reached and self._worth_another_try(entry, error):
            entry.faults += 1
            self._retry_in(self._backoff.delay(entry.faults) * 4)
        elif reached or not isinstance(error, CallFailed) or entry.bad_answers == BAD_ANSWERS:
            self._give_up(entry, error)
        else:
            self._lost(entry, error)

    def _not_taken(self, entry: Entry) -> None:
        """A mistake of ours: what is queued still is sent again, and like all else not at once."""
        if entry.sequence == 0:
            self._remove(entry)
        self._failures += 1
        self._retry_in(self._backoff.delay(self._failures))

    @staticmethod
    def _worth_another_try(entry: Entry, error: OcppSoapError) -> bool:
        internal = isinstance(error, Refused) and isinstance(error.fault, InternalError)
        return is_demanded(entry) and internal and entry.faults + 1 < FAULT_TRIES

    def _give_up(self, entry: Entry, error: OcppSoapError) -> None:
        self._backlog.give_up(entry, str(error))
        self._owner.given_up(entry, error)

    def _connected(self) -> None:
        self._failures = 0
        if not self._head_is_suspect():
            self._cancel_retry()

    def _head_is_suspect(self) -> bool:
        return self._backlog.head is not None and self._backlog.head.bad_answers > 0

    def _lost(self, entry: Entry, error: CallFailed) -> None:
        self._failures += 1
        if self._open or not entry.before_acceptance:
            self._retry_in(self._backoff.wait(max(self._failures, entry.bad_answers), error))

    def _retry_in(self, seconds: float) -> None:
        self._cancel_retry()
        self._retry = self._schedule.after(seconds, self._retry_now)

    def _retry_now(self) -> None:
        with self._lock:
            self._retry = None
            probe = not self._backlog or self._head_is_suspect()
            if self._open and probe and not self._urgent and self._failures:
                self.ask(HeartbeatRequest(), lambda _response, _error: None)
            self._pump()

    def _cancel_retry(self) -> None:
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None

    def _remove(self, entry: Entry) -> None:
        if entry.sequence == 0:
            if entry in self._urgent:
                self._urgent.remove(entry)
        else:
            self._backlog.remove(entry)

    @staticmethod
    def _tell(entry: Entry, response: Any, error: OcppSoapError | None) -> None:
        if entry.then is not None:
            entry.then(response, error)
