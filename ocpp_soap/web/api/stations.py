"""Stations, their connectors, and the history of these."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel, ConfigDict, Field

from ocpp_soap.central_system.collections import STATIONS
from ocpp_soap.central_system.stations import Station
from ocpp_soap.errors import AlreadyExists
from ocpp_soap.storage.base import Stored
from ocpp_soap.web.api import conditions
from ocpp_soap.web.api.context import key, system
from ocpp_soap.web.api.listing import ListQuery, answer
from ocpp_soap.web.api.models import ConnectorModel, ConnectorPage, SilenceModel, SilencePage, StationModel, StationPage
from ocpp_soap.web.api.problems import Problem, found

blueprint = APIBlueprint("stations", __name__, url_prefix="/api/v1", tag="Stations")


Identity = Annotated[str, Field(min_length=1, max_length=100)]


def _left_out(schema: dict[str, Any]) -> None:
    """A value that is left out of a change stays: a client must not send a default."""
    del schema["default"]


class StationQuery(ListQuery):
    """Which stations."""

    registration: Literal["accepted", "blocked", "held"] | None = None
    vendor: str | None = Field(default=None, min_length=1, description="The vendor in its BootNotification.")


class NewStation(BaseModel):
    """A station that is to be known before it speaks."""

    model_config = ConfigDict(extra="forbid")

    charge_box_identity: str = Field(min_length=1, max_length=100)
    registration: Literal["accepted", "blocked"] = "accepted"


class StationChange(BaseModel):
    """What is to change; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    registration: Literal["accepted", "blocked"] = Field(default="accepted", json_schema_extra=_left_out)
    set_url: str = Field(
        default="",
        json_schema_extra=_left_out,
        max_length=500,
        pattern=r"^$|^https?://[^\s/]+(/\S*)?$",
        description="Where it is called, whatever it says; empty: as it says.",
    )
    heartbeat_interval: int | None = Field(
        default=None,
        ge=1,
        le=86_400,
        json_schema_extra=_left_out,
        description="Seconds, told at its next boot; null: the general interval.",
    )


class LabelChange(BaseModel):
    """Which stations get a label, and which lose it."""

    model_config = ConfigDict(extra="forbid")

    add: list[Identity] = Field(default=[], max_length=1000)
    remove: list[Identity] = Field(default=[], max_length=1000)


class LabelModel(BaseModel):
    """The stations that have a label."""

    label: str
    charge_box_identities: list[str]


class ConnectorQuery(ListQuery):
    """Which connectors."""

    charge_box_identity: str | None = Field(default=None, min_length=1)
    status: str | None = Field(default=None, min_length=1, description="Such as Faulted; of any station only.")


class StatusQuery(ListQuery):
    """Which statuses."""

    charge_box_identity: str = Field(min_length=1)
    connector_id: int | None = Field(default=None, ge=0, le=2**31 - 1)
    sort: Literal["received_at", "-received_at"] = Field(default="received_at", description="-: the latest first.")


class SilenceQuery(ListQuery):
    """In which order."""

    sort: Literal["since", "-since"] = Field(default="since", description="-: the shortest silent first.")


@blueprint.get("/stations")
@blueprint.input(StationQuery, location="query")
@blueprint.output(StationPage)
def list_stations(query_data: StationQuery) -> Response:
    """List the stations, sorted by identity."""

    def find(**page: Any) -> Any:
        return system().stations.list(registration=query_data.registration, vendor=query_data.vendor, **page)

    return answer(StationModel, query_data, find)


@blueprint.post("/stations")
@blueprint.input(NewStation)
@blueprint.output(StationModel, 201)
@blueprint.doc(responses={409: "It is known already."})
def create_station(json_data: NewStation) -> Response:
    """Make a station known before it speaks."""
    identity = json_data.charge_box_identity
    try:
        system().stations.add(Station(charge_box_identity=identity, registration=json_data.registration))
    except AlreadyExists as error:
        raise Problem(409, f"{identity} is known already.") from error
    _decide(identity, json_data.registration)
    return _answer(identity, 201)


@blueprint.get("/stations/<whole:charge_box_identity>")
@blueprint.output(StationModel)
@blueprint.doc(responses={304: conditions.NOT_CHANGED, 404: "There is no such station."})
def get_station(charge_box_identity: str) -> Response:
    """Read a station."""
    return _answer(charge_box_identity)


@blueprint.patch("/stations/<whole:charge_box_identity>")
@blueprint.input(StationChange)
@blueprint.output(StationModel)
@blueprint.doc(responses={404: "There is no such station.", 412: "It was changed since it was read."})
def change_station(charge_box_identity: str, json_data: StationChange) -> Response:
    """Accept or block a station, set its address or its heartbeat interval."""
    stored = found(_stored(charge_box_identity), f"station {charge_box_identity}")
    revision = conditions.expected_revision(stored)
    values = conditions.body(json_data)
    system().stations.change(charge_box_identity, revision=revision, **values)
    if values.get("registration", stored.document["registration"]) != stored.document["registration"]:
        _decide(charge_box_identity, json_data.registration)
    return _answer(charge_box_identity)


@blueprint.get("/labels/<label>")
@blueprint.output(LabelModel)
def get_label(label: str) -> LabelModel:
    """List the stations that have a label."""
    return _label(label)


@blueprint.post("/labels/<label>")
@blueprint.input(LabelChange)
@blueprint.output(LabelModel)
def change_label(label: str, json_data: LabelChange) -> LabelModel:
    """Give stations a label, or take it from them; a command can be for all that have it."""
    labels = system().labels
    try:
        labels.add(label, json_data.add)
    except ValueError as error:
        raise Problem(422, str(error)) from error
    labels.remove(label, json_data.remove)
    return _label(label)


@blueprint.get("/silences")
@blueprint.input(SilenceQuery, location="query")
@blueprint.output(SilencePage)
def list_silences(query_data: SilenceQuery) -> Response:
    """List the stations that have gone silent, the longest silent first."""

    def find(**page: Any) -> Any:
        return system().silences.list(descending=query_data.sort.startswith("-"), **page)

    return answer(SilenceModel, query_data, find)


@blueprint.get("/connectors")
@blueprint.input(ConnectorQuery, location="query")
@blueprint.output(ConnectorPage)
def list_connectors(query_data: ConnectorQuery) -> Response:
    """List the connectors with their current status: of a station, of all stations, or those of one status."""
    identity, status = query_data.charge_box_identity, query_data.status

    def find(**page: Any) -> Any:
        return system().statuses.connectors(charge_box_identity=identity, status=status, **page)

    return answer(ConnectorModel, query_data, find)


@blueprint.get("/statuses")
@blueprint.input(StatusQuery, location="query")
@blueprint.output(ConnectorPage)
def list_statuses(query_data: StatusQuery) -> Response:
    """List every StatusNotification of a station or of one connector of it, in the order of arrival."""

    def find(**page: Any) -> Any:
        return system().statuses.history(
            query_data.charge_box_identity,
            connector_id=query_data.connector_id,
            descending=query_data.sort.startswith("-"),
            **page,
        )

    return answer(ConnectorModel, query_data, find)


def _label(label: str) -> LabelModel:
    return LabelModel(label=label, charge_box_identities=list(system().labels.stations(label)))


def _decide(charge_box_identity: str, registration: str) -> None:
    approval = system().approval
    decide = approval.approve if registration == "accepted" else approval.refuse
    decide(charge_box_identity, by=key().actor)


def _stored(charge_box_identity: str) -> Stored | None:
    return system().store.get(STATIONS, charge_box_identity)


def _answer(charge_box_identity: str, status: int = 200) -> Response:
    stored = found(_stored(charge_box_identity), f"station {charge_box_identity}")
    station = StationModel.model_validate(system().stations.show(charge_box_identity))
    return conditions.tagged(station, stored, status)
