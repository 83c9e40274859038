"""Playing a scenario on one station."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from ocpp_soap.charge_point.scenario.files import Scenario
from ocpp_soap.charge_point.scenario.stage import Interrupted, Stage, StepFailed
from ocpp_soap.errors import OcppSoapError

ENDED = "the scenario was ended"
"""Why a step failed that was interrupted, or could not begin any more."""


@dataclass(frozen=True)
class StepResult:
    """How a step went: ``failure`` is empty if well, ``skipped`` if an earlier one failed."""

    title: str
    seconds: float = 0.0
    failure: str = ""
    skipped: bool = False


@dataclass
class ScenarioResult:
    """How a scenario went on one station, step by step."""

    scenario: str
    station: str
    steps: list[StepResult] = field(default_factory=list)

    @property
    def failure(self) -> str:
        """The first failure, with its step; empty: there was none."""
        return next((f"{step.title}: {step.failure}" for step in self.steps if step.failure), "")


def run_scenario(scenario: Scenario, stage: Stage) -> ScenarioResult:
    """Switch the station on, if there is still time, and take step after step; the first failure ends it."""
    result = ScenarioResult(scenario.name, stage.station.charge_box_identity)
    if not stage.ended.is_set():
        stage.station.start()
    for title, step in scenario.steps:
        if result.failure:
            result.steps.append(StepResult(title, skipped=True))
            continue
        started = time.monotonic()
        failure = ""
        try:
            step.run(stage)
        except (StepFailed, OcppSoapError) as error:
            failure = str(error)
        except Interrupted:
            failure = ENDED
        result.steps.append(StepResult(title, time.monotonic() - started, failure))
    return result
