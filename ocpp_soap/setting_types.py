"""What the value of a setting can be beside numbers and texts, and how it may be written in the environment."""

from __future__ import annotations

import json
import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PositiveFloat,
    ValidationInfo,
    field_validator,
)
from pydantic_core import PydanticCustomError
from pydantic_settings import NoDecode


def _from_json(value: Any) -> Any:
    """A list or mapping that came as text, as it does from the environment."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        raise ValueError('Input should be a list or a mapping as JSON, such as ["one", "two"]') from None


def _network(value: Any) -> Any:
    if isinstance(value, Network):
        return value
    try:
        return ip_network(str(value))
    except ValueError as error:
        raise ValueError(f"Input should be an IP network such as 10.0.0.0/8: {error}") from None


def _http_url(value: str) -> str:
    if value and not re.fullmatch(r"https?://[^\s/]+(/\S*)?", value):
        raise ValueError("Input should be a URL such as https://ocpp.example.com")
    return value


def _not_empty(value: Any) -> Any:
    if value == "":
        raise ValueError("Input should be a path")
    return value


def _names_a_file(value: Path) -> Path:
    if not value.name:
        raise ValueError("Input should be the path of a file")
    return value


def _port_range(value: list[int]) -> list[int]:
    if value and (len(value) != 2 or value[0] > value[1]):
        raise ValueError("Input should be the first and the last port such as [40000, 40100], or []")
    return value


Network = IPv4Network | IPv6Network
Networks = Annotated[list[Annotated[Network, BeforeValidator(_network)]], NoDecode, BeforeValidator(_from_json)]
FilePath = Annotated[Path, AfterValidator(_names_a_file)]
Folder = Annotated[Path, BeforeValidator(_not_empty)]
Folders = Annotated[list[Folder], NoDecode, BeforeValidator(_from_json)]
TimeSeries = Literal["meter_values", "statuses", "notifications", "events", "messages", "audit"]
"""The collections whose entries MongoDB can remove by their age: those that are only appended to."""
Days = Annotated[PositiveFloat, Field(le=24_855)]
"""MongoDB counts the seconds of an expiry in 31 bits."""
DaysByName = Annotated[dict[TimeSeries, Days], NoDecode, BeforeValidator(_from_json)]
RemovedTimeSeries = Literal["meter_values", "statuses", "notifications", "audit"]
"""Those that the central system removes from other stores; events and messages have settings of their own there."""
DaysByRemoved = Annotated[dict[RemovedTimeSeries, Days], NoDecode, BeforeValidator(_from_json)]
PortRange = Annotated[
    list[Annotated[int, Field(ge=1, le=65535)]], NoDecode, BeforeValidator(_from_json), AfterValidator(_port_range)
]
Port = Annotated[int, Field(ge=1, le=65535)]
Count = Annotated[int, Field(ge=1, le=2**31 - 1)]
CountOrNone = Annotated[int, Field(ge=0, le=2**31 - 1)]
LONGEST_WAIT = 86_400
Wait = Annotated[float, Field(gt=0, le=LONGEST_WAIT)]
"""Seconds for which something waits: a socket cannot count those of a month."""
_DAYS = 365_000
_LONGEST = _DAYS * 86_400
Span = Annotated[int, Field(ge=1, le=_LONGEST)]
"""Seconds that are added to a time or taken from it: what comes out must have a year of one to four digits."""
SpanOrNone = Annotated[int, Field(ge=0, le=_LONGEST)]
Pause = Annotated[float, Field(gt=0, le=_LONGEST)]
PauseOrNone = Annotated[float, Field(ge=0, le=_LONGEST)]
SpanOfDays = Annotated[int, Field(ge=1, le=_DAYS)]
HttpUrl = Annotated[str, AfterValidator(_http_url)]


def unusable_beside(other: str, value: Any, expected: str) -> PydanticCustomError:
    """A setting cannot be used beside the ``value`` of ``other``, which stands above it in the same section."""
    return PydanticCustomError("unusable_beside", "{expected}", {"other": other, "value": value, "expected": expected})


class Section(BaseModel):
    """A part of the settings: an unknown key is an error, and no value changes after the start."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @field_validator("*", mode="before")
    @classmethod
    def _no_number_is_yes(cls, value: Any, info: ValidationInfo) -> Any:
        if isinstance(value, bool) and cls.model_fields[info.field_name or ""].annotation is not bool:
            raise ValueError("Input should be another kind of value than true or false (YAML reads yes and on as true)")
        return value
