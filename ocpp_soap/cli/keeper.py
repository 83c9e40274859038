"""The process of ``ocpp-soap serve`` that looks after the store, so that no worker has to beside its messages."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from multiprocessing import get_context, parent_process
from multiprocessing.context import ForkProcess
from threading import Event, Thread

import structlog

from ocpp_soap import storage
from ocpp_soap.config import Settings
from ocpp_soap.errors import StorageError
from ocpp_soap.storage import Storage

SECONDS_TO_STOP = 3
SECONDS_TO_RETURN = 0.5
"""Pause before another process takes the place of one that died."""


@contextmanager
def looked_after(settings: Settings) -> Iterator[None]:
    """Run the process meanwhile, for a store that needs it; without it the workers share what it does."""
    if settings.storage.backend != "file":
        yield
        return
    keeper = _Keeper(settings)
    try:
        yield
    finally:
        keeper.end()


class _Keeper:
    """The process, and another one when it dies."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._ending = Event()
        self._process = self._start()
        self._watching = Thread(target=self._watch, name="watching the store's process", daemon=True)
        self._watching.start()

    def end(self) -> None:
        """End the process."""
        self._ending.set()
        self._process.terminate()
        self._watching.join(SECONDS_TO_STOP)
        self._process.kill()
        self._watching.join()

    def _start(self) -> ForkProcess:
        process = get_context("fork").Process(target=_look_after, args=(self._settings,), daemon=True)
        process.start()
        return process

    def _watch(self) -> None:
        while True:
            self._process.join()
            if self._ending.wait(SECONDS_TO_RETURN):
                return
            self._process = self._start()
            if self._ending.is_set():
                self._process.terminate()


def _look_after(settings: Settings) -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    if hasattr(os, "SCHED_OTHER"):  # workers, which are batch processes, wait for it
        with suppress(OSError):
            os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    Thread(target=_end_with_parent, daemon=True).start()
    stop = Event()
    with closing(storage.open(settings.storage)) as store:
        work = Thread(target=_tend, args=(store, stop))
        work.start()
        signal.sigwait({signal.SIGTERM})
        stop.set()
        work.join()


def _tend(store: Storage, stop: Event) -> None:
    """Tend the store until ``stop`` is set; where that cannot be, end the process, for another to take its place."""
    try:
        store.tend(stop)
    except StorageError as error:
        structlog.get_logger("ocpp_soap.cli").warning(
            "the store cannot be looked after, trying again", reason=str(error)
        )
    finally:
        os.kill(os.getpid(), signal.SIGTERM)


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)
