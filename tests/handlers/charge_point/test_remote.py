"""RemoteStartTransaction, RemoteStopTransaction and Reset (15 §5.9, §5.10, §5.12; notes 6, 7.23, 7.24, 7.36)."""

from __future__ import annotations

import pytest

from ocpp_soap.messages import (
    ChargePointStatus,
    RemoteStartTransactionRequest,
    RemoteStopTransactionRequest,
    ResetRequest,
    ResetType,
    Version,
)


def remote_start(call, station, connector=None):
    return call(station, RemoteStartTransactionRequest(id_tag="REMOTE", connector_id=connector)).status


def test_a_remote_start_uses_the_given_tag_without_asking_for_it(station, call, schedule, central_system):
    station.plug(2)
    assert remote_start(call, station, 2) == "Accepted"
    schedule.advance(1)
    start = central_system.sent("StartTransaction")[0]
    assert (start.connector_id, start.id_tag) == (2, "REMOTE")
    assert central_system.sent("Authorize") == []


@pytest.mark.parametrize(("version", "longest"), [(Version.V12, 15), (Version.V15, 20)])
def test_a_tag_that_no_start_could_name_is_rejected(make_station, call, version, longest):
    station = make_station(version)
    for length, status in ((longest + 1, "Rejected"), (longest, "Accepted")):
        assert call(station, RemoteStartTransactionRequest(id_tag="T" * length, connector_id=1)).status == status


def test_the_answer_goes_first(station, call, schedule, central_system):
    station.plug(1)
    remote_start(call, station, 1)
    schedule.run()
    assert central_system.sent("StartTransaction") == []


def test_it_authorises_first_if_configured(make_station, call, schedule, central_system):
    station = make_station(AuthorizeRemoteTxRequests="true")
    station.plug(1)
    remote_start(call, station, 1)
    schedule.advance(1)
    assert [n for n in central_system.names() if n != "StatusNotification"][:2] == ["Authorize", "StartTransaction"]


def test_the_station_prefers_the_connector_with_a_cable(station, call, schedule, central_system):
    station.plug(2)
    remote_start(call, station)
    schedule.advance(1)
    assert central_system.sent("StartTransaction")[0].connector_id == 2


def test_two_at_once_get_a_connector_each_and_a_third_is_rejected(station, call, schedule, central_system):
    station.plug(1)
    answers = [call(station, RemoteStartTransactionRequest(id_tag=tag)).status for tag in ("TAG1", "TAG2", "TAG3")]
    assert answers == ["Accepted", "Accepted", "Rejected"]
    schedule.advance(1)
    station.plug(2)
    schedule.run()
    started = [(start.connector_id, start.id_tag) for start in central_system.sent("StartTransaction")]
    assert started == [(1, "TAG1"), (2, "TAG2")]


def test_it_is_given_up_after_connection_time_out(make_station, call, schedule, central_system):
    station = make_station(ConnectionTimeOut=20)
    remote_start(call, station, 1)
    schedule.advance(30)
    station.plug(1)
    schedule.run()
    assert central_system.sent("StartTransaction") == []


def test_a_busy_or_unknown_connector_is_rejected(station, call, schedule):
    station.plug(1)
    remote_start(call, station, 1)
    schedule.advance(1)
    assert remote_start(call, station, 1) == "Rejected"
    assert remote_start(call, station, 7) == "Rejected"
    assert remote_start(call, station) == "Accepted"


def test_a_remote_stop_ends_the_transaction_of_that_id_only(station, call, schedule, central_system):
    station.plug(1)
    remote_start(call, station, 1)
    schedule.advance(1)
    assert call(station, RemoteStopTransactionRequest(transaction_id=999)).status == "Rejected"
    assert call(station, RemoteStopTransactionRequest(transaction_id=101)).status == "Accepted"
    schedule.advance(1)
    stop = central_system.sent("StopTransaction")[0]
    assert (stop.transaction_id, stop.id_tag) == (101, None)
    assert station.status_of(1) is ChargePointStatus.OCCUPIED


@pytest.mark.parametrize("type_", ResetType)
@pytest.mark.parametrize("version", Version)
def test_a_reset_stops_the_transactions_and_boots_again(make_station, call, schedule, central_system, type_, version):
    station = make_station(version)
    for connector in (1, 2):
        station.plug(connector)
        remote_start(call, station, connector)
    schedule.advance(1)
    central_system.requests.clear()
    assert call(station, ResetRequest(type=type_)).status == "Accepted"
    schedule.run()
    assert central_system.requests == []
    schedule.advance(10)
    important = [n for n in central_system.names() if n != "StatusNotification"]
    assert important == ["StopTransaction", "StopTransaction", "BootNotification"]
    assert central_system.names()[-3:] == ["StatusNotification"] * 3


def test_an_unknown_reset_is_rejected(station, call):
    assert call(station, ResetRequest(type="Lukewarm")).status == "Rejected"


def test_a_reset_while_offline_boots_first_and_delivers_the_stop_afterwards(station, call, schedule, central_system):
    station.plug(1)
    remote_start(call, station, 1)
    schedule.advance(1)
    central_system.down = True
    call(station, ResetRequest(type=ResetType.HARD))
    schedule.advance(30)
    central_system.down = False
    central_system.requests.clear()
    schedule.advance(30)
    assert central_system.names()[0] == "BootNotification"
    assert central_system.sent("StopTransaction")[0].transaction_id == 101


def test_after_a_reset_without_network_a_known_tag_charges(station, call, schedule, central_system):
    station.present_tag(1, "KNOWN")
    schedule.run()
    central_system.down = True
    call(station, ResetRequest(type=ResetType.HARD))
    schedule.advance(30)
    station.plug(1)
    station.present_tag(1, "KNOWN")
    schedule.run()
    assert station.connectors[1].transaction is not None


def test_nobody_is_let_in_while_the_station_restarts(station, call, schedule, central_system):
    station.plug(1)
    call(station, ResetRequest(type=ResetType.HARD))
    schedule.advance(0.5)
    assert remote_start(call, station, 1) == "Rejected"
