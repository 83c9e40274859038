"""Webhooks against a receiver on this machine."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from ocpp_soap.central_system import CentralSystem
from ocpp_soap.central_system.webhooks import Delivery, Webhook
from ocpp_soap.messages import HeartbeatRequest


def test_events_from_then_on_are_sent_in_order(
    central_system: CentralSystem, receiver: Any, deliver: Callable[..., Webhook]
) -> None:
    central_system.events.add("old.one")
    webhook = central_system.webhooks.add(receiver.url)
    for number in range(120):
        central_system.events.add("a.b", f"CP{number % 3}", number=number)
    after = deliver(webhook)
    assert [event["data"]["number"] for event in receiver.events] == list(range(120))
    assert (after.delivered, after.failures, after.leased_until) == (120, 0, None)
    assert deliver(webhook).delivered == 120
    assert len(receiver.got) == 120


def test_a_request_is_signed_as_standard_webhooks_says(
    central_system: CentralSystem, receiver: Any, deliver: Callable[..., Webhook]
) -> None:
    webhook = central_system.webhooks.add(receiver.url)
    central_system.events.add("a.b", "CP1", key="event-1", meter=5)
    deliver(webhook)
    headers, body = receiver.got[0]
    key = base64.b64decode(webhook.secret.removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert headers["webhook-id"] == "event-1"
    assert abs(int(headers["webhook-timestamp"]) - datetime.now(timezone.utc).timestamp()) < 60
    assert json.loads(body)["kind"] == "a.b"


def test_only_the_events_asked_for_are_sent(
    central_system: CentralSystem, receiver: Any, deliver: Callable[..., Webhook]
) -> None:
    kinds = central_system.webhooks.add(receiver.url, kinds=["c.d", "e.f"])
    station = central_system.webhooks.add(receiver.url, charge_box_identity="CP2")
    for kind, identity in (("a.b", "CP1"), ("c.d", "CP1"), ("a.b", "CP2"), ("e.f", None), ("a.b", "CP1")):
        central_system.events.add(kind, identity)
    assert deliver(kinds).delivered == 2
    assert deliver(station).delivered == 1
    assert [event["kind"] for event in receiver.events] == ["c.d", "e.f", "a.b"]
    assert deliver(kinds).cursor == central_system.events.list().cursor


@pytest.mark.parametrize("status", [301, 404, 500])
def test_what_is_not_taken_is_tried_again_later_and_holds_back_the_rest(
    central_system: CentralSystem, receiver: Any, deliver: Callable[..., Webhook], status: int
) -> None:
    webhook = central_system.webhooks.add(receiver.url)
    for number in range(4):
        central_system.events.add("a.b", number=number)
    receiver.answers = [204, status]
    after = deliver(webhook)
    assert (after.delivered, after.failures, after.last_error) == (1, 1, f"answered {status}")
    assert after.next_try_at is not None
    assert after.next_try_at > datetime.now(timezone.utc)
    assert [event["data"]["number"] for event in receiver.events] == [0, 1]
    after = deliver(webhook)
    assert (after.delivered, after.failures, after.last_error) == (4, 0, None)
    assert [event["data"]["number"] for event in receiver.events] == [0, 1, 1, 2, 3]


def test_after_the_last_try_an_event_is_dead_and_the_next_one_follows(
    central_system: CentralSystem, receiver: Any, deliver: Callable[..., Webhook]
) -> None:
    webhook = central_system.webhooks.add(receiver.url, kinds=["a.b", "x.y"])
    central_system.events.add("other.kind")
    for number in range(3):
        central_system.events.add("a.b", number=number)
    receiver.answers = [500, 500, 500]
    for _ in range(3):
        after = deliver(webhook)
    assert (after.dead, after.failures, after.next_try_at) == (1, 0, None)
    assert deliver(webhook).delivered == 2
    letters = central_system.webhooks.dead_letters(webhook.webhook_id).items
    assert [(letter.event["data"]["number"], letter.attempts, letter.error) for letter in letters] == [
        (0, 3, "answered 500")
    ]


def test_a_dead_letter_can_be_sent_again(
    central_system: CentralSystem, receiver: Any, deliver: Callable[..., Webhook]
) -> None:
    webhook = central_system.webhooks.add(receiver.url)
    central_system.events.add("a.b", number=7)
    receiver.answers = [500, 500]
    deliver(webhook, attempts=1)
    letter = central_system.webhooks.dead_letters(webhook.webhook_id).items[0]
    assert central_system.webhook_delivery.redeliver(letter) == "answered 500"
    assert central_system.webhook_delivery.redeliver(letter) == ""
    assert central_system.webhooks.dead_letters(webhook.webhook_id).items == []
    assert receiver.events[-1]["data"]["number"] == 7


def test_a_webhook_with_a_cursor_of_another_store_is_paused_and_says_why(
    central_system: CentralSystem, receiver: Any, deliver: Callable[..., Webhook]
) -> None:
    webhook = central_system.webhooks.add(receiver.url)
    central_system.events.add("a.b", number=1)
    central_system.webhooks.change(webhook.webhook_id, lambda found: {**found, "cursor": "eyJ0aWUiOlsxLDFdfQ"})
    after = deliver(webhook)
    assert (after.is_active, after.cursor, after.delivered, after.leased_until) == (False, None, 0, None)
    assert after.last_error is not None
    assert after.last_error.startswith("its cursor is not of this store")
    assert receiver.got == []
    resumed = central_system.webhooks.set_active(webhook.webhook_id, True)
    assert resumed is not None
    assert (deliver(resumed).delivered, deliver(resumed).last_error) == (1, None)
    assert [event["data"]["number"] for event in receiver.events] == [1]


def test_a_receiver_that_is_not_there_is_a_failure(
    central_system: CentralSystem, deliver: Callable[..., Webhook]
) -> None:
    webhook = central_system.webhooks.add("http://127.0.0.1:1/hook")
    central_system.events.add("a.b")
    assert deliver(webhook).last_error == "cannot be reached: connection refused"


def test_a_receiver_that_answers_byte_by_byte_has_failed_when_its_time_is_over(
    central_system: CentralSystem, dripping: Any
) -> None:
    webhook = central_system.webhooks.add(dripping(b"HTTP/1.1 204 No Content\r\nX: ").url)
    central_system.events.add("a.b")
    delivery = Delivery(central_system.webhooks, central_system.events, timeout=0.3, attempts=3)
    delivery.deliver(webhook, threading.Event())
    after = central_system.webhooks.get(webhook.webhook_id)
    assert after is not None
    assert (after.failures, after.last_error) == (1, "did not answer within 0.3 s")


@pytest.mark.parametrize("url", ["http://a..b/x", f"http://{'a' * 70}/", "http://é..ü/", "http://[::1/"])
def test_a_url_that_cannot_be_called_is_refused_and_one_that_is_stored_fails_like_any_other(
    central_system: CentralSystem, receiver: Any, deliver: Callable[..., Webhook], url: str
) -> None:
    with pytest.raises(ValueError, match="is no URL of a receiver"):
        central_system.webhooks.add(url)
    webhook = central_system.webhooks.add(receiver.url)
    central_system.webhooks.change(webhook.webhook_id, lambda document: {**document, "url": url})
    central_system.events.add("a.b")
    after = deliver(webhook, attempts=2)
    assert (after.failures, after.leased_until) == (1, None)
    assert after.last_error
    assert deliver(webhook, attempts=2).dead == 1


def test_while_another_process_delivers_nothing_is_sent_twice(
    central_system: CentralSystem, receiver: Any, deliver: Callable[..., Webhook]
) -> None:
    webhook = central_system.webhooks.add(receiver.url)
    central_system.events.add("a.b")
    later = datetime.now(timezone.utc) + timedelta(seconds=60)
    lease = {"leased_by": "other:1", "leased_until": later}
    central_system.webhooks.change(webhook.webhook_id, lambda document: {**document, **lease})
    assert deliver(webhook).delivered == 0
    over = {"leased_until": datetime.now(timezone.utc)}
    central_system.webhooks.change(webhook.webhook_id, lambda document: {**document, **over})
    assert deliver(webhook).delivered == 1


def test_a_process_that_read_a_webhook_long_ago_goes_on_where_it_is_now(
    central_system: CentralSystem, receiver: Any, deliver: Callable[..., Webhook]
) -> None:
    read_long_ago = central_system.webhooks.add(receiver.url)
    delivery = Delivery(central_system.webhooks, central_system.events, timeout=2, attempts=3)
    for number in range(5):
        central_system.events.add("a.b", number=number)
    deliver(read_long_ago)
    delivery.deliver(read_long_ago, threading.Event())
    central_system.events.add("a.b", number=5)
    delivery.deliver(read_long_ago, threading.Event())
    assert [event["data"]["number"] for event in receiver.events] == list(range(6))
    after = central_system.webhooks.get(read_long_ago.webhook_id)
    assert after is not None
    assert (after.delivered, after.cursor) == (6, central_system.events.list().cursor)


@pytest.mark.parametrize(
    "change", [lambda now: {"is_active": False}, lambda now: {"next_try_at": now + timedelta(minutes=3)}]
)
def test_a_webhook_that_is_no_longer_due_when_its_turn_comes_gets_nothing(
    central_system: CentralSystem, receiver: Any, change: Callable[[datetime], dict[str, Any]]
) -> None:
    webhook = central_system.webhooks.add(receiver.url)
    central_system.events.add("a.b")
    meanwhile = change(datetime.now(timezone.utc))
    central_system.webhooks.change(webhook.webhook_id, lambda document: {**document, **meanwhile})
    delivery = Delivery(central_system.webhooks, central_system.events, timeout=2, attempts=3)
    delivery.deliver(webhook, threading.Event())
    assert receiver.got == []


def test_a_lease_of_a_clock_that_was_ahead_does_not_count(
    central_system: CentralSystem, receiver: Any, deliver: Callable[..., Webhook]
) -> None:
    webhook = central_system.webhooks.add(receiver.url)
    central_system.events.add("a.b")
    lease = {"leased_by": "other:1", "leased_until": datetime.now(timezone.utc) + timedelta(days=1)}
    central_system.webhooks.change(webhook.webhook_id, lambda document: {**document, **lease})
    assert deliver(webhook).delivered == 1


def test_the_registration_of_a_station_is_named_by_its_event_id(
    central_system: CentralSystem, receiver: Any, deliver: Callable[..., Webhook], send: Callable[..., Any]
) -> None:
    webhook = central_system.webhooks.add(receiver.url, kinds=["station.registered"])
    send(HeartbeatRequest())
    central_system.events.flush()
    deliver(webhook)
    assert [headers["webhook-id"] for headers, _ in receiver.got] == [event["event_id"] for event in receiver.events]


@pytest.mark.parametrize("key", ["station.registered:CP ü 中/1", "two words"])
def test_an_event_of_any_name_can_be_sent_and_put_aside(
    central_system: CentralSystem, receiver: Any, deliver: Callable[..., Webhook], key: str
) -> None:
    webhook = central_system.webhooks.add(receiver.url)
    central_system.events.add("a.b", key=key)
    receiver.answers = [500]
    deliver(webhook, attempts=1)
    letter = central_system.webhooks.dead_letters(webhook.webhook_id).items[0]
    assert letter.letter_id.isalnum()
    assert central_system.webhook_delivery.redeliver(letter) == ""
    assert receiver.events[-1]["event_id"] == key


def test_a_paused_webhook_goes_on_where_it_was(
    central_system: CentralSystem, receiver: Any, deliver: Callable[..., Webhook]
) -> None:
    webhook = central_system.webhooks.add(receiver.url)
    central_system.webhooks.set_active(webhook.webhook_id, False)
    central_system.events.add("a.b")
    assert deliver(webhook).delivered == 0
    central_system.webhooks.set_active(webhook.webhook_id, True)
    assert deliver(webhook).delivered == 1


def test_a_removed_webhook_leaves_nothing(
    central_system: CentralSystem, receiver: Any, deliver: Callable[..., Webhook]
) -> None:
    webhook = central_system.webhooks.add(receiver.url)
    central_system.events.add("a.b")
    receiver.answers = [500]
    deliver(webhook, attempts=1)
    assert central_system.webhooks.remove(webhook.webhook_id)
    assert not central_system.webhooks.remove(webhook.webhook_id)
    assert central_system.webhooks.dead_letters(webhook.webhook_id).items == []


def test_a_serving_process_delivers_by_itself(central_system: CentralSystem, receiver: Any) -> None:
    central_system.webhooks.add(receiver.url)
    central_system.start_workers()
    central_system.events.add("a.b")
    deadline = datetime.now(timezone.utc) + timedelta(seconds=15)
    while not receiver.got and datetime.now(timezone.utc) < deadline:
        threading.Event().wait(0.05)
    assert [event["kind"] for event in receiver.events] == ["a.b"]
