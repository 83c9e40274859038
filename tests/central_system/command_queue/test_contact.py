"""Commands that wait for the station to speak, and stations that are woken up."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from ocpp_soap.central_system.command_queue.record import CommandState
from ocpp_soap.central_system.fleet_collections import LINES

RESET = ("Reset", {"type": "Soft"})


@pytest.fixture
def webhook() -> Iterator[tuple[str, list[Any]]]:
    received: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            return

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/sms", received
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_command_for_the_next_contact_waits_for_it_and_goes_where_the_station_says(
    make_system: Any, site: Any, url_of: Any, speak: Any, eventually: Any
) -> None:
    system = make_system()
    system.stations.set_url("CP000", "")
    (command,) = system.command_queue.create(*RESET, ["CP000"], deliver="on_next_contact")
    eventually(lambda: system.command_queue.get(command.command_id).state == CommandState.QUEUED)
    time.sleep(0.3)
    assert site.calls == []
    speak(system, callback_url=url_of("CP000"))
    eventually(lambda: system.command_queue.get(command.command_id).state == CommandState.DONE)
    assert len(site.calls) == 1


def test_a_command_for_the_next_contact_does_not_wait_for_the_time_of_a_clock_that_was_set_back(
    make_system: Any, site: Any, speak: Any, eventually: Any
) -> None:
    system = make_system(works=False)
    (command,) = system.command_queue.create(*RESET, ["CP000"], deliver="on_next_contact")
    day = timedelta(days=1)
    system.command_queue.change(command.command_id, lambda found: replace(found, created_at=found.created_at + day))
    system.start_workers()
    eventually(lambda: system.command_queue.get(command.command_id).state == CommandState.QUEUED)
    assert site.calls == []
    speak(system)
    eventually(lambda: system.command_queue.get(command.command_id).state == CommandState.DONE)


def test_the_delivery_does_not_delay_the_answer_to_the_station(
    make_system: Any, site: Any, speak: Any, eventually: Any
) -> None:
    system = make_system()
    site.behave["CP000"] = lambda call: time.sleep(1)
    (command,) = system.command_queue.create(*RESET, ["CP000"], deliver="on_next_contact")
    begin = time.monotonic()
    speak(system)
    assert time.monotonic() - begin < 0.5
    eventually(lambda: system.command_queue.get(command.command_id).state == CommandState.DONE)


def test_a_command_for_now_does_not_wait_for_one_that_waits_for_contact(
    make_system: Any, site: Any, eventually: Any
) -> None:
    system = make_system()
    (waiting,) = system.command_queue.create(*RESET, ["CP000"], deliver="on_next_contact")
    (now,) = system.command_queue.create("UnlockConnector", {"connector_id": 1}, ["CP000"])
    eventually(lambda: system.command_queue.get(now.command_id).state == CommandState.DONE)
    assert system.command_queue.get(waiting.command_id).state == CommandState.QUEUED


def test_commands_for_the_next_contact_keep_their_order(
    make_system: Any, site: Any, speak: Any, eventually: Any
) -> None:
    system = make_system()
    commands = [
        system.command_queue.create("UnlockConnector", {"connector_id": n}, ["CP000"], deliver="on_next_contact")[0]
        for n in range(1, 6)
    ]
    speak(system)
    eventually(lambda: system.command_queue.get(commands[-1].command_id).state == CommandState.DONE)
    assert [request.connector_id for request in site.got("CP000")] == [1, 2, 3, 4, 5]


def test_a_station_that_speaks_again_is_tried_before_the_pause_is_over(
    make_system: Any, url_of: Any, speak: Any, eventually: Any
) -> None:
    system = make_system(COMMANDS__FIRST_RETRY="0.3", COMMANDS__LONGEST_RETRY="600", CALLS__TIMEOUT="1")
    system.stations.set_url("CP000", "http://127.0.0.1:9/")
    (command,) = system.command_queue.create(*RESET, ["CP000"])
    eventually(lambda: len(system.command_queue.get(command.command_id).attempts) == 3)
    system.stations.set_url("CP000", url_of("CP000"))
    begin = time.monotonic()
    time.sleep(0.3)
    speak(system)
    eventually(lambda: system.command_queue.get(command.command_id).state == CommandState.DONE)
    assert time.monotonic() - begin < 1.0


def test_a_webhook_is_asked_to_wake_the_station_up_and_its_heartbeat_brings_the_command(
    make_system: Any, webhook: Any, url_of: Any, speak: Any, eventually: Any, make_call: Any
) -> None:
    from ocpp_soap.messages import BootNotificationRequest

    url, received = webhook
    system = make_system(COMMANDS__WAKE_UP_URL=url, COMMANDS__FIRST_RETRY="0.5", COMMANDS__LONGEST_RETRY="600")
    boot = BootNotificationRequest(charge_point_vendor="V", charge_point_model="M", imsi="901", iccid="8931")
    system.receive(make_call(boot, "CP000"))
    system.stations.set_url("CP000", "http://127.0.0.1:9/")
    (command,) = system.command_queue.create(*RESET, ["CP000"])
    eventually(lambda: received)
    assert received == [
        {
            "charge_box_identity": "CP000",
            "iccid": "8931",
            "imsi": "901",
            "command_id": command.command_id,
            "action": "Reset",
        }
    ]
    eventually(lambda: [a.woken for a in system.command_queue.get(command.command_id).attempts][:1] == ["called"])
    system.stations.set_url("CP000", "")
    speak(system, callback_url=url_of("CP000"))
    eventually(lambda: system.command_queue.get(command.command_id).state == CommandState.DONE)
    assert len(received) == 1


def test_a_hook_file_wakes_the_station_up(make_system: Any, tmp_path: Path, eventually: Any) -> None:
    (tmp_path / "mine" / "hooks").mkdir(parents=True)
    woken = tmp_path / "woken"
    (tmp_path / "mine" / "hooks" / "wake_up.py").write_text(
        f"from pathlib import Path\n\n\ndef handle(station, command):\n"
        f"    Path({str(woken)!r}).write_text(station.charge_box_identity + ' ' + command.action)\n"
    )
    system = make_system(HANDLERS__PATHS=json.dumps([str(tmp_path / "mine")]))
    system.stations.set_url("CP000", "http://127.0.0.1:9/")
    system.command_queue.create(*RESET, ["CP000"])
    eventually(lambda: woken.exists() and woken.read_text())
    assert woken.read_text() == "CP000 Reset"


def test_a_station_is_woken_up_also_after_our_clock_was_set_back(make_system: Any, eventually: Any) -> None:
    system = make_system(COMMANDS__WAKE_UP_URL="http://127.0.0.1:9/sms")
    system.stations.set_url("CP000", "http://127.0.0.1:9/")
    tomorrow = datetime.now(timezone.utc) + timedelta(days=1)
    system.store.create(LINES, "CP000", {"charge_box_identity": "CP000", "woken_at": tomorrow})
    (command,) = system.command_queue.create(*RESET, ["CP000"])
    eventually(lambda: [a.woken for a in system.command_queue.get(command.command_id).attempts if a.woken])


def test_a_gateway_that_answers_byte_by_byte_holds_nobody_up(
    make_system: Any, dripping: Any, eventually: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ocpp_soap.central_system.command_queue.wake_up.TIMEOUT", 0.3)
    system = make_system(COMMANDS__WAKE_UP_URL=dripping(b"HTTP/1.1 200 OK\r\nX: ").url)
    system.stations.set_url("CP000", "http://127.0.0.1:9/")
    (command,) = system.command_queue.create(*RESET, ["CP000"])
    eventually(lambda: [a.woken for a in system.command_queue.get(command.command_id).attempts if a.woken])
    assert system.command_queue.get(command.command_id).attempts[0].woken == "failed: TimedOut"


def test_a_hook_that_fails_is_noted_and_does_no_harm(make_system: Any, url_of: Any, eventually: Any) -> None:
    system = make_system(COMMANDS__WAKE_UP_URL="http://127.0.0.1:9/sms")
    system.stations.set_url("CP000", "http://127.0.0.1:9/")
    (command,) = system.command_queue.create(*RESET, ["CP000"])
    eventually(lambda: [a.woken for a in system.command_queue.get(command.command_id).attempts if a.woken])
    system.stations.set_url("CP000", url_of("CP000"))
    eventually(lambda: system.command_queue.get(command.command_id).state == CommandState.DONE)
    assert system.command_queue.get(command.command_id).attempts[0].woken == "failed: Unreachable"
