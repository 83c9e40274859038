"""Answering kept envelopes again, as if they had just come by HTTP: for ``messages replay``."""

from __future__ import annotations

from datetime import datetime

from ocpp_soap.dispatch import Exchanged
from ocpp_soap.messages import Role, Version
from ocpp_soap.soap.answering import Answering
from ocpp_soap.soap.exchange import Exchange, Receive
from ocpp_soap.soap.settings import SoapServerSettings


class Replay:
    """Hands envelopes to ``receive`` by the steps that a SOAP server of ``role`` takes."""

    def __init__(self, role: Role, receive: Receive, settings: SoapServerSettings) -> None:
        self._seen: list[Exchanged] = []
        self._answering = Answering(role, receive, settings, [self._seen.append])

    def __call__(
        self,
        body: bytes,
        *,
        received_at: datetime,
        charset: str = "",
        http_action: str = "",
        peer: str = "",
        url_identity: str = "",
        url_version: Version | None = None,
    ) -> Exchanged:
        """Answer one envelope; ``received_at`` is when it first came. Outcome ``ok``: it is understood now."""
        self._answering.answer(
            Exchange(
                received_at,
                body=body,
                charset=charset,
                http_action=http_action,
                peer=peer,
                url_identity=url_identity,
                url_version=url_version,
            )
        )
        return self._seen.pop()
