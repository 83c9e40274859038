"""Answers of a station with quirks: a WSGI application around the one that answers properly."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from typing import Any

from lxml import etree

from ocpp_soap.charge_point.faults import Injection
from ocpp_soap.charge_point.quirks import Profile
from ocpp_soap.soap.namespaces import WSA

_HTML = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
_BOOLEANS = {"true": "1", "false": "0"}


class QuirkyAnswers:
    """Changes what ``application`` answers to POST as ``profile`` says; by chance it is an HTML page instead."""

    def __init__(self, application: Callable[..., Iterable[bytes]], profile: Profile, injection: Injection) -> None:
        self._application = application
        self._profile = profile
        self._html = injection.html
        self._chance = random.Random(injection.seed)  # noqa: S311 - not for secrets

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one HTTP request (PEP 3333)."""
        if environ["REQUEST_METHOD"] != "POST":
            return self._application(environ, start_response)
        if self._chance.random() < self._html:
            start_response("200 OK", [("Content-Type", "text/html"), ("Content-Length", str(len(_HTML)))])
            return [_HTML]
        environ.pop("HTTP_ACCEPT_ENCODING", None)
        started: list[Any] = []
        body = b"".join(self._application(environ, lambda *arguments: started.append(arguments)))
        status, headers, *_ = started[0]
        changed = self._change(body) if body.lstrip().startswith(b"<") else body
        kept = [(name, value) for name, value in headers if name.lower() != "content-length"]
        start_response(status, [*kept, ("Content-Length", str(len(changed)))])
        return [changed]

    def _change(self, body: bytes) -> bytes:
        root = etree.fromstring(body)
        header = next((child for child in root if etree.QName(child).localname == "Header"), None)
        if header is not None and not self._profile.answer_header:
            root.remove(header)
        elif header is not None and not self._profile.answer_relates_to:
            for element in header.findall(f"{{{WSA}}}RelatesTo"):
                header.remove(element)
        if self._profile.numeric_booleans:
            for element in root.iter("{*}readonly"):
                element.text = _BOOLEANS.get(element.text or "", element.text)
        changed: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8")
        return changed
