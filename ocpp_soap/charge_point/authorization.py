"""May this tag charge: the local list, else the central system, else what is configured for being offline (15 §4.1)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ocpp_soap.errors import OcppSoapError, Refused
from ocpp_soap.messages import AuthorizationStatus, AuthorizeRequest, AuthorizeResponse, IdTagInfo, limit_of

if TYPE_CHECKING:
    from ocpp_soap.charge_point.station import Station


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a tag was let in, with its group if known and one word on how it was decided."""

    accepted: bool
    parent_id_tag: str | None
    reason: str


class Authorization:
    """Decides on tags for one station."""

    def __init__(self, station: Station) -> None:
        self._station = station

    def decide(self, id_tag: str, then: Callable[[Decision], None]) -> None:
        """Call ``then`` with the decision: at once if the list knows the tag or nobody can be asked."""
        station = self._station
        if not self.can_name(id_tag):
            then(Decision(False, None, f"longer than the tags of OCPP {station.version}"))
            return
        listed = station.local_list.find(id_tag, station.now())
        if listed is not None and station.configuration.enabled("LocalPreAuthorize"):
            then(_by_status(listed))
        elif station.outbox.online:
            request = AuthorizeRequest(id_tag=id_tag)
            station.outbox.ask(request, lambda response, error: then(self._answered(id_tag, response, error)))
        else:
            then(self._offline(listed))

    def can_name(self, id_tag: str) -> bool:
        """Tell whether a tag is short enough for the messages of the station's version."""
        return len(id_tag) <= limit_of(AuthorizeRequest, "id_tag", self._station.version)

    def parent_of(self, id_tag: str) -> str | None:
        """The group of a tag, as far as the list knows it."""
        listed = self._station.local_list.find(id_tag, self._station.now())
        return listed.parent_id_tag if listed else None

    def _answered(self, id_tag: str, response: AuthorizeResponse | None, error: OcppSoapError | None) -> Decision:
        station = self._station
        if response is not None:
            station.learn(id_tag, response.id_tag_info)
            return _by_status(response.id_tag_info)
        if isinstance(error, Refused):
            return Decision(False, None, error.fault.subcode)
        return self._offline(station.local_list.find(id_tag, station.now()))

    def _offline(self, listed: IdTagInfo | None) -> Decision:
        configuration = self._station.configuration
        if listed is not None and configuration.enabled("LocalAuthorizeOffline"):
            return _by_status(listed)
        return Decision(listed is None and configuration.enabled("AllowOfflineTxForUnknownId"), None, "offline")


def _by_status(info: IdTagInfo) -> Decision:
    accepted = info.status in (AuthorizationStatus.ACCEPTED, AuthorizationStatus.CONCURRENT_TX)
    return Decision(accepted, info.parent_id_tag, str(info.status))
