"""Which addresses may be called: a station says itself where it listens, and must not make us call our own network."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

from ocpp_soap.soap.peers import Network

Address = IPv4Address | IPv6Address

DENIED_UNLESS_ALLOWED: tuple[Network, ...] = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "100.100.100.200/32",
        "168.63.129.16/32",
        "192.0.0.192/32",
        "224.0.0.0/4",
        "255.255.255.255/32",
        "::/128",
        "::1/128",
        "fe80::/10",
        "fd00:42::42/128",
        "fd00:100::100:200/128",
        "fd00:a9fe:a9fe::1/128",
        "fd00:c1::a9fe:a9fe/128",
        "fd00:ec2::23/128",
        "fd00:ec2::254/128",
        "fd20:ce::254/128",
        "ff00::/8",
    )
)
"""This host, link-local, multicast, and where clouds serve their metadata outside of link-local."""


@dataclass(frozen=True)
class Guard:
    """``denied`` beats everything, ``allowed`` lifts the built-in denials; every other address may be called."""

    allowed: tuple[Network, ...] = ()
    denied: tuple[Network, ...] = ()

    @classmethod
    def of(cls, allowed: Iterable[str], denied: Iterable[str]) -> Guard:
        """A guard from texts like ``10.0.0.0/8`` or ``::1``. Raises ValueError for what is no network."""
        return cls(tuple(map(_network, allowed)), tuple(map(_network, denied)))

    def permits(self, address: str) -> bool:
        """Tell whether a numeric address may be called."""
        written = ip_address(address.partition("%")[0])
        parsed = _unwrapped(written)
        if _is_in(written, self.denied) or _is_in(parsed, self.denied):
            return False
        return _is_in(parsed, self.allowed) or not _is_in(parsed, DENIED_UNLESS_ALLOWED)


def _network(text: str) -> Network:
    return ip_network(text, strict=False)


def _unwrapped(address: Address) -> Address:
    """An IPv4 address that is written as IPv6 in one of the ways that reach the same host."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address in _NAT64 or address in _COMPATIBLE:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.sixtofour or address


_NAT64 = IPv6Network("64:ff9b::/96")
_COMPATIBLE = IPv6Network("::/96")


def _is_in(address: Address, networks: tuple[Network, ...]) -> bool:
    return any(address in network for network in networks)
