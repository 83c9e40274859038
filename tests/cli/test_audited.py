"""The audit trail of what is done on the command line."""

from __future__ import annotations

import getpass
from collections.abc import Callable
from typing import Any

import click
import pytest

from ocpp_soap import config
from ocpp_soap.central_system import CentralSystem
from ocpp_soap.central_system.audit import AuditEntry
from ocpp_soap.cli import COMMANDS, main
from ocpp_soap.cli.audited import CHANGES

READING = {"list", "show", "silent", "kept", "export", "get", "firmware", "diff", "dead-letters"}
NOTED_BY_THEMSELVES = {"keys"}
OF_THE_WHOLE_STORE = {"storage"}


@pytest.fixture
def trail(cli: Any) -> Callable[[], list[AuditEntry]]:
    """What the audit trail holds."""

    def read() -> list[AuditEntry]:
        with CentralSystem.open(config.load(cli.config_file, {})) as system:
            return list(system.audit.list().items)

    return read


def test_every_command_of_a_group_is_known_to_read_or_to_change() -> None:
    for group in set(COMMANDS) - NOTED_BY_THEMSELVES - OF_THE_WHOLE_STORE - {"call"}:
        command = main.get_command(click.Context(main), group)
        if isinstance(command, click.Group):
            changing = {name for name in command.commands if name not in READING}
            assert changing == {name for of, name in CHANGES if of == group}, group


def test_a_change_is_noted_with_who_and_what(cli: Any, trail: Any) -> None:
    cli("tags", "add", "TAG1", "--expires", "2030-01-01T00:00:00Z")
    cli("stations", "allow", "CP001")
    cli("stations", "list")
    tag, station = trail()
    assert (tag.actor, tag.action, tag.target) == (f"cli:{getpass.getuser()}", "tags.add", "/tags/TAG1")
    assert tag.data == {"expiry_date": "2030-01-01T00:00:00Z"}
    assert (station.action, station.target) == ("stations.allow", "/stations/CP001")


def test_a_call_is_noted_with_its_stations_and_fields(cli: Any, trail: Any, tmp_path: Any) -> None:
    cli("stations", "allow", "CP001")
    stations = tmp_path / "stations.txt"
    stations.write_text("CP001\n")
    cli("call", "CP001", "unlock_connector", "--connector-id", "0", "--no-wait")
    cli("call", "--bulk", str(stations), "Reset", "--type", "Soft", "--no-wait")
    one, many = trail()[1:]
    assert (one.action, one.target) == ("call.UnlockConnector", "/commands")
    assert one.data == {"connector_id": 0, "deliver": "now", "no_wait": True, "charge_box_identity": "CP001"}
    assert many.data["bulk"] == str(stations)


def test_a_password_is_not_noted(cli: Any, trail: Any) -> None:
    cli("stations", "allow", "CP001")
    done = cli("stations", "require", "CP001", "--username", "station", stdin="topsecret\n")
    assert done.exit_code == 0, done.stderr
    assert trail()[1].data["username"] == "station"
    assert "topsecret" not in str(trail())


def test_what_was_refused_is_not_noted(cli: Any, trail: Any) -> None:
    assert cli("commands", "cancel", "17").exit_code == 4
    assert trail() == []
