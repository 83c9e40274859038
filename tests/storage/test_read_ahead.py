"""The file of the file store, read into memory."""

from __future__ import annotations

import ctypes
import mmap
import os
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest
from storage_contract import STATIONS

from ocpp_soap.storage import sqlite_read_ahead
from ocpp_soap.storage.file import FileStorage
from ocpp_soap.storage.sqlite_read_ahead import read_ahead, spare_memory


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


def test_all_of_it_is_in_memory_then(cold: Path) -> None:
    size = cold.stat().st_size
    assert read_ahead(cold, threading.Event()) == size
    assert pages_in_memory(cold) == -(-size // mmap.PAGESIZE)


def test_who_tends_the_store_reads_it(cold: Path) -> None:
    stop = threading.Event()
    with closing(FileStorage(cold)) as store:
        tending = threading.Thread(target=store.tend, args=(stop,))
        tending.start()
        deadline = time.monotonic() + 10
        while pages_in_memory(cold) * mmap.PAGESIZE < cold.stat().st_size:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        stop.set()
        tending.join()


def test_a_file_that_leaves_no_memory_for_others_is_not_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_bytes(b"x" * 1000)
    monkeypatch.setattr(sqlite_read_ahead, "spare_memory", lambda: 1999)
    assert read_ahead(path, threading.Event()) == 0
    monkeypatch.setattr(sqlite_read_ahead, "spare_memory", lambda: 2000)
    assert read_ahead(path, threading.Event()) == 1000


def test_it_ends_when_the_store_does(path: Path) -> None:
    path.write_bytes(b"x" * 1000)
    stop = threading.Event()
    stop.set()
    assert read_ahead(path, stop) == 0


def test_a_file_that_is_gone_is_nobody_s_trouble(path: Path) -> None:
    assert read_ahead(path, threading.Event()) == 0


def test_the_memory_to_spare_is_what_linux_says(tmp_path: Path) -> None:
    table = tmp_path / "meminfo"
    table.write_text("MemTotal:  100 kB\nMemFree:  10 kB\nMemAvailable:  60 kB\n")
    assert spare_memory(table) == 60 * 1024
    assert spare_memory(tmp_path / "none") == 0
