"""One request and its answer while they pass through the protocol: our lean stand-in for Spyne's MethodContext.

The attributes that Spyne's protocol steps read and write keep Spyne's names. See docs/adr/0002-lean-transport.md.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

from ocpp_soap.dispatch import Call, MessageWarning
from ocpp_soap.errors import Fault
from ocpp_soap.messages import Action, Version
from ocpp_soap.pending import Pending

Receive = Callable[[Call], Any]


class Exchange:
    """What is known of one request, filled in step by step.

    ``in_string``: the bytes received; ``in_document``: the envelope; ``in_body_doc``: the element that holds the
    request; ``in_object``: the request message; ``out_object``: the response message; ``out_error``: the fault
    instead; ``out_string``: the bytes to send, with the HTTP status ``status``; ``udc``: what answers a Call.
    ``in_document``, ``version`` and ``action`` are None until the envelope has been read and its operation found; of
    one that cannot be read, ``in_document`` is what its beginning tells. What the steps make is there from the step on
    that makes it. ``pending``: what the answer can wait for; None: nothing.
    ``again``: the request was answered before, but what was begun was not all stored.
    """

    descriptor: Any
    in_body_doc: Any
    in_object: Any
    method_request_string: str
    out_object: Any
    out_string: bytes
    status: int
    udc: Receive

    __slots__ = (
        "action",
        "again",
        "charset",
        "client_subject",
        "descriptor",
        "http_action",
        "identity",
        "in_body_doc",
        "in_document",
        "in_object",
        "in_string",
        "method_request_string",
        "out_error",
        "out_object",
        "out_string",
        "password",
        "peer",
        "pending",
        "received_at",
        "started",
        "status",
        "udc",
        "url_identity",
        "url_version",
        "username",
        "version",
        "warnings",
    )

    def __init__(  # noqa: PLR0917 - made for each request, and keywords take three times as long
        self,
        received_at: datetime,
        body: bytes = b"",
        charset: str = "",
        http_action: str = "",
        peer: str = "",
        url_identity: str = "",
        url_version: Version | None = None,
    ) -> None:
        self.received_at = received_at
        self.started = time.perf_counter()
        self.in_string = body
        self.charset = charset
        self.http_action = http_action
        self.peer = peer
        self.client_subject = self.username = self.password = ""
        self.url_identity = url_identity
        self.url_version = url_version
        self.warnings: list[MessageWarning] = []
        self.identity = ""
        self.version: Any = None
        self.action: Any = None
        self.in_document: Any = None
        self.out_error: Fault | None = None
        self.pending: Pending | None = None
        self.again = False

    def anew(self) -> Exchange:
        """The same request, to be answered again from the beginning by a thread that waits for what it stores."""
        anew = Exchange(
            self.received_at,
            self.in_string,
            self.charset,
            self.http_action,
            self.peer,
            self.url_identity,
            self.url_version,
        )
        anew.started = self.started
        anew.client_subject, anew.username, anew.password = self.client_subject, self.username, self.password
        anew.again = True
        return anew

    def call(self, action: Action, request: Any) -> Call:
        """The request as handlers get it."""
        headers = self.in_document.headers
        return Call(
            self.identity,
            self.version,
            action,
            request,
            self.received_at,
            headers.message_id,
            headers.sender,
            self.peer,
            self.client_subject,
            self.username,
            self.password,
            self.warnings,
            self.pending,
            self.again,
        )
