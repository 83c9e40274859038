"""Meter values in the shapes that stations send (12 §7.11; 15 §7.27, §7.36; the ``sampledValue`` of 1.6).

==========  =====================================================================================
1.2         ``<value>123</value>``, a whole number of Wh
1.5         ``<value unit="kWh" …>1.5</value>``, text with up to five attributes
1.6         ``<sampledValue><value>1.5</value><unit>kWh</unit>…</sampledValue>``
some 1.5    ``<values><value>1.5</value><unit>kWh</unit>…</values>`` within a meter value's ``values``
==========  =====================================================================================

All are read whatever the version: each element tells by itself which one it is.
"""

from __future__ import annotations

from typing import Any

from ocpp_soap.messages import MeterValue, SampledValue, TransactionData, Version, describe
from ocpp_soap.soap.codec.names import local_name
from ocpp_soap.soap.codec.notes import ABSENT, UNREAD, note, note_unread
from ocpp_soap.soap.codec.reading import (
    INT32,
    SPACE,
    Element,
    ElementReader,
    TextReader,
    Warnings,
    emptiness,
    text_of,
    text_reader,
)
from ocpp_soap.soap.codec.times import plain_time
from ocpp_soap.soap.namespaces import XSI

_PROPERTIES = tuple(info for info in describe(SampledValue) if info.attribute)
_MOST_SEEN = 1000
_LONGEST_SEEN = 300
_seen: dict[Any, tuple[Any, ...]] = {}
"""What attributes that were read say; no more and no longer ones than real stations send."""
_IGNORED_PREFIXES = (f"{{{XSI}}}", "xsi:")


def sampled_value_reader(version: Version) -> ElementReader:
    """The reader of one ``value`` or ``sampledValue``; ABSENT if it holds no text."""
    readers: dict[str, tuple[str, TextReader]] = {
        info.wire_name: (info.name, text_reader(info, Version.V15)) for info in _PROPERTIES
    }

    def put(properties: dict[str, str], key: str, sent: str, warnings: Warnings) -> bool:
        """Take a property; False: it is none, but says something."""
        name = local_name(key)
        known = readers.get(name)
        if known is None:
            note(warnings, "unknown_attribute", name, sent)
            return not sent.strip(SPACE)
        if not (text := sent.strip(SPACE)):
            note(warnings, "empty", name)
        else:
            properties[known[0]] = known[1](text, warnings)
        return True

    def read_odd(element: Element, warnings: Warnings) -> Any:
        text = element.text or ""
        properties: dict[str, str] = {}
        unread = ""
        for key, sent in _attributes(element):
            if version is Version.V12:
                note(warnings, "not_in_version", key, sent)
            if not put(properties, key, sent, warnings):
                unread = sent
        if len(element):
            text, parts = _open(element, warnings)
            for key, sent in parts:
                if not put(properties, key, sent, warnings):
                    unread = sent
        text = text.strip(SPACE)
        if not text:
            note(warnings, emptiness(element), "value")
            if unread:
                note_unread(warnings, local_name(element.tag), unread)
            return ABSENT
        if version is Version.V12 and not is_whole_number(text):
            note(warnings, "not_an_integer", "value", text)
        return SampledValue(value=text, **properties)

    def read(element: Element, warnings: Warnings) -> Any:
        noted: Warnings = []
        sample = read_odd(element, noted)
        if not noted and version is Version.V15 and len(_seen) < _MOST_SEEN:
            attributes = tuple(element.items())
            if sum(len(name) + len(sent) for name, sent in attributes) <= _LONGEST_SEEN:
                _seen[attributes] = tuple(getattr(sample, info.name) for info in _PROPERTIES)
        for warning in noted:
            if warning.kind == UNREAD:
                note_unread(warnings, warning.where, warning.sent)
            else:
                note(warnings, warning.kind, warning.where, warning.sent)
        return sample

    return read


def meter_value_reader(namespace: str, version: Version, read_any: ElementReader) -> ElementReader:
    """The reader of a meter value: at once where all is as it should be, else by ``read_any``.

    It is the one reader in which most of the time goes, since meter values are most of what stations send. Attributes
    that were read before are looked up: stations use few combinations of them.
    """
    time_tag, value_tag = f"{{{namespace}}}timestamp", f"{{{namespace}}}value"
    seen: dict[Any, tuple[Any, ...]] = _seen if version is Version.V15 else {(): (None,) * len(_PROPERTIES)}
    integers = version is Version.V12
    new = object.__new__

    def read(element: Element, warnings: Warnings) -> Any:
        children = iter(element)
        first = next(children, None)
        if first is None or first.tag != time_tag or len(first):
            return read_any(element, warnings)
        timestamp = plain_time(first.text or "")
        samples = []
        for child in children:
            text = child.text
            properties = seen.get(tuple(child.items()))
            if (
                properties is None
                or child.tag != value_tag
                or not text
                or text[0] <= " "
                or text[-1] <= " "
                or (integers and not is_whole_number(text))
                or len(child)
            ):
                return read_any(element, warnings)
            sample = new(SampledValue)
            sample.value = text
            sample.context, sample.format, sample.measurand, sample.location, sample.unit = properties
            samples.append(sample)
        if timestamp is None or not samples:
            return read_any(element, warnings)
        return MeterValue(timestamp=timestamp, value=samples)

    return read


def is_whole_number(text: str) -> bool:
    """Tell whether a text is a value that 1.2 can express: an integer of 32 bits in plain digits."""
    digits = text[1:] if text[0] == "-" else text
    return len(digits) <= 10 and digits.isascii() and digits.isdigit() and int(text) in INT32


def names_a_value(element: Element) -> bool:
    """Whether an element or one in it is called ``value``, ``meterValue`` or the like."""
    return any("value" in str(part.tag).rpartition("}")[2].lower() for part in element.iter())


def _attributes(element: Element) -> list[tuple[str, str]]:
    attributes: list[tuple[str, str]] = element.items()  # type: ignore[assignment]
    return [(key, sent) for key, sent in attributes if not key.startswith(_IGNORED_PREFIXES)]


def _open(element: Element, warnings: Warnings) -> tuple[str, list[tuple[str, str]]]:
    children = [child for child in element if isinstance(child.tag, str)]
    if not children:
        return text_of(element, "value", warnings), []
    note(warnings, "sampled_value_shape", local_name(element.tag))
    parts = [(child.tag, text_of(child, local_name(child.tag), warnings)) for child in children]
    texts = [text for tag, text in parts if local_name(tag) == "value"]
    texts += [part for part in (element.text, *(child.tail for child in element)) if part and part.strip(SPACE)]
    for text in texts[1:]:
        note_unread(warnings, local_name(element.tag), text)
    properties = []
    for child, (tag, text) in zip(children, parts, strict=True):
        name = local_name(tag)
        if name == "value":
            continue
        if name != "timestamp" and not names_a_value(child):
            properties.append((tag, text))
        elif text.strip(SPACE):  # another value, or the time of this one alone
            note_unread(warnings, name, text)
    value = next((child for child in children if local_name(child.tag) == "value"), None)
    return texts[0] if texts else "", properties if value is None else [*properties, *_attributes(value)]


def transaction_data_reader(read_record: ElementReader, read_meter_value: ElementReader) -> ElementReader:
    """The reader of ``transactionData``, which in 1.6 is itself a meter value instead of holding ``values``."""

    def read(element: Element, warnings: Warnings) -> Any:
        if any(isinstance(child.tag, str) and local_name(child.tag) == "timestamp" for child in element):
            note(warnings, "sampled_value_shape", "transactionData")
            return TransactionData(values=[read_meter_value(element, warnings)])
        return read_record(element, warnings)

    return read
