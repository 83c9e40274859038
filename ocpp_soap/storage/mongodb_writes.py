"""Writes to MongoDB whose answer must be told apart: stored, was there already, changed by somebody else, too large."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from bson import encode as bson_encode
from bson.objectid import ObjectId
from pymongo import UpdateOne
from pymongo.collection import Collection as MongoCollection
from pymongo.errors import BulkWriteError, DuplicateKeyError, PyMongoError
from pymongo.errors import DocumentTooLarge as TooLarge

from ocpp_soap.errors import DocumentTooLarge, NotFound, RevisionConflict
from ocpp_soap.storage.base import Collection
from ocpp_soap.storage.mongodb_client import is_too_large
from ocpp_soap.storage.mongodb_documents import identity

Target = MongoCollection[dict[str, Any]]
_DUPLICATE = 11000
_MAX_BYTES = 16 * 2**20


def is_ours(target: Target, key: str, write: ObjectId) -> bool:
    """Whether the document was last written by this write, whose answer was lost."""
    found = target.find_one({"_id": identity(key)}, {"_write": 1})
    return found is not None and found.get("_write") == write


def conflict(target: Target, collection: Collection, key: str, revision: int) -> NotFound | RevisionConflict:
    """Why there is no document of that key and revision."""
    found = target.find_one({"_id": identity(key)}, {"_revision": 1})
    if found is None:
        return NotFound(f"{collection.name}: there is no document {key!r}")
    current = found.get("_revision", 0)
    return RevisionConflict(f"{collection.name}: the document {key!r} has revision {current}, not {revision}")


def insert_new(target: Target, rows: Sequence[dict[str, Any]]) -> int:
    """Insert those whose key is not there yet, in their order; return how many."""
    try:
        if len(rows) == 1:
            target.insert_one(rows[0])
            return 1
        target.insert_many(rows, ordered=False)
    except DuplicateKeyError:
        return 0
    except BulkWriteError as error:
        if not _only_duplicates(error):
            raise
        return int((error.details or {}).get("nInserted", 0))
    return len(rows)


def upsert(target: Target, changes: Sequence[UpdateOne]) -> None:
    """Apply the changes. Two that create the same key at once collide, and the next attempt finds it there."""
    try:
        target.bulk_write(changes, ordered=False)
    except BulkWriteError as error:
        if not _only_duplicates(error):
            raise
        target.bulk_write(changes, ordered=False)


@contextmanager
def sizes_checked(collection: Collection, rows: Sequence[dict[str, Any]]) -> Iterator[None]:
    """Turn what MongoDB says of a document beyond 16 MiB into DocumentTooLarge with its key."""
    try:
        yield
    except (PyMongoError, TooLarge) as error:
        if not is_too_large(error):
            raise
        raise _too_large(collection, rows) from error


def _too_large(collection: Collection, rows: Sequence[dict[str, Any]]) -> DocumentTooLarge:
    size, key = max((len(bson_encode(row)), row["_id"]) for row in rows)
    return DocumentTooLarge(
        f"{collection.name}: the document {key!r} has {size} bytes, and MongoDB holds at most {_MAX_BYTES}"
    )


def _only_duplicates(error: BulkWriteError) -> bool:
    details = error.details or {}
    problems = details.get("writeErrors", ())
    return not details.get("writeConcernErrors") and all(problem.get("code") == _DUPLICATE for problem in problems)
