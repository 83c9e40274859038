"""``soap.validation: strict``: a request is held against the schema of its service description."""

from __future__ import annotations

import threading
from typing import Any

from lxml import etree

from ocpp_soap.errors import ProtocolError
from ocpp_soap.messages import Role, Version
from ocpp_soap.soap import wsdl

_one_at_a_time = threading.Lock()
"""A schema of lxml keeps the reasons of its last validation, whichever thread it ran in."""


def validate(element: Any, role: Role, version: Version) -> None:
    """Raise ProtocolError with the schema's reason if ``element`` is not valid."""
    try:
        with _one_at_a_time:
            wsdl.schema(role, version).assertValid(element)
    except etree.DocumentInvalid as error:
        raise ProtocolError(f"The request breaks the schema: {error}", kind="schema") from None
