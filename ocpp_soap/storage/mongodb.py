"""The MongoDB store: the way beyond one machine.

Connection: ``storage.backend: mongodb`` and ``storage.mongodb.url`` (``mongodb://host:27017/database``, with all that
pymongo takes: several hosts, ``replicaSet``, TLS, user, ``w``, ``journal``). A standalone server works as well as a
replica set. Every write is acknowledged by a majority, from its journal, unless the URL says otherwise.
"""

# The verbs are documented in Storage.
# ruff: noqa: D102

from __future__ import annotations

import dataclasses
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from bson.objectid import ObjectId
from bson.raw_bson import RawBSONDocument
from pymongo import ReturnDocument
from pymongo.errors import DuplicateKeyError

from ocpp_soap.errors import AlreadyExists, NotAlone, NotFound, RevisionConflict, StorageError, StoreClosed
from ocpp_soap.pending import Pending
from ocpp_soap.storage.base import Again, Collection, Document, Entries, Other, Page, Range, Storage, Stored, StoreInfo
from ocpp_soap.storage.mongodb_client import MongoClient
from ocpp_soap.storage.mongodb_commits import INSERT, UPDATE, Step, Target, Work
from ocpp_soap.storage.mongodb_documents import decode, encode, identities, identity, key_of
from ocpp_soap.storage.mongodb_indexes import create_indexes
from ocpp_soap.storage.mongodb_reads import Look, Wanted
from ocpp_soap.storage.mongodb_searches import (
    bounds,
    conditions,
    equal_parts,
    index_fields,
    plain_tie,
    tie_field,
)
from ocpp_soap.storage.mongodb_writes import (
    conflict,
    extended,
    inserts,
    is_certain,
    is_ours,
    pack,
    replaced,
    revised,
    upserted,
)
from ocpp_soap.storage.numbers import LAST, NumberBlocks
from ocpp_soap.storage.searches import (
    Search,
    count_search,
    find_search,
    others_search,
    read_token,
    settled_at_begin,
    write_token,
)

_BLOCK = 100
_AT_ONCE = 1000
_RESOLUTION = 1.0
"""Seconds up to which the time of an arrival is exact."""
_PUT_AT_ONCE = 100
"""Between two commands other threads compute."""

_FOUND = 20
"""Documents above which what a search finds is not used together with a write."""


class _FoundTooMany(Exception):
    """What was found is not used together with a write."""


class MongoStorage(Storage):
    """A store in the database of ``url``. ``timeout``: seconds in which an operation is tried again.

    ``retention_days``: after how many days the entries of a time series are removed, by the name of its collection.
    ``telemetry_log``: a folder on this machine by which telemetry goes; ConfigurationError, at the first use, for one
    that cannot be used.
    """

    settles_after = 2.0
    """Seconds after which no entry of a time series becomes visible before one that is there."""
    again_for_one = 60

    def __init__(
        self,
        url: str,
        *,
        timeout: float = 10.0,
        retention_days: Mapping[str, float] | None = None,
        telemetry_log: str | os.PathLike[str] = "",
    ) -> None:
        self._url = url
        self._timeout = timeout
        self._telemetry_log = Path(telemetry_log) if telemetry_log else None
        self._retention_days = dict(retention_days or {})
        self._clients: dict[int, MongoClient] = {}
        self._opening = threading.Lock()
        self._indexed: set[Collection] = set()
        self._numbers = NumberBlocks(self._allot, _BLOCK)
        self._closed = False

    @classmethod
    def from_settings(cls, settings: Any) -> MongoStorage:
        chosen = settings.mongodb
        return cls(
            chosen.url,
            timeout=chosen.timeout,
            retention_days=chosen.retention_days,
            telemetry_log=chosen.telemetry_log,
        )

    def create(self, collection: Collection, key: str, document: Document, *, durable: bool = False) -> Stored:
        return self._create(collection, key, document, {}, None)

    def create_and_append(
        self,
        collection: Collection,
        key: str,
        document: Document,
        append: Mapping[Collection, Entries],
        *,
        durable: bool = False,
        pending: Pending | None = None,
    ) -> Stored:
        return self._create(collection, key, document, append, pending)

    def create_alone(
        self,
        collection: Collection,
        key: str,
        document: Document,
        others: Sequence[Other],
        append: Mapping[Collection, Entries] | None = None,
        *,
        durable: bool = False,
        pending: Pending | None = None,
    ) -> Stored:
        return self._create(collection, key, document, append or {}, pending, others=others)

    def get(self, collection: Collection, key: str) -> Stored | None:
        target = self._settled(collection)
        wanted = identity(key)
        if wanted == key:
            found = self._client().search((target.name, ("_id",)), (key,), 1)
        else:
            found = self._client().find({"find": target.name, "filter": {"_id": wanted}, "limit": 1})
        return decode(found[0]) if found else None

    def get_many(self, collection: Collection, keys: Iterable[str]) -> dict[str, Stored]:
        target = self._settled(collection)
        wanted = list(dict.fromkeys(keys))
        found: dict[str, Stored] = {}
        for begin in range(0, len(wanted), _AT_ONCE):
            some = identities(wanted[begin : begin + _AT_ONCE])
            for row in self._client().find({"find": target.name, "filter": {"_id": {"$in": some}}, "limit": len(some)}):
                found[str(row["_id"])] = decode(row)
        return found

    def get_again(self, collection: Collection, known: Mapping[str, Any]) -> dict[str, Again]:
        target, client = self._settled(collection), self._client()
        wanted = list(known)
        found: dict[str, Again] = {}
        for begin in range(0, len(wanted), _AT_ONCE):
            some = identities(wanted[begin : begin + _AT_ONCE])
            for raw in client.find_raw(target.name, {"_id": {"$in": some}}, len(some)):
                key, state = key_of(raw), hash(raw)
                found[key] = Again(state, None if known.get(key) == state else decode(client.unpacked(raw)))
        return found

    def replace(
        self,
        collection: Collection,
        key: str,
        document: Document,
        *,
        revision: int,
        durable: bool = False,
        before: Document | None = None,
    ) -> Stored:
        return self._replace(collection, key, document, {}, revision=revision, pending=None)

    def replace_and_append(
        self,
        collection: Collection,
        key: str,
        document: Document,
        append: Mapping[Collection, Entries],
        *,
        revision: int,
        durable: bool = False,
        before: Document | None = None,
        pending: Pending | None = None,
    ) -> Stored:
        return self._replace(collection, key, document, append, revision=revision, pending=pending)

    def put(self, collection: Collection, documents: Mapping[str, Document]) -> None:
        items = list(documents.items())
        for begin in range(0, len(items), _PUT_AT_ONCE):
            self.write(put={collection: dict(items[begin : begin + _PUT_AT_ONCE])})

    def delete(self, collection: Collection, key: str, *, revision: int | None = None) -> bool:
        target = self._settled(collection)
        condition = {"_id": identity(key)}
        if revision is not None:
            condition["_revision"] = revision or None

        def attempt(again: bool) -> bool:
            if target.delete_one(condition).deleted_count:
                return True
            if revision is not None:
                problem = conflict(target, collection, key, revision)
                if isinstance(problem, RevisionConflict):
                    raise problem
            return again

        return self._client().run(attempt)

    def delete_where(self, collection: Collection, where: Mapping[str, Any], *, limit: int = 10_000) -> int:
        search = find_search(collection, where, None)
        target = self._collection(collection)
        keys = [row["_id"] for row in self._rows(collection, search, limit, None, False, keys_only=True)]
        for begin in range(0, len(keys), _AT_ONCE):
            some = {"_id": {"$in": keys[begin : begin + _AT_ONCE]}}
            self._client().run(lambda _, some=some: target.delete_many(some))  # type: ignore[misc]
        return len(keys)

    def find(
        self,
        collection: Collection,
        where: Mapping[str, Any] | None = None,
        *,
        order: str | None = None,
        descending: bool = False,
        limit: int = 100,
        after: str | None = None,
        settled: bool = False,
    ) -> Page:
        if limit < 1:
            raise ValueError(f"limit: at least 1, not {limit}")
        search = find_search(collection, where, order)
        place = read_token("mongodb", after, search) if after is not None else None
        now = self._client().now() if settled and self.settles_after else None
        rows = self._rows(collection, search, limit + 1, place, descending)
        if now is not None:
            arrived = [row["_arrival"].as_datetime() for row in rows]
            rows = rows[: settled_at_begin(arrived, now, self.settles_after + _RESOLUTION)]
        if not rows:
            return Page([])
        items = [decode(row) for row in rows[:limit]]
        value = items[-1].document.get(search.sort) if search.sort else None
        tie = rows[len(items) - 1][tie_field(collection)]
        cursor = write_token("mongodb", search, value, plain_tie(tie))
        return Page(items, cursor if len(rows) > limit else None, cursor)

    def count(self, collection: Collection, where: Mapping[str, Any] | None = None) -> int:
        search = count_search(collection, where)
        hint = dict.fromkeys(index_fields(collection, search.index), 1)
        command = {"count": self._settled(collection).name, "query": conditions(search), "hint": hint}
        return int(self._client().read(command)["n"])

    def increment(self, counter: str, by: int = 1) -> int:
        self._client()
        return self._numbers.take(counter, by)

    def append(self, collection: Collection, entries: Entries, *, durable: bool = False) -> int:
        if not entries:
            return 0
        write = ObjectId()
        target = self._settled(collection)
        rows = inserts(collection, entries, write)
        keys = [key for key, _ in entries]

        def settle(again: bool, refused: list[set[int]]) -> int:
            if again:
                return target.count_documents({"_id": {"$in": keys}, "_write": write})
            return len(rows) - len(refused[0])

        return self._client().commit(partial(Work, [Step(target, INSERT, rows)]), settle)

    def write(
        self,
        *,
        append: Mapping[Collection, Entries] | None = None,
        put: Mapping[Collection, Mapping[str, Document]] | None = None,
        durable: bool = False,
        pending: Pending | None = None,
    ) -> None:
        appends = self._appends(append or {})
        puts = [
            self._step(collection, UPDATE, [upserted(collection, *item) for item in documents.items()])
            for collection, documents in (put or {}).items()
            if documents
        ]
        steps = [*appends, *puts]
        if durable:
            steps = [dataclasses.replace(step, logged=False) for step in steps]
        if steps and self._client().log(steps):
            return
        if steps and self._client().begin(partial(Work, steps), pending):
            return
        first_put = len(appends)
        while steps:
            refused = self._client().commit(partial(Work, steps), lambda _, places: places)
            # Two that put the same new key at once collide, and the next attempt finds it there.
            found = list(zip(steps, refused, strict=True))[first_put:]
            steps = [
                dataclasses.replace(step, rows=[step.rows[place] for place in places])
                for step, places in found
                if places
            ]
            first_put = 0

    def _create(
        self,
        collection: Collection,
        key: str,
        document: Document,
        append: Mapping[Collection, Entries],
        pending: Pending | None,
        *,
        others: Sequence[Other] = (),
    ) -> Stored:
        write = ObjectId()
        row = pack(collection, key, document, _revision=1, _write=write)
        step = Step(self._settled(collection), INSERT, [row])
        looks = [self._look(other, step.target, key) for other in others]

        def refusal() -> AlreadyExists:
            return AlreadyExists(f"{collection.name}: there is already a document {key!r}")

        self._store(step, key, write, append, refusal=refusal, pending=pending, looks=looks)
        return Stored(key, 1, document)

    def _replace(
        self,
        collection: Collection,
        key: str,
        document: Document,
        append: Mapping[Collection, Entries],
        *,
        revision: int,
        pending: Pending | None,
    ) -> Stored:
        write = ObjectId()
        row = pack(collection, key, document, _revision=revision + 1, _write=write)
        target = self._settled(collection)

        def refusal() -> NotFound | RevisionConflict:
            return conflict(target, collection, key, revision)

        def attempt(again: bool) -> None:
            if not replaced(target, row, key, revision) and not (again and is_ours(target, key, write)):
                raise refusal()

        if is_certain(key, revision):
            self._store(
                Step(target, UPDATE, [revised(row, key, revision)]),
                key,
                write,
                append,
                refusal=refusal,
                pending=pending,
            )
        else:
            self._client().run(attempt)
            self.write(append=append)
        return Stored(key, revision + 1, document)

    def _store(
        self,
        step: Step,
        key: str,
        write: ObjectId,
        append: Mapping[Collection, Entries],
        *,
        refusal: Callable[[], Exception],
        pending: Pending | None,
        looks: Sequence[Callable[[float], Look]] = (),
    ) -> None:
        """Do the step, which stores one document by that write, look, then append the entries; raises ``refusal()``.

        Raises NotAlone where a look finds something, or where it is not known whether one has.
        """
        steps = [step, *self._appends(append)]

        def work(deadline: float) -> Work:
            return Work(steps, deadline, stops=True, looks=[look(deadline) for look in looks])

        def settle(again: bool, refused: list[set[int]]) -> None:
            if refused and refused[0] and not (again and is_ours(step.target, key, write)):
                raise refusal()
            if not refused or (refused[0] and looks):
                raise NotAlone(f"{step.target.name}: beside the document {key!r} there is another one, or may be")
            if refused[0]:
                self.write(append=append)

        if not self._client().begin(work, pending):
            self._client().commit(work, settle)

    def _look(self, other: Other, target: Target, key: str) -> Callable[[float], Look]:
        """What makes, of its deadline, the look for another document beside the one of that key in ``target``."""
        source = self._settled(other.collection)
        if isinstance(other.which, str):
            place: tuple[str, tuple[str, ...]] = (source.name, ("_id",))
            values: tuple[Any, ...] = (other.which,)
        else:
            place, values = self._equal(other.collection, others_search(other))

        def is_one(row: dict[str, Any]) -> bool:
            found = decode(row)
            is_itself = source is target and found.key == key
            return not is_itself and all(found.document.get(name) == value for name, value in other.also.items())

        return lambda deadline: Look(Wanted(place, values, _FOUND + 1, deadline), is_one, _FOUND)

    def _step(self, collection: Collection, kind: tuple[str, str], rows: Sequence[RawBSONDocument]) -> Step:
        is_logged = collection.telemetry and self._client().telemetry is not None
        return Step(self._collection(collection), kind, rows, logged=is_logged)

    def _appends(self, append: Mapping[Collection, Entries]) -> list[Step]:
        return [
            self._step(collection, INSERT, inserts(collection, entries, ObjectId()))
            for collection, entries in append.items()
            if entries
        ]

    def append_found(
        self,
        collection: Collection,
        entries: Entries,
        source: Collection,
        where: Mapping[str, Any],
        fields: Callable[[Sequence[Stored]], Document],
        *,
        order: str | None = None,
        pending: Pending | None = None,
    ) -> None:
        search = find_search(source, where, order)
        if search.range is not None or not search.equals:
            return super().append_found(collection, entries, source, where, fields, order=order)
        step = self._step(collection, INSERT, inserts(collection, entries, ObjectId()))
        self._settled(source)

        def complete(found: list[dict[str, Any]]) -> list[Step]:
            if len(found) > _FOUND:
                raise _FoundTooMany
            more = encode(collection, "-", fields([decode(row) for row in found]))
            del more["_id"]
            if "_us" in more:
                raise _FoundTooMany
            return [dataclasses.replace(step, rows=[extended(row, more) for row in step.rows]) if more else step]

        place, values = self._equal(source, search)
        try:
            self._client().commit_found(partial(Wanted, place, values, _FOUND + 1), complete, pending)
        except _FoundTooMany:
            super().append_found(collection, entries, source, where, fields, order=order)

    def indexes(self, collection: Collection) -> list[str]:
        target = self._collection(collection)
        return sorted(self._client().run(lambda _: target.index_information()))

    def check(self) -> StoreInfo:
        client = self._client()
        begin = time.perf_counter()
        client.run(lambda _: client.database.command("ping"))
        latency = (time.perf_counter() - begin) * 1000
        version = client.run(lambda _: client.database.command("buildInfo"))["version"]
        hello = client.run(lambda _: client.database.command("hello"))
        server = f"replica set {hello['setName']}" if "setName" in hello else hello.get("msg", "standalone server")
        detail = {"database": client.database.name, "server": server}
        if client.telemetry is not None:
            detail |= client.telemetry.described()
        return StoreInfo("mongodb", f"MongoDB {version}", latency, detail)

    def close(self) -> None:
        self._closed = True
        client = self._clients.pop(os.getpid(), None)
        if client is not None:
            client.close()

    def _client(self) -> MongoClient:
        if self._closed:
            raise StoreClosed("The store was closed")
        identity = os.getpid()
        client = self._clients.get(identity)
        if client is None:
            with self._opening:
                client = self._clients.get(identity)
                if client is None:
                    client = self._clients[identity] = MongoClient(self._url, self._timeout, self._telemetry_log)
        return client

    def _collection(self, collection: Collection) -> Target:
        client = self._client()
        target = client.targets.get(collection)
        if target is None:
            target = client.database[collection.name]
            if collection not in self._indexed:
                days = self._retention_days.get(collection.name)
                client.run(lambda _: create_indexes(client.database[collection.name], collection, days))
                self._indexed.add(collection)
            client.targets[collection] = target
        return target

    def _settled(self, collection: Collection) -> Target:
        """The collection, in which everything is now that was written to it on this machine."""
        telemetry = self._client().telemetry
        if collection.telemetry and telemetry is not None:
            telemetry.settle()
        return self._collection(collection)

    def _rows(
        self,
        collection: Collection,
        search: Search,
        limit: int,
        after: tuple[Any, Any] | None,
        descending: bool,
        *,
        keys_only: bool = False,
    ) -> list[dict[str, Any]]:
        if _is_empty(search.range):
            return []
        name = self._settled(collection).name
        is_joined = after is None and search.range is None and not descending and not keys_only
        if is_joined and search.equals:
            return self._client().search(*self._equal(collection, search), limit)
        low, high = bounds(collection, search, after, descending)
        command: dict[str, Any] = {
            "find": name,
            "hint": {field: 1 for field, _ in low},
            "min": dict(low),
            "max": dict(high),
            "sort": {field: -1 if descending else 1 for field, _ in low},
            "limit": limit,
        }
        if keys_only:
            command["projection"] = {"_id": 1}
        return self._client().find(command)

    def _equal(self, collection: Collection, search: Search) -> tuple[tuple[str, tuple[str, ...]], tuple[Any, ...]]:
        """Where a search for equal values looks, and for which, see Wanted."""
        place = (self._collection(collection).name, index_fields(collection, search.index))
        return place, tuple(equal_parts(search))

    def _allot(self, counter: str, by: int) -> int:
        target = self._client().database["counters"]

        def attempt(again: bool) -> int:
            found = target.find_one_and_update(
                {"_id": counter, "value": {"$lte": LAST - by}},
                {"$inc": {"value": by}},
                upsert=by <= LAST,
                return_document=ReturnDocument.AFTER,
            )
            return int(found["value"]) if found else 0

        for last_try in (False, True):
            try:
                return self._client().run(attempt)
            except DuplicateKeyError:
                if last_try:
                    break
        raise StorageError(f"The counter {counter} is used up: there is no number left below 2^31")


def _is_empty(condition: Range | None) -> bool:
    if condition is None or condition.at_least is None or condition.below is None:
        return False
    return bool(condition.at_least >= condition.below)
