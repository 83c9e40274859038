"""The connections of one process to the file of the file store: one that writes, a few that read, one that tidies up.

SQLite connections must not cross a fork, so there is one :class:`Process` for each process id, opened at first use.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

from ocpp_soap.errors import DocumentTooLarge, StorageError, StoreClosed, StoreUnavailable
from ocpp_soap.storage.group_commit import GroupCommit, Write
from ocpp_soap.storage.last_failure import LastFailure
from ocpp_soap.storage.private_files import make_file, make_folder
from ocpp_soap.storage.sqlite_begun import Beginning, Begun
from ocpp_soap.storage.sqlite_changes import Change, Errors, NotAll, run_singly, run_together
from ocpp_soap.storage.sqlite_commit_socket import Way
from ocpp_soap.storage.sqlite_committed import Committed
from ocpp_soap.storage.sqlite_committing import Committing
from ocpp_soap.storage.sqlite_errors import is_locked, refuse_network_file_system, refuse_unwritable, unavailable
from ocpp_soap.storage.sqlite_forks import INSIDE
from ocpp_soap.storage.sqlite_found import NAME as MARKS
from ocpp_soap.storage.sqlite_found import Found
from ocpp_soap.storage.sqlite_logs import Steps
from ocpp_soap.storage.sqlite_open import connect, prepare
from ocpp_soap.storage.sqlite_read_ahead import reading_ahead
from ocpp_soap.storage.sqlite_readers import Readers
from ocpp_soap.storage.sqlite_telemetry import Telemetry
from ocpp_soap.storage.sqlite_turns import Turns
from ocpp_soap.storage.sqlite_upkeep import Upkeep

LOOK_SECONDS = 0.2
WRITER_CACHE = 32_000
"""KiB of pages that the connection that writes may keep in memory."""


class Process:
    """What one process holds open of the file. ``identity``: the number of the file, which its backups have too."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.commits = GroupCommit(self._commit)
        self.reader = Readers(self._check_file, lambda: connect(path), self._error)
        self.telemetry = Telemetry(path, self.commits, self.reader)
        self.found = Found(self.telemetry.folder, lambda: path.stat().st_mode & 0o777)
        way = Way(self.telemetry.folder)
        self._committed = Committed(way, self.reader)
        self._beginning = Beginning(way, self.log)
        self._opening = threading.Lock()
        self._writing = threading.Lock()
        self._writer: sqlite3.Connection | None = None
        self.identity = 0
        self._inode = 0
        self._looked_at = 0.0
        self._mode = ""
        self._turns: Turns | None = None
        self._upkeep: Upkeep | None = None
        self._logging = LastFailure()
        self._committing = LastFailure()
        self._is_asked = False
        self._closed = False

    def log(self, steps: Steps) -> None:
        """Keep telemetry in the log, from where it gets into the tables. Raises StoreClosed, StoreUnavailable."""
        try:
            self._check_file()
            self.telemetry.add(steps)
        except OSError as error:
            raise self._logging.noted(self._error(error)) from error
        except StorageError as error:
            self._logging.noted(error)
            raise
        self._logging.reason = ""

    def check(self) -> None:
        """Raise StoreUnavailable if this user may not write the file, or if the last write of a kind failed."""
        refuse_unwritable(self.path, self.telemetry.folder, self.telemetry.folder / MARKS)
        self._logging.check()
        self._committing.check()

    def tend(self, stop: threading.Event) -> None:
        """Fold telemetry and commit for other processes until ``stop`` is set. Raises StoreUnavailable."""
        self._is_asked = True
        try:
            self._check_file()
            committing = Committing(self.telemetry.folder, self.path.stat().st_mode & 0o777, self._commit)
            with reading_ahead(self.path):
                self.telemetry.tend(stop, committing)
        except (sqlite3.Error, OSError) as error:
            raise self._error(error) from error

    def close(self) -> None:
        """Wait for the commit that is under way, then close everything."""
        self._beginning.close()
        self.telemetry.close()
        self._closed = True
        with INSIDE, self._writing:
            if self._upkeep is not None:
                self._upkeep.stop()
            self.reader.close()
            if self._writer is not None:
                self._writer.close()
            if self._turns is not None:
                self._turns.close()
            self._committed.close()

    def _check_file(self) -> None:
        if self._closed:
            raise StoreClosed(f"{self.path} was closed")
        if not self._inode:
            self._open()
        now = time.monotonic()
        if now - self._looked_at < LOOK_SECONDS:
            return
        self._looked_at = now
        try:
            inode = self.path.stat().st_ino
        except OSError as error:
            self._looked_at = 0.0
            raise StoreUnavailable(f"{self.path} is gone: restore it, then restart this program ({error})") from error
        if inode != self._inode:
            self._looked_at = 0.0
            raise StoreUnavailable(f"{self.path} was replaced while it was in use: restart this program")
        self.telemetry.look()

    def _open(self) -> None:
        with INSIDE, self._opening:
            if self._inode:
                return
            refuse_network_file_system(self.path)
            if self.path.is_dir():
                raise StoreUnavailable(f"{self.path}: it is a folder: storage.file.path names a file")
            make_folder(self.path.parent)
            make_file(self.path)
            connection = connect(self.path)
            try:
                prepare(connection, self.path)
                self.identity = connection.execute("PRAGMA application_id").fetchone()[0]
                self._inode = self.path.stat().st_ino
            except BaseException:
                connection.close()
                raise
            self.reader.add(connection)

    def _error(self, error: sqlite3.Error | OSError) -> StorageError:
        if self._closed:
            return StoreClosed(f"{self.path} was closed")
        if isinstance(error, sqlite3.DataError):
            return DocumentTooLarge(f"{self.path}: {error}")
        return unavailable(self.path, error)

    def change(self, change: Change, *, durable: bool) -> Any:
        """Have a change committed by the process that does it for all, else by this one. Raises StorageError."""
        try:
            self._check_file()
            result = None if self.telemetry.tends else self._committed.commit(change, durable)
            if result is None:
                result = self.commits.run(change, durable=durable)
        except sqlite3.OperationalError as error:
            raise self._committing.noted(self._error(error)) from error
        except StorageError as error:
            self._committing.noted(error)
            raise
        self._committing.reason = ""
        return result

    def write(self, work: Callable[[sqlite3.Connection], Any], *, durable: bool) -> Any:
        """The result of ``work``, run in a transaction that this process commits. Raises StorageError."""
        try:
            result = self.commits.run(work, durable=durable)
        except StorageError as error:
            self._committing.noted(error)
            raise
        self._committing.reason = ""
        return result

    def begin(self, change: Change, begun: Begun, *, durable: bool) -> bool:
        """Have a change committed by the process that does it for all, without waiting; False: nobody does it.

        Raises StorageError.
        """
        self._check_file()
        return not self.telemetry.tends and self._beginning.begin(change, begun, durable=durable)

    def _commit(self, batch: Sequence[Write]) -> None:
        """Commit the writes in one transaction; where that fails, each in its own, so that one cannot spoil others."""
        with INSIDE, self._writing:
            try:
                self._transact(batch)
            except (StorageError, sqlite3.Error, OSError) as error:
                if len(batch) == 1 or isinstance(error, StorageError) or is_locked(error):
                    for write in batch:
                        write.error = error if isinstance(error, StorageError) else self._error(error)
                else:
                    self._commit_singly(batch)

    def _commit_singly(self, batch: Sequence[Write]) -> None:
        for write in batch:
            try:
                self._transact([write])
            except (sqlite3.Error, OSError) as error:
                write.result, write.error = None, self._error(error)

    def _transact(self, batch: Sequence[Write]) -> None:
        try:
            self._run_and_commit(batch, run_together)
        except NotAll:
            self._run_and_commit(batch, run_singly)

    def _run_and_commit(
        self, batch: Sequence[Write], run: Callable[[Sequence[Write], sqlite3.Connection], Errors]
    ) -> None:
        self._check_file()
        connection, turns = self._open_writer()
        mode = "FULL" if any(write.durable for write in batch) else "NORMAL"
        if mode != self._mode:
            connection.execute(f"PRAGMA synchronous = {mode}")
            self._mode = mode
        turns.begin(connection, is_asked=self._is_asked)
        try:
            errors = run(batch, connection)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        for write in batch:
            write.error = errors.get(write)
        if self._upkeep is not None:
            self._upkeep.committed(connection)

    def _open_writer(self) -> tuple[sqlite3.Connection, Turns]:
        if self._writer is None or self._turns is None:
            with ExitStack() as opened:  # all or nothing: without its upkeep the log would grow for ever
                writer = opened.enter_context(closing(connect(self.path, cache=WRITER_CACHE)))
                writer.execute("PRAGMA busy_timeout = 0")
                turns = opened.enter_context(closing(Turns(self.path)))
                self._upkeep = Upkeep(self.path, lambda: connect(self.path))
                opened.pop_all()
            self._writer, self._turns = writer, turns
        return self._writer, self._turns
