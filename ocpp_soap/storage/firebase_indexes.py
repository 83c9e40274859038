"""The composite indexes that Cloud Firestore needs.

Firestore has an index of every single field, and combines those for equal values; what is sorted by a further field
needs a composite index, one for each direction. The emulator runs every search without one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ocpp_soap.storage.base import Collection


def composite_indexes(collections: Iterable[Collection]) -> dict[str, Any]:
    """What stands in ``firestore.indexes.json``: ``firebase deploy --only firestore:indexes`` makes these indexes."""
    indexes: list[dict[str, Any]] = []
    overrides: list[dict[str, Any]] = []
    for collection in collections:
        for index in [*collection.full_indexes, *([()] if collection.append_only else [])]:
            names = [f"f.{field}" for field in index] + (["arrival", "n"] if collection.append_only else [])
            for direction in ("ASCENDING", "DESCENDING") if len(names) > 1 else ():
                fields = [{"fieldPath": name, "order": direction} for name in names]
                indexes.append({"collectionGroup": collection.name, "queryScope": "COLLECTION", "fields": fields})
        for field in ("document", "write"):
            overrides.append({"collectionGroup": collection.name, "fieldPath": field, "indexes": []})
    return {"indexes": indexes, "fieldOverrides": overrides}
