"""Whether the writes of a process fail, for whoever asks whether its store can be used."""

from __future__ import annotations

import time

from ocpp_soap.errors import StorageError, StoreUnavailable

SECONDS = 30.0
"""Seconds after which a failure is no longer told, where nothing was written since: it may be over."""


class LastFailure:
    """Why the last write of one kind failed. ``reason`` is empty, and whoever writes sets it so, where it did not."""

    __slots__ = ("_at", "reason")

    def __init__(self) -> None:
        self.reason = ""
        self._at = 0.0

    def noted(self, error: StorageError) -> StorageError:
        """The error of a write, remembered if it means that the store cannot be used."""
        if isinstance(error, StoreUnavailable):
            self.reason, self._at = str(error), time.monotonic()
        return error

    def check(self) -> None:
        """Raise it again, if there is one."""
        reason = self.reason
        if reason and time.monotonic() - self._at < SECONDS:
            raise StoreUnavailable(reason)
