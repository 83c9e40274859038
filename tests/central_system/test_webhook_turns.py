"""Webhooks that take turns at the threads: a slow one delays nobody but other slow ones."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from waiting import wait_until

from ocpp_soap.central_system import CentralSystem
from ocpp_soap.central_system.webhooks import Delivery, Webhook

NEVER = b""
"""The beginning of an answer that never ends."""


@contextmanager
def delivering(system: CentralSystem, timeout: float) -> Iterator[None]:
    """While a process delivers."""
    stop = threading.Event()
    delivery = Delivery(system.webhooks, system.events, timeout=timeout, attempts=3)
    thread = threading.Thread(target=delivery.run, args=(stop,))
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def numbers(receiver: Any) -> list[int]:
    return [event["data"]["number"] for event in receiver.events]


def test_more_slow_webhooks_than_threads_delay_no_quick_one(
    central_system: CentralSystem, receiver: Any, dripping: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ocpp_soap.central_system.webhooks.delivery.AT_ONCE", 2)
    slow = [dripping(NEVER) for _ in range(3)]
    for one in slow:
        webhook = central_system.webhooks.add(one.url)
        central_system.webhooks.change(webhook.webhook_id, lambda document: {**document, "is_slow": True})
    central_system.webhooks.add(receiver.url)
    central_system.events.add("a.b", number=0)
    with delivering(central_system, timeout=60):
        wait_until(lambda: len([one for one in slow if one.request]) == 2)
        wait_until(lambda: numbers(receiver) == [0])
        central_system.events.add("a.b", number=1)
        wait_until(lambda: numbers(receiver) == [0, 1])
        for one in slow:
            one.close()


def test_webhooks_that_turn_out_slow_leave_the_threads_to_the_quick_ones(
    central_system: CentralSystem, receiver: Any, dripping: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ocpp_soap.central_system.webhooks.delivery.AT_ONCE", 1)
    monkeypatch.setattr("ocpp_soap.central_system.webhooks.turns.SLOW", 0.1)
    slow = {central_system.webhooks.add(dripping(NEVER).url).webhook_id for _ in range(3)}
    central_system.webhooks.add(receiver.url)
    central_system.events.add("a.b", number=0)
    with delivering(central_system, timeout=0.3):
        wait_until(lambda: numbers(receiver) == [0])
        wait_until(lambda: {one.webhook_id for one in central_system.webhooks.list().items if one.is_slow} == slow)


def test_a_webhook_is_slow_as_long_as_its_last_try_took_long(
    central_system: CentralSystem,
    receiver: Any,
    deliver: Callable[..., Webhook],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    webhook = central_system.webhooks.add(receiver.url)
    for number in range(3):
        central_system.events.add("a.b", number=number)
    monkeypatch.setattr("ocpp_soap.central_system.webhooks.turns.SLOW", 0.0)
    after = deliver(webhook)
    assert (after.is_slow, after.delivered, after.leased_until) == (True, 1, None)
    monkeypatch.setattr("ocpp_soap.central_system.webhooks.turns.SLOW", 60.0)
    after = deliver(webhook)
    assert (after.is_slow, after.delivered) == (False, 3)
    assert numbers(receiver) == [0, 1, 2]


def test_a_turn_that_is_over_gives_the_thread_to_the_next_one(
    central_system: CentralSystem, receiver: Any, deliver: Callable[..., Webhook], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ocpp_soap.central_system.webhooks.turns.TURN", 0.0)
    webhook = central_system.webhooks.add(receiver.url)
    for number in range(3):
        central_system.events.add("a.b", number=number)
    assert [deliver(webhook).delivered for _ in range(4)] == [1, 2, 3, 3]
    assert numbers(receiver) == [0, 1, 2]


def test_a_receiver_that_takes_long_does_not_keep_the_process_from_ending(
    central_system: CentralSystem, dripping: Any
) -> None:
    slow = dripping(NEVER)
    central_system.webhooks.add(slow.url)
    central_system.events.add("a.b")
    with delivering(central_system, timeout=60):
        wait_until(lambda: slow.request)
        began = time.monotonic()
    assert time.monotonic() - began < 10
    assert all(thread.daemon for thread in threading.enumerate() if thread.name.startswith("webhook"))
