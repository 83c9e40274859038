"""Envelopes of many shapes are read; what is none is refused in a sentence."""

from __future__ import annotations

import time

import pytest
from lxml import etree

from ocpp_soap.errors import IdentityMismatch, ProtocolError
from ocpp_soap.soap import envelope
from ocpp_soap.soap.bounds import Limits
from ocpp_soap.soap.faults import MustUnderstand, VersionMismatch
from ocpp_soap.soap.parsing import safe_parser

LIMITS = Limits(max_depth=64, max_elements=10_000, max_header=16_384, max_identity=100)
SOAP_12 = "http://www.w3.org/2003/05/soap-envelope"
SOAP_11 = "http://schemas.xmlsoap.org/soap/envelope/"
WSA, WSA_2004 = "http://www.w3.org/2005/08/addressing", "http://schemas.xmlsoap.org/ws/2004/08/addressing"
CS = "urn://Ocpp/Cs/2012/06/"


def text(headers="", body="<c:heartbeatRequest/>", soap=SOAP_12, wsa=WSA, attributes=""):
    return (
        f'<e:Envelope xmlns:e="{soap}" xmlns:w="{wsa}" xmlns:c="{CS}"{attributes}>'
        f"<e:Header>{headers}</e:Header><e:Body>{body}</e:Body></e:Envelope>"
    )


def read(data, charset=""):
    warnings = []
    data = data.encode() if isinstance(data, str) else data
    found = envelope.open_envelope(data, warnings, charset)
    found.read_headers(LIMITS, warnings)
    found.check(data, LIMITS)
    return found, [warning.kind for warning in warnings]


def headers(data):
    return read(text(data))[0].headers


@pytest.mark.parametrize("soap", [SOAP_12, SOAP_11])
def test_both_soap_versions_are_read(soap):
    found, warnings = read(text(soap=soap))
    assert found.soap_namespace == soap
    assert found.body[0].tag == f"{{{CS}}}heartbeatRequest"
    assert warnings == []


def test_headers_are_read_in_any_order():
    found = headers(
        "<w:To> http://cs/ </w:To><w:ReplyTo><w:Address>http://www.w3.org/2005/08/addressing/anonymous</w:Address>"
        "</w:ReplyTo><w:MessageID>urn:uuid:9</w:MessageID><w:From><w:Address>http://cp:8080/</w:Address></w:From>"
        "<w:Action>/Heartbeat</w:Action><c:chargeBoxIdentity>CB 1</c:chargeBoxIdentity>"
    )
    assert found.identity == "CB 1"
    assert found.identity_namespace == CS
    assert (found.action, found.operation) == ("/Heartbeat", "Heartbeat")
    assert (found.message_id, found.sender) == ("urn:uuid:9", "http://cp:8080/")


@pytest.mark.parametrize(
    "action", ["Heartbeat", "/Heartbeat", "urn://Ocpp/Cs/2012/06/Heartbeat", "urn:ocpp#Heartbeat", "urn:ocpp:Heartbeat"]
)
def test_action_names_the_operation_in_every_form(action):
    assert headers(f"<w:Action>{action}</w:Action>").operation == "Heartbeat"


def test_2004_addressing_is_read_and_remembered():
    found, _ = read(text("<w:Action>/Heartbeat</w:Action><w:MessageID>1</w:MessageID>", wsa=WSA_2004))
    assert (found.headers.action, found.headers.message_id, found.headers.namespace) == ("/Heartbeat", "1", WSA_2004)


def test_addressing_without_namespace_is_read_with_a_warning():
    found, warnings = read(text("<Action>/Heartbeat</Action><From>http://cp/</From>"))
    assert (found.headers.action, found.headers.sender) == ("/Heartbeat", "http://cp/")
    assert warnings == ["header_name", "header_name", "address_as_text"]


def test_headers_of_a_foreign_namespace_are_read_and_give_way_to_the_right_ones():
    foreign = '<x:Action xmlns:x="urn:x">Reset</x:Action><x:From xmlns:x="urn:x">http://x/</x:From>'
    right = "<w:Action>/Heartbeat</w:Action><w:From><w:Address>http://cp/</w:Address></w:From>"
    assert (headers(foreign).action, headers(foreign).sender) == ("Reset", "http://x/")
    for both in (headers(foreign + right), headers(right + foreign)):
        assert (both.action, both.sender) == ("/Heartbeat", "http://cp/")
    with pytest.raises(MustUnderstand):
        headers('<x:To xmlns:x="urn:x" e:mustUnderstand="1">http://x/</x:To>')


@pytest.mark.parametrize(
    "identity",
    [
        "<chargeBoxIdentity>CB1</chargeBoxIdentity>",
        '<x:ChargeBoxIdentity xmlns:x="urn://Ocpp/Cp/2010/08/">CB1</x:ChargeBoxIdentity>',
        "<c:chargeboxidentity> CB1 </c:chargeboxidentity>",
        '<x:chargeBoxIdentity xmlns:x="http://elsewhere/">CB1</x:chargeBoxIdentity>',
    ],
)
def test_an_odd_identity_header_is_understood_with_a_warning(identity):
    found, warnings = read(text(identity))
    assert found.headers.identity == "CB1"
    assert warnings


@pytest.mark.parametrize("identity", ["a:b", "a,b=c", "two words", "Ladesäule №5", "x" * 100])
def test_an_identity_may_hold_any_printable_text(identity):
    assert headers(f"<c:chargeBoxIdentity>{identity}</c:chargeBoxIdentity>").identity == identity


@pytest.mark.parametrize(("identity", "kind"), [("x" * 101, "identity_too_long"), ("a\tb", "identity_characters")])
def test_an_identity_that_is_too_long_or_has_control_characters_is_refused(identity, kind):
    with pytest.raises(ProtocolError) as caught:
        headers(f"<c:chargeBoxIdentity>{identity}</c:chargeBoxIdentity>")
    assert caught.value.kind == kind


def test_two_different_identities_contradict_each_other():
    with pytest.raises(IdentityMismatch):
        headers("<c:chargeBoxIdentity>A</c:chargeBoxIdentity><chargeBoxIdentity>B</chargeBoxIdentity>")


def test_reply_to_serves_as_the_sender_where_from_is_missing():
    reply_to = "<w:ReplyTo><w:Address>http://cp:1/</w:Address></w:ReplyTo>"
    assert headers(reply_to).sender == "http://cp:1/"
    assert headers(f"{reply_to}<w:From><w:Address>http://cp:2/</w:Address></w:From>").sender == "http://cp:2/"


@pytest.mark.parametrize("namespace", [f"{WSA}/anonymous", f"{WSA_2004}/role/anonymous"])
def test_reply_to_serves_as_the_sender_where_from_is_anonymous(namespace):
    anonymous = f"<w:From><w:Address>{namespace}</w:Address></w:From>"
    assert headers(f"{anonymous}<w:ReplyTo><w:Address>http://cp:1/</w:Address></w:ReplyTo>").sender == "http://cp:1/"
    assert headers(f"{anonymous}<w:ReplyTo><w:Address>{namespace}</w:Address></w:ReplyTo>").sender == namespace


@pytest.mark.parametrize("flag", ["true", "1"])
def test_known_headers_may_have_to_be_understood(flag):
    marked = "".join(f'<w:{name} e:mustUnderstand="{flag}">x</w:{name}>' for name in ("Action", "To", "FaultTo"))
    found = headers(f'<c:chargeBoxIdentity e:mustUnderstand="{flag}">A</c:chargeBoxIdentity>{marked}')
    assert found.identity == "A"


@pytest.mark.parametrize("namespace", ["", "http://elsewhere/"])
def test_an_identity_in_any_namespace_may_have_to_be_understood(namespace):
    marked = f'<chargeBoxIdentity xmlns="{namespace}" e:mustUnderstand="1">A</chargeBoxIdentity>'
    assert headers(marked).identity == "A"


@pytest.mark.parametrize("namespace", ["", CS, "http://schemas.xmlsoap.org/ws/2003/03/addressing"])
def test_an_action_that_is_meant_as_that_of_addressing_may_have_to_be_understood(namespace):
    assert headers(f'<Action xmlns="{namespace}" e:mustUnderstand="1">/Heartbeat</Action>').action == "/Heartbeat"


def test_an_unknown_header_that_must_be_understood_is_refused():
    with pytest.raises(MustUnderstand) as caught:
        headers('<x:Security xmlns:x="urn:wsse" e:mustUnderstand="1"/>')
    assert caught.value.header == "{urn:wsse}Security"


@pytest.mark.parametrize("mark", ["", ' e:mustUnderstand="0"', ' e:mustUnderstand="1" e:role="http://somebody.else/"'])
def test_any_other_unknown_header_is_passed_over(mark):
    assert headers(f'<x:Security xmlns:x="urn:wsse"{mark}/>').identity == ""


def test_an_envelope_in_no_namespace_is_told_as_that():
    with pytest.raises(ProtocolError, match="its root is an Envelope without namespace"):
        read(b"<Envelope><Body/></Envelope>")


def test_bytes_before_the_declaration_are_forgiven():
    document = '<?xml version="1.0" encoding="utf-8"?>' + text()
    for before, warned in ((b"", []), (b"\xef\xbb\xbf", []), (b"\r\n  ", ["leading_blanks"])):
        assert read(before + document.encode())[1] == warned


@pytest.mark.parametrize("encoding", ["utf-16", "iso-8859-1", "us-ascii", "windows-1252"])
def test_declared_encodings_are_read(encoding):
    identity = "CB" if encoding == "us-ascii" else "Säule"
    document = f'<?xml version="1.0" encoding="{encoding}"?>' + text(
        f"<chargeBoxIdentity>{identity}</chargeBoxIdentity>"
    )
    assert read(document.encode(encoding))[0].headers.identity == identity


def test_the_charset_of_http_counts_where_the_document_names_none():
    document = text("<chargeBoxIdentity>Säule</chargeBoxIdentity>").encode("iso-8859-1")
    assert read(document, "ISO-8859-1")[0].headers.identity == "Säule"
    assert read(text("<chargeBoxIdentity>Säule</chargeBoxIdentity>"), "utf-8")[0].headers.identity == "Säule"


@pytest.mark.parametrize("charset", ["", "utf-8", "utf-16", "x-unknown"])
def test_what_calls_itself_utf_16_in_single_bytes_is_utf_8(charset):
    document = '<?xml version="1.0" encoding="UTF-16"?>' + text("<c:chargeBoxIdentity>Säule</c:chargeBoxIdentity>")
    found, warnings = read(document.encode(), charset)
    assert found.headers.identity == "Säule"
    assert warnings == ["encoding"]


def test_what_calls_itself_utf_16_in_single_bytes_is_what_http_calls_it():
    document = '<?xml version="1.0" encoding="UTF-16"?>' + text("<c:chargeBoxIdentity>Säule</c:chargeBoxIdentity>")
    assert read(document.encode("iso-8859-1"), "ISO-8859-1")[0].headers.identity == "Säule"


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_byte_order_mark_and_declaration_is_told_by_its_first_character(encoding):
    document = text("<c:chargeBoxIdentity>Säule</c:chargeBoxIdentity>").encode(encoding)
    for charset, kinds in (
        ("utf-16", []),
        (encoding.replace("6-", "6"), []),
        ("", ["encoding"]),
        ("utf-8", ["encoding"]),
    ):
        found, warnings = read(document, charset)
        assert found.headers.identity == "Säule"
        assert warnings == kinds


@pytest.mark.parametrize("declaration", ["", '<?xml version="1.0"?>', '<?xml version="1.0" encoding="UTF-8"?>'])
@pytest.mark.parametrize("charset", ["", "utf-8"])
def test_latin_1_in_what_should_be_utf_8_is_read(declaration, charset):
    document = declaration + text("<c:chargeBoxIdentity>Säule</c:chargeBoxIdentity>")
    found, warnings = read(document.encode("iso-8859-1"), charset)
    assert found.headers.identity == "Säule"
    assert warnings == ["encoding"]


def test_what_is_no_xml_in_latin_1_either_is_refused():
    with pytest.raises(ProtocolError) as caught:
        read(text("<c:chargeBoxIdentity>Säule<").encode("iso-8859-1"))
    assert caught.value.kind == "not_xml"


def test_an_encoding_that_hides_markup_is_refused():
    with pytest.raises(ProtocolError) as caught:
        read(b'<?xml version="1.0" encoding="UTF-7"?>' + text().encode())
    assert caught.value.kind == "encoding"


def test_an_undeclared_xsi_prefix_is_forgiven_with_a_warning():
    found, warnings = read(text(body='<c:heartbeatRequest xsi:nil="true"/>'))
    assert found.body[0].get("xsi:nil") == "true"
    assert warnings == ["undeclared_prefix"]


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", "empty_body"),
        (b" \r\n", "empty_body"),
        (b"hello", "not_xml"),
        (text()[:-5].encode(), "not_xml"),
        (text(body='<c:heartbeatRequest xsi:nil="true">').encode(), "not_xml"),
        (text(body="<c:heartbeatRequest><n:extra/></c:heartbeatRequest>").encode(), "not_xml"),
        (b"\x00\x01\x02", "not_xml"),
        (b"<a/>", "not_an_envelope"),
        (b"<html><head><title>Log in</title></head></html>", "html"),
        (b"<!DOCTYPE html><html><head><title>Log in</title><meta></head></html>", "html"),
        (f'<e:Envelope xmlns:e="{SOAP_12}"/>'.encode(), "no_body"),
        (f'<e:Envelope xmlns:e="{SOAP_12}"><e:Body/><e:Body/></e:Envelope>'.encode(), "two_bodies"),
        (b'<!DOCTYPE a [<!ENTITY b "c">]>' + text().encode(), "dtd"),
        (b'<!DOCTYPE a SYSTEM "http://127.0.0.1:9/x.dtd">' + text().encode(), "dtd"),
        (('<?xml version="1.0" encoding="utf-16"?><!DOCTYPE a [<!ENTITY b "c">]>' + text()).encode("utf-16"), "dtd"),
        (text(body="<a>" * 70 + "</a>" * 70).encode(), "too_deep"),
        (text("<x>" + "y" * 17_000 + "</x>").encode(), "header_too_large"),
    ],
)
def test_what_is_no_envelope_is_refused(data, kind):
    with pytest.raises(ProtocolError) as caught:
        read(data)
    assert caught.value.kind == kind


def test_an_html_page_is_named_by_its_title():
    with pytest.raises(ProtocolError, match="HTML page titled 'Log in'"):
        read(b"<html><head><title> Log\nin </title><br></head></html>")


@pytest.mark.parametrize(
    "page",
    [
        b"<html><title>" + b" " * 60_000 + b"x",
        b"<html>" + b"<title>" * 9_000 + b"x" * 900_000,
        b"<html><title" + b" " * 60_000,
        b"<html></title><title>x",
    ],
)
def test_a_page_whose_title_never_ends_is_refused_at_once(page):
    began = time.perf_counter()
    with pytest.raises(ProtocolError, match="is an HTML page; expected"):
        read(page)
    assert time.perf_counter() - began < 1


def test_utf_16_without_a_mark_is_read_whatever_http_says():
    document = '<?xml version="1.0" encoding="utf-16"?>' + text("<chargeBoxIdentity>Säule</chargeBoxIdentity>")
    for encoding in ("utf-16-le", "utf-16-be"):
        for charset in ("", "utf-8", "utf-16"):
            assert read(document.encode(encoding), charset)[0].headers.identity == "Säule"


def test_an_entity_is_never_expanded():
    bomb = '<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">'
    bomb += "".join(f'<!ENTITY c{n} "{f"&c{n - 1};" * 10 if n else "&b;" * 10}">' for n in range(10)) + "]>"
    with pytest.raises(ProtocolError):
        read(bomb + text("<chargeBoxIdentity>&c9;</chargeBoxIdentity>"))


def test_another_soap_version_is_a_version_mismatch():
    with pytest.raises(VersionMismatch):
        read(text(soap="http://www.w3.org/2001/12/soap-envelope"))


def test_the_parser_opens_no_file(tmp_path):
    dtd = tmp_path / "x.dtd"
    dtd.write_text("this is no DTD, and reading it would be an error")
    for declaration in (f'SYSTEM "{dtd.as_uri()}"', f'[<!ENTITY % x SYSTEM "{dtd.as_uri()}"> %x;]'):
        assert etree.fromstring(f"<!DOCTYPE a {declaration}><a/>", safe_parser()).tag == "a"
