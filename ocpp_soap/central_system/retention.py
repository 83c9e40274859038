"""How long time series are kept, where the store does not remove what is old by itself."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta, timezone

from ocpp_soap.central_system.collections import AUDIT, EVENTS, METER_VALUES, NOTIFICATIONS, STATUSES
from ocpp_soap.storage.base import Collection, Document, Range, Storage, Stored

_EVERY = timedelta(hours=1)
_LONGEST = 2.0
"""Seconds that one go takes: other duties wait for it."""
_PAGE = 100
_AT_ONCE = 1000
_TIMES: dict[Collection, str] = {
    EVENTS: "at",
    AUDIT: "at",
    NOTIFICATIONS: "received_at",
    METER_VALUES: "received_at",
    STATUSES: "received_at",
}
"""The field that tells how old an entry is."""


class Retention:
    """Removes the entries of time series that are older than ``days``, by the names of their collections."""

    def __init__(self, store: Storage, days: Mapping[str, float]) -> None:
        self._store = store
        self._kept = {
            collection: timedelta(days=days[collection.name]) for collection in _TIMES if collection.name in days
        }

    def forget(self, mark: Document) -> Document:
        """Remove what is too old, for a moment, and not again for an hour once all is gone: a duty.

        If more than that has passed, our clock may have been set ahead by mistake: nothing is removed for another hour.
        """
        now = datetime.now(timezone.utc)
        passed = now - mark["done_at"] if mark else _EVERY
        if abs(passed) < _EVERY:
            return mark
        if passed > 2 * _EVERY:
            return {"done_at": now}
        until = time.monotonic() + _LONGEST
        for collection, kept in self._kept.items():
            for _ in remove_older(self._store, collection, now - kept):
                if time.monotonic() > until:
                    return {"done_at": now - _EVERY}
        return {"done_at": now}


def remove_older(store: Storage, collection: Collection, than: datetime) -> Iterator[int]:
    """Remove the entries of a time series that are older ``than`` that; some for each number that is asked for.

    The newest entry stays, so that no cursor points behind the end of the series.
    """
    newest = store.find(collection, descending=True, limit=1).items
    if not newest:
        return
    field = _TIMES[collection]
    older = Range(None, min(than, newest[0].document[field]))
    if collection is EVENTS:
        yield from _removed(store, collection, {field: older})
        return
    for old in _old(store, collection, older.below):
        if collection in (METER_VALUES, STATUSES):
            for identity in sorted({stored.document["charge_box_identity"] for stored in old}):
                yield from _removed(store, collection, {"charge_box_identity": identity, field: older})
        else:
            for stored in old:
                yield int(store.delete(collection, stored.key))


def _removed(store: Storage, collection: Collection, where: Document) -> Iterator[int]:
    while removed := store.delete_where(collection, where, limit=_AT_ONCE):
        yield removed


def _old(store: Storage, collection: Collection, than: datetime) -> Iterator[list[Stored]]:
    """Older entries, page by page in the order of arrival.

    Entries that a clock stored which was ahead are passed over, as they would keep all that came after them.
    """
    field = _TIMES[collection]
    now = datetime.now(timezone.utc)
    for page in store.find_pages(collection, limit=_PAGE):
        old = [stored for stored in page.items if stored.document[field] < than]
        if not old and any(stored.document[field] <= now for stored in page.items):
            return
        yield old
