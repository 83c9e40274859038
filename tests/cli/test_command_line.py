"""The program as a whole: help, errors, exit codes."""

from __future__ import annotations

import errno
import json
import os
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from ocpp_soap.cli import COMMANDS, main
from ocpp_soap.cli.exits import failure
from ocpp_soap.errors import (
    ConfigurationError,
    HandlerError,
    NoAddress,
    NotFound,
    OcppSoapError,
    StoreUnavailable,
    TimedOut,
)


def commands(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command, info_name=path[-1] if path else "ocpp-soap")
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from commands(found, (*path, name))


def test_every_command_has_help(cli: Any) -> None:
    for path, command in commands(main):
        assert command.help, path
        context = click.Context(command, info_name=path[-1] if path else "ocpp-soap")
        text = command.get_help(context)
        assert "Usage:" in text, path


def test_every_command_shows_an_example() -> None:
    for path, command in commands(main):
        if not isinstance(command, click.Group):
            assert "ocpp-soap " in (command.help or ""), path


def test_every_option_is_explained() -> None:
    for path, command in commands(main):
        for parameter in command.params:
            if isinstance(parameter, click.Option) and path[:1] != ("call",):
                named = parameter.help or isinstance(parameter.type, click.Choice)
                assert named, f"{' '.join(path)} {parameter.opts}"


def test_the_module_is_the_program() -> None:
    done = subprocess.run([sys.executable, "-m", "ocpp_soap", "--help"], capture_output=True, text=True, check=True)
    assert all(name in done.stdout for name in COMMANDS)
    assert "Exit codes" in done.stdout


def test_help_is_quick() -> None:
    def cpu_seconds() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-m", "ocpp_soap", "--help"], capture_output=True, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    assert min(cpu_seconds() for _ in range(3)) < 0.3


def test_help_imports_no_library_that_is_slow() -> None:
    code = (
        "import sys\nfrom ocpp_soap.cli import main\n"
        "main(['--help'], standalone_mode=False)\n"
        "sys.exit(sorted({'spyne', 'zeep', 'lxml', 'granian', 'pydantic', 'structlog'} & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (OcppSoapError("x"), 1),
        (ConfigurationError("x"), 3),
        (HandlerError("x"), 3),
        (NotFound("x"), 4),
        (StoreUnavailable("x"), 5),
        (NoAddress("x"), 6),
        (TimedOut("x"), 6),
    ],
)
def test_each_kind_of_failure_has_its_exit_code(error: OcppSoapError, code: int) -> None:
    assert failure(error).exit_code == code


def test_a_wrong_setting_ends_every_command_with_3(cli: Any, tmp_path: Path) -> None:
    cli.config_file.write_text("server: {prot: 1}")
    result = cli("stations", "list")
    assert result.exit_code == 3
    assert result.stdout == ""
    assert "server.prot" in result.stderr


@pytest.mark.parametrize("line", ["--config {} stations list", "chargebox --config {}"])
@pytest.mark.parametrize(("name", "reason"), [("missing.yaml", "No such file"), ("folder", "Is a directory")])
def test_a_configuration_file_that_is_none_ends_with_3(tmp_path: Path, line: str, name: str, reason: str) -> None:
    (tmp_path / "folder").mkdir()
    done = CliRunner().invoke(main, line.format(tmp_path / name).split())
    assert done.exit_code == 3
    assert done.stderr.startswith(f"Error: {tmp_path / name}: ")
    assert f"cannot be read: {reason}" in done.stderr


def test_a_configuration_file_that_may_not_be_read_ends_with_3(cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> str:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "access", lambda *_, **__: False)
    monkeypatch.setattr(Path, "read_text", refuse)
    done = cli("stations", "list")
    assert done.exit_code == 3
    assert "cannot be read: Permission denied" in done.stderr


@pytest.mark.parametrize(
    "arguments", ["--help", "stations --help", "tags list", "tags list --json", "transactions export"]
)
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_an_output_that_takes_no_more_ends_with_1_and_one_sentence(cli: Any, arguments: str, unbuffered: str) -> None:
    cli("tags", "add", "TAG1")
    with open("/dev/full", "w") as full:
        done = run(cli, *arguments.split(), stdout=full, PYTHONUNBUFFERED=unbuffered)
    assert done.returncode == 1
    assert done.stderr == "Error: the output cannot be written: No space left on device\n"


def test_an_output_that_nobody_reads_any_more_ends_quietly(cli: Any) -> None:
    cli("tags", "add", "TAG1")
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as pipe:
        done = run(cli, "tags", "list", stdout=pipe, PYTHONUNBUFFERED="")
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_program_that_is_started_without_its_standard_streams_does_its_work(cli: Any, closed: str) -> None:
    line = [sys.executable, "-m", "ocpp_soap", "--config", str(cli.config_file), "transactions", "export"]
    done = subprocess.run(["sh", "-c", f'"$@" {closed}', "sh", *line], capture_output=True, timeout=20, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_a_file_that_the_operating_system_refuses_is_named(cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError(13, "Permission denied", "/etc/secret")

    monkeypatch.setattr("ocpp_soap.cli.tags.print_table", refuse)
    done = cli("tags", "list")
    assert (done.exit_code, done.stderr) == (1, "Error: /etc/secret: Permission denied\n")


@pytest.mark.parametrize("encoding", ["latin-1", "cp437"])
def test_what_the_encoding_of_the_output_lacks_is_printed_as_an_escape(cli: Any, encoding: str) -> None:
    cli("tags", "add", "→é😀")
    printed = run(cli, "tags", "list", "--json", stdout=subprocess.PIPE, PYTHONIOENCODING=encoding)
    assert printed.returncode == 0, printed.stderr
    assert json.loads(printed.stdout)[0]["id_tag"] == "→é😀"
    listed = run(cli, "tags", "list", stdout=subprocess.PIPE, PYTHONIOENCODING=encoding)
    assert listed.returncode == 0, listed.stderr
    assert run(cli, "--help", stdout=subprocess.PIPE, PYTHONIOENCODING=encoding).returncode == 0


def run(cli: Any, *arguments: str, stdout: Any, **variables: str) -> subprocess.CompletedProcess[str]:
    """The program as a process of its own."""
    command = [sys.executable, "-m", "ocpp_soap", "--config", str(cli.config_file), *arguments]
    environ = {**os.environ, **variables}
    return subprocess.run(
        command,
        stdout=stdout,
        stderr=subprocess.PIPE,
        encoding=variables.get("PYTHONIOENCODING", "utf-8"),
        timeout=20,
        check=False,
        env=environ,
    )


@pytest.mark.parametrize(
    "line",
    [
        ["stations", "allow", ""],
        ["stations", "block", ""],
        ["stations", "set-heartbeat-interval", "CP001", "86401"],
        ["stations", "profile", "CP001", "--timeout", "inf"],
        ["transactions", "show", "99999999999999999999999"],
        ["transactions", "list", "--limit", "99999999999999999999"],
        ["transactions", "export", "--limit", "99999999999999999999"],
        ["transactions", "list", "--connector-id", "99999999999999999999"],
        ["commands", "list", "--batch", "99999999999999999999"],
        ["lists", "sync", "CP001", "--chunk", "99999999999999999999"],
        ["reservations", "add", "CP001", "--connector-id", "9999999999", "--id-tag", "TAG1", "--until", "+1h"],
        ["call", "CP001", "ClearCache", "--timeout", "nan"],
        ["call", "CP001", "ClearCache", "--attempts", "99999999999999999999", "--no-wait"],
        ["simulate", "--central", "http://127.0.0.1:9/", "--duration", "nan"],
        ["simulate", "--central", "http://127.0.0.1:9/", "--ramp", "inf"],
        ["tags", "block", os.fsdecode(b"\xff")],
    ],
    ids=lambda line: repr(" ".join(line)),
)
def test_what_cannot_be_meant_is_wrong_usage(cli: Any, line: list[str]) -> None:
    cli("stations", "allow", "CP001")
    assert cli(*line).exit_code == 2


@pytest.mark.parametrize(
    "arguments",
    [
        "stations list --vendor Acme",
        "stations list --registration blocked",
        "tags list --status Blocked",
        "lists list --state failed",
        "messages list --action Reset",
        "messages kept --state replayed",
        "files list --station CP002",
        "transactions list --connector-id 2",
        "commands list --state queued",
        "reservations list --state accepted",
    ],
)
def test_a_list_that_was_filtered_does_not_say_that_there_is_nothing_at_all(cli: Any, arguments: str) -> None:
    assert cli(*arguments.split()).stderr == "None meets these options.\n"


def test_wrong_usage_ends_with_2(cli: Any) -> None:
    assert cli("stations", "lits").exit_code == 2
    assert cli("tags", "add").exit_code == 2
    assert cli("transactions", "list", "--since", "yesterday").exit_code == 2
