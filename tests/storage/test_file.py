"""The file store: the contract, and what only a file can suffer."""

from __future__ import annotations

import multiprocessing
import os
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from storage_contract import READINGS, STATIONS, StorageContract

from ocpp_soap.errors import StoreUnavailable
from ocpp_soap.storage import sqlite_process, sqlite_upkeep
from ocpp_soap.storage.base import Collection, Only
from ocpp_soap.storage.file import FileStorage
from ocpp_soap.storage.file_lock import lock_now
from ocpp_soap.storage.sqlite_errors import unavailable
from ocpp_soap.storage.sqlite_readers import Readers


class TestFileStorage(StorageContract):
    GAVE_TOKENS_BEFORE = True

    @pytest.fixture
    def settings(self, tmp_path: Path) -> Any:
        return SimpleNamespace(backend="file", file=SimpleNamespace(path=tmp_path / "store" / "test.sqlite"))

    @pytest.fixture
    def gone(self, settings: Any) -> Callable[[], None]:
        def move() -> None:
            os.rename(settings.file.path, f"{settings.file.path}.gone")
            time.sleep(sqlite_process.LOOK_SECONDS)

        return move


def test_one_file_is_left_after_close(store: FileStorage, path: Path) -> None:
    store.create(STATIONS, "CP1", {})
    store.close()
    assert os.listdir(path.parent) == [path.name]


def test_what_has_not_changed_is_not_made_again(store: FileStorage) -> None:
    store.put(STATIONS, {"CP1": {"vendor": "A"}, "CP2": {"vendor": "A"}})
    known = {key: again.state for key, again in store.get_again(STATIONS, {"CP1": None, "CP2": None}).items()}
    store.put(STATIONS, {"CP2": {"vendor": "B"}})
    changed = store.get_again(STATIONS, known)
    assert {key for key, again in changed.items() if again.stored is not None} == {"CP2"}


def test_looking_up_any_number_of_keys_takes_few_statements(store: FileStorage) -> None:
    """SQLite's driver keeps a statement for each text, up to 256 for a connection, which takes megabytes."""
    names = [f"CP{number}" for number in range(520)]
    store.put(STATIONS, {name: {} for name in names})
    statements: set[str] = set()
    with store._process().reader() as connection:
        connection.set_trace_callback(lambda text: statements.add(text[: text.find("'")] + str(text.count("'"))))
    for number in (1, 2, 3, 5, 60, 64, 65, 100, 200, 257, 400, 499, 500, 501, 520):
        assert set(store.get_many(STATIONS, names[:number])) == set(names[:number])
    assert len(statements) <= 10


def test_every_search_uses_its_index(store: FileStorage) -> None:
    store.put(STATIONS, {"CP1": {"vendor": "A"}, "CP2": {"vendor": "A"}})
    statements: list[str] = []
    (reader,) = store._process().reader._free
    reader.set_trace_callback(statements.append)
    for where, order in [({"vendor": "A"}, None), ({"vendor": "A"}, "seen"), (None, "seen"), (None, None)]:
        for descending in (False, True):
            page = store.find(STATIONS, where, order=order, descending=descending, limit=1)
            store.find(STATIONS, where, order=order, descending=descending, after=page.next)
    store.count(STATIONS, {"vendor": "A"})
    reader.set_trace_callback(None)
    plans = [
        row[3]
        for statement in statements
        for row in reader.execute(f"EXPLAIN QUERY PLAN {statement}".replace("-Inf", "-9e999"))
    ]
    assert len(plans) == 17
    assert not [plan for plan in plans if "TEMP" in plan or ("SCAN" in plan and "INDEX" not in plan)]


def test_threads_share_commits(store: FileStorage) -> None:
    store.create(STATIONS, "first", {})
    transactions = 0

    def count_transaction(statement: str) -> None:
        nonlocal transactions
        transactions += statement == "COMMIT"

    writer = store._process()._writer
    assert writer is not None
    writer.set_trace_callback(count_transaction)

    def write(thread: int) -> None:
        for number in range(50):
            store.create(STATIONS, f"{thread}-{number}", {}, durable=True)

    threads = [threading.Thread(target=write, args=(thread,)) for thread in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store.count(STATIONS) == 801
    assert transactions < 600


def test_a_durable_write_is_synced_before_it_returns(store: FileStorage) -> None:
    store.create(STATIONS, "CP1", {})
    writer = store._process()._writer
    assert writer is not None
    modes = []
    for durable in (False, True):
        store.create(STATIONS, f"CP-{durable}", {}, durable=durable)
        modes.append(writer.execute("PRAGMA synchronous").fetchone()[0])
    assert modes == [1, 2]


def test_a_forked_process_opens_the_file_for_itself(store: FileStorage) -> None:
    store.create(STATIONS, "parent", {})
    child = multiprocessing.get_context("fork").Process(target=_write_in_child, args=(store,))
    child.start()
    store.create(STATIONS, "parent again", {})
    child.join(20)
    assert child.exitcode == 0
    assert store.count(STATIONS) == 102


def _write_in_child(store: FileStorage) -> None:
    for number in range(100):
        store.create(STATIONS, f"child-{number}", {})
    store.close()


def test_the_log_does_not_grow_with_what_is_written(
    store: FileStorage, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_upkeep, "TICK_SECONDS", 0.01)
    monkeypatch.setattr(sqlite_upkeep, "FOLD_BYTES", 100_000)
    monkeypatch.setattr(sqlite_upkeep, "LIMIT_BYTES", 400_000)
    deadline = time.monotonic() + 60
    for thousand in range(1, 13):  # a disk may be busy for longer than writing all of it takes
        for number in range(1_000):
            store.append(READINGS, [(f"{thousand}-{number}", {"text": "x" * 1000})])
        while path.stat().st_size <= thousand * 900_000:
            assert time.monotonic() < deadline
            store.append(READINGS, [(f"{time.monotonic()}", {})])
            time.sleep(0.01)
    assert path.stat().st_size > 10_000_000
    assert path.with_name(f"{path.name}-wal").stat().st_size < 40_000_000


def test_a_backup_while_others_write_is_complete_and_opens_as_a_store(store: FileStorage, tmp_path: Path) -> None:
    store.append(READINGS, [(f"{number}", {"n": number}) for number in range(500)])
    stop = threading.Event()

    def write() -> None:
        number = 500
        while not stop.is_set():
            store.append(READINGS, [(f"{number}", {"n": number})])
            number += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        store.backup(tmp_path / "copy.sqlite")
    finally:
        stop.set()
        writer.join()
    with closing(FileStorage(tmp_path / "copy.sqlite")) as copy:
        numbers = [item.document["n"] for item in copy.find(READINGS, limit=100_000).items]
    assert numbers == list(range(len(numbers)))
    assert len(numbers) >= 500


def test_a_backup_that_is_used_is_written_while_others_read(store: FileStorage, tmp_path: Path) -> None:
    store.put(STATIONS, {f"CP{number}": {"text": "x" * 100} for number in range(1000)})
    path = tmp_path / "copy.sqlite"
    store.backup(path)
    with closing(FileStorage(path)) as copy, closing(sqlite3.connect(path)) as reader:
        assert copy.count(STATIONS) == 1000
        rows = reader.execute("SELECT key FROM c_stations")
        rows.fetchone()
        copy.create(STATIONS, "new", {}, durable=True)
        assert reader.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert len(rows.fetchall()) == 999


def test_a_backup_does_not_overwrite(store: FileStorage, tmp_path: Path) -> None:
    (tmp_path / "copy.sqlite").write_text("mine")
    with pytest.raises(StoreUnavailable, match=r"copy\.sqlite.*another name"):
        store.backup(tmp_path / "copy.sqlite")
    assert (tmp_path / "copy.sqlite").read_text() == "mine"


@pytest.mark.parametrize("version", [0, 3, 99])
def test_the_sqlite_file_of_another_program_is_left_alone(path: Path, version: int) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE songs (title TEXT)")
        connection.execute(f"PRAGMA user_version = {version}")
    before = path.read_bytes()
    with closing(FileStorage(path)) as store, pytest.raises(StoreUnavailable, match="not a file of this program"):
        store.get(STATIONS, "CP1")
    assert path.read_bytes() == before


def test_a_folder_in_the_place_of_the_file_is_called_one(path: Path) -> None:
    path.mkdir()
    with closing(FileStorage(path)) as store, pytest.raises(StoreUnavailable, match="it is a folder"):
        store.get(STATIONS, "CP1")


def test_what_this_user_may_not_make_is_not_said_to_be_there(path: Path) -> None:
    refused = PermissionError(13, "Permission denied", str(path.parent))
    assert "choose another place" in str(unavailable(path, refused))
    path.touch()
    assert "not this user's" in str(unavailable(path, refused))


def test_of_two_backups_to_one_file_at_once_one_is_told_to_wait(store: FileStorage, tmp_path: Path) -> None:
    store.create(STATIONS, "CP1", {})
    path = tmp_path / "copy.sqlite"
    with open(tmp_path / ".copy.sqlite.unfinished", "w") as other:
        other.write("as far as it came")
        other.flush()
        assert lock_now(other.fileno())
        with pytest.raises(StoreUnavailable, match=r"copy\.sqlite: another backup writes it"):
            store.backup(path)
        assert (tmp_path / ".copy.sqlite.unfinished").read_text() == "as far as it came"
    store.backup(path)
    with closing(FileStorage(path)) as copy:
        assert copy.count(STATIONS) == 1
    assert not (tmp_path / ".copy.sqlite.unfinished").exists()


def test_the_file_of_a_newer_version_is_left_alone(store: FileStorage, path: Path) -> None:
    store.create(STATIONS, "CP1", {})
    store.close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with closing(FileStorage(path)) as newer, pytest.raises(StoreUnavailable, match="newer version"):
        newer.get(STATIONS, "CP1")


def test_an_index_for_one_value_takes_the_place_of_that_for_all(path: Path) -> None:
    before = Collection("sessions", indexes=(("station", "state"),))
    after = Collection("sessions", indexes=(("station", Only("state", "open")),))
    with closing(FileStorage(path)) as store:
        store.put(before, {name: {"station": "CP1", "state": name} for name in ("open", "closed")})
    with closing(FileStorage(path)) as store:
        assert [item.key for item in store.find(after, {"station": "CP1", "state": "open"}).items] == ["open"]
        names = [name for name in store.indexes(after) if name.startswith("i_")]
        assert names == ["i_sessions.station.state=open"]


def test_a_token_is_a_place_in_a_backup_of_its_file_but_not_in_another_file(tmp_path: Path, path: Path) -> None:
    with closing(FileStorage(path)) as store, closing(FileStorage(tmp_path / "other.sqlite")) as other:
        for one in (store, other):
            one.append(READINGS, [("one", {}), ("two", {})])
        token = store.find(READINGS, limit=1).next
        with pytest.raises(ValueError, match="does not belong to this search in this store"):
            other.find(READINGS, after=token)
        store.backup(tmp_path / "backup.sqlite")
        for opened in (path, tmp_path / "backup.sqlite"):
            with closing(FileStorage(opened)) as again:
                assert [item.key for item in again.find(READINGS, after=token).items] == ["two"]


def test_a_store_whose_log_nobody_could_look_after_when_it_was_opened_looks_after_it_later(
    store: FileStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise sqlite3.OperationalError("unable to open database file")

    with monkeypatch.context() as patch:
        patch.setattr(sqlite_process, "Upkeep", refuse)
        with pytest.raises(StoreUnavailable):
            store.create(STATIONS, "CP1", {})
    store.create(STATIONS, "CP1", {})
    assert any(thread.name.startswith("upkeep of") for thread in threading.enumerate())


def test_a_reader_that_sees_a_connection_which_another_takes_first_goes_on_without_it() -> None:
    class TakenMeanwhile(deque[sqlite3.Connection]):
        """Free connections that are all taken since somebody has looked."""

        def __bool__(self) -> bool:
            return True

    readers = Readers(lambda: None, lambda: sqlite3.connect(":memory:"), lambda error: StoreUnavailable(str(error)))
    readers._free = TakenMeanwhile()
    with closing(readers.take()) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
