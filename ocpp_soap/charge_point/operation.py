"""What somebody in front of a station can do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocpp_soap.charge_point.timekeeping import Timekeeping
from ocpp_soap.messages import ChargePointErrorCode

if TYPE_CHECKING:
    from ocpp_soap.charge_point.connector import Connector
    from ocpp_soap.charge_point.sessions import Sessions
    from ocpp_soap.charge_point.states import States


class Operation(Timekeeping):
    """The driver's side of a station: cables, tags and faults. The methods may be called from any thread."""

    connectors: dict[int, Connector]
    sessions: Sessions
    states: States

    def plug(self, connector_id: int) -> None:
        """Plug a cable into a connector."""
        with self.lock:
            self.sessions.plug(self.connectors[connector_id])

    def unplug(self, connector_id: int) -> None:
        """Take the cable out of a connector."""
        with self.lock:
            self.sessions.unplug(self.connectors[connector_id])

    def present_tag(self, connector_id: int, id_tag: str) -> None:
        """Hold a tag to the reader of a connector."""
        with self.lock:
            self.sessions.tag(self.connectors[connector_id], id_tag)

    def stop_transaction(self, connector_id: int) -> None:
        """End the transaction of a connector without a tag."""
        with self.lock:
            self.sessions.stop(self.connectors[connector_id])

    def fault(self, connector_id: int, error_code: ChargePointErrorCode) -> None:
        """Set the error of a connector, or of the station as 0; NoError ends it. A fault interrupts charging."""
        with self.lock:
            self.states.fault(connector_id, error_code)

    def unlock(self, connector_id: int) -> bool:
        """End the transaction of a connector and let go of the cable; False: stuck, or no such connector."""
        with self.lock:
            connector = self.connectors.get(connector_id)
            if connector is None:
                return False
            self.sessions.stop(connector)
            connector.locked = connector.locked and not connector.lock_works
            if not connector.lock_works:
                self.fault(connector_id, ChargePointErrorCode.CONNECTOR_LOCK_FAILURE)
            return connector.lock_works
