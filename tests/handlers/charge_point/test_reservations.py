"""ReserveNow and CancelReservation (15 §3.5, §5.1, §5.11)."""

from __future__ import annotations

import pytest

from ocpp_soap.messages import (
    AuthorizationStatus,
    AuthorizeResponse,
    AvailabilityType,
    CancelReservationRequest,
    ChangeAvailabilityRequest,
    ChargePointErrorCode,
    ChargePointStatus,
    IdTagInfo,
    RemoteStartTransactionRequest,
    ReserveNowRequest,
    Version,
)


@pytest.fixture
def reserve(call, later):
    def reserve(station, reservation_id=1, connector_id=1, id_tag="TAG1", parent=None, seconds=600):
        request = ReserveNowRequest(
            connector_id=connector_id,
            expiry_date=later(seconds),
            id_tag=id_tag,
            parent_id_tag=parent,
            reservation_id=reservation_id,
        )
        return call(station, request).status

    return reserve


def start(station, schedule, tag, connector=1):
    station.plug(connector)
    station.present_tag(connector, tag)
    schedule.run()
    return station.connectors[connector].transaction


def test_a_free_connector_becomes_reserved_and_says_so(station, reserve, schedule, central_system):
    assert reserve(station) == "Accepted"
    schedule.run()
    assert [(r.connector_id, r.status) for r in central_system.sent("StatusNotification")] == [(1, "Reserved")]


def test_another_tag_is_not_let_in_and_the_reserved_one_ends_it(station, reserve, schedule, central_system):
    reserve(station, reservation_id=42)
    assert start(station, schedule, "OTHER") is None
    assert start(station, schedule, "tag1") is not None
    assert central_system.sent("StartTransaction")[0].reservation_id == 42
    assert station.reservations.of(1) is None


def test_a_member_of_the_reserved_group_is_let_in_and_ends_it(station, reserve, schedule, central_system):
    reserve(station, reservation_id=42, parent="GROUP")
    accepted = IdTagInfo(status=AuthorizationStatus.ACCEPTED, parent_id_tag="group")
    central_system.answers["Authorize"] = AuthorizeResponse(id_tag_info=accepted)
    assert start(station, schedule, "COUSIN") is not None
    assert central_system.sent("StartTransaction")[0].reservation_id == 42


def test_it_expires_by_itself(station, reserve, schedule):
    reserve(station, seconds=60)
    schedule.advance(59)
    assert station.status_of(1) is ChargePointStatus.RESERVED
    schedule.advance(2)
    assert station.status_of(1) is ChargePointStatus.AVAILABLE


def test_a_date_in_the_past_an_unknown_connector_and_a_station_without_reservations_reject(make_station, reserve):
    station = make_station()
    assert reserve(station, seconds=-1) == "Rejected"
    assert reserve(station, connector_id=3) == "Rejected"
    assert reserve(make_station(ReservationsEnabled="false")) == "Rejected"


def test_a_reserved_connector_is_occupied_for_the_next_even_for_the_same_tag(station, reserve):
    reserve(station, reservation_id=1)
    assert reserve(station, reservation_id=2) == "Occupied"


def test_the_same_id_replaces_and_keeps_the_old_one_where_it_cannot(station, reserve):
    reserve(station, reservation_id=1, connector_id=1)
    assert reserve(station, reservation_id=1, connector_id=2) == "Accepted"
    assert station.status_of(1) is ChargePointStatus.AVAILABLE
    station.plug(1)
    assert reserve(station, reservation_id=1, connector_id=1) == "Occupied"
    assert station.reservations.of(2).reservation_id == 1


def test_a_replaced_reservation_ends_at_the_new_date(station, reserve, schedule):
    reserve(station, seconds=60)
    reserve(station, seconds=600)
    schedule.advance(120)
    assert station.status_of(1) is ChargePointStatus.RESERVED


@pytest.mark.parametrize(("kind", "status"), [("plug", "Occupied"), ("fault", "Faulted"), ("off", "Unavailable")])
@pytest.mark.parametrize("connector_id", [0, 1])
def test_what_cannot_be_reserved_says_why(make_station, reserve, call, kind, status, connector_id):
    station = make_station(connectors=1)
    if kind == "plug":
        station.plug(1)
    elif kind == "fault":
        station.fault(1, ChargePointErrorCode.GROUND_FAILURE)
    else:
        call(station, ChangeAvailabilityRequest(connector_id=1, type=AvailabilityType.INOPERATIVE))
    assert reserve(station, connector_id=connector_id) == status


class TestAnyConnector:
    def test_the_last_free_connector_is_kept_for_the_tag(self, station, reserve, schedule):
        assert reserve(station, connector_id=0) == "Accepted"
        assert start(station, schedule, "OTHER", connector=1) is not None
        assert start(station, schedule, "THIRD", connector=2) is None
        assert start(station, schedule, "TAG1", connector=2) is not None

    def test_there_are_not_more_than_connectors(self, station, reserve):
        assert [reserve(station, reservation_id=n, connector_id=0) for n in (1, 2, 3)] == [
            "Accepted",
            "Accepted",
            "Occupied",
        ]

    def test_a_single_connector_cannot_be_taken_from_it(self, make_station, reserve):
        station = make_station(connectors=1)
        reserve(station, reservation_id=1, connector_id=0)
        assert reserve(station, reservation_id=2, connector_id=1) == "Occupied"


def test_a_fault_ends_it(station, reserve, schedule):
    reserve(station)
    station.fault(1, ChargePointErrorCode.GROUND_FAILURE)
    station.fault(1, ChargePointErrorCode.NO_ERROR)
    assert station.status_of(1) is ChargePointStatus.AVAILABLE


def test_a_remote_start_for_another_tag_is_rejected_and_for_the_reserved_one_not(station, reserve, call):
    reserve(station)
    other = RemoteStartTransactionRequest(id_tag="OTHER", connector_id=1)
    assert call(station, other).status == "Rejected"
    assert call(station, RemoteStartTransactionRequest(id_tag="TAG1", connector_id=1)).status == "Accepted"


def test_a_connector_that_was_promised_to_a_remote_start_cannot_be_reserved(station, reserve, call):
    assert call(station, RemoteStartTransactionRequest(id_tag="TAG2", connector_id=1)).status == "Accepted"
    assert reserve(station) == "Occupied"


def test_a_remote_start_where_the_group_decides_is_promised_and_asked_for(
    station, reserve, call, schedule, central_system
):
    reserve(station, parent="GROUP")
    station.plug(1)
    assert call(station, RemoteStartTransactionRequest(id_tag="OTHER", connector_id=1)).status == "Accepted"
    schedule.advance(1)
    assert [r.id_tag for r in central_system.sent("Authorize")] == ["OTHER"]
    assert central_system.sent("StartTransaction") == []


def test_cancelling_frees_the_connector_and_an_unknown_id_is_rejected(station, reserve, call):
    reserve(station, reservation_id=7)
    assert call(station, CancelReservationRequest(reservation_id=8)).status == "Rejected"
    assert call(station, CancelReservationRequest(reservation_id=7)).status == "Accepted"
    assert station.status_of(1) is ChargePointStatus.AVAILABLE


def test_1_2_reports_reserved_as_occupied(make_station, schedule, central_system, reserve):
    station = make_station(Version.V12)
    reserve(station)
    schedule.run()
    assert [r.status for r in central_system.sent("StatusNotification")] == ["Occupied"]


def test_a_reservation_that_no_start_could_name_is_rejected(station, reserve):
    assert reserve(station, reservation_id=2**31) == "Rejected"
    assert reserve(station, id_tag="T" * 21) == "Rejected"
    assert reserve(station, id_tag="T" * 20) == "Accepted"
