"""The steps that a scenario file can hold, each with its parameters and what it does."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, PositiveInt

from ocpp_soap.charge_point.documents import from_document
from ocpp_soap.charge_point.scenario.stage import Stage, StepFailed, differs
from ocpp_soap.errors import OcppSoapError
from ocpp_soap.messages import ChargePointErrorCode, DataTransferRequest, Role, find_action


class Step(BaseModel):
    """One step. ``short``: the parameter that a step written as ``name: value`` means."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    short: ClassVar[str] = "connector"

    def run(self, stage: Stage) -> None:
        """Do it. Raises StepFailed if what it expects does not happen."""
        self._run(stage)

    @abstractmethod
    def _run(self, stage: Stage) -> None: ...


class Boot(Step):
    """Wait until the central system has accepted the station."""

    short = "within"
    within: NonNegativeFloat = 30

    def _run(self, stage: Stage) -> None:
        registration = stage.station.registration
        if not stage.recorder.wait_until(lambda: registration.accepted, self.within):
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


class DataTransfer(Step):
    """Send a DataTransfer (1.5 only) and compare the status of its answer, if one is named."""

    vendor_id: str
    message_id: str | None = None
    data: str | None = None
    status: str | None = None
    within: NonNegativeFloat = 30

    def _run(self, stage: Stage) -> None:
        answers: list[tuple[Any, OcppSoapError | None]] = []
        request = DataTransferRequest(vendor_id=self.vendor_id, message_id=self.message_id, data=self.data)
        stage.station.transfer_data(request, lambda response, error: answers.append((response, error)))
        if not stage.recorder.wait_until(lambda: bool(answers), self.within):
            raise StepFailed(f"no answer within {self.within:g} s")
        response, error = answers[0]
        if error is not None:
            raise StepFailed(str(error))
        if self.status is not None and str(response.status) != self.status:
            raise StepFailed(f"status is {response.status}, expected {self.status}")


class Expect(Step):
    """Wait for requests of the station that were answered; each is taken once, by the first step that expects it."""

    short = "sent"
    sent: str
    fields: dict[str, Any] = Field(default_factory=dict)
    answer: dict[str, Any] = Field(default_factory=dict)
    count: PositiveInt = 1
    within: NonNegativeFloat = 30

    def _run(self, stage: Stage) -> None:
        _check_action(Role.CENTRAL_SYSTEM, self.sent)
        for number in range(1, self.count + 1):
            taken = stage.recorder.take_sent(
                lambda e: e.action == self.sent and not differs(e.request, self.fields), self.within
            )
            if taken is None:
                others = ", ".join(stage.recorder.actions()[0]) or "nothing"
                raise StepFailed(
                    f"{self.sent} ({number} of {self.count}) was not sent within {self.within:g} s; sent: {others}"
                )
            difference = differs(taken.response, self.answer)
            if difference:
                raise StepFailed(f"the answer to {self.sent}: {difference}")


class ExpectNone(Step):
    """No such request is sent for some seconds."""

    short = "sent"
    sent: str
    seconds: NonNegativeFloat = 3

    def _run(self, stage: Stage) -> None:
        _check_action(Role.CENTRAL_SYSTEM, self.sent)
        if stage.recorder.take_sent(lambda e: e.action == self.sent, self.seconds) is not None:
            raise StepFailed(f"{self.sent} was sent")


class ExpectCall(Step):
    """Wait for a call of the central system, and compare it and what the station answered."""

    short = "action"
    action: str
    fields: dict[str, Any] = Field(default_factory=dict)
    answer: dict[str, Any] = Field(default_factory=dict)
    within: NonNegativeFloat = 120

    def _run(self, stage: Stage) -> None:
        _check_action(Role.CHARGE_POINT, self.action)
        taken = stage.recorder.take_called(
            lambda c: c.action == self.action and not differs(c.request, self.fields), self.within
        )
        if taken is None:
            others = ", ".join(stage.recorder.actions()[1]) or "nothing"
            raise StepFailed(f"{self.action} was not called within {self.within:g} s; called: {others}")
        difference = differs(taken.response, self.answer)
        if difference:
            raise StepFailed(f"the answer to {self.action}: {difference}")


class Answer(Step):
    """Answer the next calls of an action so, whatever the state of the station; without fields: as usual again."""

    short = "action"
    action: str
    fields: dict[str, Any] = Field(default_factory=dict)

    def _run(self, stage: Stage) -> None:
        action = _check_action(Role.CHARGE_POINT, self.action)
        stage.station.answers.pop(self.action, None)
        if self.fields:
            stage.station.answers[self.action] = from_document(action.response, self.fields)


class Check(Step):
    """Compare the states of connectors (0: the station) and configuration keys."""

    status: dict[int, str] = Field(default_factory=dict)
    configuration: dict[str, str] = Field(default_factory=dict)
    within: NonNegativeFloat = 5

    def _run(self, stage: Stage) -> None:
        if not stage.recorder.wait_until(lambda: not self._wrong(stage), self.within):
            raise StepFailed(self._wrong(stage))

    def _wrong(self, stage: Stage) -> str:
        for connector_id, expected in self.status.items():
            found = stage.station.status_of(connector_id)
            if str(found) != expected:
                return f"connector {connector_id} is {found}, expected {expected}"
        for key, expected in self.configuration.items():
            if stage.station.configuration.text(key) != expected:
                return f"{key} is {stage.station.configuration.text(key)}, expected {expected}"
        return ""


STEPS: dict[str, type[Step]] = {
    "boot": Boot,
    "plug": Plug,
    "unplug": Unplug,
    "tag": Tag,
    "charge": Charge,
    "stop": Stop,
    "fault": Fault,
    "wait": Wait,
    "offline": Offline,
    "online": Online,
    "reboot": Reboot,
    "data_transfer": DataTransfer,
    "expect": Expect,
    "expect_none": ExpectNone,
    "expect_call": ExpectCall,
    "answer": Answer,
    "check": Check,
}


def _check_action(receiver: Role, name: str) -> Any:
    action = find_action(receiver, name)
    if action is None:
        raise StepFailed(f"{name} is no action that a {receiver.value.replace('_', ' ')} receives")
    return action
