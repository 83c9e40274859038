"""The indexed fields of the documents of a collection, kept up with what is declared.

Firestore does not find a document by a field that it lacks. So the document ``schema/<collection>`` tells the fields
that all documents have, and when a process comes with more of them, it adds these to the documents that are there.
"""

from __future__ import annotations

from typing import Any

from google.api_core.exceptions import FailedPrecondition, NotFound

from ocpp_soap.storage.base import Collection
from ocpp_soap.storage.encoding import decode, index_value
from ocpp_soap.storage.firebase_documents import searched

_AT_ONCE = 200


def prepare(database: Any, target: Any, collection: Collection, limits: dict[str, Any]) -> None:
    """Add the indexed fields that are new to the documents that are there."""
    schema = database.collection("schema").document(collection.name)
    snapshot = schema.get(**limits)
    known = snapshot.get("fields") if snapshot.exists else []
    if set(collection.fields) <= set(known):
        return
    query = target.order_by("key").limit(_AT_ONCE)
    page = query.get(**limits)
    while page:
        for found in page:
            _add_fields(database, found, collection, limits)
        page = query.start_after([page[-1].get("key")]).get(**limits)
    schema.set({"fields": sorted({*known, *collection.fields})}, **limits)


def _add_fields(database: Any, found: Any, collection: Collection, limits: dict[str, Any]) -> None:
    document = decode(found.get("document"))
    fields = {f"f.{field}": searched(index_value(document, field)) for field in collection.fields}
    try:
        found.reference.update(fields, option=database.write_option(last_update_time=found.update_time), **limits)
    except (FailedPrecondition, NotFound):
        return  # somebody wrote or deleted it meanwhile, and a write of now has the fields
