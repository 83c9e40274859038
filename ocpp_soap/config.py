"""Loading the settings: ``config/default.yaml``, then the operator's file, then the environment.

Every default is written in ``config/default.yaml`` and nowhere else, with what the setting means;
:mod:`ocpp_soap.settings` says which type each has. ``OCPP_SOAP__SECTION__KEY`` in the environment overrides a key,
lists as JSON: ``OCPP_SOAP__SERVER__PORT=9221``, ``OCPP_SOAP__CALLS__ALLOWED_NETWORKS='["10.0.0.0/8"]'``.
"""

from __future__ import annotations

import difflib
import os
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

__all__ = ["ENVIRONMENT_PREFIX", "Settings", "load"]


def load(path: Path | None = None, environ: Mapping[str, str] | None = None) -> Settings:
    """The settings of the defaults, overridden by the file ``path``, overridden by ``environ`` (default: os.environ).

    Raises ConfigurationError that names every unknown key and every wrong value, where it stands and what was expected.
    """
    variables: Mapping[str, str] = os.environ if environ is None else environ
    own = {} if path is None else _read(path)
    defaults = read_yaml(bundled("config") / "default.yaml")
    _check_environment(variables)

    class Loaded(Settings):
        @classmethod
        def settings_customise_sources(
            cls, settings_cls: type[BaseSettings], *_: Any, **__: Any
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            environment = EnvSettingsSource(settings_cls)
            environment.env_vars = {name.lower(): value for name, value in variables.items()}
            return (environment, *(InitSettingsSource(settings_cls, content) for content in (own, defaults)))

    try:
        return Loaded()  # type: ignore[call-arg]
    except _ValidationError as error:
        raise ConfigurationError("\n".join(_explain(error, path, variables))) from None


def _read(path: Path) -> dict[str, Any]:
    try:
        content = read_yaml(path)
    except OSError as error:
        raise ConfigurationError(f"{path}: the configuration file cannot be read: {error.strerror}") from None
    if content is None:
        return {}
    if not (isinstance(content, dict) and all(isinstance(key, str) for key in content)):
        raise ConfigurationError(f"{path}: expected sections such as 'server:' with settings below, not {content!r}")
    return content


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
        if isinstance(info.annotation, type(BaseModel)):
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
