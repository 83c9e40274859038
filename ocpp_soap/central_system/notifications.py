"""How firmware updates and diagnostics uploads went: all of them, and the latest (12 §4.3, §4.4, 15 §4.4, §4.5)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from ocpp_soap.central_system.collections import NOTIFICATIONS
from ocpp_soap.central_system.records import Listing, arrival_key, document_of, record_of, select, warning_documents
from ocpp_soap.central_system.texts import LONGEST_NAME, shortened
from ocpp_soap.dispatch import Call
from ocpp_soap.messages import Choice
from ocpp_soap.storage.base import Storage


class Subject(Choice):
    """What a notification is about."""

    FIRMWARE = "firmware"
    DIAGNOSTICS = "diagnostics"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """One FirmwareStatusNotification or DiagnosticsStatusNotification; ``kind`` is a :class:`Subject`."""

    charge_box_identity: str
    kind: str
    status: str
    received_at: datetime
    version: str
    warnings: list[dict[str, str]] = field(default_factory=list)


class Notifications:
    """The notifications of all stations, in the order of arrival."""

    def __init__(self, store: Storage) -> None:
        self._store = store

    def add(self, subject: Subject, status: str, call: Call) -> None:
        """Keep a status that a station notified."""
        text = shortened(str(status), "status", call.warnings, LONGEST_NAME)
        notification = Notification(
            charge_box_identity=call.charge_box_identity,
            kind=subject.value,
            status=text,
            received_at=call.received_at,
            version=call.version.value,
            warnings=warning_documents(call.warnings),
        )
        self._store.append(NOTIFICATIONS, [(arrival_key(), document_of(notification))])

    def latest(self, charge_box_identity: str, subject: Subject) -> Notification | None:
        """The last notification of a station on that subject, or None."""
        found = self.history(charge_box_identity, subject, descending=True, limit=1).items
        return found[0] if found else None

    def history(
        self,
        charge_box_identity: str,
        subject: Subject,
        *,
        descending: bool = False,
        limit: int = 100,
        after: str | None = None,
    ) -> Listing[Notification]:
        """The notifications of a station on that subject, in the order of arrival."""
        where = {"charge_box_identity": charge_box_identity, "kind": subject.value}
        return select(
            self._store,
            NOTIFICATIONS,
            where,
            lambda document: record_of(Notification, document),
            descending=descending,
            limit=limit,
            after=after,
        )
