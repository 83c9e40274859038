"""Letting the central system answer kept envelopes again, when what was wrong is mended."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

from ocpp_soap.messages import Role, Version
from ocpp_soap.soap.replay import Replay
from ocpp_soap.soap.settings import server_settings

if TYPE_CHECKING:
    from ocpp_soap.central_system.kept import KeptEnvelope
    from ocpp_soap.central_system.system import CentralSystem
    from ocpp_soap.dispatch import Exchanged

UNDERSTOOD = "ok"
"""The outcome of an envelope that is understood now."""


def replay(system: CentralSystem, envelope: KeptEnvelope) -> Exchanged:
    """Answer an envelope again, as received when it was, and note it as replayed if it is understood now."""
    again = Replay(Role.CENTRAL_SYSTEM, system.receive_again, server_settings(system.settings, Role.CENTRAL_SYSTEM))
    exchanged = again(
        system.kept.body(envelope),
        received_at=envelope.at,
        charset=envelope.charset,
        http_action=envelope.http_action,
        peer=envelope.peer or "",
        url_identity=envelope.url_identity,
        url_version=Version(envelope.url_version) if envelope.url_version else None,
    )
    if exchanged.outcome == UNDERSTOOD:
        system.kept.replayed(envelope.id, datetime.now(timezone.utc))
    return exchanged


def text_of(system: CentralSystem, envelope: KeptEnvelope) -> str:
    """The envelope as text; what is no text in its charset is replaced."""
    return system.kept.body(envelope).decode(envelope.charset or "utf-8", "replace")
