"""The charge box: documents in a store on one side, a central system that is not ours on the other."""

from __future__ import annotations

import os
from contextlib import closing
from datetime import datetime, timedelta, timezone
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from waiting import wait_until

from ocpp_soap.charge_point import listener
from ocpp_soap.charge_point.chargebox import load_chargebox_settings
from ocpp_soap.charge_point.chargebox.exchange import (
    CHARGE_BOX,
    CONNECTORS,
    START_TRANSACTIONS,
    STATUS_NOTIFICATIONS,
    STOP_TRANSACTIONS,
    TAG_REQUESTS,
    Exchange,
)
from ocpp_soap.errors import ConfigurationError, StoreUnavailable, Unreachable
from ocpp_soap.messages import (
    ChangeConfigurationRequest,
    ChargePointErrorCode,
    ChargePointStatus,
    RemoteStartTransactionRequest,
    RemoteStopTransactionRequest,
    ResetRequest,
    UnlockConnectorRequest,
    Version,
)
from ocpp_soap.storage.file import FileStorage

NOW = datetime(2026, 1, 5, 12, tzinfo=timezone.utc)


@pytest.mark.parametrize("version", Version)
def test_a_session_from_documents_to_documents(run, sink, version):
    box = run(version=version)
    wait_until(lambda: box.boot_state() == 3)
    tag = box.exchange.tag(1, "TAG1")
    assert box.answered(TAG_REQUESTS, tag)["accepted"] is True
    status = box.exchange.status(1, ChargePointStatus.OCCUPIED, ChargePointErrorCode.NO_ERROR)
    start = box.exchange.started(1, "TAG1", 1000)
    stop = box.exchange.stopped(start, 1500, "TAG1")
    assert box.answered(STATUS_NOTIFICATIONS, status)["state"] == "Answered"
    assert box.answered(START_TRANSACTIONS, start)["transaction_id"] > 0
    assert box.answered(STOP_TRANSACTIONS, stop)["status_of_tag"] == "Accepted"
    operations = sink.operations("BOX1")
    assert operations == ["bootNotification", "authorize", "statusNotification", "startTransaction", "stopTransaction"]
    assert sink.complaints == []


def test_a_document_that_cannot_be_sent_fails_with_its_reason_and_blocks_nothing(run):
    box = run()
    good_start = {"connector_id": 1, "id_tag": "T", "timestamp": NOW, "meter_start": 1}
    wrong = [
        (
            START_TRANSACTIONS,
            {"connector_id": 1, "id_tag": "T", "timestamp": NOW, "meter_start": "much"},
            "meter_start",
        ),
        (START_TRANSACTIONS, {**good_start, "connector_id": 9}, "connector_id"),
        (STOP_TRANSACTIONS, {"start": "nothing", "timestamp": NOW, "meter_stop": 1}, "there is no document"),
        (STATUS_NOTIFICATIONS, {"connector_id": 1, "status": "Melting"}, "status"),
        (TAG_REQUESTS, {"connector_id": 1}, "id_tag"),
        (START_TRANSACTIONS, {**good_start, "id_tag": "T\x01"}, "character"),
    ]
    keys = [(collection, box.exchange.insert(collection, content), reason) for collection, content, reason in wrong]
    good = box.exchange.tag(1, "TAG1")
    assert box.answered(TAG_REQUESTS, good)["state"] == "Answered"
    for collection, key, reason in keys:
        document = box.answered(collection, key)
        assert document["state"] == "Failed"
        assert reason in document["reason"]


def test_what_was_queued_survives_a_restart_and_arrives_once_and_in_order(run, sink):
    box = run()
    wait_until(lambda: box.boot_state() == 3)
    sink.mode = "down"
    start = box.exchange.started(1, "TAG1", 1000)
    stop = box.exchange.stopped(start, 1500)
    wait_until(lambda: box.document(STOP_TRANSACTIONS, stop)["state"] == "Queued")
    box.close()
    sink.mode = "usual"
    again = run()
    assert again.answered(STOP_TRANSACTIONS, stop)["state"] == "Answered"
    assert again.document(START_TRANSACTIONS, start)["transaction_id"] > 0
    kept = [o for o in sink.operations("BOX1") if o.endswith("Transaction")]
    assert kept == ["startTransaction", "stopTransaction"]


@pytest.mark.parametrize("seconds", [0, 3600])
def test_a_start_of_the_same_time_as_the_stop_before_it_or_of_an_earlier_one_is_taken_behind_it(
    run, sink, tmp_path, seconds
):
    box = run()
    first = box.exchange.started(1, "TAG1", 1000)
    box.answered(START_TRANSACTIONS, first)
    box.close()
    now = box.box.station.now()
    with closing(FileStorage(tmp_path / "box.db")) as storage:
        stop = Exchange(storage, lambda: now).stopped(first, 1500)
        second = Exchange(storage, lambda: now - timedelta(seconds=seconds)).started(1, "TAG2", 1500)
    again = run()
    assert again.answered(START_TRANSACTIONS, second)["state"] == "Answered"
    assert again.answered(STOP_TRANSACTIONS, stop)["state"] == "Answered"
    kept = [o for o in sink.operations("BOX1") if o.endswith("Transaction")]
    assert kept == ["startTransaction", "stopTransaction", "startTransaction"]


def test_a_session_outlives_the_daemon(run, sink):
    box = run()
    start = box.exchange.started(1, "TAG1", 1000)
    transaction_id = box.answered(START_TRANSACTIONS, start)["transaction_id"]
    box.close()
    again = run()
    wait_until(lambda: sink.operations("BOX1").count("bootNotification") == 2 and again.boot_state() == 3)
    assert again.call(sink, RemoteStopTransactionRequest(transaction_id=transaction_id)).status == "Accepted"
    wait_until(lambda: again.commands() == ["StopTransaction"])
    assert "stopTransaction" not in sink.operations("BOX1")
    stop = again.exchange.stopped(start, 1500)
    assert again.answered(STOP_TRANSACTIONS, stop)["state"] == "Answered"


def test_calls_of_the_central_system_become_commands(run, sink):
    box = run()
    wait_until(lambda: box.boot_state() == 3)
    assert box.call(sink, RemoteStartTransactionRequest(id_tag="R", connector_id=1)).status == "Accepted"
    wait_until(lambda: box.commands() == ["StartTransaction"])
    start = box.exchange.started(1, "R", 0)
    box.answered(START_TRANSACTIONS, start)
    assert box.call(sink, UnlockConnectorRequest(connector_id=1)).status == "Accepted"
    assert sorted(box.commands()) == ["StartTransaction", "StopTransaction", "UnlockConnector"]
    box.exchange.stopped(start, 10)
    assert box.call(sink, ResetRequest(type="Soft")).status == "Accepted"
    wait_until(lambda: sink.operations("BOX1").count("bootNotification") == 2)


def test_the_hardware_side_is_told_how_long_a_tag_waits_for_the_cable(run, sink):
    box = run(configuration={"ConnectionTimeOut": "45"})
    wait_until(lambda: box.boot_state() == 3)
    assert box.document(CONNECTORS, "1")["connection_timeout"] == 45
    box.call(sink, ChangeConfigurationRequest(key="ConnectionTimeOut", value="90"))
    assert box.document(CONNECTORS, "1")["connection_timeout"] == 90


def test_meter_values_are_sent_on_the_wall_clock(run, sink):
    box = run(meter_interval=1)
    start = box.exchange.started(1, "TAG1", 1000)
    box.exchange.measure(1, 1234.5, 7000)
    box.answered(START_TRANSACTIONS, start)
    wait_until(lambda: "meterValues" in sink.operations("BOX1"))
    values = next(r for _, _, o, r in sink.requests if o == "meterValues")
    assert values.findtext(".//{*}timestamp").partition(".")[2] in ("", "000Z", "000000Z")
    assert values.findtext(".//{*}value") == "1234"


def test_a_sample_interval_holds_for_the_sessions_of_a_controller(run, sink):
    box = run(configuration={"MeterValueSampleInterval": "1"})
    box.exchange.measure(1, 1234.5, 7000)
    box.answered(START_TRANSACTIONS, box.exchange.started(1, "TAG1", 1000))
    wait_until(lambda: "meterValues" in sink.operations("BOX1"), 5)


def test_meter_values_go_on_when_the_store_was_away(run, sink, monkeypatch):
    box = run(meter_interval=1)
    box.answered(START_TRANSACTIONS, box.exchange.started(1, "TAG1", 1000))
    take, away = box.box.station.metering.take_clock_sample, [True]

    def take_unless_away(*arguments):
        if away:
            away.pop()
            raise StoreUnavailable("no server answers")
        take(*arguments)

    monkeypatch.setattr(box.box.station.metering, "take_clock_sample", take_unless_away)
    wait_until(lambda: not away)
    known = sink.operations("BOX1").count("meterValues")
    wait_until(lambda: sink.operations("BOX1").count("meterValues") > known)


@pytest.mark.parametrize("ahead", [-3600, 3600])
def test_meter_values_follow_a_clock_that_was_set(run, sink, ahead):
    def times():
        values = [r for _, _, o, r in sink.requests if o == "meterValues"]
        return [datetime.fromisoformat(v.findtext(".//{*}timestamp").replace("Z", "+00:00")) for v in values]

    box = run(meter_interval=1)
    box.answered(START_TRANSACTIONS, box.exchange.started(1, "TAG1", 1000))
    wait_until(times)
    told = datetime.now(timezone.utc) + timedelta(seconds=ahead)
    with box.box.station.lock:
        box.box.station.set_clock(told)
    wait_until(lambda: sum(told <= time <= told + timedelta(minutes=1) for time in times()) >= 2)


class TestBoot:
    REJECTED = (
        "<c:status>Rejected</c:status><c:currentTime>{now}</c:currentTime><c:heartbeatInterval>1</c:heartbeatInterval>"
    )

    def test_a_refused_box_keeps_trying(self, run, sink):
        sink.answers["bootNotification"] = self.REJECTED
        box = run()
        wait_until(lambda: box.boot_state() == 4)
        wait_until(lambda: len(sink.operations("BOX1")) == 2)
        assert box.accepted is None

    def test_or_ends_if_configured(self, run, sink):
        sink.answers["bootNotification"] = self.REJECTED
        box = run(boot={"on_rejected": "exit"})
        wait_until(lambda: box.accepted is False)

    def test_without_network_the_boot_was_sent_and_not_answered(self, run, sink):
        sink.mode = "down"
        box = run()
        wait_until(lambda: box.boot_state() == 2)

    def test_without_network_at_the_start_it_boots_when_there_is_one(self, run, sink, monkeypatch):
        ways = []

        def address_towards(url):
            if not ways:
                raise Unreachable(f"no address of this machine leads to {url}")
            return ways[0]

        monkeypatch.setattr(listener, "_ANY_ADDRESS", ("127.0.0.1",))
        monkeypatch.setattr(listener, "_address_towards", address_towards)
        box = run()
        wait_until(lambda: box.boot_state() == 2)
        assert "no address of this machine" in box.document(CHARGE_BOX, "BOX1")["reason"]
        ways.append("127.0.0.1")
        wait_until(lambda: box.boot_state() == 3)
        assert {urlsplit(url).hostname for url in sink.callback_urls} == {"127.0.0.1"}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("identity: X", "central_url"),
        ("central_url: nowhere\nidentity: X", "central_url"),
        ("central_url: http://x/\nidentity: X\nmeter_interval: 7", "do not divide a day"),
        ("central_url: http://x/\nidentity: X\nbridge: {kind: mock, speed: 1}", "bridge.speed"),
        ("central_url: http://x/\nidentity: X\nversion: 1.6", "version"),
        ("central_url: http://x/\nidentity: X\nidentity: Y", "line 3: 'identity' is named in line 2"),
        ("[", "cannot be read"),
    ],
)
def test_a_wrong_configuration_is_explained(tmp_path, text, reason):
    file = tmp_path / "box.yaml"
    file.write_text(text)
    with pytest.raises(ConfigurationError, match=reason):
        load_chargebox_settings(file)


def test_texts_need_no_quotes(tmp_path):
    file = tmp_path / "box.yaml"
    file.write_text(
        "central_url: http://x/\nidentity: 0042\nversion: 1.2\nserial_number: 0815\nfirmware_version: 1.10\n"
        "configuration: {ConnectionTimeOut: 060, LocalPreAuthorize: on}\nbridge: {options: {sessions: 3}}"
    )
    settings = load_chargebox_settings(file)
    assert (settings.identity, settings.version, settings.serial_number) == ("0042", Version.V12, "0815")
    assert settings.firmware_version == "1.10"
    assert settings.configuration == {"ConnectionTimeOut": "060", "LocalPreAuthorize": "on"}
    assert settings.bridge.options == {"sessions": 3}


def test_a_configuration_can_come_from_a_pipe():
    reader, writer = os.pipe()
    try:
        with open(writer, "w") as pipe:
            pipe.write("central_url: http://x/\nidentity: 0042\nconnectors: 2")
        settings = load_chargebox_settings(Path(f"/dev/fd/{reader}"))
    finally:
        os.close(reader)
    assert (settings.identity, settings.connectors) == ("0042", 2)


def test_what_a_bridge_reports_has_the_time_of_the_central_system(run, sink):
    sink.now = (datetime.now(timezone.utc) + timedelta(days=365)).isoformat
    box = run()
    wait_until(lambda: box.boot_state() == 3)
    start = box.exchange.started(1, "TAG1", 1000)
    assert box.document(START_TRANSACTIONS, start)["timestamp"] > datetime.now(timezone.utc) + timedelta(days=364)
