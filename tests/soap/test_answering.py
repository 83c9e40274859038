"""Every request is shown to the observers, once, before its answer leaves."""

from __future__ import annotations

import base64
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone

import pytest
from structlog.testing import capture_logs

from ocpp_soap import config, errors
from ocpp_soap import messages as m
from ocpp_soap.soap import answering, http
from ocpp_soap.soap.replay import Replay
from ocpp_soap.soap.server import SoapServer
from ocpp_soap.soap.settings import server_settings

NOW = datetime(2012, 6, 8, 10, 0, tzinfo=timezone.utc)
ALIVE = m.HeartbeatResponse(current_time=NOW)
HEARTBEAT = "<c:heartbeatRequest/>"


@pytest.fixture
def observed(service):
    """A function that makes a Service with an observer that keeps, or raises, and the list it keeps."""

    def make(answer, raises=None, **environ):
        seen = []

        def observe(exchanged):
            seen.append(exchanged)
            if raises:
                raise raises

        served = service(answer, **environ)
        served.application = SoapServer(served.role, served.receive, served.settings, [observe, seen.append])
        return served, seen

    return make


def raising(error):
    def answer(call):
        raise error

    return answer


def test_an_answered_request(observed, envelope):
    served, seen = observed(ALIVE)
    request = envelope(HEARTBEAT)
    reply = served.post(request, "/Ocpp/1.5/CentralSystemService/CB1", CONTENT_TYPE="text/xml;charset=UTF-8")
    assert len(seen) == 2
    exchanged = seen[0]
    assert (exchanged.status, exchanged.outcome, exchanged.kind) == (200, "ok", "")
    assert (exchanged.charge_box_identity, exchanged.action, exchanged.version) == ("CB1", "Heartbeat", m.Version.V15)
    assert (exchanged.url_identity, exchanged.url_version, exchanged.charset) == ("CB1", m.Version.V15, "UTF-8")
    assert (exchanged.request, exchanged.response, exchanged.peer) == (request.encode(), reply.body, "127.0.0.1")
    assert 0 < exchanged.seconds < 10


@pytest.mark.parametrize(
    ("error", "status", "outcome", "kind"),
    [
        (errors.SecurityError(kind="unknown_station"), 400, "SecurityError", "unknown_station"),
        (KeyError("x"), 500, "InternalError", "unexpected"),
        (errors.RetryLater("slow down", status=429, after=3), 429, "retry_later", "rate_limit"),
        (errors.RetryLater("busy"), 503, "retry_later", "overload"),
        (errors.StoreUnavailable("full"), 503, "retry_later", "store_unavailable"),
    ],
)
def test_a_request_that_failed(error, status, outcome, kind, observed, envelope):
    served, seen = observed(raising(error))
    assert served.post(envelope(HEARTBEAT)).status == status
    assert [(e.status, e.outcome, e.kind) for e in seen] == [(status, outcome, kind)] * 2


def test_a_request_that_was_not_understood_keeps_its_bytes(observed):
    served, seen = observed(ALIVE)
    assert served.post(b"<startTransactionRequest>", "/Ocpp/CentralSystemService/CB9").status == 400
    assert (seen[0].outcome, seen[0].kind, seen[0].charge_box_identity) == ("ProtocolError", "not_xml", "CB9")
    assert seen[0].request == b"<startTransactionRequest>"


def test_whose_header_was_not_understood_is_known(observed, envelope):
    served, seen = observed(ALIVE)
    served.post(envelope(HEARTBEAT, headers='<x:Security xmlns:x="urn:wsse" env:mustUnderstand="1"/>'))
    assert (seen[0].outcome, seen[0].charge_box_identity) == ("MustUnderstand", "CB1")


def test_a_request_that_was_not_understood_is_shown_with_what_it_proves_and_no_password_in_its_repr(observed):
    served, seen = observed(ALIVE)
    served.post(b"<startTransactionRequest>", HTTP_AUTHORIZATION="Basic Y3A6c2VjcmV0")
    assert (seen[0].username, seen[0].password) == ("cp", "secret")
    assert "secret" not in repr(seen[0])


def test_few_large_messages_are_in_work_at_a_time_and_the_next_has_to_come_again(service, envelope, monkeypatch):
    monkeypatch.setattr(answering, "LONGEST_WAIT", 0.05)
    working, done = threading.Semaphore(0), threading.Event()

    def answer(call):
        if call.charge_box_identity == "large":
            working.release()
            assert done.wait(10)
        return ALIVE

    served = service(answer)
    large = envelope(f"<c:heartbeatRequest><c:x>{'y' * answering.LARGE}</c:x></c:heartbeatRequest>", identity="large")
    with ThreadPoolExecutor() as threads:
        first = [threads.submit(served.post, large) for _ in range(answering.LARGE_AT_ONCE)]
        assert all(working.acquire(timeout=10) for _ in first)
        refused = served.post(large)
        assert (refused.status, refused.headers["Retry-After"], b"Envelope" in refused.body) == (503, "30", False)
        assert served.post(envelope(HEARTBEAT)).status == 200
        done.set()
        assert [reply.result().status for reply in first] == [200] * answering.LARGE_AT_ONCE
    assert served.post(large).status == 200


def test_the_log_names_what_was_forgiven_without_what_was_sent(observed, envelope):
    tag = m.AuthorizeResponse(id_tag_info=m.IdTagInfo(status=m.AuthorizationStatus.INVALID))
    served, _ = observed(tag)
    with capture_logs() as log:
        assert (
            served.post(envelope(f"<c:authorizeRequest><c:IdTag>{'7' * 21}</c:IdTag></c:authorizeRequest>")).status
            == 200
        )
        assert served.post(envelope("<c:authorizeRequest><c:idTag>7</c:idTag></c:authorizeRequest>")).status == 200
    (line,) = log
    assert (line["event"], line["charge_point"]) == ("request understood with warnings", "CB1")
    assert line["warnings"] == ["odd_case IdTag", "too_long idTag"]
    assert "777" not in str(line)


def test_a_request_that_was_not_read(observed):
    served, seen = observed(ALIVE)
    assert served.post(b"x", CONTENT_LENGTH="99999999").status == 413
    assert (seen[0].status, seen[0].outcome, seen[0].request) == (413, "body_too_large", b"")


def test_what_could_not_be_kept_has_to_come_again(observed, envelope):
    served, seen = observed(raising(errors.ProtocolError()), errors.StoreUnavailable("full"))
    reply = served.post(envelope(HEARTBEAT))
    assert (reply.status, reply.headers["Retry-After"]) == (503, "30")
    assert [(e.status, e.outcome) for e in seen] == [(400, "ProtocolError"), (503, "retry_later")]


def test_an_observer_that_fails_changes_no_answer(observed, envelope):
    served, seen = observed(ALIVE, KeyError("bug"))
    assert served.post(envelope(HEARTBEAT)).status == 200
    assert len(seen) == 2


def test_credentials_reach_the_call(service, envelope):
    proxied = {
        "OCPP_SOAP__SERVER__TRUSTED_PROXIES": '["127.0.0.1/32"]',
        "OCPP_SOAP__SERVER__CLIENT_CERTIFICATE_HEADER": "X-SSL-Client-S-DN",
    }
    basic = "Basic " + base64.b64encode("CB1:pass:wörd".encode()).decode()
    told = {"HTTP_AUTHORIZATION": basic, "HTTP_X_SSL_CLIENT_S_DN": "CN=CB1"}
    trusting, wary = service(ALIVE, **proxied), service(ALIVE)
    for served, subject in ((trusting, "CN=CB1"), (wary, "")):
        served.post(envelope(HEARTBEAT), **told)
        (call,) = served.calls
        assert (call.username, call.password, call.client_subject) == ("CB1", "pass:wörd", subject)
        assert "wörd" not in repr(call)


@pytest.mark.parametrize("authorization", ["", "Basic", "Basic !!!", "Bearer abc", "Basic gICA"])
def test_odd_credentials_are_none(authorization, service, envelope):
    served = service(ALIVE)
    assert served.post(envelope(HEARTBEAT), HTTP_AUTHORIZATION=authorization).status == 200
    assert served.calls[0].password == ""


def test_the_identity_that_receive_found_is_the_one_observed(observed, envelope):
    def fold(call):
        call.charge_box_identity = "cb1"
        return ALIVE

    served, seen = observed(fold)
    served.post(envelope(HEARTBEAT))
    assert seen[0].charge_box_identity == "cb1"


def test_kept_bytes_can_be_answered_again_without_http(envelope):
    calls = []

    def receive(call):
        calls.append(call)
        return ALIVE

    replay = Replay(m.Role.CENTRAL_SYSTEM, receive, server_settings(config.load(None, {}), m.Role.CENTRAL_SYSTEM))
    body = envelope(HEARTBEAT, identity=None).encode()
    exchanged = replay(body, received_at=NOW, peer="192.0.2.1", url_identity="CB1", url_version=m.Version.V15)
    assert (exchanged.outcome, exchanged.status, exchanged.action) == ("ok", 200, "Heartbeat")
    assert (calls[0].received_at, calls[0].peer, calls[0].charge_box_identity) == (NOW, "192.0.2.1", "CB1")
    assert replay(b"<cut", received_at=NOW).outcome == "ProtocolError"


class Later:
    """A server that takes answers later: ``posted`` tells whether one came at once, ``sent`` holds those that came."""

    def __init__(self, served):
        self.served = served
        self.sent = []
        self.came = threading.Semaphore(0)

    def post(self, request):
        path = "/Ocpp/CentralSystemService"
        environ = self.served.environ("POST", path, request.encode(), **{http.LATER: self.send})
        parts = self.served.application(environ, lambda *_: None)
        return None if parts is http.ANSWERS_LATER else b"".join(parts)

    def send(self, status, headers, body):
        self.sent.append((status, dict(headers), body))
        self.came.release()

    def wait(self):
        assert self.came.acquire(timeout=10)
        return self.sent[-1]


@pytest.fixture
def storing(observed):
    """A service whose handler begins one write for each request that may wait, and the calls that it got."""
    calls = []

    def answer(call):
        calls.append(call)
        if call.pending is not None:
            call.pending.begin()
        return ALIVE

    served, seen = observed(answer)
    return Later(served), seen, calls


def test_an_answer_waits_for_what_its_request_has_begun_to_store(storing, envelope):
    later, seen, calls = storing
    assert later.post(envelope(HEARTBEAT)) is None
    assert (later.sent, seen) == ([], [])
    calls[0].pending.done(True)
    status, headers, body = later.wait()
    assert (status, headers["Content-Length"]) == (200, str(len(body)))
    assert b"heartbeatResponse" in body
    assert [exchanged.response for exchanged in seen] == [body, body]


def test_what_was_not_all_stored_is_answered_again_by_a_thread_that_waits(storing, envelope):
    later, seen, calls = storing
    assert later.post(envelope(HEARTBEAT)) is None
    calls[0].pending.done(False)
    status, _, body = later.wait()
    assert (status, len(later.sent)) == (200, 1)
    assert [(call.pending is None, call.again) for call in calls] == [(False, False), (True, True)]
    assert calls[1].received_at == calls[0].received_at
    assert [exchanged.response for exchanged in seen] == [body, body]


def test_what_was_begun_too_long_ago_has_to_be_sent_again(storing, envelope, monkeypatch):
    later, seen, calls = storing
    monkeypatch.setattr(answering, "LONGEST_UNTIL_AGAIN", -1.0)
    assert later.post(envelope(HEARTBEAT)) is None
    calls[0].pending.done(False)
    status, headers, _ = later.wait()
    assert (status, headers["Retry-After"]) == (503, "30")
    assert (len(calls), seen[0].kind) == (1, "store_unavailable")


@pytest.mark.parametrize("error", [errors.RetryLater("later"), errors.SecurityError("no"), LookupError("unexpected")])
def test_what_goes_wrong_after_something_was_begun_is_told_when_that_is_over(observed, envelope, error):
    calls = []

    def answer(call):
        calls.append(call)
        call.pending.begin()
        raise error

    served, seen = observed(answer)
    later = Later(served)
    assert later.post(envelope(HEARTBEAT)) is None
    assert later.sent == []
    calls[0].pending.done(True)
    status, _, _ = later.wait()
    assert status == {errors.RetryLater: 503, errors.SecurityError: 400, LookupError: 500}[type(error)]
    assert len(seen) == 2


def test_who_begins_nothing_is_answered_at_once(observed, envelope):
    served, seen = observed(ALIVE)
    later = Later(served)
    assert b"heartbeatResponse" in later.post(envelope(HEARTBEAT))
    assert (later.sent, len(seen)) == ([], 2)


def test_a_server_that_cannot_wait_is_answered_at_once(storing, envelope):
    later, _seen, calls = storing
    assert later.served.post(envelope(HEARTBEAT)).status == 200
    assert calls[0].pending is None


def test_a_large_message_waits_in_its_thread(storing, envelope, monkeypatch):
    later, _, calls = storing
    monkeypatch.setattr(answering, "LARGE", 100)
    assert b"heartbeatResponse" in later.post(envelope(HEARTBEAT))
    assert calls[0].pending is None
