"""What the connectors say of themselves: the latest status of each, and every one that arrived (12 §4.8, 15 §4.9)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from ocpp_soap.central_system.collections import CONNECTORS, STATUSES
from ocpp_soap.central_system.records import (
    Listing,
    arrival_key,
    record_of,
    select,
    warning_documents,
)
from ocpp_soap.central_system.texts import LONGEST_NAME, shortened
from ocpp_soap.dispatch import Call
from ocpp_soap.messages import StatusNotificationRequest
from ocpp_soap.storage.base import Document, Storage


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectorStatus:
    """One StatusNotification. Connector 0 is the station as a whole.

    ``timestamp`` is the station's time, the time of receipt if it sent none (15 §6.41).
    """

    charge_box_identity: str
    connector_id: int
    status: str
    error_code: str
    timestamp: datetime
    received_at: datetime
    version: str
    info: str | None = None
    vendor_id: str | None = None
    vendor_error_code: str | None = None
    warnings: list[dict[str, str]] = field(default_factory=list)


class Statuses:
    """The statuses of all connectors, in the order of arrival."""

    def __init__(self, store: Storage) -> None:
        self._store = store

    def add(self, request: StatusNotificationRequest, call: Call) -> None:
        """Keep a StatusNotification.req in the history and as the connector's current status."""
        warnings = call.warnings
        status = shortened(str(request.status), "status", warnings, LONGEST_NAME)
        error_code = shortened(str(request.error_code), "errorCode", warnings, LONGEST_NAME)
        info = shortened(request.info, "info", warnings)
        vendor_id = shortened(request.vendor_id, "vendorId", warnings)
        vendor_error_code = shortened(request.vendor_error_code, "vendorErrorCode", warnings)
        document: Document = {
            "charge_box_identity": call.charge_box_identity,
            "connector_id": request.connector_id,
            "status": status,
            "error_code": error_code,
            "timestamp": request.timestamp or call.received_at,
            "received_at": call.received_at,
            "version": call.version.value,
            "warnings": warning_documents(warnings),
        }
        if info is not None:
            document["info"] = info
        if vendor_id is not None:
            document["vendor_id"] = vendor_id
        if vendor_error_code is not None:
            document["vendor_error_code"] = vendor_error_code
        key = f"{call.charge_box_identity}:{request.connector_id}"
        self._store.write(
            append={STATUSES: [(arrival_key(), document)]}, put={CONNECTORS: {key: document}}, pending=call.pending
        )

    def current(self, charge_box_identity: str) -> list[ConnectorStatus]:
        """The latest status of each connector of a station that ever sent one, connector 0 first."""
        where = {"charge_box_identity": charge_box_identity}
        found = self._store.find_all(CONNECTORS, where, order="connector_id")
        return [_read(stored.document) for stored in found]

    def connectors(
        self,
        *,
        charge_box_identity: str | None = None,
        status: str | None = None,
        limit: int = 100,
        after: str | None = None,
    ) -> Listing[ConnectorStatus]:
        """The latest status of each connector: of a station, of all that have one status, or of all."""
        where: Document = {}
        if charge_box_identity is not None:
            where["charge_box_identity"] = charge_box_identity
        elif status is not None:
            where["status"] = status
        keep = (lambda found: found.status == status) if charge_box_identity and status else None
        order = "connector_id" if charge_box_identity is not None else None
        return select(self._store, CONNECTORS, where, _read, keep=keep, order=order, limit=limit, after=after)

    def history(
        self,
        charge_box_identity: str,
        *,
        connector_id: int | None = None,
        descending: bool = False,
        limit: int = 100,
        after: str | None = None,
    ) -> Listing[ConnectorStatus]:
        """The statuses of a station, or of one connector of it, in the order of arrival."""
        return select(
            self._store,
            STATUSES,
            {"charge_box_identity": charge_box_identity},
            _read,
            keep=None if connector_id is None else lambda found: found.connector_id == connector_id,
            order="received_at",
            descending=descending,
            limit=limit,
            after=after,
        )


def _read(document: Document) -> ConnectorStatus:
    return record_of(ConnectorStatus, document)
