"""Steps that do something: what the driver, the network and the station do."""

from __future__ import annotations

from pydantic import NonNegativeFloat, PositiveInt

from ocpp_soap.charge_point.scenario.stage import Stage, StepFailed
from ocpp_soap.charge_point.scenario.step import Step
from ocpp_soap.messages import ChargePointErrorCode


class Boot(Step):
    """Wait until the central system has accepted the station, after a restart anew."""

    short = "within"
    within: NonNegativeFloat = 30

    def _run(self, stage: Stage) -> None:
        registration, restarts = stage.station.registration, stage.station.restarts
        if not stage.recorder.wait_until(lambda: not restarts.pending and registration.accepted, self.within):
            raise StepFailed(f"the boot was not accepted within {self.within:g} s: {registration.last_answer}")


class Plug(Step):
    """Plug a cable in."""

    connector: PositiveInt = 1

    def _run(self, stage: Stage) -> None:
        stage.station.plug(stage.connector(self.connector).connector_id)


class Unplug(Step):
    """Take the cable out, which ends a session."""

    connector: PositiveInt = 1

    def _run(self, stage: Stage) -> None:
        stage.station.unplug(stage.connector(self.connector).connector_id)


class Tag(Step):
    """Present a tag (none named: the one of ``--id-tag``): it starts a session, or stops its own."""

    short = "id_tag"
    id_tag: str = ""
    connector: PositiveInt = 1

    def _run(self, stage: Stage) -> None:
        stage.station.present_tag(stage.connector(self.connector).connector_id, self.id_tag or stage.id_tag)


class Charge(Step):
    """Charge for some seconds; the session must begin within 15 s and not end by itself."""

    short = "seconds"
    seconds: NonNegativeFloat
    connector: PositiveInt = 1

    def _run(self, stage: Stage) -> None:
        connector = stage.connector(self.connector)
        if not stage.recorder.wait_until(lambda: connector.transaction is not None, 15):
            raise StepFailed(f"no session began on connector {self.connector}")
        stage.sleep(self.seconds)
        if connector.transaction is None:
            raise StepFailed(f"the session on connector {self.connector} ended too early")


class Stop(Step):
    """End the session without a tag, as by a button."""

    connector: PositiveInt = 1

    def _run(self, stage: Stage) -> None:
        stage.station.stop_transaction(stage.connector(self.connector).connector_id)


class Fault(Step):
    """Set the error of a connector, or of the station as 0; NoError ends it."""

    short = "error_code"
    error_code: ChargePointErrorCode
    connector: int = 1

    def _run(self, stage: Stage) -> None:
        if self.connector:
            stage.connector(self.connector)
        stage.station.fault(self.connector, self.error_code)


class Wait(Step):
    """Let time pass."""

    short = "seconds"
    seconds: NonNegativeFloat

    def _run(self, stage: Stage) -> None:
        stage.sleep(self.seconds)


class Offline(Step):
    """Cut the line, for some seconds or until ``online``."""

    short = "seconds"
    seconds: NonNegativeFloat | None = None

    def _run(self, stage: Stage) -> None:
        stage.line.cut, stage.station.reachable = True, False
        if self.seconds is not None:
            stage.sleep(self.seconds)
            Online().run(stage)


class Online(Step):
    """Mend the line."""

    def _run(self, stage: Stage) -> None:
        stage.line.cut, stage.station.reachable = False, True


class Reboot(Step):
    """End all sessions and start again, as by the power switch."""

    def _run(self, stage: Stage) -> None:
        stage.station.reset()
