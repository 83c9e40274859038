"""The XML namespaces of OCPP 1.2 and 1.5, SOAP and WS-Addressing, and which role and version each stands for."""

from __future__ import annotations

from ocpp_soap.messages import Role, Version

SOAP_12 = "http://www.w3.org/2003/05/soap-envelope"
SOAP_11 = "http://schemas.xmlsoap.org/soap/envelope/"
WSA = "http://www.w3.org/2005/08/addressing"
WSA_2004 = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
WSA_ANONYMOUS = f"{WSA}/anonymous"
WSA_2004_ANONYMOUS = f"{WSA_2004}/role/anonymous"
WSA_FAULT = f"{WSA}/soap/fault"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
XSD = "http://www.w3.org/2001/XMLSchema"
XML = "http://www.w3.org/XML/1998/namespace"
WSDL = "http://schemas.xmlsoap.org/wsdl/"
WSDL_SOAP_12 = "http://schemas.xmlsoap.org/wsdl/soap12/"
WSA_WSDL = "http://www.w3.org/2006/05/addressing/wsdl"

_SERVICES = {
    (Role.CENTRAL_SYSTEM, Version.V12): "urn://Ocpp/Cs/2010/08/",
    (Role.CENTRAL_SYSTEM, Version.V15): "urn://Ocpp/Cs/2012/06/",
    (Role.CHARGE_POINT, Version.V12): "urn://Ocpp/Cp/2010/08/",
    (Role.CHARGE_POINT, Version.V15): "urn://Ocpp/Cp/2012/06/",
}

_ROLES_AND_VERSIONS = {namespace: key for key, namespace in _SERVICES.items()} | {
    "urn://Ocpp/Cs/2010/10/": (Role.CENTRAL_SYSTEM, Version.V12),
    "urn://Ocpp/Cp/2010/10/": (Role.CHARGE_POINT, Version.V12),
}
_ROLES_AND_VERSIONS |= {namespace.rstrip("/"): key for namespace, key in _ROLES_AND_VERSIONS.items()}

_FAULTS = {Version.V12: "urn://Ocpp/2010/08/", Version.V15: "urn://Ocpp/2012/02/"}


def service_namespace(role: Role, version: Version) -> str:
    """The namespace of the service that ``role`` offers in ``version``: of its bodies and of chargeBoxIdentity."""
    return _SERVICES[role, version]


def role_and_version(namespace: str | None) -> tuple[Role, Version] | None:
    """Whose service a namespace names, or None for one that is not of OCPP 1.2 or 1.5.

    The ``2010/10`` that the text of 1.2 prints (12 §8.8) stands for ``2010/08``; the last slash may be missing.
    """
    return _ROLES_AND_VERSIONS.get(namespace or "")


def namespace_in(text: bytes) -> str:
    """A service's namespace that stands somewhere in ``text``; empty: none does."""
    return next((namespace for namespace in _ROLES_AND_VERSIONS if namespace.encode() in text), "")


def fault_namespace(version: Version) -> str:
    """The namespace of the fault subcodes (12/15 §8.2), which is not the service's."""
    return _FAULTS[version]
