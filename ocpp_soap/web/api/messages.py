"""The message journal: who said what when, and what the answer was."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from apiflask import APIBlueprint
from flask import Response
from pydantic import AwareDatetime, BaseModel, Field

from ocpp_soap.web.api.context import system
from ocpp_soap.web.api.listing import ListQuery, Record, answer
from ocpp_soap.web.api.models import WarningModel
from ocpp_soap.web.api.problems import Problem

blueprint = APIBlueprint("messages", __name__, url_prefix="/api/v1", tag="Messages")


class MessageModel(Record):
    """One message with its answer, or a number of heartbeats."""

    id: str
    at: datetime
    action: str
    direction: str = Field(description="in: a station's request; out: one of ours.")
    outcome: str = Field(description="ok, the subcode of a fault, or what went wrong.")
    charge_box_identity: str | None
    version: str | None
    peer: str | None
    status: int | None = Field(description="The HTTP status.")
    milliseconds: float
    bytes_in: int
    bytes_out: int
    count: int = Field(description="Above 1 for heartbeats, which are counted together.")
    reason: str | None
    warnings: list[WarningModel]
    request: str | None = Field(description="The envelope, if `journal.envelopes` is on.")
    response: str | None = Field(description="The envelope, if `journal.envelopes` is on.")


class MessagePage(BaseModel):
    """Some messages."""

    items: list[MessageModel]
    next: str | None = Field(description="Give it as `after` to go on; null: there are no more.")


class MessageQuery(ListQuery):
    """Which messages; every condition has to hold."""

    charge_box_identity: str | None = Field(default=None, min_length=1)
    action: str | None = Field(default=None, min_length=1)
    outcome: str | None = Field(default=None, min_length=1)
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    sort: Literal["at", "-at"] = Field(default="at", description="-: the latest first.")


@blueprint.get("/messages")
@blueprint.input(MessageQuery, location="query")
@blueprint.output(MessagePage)
def list_messages(query_data: MessageQuery) -> Response:
    """List the messages by time. They are kept for `journal.keep_days`."""
    conditions = query_data.model_dump(include={"charge_box_identity", "action", "outcome", "since", "until"})

    def find(**page: Any) -> Any:
        return system().journal.list(**conditions, descending=query_data.sort.startswith("-"), **page)

    return answer(MessageModel, query_data, find)


@blueprint.get("/messages/<message_id>")
@blueprint.output(MessageModel)
@blueprint.doc(responses={404: "There is no such message."})
def get_message(message_id: str) -> MessageModel:
    """Read a message."""
    found = system().journal.get(message_id)
    if found is None:
        raise Problem(404, f"There is no message {message_id}.")
    return MessageModel.model_validate(found)
