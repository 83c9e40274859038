"""The writes of a group in few statements: rows of one table together (why: see ``sqlite_rows``)."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from ocpp_soap.errors import StorageError
from ocpp_soap.storage.group_commit import Write
from ocpp_soap.storage.sqlite_rows import can_be_widened, widened

_AT_ONCE = 16


class Change(NamedTuple):
    """One row to write by a statement that writes nothing where it is refused; ``refused`` then says why.

    Where the statement is RETURNING a value, that is the result.
    """

    statement: str
    values: Sequence[Any]
    result: Any
    refused: Callable[[sqlite3.Connection], StorageError]

    def __call__(self, connection: sqlite3.Connection) -> Any:
        """Write the row by itself. Raises what ``refused`` gives."""
        cursor = connection.execute(self.statement, self.values)
        if self.returns:
            rows = cursor.fetchall()
            if not rows:
                raise self.refused(connection)
            return rows[0][0]
        if cursor.rowcount == 0:
            raise self.refused(connection)
        return self.result

    @property
    def returns(self) -> bool:
        """Whether the result is what the statement returns."""
        return " RETURNING " in self.statement


class NotAll(Exception):
    """Some of the rows that were to be written together are refused; it must be found out which, one by one."""


Errors = dict[Write, Exception]
"""What some of the writes of a group raised, which changed nothing; all others are done."""


def run_together(batch: Sequence[Write], connection: sqlite3.Connection) -> Errors:
    """Run the writes of a group in the open transaction, the Changes before the others.

    Raises NotAll, after which it is to be rolled back.
    """
    alike: dict[str, list[Write]] = {}
    single: list[Write] = []
    others: list[Write] = []
    for write in batch:
        if not isinstance(write.work, Change):
            others.append(write)
        elif can_be_widened(write.work.statement):
            alike.setdefault(write.work.statement, []).append(write)
        else:
            single.append(write)
    for writes in alike.values():
        for begin in range(0, len(writes), _AT_ONCE):
            some = writes[begin : begin + _AT_ONCE]
            if len(some) > 1:
                _run_alike(some, connection)
            else:
                single += some
    return run_singly([*single, *others], connection)


def run_singly(batch: Sequence[Write], connection: sqlite3.Connection) -> Errors:
    """Run the writes of a group in the open transaction, one after the other."""
    errors: Errors = {}
    for write in batch:
        try:
            write.result = write.work(connection)
        except (StorageError, ValueError) as error:
            write.result, errors[write] = None, error
    return errors


def _run_alike(writes: Sequence[Write], connection: sqlite3.Connection) -> None:
    values = [value for write in writes for value in write.work.values]
    if connection.execute(widened(writes[0].work.statement, len(writes)), values).rowcount != len(writes):
        raise NotAll
    for write in writes:
        write.result = write.work.result
