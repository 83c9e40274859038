"""Parts that are as large as their time allows."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from storage_contract import READINGS, STATIONS

from ocpp_soap.storage import file, sqlite_pace
from ocpp_soap.storage.file import FileStorage
from ocpp_soap.storage.sqlite_pace import LONGEST, Pace


def test_parts_that_are_done_soon_get_larger_up_to_a_limit() -> None:
    pace = Pace(10, 35)
    sizes = []
    for _ in range(4):
        sizes.append(pace.size)
        pace.took(LONGEST / 10, pace.size)
    assert sizes == [10, 20, 35, 35]


def test_parts_that_take_too_long_get_smaller_down_to_a_limit() -> None:
    pace = Pace(10, 1000)
    pace.size = 35
    sizes = []
    for _ in range(4):
        pace.took(LONGEST * 2, pace.size)
        sizes.append(pace.size)
    assert sizes == [17, 10, 10, 10]


def test_a_small_part_says_nothing_about_larger_ones() -> None:
    pace = Pace(10, 1000)
    pace.took(LONGEST / 10, 5)
    assert pace.size == 10


def test_what_is_put_slowly_is_put_in_parts_between_which_others_can_write(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    parts: list[int] = []
    write = file.execute_rows

    def slowly(connection: Any, statement: str, rows: Any) -> int:
        clock[0] += len(rows) / 1000
        parts.append(len(rows))
        return write(connection, statement, rows)

    monkeypatch.setattr(file, "execute_rows", slowly)
    monkeypatch.setattr(file.time, "monotonic", lambda: clock[0])
    with closing(FileStorage(path)) as store:
        store.put(STATIONS, {f"CP{number}": {} for number in range(300)})
        assert store.count(STATIONS) == 300
    assert sum(parts) == 300
    assert max(parts) <= sqlite_pace.LONGEST * 1000 * 2


def test_what_is_removed_slowly_is_removed_in_parts_between_which_others_can_write(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    parts: list[int] = []
    remove = FileStorage._remove

    class Slow:
        def __init__(self, connection: Any) -> None:
            self._connection = connection

        def execute(self, statement: str, values: Any) -> Any:
            done = self._connection.execute(statement, values)
            parts.append(done.rowcount)
            clock[0] += done.rowcount / 1000
            return done

    monkeypatch.setattr(
        FileStorage,
        "_remove",
        lambda self, statement, values, connection: remove(self, statement, values, Slow(connection)),
    )
    monkeypatch.setattr(file.time, "monotonic", lambda: clock[0])
    with closing(FileStorage(path)) as store:
        store.append(READINGS, [(f"{number}", {"station": "CP1"}) for number in range(300)])
        assert store.delete_where(READINGS, {"station": "CP1"}, limit=280) == 280
        assert [item.key for item in store.find(READINGS).items] == [f"{number}" for number in range(280, 300)]
        assert store.delete_where(READINGS, {"station": "CP1"}) == 20
    assert sum(parts) == 300
    assert max(parts) <= sqlite_pace.LONGEST * 1000 * 2
