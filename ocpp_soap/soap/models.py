"""The messages as Spyne models: what Spyne's interface document is generated from.

Only the service descriptions and Spyne's method table use these classes; bytes on the wire are read and written by
:mod:`ocpp_soap.soap.codec` from the dataclasses themselves.
"""

from __future__ import annotations

from typing import Any

from ocpp_soap.messages import FieldInfo, Kind, Text, Version, fields_in
from ocpp_soap.soap.spyne_compat import (
    AnyUri,
    Boolean,
    ComplexModel,
    DateTime,
    Integer32,
    Unicode,
    XmlAttribute,
    XmlData,
)


class Models:
    """The Spyne models of one service namespace, each made once."""

    def __init__(self, version: Version, namespace: str) -> None:
        self.version = version
        self.namespace = namespace
        self._types: dict[str, Any] = {}

    def record(self, record: type[Any]) -> Any:
        """The model of a message or of a part of one."""
        name = record.__name__
        if name not in self._types:
            members = {info.wire_name: self._member(info) for info in fields_in(record, self.version)}
            self._types[name] = ComplexModel.produce(self.namespace, name, members)
        return self._types[name]

    def header(self, name: str) -> Any:
        """The model of a header element that holds a string."""
        return Unicode(type_name=name, __namespace__=self.namespace)

    def _member(self, info: FieldInfo) -> Any:
        occurs = {
            "min_occurs": 1 if info.required_in(self.version) else 0,
            "max_occurs": "unbounded" if info.many else 1,
        }
        model = self._model(info)
        if info.attribute:
            return XmlAttribute(model, use="optional")
        if info.content:
            return XmlData(model)
        named = {"type_name": model.get_type_name()} if model.get_type_name() in self._types else {}
        return model.customize(nillable=False, **occurs, **named)

    def _model(self, info: FieldInfo) -> Any:
        if info.kind is Kind.RECORD:
            return self.record(info.type)  # type: ignore[arg-type]
        if info.kind is Kind.CHOICE:
            return self._choice(info.type)
        if info.kind is Kind.STRING:
            return self._text(info.text) if info.text and self.version is Version.V15 else self._string(info)
        return {Kind.INTEGER: Integer32, Kind.BOOLEAN: Boolean, Kind.TIME: DateTime}[info.kind]

    @staticmethod
    def _string(info: FieldInfo) -> Any:
        return AnyUri if info.uri else Unicode

    def _choice(self, choice: Any) -> Any:
        if choice.__name__ not in self._types:
            values = [member.value for member in choice if self.version.has(member.since)]
            self._types[choice.__name__] = Unicode(
                type_name=choice.__name__, __namespace__=self.namespace, values=values
            )
        return self._types[choice.__name__]

    def _text(self, text: Text) -> Any:
        if text.name not in self._types:
            self._types[text.name] = Unicode(text.max_length, type_name=text.name, __namespace__=self.namespace)
        return self._types[text.name]
