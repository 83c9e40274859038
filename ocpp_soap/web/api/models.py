"""What the API sends of stations, connectors, tags, sessions and meter values. Times are RFC 3339 in UTC, energy Wh."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from ocpp_soap.web.api.listing import Next, Record


class WarningModel(Record):
    """Something in a message that was understood although it breaks the specification."""

    kind: str = Field(description="What, as a short stable name.")
    where: str = Field(default="", description="The element.")
    sent: str = Field(default="", description="The raw text, cut to 100 characters.")


class StationModel(Record):
    """A charge point."""

    charge_box_identity: str
    registration: str = Field(description="accepted, blocked or held.")
    registered_at: datetime | None
    last_seen: datetime | None = Field(description="When its last message arrived; up to 10 s late.")
    peer: str | None = Field(description="The address its last message came from.")
    version: str | None = Field(description="The OCPP version it spoke last.")
    callback_url: str = Field(description="Where it is called; empty: not known.")
    learned_url: str = Field(description="Where it said it listens.")
    set_url: str = Field(description="Where the operator says it listens; this wins.")
    heartbeat_interval: int | None = Field(description="Seconds; null: the general interval.")
    vendor: str | None
    model: str | None
    booted_at: datetime | None
    boot: dict[str, Any] | None = Field(description="Its last BootNotification.")
    oddities: dict[str, dict[str, Any]] = Field(description="How its messages break the specification, with examples.")


class ConnectorModel(Record):
    """The status of a connector; connector 0 is the station as a whole."""

    charge_box_identity: str
    connector_id: int
    status: str = Field(description="Available, Occupied, Reserved, Unavailable, Faulted, or what the station sent.")
    error_code: str
    timestamp: datetime = Field(description="The station's time, else the time of receipt.")
    received_at: datetime
    version: str
    info: str | None
    vendor_id: str | None
    vendor_error_code: str | None
    warnings: list[WarningModel]


class SilenceModel(Record):
    """A station that has gone silent."""

    charge_box_identity: str
    since: datetime = Field(description="The time of its last message.")
    found_at: datetime


class TagModel(Record):
    """An idTag and what it may do."""

    id_tag: str
    status: str = Field(description="Accepted or Blocked.")
    expiry_date: datetime | None = Field(description="From then on it is answered Expired.")
    parent_id_tag: str | None = Field(description="Its group: tags of one parent may stop each other's sessions.")
    max_concurrent: int | None = Field(description="Sessions it may have open; null: the general number, 0: any.")
    added_at: datetime | None


class TransactionModel(Record):
    """A charging session."""

    transaction_id: int | None = Field(description="null: a stop came for a session that was not started here.")
    reported_transaction_id: int | None = Field(description="The id that such a stop named.")
    charge_box_identity: str
    connector_id: int | None
    state: str = Field(description="open, closed, or orphan: a stop without its start.")
    id_tag: str | None
    authorization: str | None = Field(description="What the station was told of the tag at the start.")
    begun_at: datetime = Field(description="The start; of an orphan the stop.")
    start_time: datetime | None
    start_received_at: datetime | None
    stop_time: datetime | None
    stop_received_at: datetime | None
    meter_start: int | None = Field(description="Wh.")
    meter_stop: int | None = Field(description="Wh.")
    energy: int | None = Field(description="Wh between the two; null while one is missing.")
    stop_id_tag: str | None
    reservation_id: int | None
    version: str | None
    inferred: bool = Field(description="No stop came; a later start on the connector or somebody by hand closed it.")
    inferred_at: datetime | None
    closed_by: str | None = Field(description="Who closed it by hand.")
    close_reason: str | None
    start_warnings: list[WarningModel]
    stop_warnings: list[WarningModel]


class SampleModel(BaseModel):
    """One measured value. A property that is absent has the default of the specification."""

    value: str = Field(description="A decimal number, or hexadecimal digits if the format is SignedData.")
    context: str | None = Field(default=None, description="Sample.Periodic if absent.")
    format: str | None = Field(default=None, description="Raw if absent.")
    measurand: str | None = Field(default=None, description="Energy.Active.Import.Register if absent.")
    location: str | None = Field(default=None, description="Outlet if absent.")
    unit: str | None = Field(default=None, description="Wh if absent, for energy.")


class InstantModel(BaseModel):
    """What was measured at one instant."""

    timestamp: datetime
    value: list[SampleModel]


class MeterRecordModel(Record):
    """The meter values of one message, as sent."""

    charge_box_identity: str
    connector_id: int
    transaction_id: int | None = Field(description="The session they belong to.")
    reported_transaction_id: int | None = Field(description="The session that the station named.")
    timestamp: datetime = Field(description="Of the first sample.")
    received_at: datetime
    source: str = Field(description="MeterValues or StopTransaction.")
    version: str
    samples: list[InstantModel]
    warnings: list[WarningModel]


class StationPage(BaseModel):
    """Some stations."""

    items: list[StationModel]
    next: Next


class ConnectorPage(BaseModel):
    """Some connectors, or some of their statuses."""

    items: list[ConnectorModel]
    next: Next


class SilencePage(BaseModel):
    """Some silent stations."""

    items: list[SilenceModel]
    next: Next


class TagPage(BaseModel):
    """Some tags."""

    items: list[TagModel]
    next: Next


class TransactionPage(BaseModel):
    """Some sessions."""

    items: list[TransactionModel]
    next: Next


class MeterRecordPage(BaseModel):
    """Some meter values."""

    items: list[MeterRecordModel]
    next: Next
