"""Faults as SOAP 1.2 and 1.1 write them, from every kind of failure."""

from __future__ import annotations

import pytest
from lxml import etree
from structlog.testing import capture_logs

from ocpp_soap import errors
from ocpp_soap import messages as m

SOAP_12 = "http://www.w3.org/2003/05/soap-envelope"
SOAP_11 = "http://schemas.xmlsoap.org/soap/envelope/"
V12, V15 = "urn://Ocpp/2010/08/", "urn://Ocpp/2012/02/"
CS12, CS15 = "urn://Ocpp/Cs/2010/08/", "urn://Ocpp/Cs/2012/06/"
HEARTBEAT = "<c:heartbeatRequest/>"


def raising(error):
    def answer(call):
        raise error

    return answer


@pytest.mark.parametrize(("namespace", "subcodes"), [(CS12, V12), (CS15, V15)])
@pytest.mark.parametrize(
    ("fault", "code", "status"),
    [
        (errors.SecurityError, "Sender", 400),
        (errors.IdentityMismatch, "Sender", 400),
        (errors.ProtocolError, "Sender", 400),
        (errors.InternalError, "Receiver", 500),
        (errors.NotSupported, "Receiver", 500),
    ],
)
def test_the_five_faults_in_soap_12(fault, code, status, namespace, subcodes, service, envelope):
    served = service(raising(fault("Because <&>.")))
    reply = served.post(envelope(HEARTBEAT, namespace=namespace, headers="<wsa:MessageID>7</wsa:MessageID>"))
    assert reply.status == status
    assert reply.fault == (code, f"{{{subcodes}}}{fault.__name__}", "Because <&>.")
    assert reply.header("RelatesTo") == "7"
    assert reply.header("Action") == "http://www.w3.org/2005/08/addressing/soap/fault"
    assert reply.headers["Content-Type"] == "application/soap+xml; charset=utf-8"


@pytest.mark.parametrize(("namespace", "subcodes"), [(CS12, V12), (CS15, V15)])
@pytest.mark.parametrize("fault", list(errors.FAULTS.values()))
def test_soap_11_has_the_qname_as_faultcode(fault, namespace, subcodes, service, envelope):
    reply = service(raising(fault("Because."))).post(envelope(HEARTBEAT, namespace=namespace, soap=SOAP_11))
    assert reply.status == 500
    assert reply.headers["Content-Type"] == "text/xml; charset=utf-8"
    content = reply.content
    assert content.tag == f"{{{SOAP_11}}}Fault"
    code = content.find("faultcode")
    prefix, _, local = code.text.partition(":")
    assert (code.nsmap[prefix], local) == (subcodes, fault.__name__)
    assert content.findtext("faultstring") == "Because."


def test_a_header_that_must_be_understood(service, envelope):
    header = '<x:Security xmlns:x="urn:wsse" env:mustUnderstand="true"/>'
    reply = service().post(envelope(HEARTBEAT, headers=header))
    assert reply.status == 500
    assert reply.fault[:2] == ("MustUnderstand", "")
    block = reply.envelope.find(f"{{{SOAP_12}}}Header/{{{SOAP_12}}}NotUnderstood")
    prefix, _, local = block.get("qname").partition(":")
    assert (block.nsmap[prefix], local) == ("urn:wsse", "Security")
    in_11 = service().post(envelope(HEARTBEAT, headers=header, soap=SOAP_11))
    assert (in_11.status, in_11.content.findtext("faultcode")) == (500, "S:MustUnderstand")


def test_a_header_in_the_namespace_of_xml_itself_is_named_by_the_only_prefix_that_it_can_have(service, envelope):
    reply = service().post(envelope(HEARTBEAT, headers='<xml:Security env:mustUnderstand="true"/>'))
    assert reply.fault[:2] == ("MustUnderstand", "")
    block = reply.envelope.find(f"{{{SOAP_12}}}Header/{{{SOAP_12}}}NotUnderstood")
    assert block.get("qname") == "xml:Security"


def test_a_foreign_envelope_is_told_what_is_spoken(service, envelope):
    reply = service().post(envelope(HEARTBEAT, soap="urn:other-soap"))
    assert reply.status == 500
    assert reply.fault[:2] == ("VersionMismatch", "")
    offered = reply.envelope.findall(f".//{{{SOAP_12}}}SupportedEnvelope")
    assert [element.nsmap[element.get("qname").partition(":")[0]] for element in offered] == [SOAP_12, SOAP_11]


def test_2004_addressing_is_answered_in_kind(service):
    wsa = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
    request = (
        f'<e:Envelope xmlns:e="{SOAP_12}" xmlns:w="{wsa}"><e:Header><w:Action>/Heartbeat</w:Action>'
        "<w:MessageID>3</w:MessageID><chargeBoxIdentity>A</chargeBoxIdentity></e:Header>"
        f'<e:Body><heartbeatRequest xmlns="{CS15}"/></e:Body></e:Envelope>'
    )
    reply = service(raising(errors.SecurityError())).post(request)
    assert reply.header("Action", wsa) == f"{wsa}/fault"
    assert reply.header("RelatesTo", wsa) == "3"
    assert reply.header("To", wsa) == f"{wsa}/role/anonymous"


def test_a_failure_names_a_reference_that_the_log_explains(service, envelope):
    with capture_logs() as log:
        reply = service(raising(KeyError("secret"))).post(envelope(HEARTBEAT))
    code, subcode, reason = reply.fault
    assert (reply.status, code, subcode) == (500, "Receiver", f"{{{V15}}}InternalError")
    (entry,) = [entry for entry in log if entry["event"] == "request failed"]
    assert entry["reference"] in reason
    assert entry["exc_info"]
    assert b"secret" not in reply.body
    assert b"KeyError" not in reply.body


def test_an_answer_that_breaks_the_specification_is_never_sent(service, envelope):
    with capture_logs() as log:
        reply = service(m.StatusNotificationResponse()).post(envelope(HEARTBEAT))
        too_long = m.IdTagInfo(status=m.AuthorizationStatus.ACCEPTED, parent_id_tag="x" * 21)
        authorize = "<c:authorizeRequest><c:idTag>A</c:idTag></c:authorizeRequest>"
        other = service(m.AuthorizeResponse(id_tag_info=too_long)).post(envelope(authorize))
    assert reply.fault[1] == other.fault[1] == f"{{{V15}}}InternalError"
    assert len([entry for entry in log if entry["event"] == "request failed"]) == 2


@pytest.mark.parametrize(
    ("error", "status", "after"),
    [
        (errors.RetryLater("full"), 503, "30"),
        (errors.RetryLater("too fast", status=429, after=5), 429, "5"),
        (errors.StoreUnavailable("disk full"), 503, "30"),
    ],
)
def test_what_could_succeed_later_gets_no_envelope(error, status, after, service, envelope):
    reply = service(raising(error)).post(envelope(HEARTBEAT))
    assert (reply.status, reply.headers["Retry-After"]) == (status, after)
    assert reply.headers["Content-Type"].startswith("text/plain")
    assert str(error).encode() not in reply.body


def test_a_reason_with_characters_that_xml_cannot_hold_is_still_xml(service, envelope):
    reply = service(raising(errors.ProtocolError("a\x00b\x1bc"))).post(envelope(HEARTBEAT))
    etree.fromstring(reply.body)
    assert reply.fault[2] == "a b c"


TOO_DEEP = "<x>" * 90 + "</x>" * 90


@pytest.mark.parametrize(("namespace", "subcodes"), [(CS12, V12), (CS15, V15)])
@pytest.mark.parametrize(("soap", "status"), [(SOAP_11, 500), (SOAP_12, 400)])
@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (f"<c:heartbeatRequest>{TOO_DEEP}</c:heartbeatRequest>", ""),
        (HEARTBEAT, f"<c:long>{'x' * 17_000}</c:long>"),
        ("", ""),
        ("<unknown/>", ""),
        (f"</e:Body><e:Body>{HEARTBEAT}", ""),
    ],
)
def test_an_envelope_that_breaks_a_limit_is_answered_in_kind(
    body, headers, soap, status, namespace, subcodes, service, envelope
):
    headers = f"<wsa:MessageID>7</wsa:MessageID>{headers}"
    sent = envelope(body.replace("e:Body", "env:Body"), namespace=namespace, soap=soap, headers=headers)
    reply = service().post(sent)
    assert reply.status == status
    assert reply.header("RelatesTo") == "7"
    assert reply.envelope.tag == f"{{{soap}}}Envelope"
    assert subcodes.encode() in reply.body


@pytest.mark.parametrize(("namespace", "subcodes"), [(CS12, V12), (CS15, V15)])
@pytest.mark.parametrize(("soap", "status"), [(SOAP_11, 500), (SOAP_12, 400)])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_what_cannot_be_read_is_answered_in_the_versions_that_its_beginning_names(
    encoding, soap, status, namespace, subcodes, service, envelope
):
    whole = envelope(HEARTBEAT, namespace=namespace, soap=soap)
    for broken in (whole[:-20], whole.replace(HEARTBEAT, "<x/>" * 50_000)):
        reply = service().post(broken.encode(encoding))
        assert reply.status == status
        assert reply.envelope.tag == f"{{{soap}}}Envelope"
        assert subcodes.encode() in reply.body


def test_a_handler_that_ends_the_program_ends_only_its_answer(service, envelope):
    reply = service(raising(SystemExit(3))).post(envelope(HEARTBEAT))
    assert reply.status == 500
    assert reply.fault[1] == f"{{{V15}}}InternalError"
