"""What would take long or much memory is refused before it does."""

from __future__ import annotations

import time

import pytest

from ocpp_soap.errors import ProtocolError
from ocpp_soap.soap.bounds import check_markup

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
    began = time.perf_counter()
    reply = service().post(sent.encode(encoding))
    assert time.perf_counter() - began < 1
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


@pytest.mark.parametrize("header", ["<c:x>{}</c:x>", '<c:x y="{}"/>', "<c:{}/>", "<c:x/>{}"])
def test_a_header_is_as_long_as_its_names_texts_and_attributes(header, service, envelope):
    reply = service().post(envelope(HEARTBEAT, headers=header.format("x" * 16_500)))
    assert reply.fault[2] == "The Header is longer than 16384 bytes."
    assert service().post(envelope(HEARTBEAT, headers=header.format("x" * 15_500))).status != 400
