"""The settings of this package: ``config/default.yaml``, then the operator's file, then the environment.

Every default is written in ``config/default.yaml`` and nowhere else, with what the setting means; the classes here
say which type each has. ``OCPP_SOAP__SECTION__KEY`` in the environment overrides a key, lists as JSON:
``OCPP_SOAP__SERVER__PORT=9221``, ``OCPP_SOAP__CALLS__ALLOWED_NETWORKS='["10.0.0.0/8"]'``.
"""

from __future__ import annotations

import difflib
import json
import os
import re
from collections.abc import Iterator, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic import ValidationError as _ValidationError
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    YamlConfigSettingsSource,
)

from ocpp_soap.errors import ConfigurationError
from ocpp_soap.paths import bundled

ENVIRONMENT_PREFIX = "OCPP_SOAP__"


def _from_json(value: Any) -> Any:
    """A list or mapping that came as text, as it does from the environment."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        raise ValueError('Input should be a list or a mapping as JSON, such as ["one", "two"]') from None


def _network(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return ip_network(value)
    except ValueError as error:
        raise ValueError(f"Input should be an IP network such as 10.0.0.0/8: {error}") from None


def _http_url(value: str) -> str:
    if value and not re.fullmatch(r"https?://[^\s/]+(/\S*)?", value):
        raise ValueError("Input should be a URL such as https://ocpp.example.com")
    return value


def _port_range(value: list[int]) -> list[int]:
    if value and (len(value) != 2 or value[0] > value[1]):
        raise ValueError("Input should be the first and the last port such as [40000, 40100], or []")
    return value


Network = IPv4Network | IPv6Network
Networks = Annotated[list[Annotated[Network, BeforeValidator(_network)]], NoDecode, BeforeValidator(_from_json)]
Folders = Annotated[list[Path], NoDecode, BeforeValidator(_from_json)]
DaysByName = Annotated[dict[str, PositiveFloat], NoDecode, BeforeValidator(_from_json)]
Port = Annotated[int, Field(ge=1, le=65535)]
HttpUrl = Annotated[str, AfterValidator(_http_url)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    @field_validator("*", mode="before")
    @classmethod
    def _no_number_is_yes(cls, value: Any, info: ValidationInfo) -> Any:
        if isinstance(value, bool) and cls.model_fields[info.field_name or ""].annotation is not bool:
            raise ValueError("Input should be another kind of value than true or false (YAML reads yes and on as true)")
        return value


class ServerSettings(_Section):
    """How the central system listens."""

    host: str
    port: Port
    workers: NonNegativeInt
    threads: PositiveInt
    public_url: HttpUrl
    max_body: PositiveInt
    read_timeout: PositiveFloat
    max_waiting: PositiveInt
    compress_over: NonNegativeInt
    trusted_proxies: Networks
    client_certificate_header: str
    tls_certificate: str
    tls_key: str
    tls_client_ca: str

    @model_validator(mode="after")
    def _has_certificate_and_key(self) -> ServerSettings:
        if bool(self.tls_certificate) != bool(self.tls_key) or (self.tls_client_ca and not self.tls_key):
            raise ValueError("Input should be tls_certificate and tls_key together; tls_client_ca needs both")
        return self

    @model_validator(mode="after")
    def _leaves_threads_for_good_requests(self) -> ServerSettings:
        if self.max_waiting >= self.threads:
            raise ValueError(f"Input should be a max_waiting below threads, which is {self.threads}")
        return self


class LargeMessageSettings(_Section):
    """The larger limits of a message that the protocol needs large."""

    max_elements: PositiveInt
    max_body: PositiveInt


class SoapSettings(_Section):
    """How strictly messages are read, and how large they may be."""

    validation: Literal["lenient", "strict"]
    max_depth: PositiveInt
    max_elements: PositiveInt
    max_header: PositiveInt
    max_identity: PositiveInt
    stop_transaction: LargeMessageSettings


class FileStorageSettings(_Section):
    """The SQLite file of the ``file`` backend."""

    path: Path


class MongoDBStorageSettings(_Section):
    """The database of the ``mongodb`` backend."""

    url: Annotated[str, Field(pattern=r"^mongodb(\+srv)?://", repr=False)]
    timeout: PositiveFloat
    retention_days: DaysByName


class FirebaseStorageSettings(_Section):
    """The Cloud Firestore database of the ``firebase`` backend."""

    project_id: str
    credentials: str
    database: str
    timeout: PositiveFloat


class StorageSettings(_Section):
    """Which store holds the data."""

    backend: Literal["file", "mongodb", "firebase"]
    file: FileStorageSettings
    mongodb: MongoDBStorageSettings
    firebase: FirebaseStorageSettings


class RegistrationSettings(_Section):
    """Which charge points may speak."""

    unknown_charge_points: Literal["accept", "reject", "hold"]
    heartbeat_interval: PositiveInt


class AuthorizationSettings(_Section):
    """Which idTags may charge."""

    unknown_tags: Literal["accept", "reject"]
    max_concurrent_transactions: NonNegativeInt


class HandlersSettings(_Section):
    """Folders of handler files."""

    paths: Folders


class CallsSettings(_Section):
    """How the central system calls charge points."""

    timeout: PositiveFloat
    allowed_networks: Networks
    denied_networks: Networks


class CommandsSettings(_Section):
    """How persistent commands are delivered."""

    workers: PositiveInt
    poll_interval: PositiveFloat
    deadline: PositiveInt
    max_attempts: PositiveInt
    first_retry: PositiveFloat
    longest_retry: PositiveFloat
    wake_up_url: HttpUrl
    wake_up_interval: NonNegativeFloat


class WatchSettings(_Section):
    """What is reported when it lasts too long."""

    silent_after_heartbeats: NonNegativeInt
    open_transaction: NonNegativeInt


class FilesSettings(_Section):
    """The area for diagnostics and firmware files."""

    path: Path
    max_size: PositiveInt
    lifetime: PositiveInt


class FtpSettings(_Section):
    """How ``ocpp-soap ftp`` listens."""

    host: str
    port: Port
    ftps_port: Annotated[int, Field(ge=0, le=65535)]
    public_host: str
    passive_ports: Annotated[list[Port], NoDecode, BeforeValidator(_from_json), AfterValidator(_port_range)]
    certificate: str
    key: str


class LimitsSettings(_Section):
    """How much one sender may send."""

    station_messages_per_minute: NonNegativeInt
    address_messages_per_minute: NonNegativeInt


class JournalSettings(_Section):
    """What is kept of every message in the store."""

    enabled: bool
    envelopes: bool
    keep_days: PositiveInt


class ApiSettings(_Section):
    """The REST API."""

    enabled: bool
    max_streams: PositiveInt


class EventsSettings(_Section):
    """The events that operators hear of."""

    retention_days: PositiveInt


class WebhooksSettings(_Section):
    """How events are sent to other systems."""

    timeout: PositiveFloat
    attempts: PositiveInt


class MetricsSettings(_Section):
    """The figures for Prometheus."""

    enabled: bool
    networks: Networks
    folder: str


class LogSettings(_Section):
    """What is logged and how."""

    level: Literal["debug", "info", "warning", "error"]
    format: Literal["console", "json"]
    payload: bool
    lifecycle: bool


class ChargePointSettings(_Section):
    """How our own charge point behaves."""

    timeout: PositiveFloat
    max_elements: PositiveInt
    max_body: PositiveInt


class Settings(BaseSettings):
    """All settings. Made by :func:`load`."""

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


def load(path: Path | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """The settings of the defaults, overridden by the file ``path``, overridden by ``environ`` (default: os.environ).

    Raises ConfigurationError that names every unknown key and every wrong value, where it stands and what was expected.
    """
    variables: Mapping[str, str] = os.environ if environ is None else environ
    defaults = bundled("config") / "default.yaml"
    if path is not None:
        _check_file(path)
    _check_environment(variables)

    class Loaded(Settings):
        @classmethod
        def settings_customise_sources(
            cls, settings_cls: type[BaseSettings], *_: Any, **__: Any
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            environment = EnvSettingsSource(settings_cls)
            environment.env_vars = {name.lower(): value for name, value in variables.items()}
            files = [YamlConfigSettingsSource(settings_cls, file) for file in (path, defaults) if file is not None]
            return (environment, *files)

    try:
        return Loaded()  # type: ignore[call-arg]
    except _ValidationError as error:
        raise ConfigurationError("\n".join(_explain(error, path, variables))) from None


def _check_file(path: Path) -> None:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"{path}: the configuration file cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path}: the configuration file is not YAML: {error}") from None
    if content is not None and not (isinstance(content, dict) and all(isinstance(key, str) for key in content)):
        raise ConfigurationError(f"{path}: expected sections such as 'server:' with settings below, not {content!r}")


def _check_environment(environ: Mapping[str, str]) -> None:
    """Refuse names that no setting has: the library passes over a misspelt section in silence."""
    problems = []
    for name, value in sorted(environ.items()):
        if name.upper().startswith(ENVIRONMENT_PREFIX):
            key = name[len(ENVIRONMENT_PREFIX) :].lower().replace("__", ".")
            if key not in _known_keys():
                problems.append(f"{name}={value}: unknown setting; {_suggestion(key)}")
    if problems:
        raise ConfigurationError("\n".join(problems))


def _known_keys(model: type[BaseModel] = Settings, prefix: str = "") -> Iterator[str]:
    """``server.host``, ``storage.file.path`` …: the settings, without the sections that hold them."""
    for name, info in model.model_fields.items():
        if isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel):
            yield from _known_keys(info.annotation, f"{prefix}{name}.")
        else:
            yield prefix + name


def _suggestion(key: str) -> str:
    names = [*_known_keys(), *Settings.model_fields]
    close = difflib.get_close_matches(key, names, n=1)
    return f"did you mean {close[0]}?" if close else "config/default.yaml lists every setting"


def _explain(error: _ValidationError, path: Path | None, environ: Mapping[str, str]) -> Iterator[str]:
    for problem in error.errors(include_url=False):
        known = [part for part in problem["loc"] if isinstance(part, str)]
        key = ".".join(str(part) for part in problem["loc"])
        where = _source(known, path, environ)
        if problem["type"] == "extra_forbidden":
            yield f"{where}: {key}: unknown setting (value {problem['input']!r}); {_suggestion(key)}"
        elif problem["type"] == "model_type":
            yield f"{where}: {key}: {problem['input']!r} is not usable; expected a section with settings below it"
        else:
            expected = problem["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
            yield f"{where}: {key}: {problem['input']!r} is not usable; expected {expected}"


def _source(key: list[str], path: Path | None, environ: Mapping[str, str]) -> str:
    names = {name.upper(): name for name in environ}
    for length in range(len(key), 0, -1):
        name = ENVIRONMENT_PREFIX + "__".join(key[:length]).upper()
        if name in names:
            return f"environment variable {names[name]}"
    return str(path) if path is not None else "config/default.yaml"
