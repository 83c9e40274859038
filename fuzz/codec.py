"""A request built of random parts: it is read or refused, and what was read is written as the schema wants it, or not.

Names, values and attributes are those of the protocol, in any place, so that the codec's slow ways are taken often.
"""

from __future__ import annotations

import sys
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import atheris

with atheris.instrument_imports(include=["ocpp_soap.soap.codec", "ocpp_soap.messages"]):
    from ocpp_soap import messages as m
    from ocpp_soap.errors import InvalidMessage, ProtocolError
    from ocpp_soap.soap import wsdl
    from ocpp_soap.soap.codec import body_name, decode, encode
    from ocpp_soap.soap.namespaces import service_namespace
    from ocpp_soap.soap.parsing import parse

from lxml import etree

XSI = "http://www.w3.org/2001/XMLSchema-instance"


def every_name() -> list[str]:
    """The names of all elements and attributes of the protocol, and some that are none."""
    names = {"meterValue", "sampledValue", "vendorExtra", "Value", "IDTAG"}
    waiting: list[type[Any]] = [record for action in m.ACTIONS for record in (action.request, action.response)]
    seen: set[type[Any]] = set()
    while waiting:
        record = waiting.pop()
        if record not in seen:
            seen.add(record)
            names |= {info.wire_name for info in m.describe(record)}
            waiting += [info.type for info in m.describe(record) if info.kind is m.Kind.RECORD and info.type]
    return sorted(names)


NAMES = every_name()
VALUES = [
    "", " ", "0", "1", "-1", "+1", "1.0", "1e3", "2147483647", "2147483648", "9" * 30, "true", "False", "1.5", "NaN",
    "2012-06-08T10:00:00Z", "2012-06-08T10:00:00", "2012-06-08 10:00:00.1234567+02:00", "2012-06-08T24:00:00Z",
    "0000-01-01T00:00:00Z", "9999-12-31T24:00:00Z", "-0001-01-01T00:00:00Z", "2012-02-30T00:00:00Z",
    "Accepted", "accepted",
    "Available", "Wh", "kWh", "Energy.Active.Import.Register", "SignedData", "Full", "04AB", "x" * 30, "ftp://h/",
    "\u00a0", "\u202e", "\U0001f50c", "\t\n",
]  # fmt: skip
NAMESPACES = [service_namespace(role, version) for role in m.Role for version in m.Version] + ["", "urn:other"]


def element(data: atheris.FuzzedDataProvider, name: str, depth: int) -> str:
    """One element with attributes and children, or text."""
    attributes = ""
    flags = data.ConsumeIntInRange(0, 255)
    if flags & 3 == 0:
        attributes += f' xmlns="{data.PickValueInList(NAMESPACES)}"'
    if flags & 28 == 4:
        attributes += f' xmlns:xsi="{XSI}" xsi:nil={quoteattr(data.PickValueInList(VALUES).strip())}'
    if flags & 28 == 8:
        attributes += f" {data.PickValueInList(NAMES)}={quoteattr(data.PickValueInList(VALUES))}"
    content = ""
    if depth < 5 and flags & 32:
        count = data.ConsumeIntInRange(0, 6)
        content = "".join(element(data, data.PickValueInList(NAMES), depth + 1) for _ in range(count))
    if not content or flags & 128:
        content += escape(data.PickValueInList(VALUES))
    return f"<{name}{attributes}>{content}</{name}>"


def one_input(raw: bytes) -> None:
    """Build, read, and write again."""
    data = atheris.FuzzedDataProvider(raw)
    action = data.PickValueInList(list(m.ACTIONS))
    version = data.PickValueInList(list(m.Version))
    record = action.request if data.ConsumeBool() else action.response
    namespace = service_namespace(action.receiver, version)
    wanted = [info.wire_name for info in m.describe(record)]
    fields = "".join(element(data, name, 1) for name in wanted if data.ConsumeIntInRange(0, 9))
    others = "".join(element(data, data.PickValueInList(NAMES), 1) for _ in range(data.ConsumeIntInRange(0, 4)))
    text = f'<{body_name(record)} xmlns="{namespace}">{fields}{others}</{body_name(record)}>'
    warnings: list[Any] = []
    try:
        message = decode(record, parse(text.encode(), warnings), version, warnings)
    except ProtocolError:
        return
    if len(warnings) > 200:
        raise SystemError(f"{len(warnings)} warnings")
    try:
        written = encode(message, version, element=body_name(record), namespace=namespace)
    except InvalidMessage:
        return
    again = etree.fromstring(written)
    if version.has(action.since):
        wsdl.schema(action.receiver, version).assertValid(again)
    rewritten = encode(decode(record, again, version, []), version, element=body_name(record), namespace=namespace)
    if rewritten != written:
        raise SystemError(f"{written} became {rewritten}")


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()
