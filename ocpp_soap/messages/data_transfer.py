"""DataTransfer, the one action that both sides send (15 §4.3, §5.5)."""

from __future__ import annotations

from dataclasses import dataclass

from ocpp_soap.messages.choices import DataTransferStatus
from ocpp_soap.messages.fields import about


@dataclass(slots=True, kw_only=True)
class DataTransferRequest:
    """Something outside OCPP, by agreement. ``vendor_id`` should be the vendor's reversed DNS name."""

    vendor_id: str = about(max_length=255, help="vendor, as a reversed DNS name")
    message_id: str | None = about(max_length=50, default=None)
    data: str | None = None


@dataclass(slots=True, kw_only=True)
class DataTransferResponse:
    """Answer to DataTransfer; no data with UnknownVendorId."""

    status: DataTransferStatus | str
    data: str | None = None
