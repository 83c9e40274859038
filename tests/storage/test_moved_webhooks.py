"""Moving house with webhooks: each goes on with the same event, whatever a cursor of the target looks like."""

from __future__ import annotations

from contextlib import ExitStack, closing
from datetime import datetime, timedelta, timezone
from functools import partial
from itertools import pairwise, permutations
from pathlib import Path
from typing import Any

import pytest
from any_store import opened

from ocpp_soap.central_system.collections import EVENTS, WEBHOOKS
from ocpp_soap.central_system.events import Events
from ocpp_soap.central_system.retention import remove_older
from ocpp_soap.central_system.webhooks import Webhook, Webhooks, moved
from ocpp_soap.errors import StoreUnavailable
from ocpp_soap.storage import Document, Storage
from ocpp_soap.storage.copy import copy
from ocpp_soap.storage.file import FileStorage

FILTERS: list[dict[str, Any]] = [
    {},
    {"kinds": ["transaction.started"]},
    {"kinds": ["transaction.started", "transaction.stopped"]},
    {"charge_box_identity": "CP2"},
]
NOON = datetime(2026, 1, 5, 12, tzinfo=timezone.utc)


@pytest.fixture(autouse=True)
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was stored is told at once."""
    for name in ("mongodb.MongoStorage", "firebase.FirebaseStorage"):
        monkeypatch.setattr(f"ocpp_soap.storage.{name}.settles_after", 0.0)


def tell(store: Storage, begin: int, end: int) -> None:
    events = Events(store)
    for number in range(begin, end):
        kind = ("transaction.started", "transaction.stopped", "connector.status")[number % 3]
        events.add(kind, f"CP{number % 4}", key=f"event-{number}", at=NOON + timedelta(minutes=number))


def add_webhooks(store: Storage) -> list[Webhook]:
    """One for each of FILTERS, which has got everything."""
    webhooks = Webhooks(store, Events(store))
    return [webhooks.add("http://127.0.0.1:9/hook", **filters) for filters in FILTERS]


def outstanding(store: Storage, webhook_id: str) -> list[str]:
    webhook = Webhooks(store, Events(store)).get(webhook_id)
    assert webhook is not None
    filters = {"charge_box_identity": webhook.charge_box_identity, "kinds": webhook.kinds}
    return [event.event_id for event in Events(store).list(after=webhook.cursor, limit=1000, **filters).items]


def move(source: Storage, target: Storage) -> None:
    copy(source, target, (EVENTS, WEBHOOKS), (), changes={WEBHOOKS: partial(moved, source, target)})


@pytest.mark.parametrize(("source", "target"), [*permutations(["file", "mongodb", "firebase"], 2)])
def test_each_webhook_goes_on_with_the_same_event(
    source: str, target: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    with (
        closing(opened(source, request, tmp_path)) as old,
        closing(opened(target, request, tmp_path)) as new,
    ):
        webhooks = add_webhooks(old)
        for end in (1, 20, 29):
            tell(old, old.count(EVENTS), end)
            webhooks += add_webhooks(old)
        assert sum(remove_older(old, EVENTS, NOON + timedelta(minutes=10)))
        expected = {webhook.webhook_id: outstanding(old, webhook.webhook_id) for webhook in webhooks}
        assert sorted({len(events) for events in expected.values()}) == [0, 2, 3, 5, 6, 9, 13, 19]
        move(old, new)
        assert {webhook_id: outstanding(new, webhook_id) for webhook_id in expected} == expected
        tell(new, 29, 31)
        assert outstanding(new, webhooks[-4].webhook_id) == ["event-29", "event-30"]


def test_a_webhook_goes_around_all_stores_and_is_sent_nothing_twice(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    with ExitStack() as stack:
        way = ("file", "mongodb", "firebase", "file", "mongodb")
        stores = [stack.enter_context(closing(opened(backend, request, tmp_path))) for backend in way]
        tell(stores[0], 0, 700)
        webhook_id = add_webhooks(stores[0])[0].webhook_id
        tell(stores[0], 700, 1250)
        for source, target in pairwise(stores):
            move(source, target)
        assert outstanding(stores[-1], webhook_id) == [f"event-{number}" for number in range(700, 1250)]


def test_a_copy_that_broke_off_among_the_webhooks_goes_on(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        closing(opened("mongodb", request, tmp_path)) as old,
        closing(FileStorage(tmp_path / "new.sqlite")) as new,
    ):
        tell(old, 0, 5)
        webhook_id = add_webhooks(old)[0].webhook_id
        tell(old, 5, 7)
        with monkeypatch.context() as patch:
            patch.setattr(FileStorage, "delete", _full)
            with pytest.raises(StoreUnavailable):
                move(old, new)
        move(old, new)
        assert outstanding(new, webhook_id) == ["event-5", "event-6"]


def test_a_webhook_whose_cursor_was_of_no_use_is_paused_in_the_target(tmp_path: Path) -> None:
    with (
        closing(FileStorage(tmp_path / "old.sqlite")) as old,
        closing(FileStorage(tmp_path / "new.sqlite")) as new,
    ):
        tell(old, 0, 5)
        webhook = add_webhooks(old)[0]
        Webhooks(old, Events(old)).change(webhook.webhook_id, _with_foreign_cursor)
        move(old, new)
        after = Webhooks(new, Events(new)).get(webhook.webhook_id)
        assert after is not None
        assert (after.is_active, after.cursor) == (False, None)
        assert "is not of this store" in (after.last_error or "")


def _with_foreign_cursor(document: Document) -> Document:
    return {**document, "cursor": "eyJ0aWUiOlsxLDFdfQ"}


def _full(*_: object, **__: object) -> bool:
    raise StoreUnavailable("the disk is full")
