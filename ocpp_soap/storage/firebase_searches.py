"""Searches as Cloud Firestore runs them, and the composite indexes that they need.

Firestore has an index of every single field, and combines those for equal values; what is sorted by a further field
needs a composite index, one for each direction. The emulator runs every search without one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from google.cloud.firestore_v1.base_query import FieldFilter

from ocpp_soap.storage.base import Collection
from ocpp_soap.storage.firebase_documents import searched
from ocpp_soap.storage.searches import Search


def sorting(collection: Collection, search: Search) -> list[str]:
    """The fields that a search is sorted by."""
    if collection.append_only:
        ties = ["arrival", "n", "__name__"]
    elif search.index:
        ties = ["__name__"]
    else:
        ties = ["key"]  # there is no descending scan by name alone
    return [f"f.{search.sort}", *ties] if search.sort else ties


def filtered(query: Any, search: Search) -> Any:
    """The query with the conditions of the search."""
    for field, value in search.equals.items():
        query = query.where(filter=FieldFilter(f"f.{field}", "==", searched(value)))
    if search.range is not None:
        bounds = [(">=", search.range.at_least), ("<", search.range.below)]
        given = [(sign, searched(bound)) for sign, bound in bounds if bound is not None] or [("!=", None)]
        for sign, bound in given:
            query = query.where(filter=FieldFilter(f"f.{search.sort}", sign, bound))
    return query


def ordered(query: Any, collection: Collection, search: Search, descending: bool) -> Any:
    """The query with the order of the search."""
    for field in sorting(collection, search):
        query = query.order_by(field, direction="DESCENDING" if descending else "ASCENDING")
    return query


def composite_indexes(collections: Iterable[Collection]) -> dict[str, Any]:
    """What stands in ``firestore.indexes.json``: ``firebase deploy --only firestore:indexes`` makes these indexes."""
    indexes: list[dict[str, Any]] = []
    overrides: list[dict[str, Any]] = []
    for collection in collections:
        for index in [*collection.indexes, *([()] if collection.append_only else [])]:
            names = [f"f.{field}" for field in index] + (["arrival", "n"] if collection.append_only else [])
            for direction in ("ASCENDING", "DESCENDING") if len(names) > 1 else ():
                fields = [{"fieldPath": name, "order": direction} for name in names]
                indexes.append({"collectionGroup": collection.name, "queryScope": "COLLECTION", "fields": fields})
        for field in ("document", "write"):
            overrides.append({"collectionGroup": collection.name, "fieldPath": field, "indexes": []})
    return {"indexes": indexes, "fieldOverrides": overrides}
