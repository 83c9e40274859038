"""What would take long or much memory is refused before it does."""

from __future__ import annotations

import time

import pytest

from ocpp_soap.errors import ProtocolError
from ocpp_soap.messages import DataTransferResponse, DataTransferStatus, MeterValuesResponse
from ocpp_soap.soap import addressing
from ocpp_soap.soap.bounds import check_markup
from ocpp_soap.soap.codec import meter_values

HEARTBEAT = "<c:heartbeatRequest/>"


def declarations(number: int) -> str:
    return "".join(f' xmlns:p{n}="u&gt;"' for n in range(number))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("where", ["root", "header", "body"])
def test_an_element_that_declares_thousands_of_namespaces_is_refused_at_once(where, encoding, service, envelope):
    many = declarations(20_000)
    sent = {
        "root": envelope(HEARTBEAT).replace("<env:Envelope", f"<env:Envelope{many}"),
        "header": envelope(HEARTBEAT, headers=f"<c:x{many}/>"),
        "body": envelope(f"<c:heartbeatRequest{many}/>"),
    }[where]
    serving = service()
    began = time.thread_time()
    reply = serving.post(sent.encode(encoding))
    assert time.thread_time() - began < 1
    assert reply.status == 400
    assert reply.fault[1:] == (
        "{urn://Ocpp/2012/02/}ProtocolError",
        "An element declares 20000 namespaces; expected 50 at most."
        if where != "root"
        else "An element declares 20003 namespaces; expected 50 at most.",
    )


def test_each_element_may_declare_its_own_namespaces():
    check_markup(b'<a xmlns:p="u" xmlns:q="u"/>' * 9_000, 10_000)
    check_markup(f"<a{declarations(50)}/>".encode() * 100, 10_000)
    with pytest.raises(ProtocolError, match="declares 51 namespaces"):
        check_markup(f"<a{declarations(51)}/>".encode(), 10_000)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-be"])
@pytest.mark.parametrize(
    "namespace", ["u" * 100_000, "xmlns" * 40 + "u" * 100_000, "\u3e3e\u2222" * 30_000, "='>" * 30_000]
)
@pytest.mark.parametrize("where", ["header", "body", "text"])
def test_a_namespace_with_which_thousands_of_elements_would_be_named_is_refused_at_once(
    where, namespace, encoding, service, envelope
):
    long, many = f' xmlns:x="{namespace}"', "<x:e/>" * 9_000
    sent = {
        "header": envelope(HEARTBEAT, headers=f"<c:x{long}>{many}</c:x>"),
        "body": envelope(f"<c:heartbeatRequest{long}>{many}</c:heartbeatRequest>"),
        "text": envelope(f"<c:authorizeRequest{long}><c:idTag>{many}</c:idTag></c:authorizeRequest>"),
    }[where]
    began = time.thread_time()
    reply = service().post(sent.encode(encoding))
    assert time.thread_time() - began < 1
    assert reply.status == 400
    assert reply.fault[1:] == ("{urn://Ocpp/2012/02/}ProtocolError", "A namespace is longer than 1000 bytes.")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("where", ["header", "value", "values"])
def test_an_element_with_thousands_of_attributes_is_refused_at_once(where, encoding, service, envelope):
    many = "".join(f" a{n}='>'" for n in range(60_000))
    value, values = (many if place == where else "" for place in ("value", "values"))
    sent = envelope(
        f"<c:meterValuesRequest><c:connectorId>1</c:connectorId><c:values{values}><c:timestamp>2012-06-08T10:00:00Z"
        f"</c:timestamp><c:value{value}>1</c:value></c:values></c:meterValuesRequest>",
        headers=f"<c:x{many if where == 'header' else ''}/>",
    )
    began = time.thread_time()
    reply = service(OCPP_SOAP__SERVER__MAX_BODY="4194304").post(sent.encode(encoding))
    assert time.thread_time() - began < 1
    assert reply.fault[2] == "An element has more than 100 attributes."


def test_an_element_may_have_a_hundred_attributes():
    hundred = "".join(f' attribute-{n}="{n}"' for n in range(100))
    check_markup(f'<a{hundred}>b="1" c="2"</a>'.encode(), 10_000)
    with pytest.raises(ProtocolError, match="more than 100 attributes"):
        check_markup(f'<a{hundred} b="1">c="2"</a>'.encode(), 10_000)


def test_a_text_behind_a_declaration_may_be_long():
    text = """a="'""" + "x" * 1_200 + """'" xmlns:y='""" + "y" * 1_200 + "'"
    check_markup(f"<a xmlns:p='{'u' * 1_000}' b=\"{'b' * 2_000}\">{text}</a>".encode(), 10_000)
    with pytest.raises(ProtocolError, match="longer than 1000 bytes"):
        check_markup(f"<a b=\"{'b' * 2_000}\" xmlns:p = '{'u' * 1_001}'>{text}</a>".encode(), 10_000)


def test_what_is_in_scope_of_markup_in_a_text_does_not_multiply_it(service, envelope):
    scope = "".join(f' xmlns:p{n}="urn:{n}"' for n in range(45))
    sent = envelope(
        f"<c:dataTransferRequest{scope}><c:vendorId>v</c:vendorId><c:data>{'<y/>' * 1_500}</c:data>"
        "</c:dataTransferRequest>"
    )
    served = service(DataTransferResponse(status=DataTransferStatus.ACCEPTED))
    assert served.post(sent).status == 200
    assert served.calls[-1].request.data == "<y/>" * 1_500


def test_what_is_remembered_of_senders_is_short(service, envelope):
    served = service(MeterValuesResponse())
    before = addressing._classified.cache_info().currsize
    for number in range(10):
        declared = f'xmlns:x="urn:{number}{"x" * 900}"'
        sent = envelope(
            "<c:meterValuesRequest><c:connectorId>1</c:connectorId><c:values><c:timestamp>2012-06-08T10:00:00Z"
            f'</c:timestamp><c:value {declared} x:unit="Wh">1</c:value></c:values></c:meterValuesRequest>',
            headers=f"<x:y {declared}/>",
        )
        assert served.post(sent).status == 200
        assert served.calls[-1].request.values[0].value[0].unit == "Wh"
    assert not [name for attributes in meter_values._seen for name, _ in attributes if len(name) > 300]
    assert addressing._classified.cache_info().currsize < before + 10


@pytest.mark.parametrize("header", ["<c:x>{}</c:x>", '<c:x y="{}"/>', "<c:{}/>", "<c:x/>{}"])
def test_a_header_is_as_long_as_its_names_texts_and_attributes(header, service, envelope):
    reply = service().post(envelope(HEARTBEAT, headers=header.format("x" * 16_500)))
    assert reply.fault[2] == "The Header is longer than 16384 bytes."
    assert service().post(envelope(HEARTBEAT, headers=header.format("x" * 15_500))).status != 400
