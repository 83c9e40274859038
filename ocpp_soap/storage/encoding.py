"""Documents as JSON text, and back.

What JSON lacks is an object with one key that begins with a dollar: a datetime is ``{"$t": "2012-06-01T10:00:00…"}``.
A key of the document that begins with a dollar gets a second one.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime, timezone
from operator import methodcaller
from typing import Any

import orjson

from ocpp_soap.storage.base import Document

_DATETIME = "$t"
_BEFORE_TIME = '{"$t":"'
_TIME = b'{"$t":%b}'
_PLAIN = (str, int, float, bool, type(None))
_OPTIONS = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_PASSTHROUGH_DATACLASS


def encode(document: Document, *, sort_keys: bool = False) -> str:
    """The document as JSON text. Raises ValueError for what a document cannot hold."""
    datetimes = 0
    options = _OPTIONS | orjson.OPT_SORT_KEYS if sort_keys else _OPTIONS

    def encode_datetime(value: object) -> object:
        nonlocal datetimes
        datetimes += 1
        if type(value) is datetime and value.tzinfo is not None:
            return orjson.Fragment(_TIME % orjson.dumps(value.astimezone(timezone.utc)))
        return {_DATETIME: datetime_text(value)}

    try:
        text = orjson.dumps(document, encode_datetime, options)
        if text.count(b"$") != datetimes and text.count(b'"$') != datetimes:
            text = orjson.dumps(_escape(document), encode_datetime, options)
    except (TypeError, RecursionError) as error:
        raise ValueError(f"This cannot be stored: {error.__cause__ or error}") from None
    return text.decode()


def is_held_by_all(value: Any) -> bool:
    """Whether a document of any store can hold the value.

    ``encode`` does not see all that it should refuse, since that would cost: an integer of 2**63 and more is written,
    and null for a float that is not finite.
    """
    if isinstance(value, Mapping):
        return all(isinstance(name, str) and is_held_by_all(name) and is_held_by_all(value[name]) for name in value)
    if isinstance(value, (list, tuple)):
        return all(map(is_held_by_all, value))
    if isinstance(value, str):
        return value.isascii() or not any("\ud800" <= character <= "\udfff" for character in value)
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, int):
        return -(2**63) <= value < 2**63
    return value is None or (isinstance(value, datetime) and value.tzinfo is not None)


def decode(text: str) -> Document:
    """The document of that JSON text."""
    document: Document = orjson.loads(text)
    dollars = text.count("$")
    if not dollars:
        return document
    times = text.count(_BEFORE_TIME)
    if times == dollars or times == text.count('"$'):
        _restore_times(document)
        return document
    restored: Document = _restore(document)
    return restored


def datetime_text(value: object) -> str:
    """A datetime in UTC with six digits of the second, so that texts sort like times. Raises ValueError."""
    if type(value) is datetime and value.tzinfo is timezone.utc:
        text = orjson.dumps(value).decode()
        return text[1:-1] if value.microsecond else f"{text[1:20]}.000000{text[20:-1]}"
    if not isinstance(value, datetime):
        raise ValueError(f"a document holds None, bool, int, float, str, datetime, list and dict, not {value!r}")
    if value.tzinfo is None:
        raise ValueError(f"a datetime needs a time zone: {value!r}")
    return in_utc(value).isoformat(timespec="microseconds")


def in_utc(moment: datetime) -> datetime:
    """An aware datetime in UTC. Raises ValueError for one that is outside the years 1 to 9999 there."""
    try:
        return moment.astimezone(timezone.utc)
    except OverflowError:
        raise ValueError(f"a datetime lies in the years 1 to 9999 of UTC: {moment!r}") from None


def index_value(document: Mapping[str, Any], field: str) -> Any:
    """What is searched and sorted for a field: None, str, bool, int, float or datetime. Raises ValueError."""
    return searchable(document.get(field), field)


def searchable(value: Any, field: str) -> Any:
    """The value, if an indexed field can hold it. Raises ValueError."""
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError(f"{field}: a datetime needs a time zone: {value!r}")
    elif not isinstance(value, _PLAIN):
        raise ValueError(f"{field}: an indexed field holds a single value, not a {type(value).__name__}")
    elif isinstance(value, int) and not -(2**63) <= value < 2**63:
        raise ValueError(f"{field}: {value} does not fit 64 bits")
    return value


def _escape(value: Any) -> Any:
    if isinstance(value, dict):
        return {f"${key}" if str(key).startswith("$") else key: _escape(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_escape(item) for item in value]
    return value


def _restore_times(container: Any) -> None:
    """Put datetimes where they were; no name in the document begins with a dollar."""
    for place, item in container.items() if type(container) is dict else enumerate(container):
        kind = type(item)
        if kind is dict:
            if _DATETIME in item:
                container[place] = datetime.fromisoformat(item[_DATETIME])
            else:
                _restore_times(item)
        elif kind is list and item:
            _restore_times(item)


def _restore(container: Any) -> Any:
    """The dict or list with its datetimes and names as they were; it is changed in place."""
    is_map = type(container) is dict
    for place, item in container.items() if is_map else enumerate(container):
        kind = type(item)
        if kind is dict:
            container[place] = datetime.fromisoformat(item[_DATETIME]) if _DATETIME in item else _restore(item)
        elif kind is list:
            _restore(item)
    if is_map and any(map(_is_escaped, container)):
        return {key[1:] if key.startswith("$") else key: item for key, item in container.items()}
    return container


_is_escaped = methodcaller("startswith", "$")
