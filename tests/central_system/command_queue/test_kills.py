"""Processes are killed at random while commands are under way; each is delivered exactly as its record says.

OCPP_SOAP_KILLS sets how often (``make test-commands``: 50 times, 500 commands to 100 stations).
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from ports import free_port

from ocpp_soap import config
from ocpp_soap.central_system import CentralSystem
from ocpp_soap.central_system.command_queue.record import Command
from ocpp_soap.errors import InternalError

KILLS = int(os.environ.get("OCPP_SOAP_KILLS", "5"))
COMMANDS = KILLS * 10
STATIONS = KILLS * 2

RECEIVED = {
    "answered": {1},
    "refused": {1},
    "unreachable": {0},
    "timed_out": {0, 1},
    "interrupted": {0, 1},
}
"""How often the message of an attempt with that outcome may have arrived."""


class Nursery:
    """Starts and kills processes."""

    def __init__(self, settings: Path, deliverers: list[str]) -> None:
        script = Path(__file__).with_name("nursery.py")
        self._process = subprocess.Popen(
            [sys.executable, str(script), str(settings)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._deliverers = deliverers
        self.workers: dict[int, str] = {}
        self.creator = 0

    def bear(self, task: str) -> int:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(task + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def fill(self) -> None:
        missing = Counter(self._deliverers) - Counter(self.workers.values())
        for task in missing.elements():
            self.workers[self.bear(task)] = task
        if not self.creator:
            self.creator = self.bear(f"creator {COMMANDS}")

    def kill_some(self) -> None:
        victim = random.choice(("worker", "worker", "creator", "all"))
        if victim == "worker":
            self._kill(random.choice(list(self.workers)))
        if victim == "all":
            for pid in list(self.workers):
                self._kill(pid, with_children=True)
        if victim in ("creator", "all"):
            with suppress(ProcessLookupError):
                os.kill(self.creator, signal.SIGKILL)
            self.creator = 0

    def _kill(self, pid: int, *, with_children: bool = False) -> None:
        """Kill a deliverer; ``serve`` as a whole or, if there is a choice, one of its workers."""
        if self.workers[pid] == "serve" and not with_children and random.random() < 0.5:
            workers = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            if len(workers) > 1:
                os.kill(int(random.choice(workers)), signal.SIGKILL)
                return
        kill = os.killpg if self.workers.pop(pid) == "serve" else os.kill
        kill(pid, signal.SIGKILL)

    def close(self) -> None:
        self._process.communicate(timeout=30)


@pytest.fixture
def settings(tmp_path: Path) -> Path:
    file = tmp_path / "settings.yaml"
    content = {
        "storage": {"file": {"path": str(tmp_path / "store.sqlite")}},
        "calls": {"timeout": 2, "allowed_networks": ["127.0.0.0/8"]},
        "commands": {"poll_interval": 0.1, "first_retry": 0.1, "longest_retry": 0.5, "workers": 16},
        "log": {"level": "error"},
        "server": {"host": "127.0.0.1", "port": free_port(), "workers": 2},
        "metrics": {"folder": str(tmp_path / "metrics")},
    }
    file.write_text(yaml.safe_dump(content))
    return file


@pytest.fixture
def system(settings: Path, site: Any, url_of: Any) -> Iterator[CentralSystem]:
    """The central system that looks on; a tenth of the stations is slow, refuses or is not there."""

    def refuse(call: Any) -> None:
        raise InternalError("refused")

    with CentralSystem.open(config.load(settings, {})) as made:
        for number in range(STATIONS):
            kind = {0: "SLOW", 1: "REFUSES", 2: "AWAY"}.get(number % 30, "CP")
            identity = f"{kind}{number:03d}"
            made.stations.allow(identity)
            made.stations.set_url(identity, "http://127.0.0.1:9/" if kind == "AWAY" else url_of(identity))
            if kind == "REFUSES":
                site.behave[identity] = refuse
            elif kind == "SLOW":
                site.behave[identity] = lambda call: time.sleep(0.5)
            else:
                site.behave[identity] = lambda call: time.sleep(random.uniform(0, 0.05))
        yield made


def every_command(system: CentralSystem) -> list[Command]:
    found: list[Command] = []
    after = None
    while True:
        page = system.command_queue.list(limit=500, after=after)
        found += page.items
        after = page.next
        if after is None:
            return found


@pytest.mark.timeout(600)
@pytest.mark.parametrize("deliverers", [["worker"] * 3, ["serve"]], ids=["library", "serve"])
def test_every_command_is_delivered_as_its_record_says(
    system: CentralSystem, settings: Path, site: Any, deliverers: list[str]
) -> None:
    nursery = Nursery(settings, deliverers)
    try:
        nursery.fill()
        for _ in range(KILLS):
            time.sleep(random.uniform(0.2, 0.8))
            nursery.kill_some()
            time.sleep(random.uniform(0.0, 0.2))
            nursery.fill()
        deadline = time.monotonic() + 120
        while True:
            commands = every_command(system)
            if len(commands) >= COMMANDS and not any(command.is_open for command in commands):
                break
            assert time.monotonic() < deadline, Counter(command.state for command in commands)
            time.sleep(0.2)
        time.sleep(2.5)
    finally:
        nursery.close()

    arrived = Counter(call.message_id for call in site.calls)
    recorded = {attempt.message_id: command for command in commands for attempt in command.attempts}
    outcomes = Counter(attempt.outcome for command in commands for attempt in command.attempts)
    print(f"\n{KILLS} kills, {len(commands)} commands: {Counter(c.state for c in commands)}, attempts: {outcomes}")

    assert len(commands) == COMMANDS
    assert set(arrived) <= set(recorded), "a station received what no record says"
    for command in commands:
        for attempt in command.attempts:
            assert arrived[attempt.message_id] in RECEIVED[attempt.outcome], (attempt, arrived[attempt.message_id])
        answered = [attempt for attempt in command.attempts if attempt.outcome == "answered"]
        expected = {"REFUS": "failed", "AWAY0": "failed", "AWAY1": "failed"}.get(
            command.charge_box_identity[:5], "done"
        )
        assert command.state == expected, command
        assert len(answered) == (expected == "done")

    order: dict[str, list[int]] = defaultdict(list)
    for call in site.calls:
        order[call.charge_box_identity].append(recorded[call.message_id].command_id)
    created = {command.command_id: command.created_at for command in commands}
    for station, numbers in order.items():
        times = [created[number] for number in numbers]
        assert times == sorted(times), f"{station} got its commands out of order"

    told: Counter[int] = Counter()
    after = None
    while True:
        page = system.events.list(limit=500, after=after)
        told.update(event.data["command_id"] for event in page.items if event.kind.startswith("command."))
        after = page.cursor
        if not page.has_more:
            break
    assert told == Counter(command.command_id for command in commands)
