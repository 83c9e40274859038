"""``soap.validation: strict`` holds each request against the schema, and lets pass what the specification allows."""

from __future__ import annotations

import gzip
import zlib

import pytest

from ocpp_soap import messages as m

CS12, CS15 = "urn://Ocpp/Cs/2010/08/", "urn://Ocpp/Cs/2012/06/"
ACCEPTED = m.IdTagInfo(status=m.AuthorizationStatus.ACCEPTED)
STARTED = m.StartTransactionResponse(transaction_id=1, id_tag_info=ACCEPTED)
START = (
    "<c:startTransactionRequest><c:connectorId>1</c:connectorId><c:idTag>04AB</c:idTag>"
    "<c:timestamp>2012-06-08T10:00:00Z</c:timestamp><c:meterStart>0</c:meterStart></c:startTransactionRequest>"
)


@pytest.fixture
def strict(service):
    return service(STARTED, OCPP_SOAP__SOAP__VALIDATION="strict")


@pytest.mark.parametrize(
    ("sent", "replaced", "reason"),
    [
        ("<c:connectorId>1</c:connectorId>", "<c:meterStart>0</c:meterStart>", "not expected"),
        ("04AB", "123456789012345678901", "maximum length"),
        ("<c:connectorId>1<", "<c:connectorId>1.0<", "not a valid value"),
        ("2012-06-08T10:00:00Z", "2012-06-08 10:00:00Z", "not a valid value"),
        ("</c:startT", "<c:vendorExtra/></c:startT", "not expected"),
        ("c:startTransactionRequest", "c:StartTransactionRequest", "StartTransactionRequest"),
        ("<c:idTag>04AB</c:idTag>", "<idTag>04AB</idTag>", "not expected"),
        ("<c:meterStart>0</c:meterStart>", "", "Missing child"),
    ],
)
def test_a_breach_of_the_schema_is_a_protocol_error_with_its_reason(sent, replaced, reason, strict, envelope):
    assert sent in START
    reply = strict.post(envelope(START.replace(sent, replaced)))
    assert (reply.status, reply.fault[:2]) == (400, ("Sender", "{urn://Ocpp/2012/02/}ProtocolError"))
    assert reason in reply.fault[2]
    assert strict.calls == []


@pytest.mark.parametrize("sent", ["2012-06-08T10:00:00Z", "<c:idTag>04AB</c:idTag>"])
def test_the_reason_does_not_repeat_a_long_text(sent, strict, envelope):
    long = f"<c:{'x' * 40_000}/>" if "<" in sent else "x" * 40_000
    reply = strict.post(envelope(START.replace(sent, long)))
    assert reply.fault[2].startswith("The request breaks the schema: Element '{urn://Ocpp/Cs/2012/06/}")
    assert len(reply.fault[2]) < 600


@pytest.mark.parametrize(
    "namespace", ["urn://Ocpp/Cp/2012/06/", "urn://Ocpp/Cs/2010/10/", "urn:somebody"], ids=["Cp", "2010/10", "other"]
)
def test_another_namespace_is_told_the_right_one(namespace, strict, envelope):
    body = START.replace("<c:startTransactionRequest>", f'<c:startTransactionRequest xmlns:c="{namespace}">')
    reply = strict.post(envelope(body), "/Ocpp/1.5/CentralSystemService")
    assert reply.fault[1].endswith("}ProtocolError")
    assert CS15 in reply.fault[2]


@pytest.mark.parametrize(
    ("pack", "coding"), [(gzip.compress, "gzip"), (zlib.compress, "deflate"), (bytes, "")], ids=["gzip", "deflate", ""]
)
@pytest.mark.parametrize("time", ["2012-06-08T10:00:00", "2012-06-08T10:00:00.5+02:00", "2012-06-08T24:00:00Z"])
@pytest.mark.parametrize("namespace", [CS12, CS15])
def test_what_the_specification_allows_passes(pack, coding, time, namespace, strict, envelope):
    headers = '<wsa:Action env:mustUnderstand="1">/StartTransaction</wsa:Action>'
    body = envelope(START.replace("2012-06-08T10:00:00Z", time), headers=headers, namespace=namespace)
    reply = strict.post(pack(body.encode()), HTTP_CONTENT_ENCODING=coding)
    assert reply.status == 200, reply.text
    assert strict.calls[0].request.connector_id == 1


def test_an_operation_that_the_version_or_the_side_lacks_is_not_supported(strict, envelope):
    for body, namespace in (
        ("<c:dataTransferRequest><c:vendorId>x</c:vendorId></c:dataTransferRequest>", CS12),
        ('<x:resetRequest xmlns:x="urn://Ocpp/Cp/2012/06/"><x:type>Hard</x:type></x:resetRequest>', CS15),
    ):
        reply = strict.post(envelope(body, namespace=namespace))
        assert (reply.status, reply.fault[0], reply.fault[1].rpartition("}")[2]) == (500, "Receiver", "NotSupported")
