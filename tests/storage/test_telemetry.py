"""The way of telemetry through the logs beside the file store."""

from __future__ import annotations

import fcntl
import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from killed import in_child
from tending import commit_socket, eventually

from ocpp_soap.errors import StoreUnavailable
from ocpp_soap.storage import Collection
from ocpp_soap.storage.file import FileStorage
from ocpp_soap.storage.process_logs import contents, framed
from ocpp_soap.storage.sqlite_logs import MOST_ROWS, frames, steps_of
from ocpp_soap.storage.sqlite_process import LOOK_SECONDS
from ocpp_soap.storage.sqlite_rows import MISSING
from ocpp_soap.storage.sqlite_telemetry import MOST_LOGS

SAMPLES = Collection("samples", indexes=(("station",), ("number",)), append_only=True, telemetry=True)
LATEST = Collection("latest", latest="number", telemetry=True)

WRITER = """
import os, signal, sys, threading
from ocpp_soap.storage import Collection
from ocpp_soap.storage.file import FileStorage

samples = Collection("samples", indexes=(("station",), ("number",)), append_only=True, telemetry=True)
latest = Collection("latest", latest="number", telemetry=True)
store = FileStorage(sys.argv[1])

def write(thread):
    number = 0
    while True:
        document = {"station": sys.argv[2], "number": number}
        key = f"{sys.argv[2]}-{thread}-{number}"
        store.write(append={samples: [(key, document)]}, put={latest: {f"{sys.argv[2]}-{thread}": document}})
        sys.stdout.write(f"{key}\\n")
        sys.stdout.flush()
        number += 1

for thread in range(3):
    threading.Thread(target=write, args=(thread,), daemon=True).start()
threading.Event().wait()
"""


def logs(path: Path) -> list[Path]:
    folder = path.with_name(f"{path.name}-log")
    return sorted(folder.iterdir()) if folder.exists() else []


def keys(store: FileStorage) -> list[str]:
    return [item.key for item in store.find(SAMPLES, limit=10_000).items]


def samples(*numbers: int) -> list[tuple[str, dict[str, Any]]]:
    return [(f"s{number}", {"station": "CP1", "number": number}) for number in numbers]


def in_table(store: FileStorage) -> int:
    """How many samples are in the table, whatever waits in logs."""
    with store._process().reader() as connection:
        return int(connection.execute("SELECT count(*) FROM c_samples").fetchone()[0])


def test_a_message_is_in_the_log_first_and_in_the_table_when_somebody_looks(path: Path) -> None:
    with closing(FileStorage(path)) as store:
        store.write(append={SAMPLES: samples(1)})
        (log,) = logs(path)
        assert b"CP1" in log.read_bytes()
        assert keys(store) == ["s1"]
    assert logs(path) == []


def test_it_gets_into_the_table_by_itself(path: Path) -> None:
    with closing(FileStorage(path)) as store:
        store.write(append={SAMPLES: samples(1)})
        deadline = time.monotonic() + 10
        while not in_table(store) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert in_table(store) == 1


@pytest.mark.parametrize("attempt", range(3))
def test_kill_9_loses_nothing_that_was_acknowledged_and_doubles_nothing(path: Path, attempt: int) -> None:
    acknowledged: set[str] = set()
    for generation in range(2):
        writers = [
            subprocess.Popen([sys.executable, "-c", WRITER, str(path), f"{generation}{writer}"], stdout=-1, text=True)
            for writer in range(2)
        ]
        for writer in writers:
            assert writer.stdout is not None
            acknowledged.add(writer.stdout.readline().strip())
        time.sleep(0.1 + attempt * 0.3)
        for writer in writers:
            writer.send_signal(signal.SIGKILL)
        for writer in writers:
            assert writer.stdout is not None
            acknowledged |= set(writer.stdout.read().split("\n")[:-1])
            writer.wait()
            writer.stdout.close()
    with closing(FileStorage(path)) as store:
        found = store.find(SAMPLES, limit=1_000_000).items
        assert acknowledged <= {item.key for item in found}
        assert len({item.key for item in found}) == len(found)
        latest = {item.key: item.document["number"] for item in store.find(LATEST).items}
        assert set(latest) == {item.key.rpartition("-")[0] for item in found}
        assert all(number == max(n for n in numbers_of(found, key)) for key, number in latest.items())
    assert logs(path) == []
    assert len(acknowledged) > 50


def numbers_of(found: list[Any], thread: str) -> list[int]:
    return [item.document["number"] for item in found if item.key.rpartition("-")[0] == thread]


@pytest.mark.parametrize("rest", [b"", framed(b"two")[:5], framed(b"two")[:-1], framed(b"two")[:-1] + b"x"])
def test_a_frame_that_is_cut_off_or_damaged_is_not_read(rest: bytes) -> None:
    whole = framed(b"one")
    assert list(contents(whole + rest)) == [(len(whole), b"one")]


def test_a_dead_process_s_log_is_folded_once_and_removed(path: Path) -> None:
    def work() -> None:
        store = FileStorage(path)
        store.write(append={SAMPLES: samples(1)}, put={LATEST: {"a": {"number": 1}}})
        store._process().telemetry.settle()
        store.write(append={SAMPLES: samples(2)}, put={LATEST: {"a": {"number": 2}}})

    in_child(work)
    assert len(logs(path)) == 1
    with closing(FileStorage(path)) as store:
        assert keys(store) == ["s1", "s2"]
        assert logs(path) == []
        latest = store.get(LATEST, "a")
        assert latest is not None
        assert latest.revision == 2
        with store._process().reader() as connection:
            assert connection.execute("SELECT count(*) FROM logs").fetchone() == (0,)


def test_what_a_version_before_has_left_in_its_log_is_folded_too(path: Path) -> None:
    statement = (
        'INSERT INTO "c_latest" (key, revision, document, "f_number") VALUES (?, 1, ?, ?) ON CONFLICT (key) DO UPDATE '
        'SET revision = "c_latest".revision + 1, document = excluded.document, "f_number" = excluded."f_number" '
        'WHERE excluded."f_number" >= "c_latest"."f_number"'
    )

    def work() -> None:
        store = FileStorage(path)
        store.write(put={LATEST: {"a": {"number": 1}}})
        store._process().telemetry.add([(statement, [["a", '{"number":3}', 3], ["a", '{"number":2}', 2]])])

    in_child(work)
    with closing(FileStorage(path)) as store:
        latest = store.get(LATEST, "a")
        assert latest is not None
        assert latest.document == {"number": 3}


def test_what_a_version_before_has_left_is_found_by_a_new_field_however_much_it_is(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ocpp_soap.storage.sqlite_telemetry.FLOOD", 1000)
    before = Collection("samples", append_only=True, telemetry=True)

    def work() -> None:
        store = FileStorage(path)
        store.write(append={before: samples(1)})
        store._process().telemetry.settle()
        store.write(append={before: samples(*range(2, 100))})

    in_child(work)
    with closing(FileStorage(path)) as store:
        with in_role(path):
            assert store.find(SAMPLES, {"number": 1}).items
        assert [item.key for item in store.find(SAMPLES, {"number": 99}).items] == ["s99"]


def test_what_is_newer_than_a_backup_is_folded_into_it(path: Path) -> None:
    before = Collection("latest", telemetry=True)

    def work() -> None:
        store = FileStorage(path)
        store.put(before, {"old": {"number": 5}})
        store.backup(path.with_name("backup.sqlite"))
        store.write(append={SAMPLES: samples(1)}, put={LATEST: {"a": {"number": 1}}})

    in_child(work)
    for file in path.parent.glob("test.sqlite*"):
        if file.is_file():
            file.unlink()
    path.with_name("backup.sqlite").rename(path)
    with closing(FileStorage(path)) as store:
        assert keys(store) == ["s1"]
        store.write(put={LATEST: {"a": {"number": 0}, "old": {"number": 4}}})
        assert {key: store.get(LATEST, key).document["number"] for key in ("a", "old")} == {"a": 1, "old": 5}
    assert logs(path) == []


def test_a_frame_that_was_cut_off_is_passed_over(path: Path) -> None:
    def work() -> None:
        store = FileStorage(path)
        store.write(append={SAMPLES: samples(1)})
        store.write(append={SAMPLES: samples(2)})
        (log,) = logs(path)
        os.truncate(log, log.stat().st_size - 3)

    in_child(work)
    with closing(FileStorage(path)) as store:
        assert keys(store) == ["s1"]
    assert logs(path) == []


def test_a_log_of_another_file_at_that_path_is_left_alone(path: Path) -> None:
    in_child(lambda: FileStorage(path).write(append={SAMPLES: samples(1)}))
    for file in path.parent.glob("test.sqlite*"):
        if file.is_file():
            file.unlink()
    with closing(FileStorage(path)) as store:
        assert keys(store) == []
    assert len(logs(path)) == 1


def test_a_log_grows_only_so_far(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ocpp_soap.storage.sqlite_telemetry.LOG_BYTES", 2000)
    with closing(FileStorage(path)) as store:
        for number in range(200):
            store.write(append={SAMPLES: samples(number)})
            assert len(logs(path)) <= MOST_LOGS + 3
        assert len(keys(store)) == 200
    assert logs(path) == []


def test_after_the_folder_of_the_logs_was_removed_messages_are_kept_in_a_new_one(path: Path) -> None:
    with closing(FileStorage(path)) as store:
        store.write(append={SAMPLES: samples(1)})
        assert keys(store) == ["s1"]
        shutil.rmtree(path.with_name(f"{path.name}-log"))
        time.sleep(LOOK_SECONDS)
        store.write(append={SAMPLES: samples(2)})
        assert keys(store) == ["s1", "s2"]
    assert logs(path) == []


def test_who_tends_the_store_gives_way_when_the_folder_of_the_logs_was_removed(path: Path) -> None:
    with closing(FileStorage(path)) as keeper:
        told: list[str] = []

        def tend() -> None:
            try:
                keeper.tend(threading.Event())
            except StoreUnavailable as error:
                told.append(str(error))

        tending = threading.Thread(target=tend, daemon=True)
        tending.start()
        eventually(commit_socket(path).exists)
        shutil.rmtree(path.with_name(f"{path.name}-log"))
        tending.join(10)
        assert told == [f"{path}-log was removed while it was in use"]


def test_a_full_disk_refuses_the_message_and_keeps_what_was_there(path: Path) -> None:
    with closing(FileStorage(path)) as store:
        store.write(append={SAMPLES: samples(1)})
        big = [(f"b{number}", {"text": "x" * 1000}) for number in range(400)]
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
        try:
            with pytest.raises(StoreUnavailable, match=f"{path}: the disk .*full"):
                store.write(append={SAMPLES: big})
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        store.write(append={SAMPLES: samples(2)})
        assert keys(store) == ["s1", "s2"]


def test_what_cannot_be_folded_now_is_folded_later(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ocpp_soap.storage.sqlite_turns.BUSY_SECONDS", 0.1)
    with closing(FileStorage(path)) as store:
        assert keys(store) == []
        with store._process().reader() as blocker:
            blocker.execute("BEGIN IMMEDIATE")
            store.write(append={SAMPLES: samples(1)})
            with pytest.raises(StoreUnavailable):
                store.count(SAMPLES)
            blocker.execute("ROLLBACK")
        assert keys(store) == ["s1"]


def test_a_backup_holds_what_is_still_in_logs(path: Path) -> None:
    with closing(FileStorage(path)) as store:
        store.write(append={SAMPLES: samples(1)})
        store.backup(path.with_name("copy.sqlite"))
    with closing(FileStorage(path.with_name("copy.sqlite"))) as copy:
        assert keys(copy) == ["s1"]


def test_a_frame_is_read_as_it_was_written() -> None:
    steps = [("INSERT", [("k\x00", '{"a": "ü"}', MISSING, 2**63 - 1, 0.1, True)]), ("UPDATE", [])]
    data = frames(steps) + frames([])
    found = [(end, steps_of(content)) for end, content in contents(data)]
    assert [(end, [(statement, [tuple(row) for row in rows]) for statement, rows in some]) for end, some in found] == [
        (len(frames(steps)), steps),
        (len(data), []),
    ]
    for cut in range(len(data)):
        with suppress(StopIteration):
            assert next(contents(data[:cut]))[0] <= cut


def test_very_many_rows_are_several_frames_each_of_which_is_folded_in_one_go() -> None:
    rows = [[f"k{number}"] for number in range(MOST_ROWS * 2 + 1)]
    found = [steps_of(content) for _, content in contents(frames([("A", rows), ("B", [["b"]])]))]
    assert found == [
        [["A", rows[:MOST_ROWS]]],
        [["A", rows[MOST_ROWS : MOST_ROWS * 2]]],
        [["A", rows[MOST_ROWS * 2 :]]],
        [["B", [["b"]]]],
    ]


def test_who_tends_the_store_folds_what_others_write(path: Path) -> None:
    stop = threading.Event()
    with closing(FileStorage(path)) as keeper, closing(FileStorage(path)) as store:
        tending = threading.Thread(target=keeper.tend, args=(stop,))
        tending.start()
        store.write(append={SAMPLES: samples(1)})
        deadline = time.monotonic() + 10
        while not in_table(store) and time.monotonic() < deadline:
            time.sleep(0.02)
        stop.set()
        tending.join()
        assert in_table(store) == 1
        store.write(append={SAMPLES: samples(2)})
        while in_table(store) < 2 and time.monotonic() < deadline:
            time.sleep(0.02)
        assert in_table(store) == 2


def test_a_file_written_before_there_were_logs_is_used(path: Path) -> None:
    with closing(FileStorage(path)) as store:
        store.append(SAMPLES, samples(1))
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("DROP TABLE logs; PRAGMA application_id = 0; PRAGMA user_version = 1")
    with closing(FileStorage(path)) as store:
        store.write(append={SAMPLES: samples(2)})
        assert keys(store) == ["s1", "s2"]
    assert logs(path) == []


def test_a_reader_does_not_wait_for_a_flood(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ocpp_soap.storage.sqlite_telemetry.FLOOD", 1000)
    with closing(FileStorage(path)) as store, closing(FileStorage(path)) as reader, in_role(path):
        store.write(append={SAMPLES: samples(*range(100))})
        assert keys(reader) == []
    with closing(FileStorage(path)) as store:
        assert len(keys(store)) == 100


@contextmanager
def in_role(path: Path) -> Iterator[None]:
    """As if another process tended the store, and was slow."""
    folder = path.with_name(f"{path.name}-log")
    folder.mkdir(exist_ok=True)
    role = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(role, fcntl.LOCK_EX)
        yield
    finally:
        os.close(role)


def test_a_reader_looks_for_logs_while_another_one_learns_of_a_new_log(path: Path) -> None:
    class Name(str):
        """The name of a log; meanwhile another thread learns of one more."""

        __slots__ = ()

        def __hash__(self) -> int:
            others.append(telemetry._known.setdefault(f"another-{len(others)}", 0))
            return super().__hash__()

    others: list[int] = []
    with closing(FileStorage(path)) as store:
        store.write(append={SAMPLES: samples(1)})
        telemetry = store._process().telemetry
        telemetry._known = {}
        known = dict.fromkeys(map(Name, ("one", "two")), 0)
        telemetry._known = known
        assert len(telemetry._unfolded()) == 1
        assert others


def test_telemetry_is_not_kept_in_a_log_that_the_system_gives_no_thread_to_fold(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with closing(FileStorage(path)) as store:
        store.count(SAMPLES)
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", refuse)
            with pytest.raises(StoreUnavailable, match="can't start new thread"):
                store.write(append={SAMPLES: samples(1)})
        store.write(append={SAMPLES: samples(2)})
        eventually(lambda: in_table(store) == 1)
