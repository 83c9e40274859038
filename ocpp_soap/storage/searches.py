"""What every backend needs to know of a search before it can run it: the index, the conditions, the place to go on."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from ocpp_soap.storage.base import MOST_AHEAD, Collection, Document, Index, Only, Other, Range, field_names
from ocpp_soap.storage.encoding import decode, encode, searchable

_SHAPES_OF_BEFORE = {"file": int, "mongodb": 2, "firebase": 3}
"""The ties of append-only collections in each kind of store: a number, or lists of so many values."""


@dataclass(frozen=True, slots=True)
class Search:
    """A search that an index serves. ``equals``: in the order of the index; ``sort``: the field after them, if any."""

    collection: str
    index: Index
    equals: dict[str, Any]
    sort: str | None
    range: Range | None


def find_search(collection: Collection, where: Mapping[str, Any] | None, order: str | None) -> Search:
    """The search of a ``find``. Raises ValueError, naming the index to declare."""
    return _search(collection, where, order, exact=True)


def count_search(collection: Collection, where: Mapping[str, Any] | None) -> Search:
    """The search of a ``count``. Raises ValueError, naming the index to declare."""
    return _search(collection, where, None, exact=False)


def others_search(other: Other) -> Search:
    """The search of an Other that has no key. Raises ValueError for one by a range, or of everything."""
    which = None if isinstance(other.which, str) else other.which
    search = count_search(other.collection, which)
    if search.range is not None or not search.equals:
        name = other.collection.name
        raise ValueError(f"{name}: another document is known by its key or by equal fields, not by {which!r}")
    return search


def _search(collection: Collection, where: Mapping[str, Any] | None, order: str | None, *, exact: bool) -> Search:
    equals: dict[str, Any] = {}
    ranges: dict[str, Range] = {}
    for field, value in (where or {}).items():
        if isinstance(value, Range):
            ranges[field] = value
        else:
            equals[field] = searchable(value, field)
    if len(ranges) > 1 or (ranges and order is not None and order not in ranges):
        raise ValueError(f"{collection.name}: a search has one Range, and is sorted by its field")
    sort = next(iter(ranges), None if order in equals else order)
    if not equals and not sort:
        return Search(collection.name, (), {}, None, None)
    for index, names, only in _indexes(collection, tuple(equals), sort, exact):
        if all(equals.get(part.field) == part.value for part in only):
            found = {name: equals[name] for name in names[: len(equals)]}
            return Search(collection.name, index, found, sort, ranges.get(sort or ""))
    wanted = (*equals, *([sort] if sort else []))
    raise ValueError(f"{collection.name}: no index serves this search; declare {wanted!r} as an index of it")


@lru_cache(maxsize=256)
def _indexes(
    collection: Collection, equals: tuple[str, ...], sort: str | None, exact: bool
) -> list[tuple[Index, tuple[str, ...], list[Only]]]:
    """The indexes that serve a search for some values of those fields, the shortest first.

    Each with the names of its fields, and with what it has only.
    """
    named = [(index, field_names(index)) for index in sorted(collection.indexes, key=len)]
    return [
        (index, names, [part for part in index if isinstance(part, Only)])
        for index, names in named
        if _serves(names, set(equals), sort, exact)
    ]


def _serves(names: tuple[str, ...], equals: set[str], sort: str | None, exact: bool) -> bool:
    if set(names[: len(equals)]) != equals:
        return False
    rest = names[len(equals) :]
    if exact:
        return rest == ((sort,) if sort else ())
    return sort is None or rest[:1] == (sort,)


def settled_at_begin(arrived: Sequence[datetime], now: datetime, after: float) -> int:
    """How many of those entries, in the order of arrival, are before the first that came within ``after`` seconds.

    All by the clock of the backend. What lies in its future came before it was set back.
    """
    begin, end = now - timedelta(seconds=after), now + MOST_AHEAD
    return next((number for number, moment in enumerate(arrived) if begin < moment <= end), len(arrived))


def write_token(store: str, search: Search, value: Any, tie: Any) -> str:
    """The place in such a store of the document that has this value in the sorting field, and this key or number."""
    place = encode({"search": _mark(store, search), "value": value, "tie": tie})
    return base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")


def read_token(store: str, token: str, search: Search) -> tuple[Any, Any]:
    """The value and the tie of a token of the same search in such a store. Raises ValueError.

    A search is the same by its collection, conditions and order. ``store`` is the kind of the store, with what tells
    it from others of the kind where ties are not in the order of time.
    """
    try:
        place = decode(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode())
        same = place["search"] == _mark(store, search) or _is_of_before(store, place, search)
        found = place["value"], place["tie"]
    except (ValueError, KeyError, TypeError):
        same = False
    if not same:
        raise ValueError("This page token does not belong to this search in this store: begin again without one")
    return found


def _is_of_before(store: str, place: Document, search: Search) -> bool:
    """Whether a token is one of an append-only collection as versions before 2026-12 gave them, of such a store.

    Webhooks and clients of the API may still have one.
    """
    tie = place["tie"]
    shape = len(tie) if isinstance(tie, list) else type(tie)
    is_of_such = shape == _SHAPES_OF_BEFORE.get(store.partition(" ")[0])
    return is_of_such and place["search"] == [list(field_names(search.index)), search.sort]


def _mark(store: str, search: Search) -> str:
    """A short text that another search does not have, nor the same one in another store."""
    within = None if search.range is None else [search.range.at_least, search.range.below]
    parts = [store, search.collection, field_names(search.index), search.sort, search.equals, within]
    return hashlib.blake2b(encode({"search": parts}).encode(), digest_size=8).hexdigest()
