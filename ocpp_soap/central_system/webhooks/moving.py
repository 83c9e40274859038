"""Webhooks in another store: the same place in the log of events, which has other cursors there."""

from __future__ import annotations

from ocpp_soap.central_system.collections import EVENTS
from ocpp_soap.central_system.events import search_of
from ocpp_soap.central_system.records import record_of
from ocpp_soap.central_system.webhooks.table import Webhook, without_place
from ocpp_soap.storage.base import Document, Storage

_AT_ONCE = 500


def moved(source: Storage, target: Storage, document: Document) -> Document:
    """The document of a webhook of ``source`` as it has to be in ``target``, into which all events have been copied.

    It goes on with the same event. Where its cursor was of no use in the source already, it is paused.
    """
    webhook = record_of(Webhook, document)
    if webhook.cursor is None:
        return document
    where = search_of(webhook.charge_box_identity, webhook.kinds)
    try:
        following = source.find(EVENTS, where, limit=1, after=webhook.cursor).items
    except ValueError:
        return without_place(document)
    cursor = _place_before(target, where, following[0].key) if following else _end(target, where)
    kept = {name: value for name, value in document.items() if name != "cursor"}
    return kept if cursor is None else {**kept, "cursor": cursor}


def _end(store: Storage, where: Document) -> str | None:
    return store.find(EVENTS, where, descending=True, limit=1).cursor


def _place_before(store: Storage, where: Document, key: str) -> str | None:
    """The cursor behind the event before the one of that key, looked for from the end; None: it is the first."""
    after = None
    while True:
        page = store.find(EVENTS, where, descending=True, limit=_AT_ONCE, after=after)
        number = next((number for number, item in enumerate(page.items) if item.key == key), None)
        if number is not None:
            with_one_before = store.find(EVENTS, where, descending=True, limit=number + 2, after=after)
            return with_one_before.cursor if len(with_one_before.items) == number + 2 else None
        if page.next is None:
            return None
        after = page.next
