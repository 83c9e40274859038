"""The idTags."""

from __future__ import annotations

from typing import Any, Literal

from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel, ConfigDict, Field

from ocpp_soap.central_system.collections import TAGS
from ocpp_soap.central_system.records import fold, record_of
from ocpp_soap.central_system.tags import Tag
from ocpp_soap.errors import AlreadyExists
from ocpp_soap.storage.base import Stored
from ocpp_soap.web.api import conditions
from ocpp_soap.web.api.context import system
from ocpp_soap.web.api.listing import ListQuery, answer
from ocpp_soap.web.api.models import TagModel, TagPage
from ocpp_soap.web.api.problems import Problem, found
from ocpp_soap.web.api.values import Time

blueprint = APIBlueprint("tags", __name__, url_prefix="/api/v1", tag="Tags")


class TagQuery(ListQuery):
    """Which tags."""

    status: Literal["Accepted", "Blocked"] | None = None


class TagValues(BaseModel):
    """What a tag may do; what is left out gets its default."""

    model_config = ConfigDict(extra="forbid")

    status: Literal["Accepted", "Blocked"] = "Accepted"
    expiry_date: Time | None = Field(default=None, description="From then on it is answered Expired.")
    parent_id_tag: str | None = Field(default=None, min_length=1, max_length=100, description="Its group.")
    max_concurrent: int | None = Field(
        default=None, ge=0, le=2**31 - 1, description="Sessions it may have open; null: the general number, 0: any."
    )


@blueprint.get("/tags")
@blueprint.input(TagQuery, location="query")
@blueprint.output(TagPage)
def list_tags(query_data: TagQuery) -> Response:
    """List the idTags, sorted by their lower-case spelling."""

    def find(**page: Any) -> Any:
        return system().tags.list(status=query_data.status, **page)

    return answer(TagModel, query_data, find)


@blueprint.get("/tags/<whole:id_tag>")
@blueprint.output(TagModel)
@blueprint.doc(responses={304: conditions.NOT_CHANGED, 404: "There is no such tag."})
def get_tag(id_tag: str) -> Response:
    """Read a tag, in any letter case."""
    return _answer(found(_stored(id_tag), f"idTag {id_tag}"))


@blueprint.put("/tags/<whole:id_tag>")
@blueprint.input(TagValues)
@blueprint.output(TagModel)
@blueprint.doc(responses={201: "It was added.", 412: "It was changed since it was read, or is there already."})
def put_tag(id_tag: str, json_data: TagValues) -> Response:
    """Add a tag, or give the one of that spelling these values."""
    stored = _stored(id_tag)
    revision = conditions.expected_revision(stored)
    tag = Tag(id_tag=id_tag, added_at=stored.document.get("added_at") if stored else None, **json_data.model_dump())
    try:
        system().tags.add(tag, revision=revision, is_new=conditions.must_be_new())
    except AlreadyExists as error:
        raise Problem(412, "It is there by now: read it and decide anew.") from error
    except ValueError as error:
        raise Problem(422, str(error)) from error
    return _answer(found(_stored(id_tag), f"idTag {id_tag}"), 200 if stored else 201)


@blueprint.delete("/tags/<whole:id_tag>")
@blueprint.doc(responses={204: "It is gone.", 404: "There is no such tag.", 412: "It was changed since."})
def delete_tag(id_tag: str) -> Response:
    """Remove a tag; it is then an unknown one."""
    stored = found(_stored(id_tag), f"idTag {id_tag}")
    if not system().tags.remove(id_tag, revision=conditions.expected_revision(stored)):
        raise Problem(404, f"There is no idTag {id_tag}.")
    return Response(status=204)


def _stored(id_tag: str) -> Stored | None:
    key = fold(id_tag)
    return system().store.get(TAGS, key) if key else None


def _answer(stored: Stored, status: int = 200) -> Response:
    return conditions.tagged(TagModel.model_validate(record_of(Tag, stored.document)), stored, status)
