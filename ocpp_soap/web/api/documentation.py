"""``/api/v1/openapi.json`` and a page to try the API, with Swagger UI's files from this installation."""

from __future__ import annotations

import re
from importlib.resources import files
from mimetypes import guess_type
from typing import Any, cast

from apiflask import APIFlask
from flask import Blueprint, Response, abort, jsonify

from ocpp_soap.web.api.access import required_role
from ocpp_soap.web.api.problems import MIME_TYPE, ProblemModel

blueprint = Blueprint("documentation", __name__, url_prefix="/api/v1")

DESCRIPTION = """\
What the central system knows and does. Send a key as `Authorization: Bearer TOKEN`. Times are RFC 3339 in UTC,
energies Wh. Lists come in pages: give `next` as `after` to go on; `format=csv` and `format=jsonl` stream everything.
A change may carry `If-Match` with the ETag of what was read; it is answered 412 if somebody else was first."""

ASSETS = frozenset({"swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png"})
POLICY = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'"
_REFERENCE = re.compile(r"#/components/schemas/[^/]*\.([^/.]+)$")

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>OCPP central system: API</title>
<link rel="stylesheet" href="docs/swagger-ui.css"><link rel="icon" href="docs/favicon-32x32.png"></head>
<body><div id="ui"></div><script src="docs/swagger-ui-bundle.js"></script><script src="docs/start.js"></script></body>
</html>
"""
START = 'SwaggerUIBundle({url: "openapi.json", dom_id: "#ui", persistAuthorization: true, tryItOutEnabled: true});\n'


def register(app: APIFlask) -> None:
    """Serve the description of the application and the page."""
    app.register_blueprint(blueprint)
    document: dict[str, Any] = {}

    def openapi() -> Response:
        if not document:
            document.update(_mended(app, cast("dict[str, Any]", app.spec)))
        return jsonify(document)

    app.add_url_rule("/api/v1/openapi.json", "documentation.openapi_json", openapi, provide_automatic_options=False)


@blueprint.get("/")
@blueprint.get("/docs")
def page() -> Response:
    """The page to try the API."""
    return Response(PAGE, content_type="text/html; charset=utf-8", headers={"Content-Security-Policy": POLICY})


@blueprint.get("/docs/<name>")
def asset(name: str) -> Response:
    """A file of the page."""
    if name == "start.js":
        return Response(START, content_type="text/javascript; charset=utf-8")
    if name not in ASSETS:
        abort(404)
    content = (files("flask_swagger_ui") / "dist" / name).read_bytes()
    return Response(content, mimetype=guess_type(name)[0], headers={"Cache-Control": "max-age=86400"})


def _mended(app: APIFlask, spec: dict[str, Any]) -> dict[str, Any]:
    """The generated description with one schema for each model, problems as they are sent, and keys."""
    schemas = {name.rpartition(".")[2]: schema for name, schema in spec["components"]["schemas"].items()}
    schemas = {name: schema for name, schema in schemas.items() if name not in ("HTTPError", "ValidationError")}
    schemas["Problem"] = ProblemModel.model_json_schema()
    spec = _with_short_references({**spec, "components": {"schemas": schemas}})
    for path, item in spec["paths"].items():
        for method, operation in item.items():
            _mend(operation, path, method, _blueprint_of(app, operation))
    spec["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
    spec["security"] = [{"key": []}]
    return spec


def _blueprint_of(app: APIFlask, operation: dict[str, Any]) -> str:
    tag = operation["tags"][0]
    return next(name for name, found in app.blueprints.items() if getattr(found, "tag", None) == tag)


def _mend(operation: dict[str, Any], path: str, method: str, blueprint_name: str) -> None:
    role = required_role(blueprint_name, method.upper())
    operation["operationId"] = re.sub(rf"^{method}_{blueprint_name}_", "", operation["operationId"])
    operation["description"] = f"{operation.get('description', '')}\n\nRole: {role.value}.".strip()
    responses = operation["responses"]
    of_bodies = ("400", "413") if "requestBody" in operation else ()
    for status in (*of_bodies, "401", "403", "422", "503"):
        responses.setdefault(status, {"description": _REASONS[status]})
    for status, response in responses.items():
        if int(status) >= 400:
            response["content"] = {MIME_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for parameter in operation.get("parameters", []):
        parameter["schema"] = _without_null(parameter["schema"])
        if "description" in parameter["schema"]:
            parameter["description"] = parameter["schema"].pop("description")
    if "412" in responses:
        operation.setdefault("parameters", []).extend([_IF_MATCH, _IF_NONE_MATCH] if method == "put" else [_IF_MATCH])
    if "304" in responses:
        operation.setdefault("parameters", []).append(_IF_CHANGED)
        responses["304"].pop("content", None)
    if "304" in responses or ("412" in responses and method != "delete"):
        for status in {"200", "201"} & responses.keys():
            responses[status]["headers"] = {"ETag": _ETAG}
    if operation["operationId"] == "list_events":
        operation["parameters"].append(_LAST_EVENT_ID)
        responses["200"]["content"] |= {"text/event-stream": _TEXT}
    if any(parameter["name"] == "format" for parameter in operation.get("parameters", [])):
        responses["200"]["content"] |= {"text/csv": _TEXT, "application/jsonl": _TEXT}
    if "requestBody" in operation:
        operation["requestBody"]["required"] = True


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """A query parameter is there or not; null is a matter of JSON."""
    choices = [choice for choice in schema.get("anyOf", []) if choice != {"type": "null"}]
    kept = {name: value for name, value in schema.items() if name != "anyOf" and (name, value) != ("default", None)}
    if len(choices) == 1:
        return {**kept, **choices[0]}
    return {**kept, "anyOf": choices} if choices else kept


def _with_short_references(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: _REFERENCE.sub(r"#/components/schemas/\1", item) if name == "$ref" else _with_short_references(item)
            for name, item in value.items()
        }
    return [_with_short_references(item) for item in value] if isinstance(value, list) else value


_TEXT = {"schema": {"type": "string"}}
_REASONS = {
    "400": "The body is no JSON, or nested too deeply.",
    "413": "The body is too large.",
    "401": "No valid key came with the request.",
    "403": "The key's role does not include this.",
    "422": "A value cannot be.",
    "503": "The store cannot answer now; Retry-After says when to ask again.",
}


def _header(name: str, description: str) -> dict[str, Any]:
    """The description of a header that a request may have."""
    return {"name": name, "in": "header", "required": False, "description": description, **_TEXT}


_IF_MATCH = _header("If-Match", "The ETag of what was read: the change is refused if it is another by now.")
_IF_NONE_MATCH = _header("If-None-Match", "`*`: it is made, and refused if it is there already.")
_IF_CHANGED = _header("If-None-Match", "The ETag of what is known already: it is not sent again (304).")
_LAST_EVENT_ID = _header(
    "Last-Event-ID", "The last `id` of the stream before: a stream goes on behind it. A page passes over it."
)
_ETAG = {"description": "Stands for this content; for `If-Match` and `If-None-Match`.", **_TEXT}
