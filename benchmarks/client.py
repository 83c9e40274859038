"""A station's side of HTTP, with little work for each request: one keep-alive connection, and the messages it sends."""

from __future__ import annotations

import re
import socket
from datetime import datetime, timedelta, timezone

_HEAD_END = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_CLOSE = re.compile(rb"\r\nconnection: *close", re.IGNORECASE)
_ID = re.compile(rb"transactionId>(-?\d+)<")
_EPOCH = datetime(2026, 1, 1, tzinfo=timezone.utc)
_ENVELOPE = (
    '<S:Envelope xmlns:S="http://www.w3.org/2003/05/soap-envelope" xmlns:a="http://www.w3.org/2005/08/addressing" '
    'xmlns:c="urn://Ocpp/Cs/2012/06/"><S:Header><c:chargeBoxIdentity>{}</c:chargeBoxIdentity>'
    "<a:Action>/{}</a:Action><a:MessageID>urn:uuid:{}</a:MessageID></S:Header><S:Body>{}</S:Body></S:Envelope>"
)
_VALUES = "".join(
    f'<c:value measurand="{measurand}" unit="{unit}">{{{number}}}</c:value>'
    for number, (measurand, unit) in enumerate(
        [
            ("Energy.Active.Import.Register", "Wh"),
            ("Voltage", "Volt"),
            ("Current.Import", "Amp"),
            ("Temperature", "Celsius"),
        ]
    )
)


class Connection:
    """One connection to the server, opened again when the server has closed it."""

    def __init__(self, port: int, path: str = "/Ocpp/CentralSystemService") -> None:
        self._port = port
        self._path = path
        self._socket: socket.socket | None = None

    def post(self, body: bytes, *headers: str) -> tuple[int, bytes]:
        """Status and body of the answer. Raises OSError when there is none."""
        head = [f"POST {self._path} HTTP/1.1", "Host: cs.example", f"Content-Length: {len(body)}", *headers]
        if not any(header.startswith("Content-Type") for header in headers):
            head.append("Content-Type: application/soap+xml; charset=utf-8")
        if self._socket is None:
            self._socket = socket.create_connection(("127.0.0.1", self._port), timeout=30)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            return self._exchange(self._socket, "\r\n".join(head).encode() + _HEAD_END + body)
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        """Close the connection; the next post opens it again."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _exchange(self, connection: socket.socket, request: bytes) -> tuple[int, bytes]:
        unsent: OSError | None = None
        try:
            connection.sendall(request)
        except OSError as error:
            unsent = error
        received = b""
        while (end := received.find(_HEAD_END)) < 0:
            piece = connection.recv(65536)
            if not piece:
                raise unsent or ConnectionResetError("closed before an answer")
            received += piece
        head, body = received[:end], received[end + 4 :]
        length = _LENGTH.search(head)
        missing = (int(length[1]) if length else 0) - len(body)
        while missing > 0:
            piece = connection.recv(missing)
            if not piece:
                raise ConnectionResetError("closed within an answer")
            body += piece
            missing -= len(piece)
        if unsent or _CLOSE.search(head):
            self.close()
        return int(head[9:12]), body


def moment(number: int) -> str:
    """A time that no other number gives."""
    return (_EPOCH + timedelta(seconds=number)).strftime("%Y-%m-%dT%H:%M:%SZ")


def envelope(identity: str, action: str, number: int, fields: str = "") -> bytes:
    """A request of 1.5 with the XML of its fields, under the prefix ``c``."""
    element = f"c:{action[0].lower()}{action[1:]}Request"
    return _ENVELOPE.format(identity, action, number, f"<{element}>{fields}</{element}>").encode()


def start(identity: str, connector: int, number: int) -> bytes:
    """A StartTransaction of which ``number`` is the time and the meter."""
    return envelope(
        identity, "StartTransaction", number,
        f"<c:connectorId>{connector}</c:connectorId><c:idTag>TAG{number % 1000}</c:idTag>"
        f"<c:timestamp>{moment(number)}</c:timestamp><c:meterStart>{number}</c:meterStart>",
    )  # fmt: skip


def stop(identity: str, transaction_id: int, number: int) -> bytes:
    """The StopTransaction of that id."""
    return envelope(
        identity, "StopTransaction", number,
        f"<c:transactionId>{transaction_id}</c:transactionId><c:timestamp>{moment(number)}</c:timestamp>"
        f"<c:meterStop>{number}</c:meterStop>",
    )  # fmt: skip


def meter_values(identity: str, number: int) -> bytes:
    """Ten samples of four values."""
    samples = "".join(
        f"<c:values><c:timestamp>{moment(number + place)}</c:timestamp>"
        f"{_VALUES.format(number, 230.1, 16.0, place)}</c:values>"
        for place in range(10)
    )
    return envelope(identity, "MeterValues", number, f"<c:connectorId>1</c:connectorId>{samples}")


def status(identity: str, number: int) -> bytes:
    """A StatusNotification of connector 1."""
    return envelope(
        identity, "StatusNotification", number,
        "<c:connectorId>1</c:connectorId><c:status>Available</c:status><c:errorCode>NoError</c:errorCode>"
        f"<c:timestamp>{moment(number)}</c:timestamp>",
    )  # fmt: skip


def transaction_id(answer: bytes) -> int:
    """The id in a StartTransaction.conf."""
    found = _ID.search(answer)
    if found is None:
        raise ValueError(f"no transactionId in {answer[:300]!r}")
    return int(found[1])
