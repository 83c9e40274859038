"""A copy of the file store's file while it is used."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from ocpp_soap.errors import StoreUnavailable
from ocpp_soap.storage.file_lock import lock_now
from ocpp_soap.storage.private_files import FILE_MODE, open_file
from ocpp_soap.storage.process_logs import is_at
from ocpp_soap.storage.sqlite_errors import unavailable


def backup(connection: sqlite3.Connection, path: Path) -> None:
    """Write what ``connection`` sees in one moment to a new file, complete and on disk or not at all.

    Raises StoreUnavailable if the file exists or cannot be written.
    """
    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        with _alone(unfinished, path):
            if path.exists():
                raise StoreUnavailable(f"{path}: a backup does not overwrite a file: give another name")
            with closing(sqlite3.connect(str(unfinished), isolation_level=None)) as copy:
                connection.backup(copy)
                copy.execute("PRAGMA journal_mode = DELETE").fetchone()
            _sync(unfinished)
            unfinished.rename(path)
            _sync(path.parent)
    except (sqlite3.Error, OSError) as error:
        raise unavailable(path, error) from error


@contextmanager
def _alone(unfinished: Path, path: Path) -> Iterator[None]:
    """The file for a backup that is not finished, made empty for this one alone; it is removed if that fails."""
    handle = open_file(unfinished, os.O_RDWR, FILE_MODE)
    try:
        if not lock_now(handle) or not is_at(handle, unfinished):
            raise StoreUnavailable(f"{path}: another backup writes it: wait for that, or give another name")
        try:
            os.ftruncate(handle, 0)
            yield
        except BaseException:
            with suppress(OSError):
                unfinished.unlink(missing_ok=True)
            raise
    finally:
        os.close(handle)


def _sync(path: Path) -> None:
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
