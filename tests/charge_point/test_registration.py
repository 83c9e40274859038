"""Boot, heartbeat and clock (12/15 §4.2, 12 §4.5, 15 §4.6; notes 7.8)."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from ocpp_soap.charge_point import StationOptions
from ocpp_soap.errors import SecurityError, StoreUnavailable, TryLater
from ocpp_soap.messages import BootNotificationResponse, RegistrationStatus, Version


def boot_answer(schedule, status=RegistrationStatus.ACCEPTED, interval=300, ahead=0.0):
    return BootNotificationResponse(
        status=status, current_time=schedule.now() + timedelta(seconds=ahead), heartbeat_interval=interval
    )


def boots(make_station, schedule, central_system, seconds):
    station = make_station(started=False)
    station.start()
    schedule.advance(seconds)
    return station, len(central_system.sent("BootNotification"))


def test_the_boot_comes_first_and_every_state_follows(make_station, schedule, central_system):
    boots(make_station, schedule, central_system, 1)
    assert central_system.names() == ["BootNotification", *["StatusNotification"] * 3]
    assert [r.connector_id for r in central_system.sent("StatusNotification")] == [0, 1, 2]


@pytest.mark.parametrize("stops", [False, True])
def test_a_station_is_switched_on_once(station, stops):
    if stops:
        station.stop()
    with pytest.raises(RuntimeError, match="make another Station"):
        station.start()


def test_a_refused_station_boots_again_at_the_interval_it_was_given(make_station, schedule, central_system):
    central_system.answers["BootNotification"] = boot_answer(schedule, RegistrationStatus.REJECTED, 90)
    _, tries = boots(make_station, schedule, central_system, 181)
    assert tries == 3


@pytest.mark.parametrize("interval", [0, -5, None])
def test_an_interval_that_is_none_means_the_stations_own(make_station, schedule, central_system, interval):
    central_system.answers["BootNotification"] = boot_answer(schedule, RegistrationStatus.REJECTED, interval)
    _, tries = boots(make_station, schedule, central_system, 121)
    assert tries == 3


def test_a_boot_that_met_a_fault_is_repeated_slowly(make_station, schedule, central_system):
    central_system.answers["BootNotification"] = SecurityError()
    _, tries = boots(make_station, schedule, central_system, 121)
    assert tries == 3


def test_a_boot_whose_answer_could_not_be_taken_is_sent_again(make_station, schedule, central_system, monkeypatch):
    station = make_station(started=False)
    report, away = station.states.report, [True]

    def report_unless_away():
        if away:
            away.pop()
            raise StoreUnavailable("no server answers")
        report()

    monkeypatch.setattr(station.states, "report", report_unless_away)
    station.start()
    with pytest.raises(StoreUnavailable):
        schedule.run()
    assert "no server answers" in station.registration.last_answer
    schedule.advance(400)
    assert central_system.names() == [*["BootNotification"] * 2, *["StatusNotification"] * 3, "Heartbeat"]


@pytest.mark.parametrize(("asked", "tries"), [(20, 7), (86_400, 3)])
def test_a_boot_that_is_to_come_later_is_sent_again_then_or_after_a_minute(
    make_station, schedule, central_system, asked, tries
):
    def busy(_request):
        raise TryLater("503 Service Unavailable", asked)

    central_system.answers["BootNotification"] = busy
    assert boots(make_station, schedule, central_system, 121)[1] == tries


def test_a_station_without_network_boots_when_it_is_back(make_station, schedule, central_system):
    central_system.down = True
    station, _ = boots(make_station, schedule, central_system, 60)
    central_system.down = False
    schedule.advance(10)
    assert station.registration.accepted


def test_heartbeats_come_at_the_interval_of_the_answer(make_station, schedule, central_system):
    central_system.answers["BootNotification"] = boot_answer(schedule, interval=30)
    station, _ = boots(make_station, schedule, central_system, 100)
    assert len(central_system.sent("Heartbeat")) == 3
    assert station.configuration.text("HeartBeatInterval") == "30"


def test_any_exchange_postpones_the_heartbeat(make_station, schedule, central_system):
    central_system.answers["BootNotification"] = boot_answer(schedule, interval=30)
    station, _ = boots(make_station, schedule, central_system, 0)
    for _ in range(4):
        schedule.advance(20)
        (station.unplug if station.connectors[1].plugged else station.plug)(1)
    schedule.run()
    assert central_system.sent("Heartbeat") == []
    schedule.advance(31)
    assert len(central_system.sent("Heartbeat")) == 1


def test_an_interval_of_0_in_1_2_keeps_the_own_one(make_station, schedule, central_system):
    central_system.answers["BootNotification"] = BootNotificationResponse(status=RegistrationStatus.ACCEPTED)
    station = make_station(Version.V12, started=False, HeartBeatInterval=40)
    station.start()
    schedule.advance(41)
    assert len(central_system.sent("Heartbeat")) == 1


def test_the_clock_is_set_from_the_answer(make_station, schedule, central_system):
    central_system.answers["BootNotification"] = boot_answer(schedule, ahead=3600)
    station, _ = boots(make_station, schedule, central_system, 0)
    assert station.now() - schedule.now() == timedelta(hours=1)


def test_a_clock_that_is_right_within_two_seconds_is_left_alone(make_station, schedule, central_system):
    central_system.answers["BootNotification"] = boot_answer(schedule, ahead=-1.9)
    station, _ = boots(make_station, schedule, central_system, 0)
    assert station.now() == schedule.now()


@pytest.mark.parametrize("year", [1, 9999])
def test_a_clock_is_not_set_to_a_time_that_cannot_be_meant(make_station, schedule, central_system, year):
    absurd = datetime(year, 12, 31, 23, 59, 59, tzinfo=timezone.utc)
    central_system.answers["BootNotification"] = BootNotificationResponse(
        status=RegistrationStatus.ACCEPTED, current_time=absurd, heartbeat_interval=300
    )
    station, _ = boots(make_station, schedule, central_system, 10)
    assert station.registration.accepted
    assert station.now() == schedule.now()
    assert any(str(year) in text and "clock not set" in text for _, text in station.log)


def test_a_constant_heartbeat_is_sent_whatever_else_was(make_station, schedule, central_system):
    central_system.answers["BootNotification"] = boot_answer(schedule, interval=30)
    station = make_station(options=StationOptions(connectors=1, constant_heartbeat=True))
    for _ in range(6):
        schedule.advance(15)
        (station.unplug if station.connectors[1].plugged else station.plug)(1)
    schedule.advance(1)
    assert len(central_system.sent("Heartbeat")) == 3


def test_what_changes_while_a_station_boots_again_is_reported_once(station, schedule, central_system):
    central_system.down = True
    station.restart()
    schedule.advance(20)
    station.plug(1)
    schedule.advance(20)
    central_system.down = False
    central_system.requests.clear()
    schedule.advance(30)
    assert central_system.names() == ["BootNotification"] + ["StatusNotification"] * 3
    reported = {r.connector_id: r.status for r in central_system.sent("StatusNotification")}
    assert reported == {0: "Available", 1: "Occupied", 2: "Available"}
