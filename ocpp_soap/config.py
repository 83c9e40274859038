"""Loading the settings: ``config/default.yaml``, then the operator's file, then the environment.

Every default is written in ``config/default.yaml`` and nowhere else, with what the setting means;
:mod:`ocpp_soap.settings` says which type each has. ``OCPP_SOAP__SECTION__KEY`` in the environment overrides a key,
lists as JSON: ``OCPP_SOAP__SERVER__PORT=9221``, ``OCPP_SOAP__CALLS__ALLOWED_NETWORKS='["10.0.0.0/8"]'``.
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic import ValidationError as _ValidationError
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    InitSettingsSource,
    PydanticBaseSettingsSource,
)

from ocpp_soap.errors import ConfigurationError
from ocpp_soap.paths import bundled
from ocpp_soap.settings import ENVIRONMENT_PREFIX, Settings
from ocpp_soap.yaml_files import read_yaml

__all__ = ["ENVIRONMENT_PREFIX", "Settings", "load", "overridden"]

_OF_A_NAME = "[key]"
"""What pydantic adds to the place of a name that is wrong itself."""


def load(path: Path | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """The settings of the defaults, overridden by the file ``path``, overridden by ``environ`` (default: os.environ).

    Raises ConfigurationError that names every unknown key and every wrong value, where it stands and what was expected.
    """
    variables: Mapping[str, str] = os.environ if environ is None else environ
    own = {} if path is None else _read(path)
    defaults = read_yaml(bundled("config") / "default.yaml")
    known, problems = _from_environment(variables)

    class Loaded(Settings):
        @classmethod
        def settings_customise_sources(
            cls, settings_cls: type[BaseSettings], *_: Any, **__: Any
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            environment = EnvSettingsSource(settings_cls)
            environment.env_vars = {name.lower(): value for name, value in known.items()}
            return (environment, *(InitSettingsSource(settings_cls, content) for content in (own, defaults)))

    try:
        settings = Loaded()  # type: ignore[call-arg]
    except _ValidationError as error:
        problems += _explain(error, _Sources(known, path, own))
    if problems:
        raise ConfigurationError("\n".join(problems))
    return settings


def overridden(environ: Mapping[str, str], values: Mapping[str, str]) -> dict[str, str]:
    """``environ`` with ``values`` in the place of what has their names there, in capitals or not."""
    return {name: value for name, value in environ.items() if name.upper() not in values} | dict(values)


def _read(path: Path) -> dict[str, Any]:
    try:
        content = read_yaml(path)
    except OSError as error:
        raise ConfigurationError(f"{path}: the configuration file cannot be read: {error.strerror}") from None
    except ConfigurationError as error:
        raise ConfigurationError(re.sub(r"://.*@", "://…@", str(error))) from None
    if content is None:
        return {}
    if not (isinstance(content, dict) and all(isinstance(key, str) for key in content)):
        shown = _without_password(content)
        raise ConfigurationError(f"{path}: expected sections such as 'server:' with settings below, not {shown!r}")
    return content


def _from_environment(environ: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """The variables that are settings, and what is wrong with the names of others.

    Those that no setting has, and two for one setting, the library would pass over in silence.
    """
    values: dict[str, str] = {}
    problems = []
    names: dict[str, str] = {}
    known = set(map(_variable_of, _known_keys()))
    for name, value in sorted(environ.items()):
        shown = _without_password(value)
        if name.upper().startswith(ENVIRONMENT_PREFIX):
            if name.upper() not in known:
                problems.append(f"{name}={shown}: unknown setting; {_meant_by(name)}")
            elif (first := names.setdefault(name.upper(), name)) != name:
                problems.append(f"{name}={shown}: {first} is the same setting; expected one of them")
            else:
                values[name] = value
        elif (meant := name.upper().replace("OCPP_SOAP_", ENVIRONMENT_PREFIX, 1)) in known:
            problems.append(f"{name}={shown}: unknown setting; did you mean {meant}?")
    return values, problems


def _variable_of(key: str) -> str:
    return ENVIRONMENT_PREFIX + key.upper().replace(".", "__")


def _meant_by(variable: str) -> str:
    """What to do about a variable that is no setting."""
    within = f"{variable.upper()}__"
    for name in map(_variable_of, _known_keys()):
        if name.startswith(within):
            return f"name one of that section, such as {name}"
    return _suggestion(variable[len(ENVIRONMENT_PREFIX) :].lower().replace("__", "."))


def _known_keys(model: type[BaseModel] = Settings, prefix: str = "") -> Iterator[str]:
    """``server.host``, ``storage.file.path`` …: the settings, without the sections that hold them."""
    for name, info in model.model_fields.items():
        if isinstance(info.annotation, type(BaseModel)):
            yield from _known_keys(info.annotation, f"{prefix}{name}.")
        else:
            yield prefix + name


def _suggestion(key: str) -> str:
    names = [*_known_keys(), *Settings.model_fields]
    close = difflib.get_close_matches(key, names, n=1)
    return f"did you mean {close[0]}?" if close else "config/default.yaml lists every setting"


def _without_password(value: Any) -> Any:
    """A value, or what is in it, as it may be shown: without the name and the password of a URL, well-formed or not."""
    if isinstance(value, str):
        return re.sub(r":(//)?.*@", r":\1…@", value, count=1, flags=re.DOTALL)
    if isinstance(value, dict):
        return {_without_password(name): _without_password(item) for name, item in value.items()}
    return [_without_password(item) for item in value] if isinstance(value, list) else value


def _explain(error: _ValidationError, sources: _Sources) -> Iterator[str]:
    for problem in error.errors(include_url=False):
        location = [part for part in problem["loc"] if part != _OF_A_NAME]
        given = _without_password(problem["input"])
        known = [part for part in location if isinstance(part, str)]
        key = ".".join(map(str, map(_without_password, location)))
        where = sources.of(known)
        if problem["type"] == "extra_forbidden":
            yield f"{where}: {key}: unknown setting (value {given!r}); {_suggestion(key)}"
        elif problem["type"] == "model_type":
            yield f"{where}: {key}: {given!r} is not usable; expected a section with settings below it"
        elif problem["type"] == "unusable_beside":
            yield _explain_two(known, given, problem["ctx"], sources)
        else:
            expected = _without_password(problem["msg"]).removeprefix("Value error, ").removeprefix("Input should be ")
            yield f"{where}: {key}: {given!r} is not usable; expected {expected}"


def _explain_two(key: list[str], value: Any, beside: dict[str, Any], sources: _Sources) -> str:
    """Begins with the one that overrides more: it was changed, and the other may be a default."""
    settings = [(key, value), ([*key[:-1], beside["other"]], _without_password(beside["value"]))]
    (one, value), (other, fixed) = sorted(settings, key=lambda setting: sources.rank(setting[0]))
    return (
        f"{sources.of(one)}: {'.'.join(one)}: {value!r} is not usable beside {'.'.join(other)}: {fixed!r} "
        f"({sources.of(other)}); expected {beside['expected']}"
    )


class _Sources:
    """Where the value of each setting came from."""

    def __init__(self, environ: Mapping[str, str], path: Path | None, content: dict[str, Any]) -> None:
        self._names = {name.upper(): name for name in environ}
        self._path = path
        self._content = content

    def of(self, key: list[str]) -> str:
        """The environment variable or file, for people."""
        name = self._variable(key)
        if name:
            return f"environment variable {name}"
        return str(self._path) if self._is_in_file(key) else "config/default.yaml"

    def rank(self, key: list[str]) -> int:
        """0: the environment, 1: the operator's file, 2: the defaults."""
        if self._variable(key):
            return 0
        return 1 if self._is_in_file(key) else 2

    def _variable(self, key: list[str]) -> str:
        names = (ENVIRONMENT_PREFIX + "__".join(key[:length]).upper() for length in range(len(key), 0, -1))
        return next((self._names[name] for name in names if name in self._names), "")

    def _is_in_file(self, key: list[str]) -> bool:
        section: Any = self._content
        for part in key:
            if not isinstance(section, dict) or part not in section:
                return False
            section = section[part]
        return True
