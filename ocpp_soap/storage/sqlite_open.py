"""Opening the file of the file store: a connection as we use it, and a new file made one of ours."""

from __future__ import annotations

import os
import secrets
import sqlite3
import time
from pathlib import Path

from ocpp_soap.errors import StoreUnavailable
from ocpp_soap.storage.sqlite_errors import NOT_OURS, is_locked
from ocpp_soap.storage.sqlite_turns import BUSY_SECONDS

FORMAT = 3
_PAUSE = 0.001


def connect(path: Path, *, cache: int = 2000) -> sqlite3.Connection:
    """A connection that any thread may use, one at a time, with up to ``cache`` KiB of pages in memory.

    The log is folded into the file by ``Upkeep`` only.
    """
    connection = sqlite3.connect(
        str(path), timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False, cached_statements=256
    )
    try:
        for setting in ("wal_autocheckpoint = 0", "temp_store = MEMORY", f"cache_size = -{cache}"):
            connection.execute(f"PRAGMA {setting}")
    except BaseException:
        connection.close()
        raise
    return connection


def prepare(connection: sqlite3.Connection, path: Path) -> None:
    """Make an empty file one of ours, in WAL mode; several processes may do so at once.

    A backup is in another mode until it is used; one that cannot be written is read as it is. Raises StoreUnavailable
    for a file of another program, which is left as it is, and for one of a newer version.
    """
    tables, ours = connection.execute("SELECT count(*), total(name = 'counters') FROM sqlite_master").fetchone()
    if tables and not ours:
        raise StoreUnavailable(f"{path}: {NOT_OURS}")
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > FORMAT:
        raise StoreUnavailable(f"{path} was written by a newer version of this program: install that version")
    (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
    if version == FORMAT and (mode == "wal" or not os.access(path, os.W_OK)):
        return
    give_up = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            break
        except sqlite3.OperationalError as error:  # it does not wait for a lock as other statements do
            if not is_locked(error) or time.monotonic() > give_up:
                raise
        time.sleep(_PAUSE)
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("CREATE TABLE IF NOT EXISTS counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL)")
    connection.execute("CREATE TABLE IF NOT EXISTS logs (name TEXT PRIMARY KEY, folded INTEGER NOT NULL)")
    connection.execute(
        "CREATE TABLE IF NOT EXISTS receipts "
        "(name TEXT PRIMARY KEY, number INTEGER NOT NULL, at REAL NOT NULL) WITHOUT ROWID"
    )
    if not connection.execute("PRAGMA application_id").fetchone()[0]:
        connection.execute(f"PRAGMA application_id = {secrets.randbelow(2**31 - 1) + 1}")
    connection.execute(f"PRAGMA user_version = {FORMAT}")
    connection.execute("COMMIT")
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
