"""The ceiling: what a WSGI function does that was written for five actions and nothing else. No storage, no checks.

It parses with lxml, reads the identity and every field into Python values, and builds the answer as a string.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timezone
from itertools import count
from typing import Any

from lxml import etree

_S = "{http://www.w3.org/2003/05/soap-envelope}"
_A = "{http://www.w3.org/2005/08/addressing}"
_C = "{urn://Ocpp/Cs/2012/06/}"
_ANSWER = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<S:Envelope xmlns:S="http://www.w3.org/2003/05/soap-envelope" '
    'xmlns:a="http://www.w3.org/2005/08/addressing" xmlns="urn://Ocpp/Cs/2012/06/"><S:Header>'
    "<a:Action>/{}Response</a:Action><a:RelatesTo>{}</a:RelatesTo></S:Header><S:Body>{}</S:Body></S:Envelope>"
)
_ACCEPTED = "<idTagInfo><status>Accepted</status></idTagInfo>"
_HEADERS = [("Content-Type", "application/soap+xml; charset=utf-8")]
_ids = count(1)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text[:-1] + "+00:00")


def _heartbeat(_: Any) -> str:
    now = datetime.now(timezone.utc).isoformat(timespec="milliseconds")[:-6]
    return f"<heartbeatResponse><currentTime>{now}Z</currentTime></heartbeatResponse>"


def _authorize(body: Any) -> str:
    body[0].text  # noqa: B018 - read as the real thing would
    return f"<authorizeResponse>{_ACCEPTED}</authorizeResponse>"


def _status(body: Any) -> str:
    fields = {child.tag: child.text for child in body}
    int(fields[f"{_C}connectorId"]), _time(fields[f"{_C}timestamp"])
    return "<statusNotificationResponse/>"


def _meter_values(body: Any) -> str:
    connector, *values = body
    int(connector.text)
    for value in values:
        stamp, *samples = value
        (_time(stamp.text), [(sample.text, dict(sample.attrib)) for sample in samples])
    return "<meterValuesResponse/>"


def _start(body: Any) -> str:
    connector, _, stamp, meter = body
    int(connector.text), _time(stamp.text), int(meter.text)
    return (
        f"<startTransactionResponse><transactionId>{next(_ids)}</transactionId>{_ACCEPTED}</startTransactionResponse>"
    )


def _stop(body: Any) -> str:
    transaction, _, stamp, meter = body
    int(transaction.text), _time(stamp.text), int(meter.text)
    return f"<stopTransactionResponse>{_ACCEPTED}</stopTransactionResponse>"


_ACTIONS: dict[str, tuple[str, Callable[[Any], str]]] = {
    f"{_C}heartbeatRequest": ("Heartbeat", _heartbeat),
    f"{_C}authorizeRequest": ("Authorize", _authorize),
    f"{_C}statusNotificationRequest": ("StatusNotification", _status),
    f"{_C}meterValuesRequest": ("MeterValues", _meter_values),
    f"{_C}startTransactionRequest": ("StartTransaction", _start),
    f"{_C}stopTransactionRequest": ("StopTransaction", _stop),
}


def do_before(name: str, step: Callable[[], None]) -> None:
    """Have ``step`` done before the action is answered."""
    element = f"{_C}{name[0].lower()}{name[1:]}Request"
    _, answer = _ACTIONS[element]

    def answer_later(body: Any) -> str:
        step()
        return answer(body)

    _ACTIONS[element] = (name, answer_later)


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """The WSGI application."""
    root = etree.fromstring(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])))
    header, body = root
    headers = {child.tag: child.text for child in header}
    headers[f"{_C}chargeBoxIdentity"]
    name, answer = _ACTIONS[body[0].tag]
    text = _ANSWER.format(name, headers[f"{_A}MessageID"], answer(body[0])).encode()
    start_response("200 OK", [*_HEADERS, ("Content-Length", str(len(text)))])
    return [text]
