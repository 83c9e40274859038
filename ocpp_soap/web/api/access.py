"""Who asks, what they may do, and the audit trail of what they changed."""

from __future__ import annotations

from typing import Any

import structlog
from apiflask import APIFlask
from flask import Response, g, request
from werkzeug.exceptions import HTTPException

from ocpp_soap.central_system.api_keys import ApiKey, Role, bearer_token
from ocpp_soap.errors import StorageError
from ocpp_soap.soap.peers import Peers
from ocpp_soap.web.api.context import system
from ocpp_soap.web.api.problems import Problem

PUBLIC = frozenset({"documentation.openapi_json", "documentation.page", "documentation.asset"})
ADMIN_ONLY = frozenset({"keys", "audit", "webhooks"})
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
LONGEST_VALUE = 1_000

_log = structlog.get_logger("ocpp_soap.web.api")


def required_role(blueprint: str | None, method: str) -> Role:
    """The role that a method of a part of the API needs."""
    if blueprint in ADMIN_ONLY:
        return Role.ADMIN
    return Role.READ if method in SAFE_METHODS else Role.OPERATE


def register(app: APIFlask) -> None:
    """Let no request in without a key of the role it needs, and write the changes into the audit trail."""
    peers = Peers(app.extensions["ocpp_soap"].settings.server.trusted_proxies)

    @app.before_request
    def check() -> None:
        g.peer = peers.address(request.environ)
        if request.endpoint in PUBLIC:
            return
        admit(request.headers.get("Authorization", ""), g.peer, request.blueprint, request.method)

    @app.after_request
    def audit(response: Response) -> Response:
        if request.method not in SAFE_METHODS and "api_key" in g:
            _write(g.api_key, response.status_code)
        return response


def admit(authorization: str, peer: str, blueprint: str | None, method: str) -> None:
    """Let a request in by its key. Raises Problem: 401 without a valid key, 403 if its role does not include this."""
    g.api_key = _authenticate(authorization, peer)
    role = required_role(blueprint, method)
    if not g.api_key.may(role):
        raise Problem(403, f"The key {g.api_key.name} has the role {g.api_key.role}; this needs {role.value}.")


def _authenticate(authorization: str, peer: str) -> ApiKey:
    found = system().api_keys.authenticate(bearer_token(authorization), peer)
    if found is None:
        raise Problem(
            401,
            "Send a valid key as `Authorization: Bearer TOKEN`; `ocpp-soap keys add NAME` makes one.",
            WWW_Authenticate='Bearer realm="ocpp-soap"',
        )
    return found


def _write(key: ApiKey, status: int) -> None:
    try:
        data = request.get_json(silent=True, force=True)
    except HTTPException:
        data = None
    try:
        target = request.path.removeprefix("/api/v1")
        system().audit.add(key.actor, request.method, target, address=g.peer, status=status, data=_kept(data))
    except (StorageError, ValueError) as error:
        _log.error("the audit trail could not be written", actor=key.actor, path=request.path, error=str(error))


def _kept(data: Any) -> dict[str, Any]:
    """The top level of a JSON body as it is kept: long values left out."""
    if not isinstance(data, dict):
        return {}
    kept = {name: value for name, value in data.items() if len(repr(value)) <= LONGEST_VALUE}
    return dict(list(kept.items())[:50])
