"""JSON for systems that are no charge points: one POST with one deadline, of whose answer only the status counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from ocpp_soap.soap.client.transport import Pools


def open_connections() -> Pools:
    """Connections for one or more posts, to be closed after the last."""
    from ocpp_soap.soap.client.transport import Pools  # noqa: PLC0415 (few workers ever send anything but SOAP)

    return Pools()


def post_json(connections: Pools, url: str, body: bytes, headers: Mapping[str, str], *, timeout: float) -> int:
    """Send a body and return the status of the answer, all within ``timeout`` seconds. Redirects are not followed.

    Raises CallFailed with the second half of a sentence, or ValueError for a URL that is none.
    """
    from ocpp_soap.soap.client.endpoint import Endpoint  # noqa: PLC0415 (as above)

    parts = urlsplit(url)
    username, password = unquote(parts.username or ""), unquote(parts.password or "")
    endpoint = Endpoint(url, timeout=timeout, username=username, password=password)
    return connections.status(endpoint, body, {"Content-Type": "application/json", **headers})


def check_url(url: str) -> None:
    """Raise ValueError unless a receiver can be called at a URL, with a host name that can be looked up."""
    from urllib3.util import parse_url  # noqa: PLC0415 (as above)

    try:
        parts = urlsplit(url)
        is_callable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        (parse_url(url).host or "").encode("idna")
    except ValueError:
        is_callable = False
    if not is_callable:
        raise ValueError(f"{url!r} is no URL of a receiver; expected http://… or https://… with the name of a host")
