"""Persistent commands to stations."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from itertools import islice
from typing import Any, Literal

from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel, ConfigDict, Field

from ocpp_soap.central_system.command_queue.record import Command
from ocpp_soap.central_system.masking import masked, masked_text
from ocpp_soap.central_system.selection import read_conditions, select_stations
from ocpp_soap.errors import InvalidMessage
from ocpp_soap.web.api.context import key, system
from ocpp_soap.web.api.listing import ListQuery, Next, Record, answer
from ocpp_soap.web.api.problems import Problem, found
from ocpp_soap.web.api.values import Text, Time

blueprint = APIBlueprint("commands", __name__, url_prefix="/api/v1", tag="Commands")

MOST = 10_000
State = Literal["created", "queued", "sending", "done", "failed", "expired", "cancelled"]


class AttemptModel(Record):
    """One message to the station, with a MessageID of its own."""

    number: int
    message_id: str
    worker: str = Field(description="The machine and process that made it.")
    started_at: datetime
    ended_at: datetime | None
    outcome: str = Field(description="answered, unreachable, timed_out, refused, interrupted …")
    reason: str
    woken: str | None = Field(description="What the wake-up hook said after it failed.")


class CommandModel(Record):
    """A request to one station that survives restarts."""

    command_id: int
    charge_box_identity: str
    action: str
    payload: dict[str, Any] = Field(description="The fields of the request.")
    state: str = Field(description="created, queued, sending, done, failed, expired or cancelled.")
    deliver: str = Field(description="now, or on_next_contact: when the station speaks.")
    created_at: datetime
    created_by: str
    batch_id: int | None = Field(description="Commands created together share it.")
    deadline: datetime
    max_attempts: int
    timeout: float | None = Field(description="Seconds for one attempt; null: the general time.")
    due_at: datetime | None = Field(description="The next attempt; null: at the next contact.")
    attempts: list[AttemptModel]
    answer: dict[str, Any] | None = Field(description="The response of the station.")
    status: str | None = Field(description="The status in that response.")
    reason: str = Field(description="Why it ended without an answer.")
    closed_at: datetime | None


class CommandPage(BaseModel):
    """Some commands."""

    items: list[CommandModel]
    next: Next


class CommandQuery(ListQuery):
    """Which commands; every condition has to hold."""

    charge_box_identity: str | None = Field(default=None, min_length=1)
    state: State | None = None
    batch_id: int | None = Field(default=None, ge=1, le=2**31 - 1)
    sort: Literal["created_at", "-created_at"] = Field(default="created_at", description="-: the latest first.")


class NewCommand(BaseModel):
    """A command for one or many stations, 10,000 at most, named or chosen."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "action": "RemoteStartTransaction",
                "payload": {"id_tag": "04A2B3C4D5", "connector_id": 1},
                "charge_box_identities": ["CP001"],
            }
        },
    )

    action: str = Field(min_length=1, max_length=50, description="Such as RemoteStartTransaction.")
    payload: dict[str, Any] = Field(
        default={}, description="The fields of the request, named as here (id_tag) or as on the wire (idTag)."
    )
    charge_box_identities: list[Text] = Field(default=[], max_length=MOST, description="These stations, and:")
    where: list[Text] = Field(
        default=[],
        max_length=10,
        description="Every station that meets all of these, such as vendor=Acme, id=CP0*, label=berlin; accepted ones "
        "if registration is not named.",
    )
    deliver: Literal["now", "on_next_contact"] = "now"
    deadline: Time | None = Field(default=None, description="After it nothing is sent; null: the general one.")
    max_attempts: int | None = Field(default=None, ge=1, le=1000)
    timeout: float | None = Field(default=None, gt=0, le=600, description="Seconds for one attempt.")


class CreatedCommands(BaseModel):
    """The commands that were created, one for each station, in their order."""

    items: list[CommandModel]


def command_model(command: Command) -> CommandModel:
    """A command without secrets: the passwords of the file area, for one, are for the station alone."""
    shown = replace(
        command,
        payload=masked(command.payload),
        answer=masked(command.answer),
        reason=masked_text(command.reason),
        attempts=[replace(attempt, reason=masked_text(attempt.reason)) for attempt in command.attempts],
    )
    return CommandModel.model_validate(shown)


@blueprint.get("/commands")
@blueprint.input(CommandQuery, location="query")
@blueprint.output(CommandPage)
def list_commands(query_data: CommandQuery) -> Response:
    """List the commands in the order in which they were created."""

    def find(**page: Any) -> Any:
        return system().command_queue.list(
            charge_box_identity=query_data.charge_box_identity,
            state=query_data.state,
            batch_id=query_data.batch_id,
            descending=query_data.sort.startswith("-"),
            **page,
        )

    return answer(CommandModel, query_data, find, command_model)


@blueprint.post("/commands")
@blueprint.input(NewCommand)
@blueprint.output(CreatedCommands, 202)
@blueprint.doc(responses={404: "A station is not known."})
def create_commands(json_data: NewCommand) -> CreatedCommands:
    """Send a command to stations: it is stored, and delivered soon. Read it again, or the events, for its end."""
    try:
        created = system().command_queue.create(
            json_data.action,
            json_data.payload,
            _stations(json_data),
            deliver=json_data.deliver,
            deadline=json_data.deadline,
            max_attempts=json_data.max_attempts,
            timeout=json_data.timeout,
            by=key().actor,
        )
    except (InvalidMessage, ValueError) as error:
        raise Problem(422, str(error)) from error
    return CreatedCommands(items=[command_model(command) for command in created])


@blueprint.get("/commands/<int:command_id>")
@blueprint.output(CommandModel)
@blueprint.doc(responses={404: "There is no such command."})
def get_command(command_id: int) -> CommandModel:
    """Read a command with its attempts and its answer."""
    return command_model(found(system().command_queue.get(command_id), f"command {command_id}"))


@blueprint.post("/commands/<int:command_id>/cancel")
@blueprint.output(CommandModel)
@blueprint.doc(responses={404: "There is no such command."})
def cancel_command(command_id: int) -> CommandModel:
    """Withdraw a command. One that has ended stays as it is; one that is being sent is not sent again."""
    return command_model(found(system().command_queue.cancel(command_id, by=key().actor), f"command {command_id}"))


def _stations(asked: NewCommand) -> list[str]:
    """The stations that a command is for. Raises ValueError if there are none, or too many."""
    named = list(asked.charge_box_identities)
    if asked.where:
        chosen = select_stations(system().stations, system().labels, read_conditions(asked.where))
        named += [station.charge_box_identity for station in islice(chosen, MOST + 1)]
    if not 0 < len(named) <= MOST:
        raise ValueError(f"a command is for 1 to {MOST} stations; these are {'none' if not named else 'more'}")
    return named
