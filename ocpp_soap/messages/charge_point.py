"""What the central system sends and a charge point answers (12/15 chapter 5, 6): fifteen actions, nine in 1.2."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from ocpp_soap.messages.choices import (
    AvailabilityStatus,
    AvailabilityType,
    CancelReservationStatus,
    ClearCacheStatus,
    ConfigurationStatus,
    RemoteStartStopStatus,
    ReservationStatus,
    ResetStatus,
    ResetType,
    UnlockStatus,
    UpdateStatus,
    UpdateType,
)
from ocpp_soap.messages.fields import about
from ocpp_soap.messages.records import ID_TOKEN, AuthorisationData, KeyValue


@dataclass(slots=True, kw_only=True)
class UnlockConnectorRequest:
    """Unlock a connector; a transaction on it is finished first (12 §5.8, 15 §5.14)."""

    connector_id: int = about(least=1, help="connector, 1 or more")


@dataclass(slots=True, kw_only=True)
class UnlockConnectorResponse:
    """Answer to UnlockConnector."""

    status: UnlockStatus | str


@dataclass(slots=True, kw_only=True)
class ResetRequest:
    """Restart the station (12 §5.7, 15 §5.12)."""

    type: ResetType | str


@dataclass(slots=True, kw_only=True)
class ResetResponse:
    """Answer to Reset: sent before it is executed."""

    status: ResetStatus | str


@dataclass(slots=True, kw_only=True)
class ChangeAvailabilityRequest:
    """Take a connector, or with 0 the station, out of or back into use (12 §5.1, 15 §5.2)."""

    connector_id: int = about(least=0, help="connector; 0: the whole station")
    type: AvailabilityType | str


@dataclass(slots=True, kw_only=True)
class ChangeAvailabilityResponse:
    """Answer to ChangeAvailability."""

    status: AvailabilityStatus | str


@dataclass(slots=True, kw_only=True)
class GetDiagnosticsRequest:
    """Upload one compressed file of diagnostics into the folder ``location`` (12 §5.4, 15 §5.7)."""

    location: str = about(uri=True, help="URL of the folder to upload into, ftp or ftps")
    start_time: datetime | None = about(default=None, help="oldest entry wanted")
    stop_time: datetime | None = about(default=None, help="newest entry wanted")
    retries: int | None = about(default=None, help="number of attempts")
    retry_interval: int | None = about(default=None, help="seconds between attempts")


@dataclass(slots=True, kw_only=True)
class GetDiagnosticsResponse:
    """Answer to GetDiagnostics; no file name: there is nothing to upload."""

    file_name: str | None = about(max_length=255, default=None)


@dataclass(slots=True, kw_only=True)
class ClearCacheRequest:
    """Forget the idTags learned from earlier answers (12 §5.3, 15 §5.4)."""


@dataclass(slots=True, kw_only=True)
class ClearCacheResponse:
    """Answer to ClearCache."""

    status: ClearCacheStatus | str


@dataclass(slots=True, kw_only=True)
class UpdateFirmwareRequest:
    """Fetch new firmware from the file ``location`` after ``retrieve_date`` (12 §5.9, 15 §5.15)."""

    retrieve_date: datetime = about(help="fetch it after this time")
    location: str = about(uri=True, help="URL of the firmware file, ftp or ftps")
    retries: int | None = about(default=None, help="number of attempts")
    retry_interval: int | None = about(default=None, help="seconds between attempts")


@dataclass(slots=True, kw_only=True)
class UpdateFirmwareResponse:
    """Answer to UpdateFirmware: it cannot refuse."""


@dataclass(slots=True, kw_only=True)
class ChangeConfigurationRequest:
    """Set a configuration key (12 §5.2, 15 §5.3)."""

    key: str = about(max_length=50)
    value: str = about(max_length=500)


@dataclass(slots=True, kw_only=True)
class ChangeConfigurationResponse:
    """Answer to ChangeConfiguration."""

    status: ConfigurationStatus | str


@dataclass(slots=True, kw_only=True)
class RemoteStartTransactionRequest:
    """Start a transaction for ``id_tag``; the station chooses the connector if none is given (12 §5.5, 15 §5.9)."""

    id_tag: str = about(text=ID_TOKEN)
    connector_id: int | None = about(least=1, default=None, help="connector, 1 or more")


@dataclass(slots=True, kw_only=True)
class RemoteStartTransactionResponse:
    """Answer to RemoteStartTransaction: will it be executed?"""

    status: RemoteStartStopStatus | str


@dataclass(slots=True, kw_only=True)
class RemoteStopTransactionRequest:
    """Stop a transaction (12 §5.6, 15 §5.10)."""

    transaction_id: int


@dataclass(slots=True, kw_only=True)
class RemoteStopTransactionResponse:
    """Answer to RemoteStopTransaction: will it be executed?"""

    status: RemoteStartStopStatus | str


@dataclass(slots=True, kw_only=True)
class CancelReservationRequest:
    """Cancel a reservation by its id (15 §5.1)."""

    reservation_id: int


@dataclass(slots=True, kw_only=True)
class CancelReservationResponse:
    """Answer to CancelReservation."""

    status: CancelReservationStatus | str


@dataclass(slots=True, kw_only=True)
class GetConfigurationRequest:
    """Read settings: the named ones, or all (15 §5.6)."""

    key: list[str] = about(max_length=50, default_factory=list, help="key to read; none: all")


@dataclass(slots=True, kw_only=True)
class GetConfigurationResponse:
    """Answer to GetConfiguration."""

    configuration_key: list[KeyValue] = field(default_factory=list)
    unknown_key: list[str] = about(max_length=50, default_factory=list)


@dataclass(slots=True, kw_only=True)
class GetLocalListVersionRequest:
    """Which version of the local authorisation list does the station hold? (15 §5.8)"""


@dataclass(slots=True, kw_only=True)
class GetLocalListVersionResponse:
    """Answer to GetLocalListVersion; 0: the list is empty, -1: lists are not supported."""

    list_version: int


@dataclass(slots=True, kw_only=True)
class ReserveNowRequest:
    """Reserve a connector, or with 0 any one, for an idTag until ``expiry_date`` (15 §5.11)."""

    connector_id: int = about(least=0, help="connector; 0: any")
    expiry_date: datetime = about(help="end of the reservation")
    id_tag: str = about(text=ID_TOKEN)
    parent_id_tag: str | None = about(text=ID_TOKEN, default=None)
    reservation_id: int


@dataclass(slots=True, kw_only=True)
class ReserveNowResponse:
    """Answer to ReserveNow."""

    status: ReservationStatus | str


@dataclass(slots=True, kw_only=True)
class SendLocalListRequest:
    """Replace or change the local authorisation list (15 §5.13)."""

    update_type: UpdateType | str
    list_version: int = about(help="version of the list after the update")
    local_authorisation_list: list[AuthorisationData] = field(default_factory=list)
    hash: str | None = about(max_length=64, default=None)


@dataclass(slots=True, kw_only=True)
class SendLocalListResponse:
    """Answer to SendLocalList."""

    status: UpdateStatus | str
    hash: str | None = about(max_length=64, default=None)
