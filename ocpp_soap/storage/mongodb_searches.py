"""Searches as MongoDB runs them: an index, the two places in it between which the result lies, and a filter to count.

A declared index of ours holds behind every field its microseconds (``_us``), and at the end what breaks ties: the key,
or the moment of arrival.
"""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Any

from bson.max_key import MaxKey
from bson.min_key import MinKey
from bson.objectid import ObjectId
from bson.timestamp import Timestamp

from ocpp_soap.storage.base import Collection, Index, field_names
from ocpp_soap.storage.mongodb_documents import split
from ocpp_soap.storage.searches import Search

Place = list[tuple[str, Any]]


def tie_field(collection: Collection) -> str:
    """What breaks ties in this collection."""
    return "_arrival" if collection.append_only else "_id"


def plain_tie(tie: Any) -> Any:
    """A tie as a page token holds it: a place in the order of arrival, a key, or MongoDB's own kind of key."""
    if isinstance(tie, Timestamp):
        return [tie.time, tie.inc]
    return {"ObjectId": str(tie)} if isinstance(tie, ObjectId) else tie


def _tie(plain: Any) -> Any:
    """What :func:`plain_tie` was given."""
    if isinstance(plain, list):
        return Timestamp(*plain)
    return ObjectId(plain["ObjectId"]) if isinstance(plain, dict) else plain


@lru_cache(maxsize=256)
def index_fields(collection: Collection, index: Index) -> tuple[str, ...]:
    """The fields of MongoDB's index for a declared one; for an empty one, those of the order by key or arrival."""
    return (*(name for field in field_names(index) for name in (field, f"_us.{field}")), tie_field(collection))


def bounds(
    collection: Collection, search: Search, after: tuple[Any, Any] | None, descending: bool
) -> tuple[Place, Place]:
    """The first place of the result in the index, and the one behind its last."""
    names = index_fields(collection, search.index)
    low = equal_parts(search)
    high = list(low)
    if search.range is not None:
        bound = search.range.at_least
        low += [None, MaxKey()] if bound is None else _bound(bound)
        if search.range.below is not None:
            high += _bound(search.range.below)
    if after is not None:
        value, tie = after
        place = equal_parts(search)
        place += _parts(value) if search.sort else []
        tie = _tie(tie)
        if descending:
            high = [*place, tie]
        else:
            low = [*place, _successor(tie)]
    low += [MinKey()] * (len(names) - len(low))
    high += [MaxKey() if search.range is None or search.range.below is None else MinKey()] * (len(names) - len(high))
    return list(zip(names, low, strict=True)), list(zip(names, high, strict=True))


def equal_parts(search: Search) -> list[Any]:
    """The values with which the index entries of the result begin."""
    return [part for value in search.equals.values() for part in _parts(value)]


def conditions(search: Search) -> dict[str, Any]:
    """The filter that the same documents pass."""
    found: list[dict[str, Any]] = []
    for field, value in search.equals.items():
        moment, rest = _parts(value)
        found.append({field: moment, f"_us.{field}": rest})
    if search.range is not None and search.sort is not None:
        found.append({search.sort: {"$ne": None}})
        if search.range.at_least is not None:
            found += _at_least(search.sort, *_parts(search.range.at_least))
        if search.range.below is not None:
            moment, rest = _parts(search.range.below)
            (*_, reached) = _at_least(search.sort, moment, rest)
            found += [{search.sort: {"$lte": moment}}, {"$nor": [reached]}]
    return {"$and": found} if found else {}


def _at_least(field: str, moment: Any, rest: int | None) -> list[dict[str, Any]]:
    if rest is None:
        return [{field: {"$gte": moment}}]
    exact = {"$or": [{field: {"$gt": moment}}, {field: moment, f"_us.{field}": {"$gte": rest}}]}
    return [{field: {"$gte": moment}}, exact]


def _parts(value: Any) -> list[Any]:
    """A value as it stands in an index: in milliseconds, and the microseconds beyond, if any."""
    if isinstance(value, datetime):
        moment, rest = split(value)
        return [moment, rest or None]
    return [value, None]


def _bound(value: Any) -> list[Any]:
    moment, rest = _parts(value)
    return [moment, MinKey() if rest is None else rest]


def _successor(tie: Any) -> Any:
    """The next place after a tie: bounds include the lower one."""
    if isinstance(tie, Timestamp):
        return Timestamp(tie.time, tie.inc + 1)
    if isinstance(tie, ObjectId):
        return ObjectId((int.from_bytes(tie.binary, "big") + 1).to_bytes(12, "big"))
    return f"{tie}\x00"
