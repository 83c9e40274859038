"""Group commit for MongoDB: what the threads of a process write to a collection at the same time is one command.

A journaled command costs the server and the driver about the same whether it holds one document or ten, and most of it
is waiting for the disk. Each caller learns of its own writes: MongoDB tells which places of a command failed.
One leader serves all collections, so that the writes to the others gather meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import pymongo
from bson.errors import BSONError
from pymongo import InsertOne, UpdateOne
from pymongo.collection import Collection as MongoCollection
from pymongo.errors import BulkWriteError, PyMongoError

from ocpp_soap.storage.group_commit import GroupCommit, Write
from ocpp_soap.storage.mongodb_errors import is_passing

Target = MongoCollection[Any]
Operation = InsertOne[Any] | UpdateOne
Step = tuple[Target, Sequence[Operation]]
"""Operations of one kind, at least one, in a collection."""

_REFUSED = frozenset({11000, 241})
"""Duplicate key; a conversion that failed, with which a conditional update says that the revision is another."""


_PAUSE = 0.003
"""Seconds for which a group waits for more writes: about what it takes. With 8 threads that makes it twice as large."""

_MOST_TOGETHER = 50
"""Operations of one write above which it is done apart, so that nobody waits for it."""


@dataclass(frozen=True, slots=True)
class Work:
    """The steps of a write, each done after the one before it. ``deadline``: of time.monotonic(), when to give up."""

    steps: Sequence[Step]
    deadline: float


class Commits:
    """The writes of one process to all collections."""

    def __init__(self) -> None:
        self._group = GroupCommit(_commit, pause=_PAUSE)

    def run(self, work: Work) -> list[set[int]]:
        """Do the steps; for each, the places of the operations that were refused.

        An insert is refused for a key that is there, a conditional update for another revision. Raises PyMongoError,
        after which any of the operations may have been done.
        """
        found: list[set[int]]
        if sum(len(operations) for _, operations in work.steps) <= _MOST_TOGETHER:
            found = self._group.run(work)
            return found
        write = Write(work, durable=False)
        _commit([write])
        if write.error is not None:
            raise write.error
        found = write.result
        return found


def until(deadline: float) -> AbstractContextManager[None]:
    """Makes pymongo give up at that time of time.monotonic()."""
    return pymongo.timeout(max(0.01, deadline - time.monotonic()))


def _commit(batch: Sequence[Write]) -> None:
    """Do the first steps of all writes, one command for each collection and kind, then the second ones, and so on."""
    for write in batch:
        write.result = []
    step, going = 0, list(batch)
    while going:
        commands: dict[tuple[str, type[Any]], list[Write]] = {}
        for write in going:
            target, operations = write.work.steps[step]
            commands.setdefault((target.name, type(operations[0])), []).append(write)
        for writes in commands.values():
            _send(writes, step)
        step += 1
        done = [write for write in going if len(write.result) == step]
        going = []
        for write in done:
            if len(write.work.steps) > step:
                going.append(write)
            else:
                write.error = None


def _send(writes: Sequence[Write], step: int) -> None:
    """One step of several writes at once; if the server takes none for a reason of one, each by itself."""
    target = writes[0].work.steps[step][0]
    try:
        with until(min(write.work.deadline for write in writes)):
            target.bulk_write([one for write in writes for one in write.work.steps[step][1]], ordered=False)
    except BulkWriteError as error:
        _tell(writes, step, error)
    except (PyMongoError, BSONError) as error:
        if len(writes) > 1 and not (isinstance(error, PyMongoError) and is_passing(error)):
            for write in writes:
                _send([write], step)
        else:
            for write in writes:
                write.error = error
    else:
        for write in writes:
            write.result.append(set())


def _tell(writes: Sequence[Write], step: int, error: BulkWriteError) -> None:
    """Give each of the writes its part of the error."""
    details = error.details or {}
    problems = {problem["index"]: problem for problem in details.get("writeErrors", ())}
    start = 0
    for write in writes:
        places = range(start, start + len(write.work.steps[step][1]))
        start = places.stop
        mine = [problems[place] for place in places if place in problems]
        if details.get("writeConcernErrors") or any(problem.get("code") not in _REFUSED for problem in mine):
            write.error = BulkWriteError({**details, "writeErrors": mine})
        else:
            write.result.append({problem["index"] - places.start for problem in mine})
