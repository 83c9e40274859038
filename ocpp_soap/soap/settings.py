"""What a SOAP server needs to know, taken from the configuration for each role."""

from __future__ import annotations

from dataclasses import dataclass

from ocpp_soap.config import Settings
from ocpp_soap.messages import Action, Role
from ocpp_soap.soap.bounds import Limits
from ocpp_soap.soap.peers import Network

PEEK = 32768
"""Bytes of an envelope within which the name of its action must stand to get the limits of the large one."""


@dataclass(frozen=True, slots=True)
class SoapServerSettings:
    """The settings of one SOAP server. Sizes are bytes, times seconds.

    ``large_body`` and ``large_elements``: the limits of the action named ``large_action``, which the protocol needs
    large. ``trusted_proxies``: whose X-Forwarded-* headers and ``client_certificate_header`` are believed.
    """

    limits: Limits
    strict: bool
    public_url: str
    max_body: int
    large_action: str
    large_body: int
    large_elements: int
    compress_over: int
    max_waiting: int
    read_timeout: float
    trusted_proxies: tuple[Network, ...]
    client_certificate_header: str

    def most_elements(self, data: bytes) -> int:
        """How many elements an envelope may have."""
        if len(data) < self.limits.max_elements:
            return self.limits.max_elements
        return self.large_elements if self.is_large(data) else self.limits.max_elements

    def is_large(self, beginning: bytes | bytearray) -> bool:
        """Whether the large action is named near the beginning of an envelope."""
        named = self.large_action.lower().encode()
        return bool(named) and named in beginning[:PEEK].replace(b"\0", b"").lower()

    def max_elements(self, action: Action) -> int:
        """How many elements a request of ``action`` may have."""
        return self.large_elements if action.name == self.large_action else self.limits.max_elements


def server_settings(settings: Settings, role: Role) -> SoapServerSettings:
    """The settings of the SOAP server of ``role``: a charge point's is one, a central system's the other."""
    soap, server = settings.soap, settings.server
    charge_point = role is Role.CHARGE_POINT
    return SoapServerSettings(
        limits=Limits(
            max_depth=soap.max_depth,
            max_elements=settings.charge_point.max_elements if charge_point else soap.max_elements,
            max_header=soap.max_header,
            max_identity=soap.max_identity,
        ),
        strict=soap.validation == "strict",
        public_url="" if charge_point else server.public_url,
        max_body=settings.charge_point.max_body if charge_point else server.max_body,
        large_action="" if charge_point else "StopTransaction",
        large_body=soap.stop_transaction.max_body,
        large_elements=soap.stop_transaction.max_elements,
        compress_over=server.compress_over,
        max_waiting=server.max_waiting,
        read_timeout=server.read_timeout,
        trusted_proxies=tuple(server.trusted_proxies),
        client_certificate_header=server.client_certificate_header,
    )
