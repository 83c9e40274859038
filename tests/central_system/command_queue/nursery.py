"""Bears the processes of a central system that are to be killed: ``python nursery.py SETTINGS``.

Each line on stdin, ``worker``, ``serve`` or ``creator TOTAL``, forks one and prints its process id. Forking from a
process that has imported everything makes them quick to replace. They end with their nursery. ``serve`` is the program
itself with its workers, in a process group of its own.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

from ocpp_soap import config
from ocpp_soap.central_system import CentralSystem
from ocpp_soap.central_system.command_queue.mending import Mending
from ocpp_soap.central_system.command_queue.setup import make_workers
from ocpp_soap.central_system.duties import Duties
from ocpp_soap.central_system.fleet_collections import COMMANDS
from ocpp_soap.cli import main as main_of_program
from ocpp_soap.messages import Role, Version
from ocpp_soap.soap.client import client_for

MARGIN = 0.5
INTERVAL = 0.5
PATIENCE = 1.0


def work(system: CentralSystem) -> None:
    """Deliver commands, with leases and patience cut short."""
    workers = make_workers(system.command_queue, system.commands, system.stations, system.settings, margin=MARGIN)
    duties = Duties(system.store, interval=INTERVAL)
    duties.add("commands", Mending(system.store, system.command_queue, patience=PATIENCE).mend)
    system.background.add("commands", workers.run)
    system.background.add("duties", duties.run)
    system.start_workers()
    time.sleep(3600)


def serve(settings: str) -> None:
    """``ocpp-soap serve`` with leases and patience cut short, before its workers are forked."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for function, name, value in (
        (make_workers, "margin", MARGIN),
        (Duties.__init__, "interval", INTERVAL),
        (Mending.__init__, "patience", PATIENCE),
    ):
        assert function.__kwdefaults__ is not None
        assert name in function.__kwdefaults__
        function.__kwdefaults__[name] = value
    main_of_program(["--config", settings, "serve"], standalone_mode=False)


def create(system: CentralSystem, total: int) -> None:
    """Create commands, for one station or for several, until there are ``total``."""
    stations = [station.charge_box_identity for station in system.stations.list(limit=1000).items]
    while (missing := total - system.store.count(COMMANDS)) > 0:
        chosen = random.sample(stations, min(missing, random.choice((1, 1, 1, 5))))
        away = [station for station in chosen if station.startswith("AWAY")]
        here = [station for station in chosen if station not in away]
        for some, attempts in ((here, 50), (away, 3)):
            if some:
                payload = {"connector_id": random.randint(1, 9)}
                system.command_queue.create("UnlockConnector", payload, some, max_attempts=attempts)
        time.sleep(random.uniform(0.05, 0.25))


def bear(settings: config.Settings, task: str, total: int) -> int:
    child = os.fork()
    if task == "serve":
        os.setpgid(child, child)
    if child:
        return child
    if task == "serve":
        serve(sys.argv[1])
        os._exit(0)
    system = CentralSystem.open(settings)
    if task == "worker":
        work(system)
    else:
        create(system, total)
        system.close()
    os._exit(0)


def main() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    settings = config.load(Path(sys.argv[1]), {})
    client_for(Role.CHARGE_POINT, Version.V15)
    children = set()
    for line in sys.stdin:
        task, _, total = line.strip().partition(" ")
        child = bear(settings, task, int(total or 0))
        children.add(child)
        print(child, flush=True)
    for child in children:
        for kill in (os.kill, os.killpg):
            with suppress(ProcessLookupError):
                kill(child, signal.SIGKILL)


if __name__ == "__main__":
    main()
