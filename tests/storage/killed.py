"""A process that is killed at its work."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections.abc import Callable


def in_child(work: Callable[[], None]) -> None:
    """Run ``work`` in a forked process that is then killed without a chance to close anything."""

    def run() -> None:
        work()
        os.kill(os.getpid(), signal.SIGKILL)

    child = multiprocessing.get_context("fork").Process(target=run)
    child.start()
    child.join()
    assert child.exitcode == -signal.SIGKILL
