"""The file of the file store, read once when it begins to be tended, so that messages find its pages in memory.

After a restart of the machine each message would wait for the pages of its station one by one: with a million stations
on a disk of 1,000 reads a second, for several minutes. From its begin to its end the file is there in seconds.

A process of its own does it: whoever closes a file loses the locks that SQLite has on it in the same process
(https://www.sqlite.org/howtocorrupt.html, 2.2).
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread

from ocpp_soap.storage.spare_memory import spare_memory

SHARE = 0.5
"""Part of the memory to spare that a file may take; of a larger one nothing is read."""
_PROGRAM = Path(__file__).with_name("read_into_memory.py")


@contextmanager
def reading_ahead(path: Path) -> Iterator[None]:
    """Have the file read beside what is done meanwhile, if that can be; what is left at the end stays unread."""
    reader = None
    with suppress(OSError):
        if path.stat().st_size <= spare_memory() * SHARE:
            command = [sys.executable, "-I", "-S", str(_PROGRAM), str(path)]
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
