"""The WSGI application of one role's service: SOAP by POST, its description at ``?wsdl``, a page for people at GET."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timezone
from functools import partial

from ocpp_soap.errors import RetryLater
from ocpp_soap.messages import Role, Version
from ocpp_soap.soap import http, wsdl
from ocpp_soap.soap.answering import Answering, Observer
from ocpp_soap.soap.bodies import Bodies
from ocpp_soap.soap.exchange import Exchange, Receive
from ocpp_soap.soap.http import Answer, Environ, Refused, StartResponse
from ocpp_soap.soap.peers import Peers
from ocpp_soap.soap.settings import SoapServerSettings
from ocpp_soap.soap.urls import Place, ServiceUrls


class SoapServer:
    """Answers the URLs of one role: each of ``urls.paths``, alone or with ``/<chargeBoxIdentity>``.

    ``receive`` gets each request as a Call and returns the response message. What it raises becomes: a Fault, a SOAP
    fault; RetryLater, its HTTP status with Retry-After and no envelope; StoreUnavailable, the same with 503; anything
    else, InternalError with a reference that the log explains. ``observers`` are told of every POST and of everything
    that is refused, see Answering. ``count_address`` gets the address of the sender of every POST before the body is
    read; it may raise RetryLater.
    """

    def __init__(
        self,
        role: Role,
        receive: Receive,
        settings: SoapServerSettings,
        observers: Sequence[Observer] = (),
        count_address: Callable[[str], None] | None = None,
    ) -> None:
        self.role = role
        self.urls = ServiceUrls(role)
        self._settings = settings
        self._count_address = count_address
        self._answering = Answering(role, receive, settings, observers)
        self._bodies = Bodies(settings)
        self._peers = Peers(settings.trusted_proxies, settings.client_certificate_header)

    def serves(self, path: str) -> bool:
        """Tell whether a path is one of this service's."""
        return self.urls.place(path) is not None

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one HTTP request (PEP 3333)."""
        place = self.urls.place(http.path_of(environ))
        if place is not None:
            return self.respond(environ, start_response, place)
        answer = http.text(404, f"Not found. The service is at {', '.join(self.urls.paths)}.")
        return http.respond(answer, environ, start_response)

    def respond(self, environ: Environ, start_response: StartResponse, place: Place) -> Iterable[bytes]:
        """Answer one HTTP request to a place that ``urls`` knows."""
        charset, action = http.charset_and_action(environ)
        peer = self._peers.address(environ)
        exchange = Exchange(datetime.now(timezone.utc), b"", charset, action, peer, place.identity, place.version)
        try:
            if environ["REQUEST_METHOD"] == "POST":
                posted = self._post(environ, exchange)
                if posted is None:
                    return http.ANSWERS_LATER
                answer = posted
            else:
                answer = self._other(environ, place)
        except Refused as refused:
            answer = self._answering.refused(exchange, refused)
        return http.respond(answer, environ, start_response)

    def _post(self, environ: Environ, exchange: Exchange) -> Answer | None:
        """The answer; None: it is sent later."""
        if self._count_address is not None:
            try:
                self._count_address(exchange.peer)
            except RetryLater as error:
                return self._answering.unread(exchange, error)
        if "HTTP_AUTHORIZATION" in environ:
            exchange.username, exchange.password = http.basic_credentials(environ)
        if self._settings.client_certificate_header:
            exchange.client_subject = self._peers.client_subject(environ)
        exchange.in_string = self._bodies.read(environ)
        later: http.AnswerLater | None = environ.get(http.LATER)
        accepted = environ.get("HTTP_ACCEPT_ENCODING", "")
        over = self._settings.compress_over if accepted else 0
        if later is None:
            answer: Answer | None = self._answering.answer(exchange)
        else:
            answer = self._answering.answer_later(exchange, partial(_send_later, later, accepted, over))
        return http.compressed(answer, accepted, over) if answer and over else answer

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


def _send_later(send: http.AnswerLater, accepted: str, over: int, answer: Answer) -> None:
    http.respond_later(http.compressed(answer, accepted, over), send)
