"""Who is at the other end of the connection, and whose word about it counts."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any

Network = IPv4Network | IPv6Network


class Peers:
    """Reads the sender's address; ``trusted_proxies`` are the networks whose X-Forwarded-* headers are believed."""

    def __init__(self, trusted_proxies: Sequence[Network]) -> None:
        self._trusted = tuple(trusted_proxies)

    def is_proxy(self, environ: dict[str, Any]) -> bool:
        """Tell whether the connection comes from a trusted proxy."""
        return bool(self._trusted) and self._is_trusted(environ.get("REMOTE_ADDR", ""))

    def address(self, environ: dict[str, Any]) -> str:
        """The address of the sender: behind trusted proxies, the last one in X-Forwarded-For that is none of them."""
        peer: str = environ.get("REMOTE_ADDR", "")
        if not self._trusted or not self._is_trusted(peer):
            return peer
        for hop in reversed(environ.get("HTTP_X_FORWARDED_FOR", "").split(",")):
            if parse_address(hop) is None:
                break
            peer = hop.strip()
            if not self._is_trusted(peer):
                break
        return peer

    def _is_trusted(self, peer: str) -> bool:
        address = parse_address(peer)
        return address is not None and any(address in network for network in self._trusted)


@lru_cache(maxsize=4096)
def parse_address(text: str) -> IPv4Address | IPv6Address | None:
    """An IP address, an IPv4 one written as IPv6 included; None if it is none."""
    try:
        address = ip_address(text.strip().strip("[]"))
    except ValueError:
        return None
    return (address.ipv4_mapped or address) if isinstance(address, IPv6Address) else address
