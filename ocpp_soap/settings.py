"""The settings by section, with the type of each. What they mean and their defaults: ``config/default.yaml``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field, NonNegativeInt, PositiveInt, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from ocpp_soap.setting_types import (
    Count,
    CountOrNone,
    DaysByName,
    DaysByRemoved,
    FilePath,
    Folder,
    Folders,
    HttpUrl,
    Networks,
    Pause,
    PauseOrNone,
    Port,
    PortRange,
    Section,
    Span,
    SpanOfDays,
    SpanOrNone,
    Wait,
    unusable_beside,
)

ENVIRONMENT_PREFIX = "OCPP_SOAP__"


class ServerSettings(Section):
    """How the central system listens."""

    host: str
    port: Port
    workers: Annotated[int, Field(ge=0, le=1000)]
    pin_workers: bool
    threads: Count
    public_url: HttpUrl
    max_body: PositiveInt
    read_timeout: Wait
    max_waiting: Count
    compress_over: NonNegativeInt
    trusted_proxies: Networks
    client_certificate_header: str
    tls_certificate: str
    tls_key: str
    tls_client_ca: str

    @field_validator("max_waiting")
    @classmethod
    def _leaves_threads_for_good_requests(cls, max_waiting: int, above: ValidationInfo) -> int:
        threads = above.data.get("threads")
        if threads is not None and max_waiting >= threads:
            raise unusable_beside("threads", threads, "server.max_waiting below server.threads")
        return max_waiting

    @field_validator("tls_key")
    @classmethod
    def _has_certificate_and_key(cls, key: str, above: ValidationInfo) -> str:
        certificate = above.data.get("tls_certificate")
        if certificate is not None and bool(certificate) != bool(key):
            raise unusable_beside("tls_certificate", certificate, "server.tls_certificate and server.tls_key together")
        return key

    @field_validator("tls_client_ca")
    @classmethod
    def _asks_for_certificates_by_tls_only(cls, authority: str, above: ValidationInfo) -> str:
        if authority and above.data.get("tls_key") == "":
            raise unusable_beside("tls_key", "", "server.tls_certificate and server.tls_key with server.tls_client_ca")
        return authority


class LargeMessageSettings(Section):
    """The larger limits of a message that the protocol needs large."""

    max_elements: PositiveInt
    max_body: PositiveInt


class SoapSettings(Section):
    """How strictly messages are read, and how large they may be."""

    validation: Literal["lenient", "strict"]
    max_depth: PositiveInt
    max_elements: PositiveInt
    max_header: Count
    max_identity: PositiveInt
    stop_transaction: LargeMessageSettings


class FileStorageSettings(Section):
    """The SQLite file of the ``file`` backend."""

    path: FilePath
    retention_days: DaysByRemoved


class MongoDBStorageSettings(Section):
    """The database of the ``mongodb`` backend."""

    url: Annotated[str, Field(pattern=r"^mongodb(\+srv)?://", repr=False)]
    timeout: Wait
    retention_days: DaysByName
    telemetry_log: str


class FirebaseStorageSettings(Section):
    """The Cloud Firestore database of the ``firebase`` backend."""

    project_id: str
    credentials: str
    database: str
    timeout: Wait
    retention_days: DaysByRemoved


class StorageSettings(Section):
    """Which store holds the data."""

    backend: Literal["file", "mongodb", "firebase"]
    file: FileStorageSettings
    mongodb: MongoDBStorageSettings
    firebase: FirebaseStorageSettings

    @property
    def retention_days(self) -> Mapping[str, float]:
        """The days after which entries of a time series are to be removed from the store; MongoDB does it itself."""
        if self.backend == "mongodb":
            return {}
        return dict(getattr(self, self.backend).retention_days)


class RegistrationSettings(Section):
    """Which charge points may speak."""

    unknown_charge_points: Literal["accept", "reject", "hold"]
    heartbeat_interval: Annotated[int, Field(ge=1, le=30 * 86_400)]


class AuthorizationSettings(Section):
    """Which idTags may charge."""

    unknown_tags: Literal["accept", "reject"]
    max_concurrent_transactions: CountOrNone


class HandlersSettings(Section):
    """Folders of handler files."""

    paths: Folders


class CallsSettings(Section):
    """How the central system calls charge points."""

    timeout: Wait
    allowed_networks: Networks
    denied_networks: Networks


class CommandsSettings(Section):
    """How persistent commands are delivered."""

    workers: Count
    poll_interval: Wait
    deadline: Span
    max_attempts: Count
    first_retry: Pause
    longest_retry: Pause
    wake_up_url: HttpUrl
    wake_up_interval: PauseOrNone


class WatchSettings(Section):
    """What is reported when it lasts too long."""

    silent_after_heartbeats: Annotated[int, Field(ge=0, le=10_000)]
    open_transaction: SpanOrNone


class FilesSettings(Section):
    """The area for diagnostics and firmware files."""

    path: Folder
    max_size: PositiveInt
    lifetime: Span


class FtpSettings(Section):
    """How ``ocpp-soap ftp`` listens."""

    host: str
    port: Port
    ftps_port: Annotated[int, Field(ge=0, le=65535)]
    public_host: str
    passive_ports: PortRange
    certificate: str
    key: str


class LimitsSettings(Section):
    """How much one sender may send."""

    station_messages_per_minute: CountOrNone
    address_messages_per_minute: CountOrNone


class JournalSettings(Section):
    """What is kept of every message in the store."""

    enabled: bool
    envelopes: bool
    keep_days: SpanOfDays


class ApiSettings(Section):
    """The REST API."""

    enabled: bool
    max_streams: Count


class EventsSettings(Section):
    """The events that operators hear of."""

    retention_days: SpanOfDays


class WebhooksSettings(Section):
    """How events are sent to other systems."""

    timeout: Wait
    attempts: Count


class MetricsSettings(Section):
    """The figures for Prometheus."""

    enabled: bool
    networks: Networks
    folder: str


class LogSettings(Section):
    """What is logged and how."""

    level: Literal["debug", "info", "warning", "error"]
    format: Literal["console", "json"]
    payload: bool
    lifecycle: bool


class ChargePointSettings(Section):
    """How our own charge point behaves."""

    timeout: Wait
    max_elements: PositiveInt
    max_body: PositiveInt


class Settings(BaseSettings):
    """All settings. Made by :func:`ocpp_soap.config.load`."""

    model_config = SettingsConfigDict(
        env_prefix=ENVIRONMENT_PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True
    )

    server: ServerSettings
    soap: SoapSettings
    storage: StorageSettings
    registration: RegistrationSettings
    authorization: AuthorizationSettings
    handlers: HandlersSettings
    calls: CallsSettings
    commands: CommandsSettings
    watch: WatchSettings
    files: FilesSettings
    ftp: FtpSettings
    limits: LimitsSettings
    journal: JournalSettings
    api: ApiSettings
    events: EventsSettings
    webhooks: WebhooksSettings
    metrics: MetricsSettings
    log: LogSettings
    charge_point: ChargePointSettings
