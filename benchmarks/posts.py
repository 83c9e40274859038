"""The requests of load.lua in Python, and a way to hand them to a WSGI application without a network."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta, timezone
from typing import Any

ACTIONS = ("Heartbeat", "Authorize", "StatusNotification", "MeterValues", "StartStop")
STATIONS = 200
TRANSACTION_ID = "TRANSACTION-ID"
_FIRST = datetime(2020, 1, 1, tzinfo=timezone.utc)
_ENVELOPE = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<S:Envelope xmlns:S="http://www.w3.org/2003/05/soap-envelope" '
    'xmlns:a="http://www.w3.org/2005/08/addressing" xmlns:c="urn://Ocpp/Cs/2012/06/"><S:Header>'
    "<c:chargeBoxIdentity>BENCH-{station}</c:chargeBoxIdentity><a:Action>/{action}</a:Action>"
    "<a:MessageID>urn:bench:{station}:{number}</a:MessageID>"
    "<a:From><a:Address>http://198.51.100.7:9221/</a:Address></a:From>"
    "<a:ReplyTo><a:Address>http://www.w3.org/2005/08/addressing/anonymous</a:Address></a:ReplyTo>"
    "<a:To>http://127.0.0.1/Ocpp/CentralSystemService</a:To></S:Header><S:Body>{body}</S:Body></S:Envelope>"
)
_VALUES = (
    '<c:value measurand="Energy.Active.Import.Register" unit="Wh">{}</c:value>'
    '<c:value measurand="Power.Active.Import" unit="kW">3.7</c:value>'
    '<c:value measurand="Current.Import" unit="Amp">16.1</c:value>'
    '<c:value measurand="Voltage" unit="Volt">230.4</c:value>'
)


def request(action: str, number: int) -> bytes:
    """The envelope of the request with that number; no two are the same message."""
    station = number % STATIONS
    body = _BODIES[action](number, station)
    return _ENVELOPE.format(station=station, action=action, number=number, body=body).encode()


def _time(number: int, seconds: int) -> str:
    return (_FIRST + timedelta(minutes=number, seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def _meter_values(number: int, _: int) -> str:
    samples = (
        f"<c:values><c:timestamp>{_time(number, sample * 6)}</c:timestamp>{_VALUES.format(number)}</c:values>"
        for sample in range(10)
    )
    return f"<c:meterValuesRequest><c:connectorId>1</c:connectorId>{''.join(samples)}</c:meterValuesRequest>"


def _status(number: int, _: int) -> str:
    return (
        "<c:statusNotificationRequest><c:connectorId>1</c:connectorId><c:status>Available</c:status>"
        f"<c:errorCode>NoError</c:errorCode><c:timestamp>{_time(number, 0)}</c:timestamp></c:statusNotificationRequest>"
    )


def _start(number: int, station: int) -> str:
    return (
        f"<c:startTransactionRequest><c:connectorId>1</c:connectorId><c:idTag>TAG{station}</c:idTag>"
        f"<c:timestamp>{_time(number, 0)}</c:timestamp><c:meterStart>{number}</c:meterStart>"
        "</c:startTransactionRequest>"
    )


def _stop(number: int, station: int) -> str:
    return (
        f"<c:stopTransactionRequest><c:transactionId>{TRANSACTION_ID}</c:transactionId><c:idTag>TAG{station}</c:idTag>"
        f"<c:timestamp>{_time(number, 30)}</c:timestamp><c:meterStop>{number + 1}</c:meterStop>"
        "</c:stopTransactionRequest>"
    )


_started: list[bytes] = []
_FOUND_ID = re.compile(rb"transactionId>([0-9]+)<").search

_BODIES: dict[str, Callable[[int, int], str]] = {
    "Heartbeat": lambda number, station: "<c:heartbeatRequest/>",
    "Authorize": lambda number, station: f"<c:authorizeRequest><c:idTag>TAG{station}</c:idTag></c:authorizeRequest>",
    "StatusNotification": _status,
    "MeterValues": _meter_values,
    "StartTransaction": _start,
    "StopTransaction": _stop,
}


def exchange(application: Callable[..., Iterable[bytes]], action: str, number: int) -> None:
    """Hand the request with that number to an application; of StartStop the start, or with an odd number its stop."""
    if action != "StartStop":
        post(application, action, request(action, number))
        return
    number, is_stop = divmod(number, 2)
    if not is_stop:
        answer = post(application, "StartTransaction", request("StartTransaction", number))
        _started.append(_FOUND_ID(answer)[1])  # type: ignore[index]
        return
    stop = request("StopTransaction", number).replace(TRANSACTION_ID.encode(), _started.pop())
    post(application, "StopTransaction", stop)


def post(application: Callable[..., Iterable[bytes]], action: str, body: bytes) -> bytes:
    """The answer of a WSGI application to a request. Raises RuntimeError for any status but 200."""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": "/Ocpp/CentralSystemService",
        "QUERY_STRING": "",
        "CONTENT_TYPE": f'application/soap+xml; charset=utf-8; action="/{action}"',
        "CONTENT_LENGTH": str(len(body)),
        "SERVER_NAME": "127.0.0.1",
        "SERVER_PORT": "9220",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "127.0.0.1:9220",
        "wsgi.url_scheme": "http",
        "wsgi.multithread": True,
        "wsgi.errors": sys.stderr,
        "wsgi.input": io.BytesIO(body),
    }
    status: list[str] = []
    answer = b"".join(application(environ, lambda line, _headers: status.append(line)))
    if not status[0].startswith("200"):
        raise RuntimeError(f"{action} was answered {status[0]}: {answer[:500]!r}")
    return answer
