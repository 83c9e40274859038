"""The Flask application of the REST API."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING

from apiflask import APIFlask
from flask import Response, g, request
from werkzeug.routing import BaseConverter

from ocpp_soap import __version__
from ocpp_soap.web.api import (
    access,
    commands,
    configurations,
    documentation,
    events,
    files,
    keys,
    lists,
    messages,
    problems,
    reservations,
    stations,
    tags,
    transactions,
    webhooks,
)
from ocpp_soap.web.api.bodies import Json
from ocpp_soap.web.api.context import EXTENSION, STREAMS
from ocpp_soap.web.api.shortcut import Shortcut
from ocpp_soap.web.api.streams import Streams
from ocpp_soap.web.rest import ObserveRequest

if TYPE_CHECKING:
    from ocpp_soap.central_system.system import CentralSystem

LARGEST_BODY = 1_048_576
PARTS = (
    stations,
    tags,
    transactions,
    commands,
    reservations,
    lists,
    configurations,
    files,
    messages,
    events,
    webhooks,
    keys,
)


class Whole(BaseConverter):
    """The rest of a path, slashes included: an identity or an idTag may hold any character."""

    regex = r"[\s\S]+"
    part_isolating = False


def create(central_system: CentralSystem, observe: ObserveRequest | None = None) -> Shortcut:
    """The WSGI application of ``/api/v1``; it uses the central system and does not close it.

    ``observe`` is told of every request: operation, method, status, seconds.
    """
    app = APIFlask(__name__, title="OCPP central system", version=__version__, docs_path=None, spec_path=None)
    app.config.update(
        MAX_CONTENT_LENGTH=LARGEST_BODY,
        AUTO_OPERATION_ID=True,
        AUTO_404_RESPONSE=False,
        AUTO_SERVERS=False,
        DESCRIPTION=documentation.DESCRIPTION,
        PROPAGATE_EXCEPTIONS=False,
    )
    app.json = Json(app)
    app.extensions[EXTENSION] = central_system
    app.extensions[STREAMS] = Streams(central_system.settings.api.max_streams)
    app.url_map.converters["whole"] = Whole
    app.url_map.merge_slashes = False
    for blueprint in (*(module.blueprint for module in PARTS), keys.audit):
        app.register_blueprint(blueprint)
    if observe is not None:
        _observe(app, observe)
    problems.register(app)
    access.register(app)
    documentation.register(app)
    return Shortcut(app, observe)


def _observe(app: APIFlask, observe: ObserveRequest) -> None:
    @app.before_request
    def begin() -> None:
        g.began = perf_counter()

    @app.after_request
    def end(response: Response) -> Response:
        operation = (request.endpoint or "unknown").rpartition(".")[2]
        method = request.method if request.method in _METHODS else "other"
        observe(operation, method, response.status_code, perf_counter() - g.began)
        return response


_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
