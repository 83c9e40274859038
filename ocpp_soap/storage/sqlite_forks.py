"""No process forks while one of its threads is inside SQLite: in the child, what that thread has locked stays locked.

SQLite has locks for all connections of a process, around each allocation of memory for one.
"""

from __future__ import annotations

import os
import threading
import time
from typing import Any

LONGEST_WAIT = 2.0
"""Seconds after which a process forks all the same: a thread may wait for long for the lock of the file."""
_PAUSE = 0.001


class _Inside(threading.local):
    """Counts the threads inside SQLite; a context for each of them, entered before any other lock is taken."""

    depth = 0

    def __enter__(self) -> None:
        if not self.depth:
            with _door:
                _threads.add(threading.get_ident())
        self.depth += 1

    def __exit__(self, *_: Any) -> None:
        self.depth -= 1
        if not self.depth:
            _threads.discard(threading.get_ident())


_door = threading.Lock()
_threads: set[int] = set()
INSIDE = _Inside()


def keep_out() -> None:
    """Let no thread in any more, and wait until none is inside but this one."""
    give_up = time.monotonic() + LONGEST_WAIT
    _door.acquire()
    while _threads - {threading.get_ident()} and time.monotonic() < give_up:
        time.sleep(_PAUSE)


def let_in() -> None:
    """Let them in again."""
    _door.release()


def _begin_anew() -> None:
    """In the child, in which only the thread that forked is left."""
    _threads.clear()
    let_in()


os.register_at_fork(before=keep_out, after_in_parent=let_in, after_in_child=_begin_anew)
