"""``soap.validation: strict``: a request is held against the schema of its service description."""

from __future__ import annotations

import threading
from typing import Any

from lxml import etree

from ocpp_soap.errors import ProtocolError
from ocpp_soap.messages import Role, Version
from ocpp_soap.soap import wsdl

_LONGEST_REASON = 500
_one_at_a_time = threading.Lock()
"""A schema of lxml keeps the reasons of its last validation, whichever thread it ran in."""


def validate(element: Any, role: Role, version: Version) -> None:
    """Raise ProtocolError with the schema's reason if ``element`` is not valid; it may repeat a text that was sent."""
    try:
        with _one_at_a_time:
            wsdl.schema(role, version).assertValid(element)
    except etree.DocumentInvalid as error:
        reason = str(error)
        if len(reason) > _LONGEST_REASON:
            reason = f"{reason[:_LONGEST_REASON]}…"
        raise ProtocolError(f"The request breaks the schema: {reason}", kind="schema") from None
