"""The socket on which the file store's writers ask for commits: where it is, and what goes over it (docs/adr/0008).

A request is JSON behind its length: name of the connection, number of the request, statement, values, durable. An
answer tells whether it is done, and the number that the statement returned.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NAME = "commits"
LONGEST_WAIT = struct.pack("ll", 10, 0)
"""Seconds and microseconds for which an answer, or the rest of a request, is waited for."""
HEAD = struct.Struct(">I")
ANSWER = struct.Struct(">?q")
_AT_ONCE = 2**16


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
    peer.setblocking(True)
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, LONGEST_WAIT)
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, LONGEST_WAIT)


def receive(peer: socket.socket) -> bytes:
    """The content of the next message. Raises OSError, and EOFError at the end of the connection."""
    data = peer.recv(_AT_ONCE)
    while len(data) < HEAD.size or len(data) < HEAD.size + HEAD.unpack_from(data)[0]:
        more = peer.recv(_AT_ONCE)
        if not more:
            raise EOFError("the connection has ended")
        data += more
    return data[HEAD.size :]
