"""What a handler of the central system gets beside the request."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from ocpp_soap.central_system.answers import sound
from ocpp_soap.central_system.stations import Station
from ocpp_soap.dispatch import Call, leave_out_no_warnings
from ocpp_soap.errors import RetryLater, StoreUnavailable
from ocpp_soap.messages import AuthorizationStatus, AuthorizeRequest, IdTagInfo

if TYPE_CHECKING:
    from ocpp_soap.central_system.system import CentralSystem

_log = structlog.get_logger("ocpp_soap.central_system")


@dataclass(slots=True, kw_only=True)
class CentralSystemCall(Call):
    """A request of a charge point: ``station`` sent it, the rules are on ``central_system``.

    ``is_told``: a rule has stored its event, together with what that tells of. ``is_replayed``: it came a while
    ago, was kept because it was not understood, and is answered again.
    """

    central_system: CentralSystem
    station: Station
    is_told: bool = False
    is_replayed: bool = False

    @classmethod
    def of(cls, call: Call, central_system: CentralSystem, station: Station) -> CentralSystemCall:
        """What a handler gets of ``call``, whose warnings it shares."""
        made = object.__new__(cls)
        made.charge_box_identity = call.charge_box_identity
        made.version = call.version
        made.action = call.action
        made.request = call.request
        made.received_at = call.received_at
        made.message_id = call.message_id
        made.callback_url = call.callback_url
        made.peer = call.peer
        made.client_subject = call.client_subject
        made.username = call.username
        made.password = call.password
        made.warnings = call.warnings
        made.pending = call.pending
        made.again = call.again
        made.central_system = central_system
        made.station = station
        made.is_told = made.is_replayed = False
        return made

    def once_stored(self, step: Callable[[], None]) -> None:
        """Run a step that neither waits nor raises when all that was stored so far is; not at all if it is not."""
        if self.pending is None or not self.pending.is_begun:
            step()
        else:
            self.pending.afterwards(lambda is_stored: step() if is_stored else None)

    def authorize(self, id_tag: str) -> IdTagInfo:
        """Whether the tag may charge: what this system's Authorize handler says, so that all actions decide alike.

        Blocked for every tag at a station that is not accepted. Where the handler fails, or says what is no answer, the
        tag is Invalid and the log has the reason: the start or the stop itself must be recorded. A date or a parent
        that no answer can hold is left out.
        """
        if not self.station.is_accepted:
            return IdTagInfo(status=AuthorizationStatus.BLOCKED)
        handler = self.central_system.handlers.by_action["Authorize"]
        try:
            return sound(handler(AuthorizeRequest(id_tag=id_tag), self), self)
        except (StoreUnavailable, RetryLater):
            raise
        except (Exception, SystemExit):  # a handler that ends its program is not to end ours
            _log.exception("the handler of Authorize failed; the tag counts as Invalid", action=self.action.name)
            return IdTagInfo(status=AuthorizationStatus.INVALID)
        finally:
            if self.warnings:
                leave_out_no_warnings(self)
