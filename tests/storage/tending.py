"""A process that tends a file store, as ``serve`` has one."""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

from ocpp_soap.storage import Collection, sqlite_commit_socket
from ocpp_soap.storage.file import FileStorage

SESSIONS = Collection("sessions", indexes=(("station", "state"), ("meter",)))
OPEN = {"station": "CP1", "state": "open"}


def commit_socket(path: Path) -> Path:
    return path.with_name(f"{path.name}-log") / sqlite_commit_socket.NAME


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


class Tender:
    """The process, running; it listens when this has been made."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._process = multiprocessing.get_context("fork").Process(target=self._tend, daemon=True)
        self._process.start()
        eventually(self.answers)

    def answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe, suppress(OSError):
            probe.connect(str(commit_socket(self.path)))
            return True
        return False

    def send(self, number: int) -> None:
        assert self._process.pid is not None
        os.kill(self._process.pid, number)

    def end(self, number: int = signal.SIGTERM) -> None:
        self.send(number)
        self._process.join(10)
        assert self._process.exitcode is not None

    def _tend(self) -> None:
        stop = threading.Event()
        signal.signal(signal.SIGTERM, lambda *_: stop.set())
        with closing(FileStorage(self.path)) as store:
            store.tend(stop)
