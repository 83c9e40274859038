"""Stations that go silent and come back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from ocpp_soap.central_system import CentralSystem
from ocpp_soap.central_system.command_queue.record import Command
from ocpp_soap.central_system.contacts import LONGEST_DELAY
from ocpp_soap.messages import BootNotificationRequest, HeartbeatRequest


@pytest.fixture
def now() -> datetime:
    return datetime.now(timezone.utc)


@pytest.fixture
def system(make_central_system: Callable[..., CentralSystem]) -> CentralSystem:
    return make_central_system(REGISTRATION__HEARTBEAT_INTERVAL="100", WATCH__SILENT_AFTER_HEARTBEATS="3")


@pytest.fixture
def heard(system: CentralSystem, make_call: Callable[..., Any], now: datetime) -> Callable[..., None]:
    """Let a station be heard so many seconds ago."""

    def speak(identity: str, seconds_ago: float) -> None:
        system.receive(make_call(HeartbeatRequest(), identity, received_at=now - timedelta(seconds=seconds_ago)))
        system.contacts.flush()

    return speak


def make_changed(identity: str, key: str, value: str, at: datetime) -> Command:
    """A command by which a station was given a configuration key."""
    return Command(
        command_id=1,
        charge_box_identity=identity,
        action="ChangeConfiguration",
        payload={"key": key, "value": value},
        state="done",
        created_at=at,
        deadline=at,
        max_attempts=1,
        answer={"status": "Accepted"},
        closed_at=at,
    )


def told(system: CentralSystem) -> list[tuple[str, str | None]]:
    events = system.events.list().items
    return [(e.kind, e.charge_box_identity) for e in events if e.kind in ("station.silent", "station.back")]


def gone_on(mark: dict[str, Any], until: datetime) -> dict[str, Any]:
    """The mark where searches went on until then, whose findings it does not have."""
    return {**mark, "searched_at": until}


def test_a_station_not_heard_for_three_intervals_is_silent(system: CentralSystem, heard: Any, now: datetime) -> None:
    heard("QUIET", 320)
    heard("LIVELY", 280)
    system.duties.do_all()
    assert told(system) == [("station.silent", "QUIET")]
    assert [(s.charge_box_identity, s.since) for s in system.silences.list().items] == [
        ("QUIET", now - timedelta(seconds=320))
    ]


def test_a_station_is_not_silent_before_its_last_message_must_be_stored(
    system: CentralSystem, heard: Any, now: datetime
) -> None:
    heard("QUIET", 300 + LONGEST_DELAY + 1)
    heard("LIVELY", 300 + LONGEST_DELAY - 1)
    system.silences.search({}, now)
    assert told(system) == [("station.silent", "QUIET")]


def test_after_an_outage_of_ours_a_station_is_silent_when_it_does_not_come_back(
    system: CentralSystem, heard: Any, now: datetime
) -> None:
    heard("QUIET", 3700)
    heard("LIVELY", 3700)
    mark = system.silences.search({}, now - timedelta(seconds=3600))
    for seconds in range(0, 310, 15):
        mark = system.silences.search(mark, now + timedelta(seconds=seconds))
    heard("LIVELY", -200)
    assert told(system) == []
    system.silences.search(mark, now + timedelta(seconds=311))
    assert told(system) == [("station.silent", "QUIET")]


def test_a_silence_is_told_once(system: CentralSystem, heard: Any) -> None:
    heard("QUIET", 320)
    for _ in range(3):
        system.duties.do_all()
    system.silences.search({})
    assert told(system) == [("station.silent", "QUIET")]


def test_a_later_search_finds_the_stations_that_went_silent_since(
    system: CentralSystem, heard: Any, now: datetime
) -> None:
    heard("FIRST", 400)
    mark = system.silences.search({}, now - timedelta(seconds=50))
    heard("SECOND", 315)
    system.silences.search(mark)
    assert told(system) == [("station.silent", "FIRST"), ("station.silent", "SECOND")]
    assert [silence.charge_box_identity for silence in system.silences.list().items] == ["FIRST", "SECOND"]
    assert [silence.charge_box_identity for silence in system.silences.list(descending=True).items] == [
        "SECOND",
        "FIRST",
    ]


def test_a_station_with_an_interval_of_its_own_is_judged_by_it(system: CentralSystem, heard: Any) -> None:
    for identity in ("SHORT", "LONG", "USUAL"):
        heard(identity, 200)
    heard("VERY", 320)
    system.stations.set_heartbeat_interval("SHORT", 60)
    system.stations.set_heartbeat_interval("LONG", 900)
    system.stations.set_heartbeat_interval("VERY", 900)
    system.duties.do_all()
    assert told(system) == [("station.silent", "SHORT")]


def test_a_blocked_station_is_not_missed(system: CentralSystem, heard: Any) -> None:
    heard("BLOCKED", 400)
    system.stations.block("BLOCKED")
    system.duties.do_all()
    assert told(system) == []


@pytest.mark.parametrize("what", ["approved", "given a shorter interval"])
def test_a_station_that_counts_only_after_it_fell_silent_is_found_within_an_hour(
    system: CentralSystem, heard: Any, now: datetime, what: str
) -> None:
    heard("SHORT", 0)
    system.stations.set_heartbeat_interval("SHORT", 60)
    heard("GONE", 400 if what == "approved" else 250)
    if what == "approved":
        system.stations.block("GONE")
    mark = system.silences.search({}, now)
    assert told(system) == []
    if what == "approved":
        system.stations.allow("GONE")
    else:
        system.stations.set_heartbeat_interval("GONE", 60)
    for minutes in (1, 59, 61, 125):
        heard("SHORT", -60 * minutes)
        at = now + timedelta(minutes=minutes)
        mark = system.silences.search(gone_on(mark, at), at)
        assert told(system) == ([("station.silent", "GONE")] if minutes > 60 else [])


@pytest.mark.parametrize("how", ["at its boot", "by ChangeConfiguration", "and booted since"])
def test_a_station_is_not_missed_before_the_interval_that_it_was_told_is_over(
    system: CentralSystem, heard: Any, make_call: Any, now: datetime, how: str
) -> None:
    booted_at = now - timedelta(seconds=500 if how != "and booted since" else 310)
    system.stations.allow("CP1")
    if how == "at its boot":
        system.stations.set_heartbeat_interval("CP1", 900)
    boot = BootNotificationRequest(charge_point_vendor="V", charge_point_model="M")
    system.receive(make_call(boot, "CP1", received_at=booted_at))
    if how == "at its boot":
        system.stations.set_heartbeat_interval("CP1", None)
    else:
        changed = make_changed("CP1", "HeartBeatInterval", "900", now - timedelta(seconds=400))
        system.configurations.learn(changed)
    heard("CP1", 320)
    mark = system.silences.search({}, now)
    assert told(system) == ([("station.silent", "CP1")] if how == "and booted since" else [])
    at = now + timedelta(hours=1)
    system.silences.search(gone_on(mark, at), at)
    assert told(system) == [("station.silent", "CP1")]


def test_a_silent_station_that_speaks_is_back(system: CentralSystem, heard: Any, now: datetime) -> None:
    heard("QUIET", 400)
    system.duties.do_all()
    system.silences.heard({"QUIET": now, "OTHER": now})
    system.silences.heard({"QUIET": now})
    assert told(system) == [("station.silent", "QUIET"), ("station.back", "QUIET")]
    (back,) = system.events.list(kinds=["station.back"]).items
    assert back.data["seconds"] == 400
    assert system.silences.list().items == []


def test_a_station_can_go_silent_again(system: CentralSystem, heard: Any, now: datetime) -> None:
    heard("QUIET", 1000)
    mark = system.silences.search({}, now - timedelta(seconds=50))
    heard("QUIET", 312)
    system.silences.heard({"QUIET": now - timedelta(seconds=312)})
    system.silences.search(mark)
    assert [kind for kind, _ in told(system)] == ["station.silent", "station.back", "station.silent"]


def test_the_message_of_a_silent_station_brings_it_back(
    system: CentralSystem, heard: Any, make_call: Any, now: datetime
) -> None:
    heard("QUIET", 400)
    system.duties.do_all()
    system.start_workers()
    deadline = datetime.now(timezone.utc) + timedelta(seconds=10)
    while system.silences.list().items:
        system.receive(make_call(HeartbeatRequest(), "QUIET", received_at=datetime.now(timezone.utc)))
        assert datetime.now(timezone.utc) < deadline
    assert told(system)[-1] == ("station.back", "QUIET")


def test_nobody_is_silent_where_that_is_switched_off(make_central_system: Any, make_call: Any, now: datetime) -> None:
    system = make_central_system(WATCH__SILENT_AFTER_HEARTBEATS="0")
    system.receive(make_call(HeartbeatRequest(), "QUIET", received_at=now - timedelta(days=9)))
    system.contacts.flush()
    system.duties.do_all()
    assert told(system) == []
