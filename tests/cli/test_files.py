"""Diagnostics and firmware from the command line, with a real station and a real FTP process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
import yaml

from ocpp_soap import config
from ocpp_soap.central_system import CentralSystem
from ocpp_soap.charge_point.listener import Listener
from ocpp_soap.charge_point.transfer import Transfers
from ocpp_soap.dispatch import Call
from ocpp_soap.messages import GetDiagnosticsResponse, Role, UpdateFirmwareResponse, Version
from ocpp_soap.soap.settings import server_settings


class Site:
    """A station that does with files what it is told, before it answers; it has no old diagnostics."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def receive(self, call: Call) -> Any:
        if call.action.name == "UpdateFirmware":
            Transfers().download(call.request.location, self.folder / "installed.bin")
            return UpdateFirmwareResponse()
        if call.request.stop_time:
            return GetDiagnosticsResponse()
        log = self.folder / "log.zip"
        log.write_bytes(b"what happened")
        Transfers().upload(log, call.request.location, log.name)
        return GetDiagnosticsResponse(file_name=log.name)


@pytest.fixture
def ftp(cli: Any, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """``ocpp-soap ftp`` as a process; the settings are completed with a free port."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    settings = yaml.safe_load(cli.config_file.read_text())
    settings["ftp"] = {"host": "127.0.0.1", "port": port, "public_host": "127.0.0.1"}
    settings["files"] = {"path": str(tmp_path / "files")}
    cli.config_file.write_text(yaml.safe_dump(settings))
    command = [sys.executable, "-m", "ocpp_soap", "--config", str(cli.config_file), "ftp"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        assert f"FTP on port {port}" in process.stderr.readline()
        yield process
        process.terminate()


@pytest.fixture
def station(cli: Any, ftp: Any, tmp_path: Path) -> Iterator[Callable[[], Path]]:
    """CP001, in whose folder its files are."""
    settings = config.load(cli.config_file, {})
    folder = tmp_path / "station"
    folder.mkdir()
    site: Any = Site(folder)
    with Listener(site, server_settings(settings, Role.CHARGE_POINT), "127.0.0.1") as listener:
        with CentralSystem.open(settings) as system:
            system.stations.allow("CP001")
            system.stations.set_url("CP001", listener.url("CP001", Version.V15, "http://127.0.0.1:9/"))
        yield lambda: folder


def test_diagnostics_arrive_and_can_be_taken_out(
    cli: Any, station: Callable[[], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cli.json("files", "diagnostics", "CP001", "--since", "-1d") == {"file_name": "log.zip"}
    deadline = time.monotonic() + 5
    while not (found := cli.json("files", "list", "--station", "CP001")):
        assert time.monotonic() < deadline
    (file,) = found
    (command,) = cli.json("commands", "list")
    assert (file["name"], file["size"], file["command_id"]) == ("log.zip", 13, command["command_id"])
    target = tmp_path / "taken.zip"
    assert cli("files", "get", file["file_id"], "--output", str(target)).exit_code == 0
    assert target.read_bytes() == b"what happened"
    monkeypatch.chdir(tmp_path)
    assert cli("files", "get", file["file_id"]).exit_code == 0
    refused = cli("files", "get", file["file_id"])
    assert (refused.exit_code, refused.stderr) == (
        1,
        "Error: log.zip is there already: name the file to write with --output\n",
    )
    assert cli("files", "remove", file["file_id"]).exit_code == 0
    assert cli("files", "get", file["file_id"]).exit_code == 4
    nothing = cli("files", "diagnostics", "CP001", "--until", "-1d")
    assert (nothing.stdout, nothing.stderr) == ("", "The charge point has nothing to upload.\n")


def test_firmware_is_offered_and_fetched(cli: Any, station: Callable[[], Path], tmp_path: Path) -> None:
    firmware = tmp_path / "acme-2.1.bin"
    firmware.write_bytes(os.urandom(10_000))
    assert cli("files", "update", "CP001", "acme-2.1.bin").exit_code == 4
    assert cli("files", "add-firmware", str(firmware)).exit_code == 0
    assert cli.json("files", "firmware") == [{"name": "acme-2.1.bin", "size": 10_000}]
    done = cli("files", "update", "CP001", "acme-2.1.bin")
    assert done.exit_code == 0, done.stderr
    assert (station() / "installed.bin").read_bytes() == firmware.read_bytes()


def test_the_ftp_process_ends_when_told(ftp: subprocess.Popen[str]) -> None:
    begin = datetime.now(timezone.utc)
    ftp.send_signal(signal.SIGTERM)
    assert ftp.wait(5) == 0
    assert (datetime.now(timezone.utc) - begin).total_seconds() < 3


def test_a_port_that_is_taken_is_said(cli: Any, ftp: Any) -> None:
    done = cli("ftp")
    assert done.exit_code == 3
    assert "cannot be served" in done.stderr


def test_a_certificate_that_cannot_be_used_is_said(cli: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OCPP_SOAP__FTP__CERTIFICATE", str(tmp_path / "nowhere.pem"))
    done = cli("ftp")
    assert done.exit_code == 3
    assert "ftp.certificate: " in done.stderr


def test_without_an_address_of_ours_nothing_is_asked(cli: Any) -> None:
    with CentralSystem.open(config.load(cli.config_file, {})) as system:
        system.stations.allow("CP001")
    done = cli("files", "diagnostics", "CP001")
    assert done.exit_code == 3
    assert "ftp.public_host" in done.stderr


@pytest.mark.parametrize("name", ["", "x" * 201, "../secret", "a\x9b31m"])
def test_what_is_no_name_of_a_firmware_file_is_wrong_usage(cli: Any, tmp_path: Path, name: str) -> None:
    with CentralSystem.open(config.load(cli.config_file, {})) as system:
        system.stations.allow("CP001")
    done = cli("files", "update", "CP001", name)
    assert done.exit_code == 2
    assert "is no name for a file" in done.stderr
    (tmp_path / "fw.bin").touch()
    assert cli("files", "add-firmware", str(tmp_path / "fw.bin"), "--name", "../x").exit_code == 2
