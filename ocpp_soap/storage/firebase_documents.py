"""Documents as Cloud Firestore holds them, and keys as document ids.

A Firestore document of ours has six fields: ``document`` (the document as JSON text, so that names, nesting and depth
know no rules), ``f`` (a map of the indexed fields, None included, which Firestore needs for sorting), ``key``,
``revision``, ``write`` (which write stored it), and in a time series ``arrival`` and ``n``: the server's time and the
place in the call.

An id sorts like its key: ``.`` becomes ``.!`` and ``/`` becomes ``.~``; at the begin ``^`` becomes ``^!`` and ``_``
becomes ``^~``. So no id is ``.`` or ``..``, holds ``/``, or looks like ``__x__``, which Firestore does not take.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ocpp_soap.errors import DocumentTooLarge
from ocpp_soap.storage.base import Collection, Document, Stored
from ocpp_soap.storage.encoding import decode, encode, in_utc, index_value

_LARGEST_DOCUMENT = 2**20
_LARGEST_ID = 1500
_OVERHEAD = 2000


def document_id(key: str) -> str:
    """The id of the document of a key. Raises ValueError for a key that is empty or too long."""
    if not isinstance(key, str) or not key:
        raise ValueError(f"a key is a text that is not empty, not {key!r}")
    begin = {"^": "^!", "_": "^~"}.get(key[0], key[0])
    encoded = (begin + key[1:]).replace(".", ".!").replace("/", ".~")
    if len(encoded.encode()) > _LARGEST_ID:
        raise ValueError(
            f"Cloud Firestore takes keys of up to {_LARGEST_ID} bytes, not {len(encoded.encode())}: {key!r}"
        )
    return encoded


def can_be_there(key: str) -> bool:
    """Whether there can be a document of that key."""
    try:
        document_id(key)
    except ValueError:
        return False
    return True


def fields(collection: Collection, key: str, document: Document, write: str) -> dict[str, Any]:
    """The fields of the Firestore document, but for its revision. Raises ValueError, DocumentTooLarge."""
    text = encode(document)
    found = {field: searched(index_value(document, field)) for field in collection.fields}
    size = len(text.encode()) + sum(len(value.encode()) for value in found.values() if isinstance(value, str))
    if size + len(document_id(key)) + _OVERHEAD > _LARGEST_DOCUMENT:
        raise DocumentTooLarge(
            f"{collection.name}: the document {key!r} has {size} bytes, "
            f"and Cloud Firestore holds at most {_LARGEST_DOCUMENT - _OVERHEAD}"
        )
    return {"key": key, "document": text, "f": found, "write": write}


def searched(value: Any) -> Any:
    """A value as an indexed field has it."""
    if isinstance(value, datetime):
        return in_utc(value)
    return str.__str__(value) if isinstance(value, str) else value


def stored(snapshot: Any) -> Stored:
    """The document of a snapshot."""
    found = snapshot.to_dict()
    return Stored(found["key"], found["revision"], decode(found["document"]))
