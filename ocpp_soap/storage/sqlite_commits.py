"""Commits of the file store by one process for all: what the others send, it commits together (docs/adr/0008).

A worker that computes in many threads pays for each step of a statement with the interpreter's lock, and two that
commit wait for each other's lock of the file. So the process that tends the store listens on a Unix socket beside the
logs of telemetry, and each thread of a worker that has something to write sends it the row. What arrives during one
commit makes the next. Where nobody listens, a worker commits itself.
"""

from __future__ import annotations

import os
import secrets
import select
import socket
import sqlite3
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from ocpp_soap.errors import StorageError, StoreUnavailable
from ocpp_soap.storage.group_commit import Write
from ocpp_soap.storage.sqlite_changes import Change
from ocpp_soap.storage.sqlite_rows import execute_rows, restored

SOCKET = "commits"
LONGEST_WAIT = 10.0
"""Seconds after which a worker no longer waits for an answer, and the process for the rest of a request."""
MOST_AT_ONCE = 64
"""Writes of one process that wait to be committed; the others wait for these."""
_PAUSE_AFTER_FAILURE = 1.0
_RECEIPT_SECONDS = 3600
_AT_ONCE = 2**16
_HEAD = struct.Struct(">I")
_ANSWER = struct.Struct(">?q")
"""Whether it is done, and what the statement returned."""
GATHERING = 0.0003
"""Seconds for which more requests may join a commit, where several did the last time."""
_TIMEOUT = struct.pack("ll", int(LONGEST_WAIT), 0)
Commit = Callable[[Sequence[Write]], None]


class Committing:
    """The process that commits. ``commit`` commits writes together and sets the error of each that failed."""

    def __init__(self, folder: Path, mode: int, commit: Commit) -> None:
        self._path = folder / SOCKET
        self._mode = mode
        self._commit = commit
        self._poll = select.poll()
        self._listener: socket.socket | None = None
        self._several = False
        self._peers: dict[int, socket.socket] = {}

    def listen(self) -> None:
        """Begin, as the only process that may; does nothing the second time, nor where there can be no socket."""
        if self._listener is not None:
            return
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.setblocking(False)
        with suppress(OSError), _short(self._path) as path:
            self._path.unlink(missing_ok=True)
            self._listener.bind(path)
            self._path.chmod(self._mode)
            self._listener.listen()
            self._commit([Write(_forget_old_receipts, durable=False)])
            self._poll.register(self._listener, select.POLLIN)

    def is_asked(self) -> bool:
        """Whether somebody waits."""
        return bool(self._poll.poll(0))

    def serve(self, seconds: float) -> None:
        """Commit what arrives within so many seconds, at least what waits now."""
        until = time.monotonic() + seconds
        left = seconds
        while True:
            requests = self._requests(left)
            if requests and self._several:
                time.sleep(GATHERING)
                requests += self._requests(0)
            if requests:
                self._several = len(requests) > 1
                self._answer(requests)
            left = until - time.monotonic()
            if left <= 0:
                return

    def close(self) -> None:
        """End; who waits commits itself."""
        if self._listener is not None:
            self._path.unlink(missing_ok=True)
            self._listener.close()
        for peer in self._peers.values():
            peer.close()

    def _requests(self, seconds: float) -> list[_Request]:
        """The requests that are there, or the first ones that come within so many seconds."""
        asked = [self._peers[handle] for handle, _ in self._poll.poll(seconds * 1000) if not self._accepted(handle)]
        return [request for peer in asked if (request := self._read(peer)) is not None]

    def _accepted(self, handle: int) -> bool:
        if self._listener is None or handle != self._listener.fileno():
            return False
        with suppress(OSError):
            peer, _ = self._listener.accept()
            _set_up(peer)
            self._peers[peer.fileno()] = peer
            self._poll.register(peer, select.POLLIN)
        return True

    def _read(self, peer: socket.socket) -> _Request | None:
        """A request; None: the peer is gone."""
        try:
            name, number, statement, values, durable = orjson.loads(_receive(peer))
            return _Request(peer, name, number, Write(Change(statement, restored(values), True, _refused), durable))
        except (OSError, EOFError, ValueError, TypeError):
            self._drop(peer)
            return None

    def _answer(self, requests: Sequence[_Request]) -> None:
        self._commit([*(request.write for request in requests), Write(_receipts(requests), durable=False)])
        for request in requests:
            try:
                request.peer.sendall(_ANSWER.pack(request.write.error is None, int(request.write.result or 0)))
            except OSError:
                self._drop(request.peer)

    def _drop(self, peer: socket.socket) -> None:
        self._poll.unregister(peer)
        del self._peers[peer.fileno()]
        peer.close()


class _Request(NamedTuple):
    """A write that somebody wants committed: the ``number``-th of the connection ``name``."""

    peer: socket.socket
    name: str
    number: int
    write: Write


def _receipts(requests: Sequence[_Request]) -> Callable[[sqlite3.Connection], None]:
    """Notes what is done in the transaction that does it, for those who get no answer."""

    def note(connection: sqlite3.Connection) -> None:
        now = time.time()
        rows = [(request.name, request.number, now) for request in requests if request.write.result is not None]
        execute_rows(connection, "INSERT OR REPLACE INTO receipts (name, number, at) VALUES (?, ?, ?)", rows)

    return note


class Committed:
    """A worker's side: has its writes committed by the process that does it for all, while there is one.

    ``reader`` gives a connection for one read.
    """

    def __init__(self, folder: Path, reader: Callable[[], AbstractContextManager[sqlite3.Connection]]) -> None:
        self._path = folder / SOCKET
        self._reader = reader
        self._going = threading.BoundedSemaphore(MOST_AT_ONCE)
        self._lines: deque[_Line] = deque()
        self._again_at = 0.0
        self._closed = False

    def commit(self, change: Change, durable: bool) -> Any:
        """The result of a change that was committed; None if the caller must do it, or hear why it cannot be done.

        Where that process ends meanwhile, its receipt tells what it did. Raises StoreUnavailable where it hangs.
        """
        with self._going:
            line = self._line()
            if line is None:
                return None
            line.number += 1
            try:
                request = orjson.dumps((line.name, line.number, change.statement, change.values, durable))
            except TypeError:  # a text that is none: SQLite says what is wrong with it
                self._keep(line)
                return None
            try:
                is_done, returned = line.ask(request)
            except (ConnectionError, EOFError):
                self._lose(line)
                is_done, returned = self._has_receipt(line), None
            except OSError as error:
                self._lose(line)
                raise StoreUnavailable(
                    f"{self._path}: the process that commits hangs, so it is not known whether this was stored: end it "
                    "(it is a child of ocpp-soap serve), and ask again"
                ) from error
            else:
                self._keep(line)
            return (returned if change.returns else change.result) if is_done else None

    def close(self) -> None:
        """Let go of the connections."""
        self._closed = True
        while self._lines:
            self._lines.pop().peer.close()

    def _line(self) -> _Line | None:
        """A connection; None: nobody listens, or did a moment ago."""
        try:
            return self._lines.pop()
        except IndexError:
            pass
        if time.monotonic() < self._again_at:
            return None
        peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            _set_up(peer)
            with _short(self._path) as path:
                peer.connect(path)
        except OSError:
            peer.close()
            self._again_at = time.monotonic() + _PAUSE_AFTER_FAILURE
            return None
        return _Line(peer)

    def _keep(self, line: _Line) -> None:
        self._lines.append(line)
        if self._closed:
            self.close()

    def _lose(self, line: _Line) -> None:
        line.peer.close()
        while self._lines:
            self._lines.pop().peer.close()
        self._again_at = time.monotonic() + _PAUSE_AFTER_FAILURE

    def _has_receipt(self, line: _Line) -> bool:
        with self._reader() as connection:
            found = connection.execute("SELECT number FROM receipts WHERE name = ?", (line.name,)).fetchone()
        return found is not None and found[0] == line.number


class _Line:
    """A connection to the process that commits, for one request at a time."""

    def __init__(self, peer: socket.socket) -> None:
        self.peer = peer
        self.name = f"{os.getpid()}-{secrets.token_hex(8)}"
        self.number = 0

    def ask(self, request: bytes) -> tuple[bool, int]:
        """Whether that was done, and what it returned. Raises OSError, EOFError."""
        self.peer.sendall(_HEAD.pack(len(request)) + request)
        answer = self.peer.recv(_ANSWER.size)
        if len(answer) < _ANSWER.size:
            raise EOFError("the connection has ended")
        is_done, returned = _ANSWER.unpack(answer)
        return is_done, returned


def _forget_old_receipts(connection: sqlite3.Connection) -> None:
    connection.execute("DELETE FROM receipts WHERE at < ?", (time.time() - _RECEIPT_SECONDS,))


def _refused(_: sqlite3.Connection) -> StorageError:
    return StorageError("refused; whoever asked finds out why")


@contextmanager
def _short(path: Path) -> Iterator[str]:
    """A path to the same socket that is as short as the system wants it."""
    folder = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        through = Path(f"/proc/self/fd/{folder}")
        yield str(through / path.name if through.exists() else path)
    finally:
        os.close(folder)


def _set_up(peer: socket.socket) -> None:
    """Wait in the kernel, and not for ever."""
    peer.setblocking(True)
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _TIMEOUT)
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _TIMEOUT)


def _receive(peer: socket.socket) -> bytes:
    """The content of the next message. Raises OSError, and EOFError at the end of the connection."""
    data = peer.recv(_AT_ONCE)
    while len(data) < _HEAD.size or len(data) < _HEAD.size + _HEAD.unpack_from(data)[0]:
        more = peer.recv(_AT_ONCE)
        if not more:
            raise EOFError("the connection has ended")
        data += more
    return data[_HEAD.size :]
