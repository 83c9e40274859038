"""The files beside the file store that hold telemetry until it is in the tables, see docs/adr/0007.

A log belongs to one process, which appends frames to it: the statements to run and their rows. Any process may fold a
log, that is, run in one transaction what was not run yet and note how far that was; so nothing is run twice, and what a
killed process left is not lost. A frame that was cut off belongs to no answered message.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import orjson

from ocpp_soap.storage.process_logs import StoredLog, framed
from ocpp_soap.storage.sqlite_errors import has_no_place
from ocpp_soap.storage.sqlite_pace import Pace
from ocpp_soap.storage.sqlite_rows import execute_rows, restored
from ocpp_soap.storage.sqlite_tables import make_place

Steps = Sequence[tuple[str, Sequence[Sequence[Any]]]]
"""What to run: a statement and the rows of its parameters."""


MOST_ROWS = 100
"""Rows of one statement in a frame, which is folded in one go."""


def frames(steps: Steps) -> bytes:
    """The bytes that stand for ``steps`` in a log: a frame, or more for a statement that has very many rows."""
    if all(len(rows) <= MOST_ROWS for _, rows in steps):
        return framed(orjson.dumps(steps))
    parts = [
        (statement, rows[begin : begin + MOST_ROWS])
        for statement, rows in steps
        for begin in range(0, len(rows), MOST_ROWS)
    ]
    return b"".join(framed(orjson.dumps([part])) for part in parts)


def steps_of(content: bytes) -> Steps:
    """The steps that a frame holds."""
    steps: Steps = orjson.loads(content)
    if b",null" in content or b"[null" in content:
        steps = [(statement, [restored(row) for row in rows]) for statement, rows in steps]
    return steps


def run(connection: sqlite3.Connection, every: Iterable[Steps]) -> None:
    """Run steps in their order, those of the same statement together.

    What they write to is made where it is not there: a backup has taken the place of a file that had it.
    """
    together: dict[str, list[Sequence[Any]]] = {}
    for steps in every:
        for statement, rows in steps:
            together.setdefault(statement, []).extend(rows)
    for statement, rows in together.items():
        try:
            execute_rows(connection, statement, rows)
        except sqlite3.OperationalError as error:
            if not has_no_place(error):
                raise
            make_place(connection, statement)
            execute_rows(connection, statement, rows)


def folded(connection: sqlite3.Connection, name: str) -> int:
    """Up to where a log has been folded."""
    row = connection.execute("SELECT folded FROM logs WHERE name = ?", (name,)).fetchone()
    return int(row[0]) if row else 0


def note_folded(connection: sqlite3.Connection, name: str, end: int) -> None:
    """Note that a log has been folded up to there."""
    connection.execute("INSERT OR REPLACE INTO logs (name, folded) VALUES (?, ?)", (name, end))


def forget(connection: sqlite3.Connection, name: str) -> None:
    """Drop the note of a log whose file has been removed."""
    connection.execute("DELETE FROM logs WHERE name = ?", (name,))


class FoldedLog(StoredLog):
    """A log of the file store."""

    def fold(self, connection: sqlite3.Connection, pace: Pace, has_time: Callable[[], bool]) -> int:
        """Fold what was not folded yet, in the open transaction, a part at least; returns up to where that is now.

        ``pace`` is of the bytes that are folded in one go.
        """
        if not self.is_there():
            return 0
        begin = end = folded(connection, self.path.name)
        while end == begin or has_time():
            started = time.monotonic()
            piece = self.piece(end, pace.size)
            if not piece:
                break
            run(connection, [steps_of(content) for _, content in piece])
            pace.took(time.monotonic() - started, piece[-1][0] - end)
            end = piece[-1][0]
        if end > begin:
            note_folded(connection, self.path.name, end)
        return end
