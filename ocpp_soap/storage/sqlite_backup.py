"""A copy of the file store's file while it is used."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from ocpp_soap.errors import StoreUnavailable
from ocpp_soap.storage.private_files import make_file
from ocpp_soap.storage.sqlite_errors import unavailable


def backup(connection: sqlite3.Connection, path: Path) -> None:
    """Write what ``connection`` sees in one moment to a new file, complete and on disk or not at all.

    Raises StoreUnavailable if the file exists or cannot be written.
    """
    if path.exists():
        raise StoreUnavailable(f"{path}: a backup does not overwrite a file: give another name")
    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        unfinished.unlink(missing_ok=True)
        make_file(unfinished)
        with closing(sqlite3.connect(str(unfinished), isolation_level=None)) as copy:
            connection.backup(copy)
            copy.execute("PRAGMA journal_mode = DELETE").fetchone()
        _sync(unfinished)
        unfinished.rename(path)
        _sync(path.parent)
    except (sqlite3.Error, OSError) as error:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise unavailable(path, error) from error


def _sync(path: Path) -> None:
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
