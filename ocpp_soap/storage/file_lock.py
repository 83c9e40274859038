"""The lock of an open file, by which processes of one machine agree on who does something."""

from __future__ import annotations

import fcntl


def lock_now(handle: int) -> bool:
    """Whether this process has the lock of an open file, or gets it without waiting."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def lock(handle: int) -> None:
    """Get the lock of an open file as soon as whoever has it lets go."""
    fcntl.flock(handle, fcntl.LOCK_EX)


def unlock(handle: int) -> None:
    """Let go of the lock of an open file."""
    fcntl.flock(handle, fcntl.LOCK_UN)
