"""Who is at the other end of the connection, and whose word about it counts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any

Network = IPv4Network | IPv6Network
_WITH_PORT = re.compile(r"\[(.*)\](?::[0-9]+)?|([0-9.]+):[0-9]+")
"""An address as some proxies tell it: ``192.0.2.7:1234``, ``[2001:db8::7]:1234``, ``[2001:db8::7]``."""


class Peers:
    """Reads who the sender is; ``trusted_proxies`` are the networks whose word on it is believed.

    ``certificate_header``: the HTTP header in which they tell the subject of the client certificate.
    """

    def __init__(self, trusted_proxies: Sequence[Network], certificate_header: str = "") -> None:
        self._trusted = tuple(trusted_proxies)
        self._subject = f"HTTP_{certificate_header.upper().replace('-', '_')}" if certificate_header else ""

    def is_proxy(self, environ: dict[str, Any]) -> bool:
        """Tell whether the connection comes from a trusted proxy."""
        return bool(self._trusted) and is_in(environ.get("REMOTE_ADDR", ""), self._trusted)

    def client_subject(self, environ: dict[str, Any]) -> str:
        """The subject of the client certificate as a trusted proxy tells it, or an empty text."""
        subject: str = environ.get(self._subject, "") if self._subject and self.is_proxy(environ) else ""
        return subject

    def address(self, environ: dict[str, Any]) -> str:
        """The address of the sender: behind trusted proxies, the last one in X-Forwarded-For that is none of them."""
        peer: str = environ.get("REMOTE_ADDR", "")
        if not self._trusted or not is_in(peer, self._trusted):
            return peer
        for told in reversed(environ.get("HTTP_X_FORWARDED_FOR", "").split(",")):
            hop = _without_port(told.strip())
            if parse_address(hop) is None:
                break
            peer = hop
            if not is_in(peer, self._trusted):
                break
        return peer


def _without_port(told: str) -> str:
    found = _WITH_PORT.fullmatch(told)
    return (found[1] or found[2]) if found else told


def is_in(text: str, networks: Iterable[Network]) -> bool:
    """Whether a text is an IP address of one of the networks."""
    address = parse_address(text)
    return address is not None and any(address in network for network in networks)


@lru_cache(maxsize=4096)
def parse_address(text: str) -> IPv4Address | IPv6Address | None:
    """An IP address, an IPv4 one written as IPv6 included; None if it is none."""
    try:
        address = ip_address(text.strip("[]"))
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address
