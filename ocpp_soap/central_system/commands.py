"""Calls to the charge points: which version, which address, and one clear sentence when it cannot be done."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

from ocpp_soap.central_system.journal import Journal
from ocpp_soap.central_system.journal_entries import Called
from ocpp_soap.central_system.lifecycle import log_payload
from ocpp_soap.central_system.profiles import Profiles
from ocpp_soap.central_system.stations import Station, Stations
from ocpp_soap.errors import CallFailed, InvalidMessage, NoAddress, NotSupportedInVersion
from ocpp_soap.messages import ACTIONS, Action, Role, Version
from ocpp_soap.soap.urls import base_path

CallStation = Callable[[str, Any], Any]
"""Calls a station as :meth:`Commands.call` does: identity, request -> response."""

_BY_REQUEST: dict[type[Any], Action] = {
    action.request: action for action in ACTIONS if action.receiver is Role.CHARGE_POINT
}


class Commands:
    """The central system as a client of the stations' ChargePointService.

    ``public_url`` is what stations call us by, told them in ``From``. ``log_payload``: log the envelopes.
    """

    def __init__(
        self,
        stations: Stations,
        profiles: Profiles,
        journal: Journal,
        *,
        public_url: str = "",
        log_payload: bool = False,
    ) -> None:
        self._stations = stations
        self._profiles = profiles
        self._journal = journal
        self._log_payload = log_payload
        self._from_url = public_url.rstrip("/") + base_path(Role.CENTRAL_SYSTEM) if public_url else ""

    def call(
        self, charge_box_identity: str, request: Any, timeout: float | None = None, *, message_id: str = ""
    ) -> Any:
        """Send a request message to a station in the version it speaks and return its response message.

        ``timeout`` in seconds is for the whole call; ``message_id`` is made up if none is given. Raises NoAddress (also
        for a station that is not known), NotSupportedInVersion, InvalidMessage, and what else of CallFailed the call
        itself ends in.
        """
        station = self._stations.get(charge_box_identity)
        if station is None:
            raise NoAddress(f"{charge_box_identity}: no such station; `ocpp-soap stations list` shows those known")
        action = check_action(charge_box_identity, request, station.ocpp_version)
        if not station.callback_url:
            raise NoAddress(
                f"{charge_box_identity}: its callback address is not known, since no message of it had a usable From; "
                f"set it with `ocpp-soap stations set-url {charge_box_identity} URL`"
            )
        return self._send(station, action, request, timeout, message_id)

    def _send(self, station: Station, action: Action, request: Any, timeout: float | None, message_id: str) -> Any:
        from ocpp_soap.soap.client import Transcript, client_for  # noqa: PLC0415 (zeep is loaded at the first call only)

        transcript = Transcript()
        at, begin = datetime.now(timezone.utc), time.perf_counter()
        outcome, reason = "ok", None
        try:
            return client_for(Role.CHARGE_POINT, station.ocpp_version).call(
                self._profiles.endpoint(station, timeout),
                station.spelling or station.charge_box_identity,
                request,
                from_url=self._from_url,
                message_id=message_id,
                transcript=transcript,
            )
        except CallFailed as error:
            outcome, reason = type(error).__name__, str(error)
            raise
        finally:
            called = Called(station.charge_box_identity, action.name, station.ocpp_version, at, outcome, reason)
            self._journal.add_call(called, time.perf_counter() - begin, transcript)
            if self._log_payload:
                log_payload(called, transcript)


def check_action(charge_box_identity: str, request: Any, version: Version) -> Action:
    """The action of a request to a station that speaks ``version``.

    Raises InvalidMessage if no station answers such a message, NotSupportedInVersion if none of the version does.
    """
    action = _BY_REQUEST.get(type(request))
    if action is None:
        raise InvalidMessage(f"{type(request).__name__} is not a request that a charge point answers")
    if not version.has(action.since):
        raise NotSupportedInVersion(
            f"{action.name} does not exist in OCPP {version}, which {charge_box_identity} speaks; "
            f"it exists since {action.since}"
        )
    return action
