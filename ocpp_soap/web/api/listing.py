"""Lists: pages with a cursor as JSON, and everything that matches as a stream of CSV or JSON Lines."""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Annotated, Any, Literal, TypeVar

import orjson
from flask import Response, has_request_context, stream_with_context
from pydantic import BaseModel, ConfigDict, Field

from ocpp_soap.central_system.records import Listing
from ocpp_soap.web.api.context import key, system
from ocpp_soap.web.api.problems import Problem
from ocpp_soap.web.api.records import writer_of, written

PAGE = 100
AT_ONCE = 20
PAUSE = 0.0003
"""Seconds for which much reading lets go of the interpreter, after so many records: a thread that never does makes each
message of a station wait 5 ms for it."""
CSV = "text/csv"
JSON_LINES = "application/jsonl"
FORMULA = ("=", "+", "-", "@", "\t", "\r")

M = TypeVar("M", bound=BaseModel)


class Record(BaseModel):
    """What the API sends, read from a record of the central system."""

    model_config = ConfigDict(from_attributes=True)


class ListQuery(BaseModel):
    """What every list takes."""

    model_config = ConfigDict(extra="forbid")

    limit: int | None = Field(
        default=None, ge=1, le=1000, description="The most items of a page (default 100); of an export, in all."
    )
    after: str | None = Field(
        default=None, min_length=1, max_length=4000, description="The `next` of the page before: go on behind it."
    )
    format: Literal["json", "csv", "jsonl"] = Field(
        default="json", description="json: a page. csv, jsonl: a stream of everything that matches."
    )


Next = Annotated[str | None, Field(description="Give it as `after` to go on; null: there are no more.")]
Find = Callable[..., Listing[Any]]


def answer(model: type[M], query: ListQuery, find: Find, read: Callable[[Any], M] | None = None) -> Response:
    """A list as the query asks for it. ``find`` takes ``limit`` and ``after`` and returns a Listing."""
    if query.format == "json":
        write = (lambda item: written(read(item))) if read else writer_of(model)
        return json_response(_written_page(find, query.limit or 100, query.after, write))
    if not has_request_context():
        raise LookupError("an export has no short way")
    make = read or model.model_validate
    first = _page(find, PAGE, query.after)
    records = _limited((make(item) for item in _every(find, first)), query.limit)
    if query.format == "csv":
        return Response(stream_with_context(_csv(model, records)), content_type=f"{CSV}; charset=utf-8")
    lines = (record.model_dump_json() + "\n" for record in records)
    return Response(stream_with_context(lines), content_type=JSON_LINES)


def json_response(content: Any) -> Response:
    """Content as JSON; times in UTC end with Z."""
    return Response(orjson.dumps(content, option=orjson.OPT_UTC_Z), content_type="application/json")


def _written_page(find: Find, limit: int, after: str | None, write: Callable[[Any], Any]) -> dict[str, Any]:
    page = _page(find, min(limit, PAGE), after)
    items = [write(item) for item in page.items]
    while page.next is not None and len(items) < limit:
        time.sleep(PAUSE)
        page = find(limit=min(limit - len(items), PAGE), after=page.next)
        items += [write(item) for item in page.items]
    return {"items": items, "next": page.next}


def _page(find: Find, limit: int, after: str | None) -> Listing[Any]:
    try:
        return find(limit=limit, after=after)
    except ValueError as error:
        if after is None:
            raise
        raise Problem(422, "after: expected the `next` of a page of this same list with the same filters") from error


def _every(find: Find, page: Listing[Any]) -> Iterator[Any]:
    while True:
        for number, item in enumerate(page.items):
            if number % AT_ONCE == 0:
                time.sleep(PAUSE)
            yield item
        if page.next is None:
            return
        if not system().api_keys.is_valid(key().key_id):
            raise Problem(401, "The key was revoked while the export was sent.")
        page = find(limit=PAGE, after=page.next)


def _limited(records: Iterable[M], limit: int | None) -> Iterator[M]:
    for number, record in enumerate(records):
        if limit is not None and number >= limit:
            return
        yield record


def _csv(model: type[BaseModel], records: Iterable[BaseModel]) -> Iterator[str]:
    names = list(model.model_fields)
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(names)
    for record in records:
        values = record.model_dump(mode="json")
        writer.writerow([_cell(values[name]) for name in names])
        if buffer.tell() > 16_384:
            yield buffer.getvalue()
            buffer.seek(0)
            buffer.truncate()
    yield buffer.getvalue()


def _cell(value: Any) -> Any:
    """A value for a spreadsheet: parts and truth values as in JSON, and no text that it would take for a formula."""
    if isinstance(value, list | dict):
        return json.dumps(value, ensure_ascii=False) if value else ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value
