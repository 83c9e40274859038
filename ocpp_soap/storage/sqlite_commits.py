"""Commits of the file store by one process for all: what the others send, it commits together (docs/adr/0008).

A worker that computes in many threads pays for each step of a statement with the interpreter's lock, and two that
commit wait for each other's lock of the file. So the process that tends the store listens on a Unix socket beside the
logs of telemetry, and a worker sends it the rows of those of its threads that wait. Where nobody listens, it commits
itself.
"""

from __future__ import annotations

import os
import secrets
import select
import socket
import sqlite3
import struct
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import orjson

from ocpp_soap.errors import StorageError, StoreUnavailable
from ocpp_soap.storage.group_commit import Write
from ocpp_soap.storage.sqlite_changes import Change
from ocpp_soap.storage.sqlite_rows import restored

SOCKET = "commits"
LONGEST_WAIT = 10.0
"""Seconds after which a worker no longer waits for an answer, and the process for the rest of a request."""
_PAUSE_AFTER_FAILURE = 1.0
_RECEIPT_SECONDS = 3600
_AT_ONCE = 2**16
_HEAD = struct.Struct(">I")
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
            asked = [self._peers[handle] for handle, _ in self._poll.poll(left * 1000) if not self._accepted(handle)]
            requests = [(peer, request) for peer in asked if (request := self._read(peer)) is not None]
            if requests:
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
            name, number, rows = orjson.loads(_receive(peer))
            changes = [
                (Change(statement, restored(values), True, _refused), durable) for statement, values, durable in rows
            ]
            return _Request(name, number, [Write(change, durable) for change, durable in changes])
        except (OSError, EOFError, ValueError, TypeError):
            self._drop(peer)
            return None

    def _answer(self, requests: Sequence[tuple[socket.socket, _Request]]) -> None:
        self._commit([write for _, request in requests for write in (*request.writes, request.receipt())])
        for peer, request in requests:
            try:
                _send(peer, orjson.dumps([write.error is None for write in request.writes]))
            except OSError:
                self._drop(peer)

    def _drop(self, peer: socket.socket) -> None:
        self._poll.unregister(peer)
        del self._peers[peer.fileno()]
        peer.close()


class _Request(NamedTuple):
    """The writes that the worker ``name`` wants committed, for the ``number``-th time."""

    name: str
    number: int
    writes: list[Write]

    def receipt(self) -> Write:
        """A write that notes the outcomes beside what was written, for a worker that gets no answer."""

        def note(connection: sqlite3.Connection) -> None:
            outcomes = orjson.dumps([write.result is True for write in self.writes])
            connection.execute(
                "INSERT OR REPLACE INTO receipts (name, number, outcomes, at) VALUES (?, ?, ?, ?)",
                (self.name, self.number, outcomes, time.time()),
            )

        return Write(note, durable=False)


class Committed:
    """A worker's side: has its writes committed by the process that does it for all, while there is one.

    ``reader`` gives a connection for one read.
    """

    def __init__(self, folder: Path, reader: Callable[[], AbstractContextManager[sqlite3.Connection]]) -> None:
        self._path = folder / SOCKET
        self._reader = reader
        self._name = f"{os.getpid()}-{secrets.token_hex(8)}"
        self._number = 0
        self._peer: socket.socket | None = None
        self._again_at = 0.0

    def commit(self, batch: Sequence[Write]) -> Sequence[Write]:
        """Have the writes committed; returns those that the caller must commit itself. One call at a time.

        Where that process ends meanwhile, its receipt tells what it did; where it hangs, the error of a write says so.
        """
        changes = [write for write in batch if isinstance(write.work, Change)]
        if not changes or not self._is_connected():
            return batch
        self._number += 1
        rows = [(write.work.statement, write.work.values, write.durable) for write in changes]
        try:
            request = orjson.dumps((self._name, self._number, rows))
        except TypeError:  # a text that is none: SQLite says what is wrong with it
            return batch
        try:
            outcomes = self._ask(request)
        except (ConnectionError, EOFError):
            self.close()
            outcomes = self._receipt()
        except OSError:
            self.close()
            for write in changes:
                write.error = StoreUnavailable(
                    f"{self._path}: the process that commits hangs, so it is not known whether this was stored: end it "
                    "(it is a child of ocpp-soap serve), and ask again"
                )
            return [write for write in batch if not isinstance(write.work, Change)]
        done = {write for write, is_done in zip(changes, outcomes, strict=False) if is_done}
        for write in done:
            write.result, write.error = write.work.result, None
        return [write for write in batch if write not in done]

    def _receipt(self) -> list[bool]:
        """What became of the last request, if it was committed."""
        with self._reader() as connection:
            found = connection.execute("SELECT number, outcomes FROM receipts WHERE name = ?", (self._name,)).fetchone()
        return orjson.loads(found[1]) if found and found[0] == self._number else []

    def close(self) -> None:
        """Let go of the connection."""
        if self._peer is not None:
            self._peer.close()
        self._peer = None
        self._again_at = time.monotonic() + _PAUSE_AFTER_FAILURE

    def _is_connected(self) -> bool:
        if self._peer is None and time.monotonic() >= self._again_at:
            self._peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                _set_up(self._peer)
                with _short(self._path) as path:
                    self._peer.connect(path)
            except OSError:
                self.close()
        return self._peer is not None

    def _ask(self, request: bytes) -> list[bool]:
        if self._peer is None:
            raise EOFError
        _send(self._peer, request)
        outcomes: list[bool] = orjson.loads(_receive(self._peer))
        return outcomes


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


def _send(peer: socket.socket, content: bytes) -> None:
    peer.sendall(_HEAD.pack(len(content)) + content)


def _receive(peer: socket.socket) -> bytes:
    """The content of the next message. Raises OSError, and EOFError at the end of the connection."""
    data = peer.recv(_AT_ONCE)
    while len(data) < _HEAD.size or len(data) < _HEAD.size + _HEAD.unpack_from(data)[0]:
        more = peer.recv(_AT_ONCE)
        if not more:
            raise EOFError("the connection has ended")
        data += more
    return data[_HEAD.size :]
