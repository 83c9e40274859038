"""A central system that shares no code with ours: it answers hand-written envelopes and checks all that it gets.

Each request is checked against the schema of its version and for the headers that the notes ask for; what is wrong
is kept in ``complaints``. ``mode`` can be ``usual``, ``down`` (connections are closed), ``html`` (a proxy's page).
``faults`` holds, by operation, the subcode of the fault that it is answered with.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from lxml import etree

SOAP = "http://www.w3.org/2003/05/soap-envelope"
WSA = "http://www.w3.org/2005/08/addressing"
NAMESPACES = {"urn://Ocpp/Cs/2010/08/": "1.2", "urn://Ocpp/Cs/2012/06/": "1.5"}

ACCEPTED = "<c:idTagInfo><c:status>Accepted</c:status></c:idTagInfo>"
ANSWERS = {
    "authorize": ACCEPTED,
    "bootNotification": (
        "<c:status>Accepted</c:status><c:currentTime>{now}</c:currentTime><c:heartbeatInterval>60</c:heartbeatInterval>"
    ),
    "heartbeat": "<c:currentTime>{now}</c:currentTime>",
    "startTransaction": "<c:transactionId>{id}</c:transactionId>" + ACCEPTED,
    "stopTransaction": ACCEPTED,
    "dataTransfer": "<c:status>Accepted</c:status>",
}


class Sink:
    """Listens at ``url``. ``schemas``: by version. ``requests`` holds (identity, version, operation, element)."""

    def __init__(self, schemas: dict[str, etree.XMLSchema], now: Callable[[], str]) -> None:
        self.schemas, self.now = schemas, now
        self.requests: list[tuple[str, str, str, Any]] = []
        self.callback_urls: set[str] = set()
        self.complaints: list[str] = []
        self.mode = "usual"
        self.answers = dict(ANSWERS)
        self.faults: dict[str, str] = {}
        self.transactions: dict[str, int] = {}
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.sink = self
        self.url = f"http://127.0.0.1:{self._server.server_port}/Ocpp/CentralSystemService"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def operations(self, identity: str) -> list[str]:
        return [operation for who, _, operation, _ in self.requests if who == identity]

    def answer(self, headers: Any, body: bytes) -> bytes:
        with self._lock:
            envelope = etree.fromstring(body)
            request = envelope.find(f"{{{SOAP}}}Body")[0]
            name = etree.QName(request)
            operation = name.localname.removesuffix("Request")
            version = NAMESPACES[name.namespace]
            schema = self.schemas[version]
            if not schema.validate(request):
                self.complaints.append(f"{operation}: {schema.error_log.last_error}")
            identity = self._check_headers(headers, envelope, name.namespace, operation)
            self.requests.append((identity, version, operation, request))
            content = self.answers.get(operation, "")
            message_id = envelope.findtext(f".//{{{WSA}}}MessageID") or ""
            if operation in self.faults:
                return self._fault(self.faults[operation])
            return self._envelope(
                name.namespace, operation, message_id, content, etree.tostring(request, method="c14n")
            )

    def _envelope(self, namespace: str, operation: str, message_id: str, content: str, request: bytes) -> bytes:
        number = self.transactions.setdefault(request.decode(), len(self.transactions) + 1)
        filled = content.format(now=self.now(), id=number)
        action = operation[0].upper() + operation[1:]
        return (
            f'<S:Envelope xmlns:S="{SOAP}" xmlns:a="{WSA}" xmlns:c="{namespace}"><S:Header>'
            f"<a:Action>/{action}Response</a:Action><a:RelatesTo>{message_id}</a:RelatesTo></S:Header>"
            f"<S:Body><c:{operation}Response>{filled}</c:{operation}Response></S:Body></S:Envelope>"
        ).encode()

    @staticmethod
    def _fault(subcode: str) -> bytes:
        return (
            f'<S:Envelope xmlns:S="{SOAP}" xmlns:o="urn://Ocpp/2012/02/"><S:Body><S:Fault><S:Code>'
            f"<S:Value>S:Sender</S:Value><S:Subcode><S:Value>o:{subcode}</S:Value></S:Subcode></S:Code>"
            '<S:Reason><S:Text xml:lang="en">no</S:Text></S:Reason></S:Fault></S:Body></S:Envelope>'
        ).encode()

    def _check_headers(self, headers: Any, envelope: Any, namespace: str, operation: str) -> str:
        action = "/" + operation[0].upper() + operation[1:]
        wanted = {
            "Action": action,
            f"ReplyTo/{{{WSA}}}Address": f"{WSA}/anonymous",
            "To": self.url,
        }
        for path, value in wanted.items():
            found = envelope.findtext(f"{{{SOAP}}}Header/{{{WSA}}}{path}")
            if found != value:
                self.complaints.append(f"{operation}: {path} is {found!r}, expected {value!r}")
        sender = envelope.findtext(f"{{{SOAP}}}Header/{{{WSA}}}From/{{{WSA}}}Address")
        if not sender:
            self.complaints.append(f"{operation}: From is missing")
        self.callback_urls.add(sender or "")
        if not envelope.findtext(f"{{{SOAP}}}Header/{{{WSA}}}MessageID"):
            self.complaints.append(f"{operation}: MessageID is missing")
        content_type = headers.get("Content-Type", "")
        if not content_type.startswith("application/soap+xml") or f'action="{action}"' not in content_type:
            self.complaints.append(f"{operation}: Content-Type is {content_type!r}")
        identity = envelope.findtext(f"{{{SOAP}}}Header/{{{namespace}}}chargeBoxIdentity")
        if not identity:
            self.complaints.append(f"{operation}: chargeBoxIdentity is missing")
        return identity or ""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    sink: Sink


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 65536
    server: _Server

    def do_POST(self) -> None:
        sink = self.server.sink
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if sink.mode == "down":
            self.close_connection = True
            self.connection.close()
            return
        content = b"<html>Bad gateway</html>" if sink.mode == "html" else sink.answer(self.headers, body)
        self.send_response(502 if sink.mode == "html" else 200)
        self.send_header("Content-Type", "text/html" if sink.mode == "html" else "application/soap+xml; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        pass
