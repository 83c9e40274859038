"""Labels: names that an operator gives to stations to mean several at once, such as ``berlin`` or ``beta``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ocpp_soap.central_system.fleet_collections import LABELS
from ocpp_soap.storage.base import Storage

PAGE = 500
_LABEL = re.compile(r"[\w.-]{1,50}")


class Labels:
    """The labels of all stations."""

    def __init__(self, store: Storage) -> None:
        self._store = store

    def add(self, label: str, charge_box_identities: Iterable[str]) -> None:
        """Give stations a label. Raises ValueError if it is not 1 to 50 letters, digits, dots, dashes, underscores."""
        if not _LABEL.fullmatch(label):
            raise ValueError(f"{label!r} is no label: expected 1 to 50 letters, digits, dots, dashes or underscores")
        documents = {
            _key(label, identity): {"label": label, "charge_box_identity": identity}
            for identity in charge_box_identities
        }
        self._store.put(LABELS, documents)

    def remove(self, label: str, charge_box_identities: Iterable[str]) -> int:
        """Take a label from stations; how many had it."""
        labelled = self._store.get_many(LABELS, {_key(label, identity) for identity in charge_box_identities})
        return sum(self._store.delete(LABELS, key) for key in labelled)

    def of(self, charge_box_identity: str) -> list[str]:
        """The labels of a station, sorted."""
        page = self._store.find(LABELS, {"charge_box_identity": charge_box_identity}, limit=PAGE)
        return sorted(item.document["label"] for item in page.items)

    def stations(self, label: str) -> Iterator[str]:
        """The stations that have a label, by identity."""
        for page in self._store.find_pages(LABELS, {"label": label}, order="charge_box_identity", limit=PAGE):
            yield from (item.document["charge_box_identity"] for item in page.items)


def _key(label: str, charge_box_identity: str) -> str:
    return f"{label}:{charge_box_identity}"
