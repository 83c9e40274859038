"""``ocpp-soap serve`` in a process of its own, and the store that it writes to."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from ports import free_port

from ocpp_soap import config
from ocpp_soap.central_system.system import CentralSystem


@dataclass
class Served:
    """A running server, and its central system opened a second time, to look into the store."""

    port: int
    system: CentralSystem


def _wait_until_healthy(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(200):
        assert process.poll() is None, "serve ended before it answered"
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5):
                return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.1)
    raise AssertionError("serve did not answer /healthz within 20 s")


@contextmanager
def serving(folder: Path, **more: str) -> Iterator[Served]:
    """A server that keeps its store and log in ``folder``; ``more`` are settings of it as environment variables."""
    port = free_port()
    variables = {
        "OCPP_SOAP__STORAGE__FILE__PATH": str(folder / "store.sqlite"),
        "OCPP_SOAP__SERVER__HOST": "127.0.0.1",
        "OCPP_SOAP__SERVER__PORT": str(port),
        "OCPP_SOAP__SERVER__WORKERS": "1",
        "OCPP_SOAP__SERVER__READ_TIMEOUT": "2",
        "OCPP_SOAP__AUTHORIZATION__UNKNOWN_TAGS": "accept",
        **more,
    }
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "ocpp_soap", "serve"], env={**os.environ, **variables}, cwd=folder,
            stdout=log, stderr=log,
        )  # fmt: skip
    try:
        _wait_until_healthy(port, process)
        with CentralSystem.open(config.load(None, variables)) as system:
            yield Served(port, system)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(15)


@pytest.fixture(scope="session")
def served(tmp_path_factory):
    """One server for all tests of this folder; each test uses identities of its own."""
    with serving(tmp_path_factory.mktemp("served")) as served:
        yield served


@pytest.fixture(scope="session")
def behind_a_proxy(tmp_path_factory):
    """A server that takes this machine for a reverse proxy that it may believe."""
    trust = {
        "OCPP_SOAP__SERVER__TRUSTED_PROXIES": '["127.0.0.1/32"]',
        "OCPP_SOAP__SERVER__CLIENT_CERTIFICATE_HEADER": "SSLClientSubject",
    }
    with serving(tmp_path_factory.mktemp("behind"), **trust) as served:
        yield served
