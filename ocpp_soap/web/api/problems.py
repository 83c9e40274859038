"""Errors as ``application/problem+json`` (RFC 9457): what was wrong, in one sentence, and where."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, TypeVar
from uuid import uuid4

import structlog
from apiflask import APIFlask, HTTPError
from flask import Response, request
from pydantic import BaseModel, Field

from ocpp_soap.errors import (
    AlreadyExists,
    CallFailed,
    DocumentTooLarge,
    InvalidMessage,
    NoAddress,
    NotFound,
    RevisionConflict,
    StorageError,
)
from ocpp_soap.web.api.bodies import DEEPEST

T = TypeVar("T")

MIME_TYPE = "application/problem+json"
STORE_RETRY = 5
NO_CALL = 424
"""A station did not do its part: nothing that this server could mend, so no 5xx."""

_log = structlog.get_logger("ocpp_soap.web.api")


class ProblemModel(BaseModel):
    """What went wrong (RFC 9457)."""

    type: str = Field(description="A URI that names the kind of problem; about:blank: the status says it all.")
    title: str = Field(description="The meaning of the status.")
    status: int = Field(description="The HTTP status.")
    detail: str | None = Field(default=None, description="One sentence about this occurrence.")
    errors: dict[str, dict[str, list[str]]] | None = Field(
        default=None, description="What is wrong with each value, by its place (query, json) and its name."
    )


class Problem(Exception):
    """Ends the request with a status and one sentence."""

    def __init__(self, status: int, detail: str, **headers: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


def found(value: T | None, what: str) -> T:
    """The value, or Problem 404 where there is none."""
    if value is None:
        raise Problem(404, f"There is no {what}.")
    return value


def problem(status: int, detail: str = "", *, errors: Any = None, headers: Mapping[str, str] | None = None) -> Response:
    """The answer of a problem."""
    body: dict[str, Any] = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status}
    if detail:
        body["detail"] = detail
    if errors:
        body["errors"] = errors
    return Response(json.dumps(body), status, dict(headers or {}), content_type=MIME_TYPE)


def store_problem(error: StorageError, path: str) -> Response:
    """The answer where the store has none."""
    _log.warning("the store cannot answer", path=path, error=str(error))
    return problem(503, "The store cannot answer now.", headers={"Retry-After": str(STORE_RETRY)})


def register(app: APIFlask) -> None:
    """Make every error of the application a problem document."""

    @app.error_processor
    def http_error(error: HTTPError) -> Response:
        headers = {name: str(value) for name, value in dict(error.headers or {}).items() if name != "Content-Type"}
        if error.detail:
            return problem(error.status_code, "The request has values that cannot be.", errors=error.detail)
        return problem(error.status_code, _SENTENCES.get(error.status_code, ""), headers=headers)

    @app.errorhandler(Problem)
    def own_problem(error: Problem) -> Response:
        return problem(error.status, error.detail, headers=error.headers)

    @app.errorhandler(NotFound)
    def not_found(error: NotFound) -> Response:
        return problem(404, str(error))

    @app.errorhandler(AlreadyExists)
    def exists(error: AlreadyExists) -> Response:
        return problem(409, str(error))

    @app.errorhandler(RevisionConflict)
    def conflict(_: RevisionConflict) -> Response:
        return problem(412, "It was changed since you read it: read it again and decide anew.")

    @app.errorhandler(CallFailed)
    def call_failed(error: CallFailed) -> Response:
        return problem(409 if isinstance(error, NoAddress) else NO_CALL, str(error))

    @app.errorhandler(InvalidMessage)
    @app.errorhandler(DocumentTooLarge)
    def invalid(error: InvalidMessage | DocumentTooLarge) -> Response:
        return problem(422, str(error))

    @app.errorhandler(StorageError)
    def store(error: StorageError) -> Response:
        return store_problem(error, request.path)

    @app.errorhandler(Exception)
    def unexpected(_: Exception) -> Response:
        reference = uuid4().hex[:12]
        _log.exception("a request of the API failed", path=request.path, method=request.method, reference=reference)
        return problem(500, f"This should not have happened; the log tells more under {reference}.")


_SENTENCES = {
    400: f"The request cannot be understood; a body has to be a JSON object, nested no deeper than {DEEPEST} levels.",
    404: "There is nothing at this path; /api/v1/openapi.json lists what there is.",
    405: "This path does not have that method; Allow lists those it has.",
    413: "The body is too large.",
}
