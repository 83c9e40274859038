"""A message as the keyword arguments of zeep's operation."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ocpp_soap.messages import Choice, Kind, SampledValue, Version, fields_in
from ocpp_soap.soap.codec.times import format_time

_TEXT = "_value_1"


def arguments_of(record: Any, version: Version) -> dict[str, Any]:
    """The fields of ``record`` by their names on the wire, as far as they are set, times in UTC with ``Z``."""
    return {
        info.wire_name: _values(value, version, is_record=info.kind is Kind.RECORD)
        for info in fields_in(type(record), version)
        if (value := getattr(record, info.name)) is not None
    }


def _values(value: Any, version: Version, *, is_record: bool) -> Any:
    if isinstance(value, list):
        if version is Version.V12 and value and isinstance(value[0], SampledValue):
            return _sampled_value(value[0], version)
        return [_values(one, version, is_record=is_record) for one in value]
    if isinstance(value, SampledValue):
        return _sampled_value(value, version)
    if is_record:
        return arguments_of(value, version)
    if isinstance(value, datetime):
        return format_time(value)
    return value.value if isinstance(value, Choice) else value


def _sampled_value(sample: SampledValue, version: Version) -> Any:
    if version is Version.V12:
        return int(sample.value)
    arguments = arguments_of(sample, version)
    return arguments | {_TEXT: arguments.pop("value")}
