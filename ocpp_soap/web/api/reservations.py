"""Reservations. Making and cancelling one asks the station and waits for its answer."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel, ConfigDict, Field

from ocpp_soap.web.api.context import key, system
from ocpp_soap.web.api.listing import ListQuery, Next, Record, answer
from ocpp_soap.web.api.problems import Problem, found
from ocpp_soap.web.api.values import Time

blueprint = APIBlueprint("reservations", __name__, url_prefix="/api/v1", tag="Reservations")

ASKS = {
    404: "There is no such station or reservation.",
    409: "It is not known where the station can be called.",
    424: "The station could not be asked, or gave no answer.",
}


class ReservationModel(Record):
    """A connector that is kept for a tag."""

    reservation_id: int
    charge_box_identity: str
    connector_id: int = Field(description="0: any.")
    id_tag: str
    parent_id_tag: str | None
    expiry_date: datetime
    state: str = Field(description="pending, accepted, refused, failed, used, cancelled or expired.")
    status: str | None = Field(description="What the station answered.")
    reason: str
    transaction_id: int | None = Field(description="The session that used it.")
    created_at: datetime
    created_by: str
    closed_at: datetime | None


class ReservationPage(BaseModel):
    """Some reservations."""

    items: list[ReservationModel]
    next: Next


class ReservationQuery(ListQuery):
    """Which reservations."""

    charge_box_identity: str | None = Field(default=None, min_length=1)
    state: Literal["pending", "accepted", "refused", "failed", "used", "cancelled", "expired"] | None = None
    sort: Literal["created_at", "-created_at"] = Field(default="created_at", description="-: the latest first.")


class NewReservation(BaseModel):
    """A reservation to ask for."""

    model_config = ConfigDict(extra="forbid")

    charge_box_identity: str = Field(min_length=1, max_length=100)
    connector_id: int = Field(ge=0, le=2**31 - 1, description="0: any.")
    id_tag: str = Field(min_length=1, max_length=20)
    expiry_date: Time


@blueprint.get("/reservations")
@blueprint.input(ReservationQuery, location="query")
@blueprint.output(ReservationPage)
def list_reservations(query_data: ReservationQuery) -> Response:
    """List the reservations in the order in which they were asked for."""

    def find(**page: Any) -> Any:
        return system().reservations.list(
            charge_box_identity=query_data.charge_box_identity,
            state=query_data.state,
            descending=query_data.sort.startswith("-"),
            **page,
        )

    return answer(ReservationModel, query_data, find)


@blueprint.post("/reservations")
@blueprint.input(NewReservation)
@blueprint.output(ReservationModel, 201)
@blueprint.doc(responses=ASKS)
def create_reservation(json_data: NewReservation) -> ReservationModel:
    """Ask a station to keep a connector for a tag; `state` says whether it does."""
    found(system().stations.get(json_data.charge_box_identity), f"station {json_data.charge_box_identity}")
    try:
        made = system().reservations.reserve(**json_data.model_dump(), by=key().actor)
    except ValueError as error:
        raise Problem(422, str(error)) from error
    return ReservationModel.model_validate(made)


@blueprint.get("/reservations/<int:reservation_id>")
@blueprint.output(ReservationModel)
@blueprint.doc(responses={404: "There is no such reservation."})
def get_reservation(reservation_id: int) -> ReservationModel:
    """Read a reservation."""
    known = system().reservations.get(reservation_id)
    return ReservationModel.model_validate(found(known, f"reservation {reservation_id}"))


@blueprint.post("/reservations/<int:reservation_id>/cancel")
@blueprint.output(ReservationModel)
@blueprint.doc(responses=ASKS)
def cancel_reservation(reservation_id: int) -> ReservationModel:
    """Cancel a reservation at its station. One that has ended stays as it is."""
    cancelled = system().reservations.cancel(reservation_id, by=key().actor)
    return ReservationModel.model_validate(found(cancelled, f"reservation {reservation_id}"))
