"""Writes to MongoDB whose answer must be told apart: stored, was there already, changed by somebody else, too large."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from bson import encode as bson_encode
from bson.errors import BSONError
from bson.objectid import ObjectId
from bson.raw_bson import RawBSONDocument
from bson.timestamp import Timestamp

from ocpp_soap.errors import DocumentTooLarge, NotFound, RevisionConflict
from ocpp_soap.storage.base import MOST_AHEAD, Collection, Document, Entries
from ocpp_soap.storage.mongodb_commits import Target
from ocpp_soap.storage.mongodb_documents import encode, identity, split

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
        raise DocumentTooLarge(
            f"{collection.name}: the document {key!r} has {len(packed)} bytes, and MongoDB holds at most {_MAX_BYTES}"
        )
    return RawBSONDocument(packed)


def inserts(collection: Collection, entries: Entries, write: ObjectId) -> list[RawBSONDocument]:
    """The bytes of what adds the entries to a time series, each key once."""
    first: dict[str, Document] = {}
    for key, document in entries:
        first.setdefault(key, document)
    # The server fills an empty timestamp with its own clock, unique and growing: the order of arrival.
    more = {"_revision": 1, "_write": write, "_arrival": Timestamp(0, 0), "_at": datetime.now(timezone.utc)}
    return [pack(collection, key, document, **more) for key, document in first.items()]


def extended(row: RawBSONDocument, more: dict[str, Any]) -> RawBSONDocument:
    """The row with more fields at its end."""
    fields = bson_encode(more)
    size = len(row.raw) + len(fields) - 5
    return RawBSONDocument(size.to_bytes(4, "little") + row.raw[4:-1] + fields[4:])


def upserted(collection: Collection, key: str, document: Document) -> RawBSONDocument:
    """Stores the document and counts its revision up, unless the ``latest`` of the collection is greater there.

    A time that lies in the future by the server's clock does not count; a number is less than any time.
    """
    row = pack(collection, key, document, _revision=0)
    next_revision = {"_revision": {"$add": [{"$ifNull": ["$_revision", 0]}, 1]}}
    content: Any = {"$mergeObjects": [{"$literal": row}, next_revision]}
    if collection.latest:
        moment = document.get(collection.latest)
        ours = split(moment) if isinstance(moment, datetime) else (moment, 0)
        stored = [f"${collection.latest}", {"$ifNull": [f"$_us.{collection.latest}", 0]}]
        future = {"$add": ["$$NOW", MOST_AHEAD // timedelta(milliseconds=1)]}
        is_later = [{"$gt": [stored, {"$literal": ours}]}, {"$lte": [f"${collection.latest}", future]}]
        content = {"$cond": [{"$and": is_later}, "$$ROOT", content]}
    return _update(key, content)


def revised(row: RawBSONDocument, key: str, revision: int) -> RawBSONDocument:
    """Replaces the document of that key by ``row`` if it has that revision, at least 1, and is refused if not.

    An update whose filter does not match would count as done, and the answer to many of them does not tell which it
    was. This one fails in its place: instead of new content it demands a conversion that MongoDB cannot do. An absent
    document has no revision either, and ``upsert`` makes MongoDB look.
    """
    impossible = {"$toInt": {"$concat": ["another revision: ", "$_id"]}}
    content = {"$cond": [{"$eq": ["$_revision", revision]}, {"$literal": row}, impossible]}
    return _update(key, content)


def _update(key: str, content: Any) -> RawBSONDocument:
    update = {"q": {"_id": key}, "u": [{"$replaceWith": content}], "upsert": True}
    return RawBSONDocument(bson_encode(update))


def is_certain(key: str, revision: int) -> bool:
    """Whether :func:`revised` can be used: the document is one of ours, not of another program."""
    return revision > 0 and identity(key) == key


def replaced(target: Target, row: RawBSONDocument, key: str, revision: int) -> bool:
    """Replace a document that may be another program's; False: it has not this revision (none, for 0)."""
    content = {name: value for name, value in row.items() if name != "_id"}
    return target.replace_one({"_id": identity(key), "_revision": revision or None}, content).matched_count > 0
