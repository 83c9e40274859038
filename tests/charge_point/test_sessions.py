"""Cable, tag, start and stop (12/15 §3.1, 15 §4.8, §4.10)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from ocpp_soap.errors import SecurityError
from ocpp_soap.messages import (
    AuthorizationStatus,
    AuthorizeResponse,
    ChargePointErrorCode,
    ChargePointStatus,
    IdTagInfo,
    StartTransactionResponse,
    Version,
)

ACCEPTED = AuthorizationStatus.ACCEPTED


def info(status, parent=None):
    return IdTagInfo(status=status, parent_id_tag=parent)


def start_session(station, schedule, tag="TAG1", connector=1):
    station.plug(connector)
    station.present_tag(connector, tag)
    schedule.run()


@pytest.mark.parametrize("version", Version)
def test_a_session_is_authorise_start_and_stop_in_this_order(make_station, schedule, central_system, version):
    station = make_station(version, MeterValueSampleInterval=0)
    start_session(station, schedule)
    schedule.advance(3600)
    station.present_tag(1, "tag1")
    schedule.run()
    order = [name for name in central_system.names() if name not in ("StatusNotification", "Heartbeat")]
    assert order == ["Authorize", "StartTransaction", "StopTransaction"]
    start, stop = central_system.sent("StartTransaction")[0], central_system.sent("StopTransaction")[0]
    assert (start.connector_id, start.id_tag, start.meter_start) == (1, "TAG1", 0)
    assert (stop.transaction_id, stop.id_tag) == (101, "tag1")
    assert stop.timestamp - start.timestamp == timedelta(hours=1)
    assert stop.meter_stop == 11_000


def test_the_tag_may_come_before_the_cable(station, schedule, central_system):
    station.present_tag(2, "TAG1")
    schedule.run()
    assert "StartTransaction" not in central_system.names()
    assert station.status_of(2) is ChargePointStatus.OCCUPIED
    station.plug(2)
    schedule.run()
    assert central_system.sent("StartTransaction")[0].connector_id == 2


def test_a_session_without_cable_is_given_up_after_connection_time_out(make_station, schedule, central_system):
    station = make_station(ConnectionTimeOut=30)
    station.present_tag(1, "TAG1")
    schedule.advance(31)
    assert station.status_of(1) is ChargePointStatus.AVAILABLE
    station.plug(1)
    schedule.run()
    assert central_system.sent("StartTransaction") == []


def test_a_fault_ends_the_wait_for_the_cable(station, schedule, central_system):
    station.present_tag(1, "TAG1")
    schedule.run()
    station.fault(1, ChargePointErrorCode.GROUND_FAILURE)
    station.plug(1)
    schedule.run()
    assert central_system.sent("StartTransaction") == []
    assert station.connectors[1].meter.power(station.now()) == 0


def test_a_refused_tag_starts_nothing(station, schedule, central_system, events):
    central_system.answers["Authorize"] = AuthorizeResponse(id_tag_info=info(AuthorizationStatus.INVALID))
    start_session(station, schedule)
    assert central_system.sent("StartTransaction") == []
    assert ("refused", (1, "TAG1", "Invalid")) in events


@pytest.mark.parametrize("down", [True, False])
def test_a_reader_refuses_a_tag_that_no_message_can_name(make_station, schedule, central_system, events, down):
    station = make_station(Version.V12, AllowOfflineTxForUnknownId="true")
    central_system.down = down
    start_session(station, schedule, "T" * 16)
    assert ("refused", (1, "T" * 16, "longer than the tags of OCPP 1.2")) in events
    assert station.connectors[1].transaction is None


def test_a_tag_that_met_a_fault_starts_nothing(station, schedule, central_system, events):
    central_system.answers["Authorize"] = SecurityError()
    start_session(station, schedule)
    assert ("refused", (1, "TAG1", "SecurityError")) in events


def test_a_known_tag_is_not_asked_for_again(station, schedule, central_system):
    start_session(station, schedule)
    station.present_tag(1, "TAG1")
    schedule.run()
    station.present_tag(1, "TAG1")
    schedule.run()
    assert len(central_system.sent("Authorize")) == 1
    assert len(central_system.sent("StartTransaction")) == 2


def test_another_tag_of_the_group_stops_the_session(station, schedule, central_system):
    central_system.answers["Authorize"] = AuthorizeResponse(id_tag_info=info(ACCEPTED, "GROUP"))
    start_session(station, schedule)
    station.present_tag(1, "TAG2")
    schedule.run()
    assert central_system.sent("StopTransaction")[0].id_tag == "TAG2"


def test_a_tag_of_another_group_does_not_stop_the_session(station, schedule, central_system):
    groups = {"TAG1": "A", "TAG2": "B"}
    central_system.answers["Authorize"] = lambda r: AuthorizeResponse(id_tag_info=info(ACCEPTED, groups[r.id_tag]))
    start_session(station, schedule)
    station.present_tag(1, "TAG2")
    schedule.run()
    assert central_system.sent("StopTransaction") == []


@pytest.mark.parametrize(
    ("version", "keys", "stops"),
    [
        (Version.V12, {}, True),
        (Version.V15, {}, True),
        (Version.V15, {"StopTransactionOnInvalidId": "false"}, False),
    ],
)
def test_a_refused_start_ends_the_session_as_configured(make_station, schedule, central_system, version, keys, stops):
    central_system.answers["StartTransaction"] = StartTransactionResponse(
        transaction_id=7, id_tag_info=info(AuthorizationStatus.BLOCKED)
    )
    station = make_station(version, **keys)
    start_session(station, schedule)
    assert [r.transaction_id for r in central_system.sent("StopTransaction")] == ([7] if stops else [])
    assert (station.connectors[1].transaction is None) is stops


def test_taking_the_cable_out_stops_the_session_without_a_tag(station, schedule, central_system):
    start_session(station, schedule)
    station.unplug(1)
    schedule.run()
    assert central_system.sent("StopTransaction")[0].id_tag is None
    assert station.status_of(1) is ChargePointStatus.AVAILABLE


def test_concurrent_tx_is_learned_as_accepted(station, schedule, central_system, noon):
    central_system.answers["StartTransaction"] = StartTransactionResponse(
        transaction_id=7, id_tag_info=info(AuthorizationStatus.CONCURRENT_TX)
    )
    start_session(station, schedule)
    assert station.local_list.find("TAG1", noon).status is ACCEPTED


def test_a_tag_in_use_elsewhere_goes_on_charging_if_configured(make_station, schedule, central_system):
    central_system.answers["StartTransaction"] = StartTransactionResponse(
        transaction_id=7, id_tag_info=info(AuthorizationStatus.CONCURRENT_TX)
    )
    for value, stops in (("true", 1), ("false", 0)):
        central_system.requests.clear()
        start_session(make_station(Version.V12, StopTransactionOnConcurrentTx=value), schedule)
        assert len(central_system.sent("StopTransaction")) == stops


class TestOffline:
    def test_a_listed_tag_charges_and_start_and_stop_are_delivered_later(self, station, schedule, central_system):
        start_session(station, schedule)
        station.unplug(1)
        schedule.run()
        central_system.requests.clear()
        central_system.down = True
        start_session(station, schedule)
        schedule.advance(600)
        station.unplug(1)
        schedule.advance(60)
        assert central_system.requests == []
        central_system.down = False
        schedule.advance(30)
        start, stop = central_system.sent("StartTransaction")[0], central_system.sent("StopTransaction")[0]
        assert stop.transaction_id == 102
        assert stop.timestamp - start.timestamp == timedelta(seconds=600)
        assert central_system.names().index("StartTransaction") < central_system.names().index("StopTransaction")
        assert {v.transaction_id for v in central_system.sent("MeterValues")} == {102}

    @pytest.mark.parametrize(("allowed", "started"), [("false", False), ("true", True)])
    def test_an_unknown_tag_is_let_in_only_if_configured(
        self, make_station, schedule, central_system, allowed, started
    ):
        station = make_station(AllowOfflineTxForUnknownId=allowed)
        central_system.down = True
        start_session(station, schedule)
        assert (station.connectors[1].transaction is not None) is started

    def test_who_comes_while_the_queue_is_held_back_is_decided_at_once(self, station, schedule, central_system, events):
        central_system.down = True
        station.plug(1)
        schedule.run()
        station.present_tag(1, "TAG1")
        assert ("refused", (1, "TAG1", "offline")) in events


@pytest.mark.parametrize("version", Version)
def test_a_session_whose_meter_values_met_a_fault_is_not_lost(make_station, schedule, central_system, events, version):
    station = make_station(version, MeterValueSampleInterval=60)
    central_system.answers["MeterValues"] = SecurityError()
    start_session(station, schedule)
    schedule.advance(130)
    station.unplug(1)
    schedule.run()
    names = [name for name, _ in events]
    assert (names.count("given_up"), names.count("session_lost"), names.count("session_delivered")) == (2, 0, 1)


@pytest.mark.parametrize("version", Version)
def test_the_log_says_when_the_start_is_answered_that_its_id_cannot_be_sent_back(
    make_station, schedule, central_system, version
):
    station = make_station(version)
    central_system.answers["StartTransaction"] = StartTransactionResponse(
        transaction_id=2**31, id_tag_info=info(ACCEPTED)
    )
    with capture_logs() as logs:
        start_session(station, schedule)
    (warning,) = logs
    assert warning["log_level"] == "warning"
    assert warning["event"].endswith("does not fit 32 bits: its stop cannot be sent")
    assert (warning["charge_box_identity"], warning["transaction_id"]) == (station.charge_box_identity, 2**31)
    assert any("does not fit 32 bits" in text for _, text in station.log)
