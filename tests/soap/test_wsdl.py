"""The service descriptions say what the official ones do (tests/data/interface.json), and are what make wsdl writes."""

import itertools
import json
from pathlib import Path

import pytest
import zeep
from lxml import etree

from ocpp_soap.messages import Role, Version
from ocpp_soap.soap import wsdl

INTERFACE = json.loads((Path(__file__).parents[1] / "data" / "interface.json").read_text())
SERVICES = list(itertools.product(Role, Version))
NS = {
    "wsdl": "http://schemas.xmlsoap.org/wsdl/",
    "xs": "http://www.w3.org/2001/XMLSchema",
    "soap": "http://schemas.xmlsoap.org/wsdl/soap12/",
    "wsaw": "http://www.w3.org/2006/05/addressing/wsdl",
}
WSAW_ACTION = "{http://www.w3.org/2006/05/addressing/wsdl}Action"

pytestmark = pytest.mark.parametrize(("role", "version"), SERVICES, ids=lambda value: value.value)


def reference(role, version):
    return INTERFACE[f"{role.value}_{version.value}"]


def packaged(role, version):
    return etree.fromstring(wsdl.path(role, version).read_bytes())


def read_type(name):
    return name.removeprefix("tns:")


def read_attribute(attribute):
    return {"name": attribute.get("name"), "type": read_type(attribute.get("type")), "use": attribute.get("use")}


def read_element(element):
    extension = element.find("xs:complexType/xs:simpleContent/xs:extension", NS)
    if extension is None:
        type_ = read_type(element.get("type"))
    else:
        type_ = {"text": extension.get("base"), "attributes": [read_attribute(a) for a in extension]}
    most = element.get("maxOccurs", "1")
    return {
        "name": element.get("name"),
        "min": int(element.get("minOccurs", "1")),
        "max": most if most == "unbounded" else int(most),
        "type": type_,
    }


def read_simple_type(simple_type):
    restriction = simple_type.find("xs:restriction", NS)
    facts = {"base": restriction.get("base")}
    if values := [value.get("value") for value in restriction.findall("xs:enumeration", NS)]:
        facts["enum"] = values
    if (longest := restriction.find("xs:maxLength", NS)) is not None:
        facts["max_length"] = int(longest.get("value"))
    return facts


def test_types_have_the_official_names_fields_order_cardinality_values_and_lengths(role, version):
    schema = packaged(role, version).find("wsdl:types/xs:schema", NS)
    official = reference(role, version)
    assert schema.get("targetNamespace") == official["namespace"]
    assert schema.get("elementFormDefault") == official["elementFormDefault"]
    assert {
        t.get("name"): [read_element(e) for e in t.findall("xs:sequence/xs:element", NS)]
        for t in schema.findall("xs:complexType", NS)
    } == official["complex_types"]
    assert {t.get("name"): read_simple_type(t) for t in schema.findall("xs:simpleType", NS)} == official["simple_types"]
    assert {e.get("name"): read_type(e.get("type")) for e in schema.findall("xs:element", NS)} == official["elements"]


def test_operations_have_the_official_names_messages_and_actions(role, version):
    root = packaged(role, version)
    parts = {
        m.get("name"): [read_type(part.get("element")) for part in m.findall("wsdl:part", NS)]
        for m in root.findall("wsdl:message", NS)
    }
    soap_actions = {
        o.get("name"): o.find("soap:operation", NS).get("soapAction")
        for o in root.findall("wsdl:binding/wsdl:operation", NS)
    }
    found = {}
    for operation in root.findall("wsdl:portType/wsdl:operation", NS):
        request, response = operation.find("wsdl:input", NS), operation.find("wsdl:output", NS)
        found[operation.get("name")] = {
            "request": parts[read_type(request.get("message"))][0],
            "response": parts[read_type(response.get("message"))][0],
            "wsa_action": request.get(WSAW_ACTION),
            "wsa_response_action": response.get(WSAW_ACTION),
            "soap_action": soap_actions[operation.get("name")],
        }
    assert found == reference(role, version)["operations"]


def test_port_type_binding_service_and_port_have_the_official_names(role, version):
    root, official = packaged(role, version), reference(role, version)
    port_type, binding, service = (root.findall(f"wsdl:{tag}", NS) for tag in ("portType", "binding", "service"))
    assert [e.get("name") for e in (*port_type, *binding, *service)] == [
        official["port_type"],
        official["binding"],
        official["service"],
    ]
    assert binding[0].get("type") == f"tns:{official['port_type']}"
    (port,) = service[0].findall("wsdl:port", NS)
    assert (port.get("name"), port.get("binding")) == (official["port"], f"tns:{official['binding']}")


def test_binding_is_document_literal_soap_12_over_http_with_addressing(role, version):
    binding = packaged(role, version).find("wsdl:binding", NS)
    soap = binding.find("soap:binding", NS)
    assert (soap.get("style"), soap.get("transport")) == ("document", "http://schemas.xmlsoap.org/soap/http")
    assert binding.find("wsaw:UsingAddressing", NS) is not None
    assert {body.get("use") for body in binding.iter("{http://schemas.xmlsoap.org/wsdl/soap12/}body")} == {"literal"}


def test_identity_header_is_bound_to_inputs_only(role, version):
    root = packaged(role, version)
    for operation in root.findall("wsdl:binding/wsdl:operation", NS):
        (header,) = operation.findall("wsdl:input/soap:header", NS)
        (part,) = root.findall(f"wsdl:message[@name='{read_type(header.get('message'))}']/wsdl:part", NS)
        assert (part.get("name"), part.get("element")) == (header.get("part"), "tns:chargeBoxIdentity")
        assert operation.findall("wsdl:output/soap:header", NS) == []


def test_zeep_finds_every_operation(role, version):
    client = zeep.Client(str(wsdl.path(role, version)))
    official = reference(role, version)
    binding = client.service._binding
    assert binding.name == etree.QName(official["namespace"], official["binding"])
    assert set(binding.all()) == set(official["operations"])


def test_schema_compiles_and_tells_right_from_wrong(role, version):
    official = reference(role, version)
    schema = wsdl.schema(role, version)
    name, type_ = next(item for item in official["elements"].items() if official["complex_types"].get(item[1]) == [])
    right = etree.Element(f"{{{official['namespace']}}}{name}")
    wrong = etree.SubElement(etree.fromstring(etree.tostring(right)), "surprise").getparent()
    assert type_
    assert schema.validate(right)
    assert not schema.validate(wrong)


def test_checked_in_file_is_what_make_wsdl_writes(role, version):
    assert wsdl.path(role, version).read_bytes() == wsdl.generate(role, version)


@pytest.mark.parametrize("address", ["https://cs.example/Ocpp/CentralSystemService", "http://x/?a=1&b=<\"'>ü"])
def test_document_has_the_address_asked_for_and_nothing_else_changed(role, version, address):
    described = etree.fromstring(wsdl.document(role, version, address))
    original = packaged(role, version)
    (location,) = described.findall("wsdl:service/wsdl:port/soap:address", NS)
    assert location.get("location") == address
    location.set("location", original.find("wsdl:service/wsdl:port/soap:address", NS).get("location"))
    assert etree.tostring(described, method="c14n") == etree.tostring(original, method="c14n")


def test_main_writes_the_four_files_into_the_folder_named(role, version, tmp_path):
    wsdl.main([str(tmp_path)])
    assert len(list(tmp_path.iterdir())) == 4
    assert (tmp_path / wsdl.file_name(role, version)).read_bytes() == wsdl.path(role, version).read_bytes()
