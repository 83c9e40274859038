"""Writes that a process has begun: the one that commits for all answers many of them at once (docs/adr/0008, 0010).

No thread waits for a write of its own. All go over one connection, on which the answers come in the order of the
requests, and a thread of the process learns from it what is done.
"""

from __future__ import annotations

import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NamedTuple

import orjson
import structlog

from ocpp_soap.storage import sqlite_commit_socket
from ocpp_soap.storage.sqlite_changes import Change
from ocpp_soap.storage.sqlite_commit_socket import ANSWER, HEAD, Way
from ocpp_soap.storage.sqlite_logs import Steps

MOST_BEGUN = 64
"""Writes of one process that are under way at once; the others are waited for."""
LONGEST_CLOSE = 1.0
_PAUSE = 0.005
_AT_ONCE = 2**14

_logger = structlog.get_logger("ocpp_soap.storage")


class Begun(NamedTuple):
    """A write under way. ``steps`` are telemetry to be kept once it is done, ``over`` is told whether both are."""

    steps: Steps
    over: Callable[[bool], None]


class Beginning:
    """Has the writes of one process done without waiting for them. ``keep`` keeps telemetry or raises."""

    def __init__(self, way: Way, keep: Callable[[Steps], None]) -> None:
        self._way = way
        self._keep = keep
        self._lock = threading.Lock()
        self._line: _Line | None = None
        self._closed = False

    def begin(self, change: Change, begun: Begun, *, durable: bool) -> bool:
        """Have a change committed, of which ``begun`` is told; False: it cannot be begun now, so do it and wait."""
        try:
            request = orjson.dumps(("", 0, change.statement, change.values, durable))
        except TypeError:  # a text that is none: SQLite says what is wrong with it
            return False
        with self._lock:
            line = self._line or self._open()
            if line is None or len(line.waiting) >= MOST_BEGUN:
                return False
            line.waiting.append((time.monotonic(), begun))
            try:
                line.peer.sendall(HEAD.pack(len(request)) + request)
            except OSError:
                line.shut()  # its thread tells all whose answers are missing
        return True

    def close(self) -> None:
        """Wait for what was begun, but not for long, and let go of the connection; the rest counts as not done."""
        with self._lock:
            line, self._line, self._closed = self._line, None, True
        if line is not None:
            give_up = time.monotonic() + LONGEST_CLOSE
            while line.waiting and time.monotonic() < give_up:
                time.sleep(_PAUSE)
            line.shut()
            if line.thread is not threading.current_thread():
                line.thread.join()

    def _open(self) -> _Line | None:
        """A connection; None: nobody listens, or did a moment ago, or there is no thread for the answers."""
        peer = None if self._closed else self._way.connect()
        if peer is None:
            return None
        line = _Line(peer, self._receive)
        try:
            line.thread.start()
        except RuntimeError:
            peer.close()
            self._way.lose()
            return None
        self._line = line
        return line

    def _receive(self, line: _Line) -> None:
        """Tell those whose answers come, until the connection ends or an answer is overdue; then the rest."""
        data = b""
        while True:
            try:
                more = line.peer.recv(_AT_ONCE)
            except BlockingIOError:
                if line.is_overdue():
                    break
                continue
            except OSError:
                break
            if not more:
                break
            data += more
            end = len(data) - len(data) % ANSWER.size
            self._settle([(line.waiting.popleft()[1], is_done) for is_done, _ in ANSWER.iter_unpack(data[:end])])
            data = data[end:]
        with self._lock:
            if self._line is line:
                self._line = None
                self._way.lose()
        line.peer.close()
        self._settle([(begun, False) for _, begun in line.waiting])

    def _settle(self, answered: Sequence[tuple[Begun, bool]]) -> None:
        """Keep the telemetry of what is done, of all in one go, and tell each of them."""
        try:
            steps = [step for begun, is_done in answered if is_done for step in begun.steps]
            if steps:
                self._keep(steps)
        except Exception as error:
            _logger.warning("telemetry of what was committed was not kept", reason=str(error))
            answered = [(begun, is_done and not begun.steps) for begun, is_done in answered]
        for begun, is_done in answered:
            try:
                begun.over(is_done)
            except Exception:
                _logger.exception("an answer was not sent")


class _Line:
    """A connection to the process that commits, and those who wait for its answers, the oldest first."""

    def __init__(self, peer: socket.socket, receive: Callable[[_Line], None]) -> None:
        self.peer = peer
        self.waiting: deque[tuple[float, Begun]] = deque()
        self.thread = threading.Thread(target=receive, args=(self,), name="writes begun", daemon=True)

    def is_overdue(self) -> bool:
        """Whether the oldest has waited for longer than an answer may take."""
        return bool(self.waiting) and time.monotonic() - self.waiting[0][0] > sqlite_commit_socket.LONGEST_WAIT

    def shut(self) -> None:
        """End the connection, which ends the thread that receives."""
        with suppress(OSError):
            self.peer.shutdown(socket.SHUT_RDWR)
