"""Webhooks and the events that their receivers did not take. Both are for admins."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel, ConfigDict, Field

from ocpp_soap.web.api.context import key, system
from ocpp_soap.web.api.events import EventModel
from ocpp_soap.web.api.listing import ListQuery, Next, Record, answer
from ocpp_soap.web.api.problems import Problem, found
from ocpp_soap.web.api.values import Text

blueprint = APIBlueprint("webhooks", __name__, url_prefix="/api/v1", tag="Webhooks")


class WebhookModel(Record):
    """Where events are sent."""

    webhook_id: str
    url: str
    kinds: list[str] = Field(description="Only these; none: all.")
    charge_box_identity: str | None = Field(description="Only those of this station.")
    is_active: bool
    created_at: datetime
    created_by: str | None
    delivered: int = Field(description="Events that were taken.")
    dead: int = Field(description="Events that were not, however often they were tried.")
    failures: int = Field(description="Tries of the event that is next.")
    last_error: str | None
    last_delivered_at: datetime | None
    next_try_at: datetime | None
    is_slow: bool = Field(description="Its last try took over a second: it takes turns with the others that do.")


class NewWebhook(BaseModel):
    """A webhook to be made."""

    model_config = ConfigDict(extra="forbid")

    url: str = Field(max_length=2000, pattern=r"^https?://[^\s/]+(/\S*)?$", examples=["https://example.com/events"])
    kinds: list[Text] = Field(default=[], max_length=50, description="Only these; none: all.")
    charge_box_identity: str | None = Field(default=None, min_length=1, description="Only those of this station.")


class MadeWebhook(BaseModel):
    """A webhook with the secret that signs its requests, which is shown this once."""

    webhook: WebhookModel
    secret: str


class WebhookChange(BaseModel):
    """Pause, or go on."""

    model_config = ConfigDict(extra="forbid")

    is_active: bool


class WebhookPage(BaseModel):
    """Some webhooks."""

    items: list[WebhookModel]
    next: Next


class DeadLetterModel(Record):
    """An event that a receiver did not take."""

    letter_id: str
    webhook_id: str
    event: EventModel
    failed_at: datetime
    attempts: int
    error: str


class DeadLetterPage(BaseModel):
    """Some dead letters."""

    items: list[DeadLetterModel]
    next: Next


class DeadLetterQuery(ListQuery):
    """Whose dead letters."""

    webhook_id: str = Field(min_length=1)
    sort: Literal["failed_at", "-failed_at"] = Field(default="failed_at", description="-: the latest first.")


class Redelivery(BaseModel):
    """How sending a dead letter again went."""

    is_delivered: bool
    error: str | None


@blueprint.get("/webhooks")
@blueprint.input(ListQuery, location="query")
@blueprint.output(WebhookPage)
def list_webhooks(query_data: ListQuery) -> Response:
    """List the webhooks."""
    return answer(WebhookModel, query_data, system().webhooks.list)


@blueprint.post("/webhooks")
@blueprint.input(NewWebhook)
@blueprint.output(MadeWebhook, 201)
def create_webhook(json_data: NewWebhook) -> MadeWebhook:
    """Send the events from now on to a URL. The secret is in this answer and nowhere else."""
    try:
        made = system().webhooks.add(**json_data.model_dump(), by=key().actor)
    except ValueError as error:
        raise Problem(422, f"url: {error}") from error
    return MadeWebhook(webhook=WebhookModel.model_validate(made), secret=made.secret)


@blueprint.get("/webhooks/<webhook_id>")
@blueprint.output(WebhookModel)
@blueprint.doc(responses={404: "There is no such webhook."})
def get_webhook(webhook_id: str) -> WebhookModel:
    """Read a webhook: how far it is, and what its receiver answered."""
    return WebhookModel.model_validate(found(system().webhooks.get(webhook_id), f"webhook {webhook_id}"))


@blueprint.patch("/webhooks/<webhook_id>")
@blueprint.input(WebhookChange)
@blueprint.output(WebhookModel)
@blueprint.doc(responses={404: "There is no such webhook."})
def change_webhook(webhook_id: str, json_data: WebhookChange) -> WebhookModel:
    """Pause a webhook, or let it go on where it was, at once."""
    changed = system().webhooks.set_active(webhook_id, json_data.is_active)
    return WebhookModel.model_validate(found(changed, f"webhook {webhook_id}"))


@blueprint.delete("/webhooks/<webhook_id>")
@blueprint.doc(responses={204: "It is gone.", 404: "There is no such webhook."})
def delete_webhook(webhook_id: str) -> Response:
    """End a webhook and forget its dead letters."""
    if not system().webhooks.remove(webhook_id):
        raise Problem(404, f"There is no webhook {webhook_id}.")
    return Response(status=204)


@blueprint.get("/dead-letters")
@blueprint.input(DeadLetterQuery, location="query")
@blueprint.output(DeadLetterPage)
def list_dead_letters(query_data: DeadLetterQuery) -> Response:
    """List the events that the receiver of a webhook did not take."""

    def find(**page: Any) -> Any:
        descending = query_data.sort.startswith("-")
        return system().webhooks.dead_letters(query_data.webhook_id, descending=descending, **page)

    def read(letter: Any) -> DeadLetterModel:
        values = {name: getattr(letter, name) for name in DeadLetterModel.model_fields if name != "event"}
        return DeadLetterModel(event=EventModel.model_validate(letter.event_record), **values)

    return answer(DeadLetterModel, query_data, find, read)


@blueprint.post("/dead-letters/<letter_id>/redeliver")
@blueprint.output(Redelivery)
@blueprint.doc(responses={404: "There is no such dead letter."})
def redeliver(letter_id: str) -> Redelivery:
    """Send a dead letter again, now; it is forgotten if it is taken."""
    letter = found(system().webhooks.dead_letter(letter_id), f"dead letter {letter_id}")
    error = system().webhook_delivery.redeliver(letter)
    return Redelivery(is_delivered=not error, error=error or None)


@blueprint.delete("/dead-letters/<letter_id>")
@blueprint.doc(responses={204: "It is gone.", 404: "There is no such dead letter."})
def delete_dead_letter(letter_id: str) -> Response:
    """Forget a dead letter."""
    if not system().webhooks.bury(letter_id):
        raise Problem(404, f"There is no dead letter {letter_id}.")
    return Response(status=204)
