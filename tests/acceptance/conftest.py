"""A running central system for the tests of a module."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest
from ports import free_port
from program import Program, wait_for


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    """`ocpp-soap serve` with two workers and an empty file store."""
    folder = tmp_path_factory.mktemp("program")
    port = free_port()
    environment = {
        **os.environ,
        "OCPP_SOAP__STORAGE__FILE__PATH": str(folder / "store.sqlite"),
        "OCPP_SOAP__CALLS__ALLOWED_NETWORKS": '["127.0.0.0/8"]',
    }
    command = [sys.executable, "-m", "ocpp_soap", "serve", "--host", "127.0.0.1", "--port", str(port), "--workers", "2"]
    with (folder / "serve.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            wait_for(f"http://127.0.0.1:{port}/healthz", process)
            yield Program(port, environment, process)
        finally:
            process.terminate()
            process.wait(timeout=10)
