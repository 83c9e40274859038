"""``/metrics``, read with Prometheus' own parser."""

from __future__ import annotations

import errno
import multiprocessing
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from werkzeug.test import Client

from ocpp_soap import config
from ocpp_soap.central_system import CentralSystem
from ocpp_soap.central_system.api_keys import Role
from ocpp_soap.web.app import Application, central_system_application
from ocpp_soap.web.metrics.counting import Counting
from ocpp_soap.web.metrics.sharing import ENDED, Sharing, shared_folder

SOAP = "http://www.w3.org/2003/05/soap-envelope"
SERVICE = "urn://Ocpp/Cs/2012/06/"
ABOVE_ALL_PROCESSES = 2**22 + 1
"""No process of Linux has this id."""


def envelope(body: str) -> bytes:
    header = f'<chargeBoxIdentity xmlns="{SERVICE}">CP1</chargeBoxIdentity>'
    return f'<e:Envelope xmlns:e="{SOAP}"><e:Header>{header}</e:Header><e:Body>{body}</e:Body></e:Envelope>'.encode()


HEARTBEAT = envelope(f'<heartbeatRequest xmlns="{SERVICE}"/>')
START = envelope(
    f'<startTransactionRequest xmlns="{SERVICE}"><connectorId>1</connectorId><idTag>T</idTag>'
    "<timestamp>2026-01-05T12:00:00</timestamp><meterStart>0</meterStart></startTransactionRequest>"
)


@pytest.fixture
def settings(tmp_path: Path) -> config.Settings:
    return config.load(
        None,
        {
            "OCPP_SOAP__STORAGE__FILE__PATH": str(tmp_path / "store.sqlite"),
            "OCPP_SOAP__METRICS__FOLDER": str(tmp_path / "metrics"),
        },
    )


@pytest.fixture
def application(settings: config.Settings) -> Iterator[Application]:
    application = central_system_application(settings)
    yield application
    application.close()


def post(application: Application, body: bytes) -> int:
    client = Client(application)
    return client.post("/Ocpp/CentralSystemService", data=body, content_type="application/soap+xml").status_code


def read(application: Application, **values: Any) -> dict[tuple[str, ...], float]:
    """The samples by their name and their label values in the order of the label names."""
    response = Client(application).get("/metrics", environ_base={"REMOTE_ADDR": "127.0.0.1"}, **values)
    assert response.status_code == 200
    assert response.content_type == "text/plain; version=0.0.4; charset=utf-8"
    families = text_string_to_metric_families(response.text)
    return {
        (sample.name, *(sample.labels[name] for name in sorted(sample.labels))): sample.value
        for family in families
        for sample in family.samples
    }


def test_messages_are_counted_by_action_version_and_outcome(application: Application) -> None:
    for _ in range(3):
        assert post(application, HEARTBEAT) == 200
    post(application, envelope(f'<noSuchRequest xmlns="{SERVICE}"/>'))
    post(application, b"<html><title>hello</title></html>")
    found = read(application)
    assert found["ocpp_messages_total", "Heartbeat", "ok", "1.5"] == 3
    assert found["ocpp_message_seconds_count", "Heartbeat", "1.5"] == 3
    assert 0 < found["ocpp_message_seconds_sum", "Heartbeat", "1.5"] < 3
    assert sum(value for key, value in found.items() if key[0] == "ocpp_refusals_total") == 2
    assert sum(value for key, value in found.items() if key[0] == "ocpp_messages_total") == 5


def test_the_buckets_of_a_histogram_grow_to_its_count(application: Application) -> None:
    for _ in range(4):
        post(application, HEARTBEAT)
    found = read(application)
    name = "ocpp_message_seconds_bucket"
    buckets = sorted((float(key[2]), value) for key, value in found.items() if key[:2] == (name, "Heartbeat"))
    values = [value for _, value in buckets]
    assert values == sorted(values)
    assert values[-1] == found["ocpp_message_seconds_count", "Heartbeat", "1.5"] == 4


def test_the_fleet_is_counted_in_the_store(application: Application) -> None:
    post(application, START)
    found = read(application)
    assert found["ocpp_stations", "accepted"] == 1
    assert found["ocpp_stations", "blocked"] == 0
    assert found["ocpp_transactions_open",] == 1
    assert found["ocpp_commands", "done"] == 0
    assert found["ocpp_workers",] == 1


def test_warnings_are_counted_by_kind(application: Application) -> None:
    post(application, START)
    assert read(application)["ocpp_warnings_total", "zoneless_time"] == 1


@pytest.mark.parametrize(
    ("right", "wrong", "kind"),
    [
        ("<idTag>T</idTag>", "", "missing"),
        ("<idTag>T</idTag>", "<idTag>T</idTag><idTag>U</idTag>", "repeated"),
        ("2026-01-05T12:00:00", "noon", "no_time"),
        ("<connectorId>1<", "<connectorId>one<", "no_integer"),
        ("<connectorId>1<", "<connectorId>9223372036854775808<", "out_of_range"),
    ],
)
def test_a_refusal_says_in_a_word_what_was_wrong(application: Application, right: str, wrong: str, kind: str) -> None:
    post(application, START.replace(right.encode(), wrong.encode()))
    assert read(application)["ocpp_refusals_total", kind, "ProtocolError"] == 1


def test_so_does_that_of_a_station_that_is_not_accepted(application: Application, settings: config.Settings) -> None:
    with CentralSystem.open(settings) as system:
        system.stations.block("CP1")
    post(application, HEARTBEAT)
    assert read(application)["ocpp_refusals_total", "blocked", "SecurityError"] == 1


def test_the_store_s_verbs_are_timed(application: Application) -> None:
    post(application, START)
    found = read(application)
    assert found["ocpp_store_seconds_count", "ok", "create"] >= 2
    assert found["ocpp_store_seconds_sum", "ok", "create"] > 0


def test_requests_of_the_api_are_counted(application: Application) -> None:
    Client(application).get("/api/v1/stations")
    assert read(application)["ocpp_api_seconds_count", "GET", "list_stations", "401"] == 1


@pytest.mark.parametrize(
    ("address", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("::1", {}, 200),
        ("192.0.2.1", {}, 401),
        ("127.0.0.1", {"X-Forwarded-For": "192.0.2.1"}, 401),
        ("192.0.2.1", {"Authorization": "Bearer wrong"}, 401),
        ("192.0.2.1", {"Authorization": "Bearer {token}"}, 200),
    ],
)
def test_only_near_networks_and_keys_may_read(
    application: Application, settings: config.Settings, address: str, headers: dict[str, str], status: int
) -> None:
    with CentralSystem.open(settings) as system:
        _, token = system.api_keys.add("prometheus", Role.READ)
    sent = {name: value.format(token=token) for name, value in headers.items()}
    response = Client(application).get("/metrics", headers=sent, environ_base={"REMOTE_ADDR": address})
    assert response.status_code == status


def test_it_can_be_switched_off(settings: config.Settings) -> None:
    off = settings.model_copy(update={"metrics": settings.metrics.model_copy(update={"enabled": False})})
    application = central_system_application(off)
    assert Client(application).get("/metrics").status_code == 404
    application.close()


def count_and_end(folder: Path, how: str) -> None:
    counting = Counting()
    sharing = Sharing(folder, counting)
    for _ in range(10):
        counting.add("m", ("x",))
        counting.observe("h", (), 0.003)
    if how == "close":
        sharing.close()
        return
    sharing.begin()
    while not any('"h"' in file.read_text() for file in folder.glob(f"{os.getpid()}-*.json")):
        time.sleep(0.01)
    os.kill(os.getpid(), 9)


def test_what_ended_workers_counted_stays(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=count_and_end, args=(tmp_path, how)) for how in ("close", "close", "kill")]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(30)
    counting = Counting()
    counting.add("m", ("x",))
    sharing = Sharing(tmp_path, counting)
    assert sharing.total()["m", ("x",)] == [31]
    assert sum(sharing.total()["h", ()][1:]) == 30
    assert sorted(tmp_path.glob("*.json"))[1:] == [tmp_path / ENDED]
    assert sharing.workers() == 1
    sharing.close()


def test_running_workers_are_added_up(tmp_path: Path) -> None:
    first, second = Counting(), Counting()
    first.add("m", ("x",), 5)
    one = Sharing(tmp_path, first)
    parent = os.getppid()
    started_at = Path(f"/proc/{parent}/stat").read_text().rpartition(")")[2].split()[19]
    (tmp_path / f"{parent}-{started_at}.json").write_text('[["m", ["x"], [7]]]')
    assert one.total()["m", ("x",)] == [12]
    assert one.workers() == 2
    one.close()
    two = Sharing(tmp_path, second)
    assert not (tmp_path / ENDED).exists()
    two.close()


def test_what_a_worker_does_unasked_is_told_by_the_others_too(
    settings: config.Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ocpp_soap.web.metrics.sharing.DELAY", 0.01)
    application = central_system_application(settings)
    give_up = time.monotonic() + 20
    while not any("ocpp_store_seconds" in file.read_text() for file in (tmp_path / "metrics").glob("*-*.json")):
        assert time.monotonic() < give_up
        time.sleep(0.01)
    application.close()


def test_a_folder_that_cannot_be_used_leaves_each_worker_its_own_figures(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    counting = Counting()
    counting.add("m", ())
    sharing = Sharing(tmp_path / "file", counting)
    sharing.begin()
    assert sharing.total() == {("m", ()): [1]}
    sharing.close()


def test_a_system_without_a_folder_for_temporary_files_names_the_one_that_cannot_be_made(
    settings: config.Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_usable() -> str:
        raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/tmp', '/var/tmp']")

    monkeypatch.setattr(tempfile, "gettempdir", none_usable)
    unset = settings.model_copy(update={"metrics": settings.metrics.model_copy(update={"folder": ""})})
    assert shared_folder(unset).parent == Path("/tmp")


def test_on_a_full_disk_a_worker_begins_and_counts_what_ended_workers_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("ocpp_soap.web.metrics.sharing._replace", full)
    (tmp_path / f"{ABOVE_ALL_PROCESSES}-1.json").write_text('[["m", ["x"], [7]]]')
    counting = Counting()
    counting.add("m", ("x",), 5)
    sharing = Sharing(tmp_path, counting)
    assert sharing.total()["m", ("x",)] == [12]
    sharing.close()


def test_a_folder_that_was_removed_is_made_again(tmp_path: Path) -> None:
    counting = Counting()
    counting.add("m", ())
    sharing = Sharing(tmp_path / "metrics", counting)
    shutil.rmtree(tmp_path / "metrics")
    assert sharing.total() == {("m", ()): [1]}
    sharing.close()
    assert len([*(tmp_path / "metrics").glob("*-*.json")]) == 1


def test_counting_loses_nothing_between_threads() -> None:
    from concurrent.futures import ThreadPoolExecutor

    counting = Counting()

    def work(_: int) -> None:
        for number in range(2000):
            counting.add("m", (str(number % 3),))
            counting.observe("h", (), number / 1000)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    series = counting.series()
    assert sum(series["m", (str(label),)][0] for label in range(3)) == 16_000
    assert sum(series["h", ()][1:]) == 16_000


def test_counting_costs_a_message_microseconds() -> None:
    counting = Counting()
    begin = time.perf_counter()
    for _ in range(20_000):
        counting.add("messages", ("Heartbeat", "1.5", "ok"))
        counting.observe("seconds", ("Heartbeat", "1.5"), 0.0012)
    assert (time.perf_counter() - begin) / 20_000 < 50e-6
