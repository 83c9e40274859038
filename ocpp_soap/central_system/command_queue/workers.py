"""The workers of a process: they look for lines that are due and deliver each in a thread of its own."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable

import structlog

from ocpp_soap.central_system.command_queue.delivery import Delivery
from ocpp_soap.central_system.command_queue.lines import Claim
from ocpp_soap.central_system.command_queue.queue import CommandQueue
from ocpp_soap.central_system.periodic import ThisProcess
from ocpp_soap.errors import StorageError, StoreClosed

SECONDS_TO_STOP = 1.0

_log = structlog.get_logger("ocpp_soap.central_system")


class Workers:
    """Up to ``threads`` stations of this process are delivered to at a time; a slow one holds up one thread.

    ``poll_interval`` in seconds is how often the store is asked for what other processes created; ``lease`` is for how
    long a line is claimed until its first attempt says how long that may take.
    """

    def __init__(
        self, queue: CommandQueue, delivery: Delivery, *, threads: int, poll_interval: float, lease: float
    ) -> None:
        self._queue = queue
        self._delivery = delivery
        self._threads = threads
        self._poll_interval = poll_interval
        self._lease = lease
        self._kick = threading.Event()
        self._lock = threading.Lock()
        self._busy: set[threading.Thread] = set()

    def kick(self) -> None:
        """Look for due lines now."""
        self._kick.set()

    def run(self, stop: threading.Event) -> None:
        """Deliver what is due anywhere until ``stop`` is set."""
        while not stop.is_set():
            self._fill(lambda free: self._queue.lines.claim_due(ThisProcess.name, self._lease, free))
            self._wait(stop)
        self._let_finish()

    def run_for(self, stations: Iterable[str], is_over: Callable[[], bool]) -> None:
        """Deliver to those stations only, until ``is_over()``."""
        names = list(dict.fromkeys(stations))
        while not is_over():
            for name in names:
                while self._free() == 0 and not is_over():
                    self._wait(threading.Event())
                if is_over():
                    break
                self._fill(lambda _, name=name: self._claim_one(name))  # type: ignore[misc]
            self._wait(threading.Event())
        self._let_finish()

    def _claim_one(self, charge_box_identity: str) -> list[Claim]:
        claim = self._queue.lines.claim(charge_box_identity, ThisProcess.name, self._lease)
        return [] if claim is None else [claim]

    def _free(self) -> int:
        with self._lock:
            return self._threads - len(self._busy)

    def _fill(self, claim: Callable[[int], list[Claim]]) -> None:
        free = self._free()
        for claimed in claim(free) if free else ():
            thread = threading.Thread(target=self._work, args=(claimed,), name="command", daemon=True)
            with self._lock:
                self._busy.add(thread)
            try:
                thread.start()
            except RuntimeError:  # the system gives no more threads now; the line is left until its lease ends
                with self._lock:
                    self._busy.discard(thread)
                raise

    def _wait(self, stop: threading.Event) -> None:
        """Until somebody kicks, or the time to look again has come."""
        if not stop.is_set():
            self._kick.wait(self._poll_interval)
            self._kick.clear()

    def _work(self, claim: Claim) -> None:
        try:
            self._delivery.work_on(claim)
        except StoreClosed:
            return
        except StorageError as error:
            _log.warning(
                "a line is left until its lease ends", station=claim.line.charge_box_identity, error=str(error)
            )
        except Exception:
            _log.exception("a line is left until its lease ends", station=claim.line.charge_box_identity)
        finally:
            with self._lock:
                self._busy.discard(threading.current_thread())
                was_full = len(self._busy) == self._threads - 1
            if was_full:
                self._kick.set()

    def _let_finish(self) -> None:
        with self._lock:
            busy = list(self._busy)
        deadline = time.monotonic() + SECONDS_TO_STOP
        for thread in busy:
            thread.join(max(0.0, deadline - time.monotonic()))
