"""Where and how to call one peer."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from ocpp_soap.soap.guard import Guard


class ActionForm(str, Enum):
    """How the Action header is written: ``/Reset``, ``Reset``, or with the namespace of the service before it."""

    SLASH = "slash"
    BARE = "bare"
    QUALIFIED = "qualified"


@dataclass(frozen=True)
class Endpoint:
    """A peer's address and the profile by which it wants to be called.

    ``timeout``: seconds for the whole call, from the name look-up to the last byte of the answer. ``soap_version``:
    1.2 or 1.1. ``username``: HTTP Basic credentials are sent if it is not empty. ``ca_file``: PEM file of the CAs to
    trust instead of the system's. ``client_certificate``, ``client_key``: PEM files. ``guard``: which addresses may
    be called; None permits all.
    """

    url: str
    timeout: float = 30.0
    soap_version: str = "1.2"
    action_form: ActionForm = ActionForm.SLASH
    send_from: bool = True
    username: str = ""
    password: str = field(default="", repr=False)
    ca_file: str = ""
    client_certificate: str = ""
    client_key: str = ""
    guard: Guard | None = None

    @property
    def address(self) -> str:
        """The URL as it may be shown and sent: without a user name and password in it."""
        scheme, separator, rest = self.url.partition("://")
        authority, slash, path = rest.partition("/")
        return f"{scheme}{separator}{authority.rpartition('@')[2]}{slash}{path}"
