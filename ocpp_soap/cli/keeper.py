"""The process of ``ocpp-soap serve`` that looks after the store, so that no worker has to beside its messages."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import closing, contextmanager
from multiprocessing import get_context, parent_process
from threading import Event, Thread

from ocpp_soap import storage
from ocpp_soap.config import Settings

SECONDS_TO_STOP = 3


@contextmanager
def looked_after(settings: Settings) -> Iterator[None]:
    """Run the process meanwhile, for a store that needs it; without it the workers share what it does."""
    if settings.storage.backend != "file":
        yield
        return
    process = get_context("fork").Process(target=_look_after, args=(settings,), daemon=True)
    process.start()
    try:
        yield
    finally:
        process.terminate()
        process.join(SECONDS_TO_STOP)
        process.kill()
        process.join()


def _look_after(settings: Settings) -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    if hasattr(os, "SCHED_OTHER"):  # workers, which are batch processes, wait for it
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    Thread(target=_end_with_parent, daemon=True).start()
    stop = Event()
    with closing(storage.open(settings.storage)) as store:
        work = Thread(target=store.tend, args=(stop,))
        work.start()
        signal.sigwait({signal.SIGTERM})
        stop.set()
        work.join()


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)
