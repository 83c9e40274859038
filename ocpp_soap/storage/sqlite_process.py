"""The connections of one process to the file of the file store: one that writes, a few that read, one that tidies up.

SQLite connections must not cross a fork, so there is one :class:`Process` for each process id, opened at first use.
"""

from __future__ import annotations

import os
import random
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ocpp_soap.errors import DocumentTooLarge, StorageError, StoreClosed, StoreUnavailable
from ocpp_soap.storage.group_commit import GroupCommit, Write
from ocpp_soap.storage.sqlite_errors import is_locked, refuse_network_file_system, unavailable
from ocpp_soap.storage.sqlite_upkeep import Upkeep

FORMAT = 1
BUSY_SECONDS = 10.0
READERS = 8
_PAUSE = 0.0005


class Process:
    """What one process holds open of the file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.commits = GroupCommit(self._commit)
        self._opening = threading.Lock()
        self._writing = threading.Lock()
        self._writer: sqlite3.Connection | None = None
        self._reading = threading.BoundedSemaphore(READERS)
        self._readers: deque[sqlite3.Connection] = deque()
        self._inode = 0
        self._upkeep: Upkeep | None = None
        self._closed = False

    @contextmanager
    def reader(self) -> Iterator[sqlite3.Connection]:
        """A connection for one read. Raises StoreClosed, StoreUnavailable."""
        try:
            self._check_file()
            with self._reading:
                try:
                    connection = self._readers.pop()
                except IndexError:
                    connection = self._connect()
                try:
                    yield connection
                finally:
                    self._readers.append(connection)
                    if self._closed:
                        self._close_readers()
        except (sqlite3.Error, OSError) as error:
            raise self._error(error) from error

    def close(self) -> None:
        """Wait for the commit that is under way, then close everything."""
        self._closed = True
        with self._writing:
            if self._upkeep is not None:
                self._upkeep.stop()
            self._close_readers()
            if self._writer is not None:
                self._writer.close()

    def _close_readers(self) -> None:
        while self._readers:
            self._readers.pop().close()

    def _check_file(self) -> None:
        if self._closed:
            raise StoreClosed(f"{self.path} was closed")
        if not self._inode:
            self._open()
        try:
            inode = self.path.stat().st_ino
        except OSError as error:
            raise StoreUnavailable(f"{self.path} is gone: restore it, then restart this program ({error})") from error
        if inode != self._inode:
            raise StoreUnavailable(f"{self.path} was replaced while it was in use: restart this program")

    def _open(self) -> None:
        with self._opening:
            if self._inode:
                return
            refuse_network_file_system(self.path)
            self.path.parent.mkdir(parents=True, exist_ok=True)
            connection = self._connect()
            _prepare(connection, self.path)
            self._readers.append(connection)
            self._inode = self.path.stat().st_ino

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            str(self.path), timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False, cached_statements=256
        )
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        connection.execute("PRAGMA cache_size = -8000")
        return connection

    def _error(self, error: sqlite3.Error | OSError) -> StorageError:
        if self._closed:
            return StoreClosed(f"{self.path} was closed")
        if isinstance(error, sqlite3.DataError):
            return DocumentTooLarge(f"{self.path}: {error}")
        return unavailable(self.path, error)

    def _commit(self, batch: Sequence[Write]) -> None:
        """Commit the writes in one transaction; where that fails, each in its own, so that one cannot spoil others."""
        with self._writing:
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
                write.error = self._error(error)

    def _transact(self, batch: Sequence[Write]) -> None:
        self._check_file()
        connection = self._open_writer()
        durable = any(write.durable for write in batch)
        connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
        _begin(connection)
        try:
            errors = [_do(write, connection) for write in batch]
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        for write, error in zip(batch, errors, strict=True):
            write.error = error
        if self._upkeep is not None:
            self._upkeep.committed(connection)

    def _open_writer(self) -> sqlite3.Connection:
        if self._writer is None:
            self._writer = self._connect()
            self._writer.execute("PRAGMA busy_timeout = 0")
            self._upkeep = Upkeep(self.path, self._connect)
        return self._writer


def _do(write: Write, connection: sqlite3.Connection) -> Exception | None:
    """Run one write in the open transaction. What it raises as a StorageError or ValueError has changed nothing."""
    try:
        write.result = write.work(connection)
    except (StorageError, ValueError) as error:
        return error
    return None


def _begin(connection: sqlite3.Connection) -> None:
    """Begin to write as soon as no other process does. SQLite's own waiting sleeps up to 100 ms at a time."""
    give_up = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("BEGIN IMMEDIATE")
            return
        except sqlite3.OperationalError as error:
            if not is_locked(error) or time.monotonic() > give_up:
                raise
        time.sleep(_PAUSE * random.uniform(0.5, 1.5))  # noqa: S311


def _prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Make the file one of ours, in WAL mode; several processes may do so at once."""
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > FORMAT:
        raise StoreUnavailable(f"{path} was written by a newer version of this program: install that version")
    if version == FORMAT:
        return
    give_up = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            break
        except sqlite3.OperationalError as error:
            if not is_locked(error) or time.monotonic() > give_up:
                raise
        time.sleep(_PAUSE)
    _begin(connection)
    connection.execute("CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL)")
    connection.execute(f"PRAGMA user_version = {FORMAT}")
    connection.execute("COMMIT")
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
