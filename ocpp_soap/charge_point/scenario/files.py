"""Reading scenario files: YAML whose values are taken as they are written, checked before anything runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError

from ocpp_soap.charge_point.scenario.step import Step
from ocpp_soap.charge_point.scenario.steps import STEPS
from ocpp_soap.charge_point.validation import first_of
from ocpp_soap.errors import ConfigurationError
from ocpp_soap.messages import Version
from ocpp_soap.yaml_files import read_yaml

_LIBRARY = Path(__file__).parent / "library"


class _StationPart(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    connectors: PositiveInt | None = None
    configuration: dict[str, str] = Field(default_factory=dict)


class Scenario(BaseModel):
    """A scenario: its name, the versions it is for, what its station is like, and its steps with their text."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    name: str
    description: str = ""
    versions: list[Version] = Field(default_factory=lambda: list(Version))
    station: _StationPart = _StationPart()
    steps: list[tuple[str, Step]]


def shipped_scenarios() -> dict[str, Path]:
    """The scenarios in this package by name."""
    return {file.stem: file for file in sorted(_LIBRARY.glob("*.yaml"))}


def load_scenario(name_or_file: str) -> Scenario:
    """A shipped scenario by name, or a file. Raises ConfigurationError that says what is wrong where."""
    file = shipped_scenarios().get(name_or_file, Path(name_or_file))
    try:
        content = read_yaml(file, as_written=True)
    except FileNotFoundError as error:
        known = ", ".join(["idle", "charge", *shipped_scenarios()])
        raise ConfigurationError(f"scenario {name_or_file!r}: no such file, nor one of {known}") from error
    except OSError as error:
        raise ConfigurationError(f"{file}: cannot be read: {error.strerror}") from None
    if not isinstance(content, dict) or not isinstance(content.get("steps"), list) or not content["steps"]:
        raise ConfigurationError(f"{file}: expected a mapping with a name and a list of steps")
    steps = [_step(file, number, item) for number, item in enumerate(content["steps"], 1)]
    try:
        return Scenario.model_validate(content | {"steps": steps})
    except ValidationError as error:
        raise ConfigurationError(f"{file}: {first_of(error)}") from error


def _step(file: Path, number: int, item: Any) -> tuple[str, Step]:
    place = f"{file}: step {number}"
    name, parameters = next(iter(item.items())) if isinstance(item, dict) and len(item) == 1 else (item, None)
    if not isinstance(name, str) or name not in STEPS:
        raise ConfigurationError(f"{place}: {name!r} is no step; expected one of {', '.join(STEPS)}")
    kind = STEPS[name]
    if parameters is not None and not isinstance(parameters, dict):
        parameters = {kind.short: parameters}
    try:
        step = kind.model_validate(parameters or {})
    except ValidationError as error:
        raise ConfigurationError(f"{place}: {name}: {first_of(error)}") from error
    return f"{number}. {_title(name, parameters)}", step


def _title(name: str, parameters: dict[str, Any] | None) -> str:
    return " ".join([name, *(f"{key}={value}" for key, value in (parameters or {}).items())])
