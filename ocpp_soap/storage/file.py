"""The file store: one SQLite file, shared by the threads and processes of one machine.

Connection: ``storage.backend: file`` and ``storage.file.path``. The file is in WAL mode, so there are up to two more
beside it (``-wal``, ``-shm``) while it is used; copy it with ``storage backup``, not with ``cp``.
Several processes may write; network file systems are refused.
"""

# The verbs are documented in Storage.
# ruff: noqa: D102

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from ocpp_soap.errors import AlreadyExists, NotAlone, NotFound, RevisionConflict, StorageError, StoreClosed
from ocpp_soap.pending import Pending
from ocpp_soap.storage.base import Again, Collection, Document, Entries, Other, Page, Storage, Stored, StoreInfo
from ocpp_soap.storage.searches import count_search, find_search, read_token, write_token
from ocpp_soap.storage.sqlite_backup import backup
from ocpp_soap.storage.sqlite_begun import Begun
from ocpp_soap.storage.sqlite_changes import Change
from ocpp_soap.storage.sqlite_logs import run
from ocpp_soap.storage.sqlite_pace import Pace
from ocpp_soap.storage.sqlite_process import Process
from ocpp_soap.storage.sqlite_rows import execute_rows
from ocpp_soap.storage.sqlite_tables import Table, column_value, stored_of

_COUNT = (
    "INSERT INTO counters (name, value) SELECT ?, ? WHERE ? < 2147483648 ON CONFLICT (name) DO UPDATE "
    "SET value = value + excluded.value WHERE value + excluded.value < 2147483648 RETURNING value"
)
_KEYS_AT_ONCE = 500
_AT_ONCE = 50, 1000
"""Documents that are put or removed in one go, at least and at most."""
_MOST_ENTRIES = 8
"""Entries up to which each is a write of its own to whoever commits for all."""
T = TypeVar("T")


class FileStorage(Storage):
    """A store in the file ``path``, which is made, with its folder, at the first use."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._processes: dict[int, Process] = {}
        self._tables: dict[Collection, Table] = {}
        self._puts = Pace(*_AT_ONCE)
        self._removals = Pace(*_AT_ONCE)
        self._closed = False

    @classmethod
    def from_settings(cls, settings: Any) -> FileStorage:
        """The store that the section ``storage`` of the configuration describes."""
        return cls(settings.file.path)

    def create(self, collection: Collection, key: str, document: Document, *, durable: bool = False) -> Stored:
        return self.create_and_append(collection, key, document, {}, durable=durable)

    def create_and_append(
        self,
        collection: Collection,
        key: str,
        document: Document,
        append: Mapping[Collection, Entries],
        *,
        durable: bool = False,
        pending: Pending | None = None,
    ) -> Stored:
        table = self._settled(collection)

        def refused(_: sqlite3.Connection) -> AlreadyExists:
            return AlreadyExists(f"{collection.name}: there is already a document {key!r}")

        row, stored = table.row(key, document), Stored(key, 1, document)
        return self._change(collection, Change(table.insert_new, row, stored, refused), durable, append, pending)

    def create_alone(
        self,
        collection: Collection,
        key: str,
        document: Document,
        others: Sequence[Other],
        append: Mapping[Collection, Entries] | None = None,
        *,
        durable: bool = False,
        pending: Pending | None = None,
    ) -> Stored:
        table = self._settled(collection)
        conditions, values = [], list(table.row(key, document))
        for other in others:
            condition, compared = self._settled(other.collection).presence(other)
            conditions.append(f"NOT {condition}")
            values += compared

        def refused(connection: sqlite3.Connection) -> AlreadyExists | NotAlone:
            if connection.execute(table.revision, (key,)).fetchone():
                return AlreadyExists(f"{collection.name}: there is already a document {key!r}")
            return NotAlone(f"{collection.name}: something is there beside which {key!r} must not be created")

        statement = f"{table.insert_if} {' AND '.join(conditions)} ON CONFLICT (key) DO NOTHING"
        change = Change(statement, values, Stored(key, 1, document), refused)
        return self._change(collection, change, durable, append or {}, pending)

    def get(self, collection: Collection, key: str) -> Stored | None:
        table = self._settled(collection)
        with self._process().reader() as connection:
            row = connection.execute(table.get, (key,)).fetchone()
        return stored_of(row) if row else None

    def get_many(self, collection: Collection, keys: Iterable[str]) -> dict[str, Stored]:
        rows = self._rows(self._settled(collection), list(dict.fromkeys(keys)))
        return {row[0]: stored_of(row) for row in rows}

    def get_again(self, collection: Collection, known: Mapping[str, Any]) -> dict[str, Again]:
        found: dict[str, Again] = {}
        for row in self._rows(self._settled(collection), list(known)):
            key, revision, text, _ = row
            state = hash((revision, text))
            found[key] = Again(state, None if known[key] == state else stored_of(row))
        return found

    def replace(
        self,
        collection: Collection,
        key: str,
        document: Document,
        *,
        revision: int,
        durable: bool = False,
        before: Document | None = None,
    ) -> Stored:
        return self.replace_and_append(collection, key, document, {}, revision=revision, durable=durable, before=before)

    def replace_and_append(
        self,
        collection: Collection,
        key: str,
        document: Document,
        append: Mapping[Collection, Entries],
        *,
        revision: int,
        durable: bool = False,
        before: Document | None = None,
        pending: Pending | None = None,
    ) -> Stored:
        table = self._settled(collection)

        def refused(connection: sqlite3.Connection) -> NotFound | RevisionConflict:
            return _conflict(connection, table, key, revision)

        statement, values = table.update(key, revision, document, before)
        change = Change(statement, values, Stored(key, revision + 1, document), refused)
        return self._change(collection, change, durable, append, pending)

    def put(self, collection: Collection, documents: Mapping[str, Document]) -> None:
        table = self._settled(collection)
        rows = [table.row(key, document) for key, document in documents.items()]
        begin = 0
        while begin < len(rows):
            some = rows[begin : begin + self._puts.size]
            self._write(partial(self._put, table.upsert, some), False, collection)
            begin += len(some)

    def delete(self, collection: Collection, key: str, *, revision: int | None = None) -> bool:
        table = self._settled(collection)

        def work(connection: sqlite3.Connection) -> bool:
            if revision is None:
                return connection.execute(table.delete, (key,)).rowcount > 0
            if connection.execute(f"{table.delete} AND revision = ?", (key, revision)).rowcount > 0:
                return True
            conflict = _conflict(connection, table, key, revision)
            if isinstance(conflict, NotFound):
                return False
            raise conflict

        return self._write(work, False, collection)

    def delete_where(self, collection: Collection, where: Mapping[str, Any], *, limit: int = 10_000) -> int:
        table = self._settled(collection)
        search = find_search(collection, where, None)
        removed = 0
        while removed < limit:
            most = min(self._removals.size, limit - removed)
            some = self._write(partial(self._remove, *table.delete_where(search, most)), False, collection)
            removed += some
            if some < most:
                break
        return removed

    def find(
        self,
        collection: Collection,
        where: Mapping[str, Any] | None = None,
        *,
        order: str | None = None,
        descending: bool = False,
        limit: int = 100,
        after: str | None = None,
        settled: bool = False,
    ) -> Page:
        if limit < 1:
            raise ValueError(f"limit: at least 1, not {limit}")
        search = find_search(collection, where, order)
        table = self._settled(collection)
        process = self._process()
        with process.reader() as connection:
            name = f"file {process.identity}"
            place = None
            if after is not None:
                value, tie = read_token(name, after, search)
                place = column_value(value), tie
            statement, values = table.search(search, descending=descending, limit=limit + 1, after=place)
            rows = connection.execute(statement, values).fetchall()
        items = [stored_of(row) for row in rows[:limit]]
        if not items:
            return Page([])
        value = items[-1].document.get(search.sort) if search.sort else None
        cursor = write_token(name, search, value, rows[len(items) - 1][3])
        return Page(items, cursor if len(rows) > limit else None, cursor)

    def find_all(
        self, collection: Collection, where: Mapping[str, Any], *, order: str | None = None
    ) -> Sequence[Stored]:
        def search() -> Sequence[Stored]:
            return super(FileStorage, self).find_all(collection, where, order=order)

        self._settled(collection)
        return self._process().found.find(collection, where, order, search)

    def count(self, collection: Collection, where: Mapping[str, Any] | None = None) -> int:
        statement, values = self._settled(collection).count(count_search(collection, where))
        with self._process().reader() as connection:
            return int(connection.execute(statement, values).fetchone()[0])

    def increment(self, counter: str, by: int = 1) -> int:
        if by < 1:
            raise ValueError(f"{counter}: a counter grows by at least 1, not {by}")

        def refused(_: sqlite3.Connection) -> StorageError:
            return StorageError(f"The counter {counter} is used up: there is no number left below 2^31")

        return int(self._process().change(Change(_COUNT, (counter, by, by), None, refused), durable=False))

    def append(self, collection: Collection, entries: Entries, *, durable: bool = False) -> int:
        table = self._settled(collection)
        rows = [table.row(key, document) for key, document in entries]
        if not rows:
            return 0
        return self._write(lambda connection: execute_rows(connection, table.insert_new, rows), durable, collection)

    def write(
        self,
        *,
        append: Mapping[Collection, Entries] | None = None,
        put: Mapping[Collection, Mapping[str, Document]] | None = None,
        durable: bool = False,
        pending: Pending | None = None,
    ) -> None:
        if durable and append and not put and sum(map(len, append.values())) <= _MOST_ENTRIES:
            self._append_durably(append, pending)
            return
        steps = self._appending(append or {})
        texts: dict[int, str] = {}
        if put:
            for (_, rows), entries in zip(steps, (append or {}).values(), strict=True):
                texts |= {id(document): row[1] for (_, document), row in zip(entries, rows, strict=True)}
        for collection, documents in (put or {}).items():
            table = self._table(collection)
            rows = [table.row(key, document, texts.get(id(document), "")) for key, document in documents.items()]
            steps.append((table.upsert, rows))
        if not steps:
            return
        if not durable and all(collection.telemetry for collection in (*(append or ()), *(put or ()))):
            self._process().log(steps)
        else:
            self._write(lambda connection: run(connection, [steps]), durable, *(append or ()), *(put or ()))

    def indexes(self, collection: Collection) -> list[str]:
        table = self._table(collection)
        with self._process().reader() as connection:
            return table.indexes(connection)

    def check(self) -> StoreInfo:
        begin = time.perf_counter()
        with self._process().reader() as connection:
            connection.execute("SELECT count(*) FROM counters").fetchone()
            latency = (time.perf_counter() - begin) * 1000
            size = self.path.stat().st_size
        self._process().check()
        return StoreInfo("file", f"SQLite {sqlite3.sqlite_version}", latency, {"path": str(self.path), "bytes": size})

    def backup(self, path: str | os.PathLike[str]) -> None:
        """Write a copy as of this moment to a new file, while others read and write. Raises StoreUnavailable."""
        self._process().telemetry.settle()
        with self._process().reader() as connection:
            backup(connection, Path(path))

    def tend(self, stop: threading.Event) -> None:
        self._process().tend(stop)

    def close(self) -> None:
        self._closed = True
        process = self._processes.pop(os.getpid(), None)
        if process is not None:
            process.close()

    def _process(self) -> Process:
        if self._closed:
            raise StoreClosed(f"{self.path} was closed")
        identity = os.getpid()
        return self._processes.get(identity) or self._processes.setdefault(identity, Process(self.path))

    def _change(
        self,
        collection: Collection,
        change: Change,
        durable: bool,
        append: Mapping[Collection, Entries],
        pending: Pending | None,
    ) -> Stored:
        """Commit a change, then append; or begin that, if ``pending`` waits and what is appended goes into the log."""
        process = self._process()
        found, document = process.found, change.result.document
        values = [document.get(field) for field in collection.watched]
        found.prepare(collection)
        stored: Stored = change.result
        if pending is not None and all(other.telemetry for other in append):

            def over(is_done: bool) -> None:
                found.written(collection, *values)
                pending.done(is_done)

            begun = Begun(self._appending(append), over)
            pending.begin()
            is_begun = False
            try:
                is_begun = process.begin(change, begun, durable=durable)
            finally:
                if not is_begun:
                    pending.withdraw()
            if is_begun:
                return stored
        try:
            stored = process.change(change, durable=durable)
        finally:
            found.written(collection, *values)
        if append:
            self.write(append=append)
        return stored

    def _append_durably(self, append: Mapping[Collection, Entries], pending: Pending | None) -> None:
        """Append a few entries, each of which whoever commits for all can store together with what others write."""

        def refused(_: sqlite3.Connection) -> StorageError:
            return StorageError("An entry was not stored, which nothing stands in the way of")

        for collection, entries in append.items():
            table = self._table(collection)
            for key, document in entries:
                change = Change(table.insert_once, table.row(key, document), Stored(key, 1, document), refused)
                self._change(collection, change, True, {}, pending)

    def _appending(self, append: Mapping[Collection, Entries]) -> list[tuple[str, list[tuple[Any, ...]]]]:
        """The steps that append entries."""
        steps = []
        for collection, entries in append.items():
            table = self._table(collection)
            steps.append((table.insert_new, [table.row(key, document) for key, document in entries]))
        return steps

    def _write(self, work: Callable[[sqlite3.Connection], T], durable: bool, *collections: Collection) -> T:
        found = self._process().found
        for collection in collections:
            found.prepare(collection)
        try:
            result: T = self._process().write(work, durable=durable)
        finally:
            for collection in collections:
                found.written(collection)
        return result

    def _put(self, upsert: str, rows: Sequence[Sequence[Any]], connection: sqlite3.Connection) -> None:
        begin = time.monotonic()
        execute_rows(connection, upsert, rows)
        self._puts.took(time.monotonic() - begin, len(rows))

    def _remove(self, statement: str, values: Sequence[Any], connection: sqlite3.Connection) -> int:
        begin = time.monotonic()
        removed = connection.execute(statement, values).rowcount
        self._removals.took(time.monotonic() - begin, removed)
        return removed

    def _rows(self, table: Table, keys: list[str]) -> list[tuple[Any, ...]]:
        """The rows of those of the keys that exist."""
        rows: list[tuple[Any, ...]] = []
        with self._process().reader() as connection:
            for begin in range(0, len(keys), _KEYS_AT_ONCE):
                some = keys[begin : begin + _KEYS_AT_ONCE]
                some += some[-1:] * (_statement_size(len(some)) - len(some))
                marks = ", ".join("?" for _ in some)
                rows += connection.execute(f"{table.select} WHERE key IN ({marks})", some)
        return rows

    def _settled(self, collection: Collection) -> Table:
        """The table of a collection, which now holds everything that was written to it."""
        table = self._table(collection)
        if collection.telemetry:
            self._process().telemetry.settle()
        return table

    def _table(self, collection: Collection) -> Table:
        table = self._tables.get(collection)
        if table is None:
            table = Table(collection)
            with self._process().reader() as connection:
                there = table.is_there(connection)
            if not there:
                self._process().telemetry.fold()
                self._write(table.create, False)
            self._tables[collection] = table
        return table


def _conflict(connection: sqlite3.Connection, table: Table, key: str, revision: int) -> NotFound | RevisionConflict:
    row = connection.execute(table.revision, (key,)).fetchone()
    name = table.collection.name
    if row is None:
        return NotFound(f"{name}: there is no document {key!r}")
    return RevisionConflict(f"{name}: the document {key!r} has revision {row[0]}, not {revision}")


def _statement_size(keys: int) -> int:
    """How many keys a look-up of so many takes, with one of them repeated: SQLite keeps a statement for each number."""
    return min(1 << (keys - 1).bit_length(), _KEYS_AT_ONCE)
