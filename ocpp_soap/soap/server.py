"""The WSGI application of one role's service: SOAP by POST, its description at ``?wsdl``, a page for people at GET."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timezone
from email.message import Message

import structlog

from ocpp_soap.errors import RetryLater, StoreUnavailable
from ocpp_soap.messages import Role, Version
from ocpp_soap.soap import http, wsdl
from ocpp_soap.soap.envelope import CONTENT_TYPES
from ocpp_soap.soap.exchange import Exchange, Receive
from ocpp_soap.soap.http import Answer, Environ, Refused, StartResponse
from ocpp_soap.soap.namespaces import SOAP_12
from ocpp_soap.soap.peers import Peers
from ocpp_soap.soap.settings import SoapServerSettings
from ocpp_soap.soap.transport import Transports
from ocpp_soap.soap.urls import Place, ServiceUrls

_log = structlog.get_logger("ocpp_soap.soap")
_STORE_RETRY = 30


class SoapServer:
    """Answers the URLs of one role: each of ``urls.paths``, alone or with ``/<chargeBoxIdentity>``.

    ``receive`` gets each request as a Call and returns the response message. What it raises becomes: a Fault, a SOAP
    fault; RetryLater, its HTTP status with Retry-After and no envelope; StoreUnavailable, the same with 503; anything
    else, InternalError with a reference that the log explains.
    """

    def __init__(self, role: Role, receive: Receive, settings: SoapServerSettings) -> None:
        self.role = role
        self.urls = ServiceUrls(role)
        self._receive = receive
        self._settings = settings
        self._transports = Transports(role, settings)
        self._peers = Peers(settings.trusted_proxies)
        self._large_marker = settings.large_action.lower().encode() + b"request"

    def serves(self, path: str) -> bool:
        """Tell whether a path is one of this service's."""
        return self.urls.place(path) is not None

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one HTTP request (PEP 3333)."""
        try:
            place = self.urls.place(http.path_of(environ))
            if place is None:
                raise Refused(404, f"Not found. The service is at {', '.join(self.urls.paths)}.", "not_found")
            answer = self._post(environ, place) if environ["REQUEST_METHOD"] == "POST" else self._other(environ, place)
        except Refused as refused:
            _log.info("request refused", kind=refused.kind, status=refused.answer.status)
            answer = refused.answer
        return http.respond(answer, environ, start_response)

    def _post(self, environ: Environ, place: Place) -> Answer:
        settings = self._settings
        body = http.read_body(environ, settings.max_body, self._large_marker, settings.large_body)
        exchange = Exchange(
            body,
            self._receive,
            datetime.now(timezone.utc),
            charset=_charset(environ.get("CONTENT_TYPE", "")),
            peer=self._peers.address(environ),
            url_identity=place.identity,
            url_version=place.version,
        )
        try:
            status = self._transports.answer(exchange)
        except (RetryLater, StoreUnavailable) as error:
            return self._later(exchange, error)
        if exchange.out_error is not None:
            _log.info(
                "request answered with a fault",
                charge_point=exchange.identity,
                action=exchange.action.name if exchange.action else "",
                subcode=exchange.out_error.subcode,
                kind=exchange.out_error.kind,
                reason=exchange.out_error.reason,
            )
        soap_namespace = exchange.in_document.soap_namespace if exchange.in_document else SOAP_12
        answer = Answer(status, [("Content-Type", CONTENT_TYPES[soap_namespace])], exchange.out_string)
        return http.compressed(answer, environ.get("HTTP_ACCEPT_ENCODING", ""), settings.compress_over)

    @staticmethod
    def _later(exchange: Exchange, error: RetryLater | StoreUnavailable) -> Answer:
        status, after = (error.status, error.after) if isinstance(error, RetryLater) else (503, _STORE_RETRY)
        _log.warning(
            "request to be repeated",
            charge_point=exchange.identity,
            action=exchange.action.name if exchange.action else "",
            status=status,
            reason=str(error),
        )
        return http.text(status, "The request cannot be processed now; send it again.", ("Retry-After", str(after)))

    def _other(self, environ: Environ, place: Place) -> Answer:
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            raise Refused(405, "SOAP requests come by POST.", "method", ("Allow", "POST, GET, HEAD"))
        if "websocket" in environ.get("HTTP_UPGRADE", "").lower():
            raise Refused(
                426,
                "This is OCPP 1.2 and 1.5 over SOAP: send HTTP POST. OCPP over WebSocket is not spoken here.",
                "websocket",
                ("Upgrade", "HTTP/1.1"),
            )
        address = http.own_address(environ, self._settings.public_url, forwarded=self._peers.is_proxy(environ))
        if environ.get("QUERY_STRING", "").lower().startswith("wsdl"):
            document = wsdl.document(self.role, place.version or Version.V15, address)
            return Answer(200, [("Content-Type", "text/xml; charset=utf-8")], document)
        return http.text(200, self._page(address))

    def _page(self, address: str) -> str:
        caller = "charge point" if self.role is Role.CENTRAL_SYSTEM else "central system"
        return (
            f"{self.role.title}Service of OCPP 1.2 and 1.5 over SOAP.\n\n"
            f"Configure this URL in the {caller}:\n  {address}\n"
            f"A {caller} sends its requests here by POST; a browser sees this page only.\n"
            f"A charge point that sends no chargeBoxIdentity header is told apart by the URL:\n"
            f"  {address.rstrip('/')}/<chargeBoxIdentity>\n"
            f"Service description: {address}?wsdl"
        )


def _charset(content_type: str) -> str:
    if "charset" not in content_type.lower():
        return ""
    message = Message()
    message["Content-Type"] = content_type.replace("\r", " ").replace("\n", " ")
    charset = message.get_param("charset", "")
    return charset if isinstance(charset, str) else ""
