"""Finding the bridge that the configuration names."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from ocpp_soap.charge_point.chargebox.bridges.base import Bridge, StoreBridge
from ocpp_soap.charge_point.chargebox.bridges.controller import Controller
from ocpp_soap.charge_point.chargebox.exchange import Exchange
from ocpp_soap.charge_point.validation import first_of
from ocpp_soap.errors import ConfigurationError
from ocpp_soap.python_files import module_of

if TYPE_CHECKING:
    from ocpp_soap.charge_point.chargebox.settings import ChargeBoxSettings

GROUP = "ocpp_soap.bridges"


def load_bridge(settings: ChargeBoxSettings, exchange: Exchange) -> Bridge:
    """The bridge that ``bridge.kind`` names. Raises ConfigurationError."""
    kind, options = settings.bridge.kind, settings.bridge.options
    connectors = range(1, settings.connectors + 1)
    try:
        if kind == "store":
            return StoreBridge()
        if kind == "mock":
            return _mock(options, exchange, connectors)
        if kind == "modbus":
            return _modbus(options, exchange, connectors)
    except ValidationError as error:
        raise ConfigurationError(f"bridge.options.{first_of(error)}") from error
    if kind.endswith(".py"):
        return _from_file(Path(kind), options, exchange)
    for entry in entry_points(group=GROUP, name=kind):
        return _from_entry_point(entry, options, exchange)
    raise ConfigurationError(f"bridge.kind: {kind!r}: expected store, mock, modbus, an entry point or a .py file")


def _mock(options: dict[str, Any], exchange: Exchange, connectors: range) -> Bridge:
    from ocpp_soap.charge_point.chargebox.bridges.mock import MockHardware, MockOptions  # noqa: PLC0415

    return Controller(MockHardware(MockOptions.model_validate(options)), exchange, connectors)


def _modbus(options: dict[str, Any], exchange: Exchange, connectors: range) -> Bridge:
    try:
        from ocpp_soap.charge_point.chargebox.bridges.modbus import ModbusHardware, ModbusOptions  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            "bridge.kind: modbus needs pymodbus, which is not installed: pip install 'ocpp-soap[modbus]'"
        ) from error
    made = ModbusOptions.model_validate(options)
    if set(made.connectors) != set(connectors):
        raise ConfigurationError(f"bridge.options.connectors: expected a map for each of 1 to {len(connectors)}")
    return Controller(ModbusHardware(made), exchange, connectors)


def _from_entry_point(entry: EntryPoint, options: dict[str, Any], exchange: Exchange) -> Bridge:
    try:
        make = entry.load()
    except Exception as error:
        raise ConfigurationError(
            f"bridge.kind: {entry.name} is {entry.value}, which cannot be loaded: {error}"
        ) from error
    return _made(entry.value, make, options, exchange)


def _from_file(file: Path, options: dict[str, Any], exchange: Exchange) -> Bridge:
    if not file.is_file():
        raise ConfigurationError(f"bridge.kind: {file}: cannot be imported as Python")
    try:
        module = module_of(file, f"ocpp_soap_bridge_{file.stem}")
    except (Exception, SystemExit) as error:
        raise ConfigurationError(f"bridge.kind: {file}: cannot be imported: {error!r}") from error
    make = getattr(module, "bridge", None)
    if not callable(make):
        raise ConfigurationError(f"bridge.kind: {file}: has no function bridge(options, exchange)")
    return _made(str(file), make, options, exchange)


def _made(source: str, make: Any, options: dict[str, Any], exchange: Exchange) -> Bridge:
    """The bridge that somebody else's function makes; what that raises goes up, with its traceback."""
    made: Bridge = make(options, exchange)
    missing = [name for name in ("answers", "poll", "close") if not callable(getattr(made, name, None))]
    if missing:
        raise ConfigurationError(f"bridge.kind: {source} made {made!r}, which has no {', '.join(missing)}")
    return made
