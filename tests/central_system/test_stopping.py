"""How a transaction ends."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from ocpp_soap.central_system import Tag
from ocpp_soap.messages import (
    MeterValue,
    SampledValue,
    StartTransactionRequest,
    StopTransactionRequest,
    TransactionData,
    Version,
)


@pytest.fixture
def start(noon):
    return StartTransactionRequest(connector_id=1, id_tag="A", timestamp=noon, meter_start=1000)


@pytest.fixture
def stop(send, start, noon):
    """A stop of a transaction that has been started."""
    started = send(start)
    ended = noon + timedelta(hours=1)
    return StopTransactionRequest(transaction_id=started.transaction_id, timestamp=ended, meter_stop=9000)


def kinds(transaction):
    return [warning["kind"] for warning in transaction.stop_warnings]


def test_a_stop_closes_its_transaction(central_system, send, stop, noon):
    assert send(stop).id_tag_info is None
    closed = central_system.transactions.get(stop.transaction_id)
    assert (closed.state, closed.inferred, closed.energy) == ("closed", False, 8000)
    assert closed.stop_time == noon + timedelta(hours=1)
    assert closed.stop_received_at == noon + timedelta(seconds=2)


def test_a_repeated_stop_changes_nothing(central_system, send, stop):
    first = send(stop)
    closed = central_system.transactions.get(stop.transaction_id)
    assert send(stop) == first
    assert central_system.transactions.list().items == [closed]


def test_a_stop_that_arrives_twice_at_once_closes_once(central_system, send, stop):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: send(stop), range(16)))
    assert [t.energy for t in central_system.transactions.list().items] == [8000]


def test_any_tag_stops_and_only_the_answer_differs(make_central_system, send, start, noon):
    system = make_central_system()
    system.tags.add(Tag(id_tag="A"))
    started = send(start, to=system)
    stop = StopTransactionRequest(
        transaction_id=started.transaction_id, id_tag="Stranger", timestamp=noon, meter_stop=1000
    )
    assert send(stop, to=system).id_tag_info.status == "Invalid"
    closed = system.transactions.get(started.transaction_id)
    assert (closed.state, closed.id_tag, closed.stop_id_tag) == ("closed", "A", "Stranger")


def test_the_tag_that_started_is_accepted_at_its_stop_not_concurrent(make_central_system, send, start, noon):
    system = make_central_system()
    system.tags.add(Tag(id_tag="A"))
    first = send(start, to=system)
    stop = StopTransactionRequest(transaction_id=first.transaction_id, id_tag="A", timestamp=noon, meter_stop=1000)
    assert send(stop, to=system).id_tag_info.status == "Accepted"


def test_a_real_stop_replaces_an_inferred_one(central_system, send, start, stop):
    send(replace(start, meter_start=9500))
    assert central_system.transactions.get(stop.transaction_id).inferred
    send(stop)
    closed = central_system.transactions.get(stop.transaction_id)
    assert (closed.state, closed.inferred, closed.energy) == ("closed", False, 8000)


@pytest.mark.parametrize("transaction_id", [0, -1, 2147483647])
def test_a_stop_for_an_unknown_id_is_kept_as_an_orphan(central_system, send, noon, transaction_id):
    stop = StopTransactionRequest(transaction_id=transaction_id, id_tag="A", timestamp=noon, meter_stop=50)
    assert send(stop).id_tag_info.status == "Accepted"
    send(stop)
    (orphan,) = central_system.transactions.list(state="orphan").items
    assert (orphan.transaction_id, orphan.reported_transaction_id) == (None, transaction_id)
    assert (orphan.charge_box_identity, orphan.meter_stop, orphan.stop_time) == ("CP001", 50, noon)
    assert central_system.transactions.list(id_tag="a").items == [orphan]


def test_a_stop_for_another_stations_transaction_leaves_it_alone(central_system, send, stop):
    send(stop, "CP002")
    assert central_system.transactions.get(stop.transaction_id).state == "open"
    (orphan,) = central_system.transactions.list(charge_box_identity="CP002").items
    assert orphan.state == "orphan"


def test_a_second_and_different_stop_is_kept_beside_the_first(central_system, send, stop):
    send(stop)
    send(replace(stop, meter_stop=9001))
    assert central_system.transactions.get(stop.transaction_id).meter_stop == 9000
    (orphan,) = central_system.transactions.list(state="orphan").items
    assert (orphan.meter_stop, kinds(orphan)) == (9001, ["already_stopped"])


def test_a_meter_that_ran_backwards_closes_with_a_warning(central_system, send, stop):
    send(replace(stop, meter_stop=999))
    closed = central_system.transactions.get(stop.transaction_id)
    assert (closed.state, closed.meter_stop, kinds(closed)) == ("closed", 999, ["meter_ran_backwards"])


def test_a_stop_before_its_start_closes_with_a_warning(central_system, send, stop, noon):
    send(replace(stop, timestamp=noon - timedelta(hours=1)))
    closed = central_system.transactions.get(stop.transaction_id)
    assert (closed.state, kinds(closed)) == ("closed", ["stop_before_start"])


def test_transaction_data_is_stored_once_with_the_transaction(central_system, send, stop, noon):
    value = SampledValue(value="8000", context="Transaction.End", unit="Wh")
    data = TransactionData(values=[MeterValue(timestamp=noon, value=[value])])
    stop.transaction_data = [data, TransactionData()]
    send(stop)
    send(stop)
    (record,) = central_system.meter_values.list(transaction_id=stop.transaction_id).items
    assert record.meter_values == [MeterValue(timestamp=noon, value=[value])]
    assert (record.connector_id, record.source) == (1, "StopTransaction")


def test_transaction_data_of_an_orphan_is_stored_too(central_system, send, noon):
    data = [TransactionData(values=[MeterValue(timestamp=noon, value=[SampledValue(value="1")])])]
    send(StopTransactionRequest(transaction_id=-1, timestamp=noon, meter_stop=1, transaction_data=data))
    (record,) = central_system.meter_values.list(charge_box_identity="CP001").items
    assert (record.transaction_id, record.reported_transaction_id) == (None, -1)


def test_a_start_and_the_stop_of_the_one_it_closes_race_without_loss(central_system, send, start, noon):
    started = [send(replace(start, connector_id=n)).transaction_id for n in range(1, 9)]

    def race(job):
        number, stops = job
        if stops:
            request = StopTransactionRequest(transaction_id=started[number], timestamp=noon, meter_stop=2000)
        else:
            request = replace(start, connector_id=number + 1, meter_start=2000)
        send(request)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(race, [(number, stops) for number in range(8) for stops in (True, False)]))
    for transaction_id in started:
        closed = central_system.transactions.get(transaction_id)
        assert (closed.state, closed.inferred, closed.energy) == ("closed", False, 1000)


def test_a_stop_of_1_2_without_tag_or_data_closes_too(central_system, send, stop):
    send(stop, version=Version.V12)
    assert central_system.transactions.get(stop.transaction_id).state == "closed"


def test_more_transactions_than_are_remembered_can_be_stopped(central_system, send, start, noon, monkeypatch):
    monkeypatch.setattr("ocpp_soap.central_system.transactions.REMEMBERED", 2)
    starts = [replace(start, connector_id=number, id_tag=f"T{number}") for number in range(1, 6)]
    ids = [send(one).transaction_id for one in starts]
    for number in ids:
        send(StopTransactionRequest(transaction_id=number, timestamp=noon + timedelta(hours=1), meter_stop=9000))
    assert [central_system.transactions.get(number).energy for number in ids] == [8000] * 5
    assert len(central_system.transactions.list().items) == 5


def test_a_stop_finds_what_became_of_its_transaction_since_it_began(central_system, send, stop):
    central_system.open_sessions.close(stop.transaction_id, "the station is gone", by="somebody")
    send(stop)
    closed = central_system.transactions.get(stop.transaction_id)
    assert (closed.inferred, closed.close_reason, closed.energy) == (False, "the station is gone", 8000)
