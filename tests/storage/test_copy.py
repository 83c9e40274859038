"""Moving house: from one store to another, resumed after a break, verified."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from datetime import datetime, timedelta, timezone
from itertools import permutations
from pathlib import Path

import pytest
from any_store import opened
from storage_contract import DOCUMENTS, KEYS, READINGS, STATIONS

from ocpp_soap.errors import StorageError, StoreUnavailable
from ocpp_soap.storage import Collection, Document, Storage, copy
from ocpp_soap.storage.file import FileStorage

COLLECTIONS = (STATIONS, READINGS)


def fill(store: Storage) -> None:
    moment = datetime(2012, 6, 1, tzinfo=timezone.utc)
    store.put(STATIONS, {key: {"vendor": "A", "n": number} for number, key in enumerate(KEYS)})
    store.put(STATIONS, DOCUMENTS)
    entries = [(f"{900 - n}", {"n": n, "at": moment + timedelta(microseconds=n)}) for n in range(720)]
    store.append(READINGS, entries)
    for _ in range(7):
        store.increment("transactions")


@pytest.mark.parametrize("target", ["file", "mongodb", "firebase"])
@pytest.mark.parametrize("source", ["file", "mongodb", "firebase"])
def test_everything_is_copied_between_any_pair(
    source: str, target: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    with (
        closing(opened(source, request, tmp_path)) as old,
        closing(opened(target, request, tmp_path)) as new,
    ):
        fill(old)
        seen = []
        copied = copy.copy(old, new, COLLECTIONS, ["transactions"], progress=lambda *arguments: seen.append(arguments))
        assert [(item.collection, item.documents) for item in copied] == [
            ("stations", len(KEYS) + len(DOCUMENTS)),
            ("readings", 720),
        ]
        for collection in COLLECTIONS:
            wanted = [(item.key, item.document) for item in old.find(collection, limit=1000).items]
            assert [(item.key, item.document) for item in new.find(collection, limit=1000).items] == wanted
        assert len(new.find(STATIONS, {"vendor": "A"}).items) == len(KEYS)
        assert new.increment("transactions") > 7
        assert new.count(copy.PROGRESS) == 0
        assert ("copy", "readings", 720, 720) in seen
        assert ("verify", "readings", 720, 720) in seen


class Interrupted(FileStorage):
    """A store whose disk is full after some writes, or when a page of stations has been put."""

    writes_left = 3

    def put(self, collection: Collection, documents: Mapping[str, Document]) -> None:
        super().put(collection, documents)
        if collection is STATIONS:
            raise StoreUnavailable("the disk is full")

    def append(self, *arguments: object, **options: object) -> int:  # type: ignore[override]
        self.writes_left -= 1
        if self.writes_left == 0:
            raise StoreUnavailable("the disk is full")
        return super().append(*arguments, **options)  # type: ignore[arg-type]


def test_a_copy_that_broke_off_goes_on_where_it_was(tmp_path: Path) -> None:
    with closing(FileStorage(tmp_path / "old.sqlite")) as old:
        old.append(READINGS, [(f"{n}", {"n": n}) for n in range(1800)])
        with closing(Interrupted(tmp_path / "new.sqlite")) as broken:
            with pytest.raises(StoreUnavailable):
                copy.copy(old, broken, COLLECTIONS, [])
        steps = []
        with closing(FileStorage(tmp_path / "new.sqlite")) as new:
            copy.copy(old, new, COLLECTIONS, [], progress=lambda *arguments: steps.append(arguments))
            assert [item.document["n"] for item in new.find(READINGS, limit=2000).items] == list(range(1800))
        assert next(step for step in steps if step[1] == "readings") == ("copy", "readings", 1000, 1800)


def test_a_copy_that_broke_off_in_its_first_page_goes_on(tmp_path: Path) -> None:
    with closing(FileStorage(tmp_path / "old.sqlite")) as old:
        fill(old)
        with closing(Interrupted(tmp_path / "new.sqlite")) as broken, pytest.raises(StoreUnavailable):
            copy.copy(old, broken, COLLECTIONS, [])
        with closing(FileStorage(tmp_path / "new.sqlite")) as new:
            assert new.count(STATIONS) == len(KEYS) + len(DOCUMENTS)
            copied = copy.copy(old, new, COLLECTIONS, [])
            assert [item.documents for item in copied] == [len(KEYS) + len(DOCUMENTS), 720]
            assert new.count(copy.PROGRESS) == 0


def test_a_source_that_holds_nothing_is_named(tmp_path: Path) -> None:
    with closing(FileStorage(tmp_path / "old.sqlite")) as old, closing(FileStorage(tmp_path / "new.sqlite")) as new:
        with pytest.raises(StorageError, match=r"^The source, file with path .*/old\.sqlite, holds nothing: check its"):
            copy.copy(old, new, COLLECTIONS, [])
        old.create(STATIONS, "CP1", {})
        assert [item.documents for item in copy.copy(old, new, COLLECTIONS, [])] == [1, 0]


@pytest.mark.parametrize("collection", COLLECTIONS, ids=lambda collection: collection.name)
def test_what_the_target_cannot_hold_is_told_in_a_sentence(
    collection: Collection, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    """The file store holds some integers beyond 64 bits, see storage/encoding.py."""
    with (
        closing(opened("file", request, tmp_path)) as old,
        closing(opened("mongodb", request, tmp_path)) as new,
    ):
        if collection.append_only:
            old.append(collection, [("a", {"n": 2**63})])
        else:
            old.put(collection, {"a": {"n": 2**63}})
        with pytest.raises(StorageError, match=rf"^{collection.name}: the target cannot hold .* fit 64 bits"):
            copy.copy(old, new, COLLECTIONS, [])


def test_a_target_that_holds_something_is_left_alone(tmp_path: Path) -> None:
    with closing(FileStorage(tmp_path / "old.sqlite")) as old, closing(FileStorage(tmp_path / "new.sqlite")) as new:
        old.create(STATIONS, "CP1", {"vendor": "old"})
        mine = new.create(STATIONS, "CP1", {"vendor": "new"})
        with pytest.raises(StorageError, match=r"already holds 1 document in stations.*empty store"):
            copy.copy(old, new, COLLECTIONS, [])
        assert new.get(STATIONS, "CP1") == mine


def test_a_source_that_changes_meanwhile_is_noticed(tmp_path: Path) -> None:
    with closing(FileStorage(tmp_path / "old.sqlite")) as old, closing(FileStorage(tmp_path / "new.sqlite")) as new:
        old.create(STATIONS, "CP1", {"vendor": "A"})

        def change(step: str, collection: str, done: int, total: int) -> None:
            if (step, collection, done) == ("copy", "stations", 1):
                old.replace(STATIONS, "CP1", {"vendor": "B"}, revision=1)

        with pytest.raises(StorageError, match="stations: the source has 1 documents with the checksum"):
            copy.copy(old, new, COLLECTIONS, [], progress=change)


@pytest.mark.parametrize(("source", "target"), [*permutations(["file", "mongodb", "firebase"], 2)])
def test_a_token_of_another_kind_of_store_is_a_value_error(
    source: str, target: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    with (
        closing(opened(source, request, tmp_path)) as old,
        closing(opened(target, request, tmp_path)) as new,
    ):
        for store in (old, new):
            store.append(READINGS, [("one", {}), ("two", {})])
            store.put(STATIONS, {"CP1": {"vendor": "A"}, "CP2": {"vendor": "A"}})
        for collection, where in ((READINGS, None), (STATIONS, None), (STATIONS, {"vendor": "A"})):
            token = old.find(collection, where, limit=1).next
            with pytest.raises(ValueError, match="does not belong to this search in this store"):
                new.find(collection, where, after=token)
