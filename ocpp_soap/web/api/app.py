"""The Flask application of the REST API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apiflask import APIFlask
from werkzeug.routing import BaseConverter

from ocpp_soap import __version__
from ocpp_soap.web.api import access, documentation, keys, problems, stations, tags, transactions
from ocpp_soap.web.api.context import EXTENSION

if TYPE_CHECKING:
    from ocpp_soap.central_system.system import CentralSystem

LARGEST_BODY = 1_048_576


class Whole(BaseConverter):
    """The rest of a path, slashes included: an identity or an idTag may hold any character."""

    regex = ".+"
    part_isolating = False


def create(central_system: CentralSystem) -> APIFlask:
    """The WSGI application of ``/api/v1``; it uses the central system and does not close it."""
    app = APIFlask(__name__, title="OCPP central system", version=__version__, docs_path=None, spec_path=None)
    app.config.update(
        MAX_CONTENT_LENGTH=LARGEST_BODY,
        AUTO_OPERATION_ID=True,
        AUTO_404_RESPONSE=False,
        AUTO_SERVERS=False,
        DESCRIPTION=documentation.DESCRIPTION,
        PROPAGATE_EXCEPTIONS=False,
    )
    app.extensions[EXTENSION] = central_system
    app.url_map.converters["whole"] = Whole
    app.url_map.merge_slashes = False
    for blueprint in (*(module.blueprint for module in (stations, tags, transactions, keys)), keys.audit):
        app.register_blueprint(blueprint)
    problems.register(app)
    access.register(app)
    documentation.register(app)
    return app
