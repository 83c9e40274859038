"""Calling charge points from the command line, at once or later, one or many."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ocpp_soap import config
from ocpp_soap.central_system import CentralSystem
from ocpp_soap.charge_point.listener import Listener
from ocpp_soap.cli import orders
from ocpp_soap.cli.values import parse_time
from ocpp_soap.dispatch import Call
from ocpp_soap.messages import (
    BootNotificationRequest,
    GetConfigurationResponse,
    KeyValue,
    ResetResponse,
    Role,
    Version,
    actions,
)
from ocpp_soap.soap.settings import server_settings

NOWHERE = "http://127.0.0.1:9/"


class Site:
    """Stations that keep their calls; one whose name begins with NO refuses to reset.

    They say all that they know of their configuration when asked for it, and nothing when asked for one key.
    """

    def __init__(self) -> None:
        self.calls: list[Call] = []

    def receive(self, call: Call) -> Any:
        self.calls.append(call)
        if call.action.name == "GetConfiguration":
            if call.request.key:
                return GetConfigurationResponse()
            return GetConfigurationResponse(configuration_key=[KeyValue(key="K", readonly=False, value="1")])
        return ResetResponse(status="Rejected" if call.charge_box_identity.startswith("NO") else "Accepted")


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.fixture
def register(cli: Any, site: Site) -> Iterator[Callable[..., None]]:
    """Make stations known that can be called, those whose name begins with AWAY in vain."""
    settings = config.load(cli.config_file, {})
    listener = Listener(site, server_settings(settings, Role.CHARGE_POINT), "127.0.0.1")  # type: ignore[arg-type]

    def add(*identities: str) -> None:
        with CentralSystem.open(settings) as system:
            for identity in identities:
                system.stations.allow(identity)
                url = listener.url(identity, Version.V15, NOWHERE)
                system.stations.set_url(identity, NOWHERE if identity.startswith("AWAY") else url)

    with listener:
        yield add


def test_a_call_waits_for_the_answer_and_is_kept_as_a_command(cli: Any, register: Any) -> None:
    register("CP001")
    assert cli.json("call", "CP001", "Reset", "--type", "Soft") == {"status": "Accepted"}
    (command,) = cli.json("commands", "list")
    assert (command["state"], command["action"], command["payload"], command["answer"]) == (
        "done",
        "Reset",
        {"type": "Soft"},
        {"status": "Accepted"},
    )
    assert command["created_by"].startswith("cli")


def test_an_answer_has_all_the_fields_of_the_response(cli: Any, register: Any) -> None:
    register("CP001")
    assert cli.json("call", "CP001", "GetConfiguration") == {
        "configuration_key": [{"key": "K", "readonly": False, "value": "1"}],
        "unknown_key": [],
    }


def test_an_answer_that_tells_nothing_is_said(cli: Any, register: Any) -> None:
    register("CP001")
    done = cli("call", "CP001", "GetConfiguration", "--key", "K")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "The charge point has answered, and told nothing.\n")


@pytest.mark.parametrize(
    ("identity", "arguments", "code", "text"),
    [
        ("NO1", ["Reset", "--type", "Soft"], 7, ""),
        ("AWAY", ["Reset", "--type", "Soft"], 6, "AWAY at http://127.0.0.1:9/"),
        ("CP999", ["Reset", "--type", "Soft"], 4, "CP999: no such charge point"),
        ("CP001", ["ChangeConfiguration", "--key", "k" * 51, "--value", "1"], 2, "key"),
    ],
)
def test_a_call_that_fails_says_why(
    cli: Any, register: Any, identity: str, arguments: list[str], code: int, text: str
) -> None:
    register("CP001", "NO1", "AWAY")
    done = cli("call", identity, *arguments)
    assert done.exit_code == code, done.stderr
    assert text in done.stderr


def test_a_call_that_failed_is_not_tried_again(cli: Any, register: Any) -> None:
    register("AWAY")
    cli("call", "AWAY", "Reset", "--type", "Soft")
    (command,) = cli.json("commands", "list")
    assert (command["state"], len(command["attempts"])) == ("failed", 1)


def test_a_call_is_tried_as_often_as_asked(cli: Any, register: Any) -> None:
    cli.config_file.write_text(cli.config_file.read_text() + "commands: {first_retry: 0.1, longest_retry: 0.1}\n")
    register("AWAY")
    assert cli("call", "AWAY", "Reset", "--type", "Soft", "--attempts", "3").exit_code == 6
    (command,) = cli.json("commands", "list")
    assert (command["state"], len(command["attempts"])) == ("failed", 3)


@pytest.mark.parametrize("later", [["--no-wait"], ["--deliver", "on_next_contact"]])
def test_a_call_can_be_left_to_the_central_system(cli: Any, register: Any, site: Site, later: list[str]) -> None:
    register("CP001")
    (command,) = cli.json("call", "CP001", "Reset", "--type", "Soft", *later)
    assert (command["state"], command["max_attempts"]) == ("created", 120)
    assert site.calls == []


def test_a_command_can_be_shown_and_withdrawn(cli: Any, register: Any) -> None:
    register("CP001")
    (command,) = cli.json("call", "CP001", "Reset", "--type", "Soft", "--no-wait", "--deadline", "+1h")
    number = str(command["command_id"])
    assert cli.json("commands", "show", number) == command
    assert cli.json("commands", "cancel", number)["state"] == "cancelled"
    assert [c["state"] for c in cli.json("commands", "list", "--state", "cancelled")] == ["cancelled"]
    assert cli("commands", "show", "4711").exit_code == 4


def test_a_call_behind_one_that_waits_gives_up_in_time(cli: Any, register: Any) -> None:
    register("AWAY")
    cli("call", "AWAY", "Reset", "--type", "Hard", "--no-wait")
    begin = time.monotonic()
    done = cli("call", "AWAY", "Reset", "--type", "Soft", "--deadline", "+1s")
    assert done.exit_code == 6
    assert time.monotonic() - begin < 5
    assert "earlier commands wait" in done.stderr


@pytest.mark.parametrize(
    "command",
    [
        "call --where id=* Reset --type Soft",
        "configuration read AWAY",
        "configuration apply TEMPLATE AWAY",
        "files diagnostics AWAY",
    ],
)
def test_nobody_waits_long_behind_a_command_that_waits(
    cli: Any, register: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setattr(orders, "MARGIN", 0.1)
    template = tmp_path / "template.yaml"
    template.write_text("HeartBeatInterval: 600\n")
    files = f"ftp: {{public_host: x}}\nfiles: {{path: {tmp_path / 'files'}, lifetime: 20}}\n"
    text = cli.config_file.read_text().replace("calls: {", "calls: {timeout: 0.1, ")
    cli.config_file.write_text(f"{text}{files}commands: {{deadline: 20}}\n")
    register("AWAY")
    (first,) = cli.json("call", "AWAY", "Reset", "--type", "Hard", "--no-wait")
    done = cli(*command.replace("TEMPLATE", str(template)).split())
    assert done.exit_code == 6
    held_back, found = cli.json("commands", "list")
    assert (found["command_id"], found["state"], held_back["state"]) == (first["command_id"], "queued", "expired")
    assert (parse_time(held_back["deadline"]) - parse_time(held_back["created_at"])).total_seconds() < 1


def test_many_are_called_by_a_file(cli: Any, register: Any, site: Site, tmp_path: Path) -> None:
    names = [f"CP{number:03d}" for number in range(30)]
    register(*names)
    file = tmp_path / "stations.txt"
    file.write_text("# the north\n" + "\n".join(names) + "\n\n")
    done = cli("call", "--bulk", str(file), "Reset", "--type", "Soft")
    assert done.exit_code == 0, done.stderr
    assert done.stdout.count("Accepted") == 30
    assert sorted(call.charge_box_identity for call in site.calls) == names


def test_a_file_may_be_as_windows_writes_it(cli: Any, tmp_path: Path) -> None:
    cli("stations", "allow", "CP001")
    stations, entries = tmp_path / "stations.txt", tmp_path / "list.json"
    stations.write_bytes(b"\xef\xbb\xbfCP001\r\n")
    entries.write_bytes(b'\xef\xbb\xbf[{"idTag": "TAG1"}]\r\n')
    order = ("SendLocalList", "--update-type", "Full", "--list-version", "3", "--no-wait")
    (command,) = cli.json("call", "--bulk", str(stations), *order, "--local-authorisation-list", f"@{entries}")
    assert command["charge_box_identity"] == "CP001"
    assert command["payload"]["local_authorisation_list"] == [{"id_tag": "TAG1"}]


def test_a_file_that_is_no_text_is_said(cli: Any, tmp_path: Path) -> None:
    stations = tmp_path / "stations.txt"
    stations.write_text("CP001\n", encoding="utf-16")
    done = cli("call", "--bulk", str(stations), "ClearCache", "--no-wait")
    assert done.exit_code == 2
    assert "--bulk: expected a text in UTF-8" in done.stderr


def test_of_an_empty_file_nobody_is_called_whoever_meets_the_conditions(cli: Any, tmp_path: Path) -> None:
    cli("stations", "allow", "CP001")
    stations = tmp_path / "stations.txt"
    stations.touch()
    done = cli("call", "--bulk", str(stations), "--where", "id=CP*", "ClearCache", "--no-wait")
    assert done.exit_code == 4, done.stdout


def test_stations_may_come_on_standard_input(cli: Any) -> None:
    cli("stations", "allow", "CP001")
    done = cli("call", "--bulk", "-", "ClearCache", "--no-wait", stdin="\ufeffCP001\n")
    assert done.exit_code == 0, done.stderr


@pytest.mark.parametrize("action", [action.name for action in actions(Role.CHARGE_POINT)])
def test_the_example_of_every_action_can_be_typed(
    cli: Any, action: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "list.json").write_text('[{"idTag": "TAG1"}]')
    cli("stations", "allow", "CP001")
    shown = cli("call", action, "--help").stdout
    (example,) = [line.split()[1:] for line in shown.splitlines() if line.startswith("    ocpp-soap call CP001")]
    done = cli(*example, "--no-wait")
    assert done.exit_code == 0, done.stderr


def test_many_are_called_by_what_they_are(cli: Any, register: Any, receive: Any) -> None:
    for identity, vendor in (("CP1", "Acme"), ("CP2", "Acme"), ("XX3", "Acme"), ("CP4", "Other")):
        receive(BootNotificationRequest(charge_point_vendor=vendor, charge_point_model="M"), identity=identity)
    register("CP1", "CP2", "XX3", "CP4")
    commands = cli.json("call", "--where", "vendor=Acme", "--where", "id=CP*", "Reset", "--type", "Soft")
    assert [c["charge_box_identity"] for c in commands] == ["CP1", "CP2"]
    assert len({c["batch_id"] for c in commands}) == 1
    assert len(cli.json("commands", "list", "--batch", str(commands[0]["batch_id"]))) == 2


def test_many_are_called_by_a_label(cli: Any, register: Any, site: Site) -> None:
    register("CP1", "CP2", "CP3")
    assert cli("labels", "add", "berlin", "CP1", "CP3").exit_code == 0
    assert cli.json("labels", "show", "berlin") == ["CP1", "CP3"]
    cli("call", "--where", "label=berlin", "Reset", "--type", "Soft")
    assert sorted(call.charge_box_identity for call in site.calls) == ["CP1", "CP3"]
    cli("labels", "remove", "berlin", "CP1")
    commands = cli.json("call", "--where", "label=berlin", "--where", "id=CP*", "Reset", "--type", "Soft")
    assert [c["charge_box_identity"] for c in commands] == ["CP3"]
    assert cli("labels", "add", "two words", "CP1").exit_code == 2


@pytest.mark.parametrize(("names", "code"), [(["CP1", "NO1"], 7), (["CP1", "AWAY"], 6), (["CP1", "CP2"], 0)])
def test_the_worst_answer_of_many_decides_the_exit_code(
    cli: Any, register: Any, tmp_path: Path, names: list[str], code: int
) -> None:
    register(*names)
    file = tmp_path / "stations.txt"
    file.write_text("\n".join(names))
    assert cli("call", f"--bulk={file}", "Reset", "--type", "Soft").exit_code == code


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--where", "colour=red", "Reset", "--type", "Soft"], "expected FIELD=VALUE"),
        (["--where", "vendor=Nobody", "Reset", "--type", "Soft"], "no charge point was chosen"),
    ],
)
def test_a_choice_of_nobody_is_said(cli: Any, register: Any, arguments: list[str], text: str) -> None:
    register("CP001")
    done = cli("call", *arguments)
    assert done.exit_code != 0
    assert text in done.stderr
