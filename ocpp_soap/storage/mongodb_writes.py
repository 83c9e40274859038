"""Writes to MongoDB whose answer must be told apart: stored, was there already, changed by somebody else, too large."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from bson import encode as bson_encode
from bson.errors import BSONError
from bson.objectid import ObjectId
from bson.raw_bson import RawBSONDocument
from pymongo import UpdateOne
from pymongo.errors import DocumentTooLarge as TooLarge
from pymongo.errors import PyMongoError

from ocpp_soap.errors import DocumentTooLarge, NotFound, RevisionConflict
from ocpp_soap.storage.base import Collection, Document
from ocpp_soap.storage.mongodb_commits import Target
from ocpp_soap.storage.mongodb_documents import encode, identity
from ocpp_soap.storage.mongodb_errors import is_too_large

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


def pack(collection: Collection, key: str, document: Document, **more: Any) -> RawBSONDocument:
    """The bytes of a document, with ``more`` fields of ours. Raises ValueError, DocumentTooLarge.

    Every thread packs its own documents, so that what is wrong with one spoils no other's write.
    """
    row = {**encode(collection, key, document), **more}
    try:
        packed = bson_encode(row)
    except (BSONError, UnicodeError, OverflowError) as error:
        raise ValueError(f"This cannot be stored: {error}") from error
    if len(packed) > _MAX_BYTES:
        raise _too_large(collection, key, len(packed))
    return RawBSONDocument(packed)


def upserted(row: RawBSONDocument, key: str) -> UpdateOne:
    """Stores the row whatever is there, and counts its revision up."""
    next_revision = {"_revision": {"$add": [{"$ifNull": ["$_revision", 0]}, 1]}}
    content = {"$mergeObjects": [{"$literal": row}, next_revision]}
    return UpdateOne({"_id": key}, [{"$replaceWith": content}], upsert=True)


def revised(row: RawBSONDocument, key: str, revision: int) -> UpdateOne:
    """Replaces the document of that key by ``row`` if it has that revision, at least 1, and is refused if not.

    An update whose filter does not match would count as done, and the answer to many of them does not tell which it
    was. This one fails in its place: instead of new content it demands a conversion that MongoDB cannot do. An absent
    document has no revision either, and ``upsert`` makes MongoDB look.
    """
    impossible = {"$toInt": {"$concat": ["another revision: ", "$_id"]}}
    content = {"$cond": [{"$eq": ["$_revision", revision]}, {"$literal": row}, impossible]}
    return UpdateOne({"_id": key}, [{"$replaceWith": content}], upsert=True)


def is_certain(key: str, revision: int) -> bool:
    """Whether :func:`revised` can be used: the document is one of ours, not of another program."""
    return revision > 0 and identity(key) == key


def replaced(target: Target, row: RawBSONDocument, key: str, revision: int) -> bool:
    """Replace a document that may be another program's; False: it has not this revision (none, for 0)."""
    content = {name: value for name, value in row.items() if name != "_id"}
    return target.replace_one({"_id": identity(key), "_revision": revision or None}, content).matched_count > 0


@contextmanager
def sizes_checked(collection: Collection, rows: Sequence[RawBSONDocument]) -> Iterator[None]:
    """Turn what MongoDB says of a document beyond 16 MiB into DocumentTooLarge with its key."""
    try:
        yield
    except (PyMongoError, TooLarge) as error:
        if not is_too_large(error):
            raise
        size, key = max((len(row.raw), row["_id"]) for row in rows)
        raise _too_large(collection, key, size) from error


def _too_large(collection: Collection, key: str, size: int) -> DocumentTooLarge:
    return DocumentTooLarge(
        f"{collection.name}: the document {key!r} has {size} bytes, and MongoDB holds at most {_MAX_BYTES}"
    )
