"""``simulate``, against a central system that is not ours (``sink.py``)."""

from __future__ import annotations

import io
import threading
from datetime import timedelta

import pytest
from rich.console import Console
from waiting import wait_until

from ocpp_soap import config
from ocpp_soap.charge_point import fleet, simulation
from ocpp_soap.charge_point.driver import ChargingPlan, Driver
from ocpp_soap.charge_point.fleet import Simulation
from ocpp_soap.charge_point.listener import Stations
from ocpp_soap.charge_point.live import LiveTable
from ocpp_soap.charge_point.simulation import SimulationOptions, charging_times, identities, sample_interval
from ocpp_soap.charge_point.simulator import run_simulation
from ocpp_soap.errors import ConfigurationError
from ocpp_soap.messages import Version


@pytest.fixture
def quick(monkeypatch):
    """A session that takes less than half a second instead of ten."""
    monkeypatch.setattr(simulation, "SHORTEST_CHARGE", 0.1)
    monkeypatch.setattr(fleet, "DELIVERY_TIME", 3.0)
    monkeypatch.setattr(fleet, "charging_times", lambda _duration: (0.1, 0.4))


def options(sink, version=Version.V15, **more):
    return SimulationOptions(central_url=sink.url, version=version, duration=0.5, **more)


@pytest.mark.parametrize("version", Version)
def test_a_charging_station_sends_what_a_session_needs_and_all_of_it_is_valid(sink, quick, version):
    settings = config.load(None, {})
    summary = run_simulation(options(sink, version, scenario="charge", count=3), settings)
    assert sink.complaints == []
    assert summary.ok, summary.problems
    assert (summary.stations, summary.accepted, summary.sessions, summary.delivered) == (3, 3, 3, 3)
    for identity in ("CP001", "CP002", "CP003"):
        operations = sink.operations(identity)
        assert operations[0] == "bootNotification"
        kept = [o for o in operations if o not in ("statusNotification", "heartbeat", "meterValues")]
        assert kept == ["bootNotification", "authorize", "startTransaction", "stopTransaction"]
    assert len(sink.callback_urls) == 3


def test_a_session_survives_a_network_that_fails_in_the_middle(sink, quick):
    with Simulation(options(sink, scenario="charge", count=2), config.load(None, {})) as simulated:
        threading.Timer(0.2, lambda: setattr(sink, "mode", "down")).start()
        threading.Timer(0.6, lambda: setattr(sink, "mode", "usual")).start()
        simulated.run(threading.Event())
        simulated.deliver()
        summary = simulated.summary()
    assert summary.ok, summary.problems
    assert summary.errors > 0
    assert sink.complaints == []
    assert all(sink.operations(i).count("stopTransaction") == 1 for i in ("CP001", "CP002"))


def test_a_session_survives_a_network_that_is_down_from_the_beginning(sink, quick):
    sink.mode = "html"
    with Simulation(options(sink, scenario="charge"), config.load(None, {})) as simulated:
        threading.Timer(0.6, lambda: setattr(sink, "mode", "usual")).start()
        simulated.run(threading.Event())
        simulated.deliver()
        summary = simulated.summary()
    assert summary.ok, summary.problems
    assert sink.operations("CP001")[0] == "bootNotification"


def test_a_central_system_that_never_answers_is_a_failure_that_is_named(sink, quick, monkeypatch):
    monkeypatch.setattr(fleet, "DELIVERY_TIME", 0.1)
    sink.mode = "down"
    summary = run_simulation(options(sink, scenario="charge"), config.load(None, {}))
    assert not summary.ok
    (problem,) = summary.problems
    assert problem.startswith("CP001: the boot was not accepted: The central system at ")


def test_a_refused_tag_is_a_failure_that_is_named(sink, quick):
    sink.answers["authorize"] = "<c:idTagInfo><c:status>Blocked</c:status></c:idTagInfo>"
    summary = run_simulation(options(sink, scenario="charge", id_tag="T"), config.load(None, {}))
    assert summary.problems == ["CP001: the tag T was refused: Blocked"]


def test_idle_stations_boot_and_wait(sink):
    summary = run_simulation(SimulationOptions(central_url=sink.url, duration=0.2), config.load(None, {}))
    assert summary.ok
    assert sink.operations("CP001") == ["bootNotification", *["statusNotification"] * 3]


@pytest.mark.parametrize("version", Version)
@pytest.mark.parametrize("duration", [10, 11, 30, 300])
def test_every_duration_from_10_s_on_has_room_for_a_session_with_three_meter_values(
    make_station, schedule, central_system, version, duration
):
    patience, end = charging_times(duration)
    for boots_at in (0.0, patience + 1):
        central_system.requests.clear()
        central_system.down = boots_at > 0
        station = make_station(
            version,
            started=False,
            MeterValueSampleInterval=sample_interval(duration),
            AllowOfflineTxForUnknownId="true",
        )
        driver = Driver(station, ChargingPlan("TAG1", patience, end))
        station._observer = lambda _station, name, subject, driver=driver: driver.observe(name, subject)
        driver.arrive()
        schedule.advance(boots_at)
        central_system.down = False
        schedule.advance(duration - boots_at + 5)
        assert driver.done
        names = central_system.names()
        assert names.count("MeterValues") >= 3
        stop = central_system.sent("StopTransaction")[0]
        assert stop.timestamp < schedule.now() - timedelta(seconds=5)


def test_identities_are_numbered_on():
    assert identities("CP001", 3) == ["CP001", "CP002", "CP003"]
    assert identities("CP099", 2) == ["CP099", "CP100"]
    assert identities("STATION", 2) == ["STATION", "STATION2"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"scenario": "charge", "duration": 5.0},
        {"scenario": "charge", "duration": 30.0, "ramp": 25.0},
        {"scenario": "dance"},
        {"count": 0},
        {"connectors": 0},
        {"quirks": ("polite",)},
        {"id_tag": "T" * 21},
        {"id_tag": "T" * 16, "version": Version.V12},
    ],
)
def test_what_cannot_be_simulated_is_said_before_it_starts(wrong):
    with pytest.raises(ConfigurationError):
        run_simulation(SimulationOptions(central_url="http://127.0.0.1:9/", **wrong), config.load(None, {}))


def test_what_a_killed_simulation_left_is_delivered_by_the_next(sink, quick, tmp_path, monkeypatch):
    monkeypatch.setattr(fleet, "DELIVERY_TIME", 0.1)
    with Simulation(options(sink, scenario="charge", store=tmp_path / "queue.db"), config.load(None, {})) as simulated:
        threading.Timer(0.25, lambda: setattr(sink, "mode", "down")).start()
        simulated.run(threading.Event())
        simulated.deliver()
        assert simulated.summary().waiting > 0
    sink.mode = "usual"
    monkeypatch.setattr(fleet, "DELIVERY_TIME", 3.0)
    again = SimulationOptions(central_url=sink.url, store=tmp_path / "queue.db", duration=0.1)
    assert run_simulation(again, config.load(None, {})).ok
    operations = sink.operations("CP001")
    assert operations.count("stopTransaction") == 1
    assert sink.complaints == []


def test_a_ramp_that_is_cut_short_leaves_no_session_behind(sink):
    made = SimulationOptions(central_url=sink.url, scenario="charge", count=3, ramp=1.5)
    ended = threading.Event()
    with Simulation(made, config.load(None, {})) as simulated:
        threading.Timer(0.2, ended.set).start()
        simulated.run(ended)
        simulated.deliver()
        threading.Event().wait(1.2)
        summary = simulated.summary()
    sent = [operation for _, _, operation, _ in sink.requests]
    assert sent.count("startTransaction") == sent.count("stopTransaction")
    assert summary.problems[-2:] == [f"CP00{n}: it was not switched on before the end" for n in (2, 3)]


def test_a_session_that_begins_when_all_have_left_is_ended_at_once(sink, quick):
    with Simulation(options(sink), config.load(None, {})) as simulated:
        simulated.run(threading.Event())
        station = simulated.drivers["CP001"].station
        station.plug(1)
        station.present_tag(1, "TAG1")
        wait_until(lambda: "startTransaction" in sink.operations("CP001"))
        simulated.deliver()
    assert sink.operations("CP001").count("stopTransaction") == 1


def test_the_numbers_of_a_run_are_told(sink):
    summary = run_simulation(SimulationOptions(central_url=sink.url, duration=0.2, count=4), config.load(None, {}))
    assert summary.messages == 16
    assert 0 < summary.latency_p50 <= summary.latency_p95
    assert summary.messages_per_second > 0


def test_a_live_table_shows_the_states(sink):
    text = io.StringIO()
    with Simulation(SimulationOptions(central_url=sink.url, duration=0.3, count=2), config.load(None, {})) as simulated:
        with LiveTable(simulated, Console(file=text, force_terminal=True, width=100)):
            simulated.run(threading.Event())
    assert "2 charge points" in text.getvalue()
    assert "idle: 2" in text.getvalue()


def test_no_station_of_a_fleet_can_be_called_while_others_are_still_made(monkeypatch):
    happened = []
    make = Simulation._station
    monkeypatch.setattr(Simulation, "_station", lambda self, identity: happened.append("made") or make(self, identity))
    monkeypatch.setattr(Stations, "add", lambda _self, _station: happened.append("added"))
    with Simulation(SimulationOptions("http://127.0.0.1:9/", count=2), config.load(None, {})):
        assert happened == ["made", "made", "added", "added"]
