"""The audit trail of what is done on the command line."""

from __future__ import annotations

import getpass
import signal
from collections.abc import Callable
from typing import Any

import click
import pytest

from ocpp_soap import config
from ocpp_soap.central_system import CentralSystem
from ocpp_soap.central_system.audit import AuditEntry
from ocpp_soap.cli import COMMANDS, main
from ocpp_soap.cli.audited import CHANGES
from ocpp_soap.errors import Unreachable

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
    cli("call", "CP001", "change_availability", "--connector-id", "0", "--type", "Operative", "--no-wait")
    cli("call", "--bulk", str(stations), "Reset", "--type", "Soft", "--no-wait")
    one, many = trail()[1:]
    assert (one.action, one.target) == ("call.ChangeAvailability", "/commands")
    asked = {"connector_id": 0, "type": "Operative"}
    assert one.data == {**asked, "deliver": "now", "no_wait": True, "charge_box_identity": "CP001"}
    assert many.data["bulk"] == str(stations)


def test_a_key_that_another_replaces_is_noted_as_revoked(cli: Any, trail: Any) -> None:
    first = cli.json("keys", "add", "make-run")["key"]
    second = cli.json("keys", "add", "make-run", "--replace")["key"]
    assert [(entry.action, entry.target) for entry in trail()] == [
        ("keys.add", f"/keys/{first['key_id']}"),
        ("keys.add", f"/keys/{second['key_id']}"),
        ("keys.revoke", f"/keys/{first['key_id']}"),
    ]


def test_what_a_key_may_do_and_from_where_is_noted(cli: Any, trail: Any) -> None:
    cli("keys", "add", "office", "--role", "operate", "--network", "10.1.0.0/16")
    (entry,) = trail()
    assert entry.data == {"name": "office", "role": "operate", "networks": ["10.1.0.0/16"]}


def test_a_password_is_not_noted(cli: Any, trail: Any) -> None:
    cli("stations", "allow", "CP001")
    done = cli("stations", "require", "CP001", "--username", "station", stdin="topsecret\n")
    assert done.exit_code == 0, done.stderr
    assert trail()[1].data["username"] == "station"
    assert "topsecret" not in str(trail())


def test_commands_that_end_with_an_exit_code_are_noted(cli: Any, trail: Any, tmp_path: Any) -> None:
    cli("stations", "allow", "CP001")
    template = tmp_path / "template.yaml"
    template.write_text("HeartBeatInterval: 600\n")
    assert cli("configuration", "read", "CP001", "--no-wait").exit_code == 0
    assert cli("configuration", "apply", str(template), "CP001", "--no-wait").exit_code == 0
    read, apply = trail()[1:]
    assert (read.action, read.data) == ("configuration.read", {"identities": ["CP001"], "no_wait": True})
    assert (apply.action, apply.data["template"]) == ("configuration.apply", template.name)


@pytest.mark.parametrize(
    "arguments",
    [
        ("files", "diagnostics", "CP001"),
        ("reservations", "add", "CP001", "--connector-id", "1", "--id-tag", "TAG", "--until", "+1h"),
    ],
)
def test_what_was_tried_in_vain_is_noted_with_the_reason(
    cli: Any, trail: Any, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    monkeypatch.setenv("OCPP_SOAP__FTP__PUBLIC_HOST", "127.0.0.1")
    cli("stations", "allow", "CP001")
    cli("stations", "set-url", "CP001", "http://127.0.0.1:9/")
    done = cli(*arguments)
    assert done.exit_code == 6, done.stderr
    (tried,) = trail()[2:]
    assert (tried.action, tried.data["charge_box_identity"]) == (".".join(arguments[:2]), "CP001")
    assert "cannot be reached" in tried.data["failure"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_call_that_was_interrupted_is_noted(
    cli: Any, trail: Any, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    def interrupted(*_: Any, **__: Any) -> None:
        signal.raise_signal(number)

    monkeypatch.setattr("ocpp_soap.cli.call.deliver", interrupted)
    cli("stations", "allow", "CP001")
    assert cli("call", "CP001", "Reset", "--type", "Hard").exit_code == 1
    (call,) = trail()[1:]
    assert (call.action, call.data["type"], call.data["failure"]) == ("call.Reset", "Hard", "KeyboardInterrupt")


def test_who_ignores_sigterm_goes_on(cli: Any, trail: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def not_interrupted(*_: Any, **__: Any) -> None:
        signal.raise_signal(signal.SIGTERM)
        raise Unreachable("CP001 is away")

    monkeypatch.setattr("ocpp_soap.cli.call.deliver", not_interrupted)
    cli("stations", "allow", "CP001")
    before = signal.signal(signal.SIGTERM, signal.SIG_IGN)
    try:
        cli("call", "CP001", "Reset", "--type", "Hard")
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGTERM, before)
    (call,) = trail()[1:]
    assert "CP001 is away" in call.data["failure"]


def test_what_was_refused_is_not_noted(cli: Any, trail: Any) -> None:
    assert cli("commands", "cancel", "17").exit_code == 4
    assert cli("call", "--where", "colour=red", "ClearCache").exit_code == 2
    assert cli("configuration", "read", "--where", "id=NONE").exit_code == 4
    assert trail() == []


def test_the_password_of_a_url_is_not_noted(cli: Any, trail: Any) -> None:
    cli("stations", "allow", "CP001")
    cli("call", "CP001", "GetDiagnostics", "--location", "ftp://al:swordfish@host/", "--no-wait")
    cli("call", "CP001", "ChangeConfiguration", "--key", "AuthorizationKey", "--value", "swordfish", "--no-wait")
    diagnostics, configuration = trail()[1:]
    assert diagnostics.data["location"] == "ftp://al:…@host/"
    assert configuration.data["value"] == "…"
