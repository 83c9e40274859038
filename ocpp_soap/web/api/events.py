"""The log of events: pages as JSON, and a stream of server-sent events."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from apiflask import APIBlueprint
from flask import Response, current_app, has_request_context, request
from pydantic import BaseModel, ConfigDict, Field

from ocpp_soap.central_system.events import EventPage
from ocpp_soap.web.api.context import STREAMS, key, system
from ocpp_soap.web.api.listing import Record, json_response
from ocpp_soap.web.api.problems import Problem
from ocpp_soap.web.api.records import Writer
from ocpp_soap.web.api.streams import BEGINNING, EVENT_STREAM, Read, Streams

blueprint = APIBlueprint("events", __name__, url_prefix="/api/v1", tag="Events")


class EventModel(Record):
    """One thing that happened."""

    event_id: str = Field(description="Comes with every repetition of it, so it tells what was seen already.")
    kind: str = Field(description="subject.verb, such as transaction.started.")
    at: datetime
    charge_box_identity: str | None
    data: dict[str, Any]


_write = Writer(EventModel)


class EventPageModel(BaseModel):
    """Some events, in the order in which they were stored."""

    items: list[EventModel]
    cursor: str | None = Field(description="Give it as `after`, now or later: what comes is new.")
    has_more: bool = Field(description="There is more to look through already.")


class EventQuery(BaseModel):
    """Which events."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(default=100, ge=1, le=1000)
    after: str | None = Field(
        default=None,
        min_length=1,
        max_length=4000,
        description="The cursor of a page or a stream of the same station and kinds. Without it a page begins with "
        "the oldest event, a stream with the next one.",
    )
    sort: Literal["at", "-at"] = Field(
        default="at", description="-: the latest first, on a page; `after` then goes back in time."
    )
    charge_box_identity: str | None = Field(default=None, min_length=1)
    kinds: str | None = Field(
        default=None, min_length=1, max_length=1000, description="Separated by commas, such as transaction.started."
    )


@blueprint.get("/events")
@blueprint.input(EventQuery, location="query")
@blueprint.output(EventPageModel)
def list_events(query_data: EventQuery) -> Response:
    """List events; with `Accept: text/event-stream`, be told of them for 30 s, from the cursor in Last-Event-ID on."""
    if _wants_stream():
        return _stream(query_data)
    page = _page(query_data, query_data.after)
    items = [_write(event) for event in page.items]
    return json_response({"items": items, "cursor": page.cursor, "has_more": page.has_more})


def _wants_stream() -> bool:
    """Whether the client does; one that does not say so may come by the short way, without a request of Flask's."""
    return (
        has_request_context()
        and request.accept_mimetypes.best_match(["application/json", EVENT_STREAM]) == EVENT_STREAM
    )


def _stream(query: EventQuery) -> Response:
    if query.sort != "at":
        raise Problem(422, "sort: a stream has the events in the order in which they are stored.")
    after = request.headers.get("Last-Event-ID") or query.after
    if after is None:
        after = system().events.list(limit=1, descending=True, **_filters(query)).cursor
    _page(query, after)
    streams: Streams = current_app.extensions[STREAMS]
    lines = streams.open(_reader(query), _place(after))
    if lines is None:
        raise Problem(503, f"{streams.most} streams are open here already.", Retry_After="5")
    response = Response(lines, content_type=f"{EVENT_STREAM}; charset=utf-8")
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Accel-Buffering"] = "no"
    return response


def _reader(query: EventQuery) -> Read:
    """Reads the events for a stream, as long as the key that opened it is valid."""
    events, filters = system().events, _filters(query)
    keys, key_id = system().api_keys, key().key_id

    def read(cursor: str | None) -> EventPage | None:
        return events.list(after=cursor, limit=100, **filters) if keys.is_valid(key_id) else None

    return read


def _page(query: EventQuery, after: str | None) -> EventPage:
    try:
        descending = query.sort.startswith("-")
        place = after if descending else _place(after)
        return system().events.list(after=place, limit=query.limit, descending=descending, **_filters(query))
    except ValueError as error:
        if after is None:
            raise
        raise Problem(422, "after: expected a cursor of the same station and kinds") from error


def _place(after: str | None) -> str | None:
    """The cursor of the log for what a client gives as one."""
    return None if after == BEGINNING else after


def _filters(query: EventQuery) -> dict[str, Any]:
    kinds = [kind.strip() for kind in (query.kinds or "").split(",") if kind.strip()]
    return {"charge_box_identity": query.charge_box_identity, "kinds": kinds}
