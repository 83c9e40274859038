"""What an operator is told when the file of the file store cannot be used, and what is left after a crash."""

from __future__ import annotations

import json
import multiprocessing
import os
import re
import resource
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from storage_contract import READINGS, STATIONS

from ocpp_soap.errors import StoreUnavailable
from ocpp_soap.storage import Collection, last_failure, sqlite_turns
from ocpp_soap.storage.file import FileStorage
from ocpp_soap.storage.sqlite_errors import refuse_network_file_system

NOBODY = 65534
TELEMETRY = Collection("telemetry", append_only=True, telemetry=True)
SESSIONS = Collection("sessions", indexes=(("station",),), watched=("station",))
WRITER = """
import sys, threading
from ocpp_soap.storage import Collection
from ocpp_soap.storage.file import FileStorage

STARTS = Collection("starts", indexes=(("station",),))
store = FileStorage(sys.argv[1])

def write(thread):
    number = 0
    while True:
        key = f"{sys.argv[2]}-{thread}-{number}"
        store.create(STARTS, key, {"station": "CP1", "id": store.increment("transactions")}, durable=number % 2 == 0)
        sys.stdout.write(key + "\\n")
        sys.stdout.flush()
        number += 1

for thread in range(4):
    threading.Thread(target=write, args=(thread,), daemon=True).start()
threading.Event().wait()
"""


@pytest.mark.parametrize("attempt", range(3))
def test_kill_9_loses_nothing_that_was_acknowledged(tmp_path: Path, attempt: int) -> None:
    path = tmp_path / "test.sqlite"
    acknowledged: set[str] = set()
    for generation in range(2):
        writers = [
            subprocess.Popen(
                [sys.executable, "-c", WRITER, str(path), f"{generation}{writer}"], stdout=subprocess.PIPE, text=True
            )
            for writer in range(2)
        ]
        for writer in writers:
            assert writer.stdout is not None
            acknowledged.add(writer.stdout.readline().strip())
        time.sleep(0.1 + attempt * 0.07)
        for writer in writers:
            writer.send_signal(signal.SIGKILL)
        for writer in writers:
            assert writer.stdout is not None
            lines = writer.stdout.read().split("\n")
            acknowledged |= set(lines[:-1])
            writer.wait()
            writer.stdout.close()
    with closing(FileStorage(path)) as store:
        starts = Collection("starts", indexes=(("station",),))
        found = store.find(starts, {"station": "CP1"}, limit=1_000_000).items
    assert acknowledged <= {item.key for item in found}
    assert len({item.document["id"] for item in found}) == len(found)
    assert len(acknowledged) > 20


@contextmanager
def _file_size_limit(size: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_full_disk_is_named_and_nothing_is_half_stored(tmp_path: Path) -> None:
    path = tmp_path / "test.sqlite"
    with closing(FileStorage(path)) as store:
        store.create(STATIONS, "before", {})
        with _file_size_limit(200_000):
            with pytest.raises(StoreUnavailable, match=rf"{path}: the disk .*full"):
                store.append(READINGS, [(f"{number}", {"text": "x" * 1000}) for number in range(1000)])
            assert store.get(STATIONS, "before") is not None
        assert store.count(READINGS) == 0
        assert store.append(READINGS, [(f"{number}", {}) for number in range(10)]) == 10


def test_a_really_full_disk_is_named_and_it_works_again_with_space(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("may not mount a small file system; run as root to try a really full disk")
    try:
        with closing(FileStorage(disk / "test.sqlite")) as store:
            store.create(STATIONS, "before", {})
            (disk / "ballast").write_bytes(b"x" * 700_000)
            with pytest.raises(StoreUnavailable, match="the disk is full: free some space"):
                store.append(READINGS, [(f"{number}", {"text": "x" * 1000}) for number in range(1000)], durable=True)
            assert store.count(READINGS) == 0
            (disk / "ballast").unlink()
            assert store.append(READINGS, [("a", {})], durable=True) == 1
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_read_only_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "test.sqlite"
    with closing(FileStorage(path)) as store:
        store.create(STATIONS, "CP1", {})
    path.chmod(0o444)
    _let_in(tmp_path)
    told = _as_nobody(lambda store: store.create(STATIONS, "CP2", {}), path)
    assert re.match(rf"{path}: the file (is read-only for|cannot be opened)", told)


def test_a_backup_that_cannot_be_written_is_read_where_it_is(tmp_path: Path) -> None:
    path = tmp_path / "backup.sqlite"
    with closing(FileStorage(tmp_path / "test.sqlite")) as store:
        store.create(STATIONS, "CP1", {})
        store.backup(path)
    path.chmod(0o444)
    _let_in(tmp_path)
    assert _as_nobody(lambda store: store.get(STATIONS, "CP1"), path) == "done"


def _let_in(folder: Path) -> None:
    for place in (folder, *folder.parents):
        if place.stat().st_mode & 0o001:
            break
        place.chmod(0o755)


def _give_to_nobody(folder: Path) -> None:
    _let_in(folder)
    if os.geteuid() == 0:
        for place in (folder, *folder.rglob("*")):
            os.chown(place, NOBODY, NOBODY)


def _as_nobody(work: Callable[[FileStorage], object], path: Path) -> str:
    """What a user who is not root is told when it does that with the store."""
    context = multiprocessing.get_context("fork")
    told: multiprocessing.SimpleQueue[str] = context.SimpleQueue()

    def run() -> None:
        if os.geteuid() == 0:
            os.setuid(NOBODY)
        with closing(FileStorage(path)) as store:
            try:
                work(store)
                told.put("done")
            except StoreUnavailable as error:
                told.put(str(error))

    child = context.Process(target=run)
    child.start()
    child.join(20)
    return told.get()


@pytest.mark.parametrize("ending", ["", "-log", "-log/marks"])
def test_what_another_user_owns_is_named_before_anything_is_written(tmp_path: Path, ending: str) -> None:
    path = tmp_path / "test.sqlite"
    with closing(FileStorage(path)) as store:
        store.write(append={TELEMETRY: [("a", {})]})
        store.find_all(SESSIONS, {"station": "CP1"})
    _give_to_nobody(tmp_path)
    foreign = Path(f"{path}{ending}")
    foreign.chmod(0o555 if foreign.is_dir() else 0o444)
    if os.geteuid() == 0:
        os.chown(foreign, 0, 0)
    told = _as_nobody(lambda store: store.check(), path)
    assert told.startswith(f"{path}: {foreign} cannot be written by this user: give the file and what stands beside it")


def test_a_log_that_cannot_be_begun_is_told_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "test.sqlite"
    with closing(FileStorage(path)) as store:
        store.write(append={TELEMETRY: [("a", {})]})
    _give_to_nobody(tmp_path)
    folder = path.with_name("test.sqlite-log")
    folder.chmod(0o555)
    if os.geteuid() == 0:
        os.chown(folder, 0, 0)
    told = _as_nobody(lambda store: store.write(append={TELEMETRY: [("b", {})]}), path)
    assert re.match(rf"{path}: something of the store is not this user's: .*\(chown -R\).*Permission denied", told)


def test_a_store_whose_last_write_failed_says_so_until_one_succeeds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(FileStorage(tmp_path / "test.sqlite")) as store:
        store.write(append={TELEMETRY: [("a", {})]})
        for write in (
            lambda text: store.put(STATIONS, {"CP1": {"text": text}}),
            lambda text: store.create(STATIONS, f"new {len(text)}", {"text": text}),
            lambda text: store.write(append={TELEMETRY: [(f"{len(text)}", {"text": text})]}),
        ):
            with _file_size_limit(200_000), pytest.raises(StoreUnavailable, match="full"):
                write("x" * 1_000_000)
            with pytest.raises(StoreUnavailable, match="full"):
                store.check()
            write("x")
            assert store.check().backend == "file"
        monkeypatch.setattr(last_failure, "SECONDS", 0.0)
        with _file_size_limit(200_000), pytest.raises(StoreUnavailable, match="full"):
            store.put(STATIONS, {"CP1": {"text": "x" * 1_000_000}})
        assert store.check().backend == "file", "it was too long ago"


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "test.sqlite"
    path.write_bytes(b"this is not a database at all, " * 200)
    with closing(FileStorage(path)) as store, pytest.raises(StoreUnavailable, match=r"test\.sqlite.*restore a backup"):
        store.get(STATIONS, "CP1")
    assert path.read_bytes().startswith(b"this is not")


def test_a_file_damaged_in_the_middle_is_named(tmp_path: Path) -> None:
    path = tmp_path / "test.sqlite"
    with closing(FileStorage(path)) as store:
        store.put(STATIONS, {f"CP{number}": {"text": "x" * 500} for number in range(500)})
    with path.open("r+b") as file:
        file.seek(8192)
        file.write(b"\xff" * 100_000)
    with closing(FileStorage(path)) as store, pytest.raises(StoreUnavailable, match="damaged"):
        store.find(STATIONS, limit=1000)


def test_a_path_that_cannot_be_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "folder", tmp_path / "file" / "test.sqlite"):
        with closing(FileStorage(path)) as store, pytest.raises(StoreUnavailable, match=str(path)):
            store.get(STATIONS, "CP1")


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "fuse.sshfs"])
def test_a_network_file_system_is_refused(tmp_path: Path, kind: str) -> None:
    mounts = tmp_path / "mounts"
    share = tmp_path / "my share"
    mounts.write_text(f"/dev/vda / ext4 rw 0 0\nserver:/x {str(share).replace(' ', chr(92) + '040')} {kind} rw 0 0\n")
    with pytest.raises(StoreUnavailable, match=rf"my share is a network file system \({kind}\).*local disk"):
        refuse_network_file_system(share / "data" / "test.sqlite", mounts)
    refuse_network_file_system(tmp_path / "test.sqlite", mounts)


def test_a_local_file_system_mounted_over_a_network_one_is_used(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text("server:/x / nfs rw 0 0\nserver:/x /srv nfs rw 0 0\n/dev/vdb /srv ext4 rw 0 0\n")
    refuse_network_file_system(Path("/srv/test.sqlite"), mounts)


def test_a_program_that_keeps_the_file_locked_is_a_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_turns, "BUSY_SECONDS", 0.2)
    path = tmp_path / "test.sqlite"
    with closing(FileStorage(path)) as store:
        store.create(STATIONS, "CP1", {})
        with closing(sqlite3.connect(path, isolation_level=None)) as browser:
            browser.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreUnavailable, match="another program keeps it locked"):
                store.create(STATIONS, "CP2", {})
            browser.execute("ROLLBACK")
        assert store.create(STATIONS, "CP2", {}).revision == 1


def test_json_in_the_file_can_be_read_by_other_tools(tmp_path: Path) -> None:
    path = tmp_path / "test.sqlite"
    with closing(FileStorage(path)) as store:
        store.create(STATIONS, "CP1", {"vendor": "Größe"})
    with closing(sqlite3.connect(path)) as connection:
        (text,) = connection.execute("SELECT document FROM c_stations").fetchone()
    assert json.loads(text) == {"vendor": "Größe"}
