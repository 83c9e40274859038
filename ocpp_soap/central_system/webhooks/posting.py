"""One event as one HTTP request, signed as https://www.standardwebhooks.com describes: there are libraries for it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from datetime import datetime
from typing import TYPE_CHECKING

from ocpp_soap import __version__
from ocpp_soap.central_system.events import Event
from ocpp_soap.central_system.records import digest, document_of
from ocpp_soap.central_system.webhooks.table import Webhook

if TYPE_CHECKING:
    from requests import Session


def open_session() -> Session:
    """A session that reads nothing from the environment: no proxy, no netrc."""
    import requests  # noqa: PLC0415 (only where there are webhooks)

    session = requests.Session()
    session.trust_env = False
    return session


def body_of(event: Event) -> bytes:
    """The event as JSON, times in RFC 3339."""
    return json.dumps(document_of(event), default=_time_text, ensure_ascii=False).encode()


def name_of(event: Event) -> str:
    """The id of the event as a header can hold it: itself, or a digest of it."""
    is_plain = event.event_id.isascii() and event.event_id.isprintable() and " " not in event.event_id
    return event.event_id if is_plain else digest(event.event_id)


def signature(secret: str, name: str, timestamp: int, body: bytes) -> str:
    """The value of ``webhook-signature``: HMAC-SHA256 over id, time and body."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{name}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def post(session: Session, webhook: Webhook, event: Event, timeout: float) -> str:
    """Send an event. Returns what went wrong in one sentence; empty: it was taken (a status of 200 to 299)."""
    from requests import RequestException  # noqa: PLC0415 (only where there are webhooks)

    body, now, name = body_of(event), int(time.time()), name_of(event)
    headers = {
        "Content-Type": "application/json",
        "User-Agent": f"ocpp-soap/{__version__}",
        "webhook-id": name,
        "webhook-timestamp": str(now),
        "webhook-signature": signature(webhook.secret, name, now, body),
    }
    try:
        with session.post(
            webhook.url, data=body, headers=headers, timeout=timeout, allow_redirects=False, stream=True
        ) as response:
            status = response.status_code
    except RequestException as error:
        return f"no answer: {type(error).__name__}"
    return "" if 200 <= status < 300 else f"answered {status}"


def _time_text(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    raise TypeError(f"{value!r} cannot be sent")
