"""What a station tells its observer of, beside the names of what happened to its sessions.

``accepted`` (None), ``clock_set`` (by how much), ``exchange`` (:class:`Exchange`), ``called`` (:class:`Called`),
``let_in`` (connectorId), ``refused`` (connectorId, idTag, reason), ``started`` and ``stopped`` (Transaction),
``start_answered`` (Transaction, status), ``delivered`` (the queue's entry, its answer), ``given_up`` (the entry, the
error), ``session_delivered`` and ``session_lost`` (the transaction's handle).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ocpp_soap.errors import OcppSoapError


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request of the station, with its answer or the reason why there is none, and how long that took."""

    request: Any
    response: Any
    error: OcppSoapError | None
    seconds: float

    @property
    def action(self) -> str:
        """The name of the action."""
        return action_of(self.request)


@dataclass(frozen=True, slots=True)
class Called:
    """A request of the central system, with what the station answered."""

    action: str
    request: Any
    response: Any


def action_of(request: Any) -> str:
    """``HeartbeatRequest`` → ``Heartbeat``."""
    return type(request).__name__.removesuffix("Request")
