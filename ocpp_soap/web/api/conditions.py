"""ETag, If-Match and If-None-Match: a change that rests on what was read is refused if it is another by now.

An ETag is that of the stored document, a dot, and that of the body, which may say more: when a station was last seen. A
whole one answers a GET with If-None-Match; for a change the document counts, else a Heartbeat would refuse it.
"""

from __future__ import annotations

from typing import Any

from flask import Response, has_request_context, request
from pydantic import BaseModel

from ocpp_soap.central_system.records import digest
from ocpp_soap.storage.base import Stored
from ocpp_soap.web.api.problems import Problem

NOT_CHANGED = "It is what If-None-Match names."
"""What the description of a read that has an ETag says of 304."""
_OTHER = "If-Match names another content: read it again and decide anew."


def etag(stored: Stored) -> str:
    """The tag of a stored document; of one removed and made anew it is another."""
    return f"{stored.revision}-{digest(stored.document)[:12]}"


def tagged(model: BaseModel, stored: Stored, status: int = 200) -> Response:
    """A record with its ETag; 304 where If-None-Match names it already. Raises Problem 412 for another If-Match."""
    content = model.model_dump_json()
    response = Response(content, status, content_type="application/json")
    tag = f"{etag(stored)}.{digest(content)[:12]}"
    response.set_etag(tag)
    if has_request_context() and request.method in ("GET", "HEAD"):
        wanted = request.if_match
        if wanted and not (wanted.star_tag or wanted.is_strong(tag)):
            raise Problem(412, _OTHER)
        # Werkzeug, asked about If-Match too, finds that * names no content at all.
        response.make_conditional({name: value for name, value in request.environ.items() if name != "HTTP_IF_MATCH"})
    return response


def expected_revision(stored: Stored | None) -> int | None:
    """The revision that a change may replace, None for any.

    Raises Problem 412 if If-Match names another content, and if If-None-Match names this one or any.
    """
    if request.headers.get("If-Match"):
        if stored is None or not (request.if_match.star_tag or etag(stored) in _documents(request.if_match.as_set())):
            raise Problem(412, _OTHER)
    elif not request.headers.get("If-None-Match"):
        return None
    if stored is None:
        return None
    if request.if_none_match.star_tag or etag(stored) in _documents(request.if_none_match.as_set(include_weak=True)):
        raise Problem(412, "If-None-Match names what is there: read it and decide anew.")
    return stored.revision


def must_be_new() -> bool:
    """Whether a change is only to make what is not there: ``If-None-Match: *``."""
    return request.if_none_match.star_tag


def body(record: Any) -> dict[str, Any]:
    """The values that a JSON body gives, without those it leaves out."""
    return {name: getattr(record, name) for name in record.model_fields_set}


def _documents(etags: set[str]) -> set[str]:
    """The tags of the documents that ETags name."""
    return {tag.partition(".")[0] for tag in etags}
