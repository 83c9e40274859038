"""Telemetry on its way into the tables of the file store: into this process's log at once, from there in batches.

A message waits for one write to a file that nobody else writes, not for the lock of the database or for other threads.
One process at a time folds the logs of all (docs/adr/0007): one that does nothing else where there is such a one
(:meth:`Telemetry.tend`), else one of those that write.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from itertools import count
from pathlib import Path

import structlog

from ocpp_soap.errors import StorageError, StoreClosed, StoreUnavailable
from ocpp_soap.storage.file_lock import lock_now, unlock
from ocpp_soap.storage.group_commit import GroupCommit
from ocpp_soap.storage.private_files import folder_mode, make_folder
from ocpp_soap.storage.process_logs import READ_AT_ONCE, OwnLog, is_at
from ocpp_soap.storage.sqlite_committing import Committing
from ocpp_soap.storage.sqlite_errors import unavailable
from ocpp_soap.storage.sqlite_logs import FoldedLog, Steps, folded, forget, frames
from ocpp_soap.storage.sqlite_pace import LONGEST, Pace

FOLD_SECONDS = 0.1
LOG_BYTES = 8 * 2**20
"""Size from which on a new log is begun."""
MOST_LOGS = 3
"""Full logs of this process from which on a message waits until one of them is folded."""
LONGEST_WAIT = 1.0
"""Seconds that a reader, or a message after a flood, waits for the process that tends the store."""
FLOOD = 2**17
"""Bytes in logs from which on a reader does not wait: a thousand messages a second and more are arriving."""
_LEAST_FOLDED = 2**12
"""Bytes of a log that are folded in one go where the disk is slow."""
_PAUSE = 0.01
_PAUSE_AFTER_FAILURE = 1.0
_ROUNDS = 10
"""Rounds after which all logs are looked at again: those that nobody writes any more are removed."""

_logger = structlog.get_logger("ocpp_soap.storage")


class Telemetry:
    """The logs of a store as one process sees them. ``reader`` gives a connection for one read."""

    def __init__(
        self, path: Path, commits: GroupCommit, reader: Callable[[], AbstractContextManager[sqlite3.Connection]]
    ) -> None:
        self._path = path
        self.folder = path.with_name(f"{path.name}-log")
        self._commits = commits
        self._reader = reader
        self._store = ""
        self._lock = threading.Lock()
        self._folding = threading.Lock()
        self._log: OwnLog | None = None
        self._full: list[Path] = []
        self._known: dict[str, int] = {}
        self._pace = Pace(_LEAST_FOLDED, READ_AT_ONCE)
        self.tends = False
        self._committing: Committing | None = None
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def add(self, steps: Steps) -> None:
        """Keep ``steps``: on return they survive kill -9 and are seen by whoever calls :meth:`settle`.

        Raises OSError if the disk does not take them, StorageError if too much waits and cannot be folded.
        """
        data = frames(steps)
        while True:
            with self._lock:
                if self._stopped.is_set():
                    raise StoreClosed(f"{self._path} was closed")
                if self._log is not None and self._log.size <= LOG_BYTES:
                    self._log.append(data)
                    return
            self._begin_log()

    def look(self) -> None:
        """Give up this process's log if somebody has removed it, from where nobody can fold it: the next one is new."""
        with self._lock:
            log = self._log
            if log is None or self._stopped.is_set() or log.is_there():
                return
            self._log = None
            log.close()
        _logger.error(
            "a log was removed while it was in use: telemetry of the last moment may be lost", log=str(log.path)
        )

    def settle(self) -> None:
        """Have everything folded that any process has added so far. Raises StorageError.

        While another process tends the store, that is waited for, since folding takes much longer beside threads that
        compute; not where more than FLOOD bytes wait: what they hold is then seen later.
        """
        try:
            self._settle()
        except OSError as error:
            raise unavailable(self._path, error) from error

    def fold(self) -> None:
        """Have everything folded that is in logs, however much that is. Raises StorageError."""
        try:
            self._fold_new(everything=True)
        except OSError as error:
            raise unavailable(self._path, error) from error

    def _settle(self) -> None:
        waiting = self._unfolded()
        give_up = time.monotonic() + LONGEST_WAIT
        while waiting and self._others_tend():
            if not 0 < self._missing(waiting) <= FLOOD or time.monotonic() > give_up:
                return
            time.sleep(_PAUSE)
        if waiting:
            with self._folding:
                self._fold_all(waiting)

    def _fold_all(self, waiting: dict[str, int]) -> None:
        for name, size in waiting.items():
            self._fold(name, size)

    def tend(self, stop: threading.Event, committing: Committing | None = None) -> None:
        """Fold the logs of all processes until ``stop`` is set, whenever no other process does.

        ``committing`` is served meanwhile, and before anything else; it ends before the next one can begin. When its
        folder is removed, StoreUnavailable is raised: another has to begin, in a new one. Without it, whoever has it
        gets a chance to take over now and then: a process that does nothing else and came later, since the one before
        it was killed.
        """
        make_folder(self.folder, folder_mode(self._path.stat().st_mode & 0o777))
        role = os.open(self.folder, os.O_RDONLY | os.O_CLOEXEC)
        wait = stop.wait if committing is None else committing.serve
        self._committing = committing
        try:
            for round_ in count():
                wait(FOLD_SECONDS)
                if stop.is_set():
                    return
                self.tends = lock_now(role)
                if self.tends and committing is not None:
                    committing.listen()
                everything = round_ % _ROUNDS == 0
                if everything and committing is not None and not is_at(role, self.folder):
                    raise StoreUnavailable(f"{self.folder} was removed while it was in use")
                if self.tends and not self._settle_or_warn(everything=everything):
                    wait(_PAUSE_AFTER_FAILURE)
                elif committing is None:
                    if not self.tends:
                        wait(_PAUSE_AFTER_FAILURE)
                    elif everything:
                        self.tends = False
                        unlock(role)
        finally:
            self.tends = False
            if committing is not None:
                self._committing = None
                committing.close()
            os.close(role)

    def close(self) -> None:
        """End this process's log and fold it; what cannot be folded now, another process folds."""
        with self._lock:
            self._stopped.set()
            if self._log is not None:
                self._log.close()
        if self._thread is not None:
            self._thread.join()
        if self._log is not None:
            self._settle_or_warn()

    def _begin_log(self) -> None:
        give_up = time.monotonic() + LONGEST_WAIT
        while sum(path.exists() for path in self._full) >= MOST_LOGS:
            if self._others_tend() and time.monotonic() < give_up:
                time.sleep(_PAUSE)
            else:
                self._fold_new(everything=True)
        store = self._name()
        with self._lock:
            if self._log is not None and self._log.size <= LOG_BYTES:
                return
            if self._log is not None:
                self._full = [*filter(Path.exists, self._full), self._log.path]
                self._log.close()
                self._log = None
            if self._thread is None:
                self._thread = self._started()
            self._log = OwnLog(self.folder, store, self._path.stat().st_mode & 0o777)

    def _started(self) -> threading.Thread:
        """The thread that folds, running: without it there is no log, since nobody might fold that."""
        name = f"telemetry of {self._path.name}"
        thread = threading.Thread(target=self.tend, args=(self._stopped,), name=name, daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            raise StoreUnavailable(f"{self._path}: nothing can look after telemetry: {error}") from error
        return thread

    def _missing(self, waiting: dict[str, int]) -> int:
        """How many bytes of these logs are still to be folded."""
        missing = 0
        with self._reader() as connection:
            for name, size in waiting.items():
                self._known[name] = end = max(folded(connection, name), self._known.get(name, -1))
                if end < size and (self.folder / name).exists():
                    missing += size - end
        return missing

    def _others_tend(self) -> bool:
        """Whether another process folds the logs."""
        if self.tends:
            return False
        try:
            handle = os.open(self.folder, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return False
        try:
            return not lock_now(handle)
        finally:
            os.close(handle)

    def _fold_new(self, *, everything: bool) -> None:
        """Fold the logs that have grown, or ``everything``: then those that nobody writes any more are removed too."""
        with self._folding:
            if everything:
                self._known = {}
            self._fold_all(self._unfolded())

    def _settle_or_warn(self, *, everything: bool = True) -> bool:
        try:
            self._fold_new(everything=everything)
        except (StorageError, OSError) as error:
            reason = unavailable(self._path, error) if isinstance(error, OSError) else error
            _logger.warning("telemetry waits in its log", folder=str(self.folder), reason=str(reason))
            return False
        return True

    def _name(self) -> str:
        """How the names of the store's logs begin, so that none is taken for one of a file that was there before."""
        if not self._store:
            with self._reader() as connection:
                self._store = f"{connection.execute('PRAGMA application_id').fetchone()[0]:08x}-"
        return self._store

    def _unfolded(self) -> dict[str, int]:
        """The logs that have grown since they were folded, as far as this process knows, and their sizes now."""
        sizes: dict[str, int] = {}
        if self.folder.exists():
            store = self._name()
            for entry in os.scandir(self.folder):
                with suppress(FileNotFoundError):
                    if entry.name.startswith(store):
                        sizes[entry.name] = entry.stat().st_size
        self._known = {name: end for name, end in self._known.copy().items() if name in sizes}
        return {name: size for name, size in sizes.items() if size > self._known.get(name, -1)}

    def _fold(self, name: str, size: int) -> None:
        """Fold a log up to ``size``, or as far as its frames are whole; remove it if nobody writes it any more."""
        try:
            with FoldedLog(self.folder / name) as log:
                is_over = log.take()
                self._known[name] = self._folded_up_to(log, name, log.size() if is_over else size)
                if is_over:
                    log.remove()
                    self._commits.run(lambda connection: forget(connection, name))
        except FileNotFoundError:
            self._known.pop(name, None)

    def _time_for_more(self) -> Callable[[], bool]:
        """Whether a fold that begins now may go on in the same transaction: not for long, nor while somebody waits."""
        until = time.monotonic() + LONGEST
        return lambda: time.monotonic() < until and not (self._committing and self._committing.is_asked())

    def _folded_up_to(self, log: FoldedLog, name: str, size: int) -> int:
        with self._reader() as connection:
            end = folded(connection, name)
        while end < size:
            if self._committing is not None:
                self._committing.serve(0)
            reached = int(self._commits.run(lambda connection: log.fold(connection, self._pace, self._time_for_more())))
            if reached <= end:
                break
            end = reached
        return end
