"""The short way of a read: the same function, without Flask around it, which costs more than most reads do.

A GET that can be answered is answered here. Whatever else comes - a change, a condition, a stream, an error of any
kind - goes the whole way through Flask, which words the errors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from inspect import unwrap
from time import perf_counter
from typing import Any, NamedTuple, get_type_hints
from urllib.parse import parse_qsl

from apiflask import APIFlask
from flask import Response
from pydantic import BaseModel

from ocpp_soap.errors import StorageError
from ocpp_soap.soap import http
from ocpp_soap.soap.http import Environ, StartResponse
from ocpp_soap.soap.peers import Peers
from ocpp_soap.web.api import access, problems
from ocpp_soap.web.api.context import EXTENSION
from ocpp_soap.web.rest import ObserveRequest

WHOLE_WAY = ("HTTP_IF_MATCH", "HTTP_IF_NONE_MATCH", "HTTP_IF_MODIFIED_SINCE", "HTTP_RANGE")
"""With one of these headers the answer depends on more than the path and the query."""


class View(NamedTuple):
    """A function of the API that reads: the model of its query, and what comes before it."""

    function: Callable[..., Any]
    query: type[BaseModel] | None
    blueprint: str
    operation: str


class Shortcut:
    """The WSGI application of the API. ``observe`` is told of what is answered here; Flask tells of the rest."""

    def __init__(self, app: APIFlask, observe: ObserveRequest | None) -> None:
        self._app = app
        self._observe = observe
        self._peers = Peers(app.extensions[EXTENSION].settings.server.trusted_proxies)
        self._paths = app.url_map.bind("localhost")
        self._views = {rule.endpoint: _view(app, rule.endpoint) for rule in app.url_map.iter_rules() if _reads(rule)}

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request (PEP 3333)."""
        if environ["REQUEST_METHOD"] != "GET" or _is_special(environ):
            return self._app(environ, start_response)
        began = perf_counter()
        try:
            view, response = self._read(environ)
        except Exception:  # whatever it is, Flask comes upon it again and tells
            return self._app(environ, start_response)
        if response.is_streamed:
            return self._app(environ, start_response)
        if self._observe is not None:
            self._observe(view.operation, "GET", response.status_code, perf_counter() - began)
        body = response.get_data()
        response.content_length = len(body)
        start_response(response.status, list(response.headers))
        return [body]

    def _read(self, environ: Environ) -> tuple[View, Response]:
        """The answer to a GET. Raises what the function does, and LookupError for what has no short way."""
        endpoint, values = self._paths.match(http.path_of(environ), "GET")
        view = self._views[endpoint]
        if view.query is not None:
            pairs = parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True)
            values = {**values, "query_data": view.query.model_validate(_only_once(pairs))}
        with self._app.app_context():
            try:
                peer = self._peers.address(environ)
                access.admit(environ.get("HTTP_AUTHORIZATION", ""), peer, view.blueprint, "GET")
                found = view.function(**values)
            except StorageError as error:
                found = problems.store_problem(error, environ.get("PATH_INFO", ""))
        if isinstance(found, BaseModel):
            found = Response(found.model_dump_json(), content_type="application/json")
        return view, found


def _reads(rule: Any) -> bool:
    return "GET" in rule.methods and rule.endpoint not in access.PUBLIC and "." in rule.endpoint


def _view(app: APIFlask, endpoint: str) -> View:
    function = unwrap(app.view_functions[endpoint])
    blueprint, _, operation = endpoint.rpartition(".")
    return View(function, get_type_hints(function).get("query_data"), blueprint, operation)


def _is_special(environ: Environ) -> bool:
    """Whether the headers ask for more than the plain answer, or the address has bytes that are no text."""
    return (
        any(name in environ for name in WHOLE_WAY)
        or "event-stream" in environ.get("HTTP_ACCEPT", "").lower()
        or not environ.get("QUERY_STRING", "").isascii()
        or not environ.get("PATH_INFO", "").isascii()
    )


def _only_once(pairs: list[tuple[str, str]]) -> dict[str, str]:
    """The values of a query by name. Raises LookupError for what Flask reads in its own way."""
    values = dict(pairs)
    if len(values) != len(pairs) or any("\ufffd" in value for value in values.values()):
        raise LookupError("a name twice, or bytes that are no text")
    return values
