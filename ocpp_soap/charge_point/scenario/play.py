"""Playing a scenario on each station of a fleet."""

from __future__ import annotations

import dataclasses
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from ocpp_soap.charge_point.fleet import Simulation
from ocpp_soap.charge_point.scenario.files import Scenario
from ocpp_soap.charge_point.scenario.runner import ENDED, ScenarioResult, run_scenario
from ocpp_soap.charge_point.scenario.stage import Line, Recorder, Stage
from ocpp_soap.charge_point.scheduler import LONGEST_WAIT
from ocpp_soap.charge_point.sender import Sender
from ocpp_soap.charge_point.simulation import SimulationOptions, Summary
from ocpp_soap.charge_point.station import Station
from ocpp_soap.config import Settings
from ocpp_soap.errors import ConfigurationError

MOST_AT_A_TIME = 64
"""How many stations play at a time; each takes a thread while it does."""


class ScenarioSimulation(Simulation):
    """A fleet whose stations play ``scenario``; ``results`` holds what came of it, in the order of the end."""

    reacts = False

    def __init__(self, scenario: Scenario, options: SimulationOptions, settings: Settings) -> None:
        if options.version not in scenario.versions:
            versions = ", ".join(str(version) for version in scenario.versions)
            raise ConfigurationError(f"scenario {scenario.name!r} is for OCPP {versions}, not {options.version}")
        self.scenario = scenario
        self.results: list[ScenarioResult] = []
        self._lines: dict[str, Line] = {}
        self._recorders: dict[str, Recorder] = {}
        configuration = {**scenario.station.configuration, **options.configuration}
        connectors = scenario.station.connectors or options.connectors
        super().__init__(dataclasses.replace(options, configuration=configuration, connectors=connectors), settings)

    def run(self, ended: threading.Event) -> None:
        """Play on all stations, one after the other over the ramp, until the duration is over if there is one.

        What ends it earlier, a KeyboardInterrupt too, ends the scenarios that run and fails those that wait.
        """
        duration = self.options.duration
        limit = threading.Timer(min(duration, LONGEST_WAIT), ended.set) if duration else None
        if limit is not None:
            limit.start()
        pool = ThreadPoolExecutor(min(len(self.drivers), MOST_AT_A_TIME), "scenario")
        try:
            began, interval = time.monotonic(), self.options.ramp / len(self.drivers)
            plays = []
            for number, stage in enumerate([self._stage(identity, ended) for identity in self.drivers]):
                ended.wait(min(began + number * interval - time.monotonic(), LONGEST_WAIT))
                plays.append(pool.submit(self._play, stage))
            for played in plays:
                played.result()
        finally:
            ended.set()
            if limit is not None:
                limit.cancel()
            pool.shutdown()
        self.leave()

    def leave(self) -> None:
        """End all sessions, with the line mended."""
        for line in self._lines.values():
            line.cut = False
        super().leave()

    def summary(self) -> Summary:
        """What came of it; each failed step is a problem, and each station that did not play to the end."""
        summary = super().summary()
        unplayed = self.drivers.keys() - {result.station for result in self.results}
        failures = [f"{result.station}: {result.failure}" for result in self.results if result.failure]
        failures += [f"{identity}: {ENDED}" for identity in sorted(unplayed)]
        failed = {result.station for result in self.results if result.failure} | unplayed
        others = [problem for problem in summary.problems if problem.partition(":")[0] not in failed]
        summary.problems = failures + others
        summary.ok = not summary.problems
        return summary

    def _play(self, stage: Stage) -> None:
        self.results.append(run_scenario(self.scenario, stage))

    def _stage(self, identity: str, ended: threading.Event) -> Stage:
        recorder = self._recorders[identity] = Recorder(ended)
        return Stage(self.drivers[identity].station, self._lines[identity], recorder, self.options.id_tag, ended)

    def _sender(self, identity: str) -> Sender:
        self._lines[identity] = Line(super()._sender(identity))
        return self._lines[identity]

    def _observe(self, station: Station, name: str, subject: Any) -> None:
        super()._observe(station, name, subject)
        recorder = self._recorders.get(station.charge_box_identity)
        if recorder is not None:
            recorder.observe(name, subject)
