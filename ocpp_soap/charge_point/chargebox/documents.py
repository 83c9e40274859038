"""What the documents of the hardware side must hold. Fields of its own are left alone."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeInt,
    PositiveInt,
    TypeAdapter,
    ValidationError,
)

from ocpp_soap.charge_point.validation import first_of
from ocpp_soap.messages import ChargePointErrorCode, ChargePointStatus


def _aware(time: datetime) -> datetime:
    return time if time.tzinfo else time.replace(tzinfo=timezone.utc)


_Time = Annotated[datetime, AfterValidator(_aware)]
_time = TypeAdapter[datetime](_Time)
_NEVER = datetime.min.replace(tzinfo=timezone.utc)
_IdTag = Annotated[str, Field(min_length=1, max_length=20)]


class Unusable(Exception):
    """A document that cannot be sent; the text is the reason."""


class _Document(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class TagRequest(_Document):
    """A tag that was presented."""

    connector_id: PositiveInt
    id_tag: _IdTag


class StatusDocument(_Document):
    """A state of a connector, or of the box as connector 0."""

    connector_id: NonNegativeInt
    status: ChargePointStatus
    error_code: ChargePointErrorCode = ChargePointErrorCode.NO_ERROR
    timestamp: _Time | None = None
    info: str | None = None
    vendor_id: str | None = None
    vendor_error_code: str | None = None


class StartDocument(_Document):
    """The start of a transaction; ``meter_start`` in Wh."""

    connector_id: PositiveInt
    id_tag: _IdTag
    timestamp: _Time
    meter_start: int
    reservation_id: int | None = None


class StopDocument(_Document):
    """The end of the transaction that began with the document whose key is ``start``; ``meter_stop`` in Wh."""

    start: str
    timestamp: _Time
    meter_stop: int
    id_tag: _IdTag | None = None


def read(kind: type[Any], content: dict[str, Any]) -> Any:
    """The document as ``kind``. Raises Unusable."""
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        raise Unusable(first_of(error)) from error


def time_of(value: Any) -> datetime:
    """The time that the hardware side wrote, in UTC if it names no zone; before all others if it is none."""
    try:
        return _time.validate_python(value)
    except ValidationError:
        return _NEVER
