"""Which requests may reach the other side twice, where nobody can tell whether the first did (RFC 9110 §9.2.2)."""

from __future__ import annotations

from ocpp_soap.messages import Action, Role

_NOT_TO_CENTRAL_SYSTEM = frozenset({"DataTransfer"})
_TO_CHARGE_POINT = frozenset(
    {"ChangeAvailability", "ChangeConfiguration", "ClearCache", "GetConfiguration", "GetLocalListVersion", "ReserveNow"}
    | {"SendLocalList"}
)


def may_repeat(action: Action) -> bool:
    """Whether a second copy of a request changes nothing more, and is answered so that it does no harm.

    A charge point has to send again whatever got no answer, so a central system knows a repeat. A second Reset resets
    twice, a second RemoteStopTransaction is Rejected; what a DataTransfer does, only its vendor knows.
    """
    if action.receiver is Role.CENTRAL_SYSTEM:
        return action.name not in _NOT_TO_CENTRAL_SYSTEM
    return action.name in _TO_CHARGE_POINT
