"""Searches that the threads of a process make at the same time, in one command: most of what one costs is its way.

Only searches for equal values are joined, which several keys of one index answer; each of them takes its own documents
from what is found.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from bson.errors import BSONError
from pymongo.errors import OperationFailure, PyMongoError

from ocpp_soap.storage.group_commit import GroupCommit, Write
from ocpp_soap.storage.mongodb_commits import until
from ocpp_soap.storage.mongodb_errors import is_passing

Row = dict[str, Any]
Found = list[Row] | Exception
"""What a search finds, or what it meets."""

_TROUBLE = (PyMongoError, BSONError, UnicodeError)
_PAUSE = 0.001
"""Seconds for which a search waits for others: about what one takes where the processors are busy."""

_MOST = 200
"""Documents of a joined search above which each search is made by itself."""

_PLACE = "_place"
"""A field that tells which of several places a document was found in; no document of ours has it."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A search in a ``place``, a collection and the fields of an index, which begin with these ``values``.

    It finds at most ``limit`` documents, in the order of the index; ``deadline`` is of time.monotonic().
    """

    place: tuple[str, tuple[str, ...]]
    values: tuple[Any, ...]
    limit: int
    deadline: float


@dataclass(frozen=True, slots=True)
class Look:
    """A search for what must not be there: documents of which ``is_one`` holds, or more than ``most`` at all."""

    wanted: Wanted
    is_one: Callable[[Row], bool]
    most: int

    def has_found(self, rows: Sequence[Row]) -> bool:
        """Whether one of them is there, or too many are."""
        return len(rows) > self.most or any(map(self.is_one, rows))


class Reads:
    """The searches of one process. ``find`` runs a find command."""

    def __init__(self, find: Callable[[dict[str, Any]], list[Row]]) -> None:
        self._find = find
        self._groups: dict[tuple[str, tuple[str, ...]], GroupCommit] = {}

    def run(self, wanted: Wanted) -> list[Row]:
        """The documents of this search. Raises PyMongoError, BSONError, UnicodeError."""
        group = self._groups.get(wanted.place)
        if group is None:
            group = self._groups.setdefault(wanted.place, GroupCommit(self._search, pause=_PAUSE))
        found: list[Row] = group.run(wanted)
        return found

    def search(self, searches: Sequence[Wanted]) -> list[Found]:
        """What each of the searches finds, or what it meets; those in one place are made together."""
        parts = _by_place(searches)
        return _in_order(searches, parts, [self._search_place(part) for part in parts])

    def _search_place(self, searches: Sequence[Wanted]) -> list[Found]:
        found: list[Found] = []
        with until(min(wanted.deadline for wanted in searches)):
            joined = self._joined(searches) if len(searches) > 1 else None
            for wanted in searches:
                try:
                    if joined is None:
                        found.append(self._find(_command([wanted], wanted.limit)))
                    else:
                        found.append([row for row in joined if _is_of(row, wanted)][: wanted.limit])
                except _TROUBLE as error:
                    found.append(error)
        return found

    def _search(self, batch: Sequence[Write]) -> None:
        for write, found in zip(batch, self.search([write.work for write in batch]), strict=True):
            write.error = found if isinstance(found, Exception) else None
            write.result = found

    def _joined(self, searches: Sequence[Wanted]) -> list[Row] | None:
        """The documents of all the searches; None: too many, or one of the searches is at fault."""
        try:
            found = self._find(_command(searches, _MOST + 1))
        except _TROUBLE:
            return None
        return found if len(found) <= _MOST else None


class Looks:
    """Searches in several places, all of which one command answers. ``aggregate`` runs such a command.

    What they find is in no order. ``reads`` makes them where one command cannot.
    """

    def __init__(self, aggregate: Callable[[dict[str, Any]], list[Row]], reads: Reads) -> None:
        self._aggregate = aggregate
        self._reads = reads
        self._can_join = True

    def search(self, searches: Sequence[Wanted]) -> list[Found]:
        """What each of the searches finds, or what it meets."""
        parts = _by_place(searches)
        found = self._joined(parts) if len(parts) > 1 and self._can_join else None
        return self._reads.search(searches) if found is None else _in_order(searches, parts, found)

    def _joined(self, parts: Sequence[Sequence[Wanted]]) -> list[list[Found]] | None:
        """What the searches of each part find; None: too much, or the server cannot do it."""
        first, *others = [
            [{"$match": _joined_filter(part)}, {"$limit": _MOST + 1}, {"$set": {_PLACE: number}}]
            for number, part in enumerate(parts)
        ]
        unions = [
            {"$unionWith": {"coll": part[0].place[0], "pipeline": pipeline}}
            for part, pipeline in zip(parts[1:], others, strict=True)
        ]
        collection, names = parts[0][0].place
        command = {"aggregate": collection, "pipeline": [*first, *unions], "hint": dict.fromkeys(names, 1)}
        rows: list[list[Row]] = [[] for _ in parts]
        try:
            with until(min(wanted.deadline for part in parts for wanted in part)):
                for row in self._aggregate(command):
                    rows[row.pop(_PLACE)].append(row)
        except OperationFailure as error:
            self._can_join = is_passing(error)  # MongoDB before 4.4, and what only speaks its protocol
            return None
        except _TROUBLE:
            return None
        if any(len(some) > _MOST for some in rows):
            return None
        return [
            [[row for row in some if _is_of(row, wanted)] for wanted in part]
            for part, some in zip(parts, rows, strict=True)
        ]


def _by_place(searches: Sequence[Wanted]) -> list[list[Wanted]]:
    """The searches in each place."""
    places: dict[tuple[str, tuple[str, ...]], list[Wanted]] = {}
    for wanted in searches:
        places.setdefault(wanted.place, []).append(wanted)
    return list(places.values())


def _in_order(
    searches: Sequence[Wanted], parts: Sequence[Sequence[Wanted]], found: Sequence[Sequence[Found]]
) -> list[Found]:
    """What was found for each part of the searches, those in one place, in the order of the searches."""
    results = {part[0].place: iter(some) for part, some in zip(parts, found, strict=True)}
    return [next(results[wanted.place]) for wanted in searches]


def _command(searches: Sequence[Wanted], limit: int) -> dict[str, Any]:
    """What finds the documents of all the searches, which are in one place."""
    collection, names = searches[0].place
    command: dict[str, Any] = {"find": collection, "filter": _joined_filter(searches), "limit": limit}
    if names != ("_id",) or len(searches) > 1:
        command["hint"] = command["sort"] = dict.fromkeys(names, 1)
    return command


def _joined_filter(searches: Sequence[Wanted]) -> dict[str, Any]:
    """What the documents of any of the searches meet; where only one field differs, MongoDB has half the work."""
    names = searches[0].place[1]
    if len({len(one.values) for one in searches}) == 1:
        found: dict[str, Any] = {}
        columns = zip(*(one.values for one in searches), strict=True)
        for name, column in zip(names, columns, strict=False):
            some = list(dict.fromkeys(column))
            found[name] = some[0] if len(some) == 1 else {"$in": some}
        if sum(isinstance(value, dict) for value in found.values()) <= 1:
            return found
    return {"$or": [dict(zip(names, one.values, strict=False)) for one in searches]}


def _is_of(row: Row, wanted: Wanted) -> bool:
    microseconds = row.get("_us", {})
    for name, value in zip(wanted.place[1], wanted.values, strict=False):
        holder, field = (microseconds, name[4:]) if name.startswith("_us.") else (row, name)
        if holder.get(field) != value:
            return False
    return True
