"""What the functions of the API reach for: the central system, its settings, the key of this request."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from flask import current_app, g

from ocpp_soap.central_system.api_keys import ApiKey

if TYPE_CHECKING:
    from ocpp_soap.central_system.system import CentralSystem

EXTENSION = "ocpp_soap"
STREAMS = "ocpp_soap_streams"


def system() -> CentralSystem:
    """The central system that this application serves."""
    return cast("CentralSystem", current_app.extensions[EXTENSION])


def key() -> ApiKey:
    """The key of this request."""
    return cast(ApiKey, g.api_key)
