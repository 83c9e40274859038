"""The SQL of one collection: a table with the document as JSON text and a column for every indexed field.

No column holds NULL: minus infinity stands for a missing field, because it is a number that sorts before all others
and, as SQLite orders numbers before texts, before everything.
"""

# What is put into a statement are names, which Collection has checked; values are parameters.
# ruff: noqa: S608

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from ocpp_soap.storage.base import MOST_AHEAD, Collection, Document, Index, Only, Other, Stored, field_names
from ocpp_soap.storage.encoding import datetime_text, decode, encode, index_value, searchable
from ocpp_soap.storage.searches import Search, others_search
from ocpp_soap.storage.sqlite_rows import MISSING

_MISSING_SQL = "-9e999"
_INSERT = re.compile(r'INSERT INTO ("\w+") \(([^)]*)\)')
_FIELD = re.compile(r'"f_(\w+)"')
_FUTURE_SQL = f"strftime('%Y-%m-%dT%H:%M:%f', 'now', '+{MOST_AHEAD.total_seconds()} seconds')"


def column_value(value: Any) -> Any:
    """The value of an index column."""
    if value is None:
        return MISSING
    return datetime_text(value) if isinstance(value, datetime) else value


class Table:
    """The statements of a collection, each written once."""

    def __init__(self, collection: Collection) -> None:
        self.collection = collection
        self.fields = collection.fields
        self.name = f'"c_{collection.name}"'
        self.tie = "number" if collection.append_only else "key"
        columns = ["key", "revision", "document", *(f'"f_{field}"' for field in self.fields)]
        values = ["?", "1", "?", *("?" for _ in self.fields)]
        changes = ", ".join(f"{column} = excluded.{column}" for column in columns[2:])
        self.insert = f"INSERT INTO {self.name} ({', '.join(columns)}) VALUES ({', '.join(values)})"
        self.insert_if = f"INSERT INTO {self.name} ({', '.join(columns)}) SELECT {', '.join(values)} WHERE"
        self.insert_new = f"{self.insert} ON CONFLICT (key) DO NOTHING"
        self.insert_once = f"{self.insert} ON CONFLICT (key) DO UPDATE SET revision = revision"
        condition = f" WHERE {self._is_news()}" if collection.latest else ""
        update = f"UPDATE SET revision = {self.name}.revision + 1, {changes}{condition}"
        self.upsert = f"{self.insert} ON CONFLICT (key) DO {update}"
        self.select = f"SELECT key, revision, document, {self.tie} FROM {self.name}"
        self.get = f"{self.select} WHERE key = ?"
        self.revision = f"SELECT revision FROM {self.name} WHERE key = ?"
        self.delete = f"DELETE FROM {self.name} WHERE key = ?"
        self._searches: dict[tuple[Any, ...], str] = {}
        self._updates: dict[tuple[bool, ...], str] = {}
        self._presences: dict[tuple[Any, ...], tuple[str, tuple[str, ...]]] = {}
        self._only = {part.field for index in collection.indexes for part in index if isinstance(part, Only)}

    def _is_news(self) -> str:
        """The condition of what may take the place of what is there; a number is less than any text."""
        field = f'"f_{self.collection.latest}"'
        return f"excluded.{field} >= {self.name}.{field} OR {self.name}.{field} > {_FUTURE_SQL}"

    def row(self, key: str, document: Document, text: str = "") -> tuple[Any, ...]:
        """The parameters of ``insert`` and its kin. Raises ValueError for what cannot be stored.

        ``text`` is the document as JSON, for callers that have it.
        """
        if not isinstance(key, str) or not key:
            raise ValueError(f"{self.collection.name}: a key is a text that is not empty, not {key!r}")
        values: list[Any] = [key, text or encode(document)]
        for field in self.fields:
            value = document.get(field)
            kind = type(value)
            if kind is datetime:
                value = datetime_text(value)
            elif kind is not str:
                value = column_value(searchable(value, field))
            values.append(value)
        return tuple(values)

    def update(self, key: str, revision: int, document: Document, before: Document | None) -> tuple[str, list[Any]]:
        """The UPDATE of a document that has that revision, and perhaps the content ``before``, and its parameters.

        SQLite writes every index that has a column that is set, also to the value that it has; so those stay as they
        are that were the same before, if they really were.
        """
        _, text, *values = self.row(key, document)
        stays = tuple([before is not None and before.get(field) == document.get(field) for field in self.fields])
        statement = self._updates.get(stays)
        if statement is None:
            statement = self._updates[stays] = self._update(stays)
        changed, same = [text], [key, revision]
        for is_same, value in zip(stays, values, strict=True):
            (same if is_same else changed).append(value)
        return statement, [*changed, *same]

    def _update(self, stays: tuple[bool, ...]) -> str:
        """The UPDATE that sets all fields but those that stay as they are."""
        assignments, conditions = "document = ?", "key = ? AND revision = ?"
        for field, is_same in zip(self.fields, stays, strict=True):
            if is_same:
                conditions += f' AND "f_{field}" = ?'
            else:
                assignments += f', "f_{field}" = ?'
        return f"UPDATE {self.name} SET {assignments}, revision = revision + 1 WHERE {conditions}"

    def create(self, connection: sqlite3.Connection) -> None:
        """Make the table and its indexes, and fill the column of a newly declared one from the documents."""
        _make_columns(connection, self.name, self.fields)
        for index in self.collection.indexes:
            columns = ", ".join([*(f'"f_{part}"' for part in index if not isinstance(part, Only)), self.tie])
            only = " AND ".join(_only(part) for part in index if isinstance(part, Only))
            filters = f" WHERE {only}" if only else ""
            connection.execute(f"CREATE INDEX IF NOT EXISTS {self.index(index)} ON {self.name} ({columns}){filters}")
            if only:  # an older version had one of all documents in its place
                connection.execute(f"DROP INDEX IF EXISTS {self.index(field_names(index))}")

    def is_there(self, connection: sqlite3.Connection) -> bool:
        """Whether the table and all its indexes exist."""
        wanted = {self.name, *(self.index(index) for index in self.collection.indexes)}
        return wanted <= {f'"{name}"' for name in self._parts(connection, "table", "index")}

    def indexes(self, connection: sqlite3.Connection) -> list[str]:
        """The names of the indexes that exist."""
        return sorted(self._parts(connection, "index", "index"))

    def _parts(self, connection: sqlite3.Connection, *kinds: str) -> list[str]:
        statement = "SELECT name FROM sqlite_master WHERE tbl_name = ? AND type IN (?, ?)"
        return [name for (name,) in connection.execute(statement, (self.name.strip('"'), *kinds))]

    def index(self, index: Index) -> str:
        """The name of an index."""
        parts = (f"{part.field}={part.value}" if isinstance(part, Only) else part for part in index)
        return f'"i_{self.collection.name}.{".".join(parts)}"'

    def search(
        self, search: Search, *, descending: bool, limit: int, after: tuple[Any, Any] | None
    ) -> tuple[str, list[Any]]:
        """The SELECT of a page and its parameters; ``after``: the column value and the tie of the last one."""
        values = self._values(search)
        if after is not None:
            values += after if search.sort else after[1:]
        values.append(limit)
        bounds = search.range and (search.range.at_least is not None, search.range.below is not None)
        shape = search.index, search.sort, bounds, descending, after is not None
        statement = self._searches.get(shape)
        if statement is None:
            statement = self._searches[shape] = self._search(search, descending, after is not None)
        return statement, values

    def _search(self, search: Search, descending: bool, goes_on: bool) -> str:
        conditions = self._conditions(search)
        sort = [f'"f_{search.sort}"', self.tie] if search.sort else [self.tie]
        if goes_on:
            conditions.append(f"({', '.join(sort)}) {'<' if descending else '>'} ({', '.join('?' for _ in sort)})")
        source = f" INDEXED BY {self.index(search.index)}" if search.index else ""
        filters = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        direction = " DESC" if descending else ""
        ordering = ", ".join(f"{column}{direction}" for column in sort)
        return f"{self.select}{source}{filters} ORDER BY {ordering} LIMIT ?"

    def delete_where(self, search: Search, limit: int) -> tuple[str, list[Any]]:
        """The DELETE of the first documents of a search and its parameters."""
        selection, values = self.search(search, descending=False, limit=limit, after=None)
        numbers = selection.replace(self.select, f"SELECT number FROM {self.name}", 1)
        return f"DELETE FROM {self.name} WHERE number IN ({numbers})", values

    def count(self, search: Search) -> tuple[str, list[Any]]:
        """The SELECT that counts and its parameters."""
        conditions = self._conditions(search)
        source = f" INDEXED BY {self.index(search.index)}" if search.index else ""
        filters = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        return f"SELECT count(*) FROM {self.name}{source}{filters}", self._values(search)

    def presence(self, other: Other) -> tuple[str, list[Any]]:
        """Whether there is such a document, as a condition, and its parameters.

        Raises ValueError for a search by a range, or of everything.
        """
        which = other.which
        if isinstance(which, str):
            return f"EXISTS (SELECT 1 FROM {self.name} WHERE key = ?{_also(other)})", [which, *other.also.values()]
        shape = (
            *[(field, value if field in self._only else type(value)) for field, value in which.items()],
            *other.also,
        )
        found = self._presences.get(shape)
        if found is None:
            search = others_search(other)
            counting, _ = self.count(search)
            condition = f"EXISTS ({counting.replace('count(*)', '1', 1)}{_also(other)})"
            found = self._presences[shape] = condition, tuple(self._compared(search))
        values = [column_value(searchable(which[field], field)) for field in found[1]]
        return found[0], [*values, *other.also.values()] if other.also else values

    def _conditions(self, search: Search) -> list[str]:
        """The conditions of a search, with a question mark for each of its :meth:`_values`."""
        parts = search.index[: len(search.equals)]
        conditions = [_only(part) if isinstance(part, Only) else f'"f_{part}" = ?' for part in parts]
        if search.range is not None:
            conditions.append(f'"f_{search.sort}" > {_MISSING_SQL}')
            if search.range.at_least is not None:
                conditions.append(f'"f_{search.sort}" >= ?')
            if search.range.below is not None:
                conditions.append(f'"f_{search.sort}" < ?')
        return conditions

    @staticmethod
    def _compared(search: Search) -> list[str]:
        """The fields of a search whose values are parameters, in the order of its conditions."""
        return [part for part in search.index[: len(search.equals)] if not isinstance(part, Only)]

    def _values(self, search: Search) -> list[Any]:
        values = [column_value(search.equals[field]) for field in self._compared(search)]
        if search.range is not None:
            bounds = search.range.at_least, search.range.below
            values += [column_value(bound) for bound in bounds if bound is not None]
        return values


def stored_of(row: tuple[Any, ...]) -> Stored:
    """The document of a row of ``Table.select``."""
    return Stored(row[0], row[1], decode(row[2]))


def make_place(connection: sqlite3.Connection, insert: str) -> None:
    """Make the table of an ``insert`` for a newer state of the file, or the columns that it lacks, but no index."""
    name, columns = _INSERT.findall(insert)[0]
    _make_columns(connection, name, _FIELD.findall(columns))


def _make_columns(connection: sqlite3.Connection, name: str, fields: Iterable[str]) -> None:
    connection.execute(
        f"CREATE TABLE IF NOT EXISTS {name} "
        "(number INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, revision INTEGER NOT NULL, document TEXT NOT NULL)"
    )
    present = {row[1] for row in connection.execute(f"PRAGMA table_info({name})")}
    missing = [field for field in fields if f"f_{field}" not in present]
    for field in missing:
        connection.execute(f'ALTER TABLE {name} ADD COLUMN "f_{field}" NOT NULL DEFAULT {_MISSING_SQL}')
    if missing:
        connection.create_function("field_of", 2, _field_of, deterministic=True)
        assignments = ", ".join(f"\"f_{field}\" = field_of(document, '{field}')" for field in missing)
        connection.execute(f"UPDATE {name} SET {assignments}")


def _only(part: Only) -> str:
    """The condition of an index that has some documents only; SQLite compares it as it is written."""
    value = part.value.replace("'", "''")
    return f"\"f_{part.field}\" = '{value}'"


def _also(other: Other) -> str:
    """The conditions of fields without a column, in the order of their values."""
    return "".join(f" AND json_extract(document, '$.\"{name}\"') = ?" for name in other.also)


def _field_of(document: str, field: str) -> Any:
    return column_value(index_value(decode(document), field))
