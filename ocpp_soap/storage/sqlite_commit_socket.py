"""The socket on which the file store's writers ask for commits: where it is, and what goes over it (docs/adr/0008).

A request is JSON behind its length: name of the connection, number of the request, statement, values, durable. An
answer tells whether it is done, and the number that the statement returned, or LOCKED; on one connection the answers
come in the order of the requests. A connection without a name gets no receipts.
"""

from __future__ import annotations

import os
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NAME = "commits"
LONGEST_WAIT = 10.0
"""Seconds for which an answer is waited for, or until a request can be sent."""
PAUSE_AFTER_FAILURE = 1.0
"""Seconds for which a process commits itself before it asks again."""
HEAD = struct.Struct(">I")
ANSWER = struct.Struct(">?q")
LOCKED = 1
"""The number in the answer to a request that is not done because another program keeps the file locked."""


@contextmanager
def short(path: Path) -> Iterator[str]:
    """A path to the same socket that is as short as the system wants it."""
    folder = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        through = Path(f"/proc/self/fd/{folder}")
        yield str(through / path.name if through.exists() else path)
    finally:
        os.close(folder)


def set_up(peer: socket.socket) -> None:
    """Wait in the kernel, and not for ever."""
    longest = struct.pack("ll", int(LONGEST_WAIT), int(LONGEST_WAIT % 1 * 1e6))
    peer.setblocking(True)
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, longest)
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, longest)


class Way:
    """How one process reaches the one that commits for all, in whose ``folder`` the socket is."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME
        self.again_at = 0.0

    def connect(self) -> socket.socket | None:
        """A connection; None: nobody listens, or did a moment ago."""
        if time.monotonic() < self.again_at:
            return None
        peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            set_up(peer)
            with short(self.path) as path:
                peer.connect(path)
        except OSError:
            peer.close()
            self.lose()
            return None
        return peer

    def lose(self) -> None:
        """A connection has ended, or could not be made: nobody is asked for a moment."""
        self.again_at = time.monotonic() + PAUSE_AFTER_FAILURE


def split(data: bytes) -> tuple[list[bytes], bytes]:
    """The whole requests at the beginning of what was received, and the rest."""
    requests = []
    begin = 0
    while len(data) - begin >= HEAD.size:
        end = begin + HEAD.size + int(HEAD.unpack_from(data, begin)[0])
        if end > len(data):
            break
        requests.append(data[begin + HEAD.size : end])
        begin = end
    return requests, data[begin:]
