"""One event as one HTTP request, signed as https://www.standardwebhooks.com describes: there are libraries for it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from typing import TYPE_CHECKING

import structlog

from ocpp_soap import __version__
from ocpp_soap.central_system.events import Event, json_of
from ocpp_soap.central_system.posts import post_json
from ocpp_soap.central_system.records import digest
from ocpp_soap.central_system.webhooks.table import Webhook
from ocpp_soap.errors import CallFailed

if TYPE_CHECKING:
    from ocpp_soap.soap.client.transport import Pools

_log = structlog.get_logger("ocpp_soap.central_system")


def name_of(event: Event) -> str:
    """The id of the event as a header can hold it: itself, or a digest of it."""
    is_plain = event.event_id.isascii() and event.event_id.isprintable() and " " not in event.event_id
    return event.event_id if is_plain else digest(event.event_id)


def signature(secret: str, name: str, timestamp: int, body: bytes) -> str:
    """The value of ``webhook-signature``: HMAC-SHA256 over id, time and body."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = f"{name}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()


def post(connections: Pools, webhook: Webhook, event: Event, timeout: float) -> str:
    """Send an event. Returns what went wrong in a few words; empty: it was taken (a status of 200 to 299 in time)."""
    try:
        body, now, name = json_of(event).encode(), int(time.time()), name_of(event)
        headers = {
            "User-Agent": f"ocpp-soap/{__version__}",
            "webhook-id": name,
            "webhook-timestamp": str(now),
            "webhook-signature": signature(webhook.secret, name, now, body),
        }
        status = post_json(connections, webhook.url, body, headers, timeout=timeout)
    except CallFailed as error:
        return str(error)
    except Exception as error:
        _log.warning("an event cannot be sent", webhook=webhook.webhook_id, event_id=event.event_id, error=repr(error))
        return f"cannot be sent: {type(error).__name__}"
    return "" if 200 <= status < 300 else f"answered {status}"
