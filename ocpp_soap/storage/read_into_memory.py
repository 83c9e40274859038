"""A program that has the system read a file into its cache: ``read_into_memory.py FILE``. It needs no other of ours.

Not for a process that has SQLite's connections to the file, whose locks it would lose (:mod:`.sqlite_read_ahead`).
"""

from __future__ import annotations

import os
import sys

_AT_ONCE = 2**20


def read(path: str) -> int:
    """Read the file from its begin to its end; returns its bytes. What is there already takes no processor time."""
    done = 0
    with open(path, "rb") as file, open(os.devnull, "wb") as nowhere:
        while count := os.sendfile(nowhere.fileno(), file.fileno(), done, _AT_ONCE):
            done += count
    return done


if __name__ == "__main__":
    read(sys.argv[1])
