"""``make bench-fleet``: 1,000 charging stations in one process against our own ``serve``, and what a station weighs.

Each sends a heartbeat and a meter value every 10 s. Goals: no error, every session delivered, 200 KB for each station.
Prints one JSON document with the numbers and the goals, and exits with 1 if one was missed.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

HEARTBEAT = METER_VALUES = 10
LARGEST_STATION = 200.0
PATIENCE = 30.0


def main() -> int:
    """Run the benchmark with the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seconds", type=int, default=180)
    parser.add_argument("--ramp", type=int, default=60)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        result = measure(Path(folder), options.count, options.seconds, options.ramp)
    goals = {
        "no error": result["errors"] == 0 and not result["problems"],
        "every session delivered": result["delivered"] == options.count,
        f"at most {LARGEST_STATION:g} KB per station": result["memory_per_station"] <= LARGEST_STATION,
    }
    json.dump({"result": result, "goals": goals}, sys.stdout, indent=2)
    print()
    return 0 if all(goals.values()) else 1


def measure(folder: Path, count: int, seconds: int, ramp: int) -> dict[str, Any]:
    """The summary of one run of ``simulate`` against a central system of its own in ``folder``."""
    port = _free_port()
    environ = {
        **os.environ,
        "OCPP_SOAP__STORAGE__FILE__PATH": str(folder / "central.db"),
        "OCPP_SOAP__REGISTRATION__HEARTBEAT_INTERVAL": str(HEARTBEAT),
        "OCPP_SOAP__AUTHORIZATION__UNKNOWN_TAGS": "accept",
        "OCPP_SOAP__AUTHORIZATION__MAX_CONCURRENT_TRANSACTIONS": "0",
    }
    program = [sys.executable, "-m", "ocpp_soap"]
    with (folder / "serve.log").open("w") as log:
        serve = subprocess.Popen(  # noqa: S603 - our own program
            [*program, "serve", "--host", "127.0.0.1", "--port", str(port)], env=environ, stdout=log, stderr=log
        )
    try:
        url = f"http://127.0.0.1:{port}"
        _wait_for(f"{url}/healthz")
        simulate = [
            *program, "simulate", "--central", f"{url}/Ocpp/CentralSystemService", "--listen", "127.0.0.1:0",
            "--count", str(count), "--scenario", "charge", "--duration", str(seconds), "--ramp", str(ramp),
            "--key", f"MeterValueSampleInterval={METER_VALUES}", "--constant-heartbeat", "--json",
        ]  # fmt: skip
        done = subprocess.run(simulate, env=environ, stdout=subprocess.PIPE, check=False)  # noqa: S603
        summary: dict[str, Any] = json.loads(done.stdout)
        return summary
    finally:
        serve.send_signal(signal.SIGTERM)
        serve.wait(PATIENCE)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(url: str) -> None:
    patience_ends = time.monotonic() + PATIENCE
    while True:
        try:
            urllib.request.urlopen(url, timeout=2).close()  # noqa: S310 - our own server
            return
        except (urllib.error.URLError, OSError):
            if time.monotonic() > patience_ends:
                raise
            time.sleep(0.1)


if __name__ == "__main__":
    sys.exit(main())
