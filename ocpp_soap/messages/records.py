"""The parts that messages are built of: IdTagInfo, MeterValue and the other structured types (12/15 chapter 7)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from ocpp_soap.messages.choices import (
    AuthorizationStatus,
    Location,
    Measurand,
    ReadingContext,
    UnitOfMeasure,
    ValueFormat,
)
from ocpp_soap.messages.fields import Text, about
from ocpp_soap.messages.versions import Version

ID_TOKEN = Text("IdToken", 20, max_length_12=15)


@dataclass(slots=True, kw_only=True)
class IdTagInfo:
    """What the central system says of an idTag (12 §7.3, 15 §7.19): status, group, and when it leaves a list."""

    status: AuthorizationStatus | str
    expiry_date: datetime | None = None
    parent_id_tag: str | None = about(text=ID_TOKEN, default=None)


@dataclass(slots=True, kw_only=True)
class SampledValue:
    """One measured value with its five optional properties (15 §7.36). In 1.2 it is a whole number of Wh and has none.

    ``value`` is the text as sent: a decimal number, or hex where ``format`` is SignedData. An absent property means
    the specification's default: Sample.Periodic, Raw, Energy.Active.Import.Register, Outlet, Wh for energy.
    """

    value: str = about(content=True)
    context: ReadingContext | str | None = about(since=Version.V15, attribute=True, default=None)
    format: ValueFormat | str | None = about(since=Version.V15, attribute=True, default=None)
    measurand: Measurand | str | None = about(since=Version.V15, attribute=True, default=None)
    location: Location | str | None = about(since=Version.V15, attribute=True, default=None)
    unit: UnitOfMeasure | str | None = about(since=Version.V15, attribute=True, default=None)


@dataclass(slots=True, kw_only=True)
class MeterValue:
    """Values taken at one instant (12 §7.11, 15 §7.27). 1.2 has exactly one, in Wh; 1.5 one or more."""

    timestamp: datetime
    value: list[SampledValue]


@dataclass(slots=True, kw_only=True)
class TransactionData:
    """Meter values for billing in a StopTransaction.req of 1.5 (15 §4.10, §6.43)."""

    values: list[MeterValue] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class KeyValue:
    """One setting in a GetConfiguration.conf (15 §7.22)."""

    key: str = about(max_length=50)
    readonly: bool = about(if_missing=False)
    value: str | None = about(max_length=500, default=None)


@dataclass(slots=True, kw_only=True)
class AuthorisationData:
    """One entry of a local authorisation list (15 §7.1); in a Differential update without idTagInfo: delete it."""

    id_tag: str = about(text=ID_TOKEN)
    id_tag_info: IdTagInfo | None = None
