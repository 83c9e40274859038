"""The message journal: who said what when, and what the answer was; and the envelopes that were kept."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel, Field

from ocpp_soap.central_system.kept import UNDERSTOOD, KeptEnvelope
from ocpp_soap.central_system.replaying import replay, text_of
from ocpp_soap.web.api.context import system
from ocpp_soap.web.api.listing import ListQuery, Next, Record, answer
from ocpp_soap.web.api.models import WarningModel
from ocpp_soap.web.api.problems import found
from ocpp_soap.web.api.values import Time

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
    next: Next


class MessageQuery(ListQuery):
    """Which messages; every condition has to hold."""

    charge_box_identity: str | None = Field(default=None, min_length=1)
    action: str | None = Field(default=None, min_length=1)
    outcome: str | None = Field(default=None, min_length=1)
    since: Time | None = None
    until: Time | None = None
    sort: Literal["at", "-at"] = Field(default="at", description="-: the latest first.")


class KeptMessageModel(Record):
    """A start, stop or meter value that was not understood, which its station does not send again."""

    id: str
    at: datetime
    action: str
    outcome: str = Field(description="The subcode of the fault, or unread_value: answered, but not all read.")
    state: str = Field(description="kept, or replayed once it was understood.")
    charge_box_identity: str | None
    peer: str | None
    size: int = Field(description="Bytes of the envelope.")
    replayed_at: datetime | None
    is_unproven: bool = Field(description="It did not prove what its station must: anyone may have sent it.")


class KeptMessage(BaseModel):
    """A kept message with its envelope."""

    message: KeptMessageModel
    request: str = Field(description="The envelope as it came.")


class KeptMessagePage(BaseModel):
    """Some kept messages."""

    items: list[KeptMessageModel]
    next: Next


class KeptMessageQuery(ListQuery):
    """Which kept messages."""

    state: Literal["kept", "replayed"] | None = None
    sort: Literal["at", "-at"] = Field(default="at", description="-: the latest first.")


class ReplayedMessage(BaseModel):
    """How a message fared this time."""

    is_understood: bool
    outcome: str = Field(description="ok, the subcode of the fault that it got again, or unread_value.")
    message: KeptMessageModel


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
    return MessageModel.model_validate(found(system().journal.get(message_id), f"message {message_id}"))


@blueprint.get("/kept-messages")
@blueprint.input(KeptMessageQuery, location="query")
@blueprint.output(KeptMessagePage)
def list_kept_messages(query_data: KeptMessageQuery) -> Response:
    """List the starts, stops and meter values that were not understood, by time. They stay until they are removed."""

    def find(**page: Any) -> Any:
        return system().kept.list(state=query_data.state, descending=query_data.sort.startswith("-"), **page)

    return answer(KeptMessageModel, query_data, find)


@blueprint.get("/kept-messages/<message_id>")
@blueprint.output(KeptMessage)
@blueprint.doc(responses={404: "There is no such message."})
def get_kept_message(message_id: str) -> KeptMessage:
    """Read a kept message with its envelope."""
    kept = _kept(message_id)
    return KeptMessage(message=KeptMessageModel.model_validate(kept), request=text_of(system(), kept))


@blueprint.post("/kept-messages/<message_id>/replay")
@blueprint.output(ReplayedMessage)
@blueprint.doc(responses={404: "There is no such message."})
def replay_kept_message(message_id: str) -> ReplayedMessage:
    """Read a kept message again, when what was wrong is mended: a handler, a setting, a version.

    It need not prove again what its station must: look at `is_unproven` first.
    """
    outcome = replay(system(), _kept(message_id)).outcome
    message = KeptMessageModel.model_validate(_kept(message_id))
    return ReplayedMessage(is_understood=outcome == UNDERSTOOD, outcome=outcome, message=message)


@blueprint.delete("/kept-messages/<message_id>")
@blueprint.doc(responses={204: "It is gone.", 404: "There is no such message."})
def delete_kept_message(message_id: str) -> Response:
    """Remove a kept message. What a replay has stored stays."""
    _kept(message_id)
    system().kept.remove(message_id)
    return Response(status=204)


def _kept(message_id: str) -> KeptEnvelope:
    return found(system().kept.get(message_id), f"kept message {message_id}")
