"""What real charge points answer to our calls: one file of ``answers/`` for each oddity, through a real socket."""

from __future__ import annotations

import threading
from datetime import datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import yaml

from ocpp_soap import config, errors
from ocpp_soap import messages as m
from ocpp_soap.central_system.system import CentralSystem
from ocpp_soap.cli.output import plain

FILES = sorted((Path(__file__).parent / "answers").glob("*.yaml"))


class ChargePoint:
    """Answers every request with the same bytes."""

    def __init__(self) -> None:
        self.answer = {"status": 200, "body": ""}
        self.server = HTTPServer(("127.0.0.1", 0), self._handler())
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05})
        self.thread.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/Ocpp/ChargePointService"

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        charge_point = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                answer = charge_point.answer
                body = answer["body"].encode()
                self.send_response(answer["status"])
                for name, value in {"Content-Type": "application/soap+xml", **answer.get("headers", {})}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        return Handler


@pytest.fixture(scope="module")
def charge_point():
    charge_point = ChargePoint()
    yield charge_point
    charge_point.close()


@pytest.fixture(scope="module")
def system(tmp_path_factory, charge_point):
    variables = {
        "OCPP_SOAP__STORAGE__FILE__PATH": str(tmp_path_factory.mktemp("answers") / "store.sqlite"),
        "OCPP_SOAP__CALLS__ALLOWED_NETWORKS": '["127.0.0.0/8"]',
    }
    with CentralSystem.open(config.load(None, variables)) as system:
        yield system


def request_of(call):
    fields = dict(call["fields"])
    if "retrieve_date" in fields:
        fields["retrieve_date"] = datetime.fromisoformat(fields["retrieve_date"])
    return getattr(m, f"{call['action']}Request")(**fields)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_it_is_understood_or_told_in_a_sentence(file, system, charge_point):
    fixture = yaml.safe_load(file.read_text("utf-8"))
    assert fixture["about"].endswith(".")
    charge_point.answer = fixture["answer"]
    system.stations.allow(file.stem)
    system.stations.set_url(file.stem, charge_point.url)
    expected = fixture["expect"]
    request = request_of(fixture["call"])
    if "error" in expected:
        with pytest.raises(getattr(errors, expected["error"])) as caught:
            system.commands.call(file.stem, request, timeout=10)
        assert file.stem in str(caught.value)
        assert expected.get("says", "") in str(caught.value)
    else:
        response = system.commands.call(file.stem, request, timeout=10)
        assert type(response) is getattr(m, f"{fixture['call']['action']}Response")
        assert {name: plain(getattr(response, name)) for name in expected["response"]} == expected["response"]
    system.journal.flush()
    (entry,) = system.journal.list(charge_box_identity=file.stem).items
    assert (entry.action, entry.direction) == (fixture["call"]["action"], "out")
    assert entry.outcome == expected.get("error", "ok")
