"""The configuration file of a charge box."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, NonNegativeFloat, PositiveInt, ValidationError

from ocpp_soap.charge_point.configuration import SECONDS_OF_A_DAY
from ocpp_soap.charge_point.validation import first_of
from ocpp_soap.errors import ConfigurationError
from ocpp_soap.messages import Version
from ocpp_soap.yaml_files import read_yaml_both_ways

_TEXTS = ("version", "identity", "vendor", "model", "serial_number", "firmware_version", "configuration")
"""Whose values are taken as they are written, also where they look like numbers."""


_Wait = Annotated[float, Field(gt=0, le=SECONDS_OF_A_DAY)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class BootSettings(_Section):
    """What is done when the central system refuses the box: ``retry`` at its interval, or ``exit``."""

    on_rejected: Literal["retry", "exit"] = "retry"


class ListenSettings(_Section):
    """Where the central system calls the box; port 0 takes a free one."""

    host: str = "127.0.0.1"
    port: int = Field(default=9221, ge=0, le=65535)


class BridgeSettings(_Section):
    """The hardware side: ``store``, ``mock``, ``modbus``, an entry point's name, or the path of a Python file.

    ``options`` is what that bridge needs; ``poll_interval`` in seconds.
    """

    kind: str = "store"
    poll_interval: _Wait = 0.2
    options: dict[str, Any] = Field(default_factory=dict)


class ChargeBoxSettings(_Section):
    """A charge box. ``meter_interval``: seconds between meter values, on the wall clock; 0: none.

    ``storage`` is the section of that name in the configuration of the central system.
    """

    central_url: str = Field(pattern=r"^https?://")
    version: Version = Version.V15
    identity: str = Field(min_length=1)
    vendor: str = "ocpp-soap"
    model: str = "ChargeBox"
    serial_number: str | None = None
    firmware_version: str = "1.0.0"
    connectors: PositiveInt = 1
    timeout: _Wait = 30.0
    ca_file: str = ""
    meter_interval: int = Field(default=10, ge=0)
    reset_seconds: NonNegativeFloat = 1.0
    configuration: dict[str, str] = Field(default_factory=dict)
    boot: BootSettings = BootSettings()
    listen: ListenSettings = ListenSettings()
    bridge: BridgeSettings = BridgeSettings()
    storage: dict[str, Any] = Field(default_factory=dict)


def load_chargebox_settings(file: Path) -> ChargeBoxSettings:
    """Read and check the file. Raises ConfigurationError that names the key."""
    try:
        content, written = read_yaml_both_ways(file)
    except OSError as error:
        raise ConfigurationError(f"{file}: cannot be read: {error.strerror}") from None
    if not isinstance(content, dict):
        raise ConfigurationError(f"{file}: expected keys with values, such as central_url and identity")
    prepared = {key: written[key] if key in _TEXTS else value for key, value in content.items()}
    try:
        settings = ChargeBoxSettings.model_validate(prepared)
    except ValidationError as error:
        raise ConfigurationError(f"{file}: {first_of(error)}") from error
    if settings.meter_interval and SECONDS_OF_A_DAY % settings.meter_interval:
        raise ConfigurationError(f"{file}: meter_interval: {settings.meter_interval} s do not divide a day")
    return settings
