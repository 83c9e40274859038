"""What must be looked after from time to time, by one process at a time: the others see that it was done.

Every process asks the store once in an interval; whoever writes the next time first does the duties. A duty may run
twice at once if it takes longer than the interval, so each must bear that. What it gets and returns is its mark: how
far it came, kept in the store.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

import structlog

from ocpp_soap.central_system.clocks import is_to_come
from ocpp_soap.central_system.fleet_collections import DUTIES
from ocpp_soap.errors import AlreadyExists, RevisionConflict, StorageError
from ocpp_soap.storage.base import Document, Storage

INTERVAL = 15.0
_KEY = "duties"

_log = structlog.get_logger("ocpp_soap.central_system")

Duty = Callable[[Document], Document]


class Duties:
    """The duties of a central system, done every ``interval`` seconds by one of its processes."""

    def __init__(self, store: Storage, *, interval: float = INTERVAL) -> None:
        self._store = store
        self._interval = interval
        self._duties: dict[str, Duty] = {}

    def add(self, name: str, duty: Duty) -> None:
        """Add a duty: it gets the mark that it returned last, at first an empty one."""
        self._duties[name] = duty

    def run(self, stop: threading.Event) -> None:
        """Do the duties when it is this process's turn, until ``stop`` is set."""
        while not stop.is_set():
            if self._is_our_turn():
                self.do_all()
            stop.wait(self._interval / 3)

    def do_all(self) -> None:
        """Do every duty now; one that fails is logged and does not keep the others from being done."""
        for name, duty in self._duties.items():
            key = f"mark:{name}"
            stored = self._store.get(DUTIES, key)
            try:
                mark = duty(dict(stored.document) if stored else {})
            except StorageError:
                raise
            except Exception:
                _log.exception("a duty failed and is done again later", duty=name)
                continue
            if mark != (stored.document if stored else {}):
                self._store.put(DUTIES, {key: mark})

    def _is_our_turn(self) -> bool:
        claimed = {"next_at": datetime.now(timezone.utc) + timedelta(seconds=self._interval)}
        stored = self._store.get(DUTIES, _KEY)
        try:
            if stored is None:
                self._store.create(DUTIES, _KEY, claimed)
            elif is_to_come(stored.document["next_at"], self._interval):
                return False
            else:
                self._store.replace(DUTIES, _KEY, claimed, revision=stored.revision)
        except (AlreadyExists, RevisionConflict):
            return False
        return True
