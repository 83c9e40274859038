"""The composite indexes that are shipped for Cloud Firestore are those that the collections need."""

from __future__ import annotations

import json

from ocpp_soap.central_system.collections import ALL
from ocpp_soap.paths import bundled
from ocpp_soap.storage.firebase_indexes import composite_indexes


def test_the_indexes_shipped_are_those_of_the_collections() -> None:
    shipped = json.loads((bundled("config") / "firestore.indexes.json").read_text("utf-8"))
    assert shipped == composite_indexes(ALL), "write it anew: ocpp-soap storage indexes > config/firestore.indexes.json"
