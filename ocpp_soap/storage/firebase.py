"""The Firebase store: Cloud Firestore through firebase-admin, for those who run no server of their own.

Connection: ``storage.backend: firebase``, ``storage.firebase.project_id``, and ``storage.firebase.credentials`` (the
file of a service account) or application default credentials; ``FIRESTORE_EMULATOR_HOST`` names an emulator. Deploy
what ``ocpp-soap storage indexes`` prints first. Every write is on several disks before it is acknowledged.
"""

# The verbs are documented in Storage.
# ruff: noqa: D102

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any
from uuid import uuid4

from google.api_core.exceptions import AlreadyExists as Exists
from google.api_core.exceptions import FailedPrecondition
from google.api_core.exceptions import NotFound as Missing
from google.cloud.firestore_v1 import SERVER_TIMESTAMP, Increment

from ocpp_soap.errors import AlreadyExists, NotFound, RevisionConflict, StorageError, StoreClosed
from ocpp_soap.storage.base import MOST_AHEAD, Collection, Document, Entries, Page, Storage, Stored, StoreInfo
from ocpp_soap.storage.encoding import index_value
from ocpp_soap.storage.firebase_client import FirestoreClient
from ocpp_soap.storage.firebase_documents import can_be_there, document_id, fields, searched, stored
from ocpp_soap.storage.firebase_indexes import composite_indexes
from ocpp_soap.storage.firebase_schema import prepare
from ocpp_soap.storage.firebase_searches import filtered, ordered
from ocpp_soap.storage.numbers import LAST, NumberBlocks
from ocpp_soap.storage.searches import count_search, find_search, read_token, settled_at_begin, write_token

_BLOCK = 100
_WRITES_AT_ONCE = 400
_BYTES_AT_ONCE = 4 * 2**20
_READS_AT_ONCE = 300
_CHANGED = (FailedPrecondition, Missing)
"""How Firestore refuses a write to a document that is not as it was, or not there."""
_FIELDS = ("key", "document", "f", "write", "revision")


class FirebaseStorage(Storage):
    """A store in the Cloud Firestore of a project. ``timeout``: seconds in which an operation is tried again."""

    settles_after = 2.0
    """Seconds after which no entry of a time series becomes visible before one that is there."""
    again_for_one = 1

    def __init__(
        self,
        project_id: str | None = None,
        *,
        credentials: str | os.PathLike[str] | None = None,
        database: str = "(default)",
        timeout: float = 10.0,
    ) -> None:
        file = None if credentials is None else os.fspath(credentials)
        self._arguments = (project_id, file, database, timeout)
        self._clients: dict[int, FirestoreClient] = {}
        self._connecting = threading.Lock()
        self._prepared: set[Collection] = set()
        self._numbers = NumberBlocks(self._allot, _BLOCK)
        self._closed = False

    @classmethod
    def from_settings(cls, settings: Any) -> FirebaseStorage:
        chosen = settings.firebase
        return cls(chosen.project_id, credentials=chosen.credentials, database=chosen.database, timeout=chosen.timeout)

    def create(self, collection: Collection, key: str, document: Document, *, durable: bool = False) -> Stored:
        write = uuid4().hex
        row = {**fields(collection, key, document, write), "revision": 1}
        target = self._target(collection, key)
        try:
            self._client().run(lambda limits: target.create(row, **limits), conflicts=(Exists,))
        except Exists:
            # The answer to an earlier attempt may have been lost: then the document is the one of this write.
            if self._written_by(target) != write:
                raise AlreadyExists(f"{collection.name}: there is already a document {key!r}") from None
        return Stored(key, 1, document)

    def get(self, collection: Collection, key: str) -> Stored | None:
        if not can_be_there(key):
            return None
        target = self._target(collection, key)
        snapshot = self._client().run(lambda limits: target.get(**limits))
        return stored(snapshot) if snapshot.exists else None

    def get_many(self, collection: Collection, keys: Iterable[str]) -> dict[str, Stored]:
        targets = [self._target(collection, key) for key in filter(can_be_there, dict.fromkeys(keys))]
        found: dict[str, Stored] = {}
        for some in _chunks(targets, _READS_AT_ONCE):
            for item in self._snapshots(some):
                found[item.key] = item
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
        write = uuid4().hex
        row = {**fields(collection, key, document, write), "revision": revision + 1}
        target = self._target(collection, key)
        client = self._client()
        while True:
            snapshot = client.run(lambda limits: target.get(**limits))
            if not snapshot.exists:
                raise NotFound(f"{collection.name}: there is no document {key!r}")
            if snapshot.get("write") == write:
                return Stored(key, revision + 1, document)
            _check_revision(collection, key, snapshot.get("revision"), revision)
            try:
                option = client.database.write_option(last_update_time=snapshot.update_time)
                client.run(
                    lambda limits, option=option: target.update(row, option=option, **limits),  # type: ignore[misc]
                    conflicts=_CHANGED,
                )
            except _CHANGED:
                continue
            return Stored(key, revision + 1, document)

    def put(self, collection: Collection, documents: Mapping[str, Document]) -> None:
        write = uuid4().hex
        rows = {key: fields(collection, key, document, write) for key, document in documents.items()}
        client = self._client()
        for some in _batches([(key, rows[key]) for key in self._news(collection, documents)]):
            batch = client.database.batch()
            for key, row in some:
                batch.set(self._target(collection, key), {**row, "revision": Increment(1)}, merge=list(_FIELDS))
            client.run(lambda limits, batch=batch: batch.commit(**limits))  # type: ignore[misc]

    def _news(self, collection: Collection, documents: Mapping[str, Document]) -> Iterable[str]:
        """The keys of those documents that are not older than what is there, as far as can be seen beforehand.

        What is there from the future by the clock of this machine does not count.
        """
        field = collection.latest
        there = self.get_many(collection, documents) if field else {}
        for key, document in documents.items():
            stored = there[key].document[field] if key in there else None
            if stored is None or stored <= document[field] or _is_ahead(stored):
                yield key

    def delete(self, collection: Collection, key: str, *, revision: int | None = None) -> bool:
        if not can_be_there(key):
            return False
        target = self._target(collection, key)
        client = self._client()
        option = client.database.write_option(exists=True)
        must_look = revision is not None
        while True:
            if must_look:
                snapshot = client.run(lambda limits: target.get(**limits))
                if not snapshot.exists:
                    return False
                if revision is not None:
                    _check_revision(collection, key, snapshot.get("revision"), revision)
                    option = client.database.write_option(last_update_time=snapshot.update_time)
            try:
                client.run(
                    lambda limits, option=option: target.delete(option=option, **limits),  # type: ignore[misc]
                    conflicts=_CHANGED,
                )
            except _CHANGED:
                must_look = True
                continue
            return True

    def delete_where(self, collection: Collection, where: Mapping[str, Any], *, limit: int = 10_000) -> int:
        search = find_search(collection, where, None)
        client = self._client()
        query = filtered(self._collection(collection), search)
        query = ordered(query, collection, search, False).select([]).limit(limit)
        found = client.run(lambda limits: query.get(**limits))
        for some in _chunks(found, _WRITES_AT_ONCE):
            batch = client.database.batch()
            for snapshot in some:
                batch.delete(snapshot.reference)
            client.run(lambda limits, batch=batch: batch.commit(**limits))  # type: ignore[misc]
        return len(found)

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
        client = self._client()
        query = filtered(self._collection(collection), search)
        query = ordered(query, collection, search, descending).limit(limit + 1)
        if after is not None:
            value, tie = read_token("firebase", after, search)
            query = query.start_after([*([searched(value)] if search.sort else []), *tie])
        rows = client.run(lambda limits: query.get(**limits))
        if settled and rows:
            arrived = [row.get("arrival") for row in rows]
            rows = rows[: settled_at_begin(arrived, rows[0].read_time, self.settles_after)]
        if not rows:
            return Page([])
        items = [stored(row) for row in rows[:limit]]
        last = rows[len(items) - 1]
        value = index_value(items[-1].document, search.sort) if search.sort else None
        tie = [last.get("arrival"), last.get("n"), last.id] if collection.append_only else [last.id]
        if not search.index and not collection.append_only:
            tie = [items[-1].key]
        cursor = write_token("firebase", search, value, tie)
        return Page(items, cursor if len(rows) > limit else None, cursor)

    def count(self, collection: Collection, where: Mapping[str, Any] | None = None) -> int:
        search = count_search(collection, where)
        client = self._client()
        query = filtered(self._collection(collection), search).count()
        return int(client.run(lambda limits: query.get(**limits))[0][0].value)

    def increment(self, counter: str, by: int = 1) -> int:
        self._client()
        return self._numbers.take(counter, by)

    def append(self, collection: Collection, entries: Entries, *, durable: bool = False) -> int:
        write = uuid4().hex
        first: dict[str, Document] = {}
        for key, document in entries:
            first.setdefault(key, document)
        rows = [(key, fields(collection, key, document, write)) for key, document in first.items()]
        return sum(self._append(collection, some, write) for some in _batches(rows))

    def _append(self, collection: Collection, rows: list[tuple[str, dict[str, Any]]], write: str) -> int:
        client = self._client()
        known = 0
        while rows:
            batch = client.database.batch()
            for number, (key, row) in enumerate(rows):
                extra = {"revision": 1, "arrival": SERVER_TIMESTAMP, "n": number}
                batch.create(self._target(collection, key), {**row, **extra})
            try:
                client.run(lambda limits, batch=batch: batch.commit(**limits), conflicts=(Exists,))  # type: ignore[misc]
                break
            except Exists:
                targets = [self._target(collection, key) for key, _ in rows]
                writes = {snapshot.id: snapshot.get("write") for snapshot in self._found(targets)}
                known += sum(found == write for found in writes.values())
                rows = [(key, row) for key, row in rows if document_id(key) not in writes]
        return known + len(rows)

    def indexes(self, collection: Collection) -> list[str]:
        needed = composite_indexes([collection])["indexes"]
        return [", ".join(f"{field['fieldPath']} {field['order']}" for field in index["fields"]) for index in needed]

    def check(self) -> StoreInfo:
        client = self._client()
        target = client.database.collection("counters").document("check")
        begin = time.perf_counter()
        client.run(lambda limits: target.get(**limits))
        latency = (time.perf_counter() - begin) * 1000
        emulator = os.environ.get("FIRESTORE_EMULATOR_HOST")
        server = f"emulator at {emulator}" if emulator else "Google Cloud"
        detail = {"project": client.database.project, "database": self._arguments[2], "server": server}
        return StoreInfo("firebase", "Cloud Firestore v1", latency, detail)

    def close(self) -> None:
        self._closed = True
        client = self._clients.pop(os.getpid(), None)
        if client is not None:
            client.close()

    def _client(self) -> FirestoreClient:
        if self._closed:
            raise StoreClosed("The store was closed")
        identity = os.getpid()
        client = self._clients.get(identity)
        if client is None:
            with self._connecting:
                client = self._clients.get(identity) or FirestoreClient(*self._arguments)
                self._clients[identity] = client
        return client

    def _target(self, collection: Collection, key: str) -> Any:
        return self._collection(collection).document(document_id(key))

    def _collection(self, collection: Collection) -> Any:
        client = self._client()
        target = client.database.collection(collection.name)
        if collection not in self._prepared:
            client.run(lambda limits: prepare(client.database, target, collection, limits))
            self._prepared.add(collection)
        return target

    def _written_by(self, target: Any) -> str | None:
        snapshot = self._client().run(lambda limits: target.get(["write"], **limits))
        return snapshot.get("write") if snapshot.exists else None

    def _found(self, targets: list[Any]) -> list[Any]:
        client = self._client()
        found = client.run(lambda limits: list(client.database.get_all(targets, **limits)))
        return [snapshot for snapshot in found if snapshot.exists]

    def _snapshots(self, targets: list[Any]) -> list[Stored]:
        return [stored(snapshot) for snapshot in self._found(targets)]

    def _allot(self, counter: str, by: int) -> int:
        target = self._client().database.collection("counters").document(document_id(counter))
        result = self._client().run(lambda limits: target.set({"value": Increment(by)}, merge=True, **limits))
        value = int(result.transform_results[0].integer_value)
        if value > LAST:
            raise StorageError(f"The counter {counter} is used up: there is no number left below 2^31")
        return value


def _is_ahead(moment: Any) -> bool:
    return isinstance(moment, datetime) and moment > datetime.now(timezone.utc) + MOST_AHEAD


def _check_revision(collection: Collection, key: str, current: int, revision: int) -> None:
    if current != revision:
        raise RevisionConflict(f"{collection.name}: the document {key!r} has revision {current}, not {revision}")


def _chunks(items: Sequence[Any], size: int) -> Iterator[list[Any]]:
    for begin in range(0, len(items), size):
        yield list(items[begin : begin + size])


def _batches(rows: list[tuple[str, dict[str, Any]]]) -> Iterator[list[tuple[str, dict[str, Any]]]]:
    """The rows in parts that one commit takes."""
    some: list[tuple[str, dict[str, Any]]] = []
    size = 0
    for key, row in rows:
        length = len(row["document"].encode())
        if some and (len(some) == _WRITES_AT_ONCE or size + length > _BYTES_AT_ONCE):
            yield some
            some, size = [], 0
        some.append((key, row))
        size += length
    if some:
        yield some
