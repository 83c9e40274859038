"""ChangeAvailability and UnlockConnector (15 §5.2, §5.14; notes 7.22, 7.23)."""

from __future__ import annotations

import pytest

from ocpp_soap.messages import (
    AvailabilityType,
    ChangeAvailabilityRequest,
    ChargePointStatus,
    RemoteStartTransactionRequest,
    UnlockConnectorRequest,
)

OPERATIVE, INOPERATIVE = AvailabilityType.OPERATIVE, AvailabilityType.INOPERATIVE


@pytest.fixture
def change(call):
    return lambda station, connector, type_: (
        call(station, ChangeAvailabilityRequest(connector_id=connector, type=type_)).status
    )


def start(station, schedule, connector=1):
    station.plug(connector)
    station.present_tag(connector, "TAG1")
    schedule.run()


def test_an_idle_connector_changes_at_once_and_says_so(station, change, schedule, central_system):
    assert change(station, 1, INOPERATIVE) == "Accepted"
    schedule.run()
    assert [(r.connector_id, r.status) for r in central_system.sent("StatusNotification")] == [(1, "Unavailable")]
    assert change(station, 1, OPERATIVE) == "Accepted"
    assert station.status_of(1) is ChargePointStatus.AVAILABLE


def test_a_busy_connector_is_scheduled_and_changes_after_the_session(station, change, schedule, central_system):
    start(station, schedule)
    assert change(station, 1, INOPERATIVE) == "Scheduled"
    assert station.status_of(1) is ChargePointStatus.OCCUPIED
    central_system.requests.clear()
    station.unplug(1)
    schedule.run()
    assert [(r.connector_id, r.status) for r in central_system.sent("StatusNotification")] == [(1, "Unavailable")]


def test_another_connectors_session_does_not_matter(station, change, schedule):
    start(station, schedule, connector=2)
    assert change(station, 1, INOPERATIVE) == "Accepted"


def test_the_whole_station_waits_for_its_last_session_but_idle_connectors_change_at_once(station, change, schedule):
    start(station, schedule)
    assert change(station, 0, INOPERATIVE) == "Scheduled"
    assert station.status_of(2) is ChargePointStatus.UNAVAILABLE
    assert station.status_of(0) is ChargePointStatus.OCCUPIED
    station.unplug(1)
    assert [station.status_of(n) for n in (0, 1, 2)] == [ChargePointStatus.UNAVAILABLE] * 3


def test_a_new_request_cancels_what_was_scheduled(station, change, schedule):
    start(station, schedule)
    change(station, 1, INOPERATIVE)
    assert change(station, 1, OPERATIVE) == "Accepted"
    station.unplug(1)
    assert station.status_of(1) is ChargePointStatus.AVAILABLE


def test_it_survives_a_reboot(station, change, schedule):
    change(station, 1, INOPERATIVE)
    station.reset()
    schedule.advance(5)
    assert station.status_of(1) is ChargePointStatus.UNAVAILABLE


@pytest.mark.parametrize(("connector", "type_"), [(3, OPERATIVE), (-1, INOPERATIVE), (1, "Broken")])
def test_what_does_not_exist_is_rejected(station, change, connector, type_):
    assert change(station, connector, type_) == "Rejected"


@pytest.mark.parametrize("connector", [0, 1])
def test_an_inoperative_connector_or_station_lets_nobody_in(station, change, schedule, call, connector):
    change(station, connector, INOPERATIVE)
    start(station, schedule)
    assert station.connectors[1].transaction is None
    assert call(station, RemoteStartTransactionRequest(id_tag="TAG1", connector_id=1)).status == "Rejected"


def test_a_station_that_is_to_become_inoperative_lets_nobody_in_any_more(station, change, schedule):
    start(station, schedule)
    assert change(station, 0, INOPERATIVE) == "Scheduled"
    start(station, schedule, connector=2)
    assert station.connectors[1].transaction is not None
    assert station.connectors[2].transaction is None


def test_unlocking_ends_the_session_first(station, schedule, call, central_system):
    start(station, schedule)
    assert station.connectors[1].locked
    assert call(station, UnlockConnectorRequest(connector_id=1)).status == "Accepted"
    schedule.run()
    assert len(central_system.sent("StopTransaction")) == 1
    assert not station.connectors[1].locked


def test_a_stuck_lock_is_rejected_and_reported(station, schedule, call, central_system):
    station.connectors[1].lock_works = False
    assert call(station, UnlockConnectorRequest(connector_id=1)).status == "Rejected"
    schedule.run()
    notification = central_system.sent("StatusNotification")[-1]
    assert (notification.status, notification.error_code) == ("Faulted", "ConnectorLockFailure")


def test_an_unknown_connector_cannot_be_unlocked(station, call):
    assert call(station, UnlockConnectorRequest(connector_id=9)).status == "Rejected"
