"""The Firebase store on Google's Firestore emulator: the contract, and what is its own."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from storage_contract import READINGS, STATIONS, StorageContract
from storage_servers import FirestoreEmulator

from ocpp_soap.errors import ConfigurationError
from ocpp_soap.storage.firebase import FirebaseStorage
from ocpp_soap.storage.firebase_documents import document_id
from ocpp_soap.storage.firebase_indexes import composite_indexes


def settings_of(**changes: Any) -> Any:
    chosen = {"project_id": f"test-{uuid4().hex[:12]}", "credentials": None, "database": "(default)", "timeout": 10.0}
    return SimpleNamespace(backend="firebase", firebase=SimpleNamespace(**{**chosen, **changes}))


NPM_CAN = frozenset(
    [
        "test_a_counter_cannot_stand_still",
        "test_a_datetime_of_another_zone_comes_back_in_utc",
        "test_a_document_beyond_the_limit_is_refused_by_name",
        "test_a_large_document_is_stored",
        "test_a_search_that_no_index_serves_names_the_index_to_declare",
        "test_an_empty_key_is_a_value_error",
        "test_an_indexed_field_holds_a_single_value",
        "test_append_passes_over_what_is_there",
        "test_check_names_the_backend_its_version_and_latency",
        "test_create_fails_if_the_key_is_there_and_changes_nothing",
        "test_create_stores_a_document_with_the_first_revision",
        "test_delete_tells_whether_there_was_a_document",
        "test_delete_with_a_revision_deletes_only_that_one",
        "test_find_without_conditions_sorts_by_key",
        "test_get_many_returns_those_that_exist",
        "test_get_of_an_absent_key_is_none",
        "test_nonsense_is_a_value_error",
        "test_replace_of_an_absent_key_is_not_found",
        "test_replace_with_a_wrong_revision_is_a_conflict_and_changes_nothing",
        "test_the_indexes_of_a_collection_are_listed",
        "test_what_a_document_cannot_hold_is_a_value_error",
    ]
)
"""What passes on the emulator of npm; it has no cursors, no count, no result of an increment, and no int64."""


class TestFirebaseStorage(StorageContract):
    GAVE_TOKENS_BEFORE = True
    TOO_LARGE = 1_100_000

    @pytest.fixture(autouse=True)
    def _skip_what_the_emulator_lacks(self, emulator: FirestoreEmulator, request: pytest.FixtureRequest) -> None:
        if emulator.is_npm and request.function.__name__ not in NPM_CAN:
            pytest.skip("the emulator of npm lacks it: gcloud components install cloud-firestore-emulator")

    @pytest.fixture
    def settings(self, emulator: FirestoreEmulator, monkeypatch: pytest.MonkeyPatch) -> Any:
        monkeypatch.setenv("FIRESTORE_EMULATOR_HOST", emulator.address)
        return settings_of()

    @pytest.fixture
    def gone(
        self, emulator: FirestoreEmulator, request: pytest.FixtureRequest, store: FirebaseStorage
    ) -> Callable[[], None]:
        def stop() -> None:
            request.addfinalizer(emulator.start)
            emulator.stop(signal.SIGKILL)
            store._arguments = (*store._arguments[:3], 0.3)
            store._clients.popitem()[1].close()

        return stop


def test_no_document_id_is_one_that_firestore_does_not_take() -> None:
    keys = [
        "/",
        ".",
        "..",
        "__x__",
        "__",
        "_",
        "^",
        "^!",
        "^~",
        ".!",
        ".~",
        "a/b.c/d",
        "./..",
        "x",
        "a.",
        "a/",
        "a0",
        "a-",
    ]
    for key in keys:
        identity = document_id(key)
        assert identity not in (".", "..")
        assert "/" not in identity
        assert not (identity.startswith("__") and identity.endswith("__"))
    assert len({document_id(key) for key in keys}) == len(keys)
    assert sorted(keys) == sorted(keys, key=document_id)


def test_a_key_that_is_too_long_is_a_value_error() -> None:
    with pytest.raises(ValueError, match="1500 bytes"):
        document_id("é" * 751)


def test_every_sorted_search_has_its_composite_index_in_both_directions() -> None:
    fields = [
        [(field["fieldPath"], field["order"]) for field in index["fields"]]
        for index in composite_indexes([STATIONS, READINGS])["indexes"]
    ]
    for direction in ("ASCENDING", "DESCENDING"):
        for names in (["f.vendor", "f.seen"], ["f.station", "arrival", "n"], ["arrival", "n"]):
            assert [(name, direction) for name in names] in fields
    assert len(fields) == 8


@pytest.mark.parametrize("content", [None, b"{}", b"text", b"\x80"], ids=["absent", "empty", "text", "binary"])
def test_a_file_without_credentials_is_named_with_its_setting(
    content: bytes | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("FIRESTORE_EMULATOR_HOST", raising=False)
    file = tmp_path / "account.json"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigurationError, match=rf"storage\.firebase\.credentials: {file} has to be the JSON file"):
        FirebaseStorage("p", credentials=file).check()
