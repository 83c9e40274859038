"""The indexes of a collection in MongoDB, made when a process first uses it, if they are not there."""

from __future__ import annotations

from typing import Any

from pymongo import IndexModel
from pymongo.collection import Collection as MongoCollection
from pymongo.errors import OperationFailure

from ocpp_soap.storage.base import Collection
from ocpp_soap.storage.mongodb_searches import index_fields

_EXPIRY = "expiry"
_DIFFERENT_OPTIONS = 85


def create_indexes(target: MongoCollection[dict[str, Any]], collection: Collection, days: float | None) -> None:
    """Make what is missing. ``days``: the entries of a time series are removed after so many."""
    searches = list(collection.full_indexes)
    if collection.append_only:
        searches.append(())
    models = [IndexModel([(name, 1) for name in index_fields(collection, index)]) for index in searches]
    if models:
        target.create_indexes(models)
    if collection.append_only:
        _set_expiry(target, days)


def _set_expiry(target: MongoCollection[dict[str, Any]], days: float | None) -> None:
    if days is None:
        if _EXPIRY in target.index_information():
            target.drop_index(_EXPIRY)
        return
    seconds = int(days * 86_400)
    try:
        target.create_index([("_at", 1)], name=_EXPIRY, expireAfterSeconds=seconds)
    except OperationFailure as error:
        if error.code != _DIFFERENT_OPTIONS:
            raise
        target.database.command({"collMod": target.name, "index": {"name": _EXPIRY, "expireAfterSeconds": seconds}})
