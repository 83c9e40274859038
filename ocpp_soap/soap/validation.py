"""``soap.validation: strict``: a request is held against the schema of its service description."""

from __future__ import annotations

from typing import Any

from ocpp_soap.errors import ProtocolError
from ocpp_soap.messages import Role, Version
from ocpp_soap.soap import wsdl


def validate(element: Any, role: Role, version: Version) -> None:
    """Raise ProtocolError with the schema's first reason if ``element`` is not valid."""
    schema = wsdl.schema(role, version)
    if not schema.validate(element):
        reason = next((entry.message for entry in schema.error_log), "")
        raise ProtocolError(f"The request breaks the schema: {reason}", kind="schema")
