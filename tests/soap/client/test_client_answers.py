"""Whatever a peer answers is either understood or becomes one clear sentence."""

import gzip
import logging
import re
import socket
import threading
import time
import zlib
from datetime import datetime, timezone

import pytest
import structlog

from ocpp_soap import config, log
from ocpp_soap import messages as m
from ocpp_soap.errors import (
    BadAnswer,
    ConnectionLost,
    Fault,
    IdentityMismatch,
    InternalError,
    NoAddress,
    NotSupported,
    Refused,
    SecurityError,
    TimedOut,
    TryLater,
    Unreachable,
)
from ocpp_soap.messages import Role, Version
from ocpp_soap.soap.client import Endpoint, client_for
from ocpp_soap.soap.client import transport as transport_module
from ocpp_soap.soap.client.transport import Pools
from ocpp_soap.soap.guard import Guard

CP_15 = "urn://Ocpp/Cp/2012/06/"
SOAP_11 = "http://schemas.xmlsoap.org/soap/envelope/"
ACCEPTED = m.ResetResponse(status=m.ResetStatus.ACCEPTED)
STATUS = "<status>Accepted</status>"


def reset(url, timeout=5.0, **profile):
    request = m.ResetRequest(type=m.ResetType.SOFT)
    return client_for(Role.CHARGE_POINT, Version.V15).call(Endpoint(url, timeout=timeout, **profile), "CP001", request)


def warned(url, request):
    warnings = []
    answer = client_for(Role.CHARGE_POINT, Version.V15).call(Endpoint(url), "CP001", request, warnings=warnings)
    return answer, [w.kind for w in warnings]


def sentence(error):
    """The text of an error, with the peer's address in place: one sentence, on one line."""
    text = re.sub(r"http://[^ ]+", "URL", str(error.value))
    assert "\n" not in text
    return text


@pytest.mark.parametrize(
    "header",
    [
        "",
        "<e:Header/>",
        '<e:Header><w:RelatesTo xmlns:w="http://www.w3.org/2005/08/addressing">urn:other</w:RelatesTo></e:Header>',
        '<e:Header><x xmlns="urn:x" e:mustUnderstand="true"/></e:Header>',
    ],
    ids=["no header", "no MessageID", "wrong RelatesTo", "unknown header"],
)
def test_headers_of_an_answer_do_not_matter(peer, http, envelope, header):
    assert reset(peer(http(envelope(header=header))).url) == ACCEPTED


@pytest.mark.parametrize(
    ("body", "kinds"),
    [
        (f'<resetResponse xmlns="{CP_15}">{STATUS}</resetResponse>', []),
        (f'<resetResult xmlns="{CP_15}">{STATUS}</resetResult>', ["wrapper_name"]),
        (f'<ResetResponse xmlns="{CP_15}">{STATUS}</ResetResponse>', []),
        (f'<resetResponse xmlns="urn://Ocpp/Cp/2010/08/">{STATUS}</resetResponse>', []),
        (f'<status xmlns="{CP_15}">Accepted</status>', ["no_wrapper"]),
        (f"<resetResponse>{STATUS}</resetResponse>", ["namespace"]),
    ],
    ids=["right", "wrong name", "capital", "other version", "no wrapper", "no namespace"],
)
def test_wrappers_of_an_answer(peer, http, envelope, body, kinds):
    assert warned(peer(http(envelope(body))).url, m.ResetRequest(type="Soft")) == (ACCEPTED, kinds)


def test_soap_11_answer_to_soap_12(peer, http, envelope):
    assert reset(peer(http(envelope(soap=SOAP_11), "200 OK", "Content-Type: text/xml")).url) == ACCEPTED


def test_an_answer_with_a_status_of_failure_is_still_the_answer(peer, http, envelope):
    assert reset(peer(http(envelope(), "500 Oops")).url) == ACCEPTED


@pytest.mark.parametrize("status", ["200 OK", "202 Accepted", "204 No Content"])
def test_nothing_is_the_answer_where_the_confirmation_is_empty(peer, http, status):
    request = m.UpdateFirmwareRequest(retrieve_date=datetime.now(timezone.utc), location="ftp://x/y")
    assert warned(peer(http(b"", status)).url, request) == (m.UpdateFirmwareResponse(), ["empty_answer"])


def test_nothing_is_no_answer_where_a_status_is_needed(peer, http):
    with pytest.raises(BadAnswer) as error:
        reset(peer(http(b"", "202 Accepted")).url)
    assert sentence(error) == "CP001 at URL answered with HTTP 202 Accepted and nothing in it"


@pytest.mark.parametrize("charset", ['"ISO-8859-1"', "'iso-8859-1'", " ISO-8859-1 ", "ISO-8859-1"])
def test_the_charset_of_http_counts_in_quotes_and_between_blanks_too(peer, http, envelope, charset):
    body = f'<dataTransferResponse xmlns="{CP_15}">{STATUS}<data>Straße</data></dataTransferResponse>'
    sent = http(envelope(body).encode("iso-8859-1"), "200 OK", f"Content-Type: text/xml; charset={charset}; x=y")
    answer, kinds = warned(peer(sent).url, m.DataTransferRequest(vendor_id="Acme"))
    assert (answer.data, kinds) == ("Straße", [])


def raw_deflate(data):
    compressor = zlib.compressobj(wbits=-15)
    return compressor.compress(data) + compressor.flush()


@pytest.mark.parametrize(
    ("encoding", "compress"),
    [
        ("gzip", gzip.compress),
        ("x-gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", raw_deflate),
        ("identity", bytes),
    ],
    ids=["gzip", "x-gzip", "deflate", "deflate without header", "identity"],
)
def test_compressed_answers(peer, http, envelope, encoding, compress):
    packed = compress(envelope().encode())
    assert reset(peer(http(packed, "200 OK", f"Content-Encoding: {encoding}")).url) == ACCEPTED


def test_a_chunked_answer(peer, envelope):
    text = envelope().encode()
    pieces = [b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"]
    pieces += [b"%x\r\n%s\r\n" % (len(text[i : i + 50]), text[i : i + 50]) for i in range(0, len(text), 50)]
    assert reset(peer([*pieces, b"0\r\n\r\n"]).url) == ACCEPTED


FAULT_12 = (
    '<e:Fault><e:Code><e:Value>e:{}</e:Value><e:Subcode><e:Value xmlns:o="{}">o:{}</e:Value></e:Subcode></e:Code>'
    '<e:Reason><e:Text xml:lang="en">{}</e:Text></e:Reason></e:Fault>'
)
FAULT_11 = "<e:Fault><faultcode>{}</faultcode><faultstring>{}</faultstring></e:Fault>"


@pytest.mark.parametrize(
    ("body", "status", "fault", "told"),
    [
        (
            FAULT_12.format("Sender", "urn://Ocpp/2012/02/", "SecurityError", "no"),
            "400 Bad Request",
            SecurityError,
            "SecurityError: no",
        ),
        (
            FAULT_12.format("Receiver", "urn:x", "NotSupported", "not here"),
            "200 OK",
            NotSupported,
            "NotSupported: not here",
        ),
        (FAULT_11.format("IdentityMismatch", "who?"), "500 Oops", IdentityMismatch, "IdentityMismatch: who?"),
        (
            FAULT_11.format("o:InternalError", ""),
            "500 Oops",
            InternalError,
            f"InternalError: {InternalError.default_reason}",
        ),
        (FAULT_12.format("Sender", "urn:x", "UrlMismatch", "odd"), "500 Oops", Fault, "UrlMismatch: odd"),
    ],
    ids=["1.2", "1.2 with status 200", "1.1", "1.1 with prefix and no reason", "of their own"],
)
def test_faults(peer, http, envelope, body, status, fault, told):
    with pytest.raises(Refused) as error:
        reset(peer(http(envelope(body), status)).url)
    assert sentence(error) == f"CP001 at URL refused Reset with the fault {told}"
    assert isinstance(error.value.fault, fault)
    assert error.value.__cause__ is error.value.fault


@pytest.mark.parametrize(
    ("body", "status", "headers", "told"),
    [
        (
            "<!DOCTYPE html><html><head><title>Router\n login</title></head><body><br></body></html>",
            "404 Not Found",
            [],
            "answered with HTTP 404 Not Found, which is no SOAP answer: "
            "The body is an HTML page titled 'Router login'; expected a SOAP envelope.",
        ),
        (
            '<html xmlns="http://www.w3.org/1999/xhtml"><head><title>Login</title></head><body><br/></body></html>',
            "200 OK",
            [],
            "answered with HTTP 200 OK, which is no SOAP answer: "
            "The body is an HTML page titled 'Login'; expected a SOAP envelope.",
        ),
        (
            "not xml",
            "200 OK",
            [],
            "answered with HTTP 200 OK, which is no SOAP answer: The body is not well-formed XML (line 1, column 1); "
            "expected a SOAP envelope.",
        ),
        ("<a/>", "200 OK", [], "answered with HTTP 200 OK, which is no SOAP answer: "
         "The root is 'a'; expected an Envelope with a Body."),
        ("", "302 Found", ["Location: http://127.0.0.1:1/x"], "answered with HTTP 302 Found to URL and nothing in it"),
        ("", "401 Unauthorized", [], "answered with HTTP 401 Unauthorized and nothing in it"),
        (
            b"junk",
            "200 OK",
            ["Content-Encoding: gzip"],
            "sent an answer that cannot be decompressed: the body is not the gzip that its Content-Encoding says",
        ),
        (
            b"junk",
            "200 OK",
            ["Content-Encoding: br"],
            "sent an answer that cannot be decompressed: the Content-Encoding is 'br'; expected gzip or deflate",
        ),
    ],
)  # fmt: skip
def test_what_is_no_soap(peer, http, body, status, headers, told):
    with pytest.raises(BadAnswer) as error:
        reset(peer(http(body, status, *headers)).url)
    assert sentence(error) == f"CP001 at URL {told}"


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("", "sent an empty Body where resetResponse belongs"),
        ("<a/><b/>", "sent a, b where resetResponse belongs"),
        ("<resetRequest/>", "sent resetRequest where resetResponse belongs"),
        (
            f'<resetResponse xmlns="{CP_15}"/>',
            "sent an answer to Reset that cannot be understood: status is missing or empty; expected one of its values",
        ),
    ],
)
def test_what_is_no_confirmation(peer, http, envelope, body, told):
    with pytest.raises(BadAnswer) as error:
        reset(peer(http(envelope(body))).url)
    assert sentence(error) == f"CP001 at URL {told}"


@pytest.mark.parametrize(
    ("status", "headers", "after"),
    [
        ("503 Service Unavailable", ["Retry-After: 30"], 30),
        ("503 Service Unavailable", ["Retry-After: Fri, 20 Nov 2026 07:00:00 GMT"], None),
        ("429 Too Many Requests", [], None),
    ],
)
def test_a_peer_that_wants_it_again_later(peer, http, status, headers, after):
    with pytest.raises(TryLater) as error:
        reset(peer(http(b"busy", status, *headers)).url)
    assert sentence(error) == f"CP001 at URL answered with HTTP {status}: it wants the message again later"
    assert error.value.after == after


def test_a_redirect_is_not_followed(peer, http, envelope):
    target = peer(http(envelope()))
    with pytest.raises(BadAnswer):
        reset(peer(http(b"", "307 Temporary Redirect", f"Location: {target.url}")).url)
    assert target.connections == 0


def test_too_large_an_answer_is_not_read(peer, http, monkeypatch):
    monkeypatch.setattr(transport_module, "LARGEST_ANSWER", 1000)
    with pytest.raises(BadAnswer, match="sent an answer of more than 1000 bytes"):
        reset(peer(http(b"x" * 1001)).url)
    with pytest.raises(BadAnswer, match="more than 1000 bytes come out of the gzip body"):
        reset(peer(http(gzip.compress(b"x" * 1001), "200 OK", "Content-Encoding: gzip")).url)


def test_an_answer_of_far_too_many_elements_is_not_understood(peer, http, envelope):
    with pytest.raises(BadAnswer, match="more than 10000 elements"):
        reset(peer(http(envelope("<a/>" * 30_001))).url)


def test_nobody_listens():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(Unreachable) as error:
        reset(f"http://127.0.0.1:{port}/")
    assert sentence(error) == "CP001 at URL cannot be reached: connection refused"


def test_the_connection_is_closed_without_an_answer(peer):
    with pytest.raises(Unreachable) as error:
        reset(peer(None).url)
    assert sentence(error) == "CP001 at URL closed the connection without a complete answer"


def test_the_answer_is_cut(peer):
    def answer(request):
        server.open[-1].sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n<half")

    server = peer(answer)
    with pytest.raises(ConnectionLost, match="closed the connection without a complete answer"):
        reset(server.url)


def test_an_answer_with_an_odd_line_in_its_head_is_read_without_a_traceback_in_the_log(peer, http, envelope, capsys):
    log.configure(config.load(None, {}).log)
    try:
        answer = http(envelope(), "200 OK", "Server: old", "no header")
        assert reset(peer(answer).url).status == "Accepted"
        assert capsys.readouterr().err == ""
    finally:
        structlog.reset_defaults()
        logging.getLogger().handlers.clear()


def drip(*pieces, forever):
    def answer(_):
        yield from pieces
        for _ in range(200):
            time.sleep(0.02)
            yield forever

    return answer


@pytest.mark.parametrize(
    "answer",
    [
        drip(forever=b""),
        drip(b"HTTP/1.1 200 OK\r\n", forever=b"X-Padding: x\r\n"),
        drip(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", forever=b" "),
        drip(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", forever=b"1\r\n \r\n"),
    ],
    ids=["nothing", "headers", "body", "chunks"],
)
def test_the_timeout_is_for_the_whole_call_however_slowly_bytes_come(peer, answer):
    server = peer(answer)
    started = time.monotonic()
    with pytest.raises(TimedOut) as error:
        reset(server.url, timeout=0.3)
    assert time.monotonic() - started < 1
    assert sentence(error) == "CP001 at URL did not answer within 0.3 s"


def test_the_timeout_counts_the_look_up_of_the_name(monkeypatch):
    never = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: never.wait(5))
    started = time.monotonic()
    with pytest.raises(Unreachable) as error:
        reset("http://station.example/", timeout=0.2)
    assert time.monotonic() - started < 1
    assert sentence(error) == "CP001 at URL cannot be reached: no connection in time"
    never.set()


def test_a_name_that_does_not_exist(monkeypatch):
    def fail(*_, **__):
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(Unreachable) as error:
        reset("http://station.example/")
    assert sentence(error) == "CP001 at URL cannot be reached: the name station.example cannot be resolved"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "127.0.0.1",
        "ftp://127.0.0.1/",
        "http://",
        "http://[::1",
        "http://x:0/",
        "http://x:99999/",
        "http://①27.0.0.1/",
    ],
)
def test_addresses_that_are_none(url):
    with pytest.raises(NoAddress, match=r"cannot be called: expected an address like http://192\.0\.2\.1:9221/"):
        reset(url)


def test_an_address_that_this_machine_has_no_way_to(monkeypatch):
    def fail(*_, **__):
        raise socket.gaierror(-9, "Address family for hostname not supported")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(Unreachable, match=r"cannot be reached: this machine has no way to 2001:db8::1$"):
        reset("http://[2001:db8::1]/")


def test_a_certificate_file_that_does_not_exist():
    with pytest.raises(NoAddress, match="cannot be called: its certificate files cannot be used"):
        reset("https://127.0.0.1:1/", ca_file="/nowhere.pem")


def resolving(monkeypatch, *addresses):
    """Every name resolves to ``addresses``; returns the list of names that were looked up."""
    names = []

    def look_up(host, port, **_):
        names.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return names


def test_the_guard_denies_loopback_unless_allowed(peer, http, envelope):
    server = peer(http(envelope()))
    with pytest.raises(NoAddress) as error:
        reset(server.url, guard=Guard())
    assert sentence(error) == (
        "CP001 at URL may not be called: 127.0.0.1 is in a denied network, see calls.allowed_networks"
    )
    assert server.connections == 0
    assert reset(server.url, guard=Guard.of(["127.0.0.0/8"], [])) == ACCEPTED


def test_the_connection_is_made_to_the_address_that_was_checked(peer, http, envelope, monkeypatch):
    server = peer(http(envelope()))
    names = resolving(monkeypatch, "169.254.169.254", "127.0.0.1")
    url = f"http://station.example:{server.port}/"
    assert reset(url, guard=Guard.of(["127.0.0.1/32"], [])) == ACCEPTED
    assert names == ["station.example"]
    assert server.requests[0].header("Host") == [f"station.example:{server.port}"]


def test_the_next_address_is_tried(peer, http, envelope, monkeypatch):
    server = peer(http(envelope()))
    resolving(monkeypatch, "127.0.0.9", "127.0.0.1")
    assert reset(f"http://station.example:{server.port}/") == ACCEPTED


def test_the_central_system_is_called_so_in_errors(peer, http):
    server = peer(http(b"", "500 Oops"))
    with pytest.raises(BadAnswer, match=r"^The central system at http://127\.0\.0\.1:"):
        client_for(Role.CENTRAL_SYSTEM, Version.V12).call(Endpoint(server.url), "CP001", m.HeartbeatRequest())


def connections_after(server, pools, *endpoints):
    for endpoint in endpoints:
        pools.post(endpoint, b"", {})
    pools.close()
    return server.connections


def test_endpoints_of_one_host_share_connections(peer, http):
    server = peer(http(b"one"))
    stations = [Endpoint(f"{server.url}&cp={number}", timeout=5 + number) for number in range(5)]
    assert connections_after(server, Pools(), *stations) == 1


def test_only_the_hosts_called_last_keep_connections(peer, http):
    server, other = Endpoint(peer(http(b"one")).url), peer(http(b"two"))
    assert connections_after(other, Pools(most=1), Endpoint(other.url), server, Endpoint(other.url)) == 2


def test_connections_that_nobody_uses_are_closed(peer, http):
    server, other = Endpoint(peer(http(b"one")).url), peer(http(b"two"))
    assert connections_after(other, Pools(longest_idle=0), Endpoint(other.url), server, Endpoint(other.url)) == 2


def test_many_threads_may_call_at_once(peer, http, envelope):
    server = peer(http(envelope()))
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(reset(server.url))) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [ACCEPTED] * 20
