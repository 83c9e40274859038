"""One call: message → zeep → HTTP → message."""

from __future__ import annotations

from functools import cache
from typing import Any

import zeep
from lxml import etree

from ocpp_soap.dispatch import MessageWarning
from ocpp_soap.errors import CallFailed, InvalidMessage, Refused, TryLater
from ocpp_soap.messages import Role, Version, actions
from ocpp_soap.soap import namespaces, wsdl
from ocpp_soap.soap.client.answers import read_answer
from ocpp_soap.soap.client.arguments import arguments_of
from ocpp_soap.soap.client.endpoint import Endpoint
from ocpp_soap.soap.client.headers import RequestHeaders
from ocpp_soap.soap.client.repeats import may_repeat
from ocpp_soap.soap.client.transcript import Transcript
from ocpp_soap.soap.client.transport import HttpAnswer, Pools
from ocpp_soap.soap.codec import check

_pools = Pools()
_zeep: Any = zeep


class SoapClient:
    """Calls the service that ``role_called`` offers in ``version``. May be used by many threads at once."""

    def __init__(self, role_called: Role, version: Version) -> None:
        self.role_called = role_called
        self.version = version
        self._namespace = namespaces.service_namespace(role_called, version)
        self._settings = _zeep.Settings(raw_response=True)
        self._document = _zeep.wsdl.Document(
            str(wsdl.path(role_called, version)), _zeep.Transport(), settings=self._settings
        )
        (self._binding,) = self._document.bindings
        self._actions = {action.request: action for action in actions(role_called)}

    def call(
        self,
        endpoint: Endpoint,
        charge_box_identity: str,
        request: Any,
        *,
        from_url: str = "",
        message_id: str = "",
        warnings: list[MessageWarning] | None = None,
        transcript: Transcript | None = None,
    ) -> Any:
        """Send ``request`` and return the confirmation; ``charge_box_identity`` is the station's, whoever calls.

        ``from_url`` is where we listen, for the From header; ``message_id`` is made up if none is given. ``warnings``
        collects what the answer had to be forgiven, ``transcript`` that and what went over the wire.
        Raises InvalidMessage before anything is sent, else CallFailed: its text is one sentence that names the peer.
        """
        action = self._actions.get(type(request))
        if action is None:
            raise InvalidMessage(f"{type(request).__name__} is no request to the {self.role_called.title}")
        check(request, self.version)
        transcript = Transcript() if transcript is None else transcript
        if warnings is not None:
            transcript.warnings = warnings
        exchange = _Exchange(endpoint, transcript, may_repeat=may_repeat(action))
        headers = RequestHeaders(endpoint, self._namespace, action.name, charge_box_identity, from_url, message_id)
        client = _zeep.Client(self._document, transport=exchange, plugins=[headers], settings=self._settings)
        service = client.create_service(self._binding, endpoint.address)
        try:
            answer = service[action.name](**arguments_of(request, self.version))
            return read_answer(action, self.version, answer, transcript.warnings)
        except CallFailed as error:
            raise _with_subject(error, self._peer(endpoint, charge_box_identity)) from error.__cause__

    def _peer(self, endpoint: Endpoint, identity: str) -> str:
        named = identity if self.role_called is Role.CHARGE_POINT else "The central system"
        return f"{named} at {endpoint.address}"


class _Exchange:
    """What zeep takes for its transport: one request over our pools."""

    def __init__(self, endpoint: Endpoint, transcript: Transcript, *, may_repeat: bool) -> None:
        self.endpoint = endpoint
        self.transcript = transcript
        self.may_repeat = may_repeat

    def post_xml(self, _address: str, envelope: Any, headers: dict[str, str]) -> HttpAnswer:
        """Called by zeep with the finished envelope."""
        self.transcript.request = etree.tostring(envelope, xml_declaration=True, encoding="UTF-8")
        answer = _pools.post(self.endpoint, self.transcript.request, headers, may_repeat=self.may_repeat)
        self.transcript.response, self.transcript.status = answer.body, answer.status
        return answer


@cache
def client_for(role_called: Role, version: Version) -> SoapClient:
    """The process's client of one service."""
    return SoapClient(role_called, version)


def _with_subject(error: CallFailed, subject: str) -> CallFailed:
    sentence = f"{subject} {error}"
    if isinstance(error, Refused):
        return Refused(sentence, error.fault)
    if isinstance(error, TryLater):
        return TryLater(sentence, error.after)
    return type(error)(sentence)
