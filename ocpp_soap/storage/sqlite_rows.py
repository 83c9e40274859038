"""Many rows by few statements.

Each step of a statement lets go of the interpreter's lock, and where other threads compute, getting it back takes up to
5 ms. 20,000 rows beside three busy threads took 60 s one by one and 3 s by 200 at a time.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

MISSING = float("-inf")
"""The column of a field that a document lacks, see ``sqlite_tables``."""
_AT_ONCE = (200, 50, 10)


def execute_rows(connection: sqlite3.Connection, statement: str, rows: Sequence[Sequence[Any]]) -> int:
    """Run an INSERT of one row of parameters for each of the rows; returns how many rows were stored."""
    stored, begin = 0, 0
    for size in _AT_ONCE:
        while len(rows) - begin >= size:
            values = list(chain.from_iterable(rows[begin : begin + size]))
            stored += connection.execute(widened(statement, size), values).rowcount
            begin += size
    for row in rows[begin:]:
        stored += connection.execute(statement, row).rowcount
    return stored


def restored(row: Sequence[Any]) -> list[Any]:
    """A row as it was before it became JSON, which has no infinity."""
    return [MISSING if value is None else value for value in row]


def can_be_widened(statement: str) -> bool:
    """Whether a statement can write several rows.

    Not one that looks at the table, for it would not see those rows, nor one that returns something.
    """
    return " SELECT " not in statement and " RETURNING " not in statement


@lru_cache(maxsize=256)
def widened(statement: str, rows: int) -> str:
    """A statement of ``sqlite_tables`` that writes one row, an INSERT or an UPDATE, as one that writes several."""
    if statement.startswith("UPDATE "):
        return _widened_update(statement, rows)
    head, values, tail = statement.partition(" VALUES ")
    row, conflict, rest = tail.partition(" ON CONFLICT")
    return f"{head}{values}{', '.join([row] * rows)}{conflict}{rest}"


def _widened_update(statement: str, rows: int) -> str:
    """``UPDATE t SET a = ?, n = n + 1 WHERE key = ? AND …`` for rows of as many values as it has question marks."""
    table = statement.split()[1]
    pieces = statement.split("?")
    numbered = "".join(f"{piece}new.column{place}" for place, piece in enumerate(pieces[:-1], 1)) + pieces[-1]
    changes, _, condition = numbered.partition(" WHERE ")
    changes = changes.replace("= revision + 1", f"= {table}.revision + 1")
    condition = condition.replace("key =", f"{table}.key =", 1).replace("revision =", f"{table}.revision =", 1)
    values = ", ".join([f"({', '.join('?' * (len(pieces) - 1))})"] * rows)
    return f"{changes} FROM (VALUES {values}) AS new WHERE {condition}"
