"""What the controller reports governs reservations and remote starts (15 §3.5, §5.9, §5.11; notes 6, 7.36)."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from waiting import wait_until

from ocpp_soap.charge_point.chargebox.exchange import CONNECTORS, STATUS_NOTIFICATIONS
from ocpp_soap.messages import (
    CancelReservationRequest,
    ChargePointErrorCode,
    ChargePointStatus,
    RemoteStartTransactionRequest,
    ReserveNowRequest,
    Version,
)

NO_ERROR = ChargePointErrorCode.NO_ERROR


@pytest.fixture
def box(run):
    """A box with two connectors, of which the controller has said nothing yet."""
    box = run(connectors=2)
    wait_until(lambda: box.boot_state() == 3)
    return box


def report(box, connector_id, status, error_code=NO_ERROR):
    key = box.exchange.status(connector_id, ChargePointStatus(status), error_code)
    assert box.answered(STATUS_NOTIFICATIONS, key)["state"] == "Answered"


def reserve(box, sink, connector_id):
    request = ReserveNowRequest(
        connector_id=connector_id,
        expiry_date=datetime.now(timezone.utc) + timedelta(hours=1),
        id_tag="TAG1",
        reservation_id=connector_id,
    )
    return box.call(sink, request).status


def is_reserved(box, sink, connector_id):
    return box.call(sink, CancelReservationRequest(reservation_id=connector_id)).status == "Accepted"


def remote_start(box, sink, connector_id):
    return box.call(sink, RemoteStartTransactionRequest(id_tag="TAG1", connector_id=connector_id)).status


def restarted(box, run, sink, version=Version.V15):
    box.close()
    boots = sink.operations("BOX1").count("bootNotification")
    again = run(connectors=2, version=version)
    wait_until(lambda: sink.operations("BOX1").count("bootNotification") > boots)
    return again


@pytest.mark.parametrize("status", ["Faulted", "Unavailable"])
@pytest.mark.parametrize("reported", [1, 0])
def test_a_reservation_ends_with_a_connector_or_a_box_that_becomes(box, sink, status, reported):
    assert reserve(box, sink, 1) == "Accepted"
    report(box, reported, status)
    assert box.exchange.get(CONNECTORS, "1")["reserved_for"] is None
    assert not is_reserved(box, sink, 1)


def test_another_connector_keeps_its_reservation(box, sink):
    assert [reserve(box, sink, n) for n in (1, 2)] == ["Accepted", "Accepted"]
    report(box, 1, "Faulted", ChargePointErrorCode.GROUND_FAILURE)
    assert [is_reserved(box, sink, n) for n in (1, 2)] == [False, True]


def test_a_reservation_that_a_fault_ended_does_not_come_back_with_a_restart(box, run, sink):
    assert reserve(box, sink, 1) == "Accepted"
    report(box, 1, "Faulted")
    report(box, 1, "Available")
    assert not is_reserved(restarted(box, run, sink), sink, 1)


@pytest.mark.parametrize("status", ["Faulted", "Unavailable", "Occupied"])
def test_reserve_now_is_answered_with_the_state_that_was_reported(box, sink, status):
    report(box, 1, status)
    assert reserve(box, sink, 1) == status
    assert reserve(box, sink, 2) == "Accepted"
    report(box, 1, "Available")
    assert reserve(box, sink, 1) == "Accepted"


def test_a_box_that_is_faulted_reserves_none_of_its_connectors(box, sink):
    report(box, 0, "Faulted")
    assert [reserve(box, sink, n) for n in (0, 1, 2)] == ["Faulted"] * 3
    report(box, 0, "Available")
    assert reserve(box, sink, 1) == "Accepted"


def test_an_error_beside_a_state_that_can_be_used_is_information(box, sink):
    report(box, 1, "Available", ChargePointErrorCode.READER_FAILURE)
    assert reserve(box, sink, 1) == "Accepted"


def test_a_fault_that_the_controller_reports_ends_a_remote_start_that_waits(box, sink):
    assert remote_start(box, sink, 2) == "Accepted"
    report(box, 2, "Faulted", ChargePointErrorCode.GROUND_FAILURE)
    report(box, 2, "Available")
    assert remote_start(box, sink, 2) == "Accepted"


@pytest.mark.parametrize("status", ["Faulted", "Unavailable"])
def test_a_remote_start_is_rejected_where_the_controller_reported(box, sink, status):
    report(box, 2, status)
    assert remote_start(box, sink, 2) == "Rejected"
    assert box.commands() == []
    assert remote_start(box, sink, None) == "Accepted"
    wait_until(lambda: box.commands() == ["StartTransaction"])


@pytest.mark.parametrize("version", Version)
def test_what_was_reported_counts_after_a_restart(run, sink, version):
    box = run(connectors=2, version=version)
    report(box, 1, "Faulted", ChargePointErrorCode.GROUND_FAILURE)
    report(box, 2, "Occupied")
    again = restarted(box, run, sink, version)
    station = again.box.station
    assert [station.status_of(n) for n in (1, 2)] == ["Faulted", "Occupied"]
    assert remote_start(again, sink, 1) == "Rejected"
    if version is Version.V15:
        assert [reserve(again, sink, n) for n in (1, 2)] == ["Faulted", "Occupied"]


@pytest.mark.parametrize("odd", [{"status": "Melting"}, {"status": None}, {"status": "Faulted", "error_code": 7}])
def test_an_odd_state_in_the_store_does_not_stop_the_box(box, run, sink, odd):
    report(box, 2, "Faulted")
    box.exchange.update(CONNECTORS, "1", **odd)
    again = restarted(box, run, sink)
    report(again, 1, "Available")
    assert [reserve(again, sink, n) for n in (1, 2)] == ["Accepted", "Faulted"]
