"""The HTTP side: URLs, versions, verbs, codings, limits."""

from __future__ import annotations

import gzip
import io
import random
import threading
import urllib.request
import zlib
from datetime import datetime, timezone
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
from lxml import etree

from ocpp_soap import messages as m
from ocpp_soap.soap import parsing

CS12, CS15 = "urn://Ocpp/Cs/2010/08/", "urn://Ocpp/Cs/2012/06/"
HEARTBEAT = "<c:heartbeatRequest/>"
NOW = datetime(2012, 6, 8, 10, 0, tzinfo=timezone.utc)
ALIVE = m.HeartbeatResponse(current_time=NOW)
BASES = ["/Ocpp/CentralSystemService", "/Ocpp/1.2/CentralSystemService", "/Ocpp/1.5/CentralSystemService"]


def chunked(*pieces):
    """A body without a length that the server says it will end, as after chunked transfer coding."""
    return {"wsgi.input": io.BytesIO(b"".join(pieces)), "wsgi.input_terminated": True, "CONTENT_LENGTH": ""}


class TestUrls:
    @pytest.mark.parametrize("namespace", [CS12, CS15])
    @pytest.mark.parametrize("base", BASES)
    @pytest.mark.parametrize("end", ["", "/", "/CB1", "/CB1/"])
    def test_the_body_decides_the_version_on_every_url(self, namespace, base, end, service, envelope):
        served = service(ALIVE)
        assert served.application.serves(base + end)
        reply = served.post(envelope(HEARTBEAT, namespace=namespace), base + end)
        assert reply.content.tag == f"{{{namespace}}}heartbeatResponse"
        assert served.calls[0].version is (m.Version.V12 if namespace == CS12 else m.Version.V15)

    @pytest.mark.parametrize(("base", "version"), list(zip(BASES[1:], m.Version, strict=True)))
    def test_the_url_decides_where_the_namespace_is_none_of_ours(self, base, version, service, envelope):
        served = service(ALIVE)
        for namespace in ("urn:vendor", ""):
            body = f'<heartbeatRequest xmlns="{namespace}"/>'
            assert served.post(envelope(body), base).status == 200
        assert [call.version for call in served.calls] == [version, version]
        assert {warning.kind for call in served.calls for warning in call.warnings} == {"namespace"}

    def test_a_foreign_namespace_on_the_neutral_url_is_refused(self, service, envelope):
        reply = service(ALIVE).post(envelope('<heartbeatRequest xmlns="urn:vendor"/>', namespace="urn:vendor"))
        assert reply.fault[1].endswith("ProtocolError")

    @pytest.mark.parametrize(
        ("path", "identity"),
        [
            ("/Ocpp/CentralSystemService/CB1", "CB1"),
            ("/Ocpp/1.2/CentralSystemService/EVSE:1,a=b c/", "EVSE:1,a=b c"),
            ("/Ocpp/CentralSystemService//CB1", "CB1"),
            ("/Ocpp/CentralSystemService/a/b//", "a/b"),
            ("/Ocpp/CentralSystemService/Säule".encode().decode("latin-1"), "Säule"),
        ],
    )
    def test_the_url_names_a_station_that_sends_no_identity(self, path, identity, service, envelope):
        served = service(ALIVE)
        assert served.post(envelope(HEARTBEAT, identity=None), path).status == 200
        assert served.calls[0].charge_box_identity == identity

    def test_an_identity_in_the_url_that_differs_from_the_header(self, service, envelope):
        served = service(ALIVE)
        for same in ("CB1", "/CB1"):
            assert served.post(envelope(HEARTBEAT), f"/Ocpp/CentralSystemService/{same}").status == 200
        reply = served.post(envelope(HEARTBEAT), "/Ocpp/CentralSystemService/cb1")
        assert reply.fault[:2] == ("Sender", "{urn://Ocpp/2012/02/}IdentityMismatch")
        assert len(served.calls) == 2

    def test_no_identity_at_all(self, service, envelope):
        reply = service(ALIVE).post(envelope(HEARTBEAT, identity=None))
        assert reply.fault[1] == "{urn://Ocpp/2012/02/}ProtocolError"
        assert "chargeBoxIdentity" in reply.fault[2]

    def test_another_path_is_told_the_right_ones(self, service):
        served = service(ALIVE)
        assert not served.application.serves("/Ocpp/ChargePointService")
        reply = served.request("POST", "/elsewhere")
        assert reply.status == 404
        assert all(base in reply.text for base in BASES)

    def test_a_charge_point_has_its_own_urls(self, service, envelope):
        served = service(m.ClearCacheResponse(status=m.ClearCacheStatus.ACCEPTED), m.Role.CHARGE_POINT)
        for base in ("/Ocpp/ChargePointService", "/Ocpp/1.2/ChargePointService/CB1", "/Ocpp/1.5/ChargePointService/"):
            assert (
                served.post(envelope("<c:clearCacheRequest/>", namespace="urn://Ocpp/Cp/2012/06/"), base).status == 200
            )


class TestCall:
    def test_a_text_that_a_handler_adds_to_the_warnings_is_left_out(self, service, envelope):
        def answer(call):
            call.warnings.append("odd")
            return m.ClearCacheResponse(status=m.ClearCacheStatus.ACCEPTED)

        served = service(answer, m.Role.CHARGE_POINT)
        assert served.post(envelope("<c:clearCacheRequest/>", namespace="urn://Ocpp/Cp/2012/06/")).status == 200

    def test_it_holds_what_the_request_says(self, service, envelope):
        served = service(ALIVE)
        before = datetime.now(timezone.utc)
        headers = (
            "<wsa:MessageID>urn:uuid:5</wsa:MessageID><wsa:From><wsa:Address>http://cp:8080/</wsa:Address></wsa:From>"
        )
        served.post(envelope(HEARTBEAT, headers=headers), REMOTE_ADDR="192.0.2.7")
        (call,) = served.calls
        assert (call.message_id, call.callback_url, call.peer) == ("urn:uuid:5", "http://cp:8080/", "192.0.2.7")
        assert before <= call.received_at <= datetime.now(timezone.utc)

    def test_the_peer_is_told_by_trusted_proxies_only(self, service, envelope):
        forwarded = {"HTTP_X_FORWARDED_FOR": "198.51.100.1, 192.0.2.7, 10.0.0.2", "REMOTE_ADDR": "10.0.0.1"}
        trusting = service(ALIVE, OCPP_SOAP__SERVER__TRUSTED_PROXIES='["10.0.0.0/8"]')
        for served, peer in ((service(ALIVE), "10.0.0.1"), (trusting, "192.0.2.7")):
            served.post(envelope(HEARTBEAT), **forwarded)
            assert served.calls[0].peer == peer
        trusting.post(envelope(HEARTBEAT), HTTP_X_FORWARDED_FOR="198.51.100.1", REMOTE_ADDR="203.0.113.5")
        assert trusting.calls[1].peer == "203.0.113.5"

    @pytest.mark.parametrize("peer", ["192.0.2.7", "2001:db8::7"])
    @pytest.mark.parametrize("port", ["", ":1234"])
    def test_a_proxy_may_tell_the_port_of_the_peer_as_well(self, service, envelope, peer, port):
        trusting = service(ALIVE, OCPP_SOAP__SERVER__TRUSTED_PROXIES='["10.0.0.0/8"]')
        told = f"[{peer}]{port}" if ":" in peer else f"{peer}{port}"
        trusting.post(envelope(HEARTBEAT), HTTP_X_FORWARDED_FOR=f" {told} , 10.0.0.2:99", REMOTE_ADDR="10.0.0.1")
        assert trusting.calls[0].peer == peer


class TestBody:
    @pytest.mark.parametrize(
        "pack",
        [
            pytest.param(("gzip", gzip.compress), id="gzip"),
            pytest.param(("x-gzip", gzip.compress), id="x-gzip"),
            pytest.param(("deflate", zlib.compress), id="deflate"),
            pytest.param(("deflate", lambda data: zlib.compress(data)[2:-4]), id="deflate without zlib header"),
            pytest.param(("identity", bytes), id="identity"),
        ],
    )
    @pytest.mark.parametrize("transfer", [dict, chunked])
    def test_content_codings(self, pack, transfer, service, envelope):
        coding, packed = pack[0], pack[1](envelope(HEARTBEAT).encode())
        environ = transfer(packed) if transfer is chunked else {}
        assert service(ALIVE).post(packed, HTTP_CONTENT_ENCODING=coding, **environ).status == 200

    def test_a_chunked_body_without_an_end_needs_a_length(self, service):
        reply = service().post(b"", CONTENT_LENGTH="", HTTP_TRANSFER_ENCODING="chunked")
        assert reply.status == 411

    @pytest.mark.parametrize(
        ("environ", "status"),
        [
            ({"HTTP_CONTENT_ENCODING": "br"}, 415),
            ({"HTTP_CONTENT_ENCODING": "gzip"}, 415),
            ({"CONTENT_LENGTH": "many"}, 400),
            ({"CONTENT_LENGTH": "100000"}, 400),
            ({"CONTENT_LENGTH": "99999999999"}, 413),
        ],
    )
    def test_what_cannot_be_read_is_refused(self, environ, status, service, envelope):
        assert service(ALIVE).post(envelope(HEARTBEAT), **environ).status == status

    def test_a_large_body_is_refused_before_it_is_read(self, service):
        source = io.BytesIO(b"x" * 3_000_000)
        reply = service().post(b"", CONTENT_LENGTH="3000000", **{"wsgi.input": source})
        assert reply.status == 413
        assert source.tell() <= 70_000

    def test_a_large_chunked_body_is_refused_while_it_is_read(self, service):
        source = io.BytesIO(b"x" * 3_000_000)
        reply = service().post(b"", **{**chunked(), "wsgi.input": source})
        assert reply.status == 413
        assert source.tell() <= 1_048_576 + 65_536

    def test_a_bomb_is_refused(self, service):
        for coding, pack in (("gzip", gzip.compress), ("deflate", zlib.compress)):
            assert service().post(pack(b" " * 20_000_000), HTTP_CONTENT_ENCODING=coding).status == 413

    def test_far_too_many_elements_are_refused_before_a_tree_is_made_of_them(self, service, envelope, monkeypatch):
        monkeypatch.setattr(parsing, "etree", None)
        for action, elements in (("heartbeat", 30_001), ("stopTransaction", 120_001)):
            bomb = gzip.compress(envelope(f"<c:{action}Request>{'<a/>' * elements}</c:{action}Request>").encode())
            assert "elements" in service().post(bomb, HTTP_CONTENT_ENCODING="gzip").fault[2]

    def test_a_cut_gzip_body_is_refused(self, service, envelope):
        assert (
            service().post(gzip.compress(envelope(HEARTBEAT).encode())[:-9], HTTP_CONTENT_ENCODING="gzip").status == 415
        )

    def test_a_stop_may_be_larger(self, service, envelope):
        value = "<c:values><c:timestamp>2012-06-08T10:00:00Z</c:timestamp><c:value>1</c:value></c:values>"
        data = f"<c:transactionData>{value * 12_000}</c:transactionData>"
        stop = (
            "<c:stopTransactionRequest><c:transactionId>1</c:transactionId><c:timestamp>2012-06-08T10:00:00Z"
            f"</c:timestamp><c:meterStop>1</c:meterStop>{data}</c:stopTransactionRequest>"
        )
        body = envelope(stop).encode()
        assert len(body) > 1_048_576
        served = service(m.StopTransactionResponse())
        assert served.post(body).status == 200
        assert served.post(body, **chunked(body)).status == 200
        assert served.post(gzip.compress(body), HTTP_CONTENT_ENCODING="gzip").status == 200
        bare = stop.replace("<c:stopTransactionRequest>", "").replace("</c:stopTransactionRequest>", "")
        assert served.post(envelope(bare, headers="<wsa:Action>/StopTransaction</wsa:Action>")).status == 200
        meter_values = f"<c:meterValuesRequest><c:connectorId>1</c:connectorId>{value * 4000}</c:meterValuesRequest>"
        refused = served.post(envelope(meter_values))
        assert "more than 10000 elements" in refused.fault[2]

    def test_a_charge_point_takes_long_local_lists(self, service, envelope):
        entry = "<c:localAuthorisationList><c:idTag>{}</c:idTag></c:localAuthorisationList>"
        entries = "".join(entry.format(random.randrange(10**9)) for _ in range(20_000))
        served = service(m.SendLocalListResponse(status=m.UpdateStatus.ACCEPTED), m.Role.CHARGE_POINT)
        request = (
            "<c:sendLocalListRequest><c:updateType>Full</c:updateType><c:listVersion>1</c:listVersion>"
            f"{entries}</c:sendLocalListRequest>"
        )
        assert served.post(envelope(request, namespace="urn://Ocpp/Cp/2012/06/")).status == 200
        assert len(served.calls[0].request.local_authorisation_list) == 20_000


class TestAnswer:
    def test_it_is_compressed_if_the_peer_asks_and_it_is_worth_it(self, service, envelope):
        answer = m.DataTransferResponse(status=m.DataTransferStatus.ACCEPTED, data="word " * 1000)
        request = envelope("<c:dataTransferRequest><c:vendorId>v</c:vendorId></c:dataTransferRequest>")
        large, small = service(answer), service(ALIVE)
        plain = large.post(request)
        assert "Content-Encoding" not in plain.headers
        for accepted, coding, unpack in (
            ("gzip, deflate", "gzip", gzip.decompress),
            ("deflate", "deflate", zlib.decompress),
            ("gzip;q=0, deflate;q=0.5", "deflate", zlib.decompress),
        ):
            packed = large.post(request, HTTP_ACCEPT_ENCODING=accepted)
            assert packed.headers["Content-Encoding"] == coding
            assert packed.headers["Content-Length"] == str(len(packed.body))
            assert len(unpack(packed.body)) == len(plain.body)
        assert "Content-Encoding" not in small.post(envelope(HEARTBEAT), HTTP_ACCEPT_ENCODING="gzip").headers

    def test_soap_11_is_answered_in_kind(self, service, envelope):
        soap = "http://schemas.xmlsoap.org/soap/envelope/"
        reply = service(ALIVE).post(envelope(HEARTBEAT, soap=soap))
        assert (reply.status, reply.headers["Content-Type"]) == (200, "text/xml; charset=utf-8")
        assert reply.envelope.tag == f"{{{soap}}}Envelope"
        assert reply.content.tag == f"{{{CS15}}}heartbeatResponse"


class TestOtherVerbs:
    def test_a_browser_learns_which_url_to_configure(self, service):
        for path in BASES:
            reply = service().request("GET", path, HTTP_HOST="ocpp.example.com:9220")
            assert reply.status == 200
            assert f"http://ocpp.example.com:9220{path}" in reply.text
            assert "charge point" in reply.text

    @pytest.mark.parametrize("verb", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
    def test_other_verbs_are_told_which_are_allowed(self, verb, service):
        reply = service().request(verb, BASES[0])
        assert (reply.status, reply.headers["Allow"]) == (405, "POST, GET, HEAD")

    def test_a_websocket_is_told_to_speak_soap(self, service):
        reply = service().request("GET", BASES[0] + "/CB1", HTTP_UPGRADE="websocket", HTTP_CONNECTION="Upgrade")
        assert reply.status == 426
        assert "SOAP" in reply.text


class TestWsdl:
    @staticmethod
    def address(reply):
        assert (reply.status, reply.headers["Content-Type"]) == (200, "text/xml; charset=utf-8")
        return reply.envelope.find(".//{http://schemas.xmlsoap.org/wsdl/soap12/}address").get("location")

    @pytest.mark.parametrize("query", ["wsdl", "WSDL", "Wsdl", "wsdl=1"])
    @pytest.mark.parametrize(("path", "namespace"), list(zip(BASES, (CS15, CS12, CS15), strict=True)))
    def test_every_service_url_has_the_description_of_its_version(self, path, namespace, query, service):
        reply = service().request("GET", path, query=query, HTTP_HOST="one.example")
        assert self.address(reply) == f"http://one.example{path}"
        assert reply.envelope.get("targetNamespace") == namespace

    def test_the_address_is_that_of_each_request(self, service):
        served = service()
        for host in ("one.example", "two.example:81", "[2001:db8::1]:9220"):
            assert (
                self.address(served.request("GET", BASES[0], query="wsdl", HTTP_HOST=host))
                == f"http://{host}{BASES[0]}"
            )

    @pytest.mark.parametrize("host", ["", 'x"><evil', "a b", "a/b", "user@host", "x" * 300])
    def test_a_host_that_is_none_is_not_repeated(self, host, service):
        assert self.address(service().request("GET", BASES[0], query="wsdl", HTTP_HOST=host)) == (
            f"http://127.0.0.1:9220{BASES[0]}"
        )

    def test_the_path_of_the_address_is_percent_encoded(self, service):
        path = "/Ocpp/CentralSystemService/Säule 5,a=b".encode().decode("latin-1")
        assert self.address(service().request("GET", path, query="wsdl", HTTP_HOST="cs.example")) == (
            "http://cs.example/Ocpp/CentralSystemService/S%C3%A4ule%205,a=b"
        )

    def test_public_url_comes_first(self, service):
        served = service(OCPP_SOAP__SERVER__PUBLIC_URL="https://ocpp.example.com/base/")
        assert self.address(served.request("GET", BASES[2], query="wsdl", HTTP_HOST="x")) == (
            f"https://ocpp.example.com/base{BASES[2]}"
        )

    @pytest.mark.parametrize("public_url", ["", "https://cs.example/base"])
    def test_below_a_path_it_is_named_with_that_path_once(self, service, public_url):
        served = service(OCPP_SOAP__SERVER__PUBLIC_URL=public_url)
        mounted = {"SCRIPT_NAME": "/base", "HTTP_HOST": "cs.example", "wsgi.url_scheme": "https"}
        assert self.address(served.request("GET", BASES[0], query="wsdl", **mounted)) == (
            f"https://cs.example/base{BASES[0]}"
        )

    def test_a_proxy_is_believed_if_it_is_trusted(self, service):
        forwarded = {"HTTP_HOST": "inner", "HTTP_X_FORWARDED_PROTO": "https", "HTTP_X_FORWARDED_HOST": "outer.example"}
        trusting = service(OCPP_SOAP__SERVER__TRUSTED_PROXIES='["127.0.0.1/32"]')
        for served, address in ((service(), "http://inner"), (trusting, "https://outer.example")):
            assert self.address(served.request("GET", BASES[0], query="wsdl", **forwarded)) == address + BASES[0]


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass


def test_through_a_real_socket(service, envelope):
    with make_server("127.0.0.1", 0, service(ALIVE).application, handler_class=_Quiet) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}/Ocpp/CentralSystemService/S%C3%A4ule"
        request = urllib.request.Request(url, envelope(HEARTBEAT, identity=None).encode())
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.status == 200
            assert etree.fromstring(answer.read()).tag.endswith("Envelope")
        thread.join(10)
