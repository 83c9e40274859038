"""Bodies that are too large, come slowly, or too many at a time."""

from __future__ import annotations

import gzip
import io
import threading
import time
from dataclasses import replace

import pytest

from ocpp_soap import config
from ocpp_soap.messages import Role
from ocpp_soap.soap.bodies import Bodies
from ocpp_soap.soap.http import Refused
from ocpp_soap.soap.settings import server_settings

SETTINGS = server_settings(config.load(None, {}), Role.CENTRAL_SYSTEM)


class Source:
    """A body of which ``before(count)`` is called before each read."""

    def __init__(self, data: bytes, before) -> None:
        self.data = data
        self.before = before
        self.reads = 0

    def read(self, size: int) -> bytes:
        self.before(self.reads)
        self.reads += 1
        piece, self.data = self.data[:size], self.data[size:]
        return piece


def environ(source, length):
    return {"wsgi.input": source, "CONTENT_LENGTH": str(length)}


def stated(body):
    return environ(io.BytesIO(body), len(body))


def chunked(body):
    return {"wsgi.input": io.BytesIO(body), "wsgi.input_terminated": True}


def packed(body):
    return {**stated(gzip.compress(body)), "HTTP_CONTENT_ENCODING": "gzip"}


@pytest.mark.parametrize("sent", [stated, chunked, packed])
@pytest.mark.parametrize(("beginning", "most"), [(b"<any/>", 10_000), (b"<stopTransactionRequest/>", 20_000)])
def test_a_body_may_have_as_many_bytes_as_it_is_allowed_and_not_one_more(sent, beginning, most):
    bodies = Bodies(replace(SETTINGS, max_body=10_000, large_body=20_000))
    body = beginning.ljust(most)
    assert bodies.read(sent(body)) == body
    with pytest.raises(Refused) as caught:
        bodies.read(sent(body + b" "))
    assert (caught.value.kind, caught.value.answer.status) == ("body_too_large", 413)


@pytest.mark.parametrize(("length", "reads"), [(500, 1), (5_000, 2), (100_000, 3)])
def test_a_body_that_is_there_takes_few_reads(length, reads):
    source = Source(b"x" * length, lambda _: None)
    assert len(Bodies(SETTINGS).read(environ(source, length))) == length
    assert source.reads == reads


def test_the_time_is_looked_at_between_reads():
    source = Source(b"x" * 100_000, lambda _: time.sleep(0.06))
    started = time.monotonic()
    with pytest.raises(Refused) as caught:
        Bodies(replace(SETTINGS, read_timeout=0.3)).read(environ(source, 100_000))
    assert (caught.value.kind, caught.value.answer.status) == ("slow_body", 408)
    assert time.monotonic() - started < 5
    assert source.data


def test_a_body_that_arrives_whole_is_never_late():
    source = Source(b"x" * 100, lambda _: time.sleep(0.05))
    assert len(Bodies(replace(SETTINGS, read_timeout=0.01)).read(environ(source, 100))) == 100


def test_beyond_the_cap_a_request_is_refused_unread():
    bodies = Bodies(replace(SETTINGS, max_waiting=2))
    both_wait, go_on = threading.Barrier(3), threading.Event()

    def wait(count):
        if count == 0:
            both_wait.wait(10)
            go_on.wait(10)

    threads = [
        threading.Thread(target=bodies.read, args=(environ(Source(b"x", wait), 1),), daemon=True) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    both_wait.wait(10)
    third = Source(b"x", lambda _: None)
    with pytest.raises(Refused) as caught:
        bodies.read(environ(third, 1))
    assert (caught.value.kind, caught.value.answer.status, third.reads) == ("too_many_waiting", 503, 0)
    assert dict(caught.value.answer.headers)["Retry-After"] == "10"
    go_on.set()
    for thread in threads:
        thread.join(10)
    assert bodies.read(environ(third, 1)) == b"x"


def test_a_reader_that_fails_frees_its_place():
    def broken(_):
        raise OSError

    bodies = Bodies(replace(SETTINGS, max_waiting=1))
    for _ in range(3):
        with pytest.raises(OSError):  # noqa: PT011
            bodies.read(environ(Source(b"x", broken), 1))
