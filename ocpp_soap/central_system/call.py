"""What a handler of the central system gets beside the request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ocpp_soap.central_system.stations import Station
from ocpp_soap.dispatch import Call
from ocpp_soap.messages import AuthorizationStatus, AuthorizeRequest, AuthorizeResponse, IdTagInfo

if TYPE_CHECKING:
    from ocpp_soap.central_system.system import CentralSystem


@dataclass(slots=True, kw_only=True)
class CentralSystemCall(Call):
    """A request of a charge point: ``station`` sent it, the rules are on ``central_system``."""

    central_system: CentralSystem
    station: Station

    def authorize(self, id_tag: str) -> IdTagInfo:
        """Whether the tag may charge: what this system's Authorize handler says, so that all actions decide alike.

        Blocked for every tag at a station that is not accepted.
        """
        if not self.station.is_accepted:
            return IdTagInfo(status=AuthorizationStatus.BLOCKED)
        handler = self.central_system.handlers.by_action["Authorize"]
        response: AuthorizeResponse = handler(AuthorizeRequest(id_tag=id_tag), self)
        return response.id_tag_info
