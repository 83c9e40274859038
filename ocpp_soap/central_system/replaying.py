"""Letting the central system answer kept envelopes again, when what was wrong is mended."""

from __future__ import annotations

import dataclasses
from datetime import datetime, timezone
from functools import partial
from typing import TYPE_CHECKING

from ocpp_soap.central_system.kept import UNDERSTOOD, outcome_of
from ocpp_soap.messages import Role, Version
from ocpp_soap.soap import charsets
from ocpp_soap.soap.replay import Replay
from ocpp_soap.soap.settings import server_settings

if TYPE_CHECKING:
    from ocpp_soap.central_system.kept import KeptEnvelope
    from ocpp_soap.central_system.system import CentralSystem
    from ocpp_soap.dispatch import Exchanged


def replay(system: CentralSystem, envelope: KeptEnvelope, *, is_named: bool = True) -> Exchanged:
    """Answer an envelope again, as received when it was, and note it as replayed if it is understood now.

    The outcome is UNDERSTOOD then, else as :func:`outcome_of` says. Of one that could not even be read far enough to
    tell its station, nobody knows whether it proved what that must: it is believed only if the operator named it.
    """
    receive = partial(system.receive_again, is_believed=is_named or envelope.charge_box_identity is not None)
    again = Replay(Role.CENTRAL_SYSTEM, receive, server_settings(system.settings, Role.CENTRAL_SYSTEM))
    exchanged = again(
        system.kept.body(envelope),
        received_at=envelope.at,
        charset=envelope.charset,
        http_action=envelope.http_action,
        peer=envelope.peer or "",
        url_identity=envelope.url_identity,
        url_version=Version(envelope.url_version) if envelope.url_version else None,
    )
    outcome = outcome_of(exchanged)
    if outcome == UNDERSTOOD:
        system.kept.replayed(envelope.id, datetime.now(timezone.utc))
    return dataclasses.replace(exchanged, outcome=outcome)


def text_of(system: CentralSystem, envelope: KeptEnvelope) -> str:
    """The envelope as text; what is no text in its encoding is replaced."""
    return charsets.text_of(system.kept.body(envelope), envelope.charset)
