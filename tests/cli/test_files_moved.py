"""Diagnostics and firmware of a simulated charge point, by each protocol, with ``serve``, ``ftp`` and ``simulate``."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest
import yaml
from waiting import wait_until

TLS = Path(__file__).parent.parent / "data" / "tls"
PROTOCOLS = ("ftp", "ftps", "http")


@pytest.fixture
def running(cli: Any, tmp_path: Path) -> Iterator[None]:
    """The three processes, as they would run on one machine; CP001 trusts the certificate of the FTP server."""
    with ExitStack() as probes:
        found = [probes.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1] for _ in range(3)]
    http, ftp, station = found
    url = f"http://127.0.0.1:{http}"
    settings = yaml.safe_load(cli.config_file.read_text())
    settings["server"] = {"host": "127.0.0.1", "port": http, "workers": 1, "public_url": url}
    settings["ftp"] = {"host": "127.0.0.1", "port": ftp, "certificate": str(TLS / "server.pem")}
    settings["files"] = {"path": str(tmp_path / "files")}
    settings["metrics"] = {"folder": str(tmp_path / "metrics")}
    cli.config_file.write_text(yaml.safe_dump(settings))
    program = [sys.executable, "-m", "ocpp_soap", "--config", str(cli.config_file)]
    simulate = ["simulate", "--central", f"{url}/Ocpp/CentralSystemService", "--id", "CP001"]
    simulate += ["--listen", f"127.0.0.1:{station}", "--ca-file", str(TLS / "ca.pem")]

    def is_ready() -> bool:
        try:
            with urlopen(f"{url}/readyz", timeout=2) as response:
                return bool(response.status == 200)
        except (URLError, OSError):
            return False

    processes = []
    with (tmp_path / "processes.log").open("wb") as log:
        try:
            for arguments in (["serve"], ["ftp"]):
                processes.append(subprocess.Popen([*program, *arguments], stdout=log, stderr=log))
            wait_until(is_ready)
            processes.append(subprocess.Popen([*program, *simulate], stdout=log, stderr=log))
            wait_until(lambda: [s for s in cli.json("stations", "list") if s["booted_at"]])
            wait_until(lambda: _accepts(ftp))
            yield
        finally:
            for process in reversed(processes):
                process.terminate()
            for process in processes:
                process.wait(10)


def _accepts(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 1):
            return True
    except OSError:
        return False


@pytest.mark.timeout(120)
def test_a_simulated_station_moves_its_files_by_each_protocol(cli: Any, running: None, tmp_path: Path) -> None:
    for over in PROTOCOLS:
        name = cli.json("files", "diagnostics", "CP001", "--over", over)["file_name"]
        wait_until(partial(_is_listed, cli, name))
    assert len(cli.json("files", "list", "--station", "CP001")) == len(PROTOCOLS)

    for over in PROTOCOLS:
        firmware = tmp_path / f"firmware-{over}.bin"
        firmware.write_bytes(os.urandom(20_000))
        cli("files", "add-firmware", str(firmware))
        done = cli("files", "update", "CP001", firmware.name, "--over", over)
        assert done.exit_code == 0, done.stderr
        wait_until(partial(_is_installed, cli, f"firmware-{over}"))
    assert cli.json("stations", "show", "CP001")["firmware"]["status"] == "Installed"


def _is_listed(cli: Any, name: str) -> bool:
    return name in {file["name"] for file in cli.json("files", "list")}


def _is_installed(cli: Any, version: str) -> bool:
    """Whether the station has booted with that version, which is the name of the file that it fetched."""
    return bool(cli.json("stations", "show", "CP001")["boot"].get("firmware_version") == version)
