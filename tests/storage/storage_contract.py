"""What every backend must do: ``class TestX(StorageContract)`` with a ``settings`` fixture inherits every test."""

from __future__ import annotations

import base64
import json
import multiprocessing
import os
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing, suppress
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace
from typing import Any

import pytest

from ocpp_soap import storage
from ocpp_soap.errors import (
    AlreadyExists,
    DocumentTooLarge,
    NotAlone,
    NotFound,
    RevisionConflict,
    StorageError,
    StoreClosed,
    StoreUnavailable,
)
from ocpp_soap.pending import Pending
from ocpp_soap.storage import Collection, Page, Range, Storage
from ocpp_soap.storage.base import Only, Other, Stored

STATIONS = Collection("stations", indexes=(("vendor",), ("vendor", "seen"), ("seen",), ("power",), ("model",)))
STATES = Collection("states", indexes=(("station",),), latest="at", telemetry=True)
SAMPLES = Collection("samples", indexes=(("station", "at"),), append_only=True, telemetry=True)
READINGS = Collection("readings", indexes=(("station",), ("station", "at")), append_only=True)
SESSIONS = Collection(
    "sessions",
    indexes=(
        ("station", Only("state", "open"), "at"),
        (Only("state", "open"),),
        (Only("state", "orphan"),),
        ("station", "at"),
    ),
    watched=("station",),
)
WRITERS = 8
NOON = datetime(2012, 6, 1, 12, 0, 0, 123456, tzinfo=timezone.utc)
BEFORE_THE_YEAR_1 = datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=1)))
"""What .NET calls the smallest time, east of Greenwich."""

DOCUMENTS: dict[str, dict[str, Any]] = {
    "empty": {},
    "every type": {"none": None, "yes": True, "no": False, "int": 1, "float": 1.5, "whole": 2.0, "text": "x"},
    "unicode": {"Größe": "übergroß", "emoji": "🔌", "中文": "充电桩", "combining": "e\u0301"},
    "control characters": {"text": "a\x00b\tc\nd\x7f"},
    "dots and dollars": {"a.b": 1, "$set": {"$inc": 1, "$t": "x", "$$": 2}, ".": 3, "$": 4, "a$b": 5, "..": 6},
    "names of the backends": {"_id": 1, "_revision": 2, "__x__": 3, "key": 4, "_": 5, "%2E": 6, "a/b": 7, "`": 8},
    "an empty name": {"": 1, "nested": {"": {"": 2}}},
    "looks like a datetime": {"a": {"$t": "2012-06-01T12:00:00+00:00"}, "b": {"_us": 5}, "text": '"$t"'},
    "int64": {"largest": 2**63 - 1, "smallest": -(2**63), "beyond double": 2**53 + 1},
    "datetimes": {
        "microsecond": NOON,
        "whole second": NOON.replace(microsecond=0),
        "nested": [NOON, {"a.b": NOON + timedelta(microseconds=1), "$": [[NOON]]}],
        "early": datetime(1, 1, 2, 3, 4, 5, 6, tzinfo=timezone.utc),
        "late": datetime(9999, 12, 30, 23, 59, 59, 999999, tzinfo=timezone.utc),
        "before 1970": datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=timezone.utc),
    },
    "nested": {"list": [1, "a", None, [], {}, [{"deep": [True]}]], "map": {"a": {"b": {"c": [{}]}}}},
}
KEYS = ["a/b", ".", "..", "__x__", "ключ", "a b,c=d:e", "%2F", "🔌", "x" * 400, "$a", "a\x00b", "/", "_", " "]


class StorageContract:
    """The contract test. A backend gives ``settings`` and ``gone``, and states the limit of a document."""

    LARGEST = 900_000
    TOO_LARGE: int | None = None
    LOOKS_AFTERWARDS = False
    """Whether ``create_alone`` looks for the others when it has stored the document."""
    GAVE_TOKENS_BEFORE = False
    """Whether versions before 2026-12 had this backend, and gave tokens that told less."""

    @pytest.fixture
    def settings(self) -> Any:
        """The section ``storage`` of a configuration, for an empty store."""
        raise NotImplementedError

    @pytest.fixture
    def gone(self, settings: Any) -> Callable[[], None]:
        """Makes the server, or the file, disappear."""
        raise NotImplementedError

    @pytest.fixture
    def store(self, settings: Any) -> Iterator[Storage]:
        with closing(storage.open(settings)) as opened:
            yield opened

    @pytest.fixture
    def other(self, settings: Any) -> Iterator[Storage]:
        """The same store as another process has it."""
        with closing(storage.open(settings)) as opened:
            yield opened

    # --- one document

    def test_create_stores_a_document_with_the_first_revision(self, store: Storage) -> None:
        created = store.create(STATIONS, "CP1", {"vendor": "ACME"})
        assert (created.key, created.revision, created.document) == ("CP1", 1, {"vendor": "ACME"})
        assert store.get(STATIONS, "CP1") == created

    def test_create_fails_if_the_key_is_there_and_changes_nothing(self, store: Storage) -> None:
        first = store.create(STATIONS, "CP1", {"vendor": "ACME"})
        with pytest.raises(AlreadyExists, match="CP1"):
            store.create(STATIONS, "CP1", {"vendor": "other"})
        assert store.get(STATIONS, "CP1") == first

    @pytest.mark.parametrize("pends", [False, True])
    def test_what_is_created_alone_is_stored_with_its_entries_where_none_of_the_others_is(
        self, store: Storage, pends: bool
    ) -> None:
        """A store that cannot tell always says NotAlone; one that looks afterwards has stored the document then."""
        acme = {"vendor": "ACME", "model": "X", "sockets": 2}
        store.create(STATIONS, "CP1", acme)

        def is_alone(key: str, *others: Other) -> bool:
            pending = Pending() if pends else None
            told: queue.Queue[bool] = queue.Queue()
            document, append = {"vendor": "x", "model": key}, {SAMPLES: [(key, {})]}
            try:
                stored = store.create_alone(STATIONS, key, document, others, append, durable=True, pending=pending)
            except (AlreadyExists, NotAlone):
                return False
            if pending is not None:
                pending.when_over(told.put)
                return told.get(timeout=10)
            assert store.get(STATIONS, key) == stored
            return True

        assert not is_alone("CP2", Other(STATIONS, "CP1"))
        assert not is_alone("CP3", Other(STATIONS, "CP1", {"sockets": 2}))
        assert not is_alone("CP4", Other(STATIONS, "CP9"), Other(STATIONS, {"vendor": "ACME"}))
        assert not is_alone("CP5", Other(STATIONS, {"vendor": "ACME"}, {"sockets": 2, "model": "X"}))
        assert not is_alone("CP1", Other(STATIONS, "CP9"))
        with pytest.raises((ValueError, NotAlone)):
            store.create_alone(STATIONS, "CP6", {}, [Other(STATIONS, {"seen": Range(NOON)})])
        assert store.count(SAMPLES) == 0
        assert store.count(STATIONS) == (5 if self.LOOKS_AFTERWARDS else 1)
        assert store.get(STATIONS, "CP1") == Stored("CP1", 1, acme)
        if is_alone(
            "CP7",
            Other(STATIONS, {"vendor": "x"}, {"model": "CP7"}),
            Other(STATIONS, {"vendor": "ACME"}, {"sockets": 1, "model": "X"}),
            Other(STATIONS, {"vendor": "ACME"}, {"absent": "X"}),
            Other(STATIONS, "CP1", {"model": "Y"}),
        ):
            assert is_alone("CP8", Other(STATIONS, "CP9"))
            assert {item.key for item in store.find(SAMPLES).items} == {"CP7", "CP8"}
        else:
            assert store.count(STATIONS) == 1

    def test_others_of_one_collection_may_be_known_by_more_fields_and_by_fewer(self, store: Storage) -> None:
        others = [
            Other(SESSIONS, {"station": "A", "state": "open"}),
            Other(SESSIONS, {"station": "B", "state": "open", "at": NOON}),
        ]
        with suppress(NotAlone):  # of a store that cannot tell
            store.create_alone(STATIONS, "CP1", {}, others)
            assert store.get(STATIONS, "CP1") is not None
        store.create(SESSIONS, "b", {"station": "B", "state": "open", "at": NOON})
        with pytest.raises(NotAlone):
            store.create_alone(STATIONS, "CP2", {}, others)

    def test_telemetry_that_was_written_a_moment_ago_counts_for_what_looks_for_it(self, store: Storage) -> None:
        def fields(found: Sequence[Stored]) -> dict[str, Any]:
            return {"found": [item.key for item in found]}

        store.write(put={STATES: {"1": {"station": "A", "at": NOON}}})
        with pytest.raises(NotAlone):
            store.create_alone(STATIONS, "CP1", {}, [Other(STATES, {"station": "A"})])
        store.write(put={STATES: {"2": {"station": "A", "at": NOON}}})
        store.append_found(READINGS, [("a", {})], STATES, {"station": "A"}, fields)
        assert store.find(READINGS).items[0].document == {"found": ["1", "2"]}

    def test_what_is_appended_with_a_document_is_stored_if_the_document_is(self, store: Storage) -> None:
        first = store.create_and_append(STATIONS, "CP1", {"power": 1}, {READINGS: [("a", {}), ("b", {})]}, durable=True)
        with pytest.raises(AlreadyExists, match="CP1"):
            store.create_and_append(STATIONS, "CP1", {"power": 2}, {READINGS: [("c", {})]})
        assert store.get(STATIONS, "CP1") == first
        second = store.replace_and_append(
            STATIONS, "CP1", {"power": 3}, {READINGS: [("d", {}), ("a", {})]}, revision=1, durable=True
        )
        with pytest.raises(RevisionConflict):
            store.replace_and_append(STATIONS, "CP1", {"power": 4}, {READINGS: [("e", {})]}, revision=1)
        with pytest.raises(NotFound):
            store.replace_and_append(STATIONS, "CP2", {"power": 4}, {READINGS: [("f", {})]}, revision=1)
        assert store.get(STATIONS, "CP1") == second
        assert [item.key for item in store.find(READINGS).items] == ["a", "b", "d"]

    def test_an_entry_that_is_there_already_keeps_nothing_from_being_appended(self, store: Storage) -> None:
        append = {READINGS: [("a", {}), ("b", {})], SAMPLES: [("a", {}), ("c", {})]}
        store.append(READINGS, [("a", {})])
        first = store.create_and_append(STATIONS, "CP1", {}, append)
        assert _keys(store.find(READINGS)) == ["a", "b"]
        assert _keys(store.find(SAMPLES)) == ["a", "c"]
        append[SAMPLES] = [("a", {}), ("d", {})]
        store.replace_and_append(STATIONS, "CP1", {}, append, revision=first.revision)
        assert _keys(store.find(SAMPLES)) == ["a", "c", "d"]

    def test_get_of_an_absent_key_is_none(self, store: Storage) -> None:
        assert store.get(STATIONS, "CP1") is None

    def test_get_many_returns_those_that_exist(self, store: Storage) -> None:
        store.put(STATIONS, {f"CP{number}": {"power": number} for number in range(5)})
        found = store.get_many(STATIONS, ["CP4", "absent", "CP1", "CP1"])
        assert {key: item.document for key, item in found.items()} == {"CP1": {"power": 1}, "CP4": {"power": 4}}
        assert store.get_many(STATIONS, []) == {}

    def test_get_many_takes_more_keys_than_one_statement_can(self, store: Storage) -> None:
        store.put(STATIONS, {f"CP{number}": {} for number in range(0, 1200, 2)})
        assert len(store.get_many(STATIONS, (f"CP{number}" for number in range(1200)))) == 600

    def test_get_again_returns_what_exists_and_need_not_return_what_is_known(self, store: Storage) -> None:
        store.put(STATIONS, {"CP1": {"power": 1}, "CP2": {"seen": NOON}, "CP3": {}, "é" * 30: {"power": 2}})
        names = ["CP1", "CP2", "CP3", "é" * 30, "absent"]
        first = store.get_again(STATIONS, dict.fromkeys(names))
        assert {key: again.stored for key, again in first.items()} == store.get_many(STATIONS, names)
        store.put(STATIONS, {"CP2": {"seen": NOON + timedelta(microseconds=1)}, "absent": {}})
        store.delete(STATIONS, "CP3")
        second = store.get_again(
            STATIONS, {**dict.fromkeys(names), **{key: again.state for key, again in first.items()}}
        )
        assert second.keys() == {"CP1", "CP2", "é" * 30, "absent"}
        for key in ("CP2", "absent"):
            assert second[key].stored == store.get(STATIONS, key)
        for key in ("CP1", "é" * 30):
            assert second[key].stored in (None, store.get(STATIONS, key))
        assert store.get_again(STATIONS, {}) == {}

    def test_get_again_takes_more_keys_than_one_statement_can(self, store: Storage) -> None:
        store.put(STATIONS, {f"CP{number}": {} for number in range(0, 1200, 2)})
        assert len(store.get_again(STATIONS, dict.fromkeys(f"CP{number}" for number in range(1200)))) == 600

    def test_replace_with_the_right_revision_stores_and_counts_up(self, store: Storage) -> None:
        store.create(STATIONS, "CP1", {"vendor": "ACME", "old": 1})
        replaced = store.replace(STATIONS, "CP1", {"vendor": "New"}, revision=1, durable=True)
        assert (replaced.revision, replaced.document) == (2, {"vendor": "New"})
        assert store.get(STATIONS, "CP1") == replaced
        assert store.find(STATIONS, {"vendor": "ACME"}).items == []
        assert store.find(STATIONS, {"vendor": "New"}).items == [replaced]

    def test_replace_of_an_absent_key_is_not_found(self, store: Storage) -> None:
        with pytest.raises(NotFound, match="CP1"):
            store.replace(STATIONS, "CP1", {}, revision=1)

    def test_replace_with_a_wrong_revision_is_a_conflict_and_changes_nothing(self, store: Storage) -> None:
        store.create(STATIONS, "CP1", {"vendor": "ACME"})
        current = store.replace(STATIONS, "CP1", {"vendor": "B"}, revision=1)
        with pytest.raises(RevisionConflict, match="CP1"):
            store.replace(STATIONS, "CP1", {"vendor": "C"}, revision=1)
        assert store.get(STATIONS, "CP1") == current

    def test_put_stores_new_and_existing_documents(self, store: Storage) -> None:
        store.create(STATIONS, "CP1", {"vendor": "ACME"})
        store.put(STATIONS, {"CP1": {"vendor": "B"}, "CP2": {"vendor": "B"}})
        found = store.get_many(STATIONS, ["CP1", "CP2"])
        assert {key: (item.revision, item.document) for key, item in found.items()} == {
            "CP1": (2, {"vendor": "B"}),
            "CP2": (1, {"vendor": "B"}),
        }
        assert store.count(STATIONS, {"vendor": "B"}) == 2

    def test_put_leaves_alone_what_is_later(self, store: Storage) -> None:
        for second, state in ((5, "later"), (4, "earlier"), (5, "same time"), (6, "last"), (5, "late")):
            store.put(STATES, {"CP1": {"station": "CP1", "at": NOON + timedelta(seconds=second), "state": state}})
        found = store.get(STATES, "CP1")
        assert found is not None
        assert found.document["state"] == "last"
        store.put(STATES, {"CP2": {"at": NOON}, "CP1": {"at": NOON + timedelta(microseconds=6_000_001)}})
        assert store.get_many(STATES, ["CP1", "CP2"]).keys() == {"CP1", "CP2"}
        assert store.count(STATES, {"station": "CP1"}) == 0

    @pytest.mark.parametrize(
        ("ahead", "last"),
        [
            ([timedelta(days=1), timedelta(0)], timedelta(0)),
            ([timedelta(minutes=1), timedelta(0), timedelta(seconds=-1)], timedelta(0)),
            ([timedelta(days=1), timedelta(hours=-1), timedelta(0)], timedelta(0)),
            ([timedelta(0), timedelta(hours=-1)], timedelta(0)),
            ([timedelta(hours=-1), timedelta(days=1)], timedelta(days=1)),
        ],
        ids=["came after", "came once more", "was late and came", "was late", "comes from ahead"],
    )
    def test_put_does_not_leave_alone_what_a_clock_that_was_ahead_has_stored(
        self, store: Storage, ahead: list[timedelta], last: timedelta
    ) -> None:
        now = datetime.now(timezone.utc)
        for by in ahead:
            store.put(STATES, {"CP1": {"station": "CP1", "at": now + by}})
        found = store.get(STATES, "CP1")
        assert found is not None
        assert found.document["at"] == now + last

    def test_telemetry_is_seen_by_all_as_soon_as_it_is_written(self, store: Storage, settings: SimpleNamespace) -> None:
        with closing(storage.open(settings)) as other:
            for number in range(5):
                sample = {"station": "CP1", "at": NOON + timedelta(seconds=number)}
                store.write(append={SAMPLES: [(f"s{number}", sample)]}, put={STATES: {"CP1": sample}})
                for reader in (other, store):
                    other.write(append={SAMPLES: [(f"s{number}", sample)]})
                    found = reader.find(SAMPLES, {"station": "CP1"}, order="at").items
                    assert [item.document for item in found][number:] == [sample]
                    state = reader.get(STATES, "CP1")
                    assert state is not None
                    assert state.document == sample
            assert store.append(SAMPLES, [("s4", {}), ("s5", {})]) == 1
            assert other.count(SAMPLES) == 6

    def test_put_takes_any_number(self, store: Storage) -> None:
        store.put(STATIONS, {})
        store.put(STATIONS, {f"CP{number}": {"power": number} for number in range(1200)})
        assert store.count(STATIONS) == 1200

    def test_delete_tells_whether_there_was_a_document(self, store: Storage) -> None:
        store.create(STATIONS, "CP1", {})
        assert store.delete(STATIONS, "CP1") is True
        assert store.delete(STATIONS, "CP1") is False
        assert store.get(STATIONS, "CP1") is None
        assert store.create(STATIONS, "CP1", {}).revision == 1

    def test_an_entry_of_a_time_series_is_deleted_by_its_key(self, store: Storage) -> None:
        store.append(READINGS, [(key, {"station": "CP1"}) for key in "abc"])
        assert store.delete(READINGS, "b") is True
        assert store.delete(READINGS, "b") is False
        assert _keys(store.find(READINGS)) == ["a", "c"]

    def test_delete_with_a_revision_deletes_only_that_one(self, store: Storage) -> None:
        store.create(STATIONS, "CP1", {})
        store.replace(STATIONS, "CP1", {}, revision=1)
        with pytest.raises(RevisionConflict, match="CP1"):
            store.delete(STATIONS, "CP1", revision=1)
        assert store.delete(STATIONS, "CP1", revision=2) is True
        assert store.delete(STATIONS, "CP1", revision=2) is False

    def test_delete_where_removes_the_first_of_what_find_finds(self, store: Storage) -> None:
        seen = {
            f"CP{number}": {"vendor": "AB"[number % 2], "seen": NOON + timedelta(days=number)} for number in range(9)
        }
        store.put(STATIONS, seen)
        assert store.delete_where(STATIONS, {"seen": Range(below=NOON + timedelta(days=5))}, limit=2) == 2
        assert _keys(store.find(STATIONS)) == ["CP2", "CP3", "CP4", "CP5", "CP6", "CP7", "CP8"]
        assert store.delete_where(STATIONS, {"seen": Range(below=NOON + timedelta(days=5))}) == 3
        assert store.delete_where(STATIONS, {"vendor": "B"}) == 2
        assert _keys(store.find(STATIONS)) == ["CP6", "CP8"]
        assert store.delete_where(STATIONS, {"vendor": "B"}) == 0
        with pytest.raises(ValueError, match="declare"):
            store.delete_where(STATIONS, {"colour": "red"})

    def test_delete_where_takes_any_number(self, store: Storage) -> None:
        store.append(READINGS, [(f"k{number}", {"station": "CP1"}) for number in range(1200)])
        assert store.delete_where(READINGS, {"station": "CP1"}, limit=1100) == 1100
        assert _keys(store.find(READINGS, limit=1)) == ["k1100"]

    # --- what a document may hold

    @pytest.mark.parametrize("name", DOCUMENTS)
    def test_a_document_comes_back_as_it_was(self, store: Storage, name: str) -> None:
        document = DOCUMENTS[name]
        store.create(STATIONS, name, document)
        store.append(READINGS, [(name, document)])
        for collection in (STATIONS, READINGS):
            found = store.get(collection, name)
            assert found is not None
            assert _typed(found.document) == _typed(document)

    def test_a_datetime_of_another_zone_comes_back_in_utc(self, store: Storage) -> None:
        local = NOON.astimezone(timezone(timedelta(hours=5, minutes=30)))
        store.create(STATIONS, "CP1", {"seen": local})
        found = store.get(STATIONS, "CP1")
        assert found is not None
        assert found.document["seen"] == NOON
        assert found.document["seen"].utcoffset() == timedelta(0)

    @pytest.mark.parametrize("key", KEYS)
    def test_any_text_is_a_key(self, store: Storage, key: str) -> None:
        store.create(STATIONS, key, {"vendor": "x"})
        store.append(READINGS, [(key, {})])
        found = store.get(STATIONS, key)
        assert found is not None
        assert found.key == key
        assert [item.key for item in store.find(STATIONS, {"vendor": "x"}).items] == [key]
        assert [item.key for item in store.find(READINGS).items] == [key]
        assert list(store.get_many(STATIONS, [key])) == [key]
        assert store.delete(STATIONS, key) is True

    @pytest.mark.parametrize("key", ["", "x" * 2000, "é" * 800], ids=["empty", "long", "long in bytes"])
    def test_under_a_key_that_cannot_be_there_is_nothing(self, store: Storage, key: str) -> None:
        store.create(STATIONS, "CP1", {})
        assert store.get(STATIONS, key) is None
        assert store.get_many(STATIONS, [key, "CP1"]).keys() == {"CP1"}
        assert store.get_again(STATIONS, {key: None, "CP1": None}).keys() == {"CP1"}
        assert store.delete(STATIONS, key) is False
        assert store.delete(STATIONS, key, revision=1) is False

    def test_an_empty_key_is_a_value_error(self, store: Storage) -> None:
        with pytest.raises(ValueError, match="key"):
            store.create(STATIONS, "", {})

    @pytest.mark.parametrize("value", [{1, 2}, object(), b"x", datetime(2012, 6, 1), BEFORE_THE_YEAR_1, "\ud800"])
    def test_what_a_document_cannot_hold_is_a_value_error(self, store: Storage, value: object) -> None:
        for document in ({"field": value}, {"field": [{"deep": value}]}, {"vendor": value}):
            with pytest.raises(ValueError):  # noqa: PT011
                store.create(STATIONS, "CP1", document)
        assert store.get(STATIONS, "CP1") is None

    def test_what_a_document_cannot_hold_is_a_value_error_where_a_later_one_is_there_too(self, store: Storage) -> None:
        store.put(STATES, {"1": {"at": NOON}})
        for document in ({"at": NOON - timedelta(1), "field": object()}, {"at": [NOON]}):
            with pytest.raises(ValueError):  # noqa: PT011
                store.put(STATES, {"1": document, "2": {"at": NOON}})
        assert _keys(store.find(STATES)) == ["1"]

    def test_an_indexed_field_holds_a_single_value(self, store: Storage) -> None:
        for value in (["a"], {"a": 1}):
            with pytest.raises(ValueError, match="vendor"):
                store.create(STATIONS, "CP1", {"vendor": value})

    def test_a_large_document_is_stored(self, store: Storage) -> None:
        document = {"values": [{"value": "x" * 90, "n": number} for number in range(self.LARGEST // 200)]}
        document["rest"] = "é" * ((self.LARGEST - 110 * len(document["values"])) // 2)  # type: ignore[assignment]
        store.create(STATIONS, "CP1", document)
        found = store.get(STATIONS, "CP1")
        assert found is not None
        assert found.document == document

    def test_a_document_beyond_the_limit_is_refused_by_name(self, store: Storage) -> None:
        if self.TOO_LARGE is None:
            pytest.skip("this backend has no limit that a test should reach")
        document = {"text": "x" * self.TOO_LARGE}
        with pytest.raises(DocumentTooLarge, match="CP1"):
            store.create(STATIONS, "CP1", document)
        with pytest.raises(DocumentTooLarge, match="CP1"):
            store.put(STATIONS, {"CP1": document})
        with pytest.raises(DocumentTooLarge, match="CP1"):
            store.append(READINGS, [("CP1", document)])
        assert store.count(STATIONS) == 0

    # --- finding

    def test_find_by_one_field(self, store: Storage) -> None:
        store.put(STATIONS, {"CP2": {"vendor": "A"}, "CP1": {"vendor": "A"}, "CP3": {"vendor": "B"}})
        assert _keys(store.find(STATIONS, {"vendor": "A"})) == ["CP1", "CP2"]
        assert _keys(store.find(STATIONS, {"vendor": "A"}, descending=True)) == ["CP2", "CP1"]
        assert store.find(STATIONS, {"vendor": "a"}).items == []

    def test_find_without_conditions_sorts_by_key(self, store: Storage) -> None:
        keys = ["é", "b", "a", "B", "🔌", "中", "10", "9", "a b", "a/b"]
        store.put(STATIONS, {key: {} for key in keys})
        assert _keys(store.find(STATIONS)) == sorted(keys)
        assert _keys(store.find(STATIONS, descending=True)) == sorted(keys, reverse=True)

    def test_datetimes_sort_to_the_microsecond(self, store: Storage) -> None:
        moments = [NOON + timedelta(microseconds=step) for step in (-1000, -1, 0, 1, 2, 999, 1000, 2_000_000)]
        store.put(STATIONS, {f"CP{place}": {"seen": moments[place]} for place in (3, 0, 7, 1, 6, 2, 5, 4)})
        assert _keys(store.find(STATIONS, order="seen")) == [f"CP{place}" for place in range(8)]
        assert _keys(store.find(STATIONS, order="seen", descending=True)) == [
            f"CP{place}" for place in range(7, -1, -1)
        ]

    def test_a_range_of_datetimes_is_exact_to_the_microsecond(self, store: Storage) -> None:
        moments = [NOON + timedelta(microseconds=step) for step in (-1000, -1, 0, 1, 2, 999, 1000)]
        store.put(STATIONS, {f"CP{place}": {"vendor": "A", "seen": moment} for place, moment in enumerate(moments)})
        for low in range(7):
            for high in range(low, 7):
                wanted = [f"CP{place}" for place in range(low, high)]
                where = {"seen": Range(moments[low], moments[high])}
                assert _keys(store.find(STATIONS, where)) == wanted
                assert _keys(store.find(STATIONS, {"vendor": "A", **where}, descending=True)) == wanted[::-1]
                assert store.count(STATIONS, where) == len(wanted)
        assert _keys(store.find(STATIONS, {"seen": moments[3]})) == ["CP3"]

    def test_numbers_sort_by_value_and_texts_by_code_point(self, store: Storage) -> None:
        numbers = [-(2**63), -1.5, 0, 0.5, 2, 10, 2**53 + 1, 2**63 - 1]
        texts = ["", "A", "Z", "a", "aa", "b", "ä", "中", "🔌"]
        store.put(STATIONS, {f"n{place}": {"power": number} for place, number in enumerate(numbers)})
        store.put(STATIONS, {f"t{place}": {"model": text} for place, text in enumerate(texts)})
        by_power = store.find(STATIONS, {"power": Range(-(2**63))})
        assert [item.document["power"] for item in by_power.items] == numbers
        by_model = store.find(STATIONS, {"model": Range("")})
        assert [item.document["model"] for item in by_model.items] == texts
        assert _keys(store.find(STATIONS, {"power": Range(0, 10)})) == ["n2", "n3", "n4"]
        assert _keys(store.find(STATIONS, {"model": Range("A", "b")})) == ["t1", "t2", "t3", "t4"]
        assert _keys(store.find(STATIONS, {"model": Range(below="a")})) == ["t0", "t1", "t2"]

    def test_a_missing_field_is_none_and_comes_first(self, store: Storage) -> None:
        store.put(STATIONS, {"CP1": {"power": 5}, "CP2": {"power": None}, "CP3": {}, "CP4": {"power": -5}})
        assert _keys(store.find(STATIONS, order="power")) == ["CP2", "CP3", "CP4", "CP1"]
        assert _keys(store.find(STATIONS, order="power", descending=True)) == ["CP1", "CP4", "CP3", "CP2"]
        assert _keys(store.find(STATIONS, {"power": None})) == ["CP2", "CP3"]
        assert store.count(STATIONS, {"power": None}) == 2
        assert _keys(store.find(STATIONS, {"power": Range(below=10)})) == ["CP4", "CP1"]

    def test_bools_are_found(self, store: Storage) -> None:
        store.put(STATIONS, {"CP1": {"model": True}, "CP2": {"model": False}, "CP3": {}})
        assert _keys(store.find(STATIONS, {"model": True})) == ["CP1"]
        assert _keys(store.find(STATIONS, order="model")) == ["CP3", "CP2", "CP1"]

    @pytest.mark.parametrize("descending", [False, True])
    @pytest.mark.parametrize("order", [None, "seen", "power"])
    def test_paging_returns_everything_once_in_order(self, store: Storage, order: str | None, descending: bool) -> None:
        store.put(
            STATIONS,
            {
                f"CP{number:02}": {
                    "seen": NOON + timedelta(microseconds=number // 3) if number > 4 else None,
                    "power": None if number % 2 else 1.5,
                }
                for number in range(25)
            },
        )
        whole = _keys(store.find(STATIONS, order=order, descending=descending))
        assert len(set(whole)) == 25
        for limit in (1, 4, 24, 25):
            assert _paged(store, None, order=order, descending=descending, limit=limit) == whole

    def test_paging_within_a_condition(self, store: Storage) -> None:
        store.put(
            STATIONS,
            {f"CP{number:02}": {"vendor": "AB"[number % 2], "seen": NOON, "power": 1} for number in range(20)},
        )
        even = [f"CP{number:02}" for number in range(0, 20, 2)]
        assert _paged(store, {"vendor": "A"}, limit=3) == even
        assert _paged(store, {"vendor": "A"}, order="seen", limit=3) == even
        assert _paged(store, {"vendor": "A", "seen": Range(NOON)}, limit=3, descending=True) == even[::-1]

    def test_paging_neither_skips_nor_repeats_what_did_not_change(self, store: Storage) -> None:
        store.put(STATIONS, {f"CP{number:02}": {"seen": NOON} for number in range(0, 20, 2)})
        first = store.find(STATIONS, order="seen", limit=4)
        assert first.next is not None
        store.delete(STATIONS, first.items[-1].key)
        store.put(STATIONS, {"CP01": {"seen": NOON}, "CP99": {"seen": NOON}, "CP00": {"seen": NOON}})
        rest = store.find(STATIONS, order="seen", after=first.next)
        assert _keys(rest) == ["CP08", "CP10", "CP12", "CP14", "CP16", "CP18", "CP99"]
        assert rest.next is None

    def test_the_last_page_says_so(self, store: Storage) -> None:
        store.put(STATIONS, {f"CP{number}": {} for number in range(4)})
        page = store.find(STATIONS, limit=2)
        assert page.next is not None
        assert store.find(STATIONS, limit=2, after=page.next).next is None
        assert store.find(STATIONS, limit=4).next is None

    @pytest.mark.parametrize(
        ("where", "order"),
        [({"absent": 1}, None), (None, "absent"), ({"vendor": "A"}, "power"), ({"seen": NOON}, "vendor")],
    )
    def test_a_search_that_no_index_serves_names_the_index_to_declare(
        self, store: Storage, where: dict[str, Any] | None, order: str | None
    ) -> None:
        with pytest.raises(ValueError, match="declare"):
            store.find(STATIONS, where, order=order)

    def test_nonsense_is_a_value_error(self, store: Storage) -> None:
        token = store.find(STATIONS, order="seen", limit=1).next or "x"
        for arguments in (
            {"limit": 0},
            {"after": "nonsense"},
            {"after": token},
            {"where": {"seen": Range(NOON), "power": Range(1)}},
            {"where": {"seen": Range(NOON)}, "order": "power"},
            {"where": {"vendor": ["A"]}},
            {"where": {"seen": BEFORE_THE_YEAR_1}},
        ):
            with pytest.raises(ValueError):  # noqa: PT011
                store.find(STATIONS, **arguments)  # type: ignore[arg-type]

    def test_a_token_is_for_the_search_that_it_came_from(self, store: Storage) -> None:
        store.put(STATIONS, {f"CP{n}": {"vendor": "A", "seen": NOON + timedelta(seconds=n)} for n in range(3)})
        store.put(SESSIONS, {f"S{n}": {"station": "CP1", "at": NOON} for n in range(3)})
        searches: list[tuple[Collection, dict[str, Any] | None, str | None]] = [
            (STATIONS, None, None),
            (SESSIONS, None, None),
            (STATIONS, {"vendor": "A"}, None),
            (STATIONS, {"vendor": "B"}, None),
            (STATIONS, {"vendor": "A"}, "seen"),
            (STATIONS, None, "seen"),
            (STATIONS, {"seen": Range(NOON)}, None),
            (STATIONS, {"seen": Range(NOON - timedelta(seconds=1))}, None),
            (SESSIONS, {"station": "CP1"}, "at"),
        ]
        for collection, where, order in searches:
            token = store.find(collection, where, order=order, limit=1).next
            if token is not None:
                for other in searches:
                    if other != (collection, where, order):
                        with pytest.raises(ValueError, match="does not belong to this search"):
                            store.find(other[0], other[1], order=other[2], after=token)
                store.find(collection, where, order=order, descending=True, after=token)

    def test_a_token_of_a_version_before_goes_on_in_an_append_only_collection(self, store: Storage) -> None:
        """Webhooks have kept such; it told the fields of the search and the tie."""
        if not self.GAVE_TOKENS_BEFORE:
            pytest.skip("there was no such backend before")
        store.append(READINGS, [(f"R{n}", {"station": "CP1", "at": NOON}) for n in range(4)])
        for where in (None, {"station": "CP1"}):
            token = store.find(READINGS, where, limit=2).cursor
            assert token is not None
            place = json.loads(base64.urlsafe_b64decode(token + "=="))
            search = [list(where or ()), None]
            before = base64.urlsafe_b64encode(json.dumps({**place, "search": search}).encode()).decode().rstrip("=")
            assert [item.key for item in store.find(READINGS, where, after=before).items] == ["R2", "R3"]
            for tie in ("R1", [1], [1, 2, "R1", 4], None):
                wrong = json.dumps({**place, "search": search, "tie": tie})
                with pytest.raises(ValueError, match="does not belong to this search"):
                    store.find(READINGS, where, after=base64.urlsafe_b64encode(wrong.encode()).decode())

    def test_count_counts_all_pages(self, store: Storage) -> None:
        store.put(STATIONS, {f"CP{number}": {"vendor": "AB"[number % 2], "seen": NOON} for number in range(301)})
        assert store.count(STATIONS) == 301
        assert store.count(STATIONS, {"vendor": "A"}) == 151
        assert store.count(STATIONS, {"vendor": "A", "seen": Range(NOON)}) == 151
        assert store.count(STATIONS, {"vendor": "C"}) == 0

    # --- counters

    def test_a_counter_begins_at_one_and_never_repeats(self, store: Storage) -> None:
        values = [store.increment("transactions") for _ in range(50)]
        assert values == sorted(set(values))
        assert values[0] >= 1
        assert values[-1] < 2**31

    def test_increment_by_several_owns_them(self, store: Storage) -> None:
        first, second = store.increment("transactions", 10), store.increment("transactions", 10)
        assert first >= 10
        assert second >= first + 10
        assert store.increment("transactions") > second

    def test_counters_are_independent(self, store: Storage) -> None:
        assert store.increment("a.b/c") == store.increment("$x")

    def test_a_counter_that_is_used_up_is_an_error(self, store: Storage) -> None:
        store.increment("transactions", 2**31 - 200_000)
        with pytest.raises(StorageError, match="transactions"):
            store.increment("transactions", 200_000)

    def test_a_counter_cannot_stand_still(self, store: Storage) -> None:
        with pytest.raises(ValueError, match="at least 1"):
            store.increment("transactions", 0)

    # --- time series

    def test_append_keeps_the_order_of_arrival(self, store: Storage) -> None:
        for number in range(5):
            entries = [(f"{9 - number}-{place}", {"station": "CP1", "n": number * 3 + place}) for place in range(3)]
            assert store.append(READINGS, entries, durable=number == 0) == 3
        page = store.find(READINGS)
        assert [item.document["n"] for item in page.items] == list(range(15))
        assert [item.document["n"] for item in store.find(READINGS, {"station": "CP1"}).items] == list(range(15))
        assert [item.document["n"] for item in store.find(READINGS, descending=True, limit=4).items] == [14, 13, 12, 11]

    def test_arrival_pages_without_gap_or_repeat(self, store: Storage) -> None:
        store.append(READINGS, [(f"k{number}", {"station": "CP1", "at": NOON}) for number in range(10)])
        wanted = [f"k{number}" for number in range(10)]
        assert _paged(store, None, limit=3, collection=READINGS) == wanted
        assert _paged(store, {"station": "CP1"}, limit=4, collection=READINGS) == wanted
        assert (
            _paged(store, {"station": "CP1"}, order="at", limit=3, collection=READINGS, descending=True) == wanted[::-1]
        )

    def test_a_cursor_finds_what_arrived_since(self, store: Storage) -> None:
        assert store.find(READINGS) == Page([])
        store.append(READINGS, [("a", {}), ("b", {})])
        cursor = store.find(READINGS).cursor
        assert cursor is not None
        assert store.find(READINGS, after=cursor) == Page([])
        store.append(READINGS, [("0", {}), ("c", {})])
        assert _keys(store.find(READINGS, after=cursor)) == ["0", "c"]

    def test_who_follows_sees_an_entry_when_none_can_come_before_it_any_more(self, store: Storage) -> None:
        store.append(READINGS, [("a", {"station": "CP1"}), ("b", {"station": "CP2"})])
        begin = time.monotonic()
        while not (page := store.find(READINGS, {"station": "CP1"}, settled=True)).items:
            assert page == Page([])
            assert time.monotonic() < begin + 10
            time.sleep(0.05)
        assert time.monotonic() - begin >= getattr(store, "settles_after", 0.0) - 0.5
        store.append(READINGS, [("c", {})])
        whole = store.find(READINGS)
        followed = store.find(READINGS, settled=True)
        assert followed.items in (whole.items[:2], whole.items)
        assert (followed.next, store.find(READINGS, limit=1, settled=True).items) == (None, whole.items[:1])
        assert store.find(READINGS, limit=1, settled=True).next is not None
        assert store.find(READINGS, after=followed.cursor).items == whole.items[len(followed.items) :]

    def test_append_passes_over_what_is_there(self, store: Storage) -> None:
        assert store.append(READINGS, [("a", {"n": 1}), ("b", {"n": 2})]) == 2
        assert store.append(READINGS, [("b", {"n": 9}), ("c", {"n": 3}), ("a", {"n": 9})]) == 1
        assert store.append(READINGS, [("d", {"n": 4}), ("d", {"n": 9})]) == 1
        assert store.append(READINGS, []) == 0
        assert [(item.key, item.document["n"]) for item in store.find(READINGS).items] == [
            ("a", 1),
            ("b", 2),
            ("c", 3),
            ("d", 4),
        ]

    def test_append_takes_any_number(self, store: Storage) -> None:
        entries = [(f"k{number}", {"station": "CP1"}) for number in range(1200)]
        assert store.append(READINGS, entries) == 1200
        assert store.append(READINGS, entries) == 0
        assert store.count(READINGS, {"station": "CP1"}) == 1200

    def test_write_appends_and_puts_into_several_collections(self, store: Storage) -> None:
        store.append(READINGS, [("a", {})])
        store.write(append={READINGS: [("a", {}), ("b", {})]}, put={STATIONS: {"CP1": {"vendor": "A"}}}, durable=True)
        store.write(put={STATIONS: {"CP1": {"vendor": "B"}}})
        store.write()
        assert _keys(store.find(READINGS)) == ["a", "b"]
        (station,) = store.find(STATIONS, {"vendor": "B"}).items
        assert station.revision == 2

    @pytest.mark.parametrize("others", [0, 130])
    def test_entries_are_appended_with_what_is_found_elsewhere(self, store: Storage, others: int) -> None:
        stations = {f"X{number:03}": {"vendor": "A", "seen": NOON} for number in range(others)}
        stations |= {f"CP{number}": {"vendor": "A", "seen": NOON + timedelta(1 + number)} for number in range(3)}
        store.put(STATIONS, stations)
        for number, added in enumerate(({}, {"$power": 2, "text": "x"}, {"station": "A", "at": NOON})):

            def fields(found: Sequence[Stored], added: dict[str, Any] = added) -> dict[str, Any]:
                assert [item.key for item in found] == list(stations)
                return added

            entries = [(f"{number}{name}", {"n": number, "list": [1]}) for name in "ab"]
            for _ in range(2):
                store.append_found(READINGS, entries, STATIONS, {"vendor": "A"}, fields, order="seen")
            for key, document in entries:
                found = store.get(READINGS, key)
                assert found is not None
                assert found.document == {**document, **added}
        assert store.count(READINGS) == 6
        assert _keys(store.find(READINGS, {"station": "A"})) == ["2a", "2b"]

    def test_what_others_wrote_to_a_watched_collection_is_found_for_entries(
        self, store: Storage, other: Storage
    ) -> None:
        def add(writer: Storage, key: str) -> None:
            where = {"station": "CP1", "state": "open"}
            writer.append_found(
                READINGS, [(key, {})], SESSIONS, where, lambda found: {"n": [item.key for item in found]}, order="at"
            )

        def found(key: str) -> Any:
            stored = store.get(READINGS, key)
            return stored and stored.document["n"]

        session = {"station": "CP1", "state": "open", "at": NOON}
        add(store, "nothing yet")
        stored = other.create(SESSIONS, "s1", session)
        add(store, "created")
        add(other, "seen by who wrote it")
        store.replace(SESSIONS, "s1", {**session, "state": "closed"}, revision=stored.revision)
        add(other, "replaced")
        other.put(SESSIONS, {"s1": session, "s2": {**session, "at": NOON + timedelta(1)}})
        add(store, "put")
        store.delete(SESSIONS, "s1")
        add(other, "deleted")
        other.delete_where(SESSIONS, {"state": "open"})
        add(store, "several deleted")
        names = ("nothing yet", "created", "seen by who wrote it", "replaced", "put", "deleted", "several deleted")
        assert {name: found(name) for name in names} == {
            "nothing yet": [],
            "created": ["s1"],
            "seen by who wrote it": ["s1"],
            "replaced": [],
            "put": ["s1", "s2"],
            "deleted": ["s2"],
            "several deleted": [],
        }

    def test_what_a_pending_request_stores_is_there_when_that_is_told(self, store: Storage) -> None:
        outcomes: list[bool] = []
        told = threading.Semaphore(0)

        def over(is_stored: bool) -> None:
            outcomes.append(is_stored)
            told.release()

        def begin(write: Callable[[Pending], Any], refused: type[Exception] = StorageError) -> bool:
            """Whether it was stored, for a store that begins it and for one that does it at once."""
            pending = Pending()
            try:
                write(pending)
            except refused:
                return False
            pending.when_over(over)
            assert told.acquire(timeout=10)
            return outcomes.pop()

        station: dict[str, Any] = {"vendor": "A", "power": 1}
        created = begin(lambda p: store.create_and_append(STATIONS, "CP1", station, {SAMPLES: [("a", {})]}, pending=p))
        again = begin(
            lambda p: store.create_and_append(STATIONS, "CP1", {}, {SAMPLES: [("b", {})]}, pending=p), AlreadyExists
        )
        replaced = begin(
            lambda p: store.replace_and_append(
                STATIONS, "CP1", {**station, "power": 2}, {SAMPLES: [("c", {})]}, revision=1, before=station, pending=p
            )
        )
        late = begin(
            lambda p: store.replace_and_append(STATIONS, "CP1", {}, {SAMPLES: [("d", {})]}, revision=1, pending=p),
            RevisionConflict,
        )
        assert (created, again, replaced, late) == (True, False, True, False)
        assert begin(lambda p: store.write(append={SAMPLES: [("f", {})]}, put={STATES: {"s": {"at": 1}}}, pending=p))
        assert begin(lambda p: store.write(append={SAMPLES: [("f", {})]}, pending=p)), "an entry that is there already"
        assert begin(
            lambda p: store.append_found(
                SAMPLES, [("g", {})], STATIONS, {"vendor": "A"}, lambda found: {"n": len(found)}, pending=p
            )
        )
        assert begin(lambda p: store.write(append={SAMPLES: [(f"m{n}", {}) for n in range(200)]}, pending=p))
        assert store.get(STATIONS, "CP1") == Stored("CP1", 2, {**station, "power": 2})
        assert {item.key for item in store.find(SAMPLES).items if len(item.key) == 1} == set("acfg")
        assert store.get(SAMPLES, "g") == Stored("g", 1, {"n": 1})
        assert (store.count(STATES), store.count(SAMPLES)) == (1, 204)

    def test_what_is_written_durably_is_stored_once_however_much_it_is(self, store: Storage) -> None:
        for number in (1, 30):
            entries = [(f"s{n}", {"station": "CP1", "at": NOON, "n": n}) for n in range(number)]
            for pending in (None, Pending()):
                store.write(append={SAMPLES: entries}, durable=True, pending=pending)
                if pending is not None:
                    told: queue.Queue[bool] = queue.Queue()
                    pending.when_over(told.put)
                    assert told.get(timeout=10)
            found = store.find(SAMPLES, {"station": "CP1"}, order="at", limit=100).items
            assert sorted((item.key, item.revision, item.document["n"]) for item in found) == sorted(
                (key, 1, document["n"]) for key, document in entries
            )

    def test_nothing_is_appended_when_what_is_found_is_refused(self, store: Storage) -> None:
        def refuse(found: Sequence[Stored]) -> dict[str, Any]:
            raise LookupError(f"{len(found)} found")

        with pytest.raises(LookupError, match="0 found"):
            store.append_found(READINGS, [("a", {})], STATIONS, {"vendor": "A"}, refuse)
        with pytest.raises(ValueError, match="index"):
            store.append_found(READINGS, [("a", {})], STATIONS, {"text": "A"}, refuse)
        assert store.get(READINGS, "a") is None

    # --- indexes that serve one value

    def test_an_index_for_one_value_follows_what_a_document_becomes(self, store: Storage) -> None:
        for number, state in enumerate(("open", "closed", "open", "orphan", None)):
            document = {"station": f"CP{number % 2}", "at": NOON + timedelta(number), "state": state}
            store.create(SESSIONS, f"s{number}", document)
        at_one = {"station": "CP0", "state": "open"}
        assert _keys(store.find(SESSIONS, at_one, order="at")) == ["s0", "s2"]
        assert _keys(store.find(SESSIONS, {"state": "open"})) == ["s0", "s2"]
        assert _keys(store.find(SESSIONS, {"state": "orphan"})) == ["s3"]
        begun = {"station": "CP0", "at": NOON, "state": "open"}
        store.replace(SESSIONS, "s0", {**begun, "state": "closed"}, revision=1, before=begun)
        store.replace(SESSIONS, "s3", {"station": "CP0", "at": NOON, "state": "open"}, revision=1)
        assert _keys(store.find(SESSIONS, at_one, order="at", descending=True)) == ["s2", "s3"]
        assert (store.count(SESSIONS, {"state": "open"}), store.count(SESSIONS, {"state": "orphan"})) == (2, 0)
        assert store.count(SESSIONS, at_one) == 2
        assert _keys(store.find(SESSIONS, {"station": "CP0"}, order="at")) == ["s0", "s3", "s2", "s4"]

    def test_an_index_for_one_value_serves_no_other(self, store: Storage) -> None:
        with pytest.raises(ValueError, match="index"):
            store.find(SESSIONS, {"state": "closed"})
        with pytest.raises(ValueError, match="index"):
            store.count(SESSIONS, {"station": "CP0", "state": "closed"})

    # --- the state of the store

    def test_the_indexes_of_a_collection_are_listed(self, store: Storage) -> None:
        assert len(store.indexes(STATIONS)) >= 2

    def test_check_names_the_backend_its_version_and_latency(self, store: Storage, settings: Any) -> None:
        info = store.check()
        assert info.backend == settings.backend
        assert info.version
        assert 0 <= info.latency_ms < 10_000

    @pytest.mark.parametrize(
        "verb", ["create", "get", "get_many", "get_again", "replace", "put", "delete", "delete_where", "find"]
    )
    def test_after_close_every_verb_says_so(self, store: Storage, verb: str) -> None:
        store.create(STATIONS, "CP1", {})
        store.close()
        store.close()
        with pytest.raises(StoreClosed):
            VERBS[verb](store)

    @pytest.mark.parametrize("verb", ["count", "increment", "append", "check"])
    def test_after_close_the_other_verbs_say_so(self, store: Storage, verb: str) -> None:
        store.close()
        with pytest.raises(StoreClosed):
            VERBS[verb](store)

    def test_when_the_server_is_gone_every_verb_says_so(self, store: Storage, gone: Callable[[], None]) -> None:
        store.create(STATIONS, "CP1", {})
        store.append(READINGS, [("a", {})])
        gone()
        for verb in VERBS.values():
            with pytest.raises(StoreUnavailable):
                verb(store)

    def test_what_was_stored_is_there_after_reopening(self, settings: Any) -> None:
        with closing(storage.open(settings)) as store:
            created = store.create(STATIONS, "CP1", {"vendor": "A", "seen": NOON}, durable=True)
            last = store.increment("transactions")
        with closing(storage.open(settings)) as store:
            assert store.get(STATIONS, "CP1") == created
            assert store.find(STATIONS, {"vendor": "A"}).items == [created]
            assert store.increment("transactions") > last

    def test_an_index_that_is_declared_later_finds_older_documents(self, settings: Any) -> None:
        with closing(storage.open(settings)) as store:
            store.put(Collection("things"), {"a": {"colour": "red", "at": NOON}, "b": {"colour": "blue"}})
        with closing(storage.open(settings)) as store:
            things = Collection("things", indexes=(("colour",), ("at",)))
            assert _keys(store.find(things, {"colour": "red"})) == ["a"]
            assert _keys(store.find(things, order="at")) == ["b", "a"]

    # --- many writers

    def test_of_eight_processes_that_create_one_key_one_wins(self, settings: Any, writers: Writers) -> None:
        won = writers.run(_race_to_create, settings)
        assert [sum(attempt) for attempt in zip(*won, strict=True)] == [1] * 20

    def test_eight_processes_that_replace_one_document_lose_no_update(self, settings: Any, writers: Writers) -> None:
        with closing(storage.open(settings)) as store:
            store.create(STATIONS, "CP1", {"power": 0})
            writers.run(_race_to_replace, settings)
            found = store.get(STATIONS, "CP1")
        assert found is not None
        assert (found.document["power"], found.revision) == (WRITERS * 10, WRITERS * 10 + 1)

    def test_eight_processes_that_append_the_same_entries_store_each_once(
        self, settings: Any, writers: Writers
    ) -> None:
        new = writers.run(_race_to_append, settings)
        assert sum(new) == 100
        with closing(storage.open(settings)) as store:
            assert store.count(READINGS) == 100

    def test_eight_processes_never_get_the_same_number(self, settings: Any, writers: Writers) -> None:
        numbers = [number for some in writers.run(_race_to_increment, settings) for number in some]
        assert len(set(numbers)) == WRITERS * 50


VERBS: dict[str, Callable[[Storage], object]] = {
    "create": lambda store: store.create(STATIONS, "CP9", {}),
    "get": lambda store: store.get(STATIONS, "CP1"),
    "get_many": lambda store: store.get_many(STATIONS, ["CP1"]),
    "get_again": lambda store: store.get_again(STATIONS, {"CP1": None}),
    "replace": lambda store: store.replace(STATIONS, "CP1", {}, revision=1),
    "put": lambda store: store.put(STATIONS, {"CP1": {}}),
    "delete": lambda store: store.delete(STATIONS, "CP1"),
    "find": lambda store: store.find(STATIONS),
    "count": lambda store: store.count(STATIONS),
    "delete_where": lambda store: store.delete_where(STATIONS, {"vendor": "A"}),
    "increment": lambda store: store.increment("transactions", 100_000),
    "append": lambda store: store.append(READINGS, [("b", {})]),
    "check": lambda store: store.check(),
}


def _keys(page: Page) -> list[str]:
    return [item.key for item in page.items]


def _paged(
    store: Storage, where: dict[str, Any] | None, *, collection: Collection = STATIONS, limit: int, **arguments: Any
) -> list[str]:
    keys, after = [], None
    while True:
        page = store.find(collection, where, limit=limit, after=after, **arguments)
        assert len(page.items) <= limit
        keys += _keys(page)
        after = page.next
        if after is None:
            return keys


def _typed(value: Any) -> Any:
    """The value with its types, since 1 == 1.0 == True."""
    if isinstance(value, dict):
        return {key: _typed(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_typed(item) for item in value]
    return type(value).__name__, value


class Writers:
    """Processes that live as long as the test session, each of which takes part in every race."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._start = context.Barrier(WRITERS)
        self._pool = ProcessPoolExecutor(WRITERS, context, initializer=_keep_barrier, initargs=(self._start,))

    def run(self, work: Callable[[Any], Any], settings: Any) -> list[Any]:
        """What ``work(settings)`` returned in each process; all of them begin at once."""
        emulator = os.environ.get("FIRESTORE_EMULATOR_HOST", "")
        return list(self._pool.map(_race, [work] * WRITERS, [settings] * WRITERS, [emulator] * WRITERS))

    def close(self) -> None:
        self._pool.shutdown()


_barrier: Any = None


def _keep_barrier(barrier: Any) -> None:
    global _barrier  # noqa: PLW0603
    _barrier = barrier


def _race(work: Callable[[Any], Any], settings: Any, emulator: str) -> Any:
    os.environ["FIRESTORE_EMULATOR_HOST"] = emulator
    with closing(storage.open(settings)) as store:
        store.check()
    _barrier.wait(60)
    return work(settings)


def _race_to_create(settings: SimpleNamespace) -> list[int]:
    won = []
    with closing(storage.open(settings)) as store:
        for attempt in range(20):
            try:
                store.create(STATIONS, f"CP{attempt}", {}, durable=True)
                won.append(1)
            except AlreadyExists:
                won.append(0)
    return won


def _race_to_replace(settings: SimpleNamespace) -> None:
    with closing(storage.open(settings)) as store:
        done = 0
        while done < 10:
            found = store.get(STATIONS, "CP1")
            assert found is not None
            try:
                store.replace(STATIONS, "CP1", {"power": found.document["power"] + 1}, revision=found.revision)
                done += 1
            except RevisionConflict:
                continue


def _race_to_append(settings: SimpleNamespace) -> int:
    with closing(storage.open(settings)) as store:
        return sum(store.append(READINGS, [(f"{first}-{place}", {}) for place in range(10)]) for first in range(10))


def _race_to_increment(settings: SimpleNamespace) -> list[int]:
    with closing(storage.open(settings)) as store:
        return [store.increment("transactions") for _ in range(50)]
