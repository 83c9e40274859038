"""Telemetry on its way into the tables of the file store: into this process's log at once, from there in batches.

A message waits for one write to a file that nobody else writes, not for the lock of the database or for other threads.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import structlog

from ocpp_soap.errors import StorageError
from ocpp_soap.storage.group_commit import GroupCommit
from ocpp_soap.storage.sqlite_logs import OthersLog, OwnLog, Steps, folded, forget, frame, note_folded, run

FOLD_SECONDS = 0.5
FOLD_BYTES = 2**20
"""How much is folded in one commit, behind which a start or a stop may have to wait."""
MOST_WAITING = 16 * 2**20
"""Bytes from which on a message waits until what came before it is folded."""
LOG_BYTES = 8 * 2**20
"""Size from which on a new log is begun."""
_PAUSE_AFTER_FAILURE = 1.0

_logger = structlog.get_logger("ocpp_soap.storage")


class _Frame(NamedTuple):
    log: OwnLog
    end: int
    size: int
    steps: Steps


class Telemetry:
    """The logs of one process, and what it does with those of others.

    ``name`` tells how the names of this store's logs begin.
    """

    def __init__(self, path: Path, commits: GroupCommit, name: Callable[[], str]) -> None:
        self._path = path
        self._folder = path.with_name(f"{path.name}-log")
        self._commits = commits
        self._lock = threading.Lock()
        self._folding = threading.Lock()
        self._waiting: deque[_Frame] = deque()
        self._bytes = 0
        self._name = name
        self._store = ""
        self._log: OwnLog | None = None
        self._known: dict[str, int] = {}
        self._dirty = threading.Event()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def add(self, steps: Steps) -> None:
        """Keep ``steps``: on return they survive kill -9 and are seen by whoever calls :meth:`settle`.

        Raises OSError if the disk does not take them, StorageError if too much waits and cannot be folded.
        """
        data = frame(steps)
        if not self._store:
            self._store = self._name()
        if self._bytes > MOST_WAITING:
            self.fold()
        with self._lock:
            if self._log is None or self._log.size > LOG_BYTES:
                self._log = OwnLog(self._folder, self._store, self._path.stat().st_mode & 0o777)
            self._log.append(data)
            self._waiting.append(_Frame(self._log, self._log.size, len(data), steps))
            self._bytes += len(data)
        if not self._dirty.is_set():
            self._wake()

    def settle(self) -> None:
        """Fold everything that any process has added so far. Raises StorageError."""
        self.fold()
        try:
            sizes = {entry.name: entry.stat().st_size for entry in os.scandir(self._folder)}
        except FileNotFoundError:
            return
        if not self._store:
            self._store = self._name()
        self._known = {name: end for name, end in self._known.items() if name in sizes}
        with self._lock:
            own = {log.path.name for log in (*(frame.log for frame in self._waiting), self._log) if log}
        for name, size in sizes.items():
            if name.startswith(self._store) and name not in own and size > self._known.get(name, -1):
                self._fold_others(name, size)

    def fold(self) -> None:
        """Fold what this process has added so far. Raises StorageError, and keeps it, if that cannot be."""
        if not self._waiting:
            return
        with self._folding:
            left = len(self._waiting)
            while left > 0:
                left -= self._fold_some()

    def close(self) -> None:
        """Fold what is left and remove the log; what cannot be folded now, another process folds."""
        self._stopped.set()
        self._dirty.set()
        if self._thread is not None:
            self._thread.join()
        try:
            self.fold()
        except StorageError as error:
            _logger.warning("telemetry stays in its log", folder=str(self._folder), reason=str(error))
        if self._log is not None and not self._waiting:
            self._remove(self._log)
            self._log = None

    def _fold_some(self) -> int:
        """Fold the oldest of what waits, all of one log; returns how many frames."""
        with self._lock:
            log, size = self._waiting[0].log, 0
            some: list[_Frame] = []
            for frame in self._waiting:
                size += frame.size
                if frame.log is not log or (some and size > FOLD_BYTES):
                    break
                some.append(frame)

        def work(connection: sqlite3.Connection) -> None:
            done = folded(connection, log.path.name)
            run(connection, (frame.steps for frame in some if frame.end > done))
            note_folded(connection, log.path.name, max(done, some[-1].end))

        self._commits.run(work)
        with self._lock:
            for frame in some:
                self._waiting.popleft()
                self._bytes -= frame.size
            is_over = log is not self._log and (not self._waiting or self._waiting[0].log is not log)
        if is_over:
            self._remove(log)
        return len(some)

    def _remove(self, log: OwnLog) -> None:
        log.remove()
        self._commits.run(lambda connection: forget(connection, log.path.name))

    def _fold_others(self, name: str, size: int) -> None:
        try:
            with OthersLog(self._folder / name) as log:
                self._known[name] = self._fold_up_to(log, size)
                if log.take():
                    self._fold_up_to(log, (self._folder / name).stat().st_size)
                    log.remove()
                    self._commits.run(lambda connection: forget(connection, name))
        except FileNotFoundError:
            self._known.pop(name, None)

    def _fold_up_to(self, log: OthersLog, size: int) -> int:
        """Fold a log up to ``size``, or as far as its frames are whole; returns how far."""
        end, reached = -1, 0
        while reached > end and reached < size:
            end, reached = reached, int(self._commits.run(log.fold))
        return reached

    def _wake(self) -> None:
        self._dirty.set()
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=f"telemetry of {self._path.name}", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while not self._stopped.is_set():
            self._dirty.wait()
            self._stopped.wait(FOLD_SECONDS)
            self._dirty.clear()
            try:
                self.fold()
            except StorageError as error:
                _logger.warning("telemetry waits in its log", folder=str(self._folder), reason=str(error))
                self._stopped.wait(_PAUSE_AFTER_FAILURE)
                self._dirty.set()
