"""The lines of stations that speak, among few and among many that wait."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from ocpp_soap.central_system.command_queue.lines import Lines
from ocpp_soap.central_system.fleet_collections import LINES
from ocpp_soap.central_system.records import revise
from ocpp_soap.storage.file import FileStorage

NOW = datetime(2026, 11, 30, 12, 0, tzinfo=timezone.utc)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[FileStorage]:
    store = FileStorage(tmp_path / "store.sqlite")
    yield store
    store.close()


def contact_of(store: FileStorage, identity: str) -> Any:
    found = store.get(LINES, identity)
    assert found is not None
    return found.document.get("contact_at")


def spoke(*numbers: int) -> dict[str, datetime]:
    return {f"CP{number}": NOW for number in numbers}


def test_where_nobody_waits_none_is_said(store: FileStorage) -> None:
    assert Lines(store).contacted(spoke(1, 2)) is None


@pytest.mark.parametrize("waiting", [1, 3, 150])
def test_of_the_stations_that_speak_those_that_have_a_line_are_due(store: FileStorage, waiting: int) -> None:
    lines = Lines(store)
    for number in range(waiting):
        lines.touch(f"CP{number}", NOW)
    assert lines.contacted(spoke(0, 500, 501)) == ["CP0"]
    assert contact_of(store, "CP0") == NOW
    assert lines.contacted(spoke(waiting - 1)) == [f"CP{waiting - 1}"]
    assert lines.contacted(spoke(500)) == []
    if waiting > 1:
        assert contact_of(store, "CP1") is None


def test_no_station_is_looked_for_while_few_wait(store: FileStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = Lines(store)
    lines.touch("CP1", NOW)
    monkeypatch.setattr(store, "get_many", None)
    assert lines.contacted(spoke(*range(1000))) == ["CP1"]


@pytest.mark.parametrize(("ahead", "is_free"), [(timedelta(0), False), (timedelta(days=1), True)])
def test_a_lease_of_a_clock_that_was_ahead_does_not_count(store: FileStorage, ahead: timedelta, is_free: bool) -> None:
    lines, now = Lines(store), datetime.now(timezone.utc)
    lines.touch("CP1", now)
    assert lines.claim("CP1", "other:1", 60) is not None
    leased = {"leased_at": now + ahead, "leased_until": now + ahead + timedelta(seconds=60)}
    revise(store, LINES, "CP1", lambda document: {**document, **leased})
    claim = lines.claim("CP1", "this:1", 60)
    assert (claim is not None) is is_free
