"""What survives a restart of the process: the queue and the state of a station (12/15 §3.2)."""

from __future__ import annotations

import pytest

from ocpp_soap.charge_point import StationOptions
from ocpp_soap.charge_point.documents import from_document, to_document
from ocpp_soap.charge_point.journal import StoredJournal
from ocpp_soap.charge_point.keeping import Keeping
from ocpp_soap.charge_point.queueing import Entry
from ocpp_soap.errors import AlreadyExists, Unreachable
from ocpp_soap.messages import (
    AuthorisationData,
    AuthorizationStatus,
    AvailabilityType,
    ChangeAvailabilityRequest,
    ChangeConfigurationRequest,
    ChargePointStatus,
    IdTagInfo,
    Measurand,
    MeterValue,
    MeterValuesRequest,
    ReserveNowRequest,
    SampledValue,
    SendLocalListRequest,
    UpdateType,
)
from ocpp_soap.storage.file import FileStorage


@pytest.fixture
def storage(tmp_path):
    store = FileStorage(tmp_path / "station.db")
    yield store
    store.close()


def start(station, schedule, connector=1):
    station.plug(connector)
    station.present_tag(connector, "TAG1")
    schedule.run()


def test_a_station_whose_store_was_away_can_be_switched_on_again(
    make_station, schedule, central_system, storage, monkeypatch
):
    station = make_station(storage=storage, started=False)
    with monkeypatch.context() as away:
        away.setattr(storage, "get", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            station.start()
    station.start()
    schedule.run()
    assert len(central_system.sent("BootNotification")) == 1


def test_what_was_queued_is_delivered_in_order_by_the_next_process(make_station, schedule, central_system, storage):
    first = make_station(storage=storage)
    start(first, schedule)
    first.unplug(1)
    schedule.run()
    central_system.down = True
    start(first, schedule)
    schedule.advance(130)
    first.unplug(1)
    first.stop()
    central_system.down = False
    central_system.requests.clear()
    make_station(storage=storage, started=False).start()
    schedule.advance(10)
    names = [n for n in central_system.names() if n != "StatusNotification"]
    assert names == ["BootNotification", "StartTransaction", "MeterValues", "MeterValues", "StopTransaction"]
    assert central_system.sent("StopTransaction")[0].transaction_id == 102
    assert {r.transaction_id for r in central_system.sent("MeterValues")} == {102}


def test_a_stop_keeps_the_id_that_its_start_was_answered_with(make_station, schedule, central_system, storage):
    def away(_request):
        raise Unreachable("the network is down")

    first = make_station(storage=storage)
    start(first, schedule)
    first.unplug(1)
    schedule.run()
    central_system.down = True
    start(first, schedule)
    first.unplug(1)
    central_system.answers["StopTransaction"] = away
    central_system.down = False
    schedule.advance(15)
    first.outbox.stop()
    assert [r.id_tag for r in central_system.sent("StartTransaction")] == ["TAG1", "TAG1"]
    del central_system.answers["StopTransaction"]
    central_system.requests.clear()
    make_station(storage=storage, started=False).start()
    schedule.advance(10)
    assert [r.transaction_id for r in central_system.sent("StopTransaction")] == [102]


def test_what_was_delivered_is_not_delivered_again(make_station, schedule, central_system, storage):
    first = make_station(storage=storage)
    start(first, schedule)
    first.unplug(1)
    schedule.run()
    first.stop()
    central_system.requests.clear()
    make_station(storage=storage, started=False).start()
    schedule.advance(10)
    assert set(central_system.names()) == {"BootNotification", "StatusNotification"}


@pytest.mark.parametrize("orderly", [True, False])
def test_a_transaction_that_ran_is_ended_once_with_what_was_known(
    make_station, schedule, central_system, storage, orderly
):
    first = make_station(storage=storage, MeterValueSampleInterval=60)
    start(first, schedule)
    schedule.advance(90)
    if orderly:
        first.stop()
    else:
        first.outbox.stop()
    central_system.requests.clear()
    for _ in range(2):
        second = make_station(storage=storage, started=False)
        second.start()
        schedule.advance(5)
        second.stop()
    stops = central_system.sent("StopTransaction")
    assert [(s.transaction_id, s.meter_stop) for s in stops] == [(101, 275 if orderly else 183)]
    assert central_system.names()[0] == "BootNotification"


def test_the_meter_goes_on_from_its_register(make_station, schedule, central_system, storage):
    first = make_station(storage=storage)
    start(first, schedule)
    schedule.advance(3600)
    first.unplug(1)
    first.stop()
    second = make_station(storage=storage)
    start(second, schedule)
    assert central_system.sent("StartTransaction")[-1].meter_start == 11_000


def test_settings_list_availability_and_reservations_are_kept(make_station, schedule, storage, call, later):
    first = make_station(storage=storage)
    call(first, ChangeConfigurationRequest(key="LightIntensity", value="7"))
    accepted = IdTagInfo(status=AuthorizationStatus.ACCEPTED, expiry_date=later(9999))
    data = [AuthorisationData(id_tag="SENT", id_tag_info=accepted)]
    call(first, SendLocalListRequest(update_type=UpdateType.FULL, list_version=4, local_authorisation_list=data))
    call(first, ReserveNowRequest(connector_id=1, expiry_date=later(60), id_tag="TAG1", reservation_id=9))
    call(first, ChangeAvailabilityRequest(connector_id=2, type=AvailabilityType.INOPERATIVE))
    first.stop()
    second = make_station(storage=storage)
    assert second.configuration.text("LightIntensity") == "7"
    assert second.local_list.list_version == 4
    assert second.local_list.find("SENT", schedule.now()) == accepted
    assert [second.status_of(n) for n in (1, 2)] == [ChargePointStatus.RESERVED, ChargePointStatus.UNAVAILABLE]
    schedule.advance(61)
    assert second.status_of(1) is ChargePointStatus.AVAILABLE


def test_a_station_with_fewer_connectors_than_before_lets_go_of_the_others_reservation(
    make_station, storage, call, later
):
    first = make_station(storage=storage, connectors=2)
    call(first, ReserveNowRequest(connector_id=2, expiry_date=later(60), id_tag="TAG1", reservation_id=9))
    first.stop()
    second = make_station(storage=storage, connectors=1)
    assert second.registration.accepted
    assert list(second.reservations) == []


def test_what_a_key_is_at_first_counts_until_it_is_changed(make_station, storage, call):
    first = make_station(storage=storage, MeterValueSampleInterval=10, LightIntensity=1)
    call(first, ChangeConfigurationRequest(key="LightIntensity", value="7"))
    first.stop()
    second = make_station(storage=storage, MeterValueSampleInterval=20, LightIntensity=2)
    assert second.configuration.text("MeterValueSampleInterval") == "20"
    assert second.configuration.text("LightIntensity") == "7"


def test_a_firmware_version_that_is_configured_anew_counts(make_station, central_system, schedule, storage):
    first = make_station(storage=storage, options=StationOptions(firmware_version="1.0"))
    first.firmware_version = "1.1"
    first.stop()
    for configured, told in (("1.0", "1.1"), ("2.0", "2.0")):
        station = make_station(started=False, storage=storage, options=StationOptions(firmware_version=configured))
        station.start()
        schedule.run()
        assert central_system.sent("BootNotification")[-1].firmware_version == told
        station.stop()


def test_a_message_is_the_same_after_being_a_document(noon):
    value = SampledValue(value="1", measurand=Measurand.VOLTAGE, unit="furlong")
    message = MeterValuesRequest(connector_id=1, values=[MeterValue(timestamp=noon, value=[value])])
    again = from_document(MeterValuesRequest, to_document(message))
    assert again == message
    assert again.values[0].value[0].measurand is Measurand.VOLTAGE


def test_another_process_with_the_same_identity_overwrites_nothing(storage):
    first, second = (StoredJournal(storage, "CP001", Keeping("CP001")) for _ in range(2))
    first.add(Entry(1, MeterValuesRequest(connector_id=1)))
    with pytest.raises(AlreadyExists):
        second.add(Entry(1, MeterValuesRequest(connector_id=2)))
    assert [entry.request.connector_id for entry in first.load()[0]] == [1]
