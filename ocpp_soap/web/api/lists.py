"""The local authorisation lists of the stations."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel, ConfigDict, Field

from ocpp_soap.central_system.local_list import Difference
from ocpp_soap.web.api.context import system
from ocpp_soap.web.api.listing import ListQuery, Next, Record, answer
from ocpp_soap.web.api.problems import Problem, found

blueprint = APIBlueprint("lists", __name__, url_prefix="/api/v1", tag="Lists")


class LocalListModel(BaseModel):
    """The list of a station as last known."""

    charge_box_identity: str
    state: str = Field(description="in_sync: as the tags were at synced_at; unknown, failed or unsupported.")
    version: int
    entries: int = Field(description="How many.")
    synced_at: datetime | None
    reason: str


class LocalListPage(BaseModel):
    """Some lists."""

    items: list[LocalListModel]
    next: Next


class LocalListQuery(ListQuery):
    """Which lists."""

    state: Literal["unknown", "in_sync", "failed", "unsupported"] | None = None


class ListDifferenceModel(Record):
    """What a synchronisation would change: the tags."""

    added: list[str]
    changed: list[str]
    removed: list[str]


class ListDifferenceQuery(BaseModel):
    """Of which station."""

    model_config = ConfigDict(extra="forbid")

    charge_box_identity: str = Field(min_length=1)


class SyncRequest(BaseModel):
    """Which list is to be made equal to the tags."""

    model_config = ConfigDict(extra="forbid")

    charge_box_identity: str = Field(min_length=1, max_length=100)
    full: bool = Field(default=False, description="Send all of it, whatever is known.")
    chunk: int | None = Field(default=None, ge=1, le=10_000, description="The most entries of one message.")


@blueprint.get("/lists")
@blueprint.input(LocalListQuery, location="query")
@blueprint.output(LocalListPage)
def list_local_lists(query_data: LocalListQuery) -> Response:
    """List the local authorisation lists, by station."""

    def find(**page: Any) -> Any:
        return system().local_lists.list(state=query_data.state, **page)

    return answer(LocalListModel, query_data, find, _model)


@blueprint.get("/lists/<whole:charge_box_identity>")
@blueprint.output(LocalListModel)
@blueprint.doc(responses={404: "It was never synchronised."})
def get_local_list(charge_box_identity: str) -> LocalListModel:
    """Read what is known of the list of a station."""
    known = system().local_lists.get(charge_box_identity)
    if known is None:
        raise Problem(404, f"The list of {charge_box_identity} was never synchronised.")
    return _model(known)


@blueprint.get("/list-difference")
@blueprint.input(ListDifferenceQuery, location="query")
@blueprint.output(ListDifferenceModel)
def get_list_difference(query_data: ListDifferenceQuery) -> ListDifferenceModel:
    """Tell what a synchronisation would change."""
    difference: Difference = system().local_lists.difference(query_data.charge_box_identity)
    parts = {name: [entry.id_tag for entry in getattr(difference, name)] for name in ListDifferenceModel.model_fields}
    return ListDifferenceModel(**parts)


@blueprint.post("/lists/sync")
@blueprint.input(SyncRequest)
@blueprint.output(LocalListModel)
@blueprint.doc(
    responses={
        404: "There is no such station.",
        409: "It is not known where the station can be called.",
        424: "The station could not be asked, or gave no answer.",
    }
)
def sync_list(json_data: SyncRequest) -> LocalListModel:
    """Make the list of a station equal to the tags, and wait until it has answered."""
    found(system().stations.get(json_data.charge_box_identity), f"station {json_data.charge_box_identity}")
    synced = system().local_lists.sync(json_data.charge_box_identity, full=json_data.full, chunk=json_data.chunk)
    return _model(synced)


def _model(known: Any) -> LocalListModel:
    values = {name: getattr(known, name) for name in LocalListModel.model_fields}
    return LocalListModel(**{**values, "entries": len(known.entries)})
