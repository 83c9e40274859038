"""Group commit for MongoDB: what the threads of a process write to a collection at the same time is one command.

A journaled command costs the server and the driver about the same whether it holds one document or ten, and most of it
is waiting for the disk. Each caller learns of its own writes: MongoDB tells which places of a command failed.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
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

_REFUSED = frozenset({11000, 241})
"""Duplicate key; a conversion that failed, with which a conditional update says that the revision is another."""


class Commits:
    """The groups of one process: one for each collection and kind of operation."""

    def __init__(self) -> None:
        self._groups: dict[tuple[str, type[Any]], GroupCommit] = {}

    def run(self, target: Target, operations: Sequence[Operation], deadline: float) -> set[int]:
        """Do all the operations, which are of one kind; the places of those that were refused.

        An insert is refused for a key that is there, a conditional update for another revision. ``deadline``: of
        time.monotonic(), when to give up. Raises PyMongoError, after which any of the operations may have been done.
        """
        place = (target.name, type(operations[0]))
        group = self._groups.get(place)
        if group is None:
            group = self._groups.setdefault(place, GroupCommit(lambda batch: _commit(target, batch)))
        found: set[int] = group.run((operations, deadline))
        return found


def until(deadline: float) -> AbstractContextManager[None]:
    """Makes pymongo give up at that time of time.monotonic()."""
    return pymongo.timeout(max(0.01, deadline - time.monotonic()))


def _commit(target: Target, batch: Sequence[Write]) -> None:
    """Send the operations of the batch at once; if the server takes none for a reason of one, each write by itself."""
    deadline = min(write.work[1] for write in batch)
    try:
        with until(deadline):
            target.bulk_write([operation for write in batch for operation in write.work[0]], ordered=False)
    except BulkWriteError as error:
        _tell(batch, error)
    except (PyMongoError, BSONError) as error:
        if len(batch) > 1 and not (isinstance(error, PyMongoError) and is_passing(error)):
            for write in batch:
                _commit(target, [write])
        else:
            for write in batch:
                write.error = error
    else:
        for write in batch:
            write.error, write.result = None, set()


def _tell(batch: Sequence[Write], error: BulkWriteError) -> None:
    """Give each write of the batch its part of the error."""
    details = error.details or {}
    problems = {problem["index"]: problem for problem in details.get("writeErrors", ())}
    start = 0
    for write in batch:
        places = range(start, start + len(write.work[0]))
        start = places.stop
        mine = [problems[place] for place in places if place in problems]
        if details.get("writeConcernErrors") or any(problem.get("code") not in _REFUSED for problem in mine):
            write.error = BulkWriteError({**details, "writeErrors": mine})
        else:
            write.error, write.result = None, {problem["index"] - places.start for problem in mine}
