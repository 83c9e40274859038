"""The connection of one process to MongoDB: what is tried again, for how long, and what is told when that fails.

A primary that steps down, a server that restarts, a broken connection: the operation is repeated until ``timeout`` has
passed. It may have been done although its answer was lost, so an attempt knows whether it is the first.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import pymongo
from bson import decode as bson_decode
from bson.errors import BSONError
from pymongo.errors import (
    ConfigurationError,
    DuplicateKeyError,
    InvalidOperation,
    OperationFailure,
    PyMongoError,
)
from pymongo.read_preferences import ReadPreference

from ocpp_soap import errors
from ocpp_soap.pending import Pending
from ocpp_soap.storage.base import Collection
from ocpp_soap.storage.mongodb_commits import INSERT, UPDATE, Commits, Step, Target, Work, stored, until
from ocpp_soap.storage.mongodb_documents import pieces
from ocpp_soap.storage.mongodb_errors import AUTHENTICATION_FAILED, UNAUTHORIZED, is_passing, reason
from ocpp_soap.storage.mongodb_reads import Looks, Reads, Wanted
from ocpp_soap.storage.mongodb_telemetry import Refused, Rows, Telemetry
from ocpp_soap.storage.mongodb_url import opened

T = TypeVar("T")

_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 1.0
_PAUSE_AFTER_FAILURE = 0.1
_LOCAL = {"readConcern": {"level": "local"}}
_OF_PRIMARY = {"read_preference": ReadPreference.PRIMARY}
_IN_ONE_ANSWER = 10_000
"""Documents of an answer, if they are not more than 16 MiB."""
_SECONDS_TO_CLOSE = 1.0
"""For telling the server that the sessions are over; one that is away is not waited for."""
MOST_BEGUN = 256
"""Writes of one process that are under way at once; the others are waited for, in no more threads than there are."""


class MongoClient:
    """The pooled connections of this process. ``url`` takes all that pymongo takes; its path names the database.

    ``telemetry_log``: a folder for telemetry on its way, None: it goes to MongoDB as all else.
    """

    def __init__(self, url: str, timeout: float, telemetry_log: Path | None = None) -> None:
        self._timeout = timeout
        self._reads = Reads(self._find)
        self._begins_again_at = 0.0
        self._room: list[None] = [None] * MOST_BEGUN
        self.targets: dict[Collection, Target] = {}
        """The collections that are ready for use."""
        self._client, self.database = opened(url)
        self.telemetry: Telemetry | None = None
        if telemetry_log is not None:
            try:
                self.telemetry = Telemetry(telemetry_log, self.database.name, self._store)
            except errors.ConfigurationError:
                self._client.close()
                raise
        log = self.telemetry.add if self.telemetry is not None else None
        looks = Looks(self._aggregate_now, Reads(self._find_now))
        self._commits = Commits(self._reads.search, looks.search, log)
        concern = self.database.read_concern.document
        self._read_concern = {"readConcern": concern} if concern else {}
        self._reading: dict[str, Any] = {
            "codec_options": self.database.codec_options,
            "read_preference": self.database.read_preference,
        }

    def run(self, attempt: Callable[[bool], T]) -> T:
        """The result of ``attempt(again)``. Raises StoreUnavailable, StoreClosed, ValueError, and what it raises."""

        def in_time(again: bool, deadline: float) -> T:
            with until(deadline):
                return attempt(again)

        return self._run(in_time)

    def read(self, command: dict[str, Any]) -> dict[str, Any]:
        """The answer to a command that reads. Raises what ``run`` does."""
        return self.run(lambda _: self.database.command({**command, **self._read_concern}, **self._reading))

    def now(self) -> datetime:
        """The time by the clock of the primary. Raises what ``run`` does."""
        hello = self.run(lambda _: self.database.command("hello", codec_options=self.database.codec_options))
        found: datetime = hello["localTime"]
        return found

    def find(self, command: dict[str, Any]) -> list[dict[str, Any]]:
        """The documents that a ``find`` command finds, which has a ``limit``. Raises what ``run`` does."""
        return self.run(lambda _: self._find(command))

    def find_raw(self, name: str, where: dict[str, Any], limit: int) -> list[bytes]:
        """The documents of that collection, at most ``limit``, as they came. Raises what ``run`` does."""

        def attempt(_: bool) -> list[bytes]:
            batches: Iterable[Any] = self.database[name].find_raw_batches(where, limit=limit, batch_size=limit)
            return [raw for batch in batches for raw in pieces(batch)]

        return self.run(attempt)

    def unpacked(self, raw: bytes) -> dict[str, Any]:
        """What such a document holds."""
        return bson_decode(raw, self.database.codec_options)

    def search(self, place: tuple[str, tuple[str, ...]], values: tuple[Any, ...], limit: int) -> list[dict[str, Any]]:
        """What a search finds that can be joined with those of other threads, see Wanted. Raises what ``run`` does."""
        return self._run(lambda _, deadline: self._reads.run(Wanted(place, values, limit, deadline)))

    def _find(self, command: dict[str, Any]) -> list[dict[str, Any]]:
        return self._found({**command, "batchSize": command["limit"], **self._read_concern}, self._reading)

    def _find_now(self, command: dict[str, Any]) -> list[dict[str, Any]]:
        """What the primary has, also what is not safe yet: of two that look, the later one has to see the other."""
        return self._found({**command, "batchSize": command["limit"], **_LOCAL}, self._reading | _OF_PRIMARY)

    def _aggregate_now(self, command: dict[str, Any]) -> list[dict[str, Any]]:
        """What an ``aggregate`` command finds of it."""
        return self._found({**command, "cursor": {"batchSize": _IN_ONE_ANSWER}, **_LOCAL}, self._reading | _OF_PRIMARY)

    def _found(self, command: dict[str, Any], reading: dict[str, Any]) -> list[dict[str, Any]]:
        """As a bare command, because pymongo's cursors cost a third more of the processor."""
        cursor = self.database.command(command, **reading)["cursor"]
        found: list[dict[str, Any]] = cursor["firstBatch"]
        if cursor["id"]:
            # There is more than one answer holds.
            self.database.command({"killCursors": next(iter(command.values())), "cursors": [cursor["id"]]})
            found = list(self.database.cursor_command(command, **reading))
        return found

    def log(self, steps: Sequence[Step]) -> bool:
        """Whether a log keeps all the steps, so that they survive kill -9 and are done a moment later."""
        return self.telemetry is not None and all(step.logged for step in steps) and self.telemetry.add(steps)

    def commit_found(
        self,
        search: Callable[[float], Wanted],
        complete: Callable[[list[dict[str, Any]]], Sequence[Step]],
        pending: Pending | None = None,
    ) -> None:
        """Do what ``complete`` makes of the documents that a search finds, together with other threads' operations.

        ``search`` is made of its deadline. ``complete`` may run in another thread. With ``pending`` it is only begun
        where that can be. Raises what ``run`` and ``complete`` do.
        """

        def work(deadline: float) -> Work:
            return Work((), deadline, wanted=search(deadline), complete=complete)

        if not self.begin(work, pending):
            self._run(lambda _, deadline: self._commits.run(work(deadline)))

    def begin(self, work: Callable[[float], Work], pending: Pending | None) -> bool:
        """Begin what ``work`` makes of its deadline, if ``pending`` waits; False: a thread that waits has to do it.

        That is so for a moment after something that was begun has failed, since a thread that waits tries again.
        """
        if pending is None or time.monotonic() < self._begins_again_at:
            return False
        try:
            self._room.pop()
        except IndexError:
            return False

        def over(is_stored: bool, error: Exception | None) -> None:
            self._room.append(None)
            if error is not None:
                self._begins_again_at = time.monotonic() + _PAUSE_AFTER_FAILURE
            pending.done(is_stored)

        pending.begin()
        if self._commits.begin(work(time.monotonic() + self._timeout), over):
            return True
        self._room.append(None)
        pending.withdraw()
        return False

    def commit(self, work: Callable[[float], Work], settle: Callable[[bool, list[set[int]]], T]) -> T:
        """Do what ``work`` makes of its deadline, step by step, together with what other threads write.

        The result is that of ``settle(again, refused)``, where ``refused`` is what ``Commits.run`` returns. Raises what
        ``run`` does.
        """

        def attempt(again: bool, deadline: float) -> T:
            refused = self._commits.run(work(deadline))
            with until(deadline):
                return settle(again, refused)

        return self._run(attempt)

    def _run(self, attempt: Callable[[bool, float], T]) -> T:
        deadline = time.monotonic() + self._timeout
        pause = _FIRST_PAUSE
        again = False
        while True:
            try:
                return attempt(again, deadline)
            except DuplicateKeyError:
                raise
            except (BSONError, UnicodeError) as error:
                raise ValueError(f"This cannot be stored: {error}") from error
            except InvalidOperation as error:
                raise errors.StoreClosed("The connection to MongoDB was closed") from error
            except PyMongoError as error:
                if not is_passing(error) or time.monotonic() + pause > deadline:
                    raise self._unavailable(error) from error
            time.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)
            again = True

    def close(self) -> None:
        """Wait for what was begun, and for telemetry on its way, then close the connections."""
        self._commits.close()
        if self.telemetry is not None:
            self.telemetry.close()
        with pymongo.timeout(_SECONDS_TO_CLOSE):
            self._client.close()

    def _store(self, rows: Rows, seconds: float) -> Refused:
        refused: Refused = []
        with until(time.monotonic() + seconds):
            for (name, do), operations in rows.items():
                kind = INSERT if do == INSERT[0] else UPDATE
                problems = stored(self.database[name], kind, operations)
                refused += [(name, operations[problem["index"]], str(problem["errmsg"])) for problem in problems]
        return refused

    def _unavailable(self, error: PyMongoError) -> errors.StoreUnavailable:
        if isinstance(error, ConfigurationError):
            return errors.StoreUnavailable(f"MongoDB: {error}: check storage.mongodb.url")
        if isinstance(error, OperationFailure) and error.code == UNAUTHORIZED:
            return errors.StoreUnavailable(
                "MongoDB refuses this user: check storage.mongodb.url, or give it the role readWrite on the database "
                f"{self.database.name} ({error})"
            )
        if isinstance(error, OperationFailure) and error.code == AUTHENTICATION_FAILED:
            return errors.StoreUnavailable(
                f"MongoDB refuses this user: check user, password and authSource in storage.mongodb.url ({error})"
            )
        if is_passing(error):
            return errors.StoreUnavailable(f"MongoDB did not answer within {self._timeout:g} s ({reason(error)})")
        return errors.StoreUnavailable(f"MongoDB: {reason(error)}")
