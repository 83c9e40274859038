"""What every step of a scenario is."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

from pydantic import BaseModel, ConfigDict

from ocpp_soap.charge_point.scenario.stage import Interrupted, Stage


class Step(BaseModel):
    """One step. ``short``: the parameter that a step written as ``name: value`` means."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    short: ClassVar[str] = "connector"

    def run(self, stage: Stage) -> None:
        """Do it. Raises StepFailed if what it expects does not happen, Interrupted if the scenario was told to end."""
        if stage.ended.is_set():
            raise Interrupted
        self._run(stage)

    @abstractmethod
    def _run(self, stage: Stage) -> None: ...
