"""How a process that writes the file store has its writes committed by the one that does it for all (docs/adr/0008)."""

from __future__ import annotations

import os
import secrets
import socket
import sqlite3
import threading
from collections import deque
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import orjson

from ocpp_soap.errors import StoreUnavailable
from ocpp_soap.storage.sqlite_changes import Change
from ocpp_soap.storage.sqlite_commit_socket import ANSWER, HEAD, LOCKED, Way

MOST_AT_ONCE = 64
"""Writes of one process that wait to be committed; the others wait for these."""


class Committed:
    """A worker's side: has its writes committed by the process that does it for all, while there is one.

    ``reader`` gives a connection for one read.
    """

    def __init__(self, way: Way, reader: Callable[[], AbstractContextManager[sqlite3.Connection]]) -> None:
        self._way = way
        self._reader = reader
        self._going = threading.BoundedSemaphore(MOST_AT_ONCE)
        self._lines: deque[_Line] = deque()
        self._closed = False

    def commit(self, change: Change, durable: bool) -> Any:
        """The result of a change that was committed; None if the caller must do it, or hear why it cannot be done.

        Where that process ends meanwhile, its receipt tells what it did. Raises StoreUnavailable where it hangs, and
        sqlite3.OperationalError where it found the file locked for long.
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
                    f"{self._way.path}: the process that commits hangs, so it is not known whether this was stored: "
                    "end it (it is a child of ocpp-soap serve), and ask again"
                ) from error
            else:
                self._keep(line)
                if not is_done and returned == LOCKED:
                    raise sqlite3.OperationalError("database is locked")
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
        peer = self._way.connect()
        return None if peer is None else _Line(peer)

    def _keep(self, line: _Line) -> None:
        self._lines.append(line)
        if self._closed:
            self.close()

    def _lose(self, line: _Line) -> None:
        line.peer.close()
        while self._lines:
            self._lines.pop().peer.close()
        self._way.lose()

    def _has_receipt(self, line: _Line) -> bool:
        """Whether the last request of a connection that has ended is done."""
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
        """Whether a request is done, and what its statement returned. Raises OSError, EOFError."""
        self.peer.sendall(HEAD.pack(len(request)) + request)
        answer = self.peer.recv(ANSWER.size)
        if len(answer) < ANSWER.size:
            raise EOFError("the connection has ended")
        is_done, returned = ANSWER.unpack(answer)
        return is_done, returned
