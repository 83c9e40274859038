"""The socket on which the file store's writers ask for commits: where it is, and what goes over it (docs/adr/0008).

A request is JSON behind its length: name of the connection, number of the request, statement, values, durable. An
answer tells whether it is done, and the number that the statement returned; on one connection the answers come in the
order of the requests. A connection without a name gets no receipts.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NAME = "commits"
LONGEST_WAIT = 10.0
"""Seconds for which an answer is waited for, or until a request can be sent."""
HEAD = struct.Struct(">I")
ANSWER = struct.Struct(">?q")


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


def connected(path: Path) -> socket.socket | None:
    """A connection to who listens at ``path``; None: nobody does."""
    peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        set_up(peer)
        with short(path) as found:
            peer.connect(found)
    except OSError:
        peer.close()
        return None
    return peer


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
