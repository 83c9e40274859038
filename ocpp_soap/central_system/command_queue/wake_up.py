"""Waking a station up that cannot be reached, as the mobile chapter foresees (12/15 §8.3): usually by an SMS.

A webhook gets ``{"charge_box_identity": …, "iccid": …, "imsi": …, "command_id": …, "action": …}`` as JSON; a file
``hooks/wake_up.py`` in a folder of ``handlers.paths`` gets the same in ``handle(station, command)``. On the SMS the
station sends a Heartbeat, and that is when the command is delivered.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import structlog

from ocpp_soap.central_system.command_queue.record import Command
from ocpp_soap.central_system.posts import open_connections, post_json
from ocpp_soap.central_system.stations import Station, Stations
from ocpp_soap.errors import CallFailed

TIMEOUT = 5.0
_log = structlog.get_logger("ocpp_soap.central_system")

Hook = Callable[[Station, Command], Any]


@dataclass(frozen=True)
class WakeUp:
    """Wakes stations up by ``hook`` and by ``url``, whichever there is; ``interval`` in seconds is for one station."""

    stations: Stations
    url: str = ""
    hook: Hook | None = None
    interval: float = 60.0

    @property
    def is_on(self) -> bool:
        """Whether there is anything to call."""
        return bool(self.url) or self.hook is not None

    def wake(self, command: Command) -> str:
        """Wake the station of a command up; what came of it, for the record of the attempt. Never raises."""
        station = self.stations.get(command.charge_box_identity)
        if station is None:
            return "the station is no longer known"
        try:
            if self.hook is not None:
                self.hook(station, command)
            if self.url:
                self._post(station, command)
        except Exception as error:
            _log.warning("the wake-up hook failed", charge_box_identity=command.charge_box_identity, error=repr(error))
            return f"failed: {type(error).__name__}"
        return "called"

    def _post(self, station: Station, command: Command) -> None:
        boot = station.boot or {}
        body = {
            "charge_box_identity": command.charge_box_identity,
            "iccid": boot.get("iccid"),
            "imsi": boot.get("imsi"),
            "command_id": command.command_id,
            "action": command.action,
        }
        with closing(open_connections()) as connections:
            status = post_json(connections, self.url, json.dumps(body).encode(), {}, timeout=TIMEOUT)
        if status >= 400:
            raise CallFailed(f"answered {status}")
