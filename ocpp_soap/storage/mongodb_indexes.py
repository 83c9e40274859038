"""The indexes of a collection in MongoDB, made when a process first uses it, if they are not there."""

from __future__ import annotations

from typing import Any

from pymongo import IndexModel
from pymongo.collection import Collection as MongoCollection
from pymongo.errors import OperationFailure

from ocpp_soap.errors import StoreUnavailable
from ocpp_soap.storage.base import Collection
from ocpp_soap.storage.mongodb_errors import INDEX_NOT_FOUND, UNAUTHORIZED
from ocpp_soap.storage.mongodb_searches import index_fields

_EXPIRY = "expiry"
_OF_EVERY_INDEX = frozenset({"v", "ns", "key", "background"})
Indexes = dict[str, dict[str, Any]]
"""What MongoDB tells of each index, by its name."""


def create_indexes(target: MongoCollection[dict[str, Any]], collection: Collection, days: float | None) -> None:
    """Make what is missing. ``days``: the entries of a time series are removed after so many.

    A user that may not make indexes can use a collection that has them. Raises StoreUnavailable for one that may not
    change the days.
    """
    searches = list(collection.full_indexes)
    if collection.append_only:
        searches.append(())
    if not searches:
        return
    there: Indexes = dict(target.index_information())
    plain = [about["key"] for about in there.values() if about.keys() <= _OF_EVERY_INDEX]
    wanted = [[(name, 1) for name in index_fields(collection, index)] for index in searches]
    models = [IndexModel(keys) for keys in wanted if keys not in plain]
    if models:
        target.create_indexes(models)
    if collection.append_only:
        _set_expiry(target, there.get(_EXPIRY), days)


def _set_expiry(target: MongoCollection[dict[str, Any]], there: dict[str, Any] | None, days: float | None) -> None:
    if days is None:
        if there is not None:
            _drop_expiry(target)
        return
    seconds = int(days * 86_400)
    if there is None:
        target.create_index([("_at", 1)], name=_EXPIRY, expireAfterSeconds=seconds)
    elif there.get("expireAfterSeconds") != seconds:
        _change_expiry(target, seconds)


def _drop_expiry(target: MongoCollection[dict[str, Any]]) -> None:
    try:
        target.drop_index(_EXPIRY)
    except OperationFailure as error:
        if error.code != INDEX_NOT_FOUND:  # another process has just done it
            raise


def _change_expiry(target: MongoCollection[dict[str, Any]], seconds: int) -> None:
    try:
        target.database.command({"collMod": target.name, "index": {"name": _EXPIRY, "expireAfterSeconds": seconds}})
    except OperationFailure as error:
        if error.code != UNAUTHORIZED:
            raise
        raise StoreUnavailable(
            "MongoDB refuses this user: to follow storage.mongodb.retention_days it needs the role dbAdmin on the "
            f"database {target.database.name}, or at least collMod ({error})"
        ) from error
