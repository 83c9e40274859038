"""Work beside the messages: threads that each serving process runs, started after the fork and ended in time."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable

import structlog

from ocpp_soap.errors import StorageError, StoreClosed

PAUSE_AFTER_FAILURE = 5.0
SECONDS_TO_STOP = 2.0

_log = structlog.get_logger("ocpp_soap.central_system")

Run = Callable[[threading.Event], None]


class Background:
    """Named tasks of a process. A task is a function that works until the event it gets is set.

    A task that fails is logged and begun again after :data:`PAUSE_AFTER_FAILURE` seconds.
    """

    def __init__(self) -> None:
        self._tasks: dict[str, Run] = {}
        self._wakes: list[Callable[[], None]] = []
        self._process = 0
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    @property
    def is_running(self) -> bool:
        """Whether this process runs the tasks."""
        return self._process == os.getpid() and not self._stop.is_set()

    def add(self, name: str, run: Run, wake: Callable[[], None] | None = None) -> None:
        """Add a task before ``start``; ``wake`` is called when it must end, if it waits for something else."""
        self._tasks[name] = run
        if wake is not None:
            self._wakes.append(wake)

    def start(self) -> None:
        """Begin every task in a thread of its own. Calling it again in the same process does nothing."""
        if self.is_running:
            return
        self._process = os.getpid()
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._keep_running, args=(name, run, self._stop), name=name, daemon=True)
            for name, run in self._tasks.items()
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Tell the tasks to end and wait for them, :data:`SECONDS_TO_STOP` at most for all together."""
        if not self.is_running:
            return
        self._stop.set()
        for wake in self._wakes:
            wake()
        deadline = time.monotonic() + SECONDS_TO_STOP
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _keep_running(self, name: str, run: Run, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                run(stop)
            except StoreClosed:
                return
            except StorageError as error:
                _log.warning("the store does not answer a background task, trying again", task=name, error=str(error))
            except Exception:
                _log.exception("a background task failed, beginning it again", task=name)
            stop.wait(PAUSE_AFTER_FAILURE)
