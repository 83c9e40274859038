"""The file of the file store, read once when it begins to be tended, so that messages find its pages in memory.

After a restart of the machine each message would wait for the pages of its station one by one: with a million stations
on a disk of 1,000 reads a second, for several minutes. From its begin to its end the file is there in seconds.
"""

from __future__ import annotations

import os
import threading
import time
from contextlib import suppress
from pathlib import Path

import structlog

SHARE = 0.5
"""Part of the memory which the machine has to spare that a file may take; of a larger one nothing is read."""
_AT_ONCE = 2**20

_logger = structlog.get_logger("ocpp_soap.storage")


def begin_reading_ahead(path: Path, stop: threading.Event) -> None:
    """Read the file in a thread of its own, until ``stop`` is set."""
    name = f"reading {path.name} ahead"
    threading.Thread(target=read_ahead, args=(path, stop), name=name, daemon=True).start()


def read_ahead(path: Path, stop: threading.Event) -> int:
    """Have the system read the file into its cache until ``stop`` is set; returns how many bytes that were.

    It takes no processor time for what is there already. An error leaves the rest to whoever needs it.
    """
    begin, done = time.monotonic(), 0
    with suppress(OSError), path.open("rb") as file, open(os.devnull, "wb") as nowhere:
        if path.stat().st_size > spare_memory() * SHARE:
            return 0
        while not stop.is_set():
            count = os.sendfile(nowhere.fileno(), file.fileno(), done, _AT_ONCE)
            if not count:
                break
            done += count
    _logger.info("read the store into memory", path=str(path), bytes=done, seconds=round(time.monotonic() - begin, 1))
    return done


def spare_memory(table: Path = Path("/proc/meminfo")) -> int:
    """Bytes that the system can give to files without taking them from a process; 0 where it does not tell."""
    with suppress(OSError):
        for line in table.read_text(encoding="ascii").splitlines():
            name, _, value = line.partition(":")
            if name == "MemAvailable":
                return int(value.split()[0]) * 1024
    return 0
