"""What a charge point sends and the central system answers (12/15 chapter 4, 6): ten actions, nine in 1.2."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from ocpp_soap.messages.choices import (
    ChargePointErrorCode,
    ChargePointStatus,
    DiagnosticsStatus,
    FirmwareStatus,
    RegistrationStatus,
)
from ocpp_soap.messages.fields import Text, about
from ocpp_soap.messages.records import ID_TOKEN, IdTagInfo, MeterValue, TransactionData
from ocpp_soap.messages.versions import Version

_V15 = Version.V15


@dataclass(slots=True, kw_only=True)
class AuthorizeRequest:
    """May this idTag charge? (12/15 §4.1)"""

    id_tag: str = about(text=ID_TOKEN)


@dataclass(slots=True, kw_only=True)
class AuthorizeResponse:
    """Answer to Authorize."""

    id_tag_info: IdTagInfo


@dataclass(slots=True, kw_only=True)
class StartTransactionRequest:
    """Charging has started (12 §4.7, 15 §4.8). ``meter_start`` is in Wh; ``reservation_id``: what it ends."""

    connector_id: int = about(help="connector, 1 or more")
    id_tag: str = about(text=ID_TOKEN)
    timestamp: datetime
    meter_start: int = about(help="meter reading at the start, Wh")
    reservation_id: int | None = about(since=_V15, default=None)


@dataclass(slots=True, kw_only=True)
class StartTransactionResponse:
    """Answer to StartTransaction: always an id, whatever the status."""

    transaction_id: int
    id_tag_info: IdTagInfo


@dataclass(slots=True, kw_only=True)
class StopTransactionRequest:
    """A transaction has ended (12 §4.9, 15 §4.10). ``meter_stop`` is in Wh; no ``id_tag``: the station stopped."""

    transaction_id: int = about(if_missing=0)
    id_tag: str | None = about(text=ID_TOKEN, default=None)
    timestamp: datetime
    meter_stop: int = about(help="meter reading at the stop, Wh")
    transaction_data: list[TransactionData] = about(since=_V15, default_factory=list)


@dataclass(slots=True, kw_only=True)
class StopTransactionResponse:
    """Answer to StopTransaction; nothing to tell of a stop without an idTag."""

    id_tag_info: IdTagInfo | None = None


@dataclass(slots=True, kw_only=True)
class HeartbeatRequest:
    """The station is alive (12 §4.5, 15 §4.6)."""


@dataclass(slots=True, kw_only=True)
class HeartbeatResponse:
    """The central system's time, by which a station may set its clock."""

    current_time: datetime


@dataclass(slots=True, kw_only=True)
class MeterValuesRequest:
    """Meter readings (12 §4.6, 15 §4.7). Connector 0 is the main meter."""

    connector_id: int = about(help="connector; 0: the station's main meter")
    transaction_id: int | None = about(since=_V15, default=None)
    values: list[MeterValue] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class MeterValuesResponse:
    """Answer to MeterValues: it cannot refuse."""


@dataclass(slots=True, kw_only=True)
class BootNotificationRequest:
    """The station has started (12/15 §4.2) and says what it is."""

    charge_point_vendor: str = about(text=Text("ChargePointVendor", 20), if_missing="")
    charge_point_model: str = about(text=Text("ChargePointModel", 20), if_missing="")
    charge_point_serial_number: str | None = about(text=Text("ChargePointSerialNumber", 25), default=None)
    charge_box_serial_number: str | None = about(text=Text("ChargeBoxSerialNumber", 25), default=None)
    firmware_version: str | None = about(text=Text("FirmwareVersion", 50, max_length_12=20), default=None)
    iccid: str | None = about(text=Text("IccidString", 20), default=None)
    imsi: str | None = about(text=Text("ImsiString", 20), default=None)
    meter_type: str | None = about(text=Text("MeterType", 25), default=None)
    meter_serial_number: str | None = about(text=Text("MeterSerialNumber", 25), default=None)


@dataclass(slots=True, kw_only=True)
class BootNotificationResponse:
    """Answer to BootNotification. ``heartbeat_interval`` is in seconds; with Rejected, the time until the next try."""

    status: RegistrationStatus | str
    current_time: datetime | None = about(required_since=_V15, default=None)
    heartbeat_interval: int | None = about(required_since=_V15, default=None, help="seconds")


@dataclass(slots=True, kw_only=True)
class StatusNotificationRequest:
    """State of a connector, or of the station as connector 0 (12 §4.8, 15 §4.9)."""

    connector_id: int = about(help="connector; 0: the station as a whole")
    status: ChargePointStatus | str
    error_code: ChargePointErrorCode | str
    info: str | None = about(since=_V15, max_length=50, default=None)
    timestamp: datetime | None = about(since=_V15, default=None)
    vendor_id: str | None = about(since=_V15, max_length=255, default=None)
    vendor_error_code: str | None = about(since=_V15, max_length=50, default=None)


@dataclass(slots=True, kw_only=True)
class StatusNotificationResponse:
    """Answer to StatusNotification."""


@dataclass(slots=True, kw_only=True)
class FirmwareStatusNotificationRequest:
    """Progress of a firmware update (12 §4.4, 15 §4.5)."""

    status: FirmwareStatus | str


@dataclass(slots=True, kw_only=True)
class FirmwareStatusNotificationResponse:
    """Answer to FirmwareStatusNotification."""


@dataclass(slots=True, kw_only=True)
class DiagnosticsStatusNotificationRequest:
    """End of a diagnostics upload (12 §4.3, 15 §4.4)."""

    status: DiagnosticsStatus | str


@dataclass(slots=True, kw_only=True)
class DiagnosticsStatusNotificationResponse:
    """Answer to DiagnosticsStatusNotification."""
