"""The one table of actions: who receives each, since which version, with which request and confirmation."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from ocpp_soap.messages import central_system as cs
from ocpp_soap.messages import charge_point as cp
from ocpp_soap.messages.data_transfer import DataTransferRequest, DataTransferResponse
from ocpp_soap.messages.versions import Role, Version


@dataclass(frozen=True)
class Action:
    """One operation: ``receiver`` is the side that answers it."""

    name: str
    receiver: Role
    request: type[Any]
    response: type[Any]
    since: Version = Version.V12

    @property
    def snake_name(self) -> str:
        """``StartTransaction`` → ``start_transaction``: the name of its handler file."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", self.name).lower()


def _row(receiver: Role, module: Any, name: str, since: Version = Version.V12) -> Action:
    return Action(name, receiver, getattr(module, f"{name}Request"), getattr(module, f"{name}Response"), since)


_CS, _CP, _V15 = Role.CENTRAL_SYSTEM, Role.CHARGE_POINT, Version.V15

ACTIONS: tuple[Action, ...] = (
    _row(_CS, cs, "Authorize"),
    _row(_CS, cs, "StartTransaction"),
    _row(_CS, cs, "StopTransaction"),
    _row(_CS, cs, "Heartbeat"),
    _row(_CS, cs, "MeterValues"),
    _row(_CS, cs, "BootNotification"),
    _row(_CS, cs, "StatusNotification"),
    _row(_CS, cs, "FirmwareStatusNotification"),
    _row(_CS, cs, "DiagnosticsStatusNotification"),
    Action("DataTransfer", _CS, DataTransferRequest, DataTransferResponse, _V15),
    _row(_CP, cp, "UnlockConnector"),
    _row(_CP, cp, "Reset"),
    _row(_CP, cp, "ChangeAvailability"),
    _row(_CP, cp, "GetDiagnostics"),
    _row(_CP, cp, "ClearCache"),
    _row(_CP, cp, "UpdateFirmware"),
    _row(_CP, cp, "ChangeConfiguration"),
    _row(_CP, cp, "RemoteStartTransaction"),
    _row(_CP, cp, "RemoteStopTransaction"),
    _row(_CP, cp, "CancelReservation", _V15),
    Action("DataTransfer", _CP, DataTransferRequest, DataTransferResponse, _V15),
    _row(_CP, cp, "GetConfiguration", _V15),
    _row(_CP, cp, "GetLocalListVersion", _V15),
    _row(_CP, cp, "ReserveNow", _V15),
    _row(_CP, cp, "SendLocalList", _V15),
)

_BY_ROLE = {role: {a.name: a for a in ACTIONS if a.receiver is role} for role in Role}


def actions(receiver: Role, version: Version = Version.V15) -> tuple[Action, ...]:
    """The actions that ``receiver`` answers in ``version``, in the order of the service description."""
    return tuple(a for a in _BY_ROLE[receiver].values() if version.has(a.since))


def find_action(receiver: Role, name: str) -> Action | None:
    """The action of that exact name that ``receiver`` answers in some version, or None."""
    return _BY_ROLE[receiver].get(name)
