"""Local lists, reservations and configurations from the command line, with real stations on the other side."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from ocpp_soap import config
from ocpp_soap.central_system import CentralSystem
from ocpp_soap.charge_point import Station, SteppedScheduler
from ocpp_soap.charge_point.listener import Listener, Stations
from ocpp_soap.dispatch import Call, load_handlers
from ocpp_soap.messages import Role, Version, find_action
from ocpp_soap.paths import bundled
from ocpp_soap.soap.settings import server_settings


@pytest.fixture
def make_station(cli: Any) -> Iterator[Callable[..., Station]]:
    """Make stations that are called over HTTP and call the central system of the same store."""
    settings = config.load(cli.config_file, {})
    stations = Stations(load_handlers(Role.CHARGE_POINT, [bundled("handlers")]))
    made: list[Station] = []
    with (
        CentralSystem.open(settings) as system,
        Listener(stations, server_settings(settings, Role.CHARGE_POINT), "127.0.0.1") as listener,
    ):

        def make(identity: str, version: Version = Version.V15) -> Station:
            url = listener.url(identity, version, "http://127.0.0.1:9/")

            def send(request: Any) -> Any:
                action = find_action(Role.CENTRAL_SYSTEM, type(request).__name__.removesuffix("Request"))
                assert action is not None
                call = Call(
                    charge_box_identity=identity,
                    version=version,
                    action=action,
                    request=request,
                    received_at=datetime.now(timezone.utc),
                    callback_url=url,
                )
                return system.receive(call)

            scheduler = SteppedScheduler(datetime.now(timezone.utc))
            station = Station(identity, version, send, scheduler)
            stations.add(station)
            made.append(station)
            station.start()
            scheduler.advance(5)
            return station

        yield make
        for station in made:
            station.stop()


def test_lists_follow_the_tags(cli: Any, make_station: Callable[..., Station]) -> None:
    station = make_station("CP001")
    for tag in ("ONE", "TWO"):
        cli("tags", "add", tag)
    (result,) = cli.json("lists", "sync", "CP001")
    assert (result["state"], result["version"], result["entries"]) == ("in_sync", 1, 2)
    assert station.local_list.list_version == 1
    cli("tags", "remove", "TWO")
    cli("tags", "add", "THREE")
    shown = cli.json("lists", "show", "CP001")
    assert (shown["to_add"], shown["to_change"], shown["to_remove"]) == (["THREE"], [], ["two"])
    (result,) = cli.json("lists", "sync", "CP001")
    assert (result["version"], station.local_list.list_version) == (2, 2)
    assert cli.json("lists", "show", "CP001")["to_add"] == []
    assert [found["charge_box_identity"] for found in cli.json("lists", "list", "--state", "in_sync")] == ["CP001"]


def test_a_tag_that_no_list_can_hold_is_left_out_and_named(cli: Any, make_station: Callable[..., Station]) -> None:
    station = make_station("CP001")
    make_station("OLD", Version.V12)
    long = "L" * 21
    cli("tags", "add", "ONE")
    assert "cannot be in a local authorisation list" in cli("tags", "add", long).stderr
    done = cli("lists", "sync", "CP001")
    assert done.exit_code == 0
    assert f"Left out, since longer than 20 characters: {long}" in done.stderr
    assert [entry.id_tag for entry in station.local_list.entries()] == ["ONE"]
    assert [result["left_out"] for result in cli.json("lists", "sync", "CP001", "OLD")] == [[long], []]
    assert cli.json("lists", "show", "CP001")["left_out"] == [long]


def test_nothing_is_said_of_left_out_tags_where_there_are_none(cli: Any, make_station: Callable[..., Station]) -> None:
    make_station("CP001")
    assert cli("tags", "add", "T" * 20).stderr == ""
    assert "Left out" not in cli("lists", "sync", "CP001").stderr


def test_the_lists_of_many_are_synchronised_at_once(cli: Any, make_station: Callable[..., Station]) -> None:
    make_station("CP001")
    make_station("OLD", Version.V12)
    with CentralSystem.open(config.load(cli.config_file, {})) as system:
        system.stations.allow("AWAY")
    done = cli("lists", "sync", "--where", "id=*", "--json")
    assert done.exit_code == 6
    assert cli.json("lists", "list", "--state", "unsupported")[0]["charge_box_identity"] == "OLD"
    assert "no answer" in done.stdout


def test_a_reservation_is_made_and_cancelled(cli: Any, make_station: Callable[..., Station]) -> None:
    make_station("CP001")
    made = cli.json("reservations", "add", "CP001", "--connector-id", "1", "--id-tag", "TAG", "--until", "+1h")
    assert made["state"] == "accepted"
    again = cli("reservations", "add", "CP001", "--connector-id", "1", "--id-tag", "OTHER", "--until", "+1h")
    assert again.exit_code == 1
    assert "is reserved until" in again.stderr
    number = str(made["reservation_id"])
    assert cli.json("reservations", "cancel", number)["state"] == "cancelled"
    assert [r["state"] for r in cli.json("reservations", "list", "--station", "CP001")] == ["cancelled"]
    assert cli("reservations", "cancel", "4711").exit_code == 4


@pytest.mark.parametrize(
    "command", ["lists sync TYPO", "reservations add TYPO --connector-id 1 --id-tag TAG --until +1h"]
)
def test_a_charge_point_that_is_not_there_ends_with_4(cli: Any, command: str) -> None:
    done = cli(*command.split())
    assert done.exit_code == 4
    assert "TYPO: no such charge point" in done.stderr


def test_a_reservation_that_the_station_refuses_ends_with_7(cli: Any, make_station: Callable[..., Station]) -> None:
    make_station("CP001")
    done = cli("reservations", "add", "CP001", "--connector-id", "9", "--id-tag", "TAG", "--until", "+1h")
    assert done.exit_code == 7
    assert "refused" in done.stdout


def test_a_configuration_is_read_compared_and_changed(
    cli: Any, make_station: Callable[..., Station], tmp_path: Path
) -> None:
    station = make_station("CP001")
    template = tmp_path / "template.yaml"
    template.write_text("HeartBeatInterval: 777\nNumberOfConnectors: 9\nNonsense: true\n")
    assert cli("configuration", "show", "CP001").exit_code == 4
    assert cli("configuration", "read", "CP001").exit_code == 0
    shown = cli.json("configuration", "show", "CP001")
    assert shown["keys"]["NumberOfConnectors"]["readonly"] is True
    different = cli("configuration", "diff", str(template), "CP001")
    assert different.exit_code == 1
    assert "read-only" in different.stdout
    applied = cli("configuration", "apply", str(template), "CP001")
    assert applied.exit_code == 7, "Nonsense is a key that the station does not have"
    assert "NumberOfConnectors is left out: read-only" in applied.stderr
    assert station.configuration.integer("HeartBeatInterval") == 777
    left = {row["key"]: row["obstacle"] for row in _json_of_diff(cli, template)}
    assert left == {"NumberOfConnectors": "read-only", "Nonsense": "not known to the station"}


def test_the_values_of_a_template_are_sent_as_they_are_written(cli: Any, tmp_path: Path) -> None:
    cli("stations", "allow", "CP001")
    template = tmp_path / "template.yaml"
    template.write_text("ConnectionTimeOut: 0060\nOpen: 12:30:00\nPrice: 1.50\nCount: 1_0\nLight: on\nEmpty: ''\n")
    commands = cli.json("configuration", "apply", str(template), "CP001", "--no-wait")
    sent = {command["payload"]["key"]: command["payload"]["value"] for command in commands}
    assert sent == {
        "ConnectionTimeOut": "0060",
        "Open": "12:30:00",
        "Price": "1.50",
        "Count": "1_0",
        "Light": "on",
        "Empty": "",
    }


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("- HeartBeatInterval\n", "expected lines such as HeartBeatInterval: 600"),
        ("HeartBeatInterval: [600]\n", "HeartBeatInterval: expected lines such as"),
        ("HeartBeatInterval:\n", "HeartBeatInterval has no value"),
        ("HeartBeatInterval: null\n", "HeartBeatInterval has no value"),
        (
            "HeartBeatInterval: 600\nHeartBeatInterval: 60\n",
            "line 2: 'HeartBeatInterval' is named in line 1 already",
        ),
    ],
)
def test_a_template_that_is_none_is_said(cli: Any, tmp_path: Path, text: str, reason: str) -> None:
    cli("stations", "allow", "CP001")
    template = tmp_path / "template.yaml"
    template.write_text(text)
    done = cli("configuration", "diff", str(template), "CP001")
    assert done.exit_code == 2
    assert reason in " ".join(done.stderr.split())


def _json_of_diff(cli: Any, template: Path) -> Any:
    import json

    return json.loads(cli("configuration", "diff", str(template), "CP001", "--json").stdout)


def test_commands_left_to_the_central_system_teach_too(
    cli: Any, make_station: Callable[..., Station], tmp_path: Path
) -> None:
    make_station("CP001")
    cli("configuration", "read", "CP001", "--no-wait")
    with CentralSystem.open(config.load(cli.config_file, {})) as serving:
        serving.start_workers()
        deadline = time.monotonic() + 10
        while serving.configurations.get("CP001") is None:
            assert time.monotonic() < deadline
            time.sleep(0.02)
