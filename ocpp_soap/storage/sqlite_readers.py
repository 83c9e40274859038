"""The connections by which the threads of a process read the file of the file store, a few for all of them."""

from __future__ import annotations

import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from ocpp_soap.errors import StorageError
from ocpp_soap.storage.sqlite_forks import INSIDE

READERS = 8


class Readers:
    """Up to READERS connections, the one that was used last first, since it has the most in memory.

    ``check`` is called before each use, and raises what makes it impossible; ``connect`` makes a connection; ``error``
    gives what is raised for an error of SQLite's.
    """

    def __init__(
        self,
        check: Callable[[], None],
        connect: Callable[[], sqlite3.Connection],
        error: Callable[[sqlite3.Error | OSError], StorageError],
    ) -> None:
        self.check = check
        self.error = error
        self._connect = connect
        self._free: deque[sqlite3.Connection] = deque()
        self._made = 0
        self._waiting = 0
        self._closed = False
        self._returned = threading.Condition()

    def __call__(self) -> Reading:
        """A connection for one read, for a ``with``. Raises StorageError."""
        return Reading(self)

    def take(self) -> sqlite3.Connection:
        """A connection, when one is free."""
        try:
            return self._free.pop()
        except IndexError:
            pass
        with self._returned:
            self._waiting += 1
            try:
                while True:
                    with suppress(IndexError):  # who does not wait may be quicker
                        return self._free.pop()
                    if self._made < READERS:
                        connection = self._connect()
                        self._made += 1
                        return connection
                    self._returned.wait()
            finally:
                self._waiting -= 1

    def add(self, connection: sqlite3.Connection) -> None:
        """Use a connection that was made for something else."""
        self._made += 1
        self.give_back(connection)

    def give_back(self, connection: sqlite3.Connection) -> None:
        """Let others have the connection."""
        self._free.append(connection)
        if self._closed:
            self.close()
        if self._waiting:
            with self._returned:
                self._returned.notify()

    def close(self) -> None:
        """Close those that are free, the others when they are given back."""
        self._closed = True
        with self._returned:
            while self._free:
                self._free.pop().close()
                self._made -= 1
            self._returned.notify_all()


class Reading:
    """The use of a connection for one read."""

    __slots__ = ("_connection", "_readers")

    def __init__(self, readers: Readers) -> None:
        self._readers = readers

    def __enter__(self) -> sqlite3.Connection:
        INSIDE.__enter__()
        try:
            self._readers.check()
            self._connection = self._readers.take()
        except BaseException as error:
            INSIDE.__exit__()
            self._raise_ours(error)
            raise
        return self._connection

    def __exit__(self, _kind: Any, error: BaseException | None, _trace: Any) -> None:
        self._readers.give_back(self._connection)
        INSIDE.__exit__()
        if error is not None:
            self._raise_ours(error)

    def _raise_ours(self, error: BaseException) -> None:
        if isinstance(error, (sqlite3.Error, OSError)):
            raise self._readers.error(error) from error
