"""The upkeep of the file store: what was committed reaches the disk, and the write-ahead log stays small.

A commit that is not durable survives the death of the process at once, and a failure of power about a second later.
The log is folded into the file beside the writers; only when they never leave it alone does one of them begin it anew.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

from ocpp_soap.storage.sqlite_forks import INSIDE

TICK_SECONDS = 0.5
FOLD_BYTES = 4 * 2**20
LIMIT_BYTES = 128 * 2**20
"""Size from which on a writer begins the log anew before it goes on, when little of it is left to fold."""
_FRAME_BYTES = 4096 + 24
_FEW_FRAMES = 500
_MOST_ROUNDS = 5


class Upkeep:
    """A thread that looks after the log while there are writes."""

    def __init__(self, path: Path, connect: Callable[[], sqlite3.Connection]) -> None:
        self._log = path.with_name(f"{path.name}-wal")
        self._connection = connect()
        self._crowded = False
        self._dirty = threading.Event()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"upkeep of {path.name}", daemon=True)
        self._thread.start()

    def committed(self, writer: sqlite3.Connection) -> None:
        """Something was committed by this connection, which is at rest now and begins the log anew if it grew too long.

        The file keeps its size: a sync that must note a new size waits for all that the file system has to write.
        """
        self._dirty.set()
        if self._crowded:
            with suppress(sqlite3.Error):  # the commit stands
                (busy, *_) = writer.execute("PRAGMA wal_checkpoint(RESTART)").fetchone()
                self._crowded = bool(busy)

    def stop(self) -> None:
        """End the thread."""
        self._stopped.set()
        self._dirty.set()
        self._thread.join()

    def _run(self) -> None:
        with closing(self._connection) as connection:
            while not self._stopped.is_set():
                self._dirty.wait()
                self._stopped.wait(TICK_SECONDS)
                self._dirty.clear()
                try:
                    with INSIDE:
                        self._tick(connection)
                except (sqlite3.Error, OSError):  # the next write meets the same trouble and reports it
                    continue

    def _tick(self, connection: sqlite3.Connection) -> None:
        log = os.open(self._log, os.O_RDONLY)
        try:
            os.fsync(log)
            size = os.fstat(log).st_size
        finally:
            os.close(log)
        frames = self._fold(connection) if size > FOLD_BYTES else 0
        self._crowded = frames * _FRAME_BYTES > LIMIT_BYTES

    def _fold(self, connection: sqlite3.Connection) -> int:
        """Fold the log, and again what came meanwhile, until little is left, for which a writer waits at the end.

        Returns how many frames the log has.
        """
        for _ in range(_MOST_ROUNDS):
            busy, frames, folded = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            if busy or frames - folded < _FEW_FRAMES:
                break
        return int(frames)
