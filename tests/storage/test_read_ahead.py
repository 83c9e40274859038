"""The file of the file store, read into memory."""

from __future__ import annotations

import ctypes
import fcntl
import mmap
import multiprocessing
import os
import time
from contextlib import closing
from pathlib import Path

import pytest
from storage_contract import STATIONS
from tending import Tender, eventually

from ocpp_soap.storage import sqlite_read_ahead
from ocpp_soap.storage.file import FileStorage
from ocpp_soap.storage.read_into_memory import read
from ocpp_soap.storage.sqlite_read_ahead import reading_ahead


def pages_in_memory(path: Path) -> int:
    size = path.stat().st_size
    with path.open("rb") as file, mmap.mmap(file.fileno(), size, mmap.MAP_PRIVATE) as pages:
        there = (ctypes.c_ubyte * (-(-size // mmap.PAGESIZE)))()
        address = ctypes.addressof(ctypes.c_char.from_buffer(pages))
        assert ctypes.CDLL(None).mincore(ctypes.c_void_p(address), ctypes.c_size_t(size), there) == 0
        return sum(page & 1 for page in there)


@pytest.fixture
def cold(path: Path) -> Path:
    """A file of which nothing is in memory."""
    with closing(FileStorage(path)) as store:
        store.put(STATIONS, {f"CP{number}": {"model": "M" * 1000} for number in range(2000)})
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    if pages_in_memory(path):
        pytest.skip("the folder of this test is in memory itself")
    return path


def everything_is_in_memory(path: Path) -> bool:
    return pages_in_memory(path) == -(-path.stat().st_size // mmap.PAGESIZE)


def test_all_of_it_is_in_memory_then(cold: Path) -> None:
    with reading_ahead(cold):
        eventually(lambda: everything_is_in_memory(cold))


def test_who_tends_the_store_reads_it(cold: Path) -> None:
    tender = Tender(cold)
    eventually(lambda: everything_is_in_memory(cold))
    tender.end()


def test_a_file_that_leaves_no_memory_for_others_is_not_read(cold: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sqlite_read_ahead, "spare_memory", lambda: cold.stat().st_size * 2 - 1)
    with reading_ahead(cold):
        time.sleep(0.5)
        assert pages_in_memory(cold) == 0


def test_where_no_process_can_be_begun_the_store_is_tended_all_the_same(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_read_ahead.sys, "executable", str(path / "none"))
    path.write_bytes(b"x")
    others = children()
    with reading_ahead(path):
        assert children() == others


def test_it_ends_when_the_store_does(path: Path) -> None:
    os.mkfifo(path)  # whose reader waits for ever
    others = children()
    with reading_ahead(path):
        time.sleep(0.1)
        (reader,) = children() - others
    assert reader not in children()


def test_no_locks_of_the_process_are_lost(path: Path) -> None:
    """SQLite holds POSIX locks, which a process loses with the first descriptor of the file that it closes."""
    path.write_bytes(b"x" * 1000)
    others = children()
    with path.open("rb+") as file:
        fcntl.lockf(file, fcntl.LOCK_EX)
        with reading_ahead(path):
            eventually(lambda: not children() - others)
        other = multiprocessing.get_context("fork").Process(target=lock_now, args=(path,))
        other.start()
        other.join()
        assert other.exitcode == 1


def lock_now(path: Path) -> None:
    with path.open("rb+") as file:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def children() -> set[str]:
    return set(Path(f"/proc/self/task/{os.getpid()}/children").read_text().split())


def test_a_file_is_read_to_its_end(path: Path) -> None:
    path.write_bytes(b"x" * 3_000_000)
    assert read(str(path)) == 3_000_000
