"""Server-sent events. A stream holds a thread, so there are only so many, and each ends after 30 s.

A browser's ``EventSource``, or any client that sends the last ``id`` it got as Last-Event-ID, goes on where it was.
An ``id`` comes first, also where nothing has happened yet, and behind each portion of events, so after a break a few
may come again; ``event_id`` tells which.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from threading import BoundedSemaphore

import structlog

from ocpp_soap.central_system.events import EventPage, json_of
from ocpp_soap.errors import StorageError

EVENT_STREAM = "text/event-stream"
LIFETIME = 30.0
PAUSE = 0.5
SIGN_OF_LIFE = 10.0
RECONNECT_MS = 1000
BEGINNING = "beginning"
"""The ``id`` of the place before the first event: the log has no cursor for it, and clients send no empty one."""

_log = structlog.get_logger("ocpp_soap.web.api")

Read = Callable[[str | None], EventPage | None]
"""Finds the events behind a cursor; None ends the stream."""


class Streams:
    """The open streams of this process: ``most`` at a time."""

    def __init__(self, most: int, *, lifetime: float = LIFETIME) -> None:
        self.most = most
        self._lifetime = lifetime
        self._free = BoundedSemaphore(most)

    def open(self, read: Read, cursor: str | None) -> Iterator[str] | None:
        """A stream of what ``read`` finds behind the cursor, or None if there are too many."""
        return _Stream(self._free, self._lines(read, cursor)) if self._free.acquire(blocking=False) else None

    def _lines(self, read: Read, cursor: str | None) -> Iterator[str]:
        ends_at = time.monotonic() + self._lifetime
        said_at = time.monotonic()
        yield f"retry: {RECONNECT_MS}\n\nid: {cursor or BEGINNING}\n\n"
        while time.monotonic() < ends_at:
            try:
                page = read(cursor)
            except StorageError as error:
                _log.info("a stream ends early", reason=str(error))
                return
            if page is None:
                return
            if page.cursor != cursor:
                cursor, said_at = page.cursor, time.monotonic()
                told = (f"event: {event.kind}\ndata: {json_of(event)}\n\n" for event in page.items)
                yield "".join(told) + f"id: {cursor}\n\n"
            elif time.monotonic() - said_at > SIGN_OF_LIFE:
                said_at = time.monotonic()
                yield ": still here\n\n"
            if not page.has_more:
                time.sleep(min(PAUSE, max(0.0, ends_at - time.monotonic())))


class _Stream:
    """Gives its place back when it ends, or is closed, or is thrown away unread."""

    def __init__(self, free: BoundedSemaphore, lines: Iterator[str]) -> None:
        self._free: BoundedSemaphore | None = free
        self._lines = lines

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        try:
            return next(self._lines)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End the stream. Calling it again does nothing."""
        free, self._free = self._free, None
        if free is not None:
            free.release()

    def __del__(self) -> None:
        self.close()
