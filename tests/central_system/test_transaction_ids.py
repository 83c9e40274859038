"""Transaction ids."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from ocpp_soap.central_system.transaction_ids import STOCK, TransactionIds
from ocpp_soap.errors import StoreUnavailable
from ocpp_soap.messages import StartTransactionRequest


def test_ids_begin_at_1_and_are_never_given_out_twice(central_system):
    processes = [TransactionIds(central_system.store) for _ in range(3)]
    assert processes[0].next() == 1
    with ThreadPoolExecutor(8) as pool:
        ids = list(pool.map(lambda number: processes[number % 3].next(), range(STOCK * 9)))
    assert len(set(ids)) == len(ids)
    assert min(ids) == 2


def test_the_latest_start_of_a_connector_stays_open_whatever_its_id(make_central_system, send, noon):
    first, second = (make_central_system(AUTHORIZATION__UNKNOWN_TAGS="accept") for _ in range(2))
    start = StartTransactionRequest(connector_id=1, id_tag="A", timestamp=noon, meter_start=0)
    send(replace(start, connector_id=9), to=first)
    old = send(start, to=second).transaction_id
    new = send(replace(start, timestamp=noon + timedelta(hours=1)), to=first).transaction_id
    assert new < old
    assert (first.transactions.get(old).state, first.transactions.get(new).state) == ("closed", "open")


def test_more_ids_are_taken_before_they_are_needed(central_system, monkeypatch):
    ids, taking, go_on = TransactionIds(central_system.store), threading.Event(), threading.Event()
    increment = central_system.store.increment

    def take(counter, by):
        taking.set()
        assert go_on.wait(10)
        return increment(counter, by)

    given = [ids.next()]
    monkeypatch.setattr(central_system.store, "increment", take)
    given += [ids.next() for _ in range(STOCK - 1)]
    assert taking.wait(10)
    go_on.set()
    given += [ids.next() for _ in range(3 * STOCK)]
    assert len(set(given)) == 4 * STOCK


def test_what_goes_wrong_with_taking_more_is_told_to_the_start_that_finds_none(central_system, monkeypatch):
    ids = TransactionIds(central_system.store)
    given, taken = [ids.next()], threading.Event()

    def take(*_):
        taken.set()
        raise StoreUnavailable("gone")

    with monkeypatch.context() as away:
        away.setattr(central_system.store, "increment", take)
        given += [ids.next() for _ in range(STOCK - 1)]
        assert taken.wait(10)
        with pytest.raises(StoreUnavailable, match="gone"):
            ids.next()
    given += [ids.next() for _ in range(STOCK)]
    assert len(set(given)) == 2 * STOCK
