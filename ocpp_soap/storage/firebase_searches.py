"""Searches as Cloud Firestore runs them."""

from __future__ import annotations

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
