"""The way of one request from a station to its central system."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ocpp_soap.messages import Role, Version

Sender = Callable[[Any], Any]
"""Sends one request and returns its answer; blocks; raises :class:`~ocpp_soap.errors.CallFailed`."""


def central_system_sender(
    url: str,
    version: Version,
    charge_box_identity: str,
    *,
    from_url: str | Callable[[], str] = "",
    timeout: float = 30.0,
    ca_file: str = "",
) -> Sender:
    """A sender that posts to ``url``. ``from_url`` is where the station listens (12/15 §8.3), empty: nowhere.

    One that may change, or is not known yet, is a function, which is asked for each request and may raise CallFailed.
    ``ca_file``: PEM file of the authorities to trust instead of the system's.
    """
    from ocpp_soap.soap.client import Endpoint, client_for  # noqa: PLC0415 - zeep is slow to import

    endpoint = Endpoint(url, timeout=timeout, ca_file=ca_file)
    client = client_for(Role.CENTRAL_SYSTEM, version)

    def send(request: Any) -> Any:
        sent_from = from_url() if callable(from_url) else from_url
        return client.call(endpoint, charge_box_identity, request, from_url=sent_from)

    return send
