"""The file of the file store, read once when it begins to be tended, so that messages find its pages in memory.

After a restart of the machine each message would wait for the pages of its station one by one: with a million stations
on a disk of 1,000 reads a second, for several minutes. From its begin to its end the file is there in seconds.

A process of its own does it, which runs this file and needs no other of ours: whoever closes a file loses the locks
that SQLite has on it in the same process (https://www.sqlite.org/howtocorrupt.html, 2.2).
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread

SHARE = 0.5
"""Part of the memory which the machine has to spare that a file may take; of a larger one nothing is read."""
_AT_ONCE = 2**20


@contextmanager
def reading_ahead(path: Path) -> Iterator[None]:
    """Have the file read beside what is done meanwhile, if that can be; what is left at the end stays unread."""
    reader = None
    with suppress(OSError):
        if path.stat().st_size <= spare_memory() * SHARE:
            command = [sys.executable, "-I", "-S", __file__, str(path)]
            nothing = subprocess.DEVNULL
            reader = subprocess.Popen(command, stdin=nothing, stdout=nothing, stderr=nothing)  # noqa: S603
    if reader is None:
        yield
        return
    waiting = Thread(target=reader.wait, name=f"reading {path.name} ahead", daemon=True)
    waiting.start()
    try:
        yield
    finally:
        reader.terminate()
        waiting.join()


def read(path: str) -> int:
    """Have the system read the file into its cache; returns how many bytes it has.

    Only for a process that has no connection to it. What is there already takes no processor time.
    """
    done = 0
    with open(path, "rb") as file, open(os.devnull, "wb") as nowhere:
        while count := os.sendfile(nowhere.fileno(), file.fileno(), done, _AT_ONCE):
            done += count
    return done


def spare_memory(table: Path = Path("/proc/meminfo")) -> int:
    """Bytes that the system can give to files without taking them from a process; 0 where it does not tell."""
    with suppress(OSError):
        for line in table.read_text(encoding="ascii").splitlines():
            name, _, value = line.partition(":")
            if name == "MemAvailable":
                return int(value.split()[0]) * 1024
    return 0


if __name__ == "__main__":
    read(sys.argv[1])
