"""What a station that was killed, or lost its power, takes up again when it is switched on (12/15 §3.2)."""

from __future__ import annotations

import pytest

from ocpp_soap.charge_point.state import CONNECTORS, STATE, TRANSACTION_DATA
from ocpp_soap.messages import (
    CancelReservationRequest,
    ChargePointErrorCode,
    ChargePointStatus,
    ReserveNowRequest,
    StartTransactionRequest,
    StopTransactionRequest,
)
from ocpp_soap.storage.file import FileStorage


@pytest.fixture
def storage(tmp_path):
    store = FileStorage(tmp_path / "station.db")
    yield store
    store.close()


@pytest.fixture
def kill(schedule):
    """End a station as kill -9 does: nothing is saved, and none of its timers runs any more."""

    def kill(station):
        station.outbox.stop()
        schedule._heap.clear()
        schedule._jobs.clear()

    return kill


@pytest.fixture
def switch_on(make_station, schedule, central_system, storage):
    """Switch a station on; what was sent before is forgotten, what it sends at once is not."""

    def switch_on(**configuration):
        central_system.requests.clear()
        station = make_station(storage=storage, started=False, **configuration)
        station.start()
        schedule.run()
        return station

    return switch_on


class Killed(Exception):
    """The process ends here."""


def transactions(central_system):
    return [name for name in central_system.names() if name.endswith("Transaction")]


def start(station, schedule):
    station.plug(1)
    station.present_tag(1, "TAG1")
    schedule.run()


def test_a_session_is_ended_that_had_no_meter_value_yet(switch_on, kill, schedule, central_system):
    station = switch_on()
    start(station, schedule)
    kill(station)
    switch_on()
    assert [stop.transaction_id for stop in central_system.sent("StopTransaction")] == [101]


def test_a_station_that_was_never_switched_on_overwrites_nothing(
    make_station, switch_on, kill, schedule, central_system, storage
):
    station = switch_on()
    start(station, schedule)
    kill(station)
    make_station(storage=storage, started=False).stop()
    switch_on()
    assert [stop.transaction_id for stop in central_system.sent("StopTransaction")] == [101]


def test_a_session_is_ended_whose_start_was_not_answered(switch_on, kill, schedule, central_system):
    station = switch_on(AllowOfflineTxForUnknownId="true")
    central_system.down = True
    start(station, schedule)
    kill(station)
    central_system.down = False
    second = switch_on()
    assert transactions(central_system) == ["StartTransaction", "StopTransaction"]
    assert central_system.sent("StopTransaction")[0].transaction_id == 101
    kill(second)
    switch_on()
    assert transactions(central_system) == []


@pytest.mark.parametrize(("queued", "sent"), [(False, []), (True, ["StartTransaction", "StopTransaction"])])
def test_a_session_is_ended_if_its_start_was_queued(
    switch_on, kill, schedule, central_system, monkeypatch, queued, sent
):
    station = switch_on()
    put = station.outbox.put

    def die_at_the_start(request, **more):
        if queued or not isinstance(request, StartTransactionRequest):
            put(request, **more)
        if isinstance(request, StartTransactionRequest):
            raise Killed

    monkeypatch.setattr(station.outbox, "put", die_at_the_start)
    with pytest.raises(Killed):
        start(station, schedule)
    kill(station)
    second = switch_on()
    assert transactions(central_system) == sent
    assert second.outbox.set_aside == ()


@pytest.mark.parametrize("kind", ["Sample", "Aligned"])
def test_a_session_is_ended_with_the_reading_and_the_data_that_it_had(
    switch_on, kill, schedule, central_system, storage, kind
):
    intervals = {"MeterValueSampleInterval": 60 if kind == "Sample" else 0}
    intervals["ClockAlignedDataInterval"] = 60 if kind == "Aligned" else 0
    measurands = {"StopTxnSampledData": "Voltage", "StopTxnAlignedData": "Power.Active.Import"}
    station = switch_on(**intervals, **measurands)
    start(station, schedule)
    schedule.advance(130)
    sent = [int(request.values[0].value[0].value) for request in central_system.sent("MeterValues")]
    kill(station)
    second = switch_on(**intervals, **measurands)
    (stop,) = central_system.sent("StopTransaction")
    (data,) = stop.transaction_data
    assert (sent, stop.meter_stop) == ([183, 366], 366)
    assert [str(values.value[0].context) for values in data.values] == [
        "Transaction.Begin", *[f"Sample.{'Periodic' if kind == 'Sample' else 'Clock'}"] * 2,
    ]  # fmt: skip
    assert storage.count(TRANSACTION_DATA) == 0
    start(second, schedule)
    assert central_system.sent("StartTransaction")[0].meter_start == 366


def test_a_session_is_ended_with_the_reading_of_an_interruption(switch_on, kill, schedule, central_system):
    station = switch_on(MeterValueSampleInterval=0)
    start(station, schedule)
    schedule.advance(60)
    station.fault(1, ChargePointErrorCode.GROUND_FAILURE)
    schedule.run()
    kill(station)
    switch_on()
    assert central_system.sent("StopTransaction")[0].meter_stop == 183


def test_the_register_is_never_below_one_that_was_told(switch_on, kill, schedule, central_system, monkeypatch):
    station = switch_on(MeterValueSampleInterval=0)
    start(station, schedule)
    schedule.advance(60)
    put = station.outbox.put

    def die_at_the_stop(request, **more):
        put(request, **more)
        if isinstance(request, StopTransactionRequest):
            raise Killed

    monkeypatch.setattr(station.outbox, "put", die_at_the_stop)
    with pytest.raises(Killed):
        station.stop_transaction(1)
    kill(station)
    second = switch_on()
    start(second, schedule)
    assert [stop.meter_stop for stop in central_system.sent("StopTransaction")] == [183]
    assert central_system.sent("StartTransaction")[0].meter_start == 183


def test_what_a_session_had_collected_is_forgotten_with_its_stop(switch_on, schedule, storage):
    station = switch_on(MeterValueSampleInterval=60, StopTxnSampledData="Voltage")
    start(station, schedule)
    schedule.advance(61)
    assert storage.count(TRANSACTION_DATA) == 2
    station.stop_transaction(1)
    schedule.run()
    assert storage.count(TRANSACTION_DATA) == 0


def reserve(call, station, later, connector_id=1):
    request = ReserveNowRequest(connector_id=connector_id, expiry_date=later(600), id_tag="TAG1", reservation_id=7)
    assert call(station, request).status == "Accepted"


def test_a_reservation_is_kept(switch_on, kill, call, later):
    station = switch_on()
    reserve(call, station, later)
    kill(station)
    second = switch_on()
    assert second.status_of(1) is ChargePointStatus.RESERVED
    assert call(second, CancelReservationRequest(reservation_id=7)).status == "Accepted"


@pytest.mark.parametrize("end", ["cancelled", "expired", "used", "faulted"])
def test_a_reservation_that_has_ended_is_not_back(switch_on, kill, call, later, schedule, end):
    station = switch_on()
    reserve(call, station, later)
    if end == "cancelled":
        call(station, CancelReservationRequest(reservation_id=7))
    elif end == "used":
        start(station, schedule)
    elif end == "faulted":
        station.fault(1, ChargePointErrorCode.GROUND_FAILURE)
    else:
        schedule.advance(601)
    kill(station)
    assert list(switch_on().reservations) == []


def test_a_station_that_is_killed_while_it_is_switched_on_forgets_nothing(
    switch_on, kill, call, later, schedule, central_system, make_station, storage, monkeypatch
):
    station = switch_on()
    assert station.configuration.set("LightIntensity", "7") == "Accepted"
    start(station, schedule)
    reserve(call, station, later, connector_id=2)
    kill(station)
    second = make_station(storage=storage, started=False)
    put = storage.put

    def die_at_the_state(collection, documents):
        put(collection, documents)
        if collection is STATE:
            raise Killed

    monkeypatch.setattr(storage, "put", die_at_the_state)
    with pytest.raises(Killed):
        second.start()
    kill(second)
    monkeypatch.undo()
    third = switch_on()
    assert third.configuration.text("LightIntensity") == "7"
    assert [r.reservation_id for r in third.reservations] == [7]
    assert [stop.transaction_id for stop in central_system.sent("StopTransaction")] == [101]


def test_a_reading_is_saved_without_the_list(switch_on, schedule, storage, monkeypatch):
    station = switch_on(MeterValueSampleInterval=60)
    start(station, schedule)
    written = []
    monkeypatch.setattr(storage, "put", lambda collection, _documents: written.append(collection))
    schedule.advance(61)
    assert written == [CONNECTORS]


@pytest.fixture
def written_by_the_version_before(storage, noon):
    """The state as it was kept in one document, of a station that was killed in a session on connector 1."""
    in_use = {"operative": True, "scheduled_inoperative": False}
    transaction = {"handle": "57d1c3a0c09042eca2c3ac8e74ca68a8", "id_tag": "TAG1", "transaction_id": 101, "seen": noon}
    state = {
        "configuration": {"NumberOfConnectors": "2", "HeartBeatInterval": "300"},
        "firmware_version": "1.0.0",
        "list_version": 0,
        "list": [{"id_tag": "TAG1", "info": {"status": "Accepted"}, "synchronised": False}],
        "operative": True,
        "scheduled_inoperative": False,
        "reservations": [],
        "connectors": {
            "1": in_use | {"energy": 366.6666666666667, "transaction": transaction},
            "2": {"operative": False, "scheduled_inoperative": False, "energy": 20.0},
        },
    }
    storage.put(STATE, {"CP001": state})


@pytest.mark.usefixtures("written_by_the_version_before")
def test_an_upgraded_station_knows_its_connectors(switch_on, kill, schedule, central_system, noon):
    station = switch_on()
    stops = central_system.sent("StopTransaction")
    assert [(stop.transaction_id, stop.meter_stop, stop.timestamp) for stop in stops] == [(101, 366, noon)]
    assert [station.status_of(n) for n in (1, 2)] == [ChargePointStatus.AVAILABLE, ChargePointStatus.UNAVAILABLE]
    kill(station)
    second = switch_on()
    assert transactions(central_system) == []
    assert second.status_of(2) is ChargePointStatus.UNAVAILABLE
    start(second, schedule)
    assert central_system.sent("StartTransaction")[0].meter_start == 366


@pytest.mark.usefixtures("written_by_the_version_before")
@pytest.mark.parametrize("write", [1, 2])
def test_an_upgraded_station_that_is_killed_at_its_first_save_forgets_nothing(
    switch_on, kill, make_station, storage, monkeypatch, write
):
    first = make_station(storage=storage, started=False)
    put, saved = storage.put, []

    def die_at_the_write(collection, documents):
        put(collection, documents)
        saved.extend([collection] if collection in (STATE, CONNECTORS) else [])
        if len(saved) == write:
            raise Killed

    monkeypatch.setattr(storage, "put", die_at_the_write)
    with pytest.raises(Killed):
        first.start()
    kill(first)
    monkeypatch.undo()
    second = switch_on()
    assert second.status_of(2) is ChargePointStatus.UNAVAILABLE
    assert [c.meter.energy(second.now()) for c in second.connectors.values()] == [366.6666666666667, 20.0]
