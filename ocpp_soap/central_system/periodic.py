"""Work that a process does every few seconds beside answering, in a thread that begins when it is first needed."""

from __future__ import annotations

import os
import secrets
import socket
import threading
from collections.abc import Callable

import structlog

from ocpp_soap.errors import StorageError, StoreClosed

_log = structlog.get_logger("ocpp_soap.central_system")


class ThisProcess:
    """``id`` is this process's, after a fork too, and costs no system call; ``name`` is that of no other anywhere.

    Containers may have one host name, and ids that begin with 1.
    """

    id: int
    name: str

    @classmethod
    def ask(cls) -> None:
        """Ask the system for the id, and make a name."""
        cls.id = os.getpid()
        cls.name = f"{socket.gethostname()}:{cls.id}:{secrets.token_hex(4)}"


ThisProcess.ask()
os.register_at_fork(after_in_child=ThisProcess.ask)


class Periodic:
    """Calls ``work`` every ``interval`` seconds from the first :meth:`begin` on, in whichever process that is.

    An error of the work is logged and the work tried again, except StoreClosed, which ends it.
    """

    def __init__(self, name: str, interval: float, work: Callable[[], None]) -> None:
        self._name = name
        self._interval = interval
        self._work = work
        self._process = 0
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._wake = threading.Event()

    def begin(self) -> None:
        """Start the thread unless this process has it already; costs next to nothing if it has."""
        if self._process == ThisProcess.id:
            return
        with self._lock:
            if self._process != ThisProcess.id:
                self._wake = threading.Event()
                self._thread = threading.Thread(target=self._repeat, name=self._name, daemon=True)
                self._thread.start()
                self._process = ThisProcess.id

    def end(self) -> None:
        """End the thread, if this process has it, and wait for it. Calling it again does nothing."""
        if self._process == ThisProcess.id and self._thread is not None:
            self._wake.set()
            self._thread.join()

    def _repeat(self) -> None:
        while not self._wake.wait(self._interval):
            try:
                self._work()
            except StoreClosed:
                return
            except StorageError as error:
                _log.warning("could not be stored, trying again", what=self._name, error=str(error))
            except Exception:
                _log.exception("could not be stored, going on without it", what=self._name)
