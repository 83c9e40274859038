"""Documents as MongoDB holds them: the fields as they are, beside a few that begin with an underscore.

``_id`` is the key and ``_revision`` the revision (a document that another program inserted may lack it: 0). A BSON date
holds milliseconds, so the microseconds beyond them stand in ``_us`` under the name of the field, or, for a datetime
inside a list or a map, in ``{"_t": date, "_us": microseconds}``. A dot, a dollar, a NUL or a percent sign in a name is
written as ``%2E`` and so on, an underscore at its begin as ``%5F``, an empty name as ``%``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from typing import Any

from bson import decode as bson_decode
from bson.int64 import Int64
from bson.objectid import ObjectId

from ocpp_soap.storage.base import Collection, Document, Stored
from ocpp_soap.storage.encoding import in_utc, index_value

_SPECIAL = re.compile(r"^_|[%.$\x00]")
_as_they_are: set[type[Any]] = {str, bool, float}
"""Types whose values are written as they are: texts of other classes are added when they occur."""
_CLASSES_KEPT = 256
_OBJECT_ID = re.compile(r"[0-9a-f]{24}").fullmatch
_NAMES_KEPT = 4096
_plain_names: set[str] = set()
"""Names that are written as they are, of those that occurred: a document of such names and plain values is copied."""
_TEXT_ID = b"\x02_id\x00"
_ESCAPED = re.compile(r"%([0-9A-F]{2})")


def identity(key: str) -> Any:
    """What matches the ``_id`` of a key: the text, or the ObjectId that MongoDB gave to another program's insert."""
    return {"$in": [key, ObjectId(key)]} if _OBJECT_ID(key) else key


def identities(keys: list[str]) -> list[Any]:
    """All that can be the ``_id`` of one of these keys."""
    return [*keys, *(ObjectId(key) for key in keys if _OBJECT_ID(key))]


def encode(collection: Collection, key: str, document: Document) -> dict[str, Any]:
    """The document without its revision. Raises ValueError for what cannot be stored."""
    if not isinstance(key, str) or not key:
        raise ValueError(f"{collection.name}: a key is a text that is not empty, not {key!r}")
    for field in collection.fields:
        index_value(document, field)
    microseconds: dict[str, int] = {}
    encoded: dict[str, Any] = {"_id": key}
    for name, value in document.items():
        field = _escape(name)
        if isinstance(value, datetime):
            encoded[field], rest = split(value)
            if rest:
                microseconds[field] = rest
        else:
            encoded[field] = _encode_value(value)
    if microseconds:
        encoded["_us"] = microseconds
    return encoded


def pieces(batch: bytes) -> Iterator[bytes]:
    """The documents of which one follows the other."""
    begin = 0
    while begin < len(batch):
        end = begin + int.from_bytes(batch[begin : begin + 4], "little")
        yield batch[begin:end]
        begin = end


def key_of(raw: bytes) -> str:
    """The key of a document, whose first field is its ``_id``."""
    if raw[4:9] == _TEXT_ID:
        return raw[13 : 12 + int.from_bytes(raw[9:13], "little")].decode()
    return str(bson_decode(raw)["_id"])


def decode(found: dict[str, Any]) -> Stored:
    """The document that MongoDB returned."""
    microseconds = found.get("_us", {})
    document: Document = {}
    for field, value in found.items():
        if field.startswith("_"):
            continue
        decoded = _decode_value(value)
        if field in microseconds:
            decoded += timedelta(microseconds=microseconds[field])
        document[_unescape(field)] = decoded
    return Stored(str(found["_id"]), int(found.get("_revision", 0)), document)


def split(value: datetime) -> tuple[datetime, int]:
    """A datetime as one of whole milliseconds in UTC, and the microseconds beyond. Raises ValueError."""
    if value.tzinfo is None:
        raise ValueError(f"a datetime needs a time zone: {value!r}")
    if value.tzinfo is not timezone.utc:
        value = in_utc(value)
    rest = value.microsecond % 1000
    return (value - timedelta(microseconds=rest) if rest else value), rest


def _encode_value(value: Any) -> Any:
    kind = type(value)
    if value is None or kind in _as_they_are:
        return value
    if kind is dict:
        for name, item in value.items():
            if type(item) not in _as_they_are or name not in _plain_names:
                break
        else:
            return value
        return {_escape(name): _encode_value(item) for name, item in value.items()}
    if kind is list:
        return [_encode_value(item) for item in value]
    return _encode_other(value)


def _encode_other(value: Any) -> Any:
    if isinstance(value, datetime):
        moment, rest = split(value)
        return {"_t": moment, "_us": rest} if rest else moment
    if isinstance(value, str):
        if len(_as_they_are) < _CLASSES_KEPT:
            _as_they_are.add(type(value))
        return value
    if isinstance(value, float):
        return float(value)
    if isinstance(value, int):
        if not -(2**63) <= value < 2**63:
            raise ValueError(f"{value} does not fit 64 bits")
        return value
    if isinstance(value, dict):
        return {_escape(name): _encode_value(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_encode_value(item) for item in value]
    raise ValueError(f"a document holds None, bool, int, float, str, datetime, list and dict, not {value!r}")


def _decode_value(value: Any) -> Any:
    if isinstance(value, dict):
        if "_t" in value:
            return value["_t"] + timedelta(microseconds=value["_us"])
        return {_unescape(name): _decode_value(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_decode_value(item) for item in value]
    if isinstance(value, ObjectId):
        return str(value)
    return int(value) if isinstance(value, Int64) else value


@lru_cache(maxsize=_NAMES_KEPT)
def _escape(name: str) -> str:
    if not isinstance(name, str):
        raise ValueError(f"the name of a field is a text, not {name!r}")
    escaped = _SPECIAL.sub(lambda found: f"%{ord(found[0]):02X}", name) or "%"
    if escaped == name and len(_plain_names) < _NAMES_KEPT:
        _plain_names.add(name)
    return escaped


@lru_cache(maxsize=_NAMES_KEPT)
def _unescape(name: str) -> str:
    if "%" not in name:
        return name
    return "" if name == "%" else _ESCAPED.sub(lambda found: chr(int(found[1], 16)), name)
