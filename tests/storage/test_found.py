"""What searches of a watched collection of the file store have found, and until when it counts."""

from __future__ import annotations

from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest

from ocpp_soap.errors import AlreadyExists, RevisionConflict, StoreUnavailable
from ocpp_soap.storage import Collection, sqlite_found
from ocpp_soap.storage.file import FileStorage

SESSIONS = Collection("sessions", indexes=(("station",), ("state",), ("number",)), watched=("station", "number"))
PLAIN = Collection("plain", indexes=(("station",),))


@pytest.fixture
def searched(store: FileStorage, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What was really searched for."""
    searches: list[Any] = []
    find = store.find

    def noted(collection: Collection, where: Any, **rest: Any) -> Any:
        searches.append(where)
        return find(collection, where, **rest)

    monkeypatch.setattr(store, "find", noted)
    return searches


def found(store: FileStorage, station: str = "A", collection: Collection = SESSIONS) -> list[str]:
    return [item.key for item in store.find_all(collection, {"station": station})]


def test_nothing_is_searched_again_that_nobody_wrote(store: FileStorage, searched: list[Any]) -> None:
    store.create(SESSIONS, "a1", {"station": "A"})
    assert [found(store), found(store), found(store, "B"), found(store, "B")] == [["a1"], ["a1"], [], []]
    assert searched == [{"station": "A"}, {"station": "B"}]


def test_a_write_of_one_value_leaves_what_was_found_for_others(store: FileStorage, searched: list[Any]) -> None:
    assert [found(store), found(store, "B")] == [[], []]
    store.create(SESSIONS, "a1", {"station": "A"})
    assert [found(store), found(store, "B")] == [["a1"], []]
    assert searched == [{"station": "A"}, {"station": "B"}, {"station": "A"}]


def test_each_watched_field_has_marks_of_its_own(store: FileStorage, searched: list[Any]) -> None:
    def numbered(number: int) -> list[str]:
        return [item.key for item in store.find_all(SESSIONS, {"number": number})]

    stored = store.create(SESSIONS, "a1", {"station": "A", "number": 1})
    for _ in range(2):
        assert [found(store), numbered(1), numbered(2)] == [["a1"], ["a1"], []]
    assert len(searched) == 3
    store.replace(SESSIONS, "a1", {"station": "A", "number": 1, "state": "x"}, revision=stored.revision)
    assert [found(store), numbered(1), numbered(2)] == [["a1"], ["a1"], []]
    assert searched[3:] == [{"station": "A"}, {"number": 1}]


def test_a_write_that_is_refused_may_have_been_done_before_by_one_who_was_killed(
    store: FileStorage, searched: list[Any]
) -> None:
    store.create(SESSIONS, "a1", {"station": "A"})
    for refused in (
        lambda: store.create(SESSIONS, "a1", {"station": "A"}),
        lambda: store.replace(SESSIONS, "a1", {"station": "A"}, revision=9),
    ):
        found(store)
        searched.clear()
        with suppress(AlreadyExists, RevisionConflict):
            refused()
        assert found(store) == ["a1"]
        assert searched == [{"station": "A"}]


def test_what_was_found_counts_for_a_minute_even_if_no_mark_changes(
    store: FileStorage, searched: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    found(store)
    later = sqlite_found.time.monotonic() + sqlite_found.SECONDS
    monkeypatch.setattr(sqlite_found.time, "monotonic", lambda: later)
    found(store)
    assert len(searched) == 2


def test_only_so_many_searches_are_kept(
    store: FileStorage, searched: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_found, "MOST_KEPT", 10)
    for number in range(25):
        found(store, f"CP{number}")
    assert len(store._process().found._kept) <= 10


def test_other_collections_are_searched_each_time(store: FileStorage, searched: list[Any]) -> None:
    store.create(PLAIN, "a1", {"station": "A"})
    assert [found(store, collection=PLAIN), found(store, collection=PLAIN)] == [["a1"], ["a1"]]
    store.find_all(SESSIONS, {"state": "open"})
    store.find_all(SESSIONS, {"state": "open"})
    assert len(searched) == 4


def test_without_room_for_the_marks_nothing_is_written(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(sqlite_found.os, "posix_fallocate", full)
    with closing(FileStorage(path)) as store:
        store.create(PLAIN, "a1", {})
        with pytest.raises(StoreUnavailable, match="space"):
            store.create(SESSIONS, "a1", {"station": "A"})
        monkeypatch.undo()
        assert found(store) == []
