"""The process that commits for all that write the file store (docs/adr/0008).

A worker that computes in many threads pays for each step of a statement with the interpreter's lock, and two that
commit wait for each other's lock of the file. So the process that tends the store listens on a Unix socket beside the
logs of telemetry, and each thread of a worker that has something to write sends it the row. What arrives during one
commit makes the next.
"""

from __future__ import annotations

import select
import socket
import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import orjson

from ocpp_soap.errors import StorageError
from ocpp_soap.storage.group_commit import Write
from ocpp_soap.storage.sqlite_changes import Change
from ocpp_soap.storage.sqlite_commit_socket import ANSWER, LOCKED, NAME, set_up, short, split
from ocpp_soap.storage.sqlite_errors import is_locked
from ocpp_soap.storage.sqlite_rows import execute_rows, restored

GATHERING = 0.0003
"""Seconds for which more requests may join a commit, where several did the last time."""
_RECEIPT_SECONDS = 3600
_AT_ONCE = 2**17


class Committing:
    """The process that commits. ``commit`` commits writes together and sets the error of each that failed."""

    def __init__(self, folder: Path, mode: int, commit: Callable[[Sequence[Write]], None]) -> None:
        self._path = folder / NAME
        self._mode = mode
        self._commit = commit
        self._poll = select.poll()
        self._listener: socket.socket | None = None
        self._several = False
        self._peers: dict[int, _Peer] = {}
        self._gone: list[str] = []

    def listen(self) -> None:
        """Begin, as the only process that may; does nothing the second time, nor where there can be no socket."""
        if self._listener is not None:
            return
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.setblocking(False)
        with suppress(OSError), short(self._path) as path:
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
            peer.socket.close()

    def _requests(self, seconds: float) -> list[_Request]:
        """The requests that are there, or the first ones that come within so many seconds."""
        asked = [self._peers[handle] for handle, _ in self._poll.poll(seconds * 1000) if not self._accepted(handle)]
        return [request for peer in asked for request in self._read(peer)]

    def _accepted(self, handle: int) -> bool:
        if self._listener is None or handle != self._listener.fileno():
            return False
        with suppress(OSError):
            accepted, _ = self._listener.accept()
            set_up(accepted)
            self._peers[accepted.fileno()] = _Peer(accepted)
            self._poll.register(accepted, select.POLLIN)
        return True

    def _read(self, peer: _Peer) -> list[_Request]:
        """The requests that are there now; none: they are still to come, or the peer is gone."""
        try:
            received = peer.socket.recv(_AT_ONCE)
            if not received:
                raise EOFError
            requests, peer.rest = split(peer.rest + received)
            return [_Request.of(peer, request) for request in requests]
        except (OSError, EOFError, ValueError, TypeError):
            self._drop(peer)
            return []

    def _answer(self, requests: Sequence[_Request]) -> None:
        gone, self._gone = self._gone, []
        writes = [request.write for request in requests]
        named = [request for request in requests if request.peer.name]
        if named or gone:
            writes.append(Write(_receipts(named, gone), durable=False))
        self._commit(writes)
        answers: dict[_Peer, bytes] = {}
        for request in requests:
            answers[request.peer] = answers.get(request.peer, b"") + request.answer()
        for peer, answer in answers.items():
            try:
                peer.socket.sendall(answer)
            except OSError:
                self._drop(peer)

    def _drop(self, peer: _Peer) -> None:
        """Let go of a peer; one that ended while its request waited is met twice."""
        if self._peers.pop(peer.socket.fileno(), None) is None:
            return
        self._poll.unregister(peer.socket)
        if peer.name:
            self._gone.append(peer.name)
        peer.socket.close()


class _Peer:
    """A connection, its name once it is known, and what was received of a request that is not whole."""

    def __init__(self, peer: socket.socket) -> None:
        self.socket = peer
        self.name = ""
        self.rest = b""


class _Request(NamedTuple):
    """A write that somebody wants committed: the ``number``-th of its connection."""

    peer: _Peer
    number: int
    write: Write

    @classmethod
    def of(cls, peer: _Peer, request: bytes) -> _Request:
        """A request as it was sent. Raises ValueError, TypeError."""
        peer.name, number, statement, values, durable = orjson.loads(request)
        change = Change(statement, restored(values), True, _refused)
        return cls(peer, number, Write(change, bool(durable)))

    def answer(self) -> bytes:
        """What is told of it when it was tried."""
        if self.write.error is None:
            return ANSWER.pack(True, int(self.write.result or 0))
        return ANSWER.pack(False, LOCKED if is_locked(self.write.error) else 0)


def _receipts(requests: Sequence[_Request], gone: Sequence[str]) -> Callable[[sqlite3.Connection], None]:
    """Notes what is done in the transaction that does it, for those who get no answer; forgets those who are gone."""

    def note(connection: sqlite3.Connection) -> None:
        now = time.time()
        rows = [(request.peer.name, request.number, now) for request in requests if request.write.result is not None]
        execute_rows(connection, "INSERT OR REPLACE INTO receipts (name, number, at) VALUES (?, ?, ?)", rows)
        for name in gone:
            connection.execute("DELETE FROM receipts WHERE name = ?", (name,))

    return note


def _forget_old_receipts(connection: sqlite3.Connection) -> None:
    connection.execute("DELETE FROM receipts WHERE at < ?", (time.time() - _RECEIPT_SECONDS,))


def _refused(_: sqlite3.Connection) -> StorageError:
    return StorageError("refused; whoever asked finds out why")
