"""Group commit for MongoDB: what the threads of a process write to a collection at the same time is one command.

A journaled command costs the server and the driver about the same whether it holds one document or ten, and most of it
is waiting for the disk. Each caller learns of its own writes: MongoDB tells which places of a command failed.
One leader serves all collections, so that the writes to the others gather meanwhile.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pymongo
from bson.errors import BSONError
from bson.raw_bson import RawBSONDocument
from pymongo.collection import Collection as MongoCollection
from pymongo.errors import AutoReconnect, BulkWriteError, PyMongoError

from ocpp_soap.storage.group_commit import GroupCommit, Write
from ocpp_soap.storage.mongodb_errors import is_passing

if TYPE_CHECKING:
    from ocpp_soap.storage.mongodb_reads import Look, Row, Wanted

Target = MongoCollection[Any]
Search = Callable[["Sequence[Wanted]"], "Sequence[list[Row] | Exception]"]
INSERT, UPDATE = ("insert", "documents"), ("update", "updates")
"""Kinds of operations: the command, and the field of it that holds them."""

_DUPLICATE_KEY = 11000
_FAILED_CONVERSION = 241
"""With it a conditional update says that the revision is another."""
_OUR_KEY = {"_id": 1}


_PAUSE = 0.003
"""Seconds for which a group waits for more writes: about what it takes. With 8 threads that makes it twice as large."""

_MOST_TOGETHER = 50
"""Operations of one write above which it is done apart, so that nobody waits for it."""


_MOST_BYTES, _MOST_ROWS = 2**24, 10_000
"""Of one command; MongoDB takes three and ten times as much."""


@dataclass(frozen=True, slots=True)
class Step:
    """Operations of one ``kind`` in a collection, at least one, as MongoDB takes them.

    ``logged``: there is a log that keeps it until MongoDB has it.
    """

    target: Target
    kind: tuple[str, str]
    rows: Sequence[RawBSONDocument]
    logged: bool = False


@dataclass(frozen=True, slots=True)
class Work:
    """The steps of a write, each done after the one before it. ``deadline``: of time.monotonic(), when to give up.

    ``stops``: none follows the first one where an operation of it was refused. With a search, ``wanted``, the steps are
    made by ``complete`` of what it finds. ``looks`` are made after the first step; where one has found something,
    nothing follows, and the write is not done.
    """

    steps: Sequence[Step]
    deadline: float
    stops: bool = False
    wanted: Wanted | None = None
    complete: Callable[[list[Row]], Sequence[Step]] | None = None
    looks: Sequence[Look] = ()


class Commits:
    """The writes of one process to all collections.

    ``search`` makes searches, ``look`` those that have to find what was stored a moment ago. ``log`` keeps steps that
    are ``logged``, or does not.
    """

    def __init__(self, search: Search, look: Search, log: Callable[[Sequence[Step]], bool] | None = None) -> None:
        self._search = search
        self._look = look
        self._log = log
        self._group = GroupCommit(self._commit, pause=_PAUSE)

    def run(self, work: Work) -> list[set[int]]:
        """Do the steps; for each that was done, the places of the operations that were refused.

        There is none where a look has found something. An insert is refused for a key that is there, a conditional
        update for another revision. Raises PyMongoError, after which any of the operations may have been done.
        """
        found: list[set[int]]
        if _can_be_joined(work):
            found = self._group.run(work)
            return found
        write = Write(work, durable=False)
        self._commit([write])
        if write.error is not None:
            raise write.error
        found = write.result
        return found

    def begin(self, work: Work, over: Callable[[bool, Exception | None], None]) -> bool:
        """Begin the steps, and tell in another thread whether all is stored and what went wrong.

        Where an operation of a write that ``stops`` or that updates was refused, not all is. False: nothing was begun,
        since there is too much of it, or nobody who would do it.
        """
        return _can_be_joined(work) and self._group.begin(work, lambda write: over(_is_stored(write), write.error))

    def close(self) -> None:
        """Wait for what was begun."""
        self._group.close()

    def _commit(self, batch: Sequence[Write]) -> None:
        """Make all searches, do the first steps of all writes, look, then do the second steps, and so on."""
        for write in batch:
            write.result = []
        found = self._completed([write for write in batch if write.work.wanted is not None])
        self._do_steps([write for write in batch if write.work.wanted is None] + found)

    def _completed(self, writes: Sequence[Write]) -> list[Write]:
        """Those of the writes whose search went well, with their steps; the others have their errors."""
        completed = []
        for write, found in zip(writes, self._search([write.work.wanted for write in writes]), strict=True):
            try:
                if isinstance(found, Exception):
                    raise found
                write.work = replace(write.work, steps=write.work.complete(found))
                completed.append(write)
            except Exception as error:
                write.error = error
        return completed

    def _do_steps(self, going: list[Write]) -> None:
        """Do the first steps of all writes, one command for each collection and kind, look, then the second ones."""
        step = 0
        elections: set[Any] = set()
        while going:
            commands: dict[tuple[str, tuple[str, str]], list[Write]] = {}
            for write in going:
                mine: Step = write.work.steps[step]
                commands.setdefault((mine.target.name, mine.kind), []).append(write)
            for writes in commands.values():
                if not self._logged(writes, step):
                    _send(writes, step, elections)
            step += 1
            if step > 1 and len(elections) > 1:
                for write in going:
                    write.error = AutoReconnect("Another primary was elected between the steps of a write")
                return
            done = [write for write in going if len(write.result) == step]
            if step == 1:
                done = self._alone(done)
            going = []
            for write in done:
                if len(write.work.steps) > step and not (write.work.stops and write.result[0]):
                    going.append(write)
                else:
                    write.error = None

    def _logged(self, writes: Sequence[Write], step: int) -> bool:
        """Whether a log keeps one step of these writes, so that MongoDB need not have it yet."""
        steps: list[Step] = [write.work.steps[step] for write in writes]
        if self._log is None or not steps[0].logged or not self._log(steps):
            return False
        for write in writes:
            write.result.append(set())
        return True

    def _alone(self, writes: list[Write]) -> list[Write]:
        """Those of the writes whose looks have found nothing; the others are over, not as if they were done."""
        looks = [(write, look) for write in writes for look in write.work.looks if not write.result[0]]
        if not looks:
            return writes
        over: set[Write] = set()
        for (write, look), found in zip(looks, self._look([look.wanted for _, look in looks]), strict=True):
            if isinstance(found, Exception) or look.has_found(found):
                write.result, write.error = [], found if isinstance(found, Exception) else None
                over.add(write)
        return [write for write in writes if write not in over]


def _can_be_joined(work: Work) -> bool:
    """Whether others need not wait long for a write, so that it can be done together with theirs."""
    return sum(len(step.rows) for step in work.steps) <= _MOST_TOGETHER


def _is_stored(write: Write) -> bool:
    """Whether a write did all that it was to do; an insert into a time series that met its own key did."""
    work: Work = write.work
    if write.error is not None or len(write.result) < len(work.steps):
        return False
    return not any(
        refused and (step.kind == UPDATE or (work.stops and number == 0))
        for number, (step, refused) in enumerate(zip(work.steps, write.result, strict=True))
    )


def until(deadline: float) -> AbstractContextManager[None]:
    """Makes pymongo give up at that time of time.monotonic()."""
    return pymongo.timeout(max(0.01, deadline - time.monotonic()))


def _send(writes: Sequence[Write], step: int, elections: set[Any], *, is_last: bool = False) -> None:
    """One step of several writes at once; if the server takes none for a reason of one, each by itself.

    ``is_last``: it waits for what the target demands, also where another step comes that would.
    """
    steps: list[Step] = [write.work.steps[step] for write in writes]
    target, kind = steps[0].target, steps[0].kind
    concern = target.write_concern.document
    is_last = is_last or any(_is_last(write.work, step) for write in writes) or not _is_one_log(target)
    if not is_last:
        concern = {"w": 1}
    try:
        with until(min(write.work.deadline for write in writes)):
            details = _answer(target, kind, [row for one in steps for row in one.rows], concern)
    except (PyMongoError, BSONError) as error:
        if len(writes) > 1 and not (isinstance(error, PyMongoError) and is_passing(error)):
            for write in writes:
                _send([write], step, elections)
        else:
            for write in writes:
                write.error = error
    else:
        elections |= details.pop("elections")
        _tell(writes, step, details)
        if not is_last:
            _wait_for_the_refusing(writes, step, elections)


def _is_last(work: Work, step: int) -> bool:
    """Whether no later step of the work waits for what this one has stored."""
    return all(later.logged for later in work.steps[step + 1 :])


def _wait_for_the_refusing(writes: Sequence[Write], step: int, elections: set[Any]) -> None:
    """Send what was refused and has no other step again: what it met has to be as safe as what it would have stored."""
    for write in writes:
        if step == 0 and write.work.stops and write.result and write.result[0]:
            write.result.pop()
            _send([write], step, elections, is_last=True)


def _is_one_log(target: Target) -> bool:
    """Whether all writes go to the log of one replica set, so that what waits for the last one waits for all.

    The answers tell whether another primary was elected between them; a single server would not tell of its restart.
    """
    return target.database.client.topology_description.topology_type_name == "ReplicaSetWithPrimary"


def _answer(
    target: Target, kind: tuple[str, str], rows: Sequence[RawBSONDocument], concern: dict[str, Any]
) -> dict[str, Any]:
    """What the server says of the operations, in the form of a BulkWriteError; as bare commands, which cost less."""
    command, field = kind
    details: dict[str, Any] = {"writeErrors": [], "writeConcernErrors": [], "elections": set()}
    start = 0
    while start < len(rows):
        end, size = start + 1, len(rows[start].raw)
        while end < len(rows) and end - start < _MOST_ROWS and size + len(rows[end].raw) <= _MOST_BYTES:
            size += len(rows[end].raw)
            end += 1
        sent = {command: target.name, field: list(rows[start:end]), "ordered": False, "writeConcern": concern}
        answer = target.database.command(sent)
        details["writeErrors"] += [
            {**problem, "index": start + problem["index"]} for problem in answer.get("writeErrors", ())
        ]
        details["elections"].add(answer.get("electionId"))
        if "writeConcernError" in answer:
            details["writeConcernErrors"].append(answer["writeConcernError"])
        start = end
    return details


def stored(target: Target, kind: tuple[str, str], rows: Sequence[RawBSONDocument]) -> list[dict[str, Any]]:
    """Do operations that may have been done before; what is told of those that will always be refused.

    Raises PyMongoError where they may be done later.
    """
    refused = []
    places = list(range(len(rows)))
    for is_last in (False, True):
        details = _answer(target, kind, [rows[place] for place in places], target.write_concern.document)
        if details["writeConcernErrors"] or is_passing(BulkWriteError(details)):
            raise BulkWriteError(details)
        met: list[int] = []
        for problem in details["writeErrors"]:
            place = places[problem["index"]]
            if not _is_refusal(problem) or (kind == UPDATE and is_last):
                refused.append({**problem, "index": place})
            elif kind == UPDATE:  # two that put the same new key at once collide, and the next attempt finds it there
                met.append(place)
        places = met
        if not places:
            break
    return refused


def _is_refusal(problem: dict[str, Any]) -> bool:
    """Whether the operation met a document of its key, or of another revision, and not an index of somebody else."""
    code = problem.get("code")
    return code == _FAILED_CONVERSION or (code == _DUPLICATE_KEY and problem.get("keyPattern", _OUR_KEY) == _OUR_KEY)


def _tell(writes: Sequence[Write], step: int, details: dict[str, Any]) -> None:
    """Give each of the writes its part of the answer."""
    problems = {problem["index"]: problem for problem in details["writeErrors"]}
    start = 0
    for write in writes:
        places = range(start, start + len(write.work.steps[step].rows))
        start = places.stop
        mine = [problems[place] for place in places if place in problems] if problems else []
        if details["writeConcernErrors"] or not all(map(_is_refusal, mine)):
            write.error = BulkWriteError({**details, "writeErrors": mine})
        else:
            write.result.append({problem["index"] - places.start for problem in mine})
