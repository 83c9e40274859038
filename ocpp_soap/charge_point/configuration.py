"""The settings that a central system can read and write: the standard keys of each version and ours (notes 4)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from ocpp_soap.errors import ConfigurationError
from ocpp_soap.messages import ConfigurationStatus, GetConfigurationResponse, KeyValue, Measurand, Version, limit_of

SECONDS_OF_A_DAY = 86_400
_V12, _V15 = Version.V12, Version.V15
_LARGEST = 2**31 - 1
_LONGEST_VALUE = limit_of(KeyValue, "value", _V15)
_LONGEST_UNKNOWN = limit_of(GetConfigurationResponse, "unknown_key", _V15)


class KeyKind(Enum):
    """What the value of a key is."""

    INTEGER = "a whole number from 0 to 2147483647"
    BOOLEAN = "true or false"
    MEASURANDS = "measurands, separated by commas"
    TEXT = "a text"


@dataclass(frozen=True)
class Key:
    """One setting: its exact name, its kind, what it is at first, the first version that has it.

    ``wanted`` says what ``check`` asks for beside the kind.
    """

    name: str
    kind: KeyKind
    default: str
    since: Version = _V12
    readonly: bool = False
    check: Callable[[str], bool] | None = None
    wanted: str = ""

    def accepts(self, value: str) -> bool:
        """Tell whether ``value`` is one that the key can have, and that GetConfiguration can tell."""
        if len(value) > _LONGEST_VALUE:
            return False
        if self.kind is KeyKind.INTEGER and not (value.isascii() and value.isdigit() and int(value) <= _LARGEST):
            return False
        if self.kind is KeyKind.BOOLEAN and value not in ("true", "false"):
            return False
        if self.kind is KeyKind.MEASURANDS and not set(_split(value)) <= {str(m) for m in Measurand}:
            return False
        return self.check is None or self.check(value)


def _cuts_a_day(value: str) -> bool:
    return int(value) == 0 or SECONDS_OF_A_DAY % int(value) == 0


def _split(value: str) -> list[str]:
    return [part.strip() for part in value.split(",") if part.strip()]


def _integer(name: str, default: int, **more: object) -> Key:
    return Key(name, KeyKind.INTEGER, str(default), **more)  # type: ignore[arg-type]


def _switch(name: str, *, default: bool, since: Version = _V12) -> Key:
    return Key(name, KeyKind.BOOLEAN, "true" if default else "false", since)


STANDARD_KEYS: tuple[Key, ...] = (
    _integer("HeartBeatInterval", 300),
    _integer("ConnectionTimeOut", 60),
    _integer("ResetRetries", 3),
    _integer("BlinkRepeat", 3),
    _integer("LightIntensity", 50, check=lambda value: int(value) <= 100, wanted=", at most 100"),
    _integer("MeterValueSampleInterval", 60),
    _integer("ClockAlignedDataInterval", 0, since=_V15, check=_cuts_a_day, wanted=" that divides the 86400 s of a day"),
    Key("MeterValuesSampledData", KeyKind.MEASURANDS, str(Measurand.ENERGY_ACTIVE_IMPORT_REGISTER), _V15),
    Key("MeterValuesAlignedData", KeyKind.MEASURANDS, str(Measurand.ENERGY_ACTIVE_IMPORT_REGISTER), _V15),
    Key("StopTxnSampledData", KeyKind.MEASURANDS, "", _V15),
    Key("StopTxnAlignedData", KeyKind.MEASURANDS, "", _V15),
    _integer("ProximityContactRetries", 3),
    _integer("ProximityLockRetries", 3),
    Key("ChargePointId", KeyKind.TEXT, ""),
)
"""The keys of 12 §6.8 and 15 §6.9.1."""

VENDOR_KEYS: tuple[Key, ...] = (
    _integer("NumberOfConnectors", 0, readonly=True),
    _integer("LocalAuthListMaxLength", 1000, readonly=True),
    _switch("LocalAuthListEnabled", default=True, since=_V15),
    _switch("LocalPreAuthorize", default=True),
    _switch("LocalAuthorizeOffline", default=True),
    _switch("AllowOfflineTxForUnknownId", default=False),
    _switch("AuthorizeRemoteTxRequests", default=False),
    _switch("StopTransactionOnInvalidId", default=True, since=_V15),
    _switch("StopTransactionOnConcurrentTx", default=True),
    _switch("ReservationsEnabled", default=True, since=_V15),
)
"""Ours, where the specification leaves a choice: lists, being offline, remote starts, refused starts, reservations."""


class Configuration:
    """The settings of one station. ``changed`` is called with the name of a key after its value became another one."""

    def __init__(
        self, version: Version, initial: dict[str, str] | None = None, changed: Callable[[str], None] | None = None
    ) -> None:
        self._keys = _keys_of(version)
        self._values: dict[str, str] = {}
        self.changed = changed
        for name, value in (initial or {}).items():
            key = self._keys.get(name.casefold())
            if key is None or not key.accepts(value):
                expected = (
                    f"{key.kind.value}{key.wanted}"
                    if key
                    else f"one of {', '.join(k.name for k in self._keys.values())}"
                )
                limit = f" of at most {_LONGEST_VALUE} characters" if len(value) > _LONGEST_VALUE else ""
                raise ConfigurationError(f"configuration key {name}={value!r}: expected {expected}{limit}")
            self._values[key.name] = value
        self._initial = dict(self._values)

    def text(self, name: str) -> str:
        """The value of a key that the version has; for one that it lacks, the default."""
        return self._values.get(name, _ALL[name.casefold()].default)

    def integer(self, name: str) -> int:
        """The value of an integer key."""
        return int(self.text(name))

    def enabled(self, name: str) -> bool:
        """The value of a switch."""
        return self.text(name) == "true"

    def measurands(self, name: str) -> list[Measurand]:
        """The measurands that a key lists; none where the version does not have the key."""
        key = self._keys.get(name.casefold())
        return [Measurand(part) for part in _split(self._values.get(name, key.default))] if key else []

    def set(self, name: str, value: str) -> ConfigurationStatus:
        """Change a key as ChangeConfiguration asks (15 §5.3). Its name is read without regard to case (notes 7.31)."""
        key = self._keys.get(name.casefold())
        if key is None:
            return ConfigurationStatus.NOT_SUPPORTED
        if key.readonly or not key.accepts(value):
            return ConfigurationStatus.REJECTED
        before, self._values[key.name] = self._values.get(key.name, key.default), value
        if value != before and self.changed is not None:
            self.changed(key.name)
        return ConfigurationStatus.ACCEPTED

    def read(self, names: list[str]) -> tuple[list[KeyValue], list[str]]:
        """The named keys, or all of them, and the names that are unknown (15 §5.6), cut to what an answer can hold."""
        known = [self._keys[name.casefold()] for name in names if name.casefold() in self._keys]
        unknown = [name[:_LONGEST_UNKNOWN] for name in names if name.casefold() not in self._keys]
        return [self._key_value(key) for key in (known if names else self._keys.values())], unknown

    def values(self) -> dict[str, str]:
        """The keys that were changed, to be kept on disk: what a key is at first may be another at the next start."""
        return {name: value for name, value in self._values.items() if value != self._initial.get(name)}

    def _key_value(self, key: Key) -> KeyValue:
        return KeyValue(key=key.name, readonly=key.readonly, value=self._values.get(key.name, key.default))


_ALL = {key.name.casefold(): key for key in STANDARD_KEYS + VENDOR_KEYS}
_BY_VERSION = {v: {name: key for name, key in _ALL.items() if v.has(key.since)} for v in Version}


def _keys_of(version: Version) -> dict[str, Key]:
    return _BY_VERSION[version]
