"""Telemetry on its way to MongoDB by logs on this machine, see docs/adr/0012.

A log is begun when there is something to keep and ended a moment later. One process at a time stores what all ended
logs hold, in their order, and removes them; so what a killed process left is stored by another one. Where that happens
twice, nothing is stored twice: entries have their keys, and what is put twice is the same.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, NamedTuple

import structlog
from bson import encode as bson_encode
from bson.raw_bson import RawBSONDocument

from ocpp_soap.errors import ConfigurationError
from ocpp_soap.storage.file_lock import lock_now
from ocpp_soap.storage.mongodb_commits import Step
from ocpp_soap.storage.private_files import FILE_MODE, make_folder, opener
from ocpp_soap.storage.process_logs import OwnLog, StoredLog, framed, is_log

FOLD_SECONDS = 0.1
MOST_BYTES = 2**26
"""Bytes of all logs from which on nothing is added: MongoDB does not take it as fast as it arrives, or not at all."""
LONGEST_WAIT = 1.0
"""Seconds that a reader waits for what is in logs."""
FLOOD = 2**17
"""Bytes in logs from which on a reader does not wait: hundreds of messages a second and more are arriving."""
_AT_ONCE = 2**20
"""Bytes that are stored at once."""
_LONGEST_STORE = 5.0
"""Seconds after which storing is given up, to be tried again."""
_SECONDS_TO_CLOSE = 1.0
_PAUSE = 0.01
_PAUSE_AFTER_FAILURE = 1.0
_SECONDS_BETWEEN_WARNINGS = 60.0

_logger = structlog.get_logger("ocpp_soap.storage")
Rows = dict[tuple[str, str], list[RawBSONDocument]]
"""Operations by the name of their collection and that of their kind."""
Refused = list[tuple[str, RawBSONDocument, str]]
"""Operations that MongoDB will not do: the name of the collection, what was to be stored, and why not."""


class _Log(NamedTuple):
    written_at: int
    path: Path
    size: int


class Telemetry:
    """The logs of one database as one process sees them, in ``folder``, which is made where it is not there.

    ``store`` does operations within so many seconds and returns those that will always be refused. It raises
    PyMongoError where they may be done later. Raises ConfigurationError for a folder that cannot be used.
    """

    def __init__(self, folder: Path, database: str, store: Callable[[Rows, float], Refused]) -> None:
        self._folder = folder
        self._database = database
        self._store = store
        self._lock = threading.Lock()
        self._log: OwnLog | None = None
        self._waiting = 0
        self._warn_at = 0.0
        self._wake = threading.Event()
        self._closed = threading.Event()
        try:
            make_folder(folder)
            OwnLog(folder, self._prefix, FILE_MODE).close()
        except OSError as error:
            raise ConfigurationError(
                f"storage.mongodb.telemetry_log: {folder} has to be a folder in which files can be written ({error})"
            ) from error
        self._thread = threading.Thread(target=self._run, name="telemetry", daemon=True)
        self._thread.start()

    def add(self, steps: Sequence[Step]) -> bool:
        """Keep steps: on return they survive kill -9. False: the caller has to do them, since too much waits."""
        content = {"steps": [{"to": one.target.name, "do": one.kind[0], "rows": list(one.rows)} for one in steps]}
        data = framed(bson_encode(content))
        with self._lock:
            if self._closed.is_set() or self._waiting + len(data) > MOST_BYTES:
                return False
            try:
                if self._log is None:
                    self._log = OwnLog(self._folder, self._prefix, FILE_MODE)
                self._log.append(data)
            except OSError as error:
                self._warn("telemetry goes to MongoDB without its log", error)
                return False
            self._waiting += len(data)
            return True

    def settle(self) -> None:
        """Wait until what any process of this machine has added so far is stored; not for long, nor in a flood."""
        waiting = [log for log in self._logs() if log.size]
        if not waiting or sum(log.size for log in waiting) > FLOOD:
            return
        self._wake.set()
        give_up = time.monotonic() + LONGEST_WAIT
        while any(log.path.exists() for log in waiting) and time.monotonic() < give_up:
            time.sleep(_PAUSE)

    def described(self) -> dict[str, Any]:
        """Where the logs are, and how many bytes wait in them."""
        return {"telemetry_log": str(self._folder), "bytes_waiting": sum(log.size for log in self._logs())}

    def close(self) -> None:
        """Store what waits; what cannot be stored now, the next process stores."""
        with self._lock:
            self._closed.set()
        self._wake.set()
        self._thread.join()
        self._fold_or_warn()

    @property
    def _prefix(self) -> str:
        return f"{self._database}-"

    def _run(self) -> None:
        while not self._closed.is_set():
            self._wake.wait(FOLD_SECONDS)
            self._wake.clear()
            if not self._fold_or_warn():
                self._closed.wait(_PAUSE_AFTER_FAILURE)

    def _fold_or_warn(self) -> bool:
        try:
            self._fold()
        except Exception as error:
            self._warn("telemetry waits in its log", error)
            return False
        return True

    def _fold(self) -> None:
        """End this process's log. Unless another process does: store what nobody writes any more, and remove it."""
        with self._lock:
            if self._log is not None:
                self._log.close()
                self._log = None
        folder = os.open(self._folder, os.O_RDONLY | os.O_CLOEXEC)
        try:
            if self._is_alone(folder):
                with ExitStack() as taken:
                    self._fold_all([log for one in self._logs() if (log := _taken(one.path, taken)) is not None])
        finally:
            os.close(folder)
        self._waiting = sum(log.size for log in self._logs())

    def _is_alone(self, folder: int) -> bool:
        """Whether no other process stores what is in logs; at the end of this one it is waited for."""
        give_up = time.monotonic() + (_SECONDS_TO_CLOSE if self._closed.is_set() else 0.0)
        while not (is_alone := lock_now(folder)) and time.monotonic() < give_up:
            time.sleep(_PAUSE)
        return is_alone

    def _fold_all(self, logs: Sequence[StoredLog]) -> None:
        rows: Rows = {}
        size = 0
        done: list[StoredLog] = []
        for log in logs:
            end = 0
            while piece := log.piece(end):
                for _, content in piece:
                    _add(rows, content)
                size += piece[-1][0] - end
                end = piece[-1][0]
                if size >= _AT_ONCE:
                    self._store_or_keep(rows)
                    rows, size = {}, 0
            done.append(log)
        if rows:
            self._store_or_keep(rows)
        for log in done:
            log.remove()

    def _store_or_keep(self, rows: Rows) -> None:
        """Store rows; what MongoDB refuses for good must not hold up the rest, so it goes into a file."""
        refused = self._store(rows, _SECONDS_TO_CLOSE if self._closed.is_set() else _LONGEST_STORE)
        if refused:
            path = self._folder / f"refused.{self._database}.bson"
            with open(path, "ab", opener=opener) as file:
                for name, row, reason in refused:
                    if file.tell() < MOST_BYTES:
                        file.write(bson_encode({"collection": name, "refused": row, "reason": reason}))
            _logger.error(
                "MongoDB refuses telemetry; it is kept in a file that bsondump reads",
                file=str(path),
                messages=len(refused),
                reason=refused[0][2],
            )

    def _logs(self) -> list[_Log]:
        """The logs that there are, those that were written first first."""
        logs = []
        with suppress(FileNotFoundError):
            for entry in os.scandir(self._folder):
                if is_log(entry.name, self._prefix):
                    with suppress(FileNotFoundError):
                        about = entry.stat()
                        logs.append(_Log(about.st_mtime_ns, self._folder / entry.name, about.st_size))
        return sorted(logs)

    def _warn(self, what: str, error: Exception) -> None:
        if time.monotonic() >= self._warn_at:
            self._warn_at = time.monotonic() + _SECONDS_BETWEEN_WARNINGS
            _logger.warning(what, folder=str(self._folder), reason=str(error))


def _taken(path: Path, logs: ExitStack) -> StoredLog | None:
    """The log at the path, if nobody writes it."""
    with suppress(FileNotFoundError):
        log = logs.enter_context(StoredLog(path))
        if log.take() and log.is_there():
            return log
    return None


def _add(rows: Rows, content: bytes) -> None:
    for step in RawBSONDocument(content)["steps"]:
        rows.setdefault((step["to"], step["do"]), []).extend(step["rows"])
