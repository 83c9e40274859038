"""Meter values: never dropped, stored once, kept as sent."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ocpp_soap.dispatch import MessageWarning
from ocpp_soap.messages import (
    MeterValue,
    MeterValuesRequest,
    SampledValue,
    StartTransactionRequest,
    StopTransactionRequest,
    Version,
)


@pytest.fixture
def transaction_id(send, noon):
    start = StartTransactionRequest(connector_id=1, id_tag="A", timestamp=noon, meter_start=0)
    return send(start).transaction_id


@pytest.fixture
def values(noon):
    sampled = [
        SampledValue(value="1.5", unit="kWh", measurand="Energy.Active.Import.Register"),
        SampledValue(value="7"),
    ]
    return [MeterValue(timestamp=noon, value=sampled)]


def stored(central_system, identity="CP001"):
    return central_system.meter_values.list(charge_box_identity=identity).items


def test_value_and_unit_are_kept_as_sent(central_system, send, values, noon):
    send(MeterValuesRequest(connector_id=1, values=values))
    (record,) = stored(central_system)
    assert record.meter_values == values
    assert (record.connector_id, record.timestamp, record.source) == (1, noon, "MeterValues")
    assert record.received_at == noon + timedelta(seconds=1)


def test_the_1_2_shape_is_stored_like_the_1_5_one(central_system, send, noon):
    same = [MeterValue(timestamp=noon, value=[SampledValue(value="1234")])]
    send(MeterValuesRequest(connector_id=1, values=same), "CP12", Version.V12)
    send(MeterValuesRequest(connector_id=1, values=same), "CP15", Version.V15)
    assert stored(central_system, "CP12")[0].samples == stored(central_system, "CP15")[0].samples


def test_values_that_name_no_transaction_belong_to_the_connectors_open_one(
    central_system, send, values, transaction_id
):
    send(MeterValuesRequest(connector_id=1, values=values), version=Version.V12)
    send(MeterValuesRequest(connector_id=2, values=values))
    send(MeterValuesRequest(connector_id=0, values=values))
    assert [record.transaction_id for record in stored(central_system)] == [transaction_id, None, None]


@pytest.mark.parametrize("version", Version, ids=str)
def test_a_station_that_counts_its_connectors_from_0_has_its_values_with_the_session(
    central_system, send, values, noon, version
):
    start = StartTransactionRequest(connector_id=0, id_tag="A", timestamp=noon, meter_start=0)
    transaction_id = send(start, version=version).transaction_id
    send(MeterValuesRequest(connector_id=0, values=values), version=version)
    assert [record.transaction_id for record in stored(central_system)] == [transaction_id]


@pytest.mark.parametrize("named", [0, -1])
def test_an_id_that_is_never_given_out_names_no_transaction(central_system, send, values, transaction_id, named):
    send(MeterValuesRequest(connector_id=1, transaction_id=named, values=values))
    (record,) = stored(central_system)
    assert (record.transaction_id, record.reported_transaction_id) == (transaction_id, named)


def test_values_of_an_unknown_or_foreign_transaction_are_kept_apart(central_system, send, values, transaction_id):
    send(MeterValuesRequest(connector_id=1, transaction_id=99, values=values))
    send(MeterValuesRequest(connector_id=1, transaction_id=transaction_id, values=values), "CP002")
    assert [(r.transaction_id, r.reported_transaction_id) for r in stored(central_system)] == [(None, 99)]
    assert [r.transaction_id for r in stored(central_system, "CP002")] == [None]
    assert central_system.meter_values.list(transaction_id=transaction_id).items == []


def test_a_transaction_that_a_station_has_named_before_is_not_searched_again(
    central_system, send, values, transaction_id, noon, monkeypatch
):
    def add(minute, identity="CP001"):
        later = [MeterValue(timestamp=noon + timedelta(minutes=minute), value=values[0].value)]
        send(MeterValuesRequest(connector_id=1, transaction_id=transaction_id, values=later), identity)

    add(1, "CP002")
    add(2)
    searches = []
    search = central_system.store.append_found
    monkeypatch.setattr(central_system.store, "append_found", lambda *a, **k: searches.append(a) or search(*a, **k))
    add(3)
    assert searches == []
    add(4, "CP002")
    assert len(searches) == 1
    assert [record.transaction_id for record in stored(central_system)] == [transaction_id] * 2
    assert [record.transaction_id for record in stored(central_system, "CP002")] == [None] * 2


def test_values_after_the_stop_belong_to_the_transaction_they_name(central_system, send, values, transaction_id, noon):
    send(StopTransactionRequest(transaction_id=transaction_id, timestamp=noon, meter_stop=10))
    send(MeterValuesRequest(connector_id=1, transaction_id=transaction_id, values=values))
    assert len(central_system.meter_values.list(transaction_id=transaction_id).items) == 1


def test_a_retried_message_is_stored_once_also_after_the_stop(central_system, send, values, transaction_id, noon):
    send(MeterValuesRequest(connector_id=1, values=values))
    send(StopTransactionRequest(transaction_id=transaction_id, timestamp=noon, meter_stop=10))
    send(MeterValuesRequest(connector_id=1, values=values))
    assert [record.transaction_id for record in stored(central_system)] == [transaction_id]


def test_messages_that_differ_in_what_1_5_does_not_know_are_both_stored(central_system, send, values):
    for phase in ("L1", "L2", "L1"):
        warnings = [MessageWarning("unknown_attribute", "phase", phase)]
        send(MeterValuesRequest(connector_id=1, values=values), warnings=warnings)
    assert [record.warnings[0]["sent"] for record in stored(central_system)] == ["L1", "L2"]


def test_a_message_without_values_is_kept(central_system, send):
    send(MeterValuesRequest(connector_id=1))
    assert [record.samples for record in stored(central_system)] == [[]]


def test_a_big_message_is_spread_over_small_documents_and_stored_once(central_system, send, transaction_id, noon):
    values = [
        MeterValue(
            timestamp=noon + timedelta(seconds=second),
            value=[SampledValue(value=f"{second}.{number}", format="SignedData") for number in range(40)],
        )
        for second in range(200)
    ]
    huge = MeterValue(timestamp=noon + timedelta(hours=1), value=[SampledValue(value="f" * 1000)] * 900)
    for _ in range(2):
        send(MeterValuesRequest(connector_id=1, transaction_id=transaction_id, values=[*values, huge]))
    records = central_system.meter_values.list(transaction_id=transaction_id).items
    read = [(v.timestamp, s.value) for record in records for v in record.meter_values for s in v.value]
    sent = [(v.timestamp, s.value) for v in [*values, huge] for s in v.value]
    assert sorted(read) == sorted(sent)
    assert len(records) > 5
    assert all(len(str(record.samples)) < 900_000 for record in records)


def test_a_list_needs_a_station_or_a_transaction(central_system):
    with pytest.raises(ValueError, match="either"):
        central_system.meter_values.list()
