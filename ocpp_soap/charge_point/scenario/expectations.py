"""Steps that expect something: what is sent, answered and called, and the states that follow."""

from __future__ import annotations

from typing import Any

from pydantic import Field, NonNegativeFloat, PositiveInt

from ocpp_soap.charge_point.scenario.stage import Stage, StepFailed
from ocpp_soap.charge_point.scenario.step import Step
from ocpp_soap.charge_point.scenario.values import differs, message_of
from ocpp_soap.errors import OcppSoapError
from ocpp_soap.messages import Action, DataTransferRequest, Role, find_action


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
            stage.station.answers[self.action] = message_of(action.response, self.fields)


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
            if connector_id:
                stage.connector(connector_id)
            found = stage.station.status_of(connector_id)
            if str(found) != expected:
                return f"connector {connector_id} is {found}, expected {expected}"
        for key, expected in self.configuration.items():
            if stage.station.configuration.read([key])[1]:
                raise StepFailed(f"the station has no key {key}")
            if stage.station.configuration.text(key) != expected:
                return f"{key} is {stage.station.configuration.text(key)}, expected {expected}"
        return ""


def _check_action(receiver: Role, name: str) -> Action:
    action = find_action(receiver, name)
    if action is None:
        raise StepFailed(f"{name} is no action that a {receiver.value.replace('_', ' ')} receives")
    return action
