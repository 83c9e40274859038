"""Calls to the charge points: which version, which address, and one clear sentence when it cannot be done."""

from __future__ import annotations

from typing import Any

from ocpp_soap.central_system.stations import Stations
from ocpp_soap.errors import InvalidMessage, NoAddress, NotSupportedInVersion
from ocpp_soap.messages import ACTIONS, Action, Role, Version

CALLBACK_PATH = "/Ocpp/CentralSystemService"
_BY_REQUEST: dict[type[Any], Action] = {
    action.request: action for action in ACTIONS if action.receiver is Role.CHARGE_POINT
}


class Commands:
    """The central system as a client of the stations' ChargePointService.

    ``timeout`` in seconds is for a whole call; ``public_url`` is what stations call us by, told them in ``From``.
    """

    def __init__(self, stations: Stations, *, timeout: float, public_url: str = "") -> None:
        self._stations = stations
        self._timeout = timeout
        self._from_url = public_url.rstrip("/") + CALLBACK_PATH if public_url else ""

    def call(self, charge_box_identity: str, request: Any, timeout: float | None = None) -> Any:
        """Send a request message to a station in the version it speaks and return its response message.

        Raises NoAddress (also for a station that is not known), NotSupportedInVersion, InvalidMessage, and what else
        of CallFailed the call itself ends in.
        """
        station = self._stations.get(charge_box_identity)
        if station is None:
            raise NoAddress(f"{charge_box_identity}: no such station; `ocpp-soap stations list` shows those known")
        check_action(charge_box_identity, request, station.ocpp_version)
        if not station.callback_url:
            raise NoAddress(
                f"{charge_box_identity}: its callback address is not known, since no message of it had a usable From; "
                f"set it with `ocpp-soap stations set-url {charge_box_identity} URL`"
            )
        from ocpp_soap.soap.client import Endpoint, client_for  # noqa: PLC0415 (zeep is loaded at the first call only)

        endpoint = Endpoint(station.callback_url, timeout=self._timeout if timeout is None else timeout)
        client = client_for(Role.CHARGE_POINT, station.ocpp_version)
        return client.call(endpoint, charge_box_identity, request, from_url=self._from_url)


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
