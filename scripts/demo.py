"""``make demo``: a central system and three simulated charge points, charging after a remote start, in under a minute.

Every command is printed as it is run. What was stored stays in .run/demo until the next demo. Ends with 0 if every
charge point delivered one session with energy in it.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

FOLDER = Path(".run/demo")
CONFIG = FOLDER / "demo.yaml"
STATIONS = ("CP001", "CP002", "CP003")


class DemoFailed(Exception):
    """What did not happen that should have."""


def main() -> int:
    """Run the demo; the exit code."""
    started = time.monotonic()
    port = free_port()
    configure(port)
    central = f"http://127.0.0.1:{port}/Ocpp/CentralSystemService"
    simulate = ("simulate", "--central", central, "--id", STATIONS[0], "--count", str(len(STATIONS)))
    try:
        with running("serve") as server:
            wait_until("the central system answers", lambda: answers(f"http://127.0.0.1:{port}/healthz"), server)
            with running(*simulate, "--listen", f"127.0.0.1:{free_port()}") as simulator:
                wait_until("the charge points have booted", lambda: len(booted()) == len(STATIONS), simulator)
                charge(simulator)
        transactions = closed()
        run("transactions", "list")
        check(transactions)
    except DemoFailed as error:
        say(f"The demo failed: {error}")
        return 1
    say(f"Done in {time.monotonic() - started:.0f} s. To look closer:\n\n  {shown('stations', 'show', STATIONS[0])}\n")
    return 0


def configure(port: int) -> None:
    """A configuration of its own beside an empty store."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    CONFIG.write_text(
        f"server: {{host: 127.0.0.1, port: {port}, workers: 2}}\n"
        f"storage: {{file: {{path: {FOLDER / 'demo.sqlite'}}}}}\n"
        "calls: {allowed_networks: [127.0.0.0/8]}  # the charge points are on this machine\n"
        "log: {level: warning}\n"
    )


def charge(simulator: subprocess.Popen[bytes]) -> None:
    """Start a session on each charge point from afar, let it charge, stop it."""
    say("Starting a session on each charge point from the central system")
    for number, station in enumerate(STATIONS, start=1):
        run("tags", "add", f"TAG{number}")
        run("call", station, "RemoteStartTransaction", "--id-tag", f"TAG{number}", "--connector-id", "1")
    wait_until("every session has started", lambda: len(listed("open")) == len(STATIONS), simulator)
    say("Charging for 5 seconds")
    time.sleep(5)
    for transaction in listed("open"):
        identity, transaction_id = transaction["charge_box_identity"], str(transaction["transaction_id"])
        run("call", identity, "RemoteStopTransaction", "--transaction-id", transaction_id)
    wait_until("every session has ended", lambda: len(closed()) == len(STATIONS), simulator)


def check(transactions: list[dict[str, Any]]) -> None:
    """Raise DemoFailed if a session is not what it should be."""
    for transaction in transactions:
        if not transaction["energy"] or transaction["energy"] < 0 or transaction["inferred"]:
            raise DemoFailed(f"transaction {transaction['transaction_id']} has no energy or no stop: {transaction}")


def booted() -> list[dict[str, Any]]:
    """The charge points that sent a BootNotification."""
    return [station for station in data("stations", "list") if station["booted_at"]]


def listed(state: str) -> list[dict[str, Any]]:
    """The transactions of that state."""
    return data("transactions", "list", "--state", state)


def closed() -> list[dict[str, Any]]:
    """The transactions that were stopped."""
    return listed("closed")


def data(*command: str) -> list[dict[str, Any]]:
    """What a command prints as JSON."""
    done = subprocess.run(line(*command, "--json"), check=False, capture_output=True, text=True)
    if done.returncode:
        raise DemoFailed(f"{shown(*command)}: {done.stderr.strip()}")
    items: list[dict[str, Any]] = json.loads(done.stdout)
    return items


def run(*command: str) -> None:
    """Show and run a command."""
    say(f"$ {shown(*command)}")
    done = subprocess.run(line(*command), check=False)
    if done.returncode:
        raise DemoFailed(f"the command above ended with {done.returncode}")


@contextmanager
def running(*command: str) -> Iterator[subprocess.Popen[bytes]]:
    """Show a command and run it in the background; it is told to end afterwards and must do so in order."""
    say(f"$ {shown(*command)}")
    with (FOLDER / f"{command[0]}.log").open("w") as log:
        process = subprocess.Popen(line(*command), stdout=log, stderr=log)
        try:
            yield process
        finally:
            process.terminate()
            code = process.wait(timeout=15)
    if code:
        raise DemoFailed(f"{command[0]} ended with {code}; see {FOLDER / command[0]}.log")


def wait_until(what: str, condition: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    """Wait up to 20 s for a condition that ``process`` is to bring about; raises DemoFailed if that does not happen."""
    end = time.monotonic() + 20
    while not condition():
        if process.poll() is not None or time.monotonic() > end:
            raise DemoFailed(f"waited in vain until {what}; see the logs in {FOLDER}")
        time.sleep(0.5)


def answers(url: str) -> bool:
    """Whether a GET is answered with success."""
    try:
        with urlopen(url, timeout=2) as response:
            return bool(response.status == 200)
    except (URLError, OSError):
        return False


def free_port() -> int:
    """A TCP port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def line(*command: str) -> list[str]:
    """The command line with the demo's configuration."""
    return [sys.executable, "-m", "ocpp_soap", "--config", str(CONFIG), *command]


def shown(*command: str) -> str:
    """The same for copying."""
    return " ".join([".venv/bin/ocpp-soap", "--config", str(CONFIG), *command])


def say(text: str) -> None:
    """Print at once."""
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
