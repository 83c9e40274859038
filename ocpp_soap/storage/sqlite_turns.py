"""Whose turn it is to write, where several processes do: no one waits for long while another writes again and again.

SQLite lets in whoever asks first when the file is free, and that is mostly the process that just wrote. A process that
has waited for some milliseconds therefore takes the turn, a lock on the folder, and the others let it pass. The lock is
for fairness only: what is written is protected by SQLite, also when the lock is lost or stuck.
"""

from __future__ import annotations

import os
import random
import sqlite3
import time
from pathlib import Path

from ocpp_soap.storage.file_lock import lock_now, unlock
from ocpp_soap.storage.sqlite_errors import is_locked

BUSY_SECONDS = 10.0
"""Seconds for which a process waits for somebody else's lock."""
ASKED_BUSY_SECONDS = 3.0
"""The same where others have their writes committed: they may wait for three commits, and then hear of the lock."""
_PAUSE = 0.0004
_PATIENCE = 0.005
_POLITENESS = 0.5


class Turns:
    """The turns of the writing processes of one file."""

    def __init__(self, path: Path) -> None:
        self._folder = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)

    def begin(self, connection: sqlite3.Connection, *, is_asked: bool = False) -> None:
        """Begin a transaction that writes, which others may have asked for.

        Raises sqlite3.OperationalError if the file stays locked.
        """
        longest = ASKED_BUSY_SECONDS if is_asked else BUSY_SECONDS
        started = time.monotonic()
        mine = False
        self._let_pass(started + _POLITENESS)
        try:
            while True:
                try:
                    connection.execute("BEGIN IMMEDIATE")
                    return
                except sqlite3.OperationalError as error:
                    waited = time.monotonic() - started
                    if not is_locked(error) or waited > longest:
                        raise
                mine = mine or (waited > _PATIENCE and lock_now(self._folder))
                _pause()
        finally:
            if mine:
                unlock(self._folder)

    def close(self) -> None:
        """Let go of the folder."""
        os.close(self._folder)

    def _let_pass(self, until: float) -> None:
        while not lock_now(self._folder):
            if time.monotonic() > until:
                return
            _pause()
        unlock(self._folder)


def _pause() -> None:
    time.sleep(_PAUSE * random.uniform(0.5, 1.5))  # noqa: S311
