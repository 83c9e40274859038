"""What Spyne's interface document lacks of OCPP's service descriptions, put right.

Spyne names bindings and ports after the service, knows no WS-Addressing 2006/05 metadata, points the identity header
at a message that does not exist, declares an element for every type, and orders types by chance.
"""

from __future__ import annotations

from collections.abc import Iterable

from lxml import etree

from ocpp_soap.messages import Action, Role, Version, actions
from ocpp_soap.soap.namespaces import WSA_WSDL, WSDL, WSDL_SOAP_12, XSD, service_namespace

_IDENTITY = "chargeBoxIdentity"
_HEADER_MESSAGE = "Header"
_HEADER_PART = "ChargeBoxIdentity"

Element = etree._Element


def mend(document: bytes, role: Role, version: Version) -> bytes:
    """The official description of one service, made from Spyne's ``document`` of it."""
    root = _with_our_prefixes(etree.fromstring(document), service_namespace(role, version))
    known = {action.name: action for action in actions(role, version)}
    _mend_schema(_one(root, f"{{{WSDL}}}types/{{{XSD}}}schema"), version, known.values())
    _mend_messages(root)
    _mend_port_type(_one(root, f"{{{WSDL}}}portType"), version, known)
    _mend_binding(_one(root, f"{{{WSDL}}}binding"))
    _mend_port(_one(root, f"{{{WSDL}}}service"))
    for tag in ("portType", "binding", "service"):
        root.append(_one(root, f"{{{WSDL}}}{tag}"))
    etree.cleanup_namespaces(root, keep_ns_prefixes=["tns", "xs"])
    etree.indent(root)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8") + b"\n"


def _one(parent: Element, path: str) -> Element:
    found = parent.find(path)
    if found is None:
        raise LookupError(f"Spyne's document has no {path}")
    return found


def _all(parent: Element, tag: str) -> list[Element]:
    return list(parent.iter(tag))


def _with_our_prefixes(root: Element, namespace: str) -> Element:
    prefixes = {"wsdl": WSDL, "xs": XSD, "soap12": WSDL_SOAP_12, "wsaw": WSA_WSDL, "tns": namespace}
    mended = etree.Element(root.tag, nsmap=prefixes)
    for key, value in root.items():
        mended.set(key, value)
    mended.extend(list(root))
    return mended


def _mend_schema(schema: Element, version: Version, known: Iterable[Action]) -> None:
    messages = [f"{a.name[0].lower()}{a.name[1:]}{kind}" for a in known for kind in ("Request", "Response")]
    elements = {element.get("name"): element for element in schema.iterchildren(f"{{{XSD}}}element")}
    for element in elements.values():
        schema.remove(element)
    types = sorted(schema, key=lambda t: (t.tag != f"{{{XSD}}}simpleType", t.get("name", "")))
    schema[:] = [
        etree.Element(f"{{{XSD}}}element", {"name": _IDENTITY, "type": "xs:string"}),
        *(elements[name] for name in messages),
        *types,
    ]
    for type_ in types:
        if type_.get("name") == "SampledValue":
            schema.remove(type_)
            for value in _all(schema, f"{{{XSD}}}element"):
                if value.get("type") == "tns:SampledValue":
                    _mend_meter_value(value, type_, version)


def _mend_meter_value(value: Element, sampled_value: Element, version: Version) -> None:
    """The value of a meter value: one whole number in 1.2, one or more of a type without name in 1.5."""
    del value.attrib["minOccurs"]
    if version is Version.V12:
        del value.attrib["maxOccurs"]
        value.set("type", "xs:int")
    else:
        del value.attrib["type"], sampled_value.attrib["name"]
        value.append(sampled_value)


def _mend_messages(root: Element) -> None:
    """Name the parts; Spyne's message for the identity header, an element ``xs:string``, gets the right one."""
    for message in root.findall(f"{{{WSDL}}}message"):
        part = _one(message, f"{{{WSDL}}}part")
        if part.get("element") == "xs:string":
            message.set("name", _HEADER_MESSAGE)
            part.attrib.update({"name": _HEADER_PART, "element": f"tns:{_IDENTITY}"})
        else:
            part.set("name", "parameters")


def _mend_port_type(port_type: Element, version: Version, known: dict[str, Action]) -> None:
    for operation in port_type:
        name = known[operation.get("name", "")].name
        del operation.attrib["parameterOrder"]
        _one(operation, f"{{{WSDL}}}input").set(f"{{{WSA_WSDL}}}Action", f"/{name}")
        if version is Version.V15:
            _one(operation, f"{{{WSDL}}}output").set(f"{{{WSA_WSDL}}}Action", f"/{name}Response")


def _mend_binding(binding: Element) -> None:
    binding.set("name", f"{binding.get('name')}Soap")
    binding.insert(1, etree.Element(f"{{{WSA_WSDL}}}UsingAddressing"))
    for operation in binding.iterchildren(f"{{{WSDL}}}operation"):
        _one(operation, f"{{{WSDL_SOAP_12}}}operation").set("soapAction", f"/{operation.get('name')}")
        header = _one(operation, f"{{{WSDL}}}input/{{{WSDL_SOAP_12}}}header")
        header.attrib.update({"message": f"tns:{_HEADER_MESSAGE}", "part": _HEADER_PART, "use": "literal"})


def _mend_port(service: Element) -> None:
    port = _one(service, f"{{{WSDL}}}port")
    name = service.get("name")
    port.attrib.update({"name": f"{name}Soap12", "binding": f"tns:{name}Soap"})
