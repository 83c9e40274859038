"""Scenario files: read, played against a central system that is not ours, and told as JUnit XML."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree as ET

import pytest
from waiting import wait_until

from ocpp_soap import config
from ocpp_soap.charge_point import fleet
from ocpp_soap.charge_point.events import Called, Exchange
from ocpp_soap.charge_point.scenario import load_scenario, shipped_scenarios
from ocpp_soap.charge_point.scenario import play as scenario_play
from ocpp_soap.charge_point.scenario.stage import MOST_KEPT, Recorder
from ocpp_soap.charge_point.scenario.values import differs, message_of
from ocpp_soap.charge_point.simulation import SimulationOptions
from ocpp_soap.charge_point.simulator import run_simulation
from ocpp_soap.errors import ConfigurationError
from ocpp_soap.messages import (
    AuthorizationStatus,
    GetConfigurationResponse,
    GetLocalListVersionResponse,
    KeyValue,
    MeterValuesRequest,
    RemoteStartTransactionRequest,
    ResetRequest,
    ResetResponse,
    ResetStatus,
    ResetType,
    Role,
    StopTransactionResponse,
    Version,
)
from ocpp_soap.soap.client import Endpoint, client_for
from ocpp_soap.yaml_files import read_yaml


@pytest.fixture
def play(sink, tmp_path):
    def play(steps, *, head="name: test", **more):
        file = tmp_path / "scenario.yaml"
        file.write_text(f"{head}\nsteps:\n{steps}")
        options = SimulationOptions(central_url=sink.url, scenario=str(file), **more)
        return run_simulation(options, config.load(None, {}), junit=tmp_path / "junit.xml")

    return play


SESSION = """
  - boot: 5
  - plug
  - tag: TAG1
  - expect: {sent: StartTransaction, within: 5, fields: {id_tag: TAG1}, answer: {id_tag_info.status: Accepted}}
  - charge: 0.1
  - check: {status: {0: Available, 1: Occupied, 2: Available}}
  - stop
  - expect: {sent: StopTransaction, within: 5, fields: {id_tag: null}}
  - unplug
"""


def test_a_scenario_that_goes_well(play, sink):
    summary = play(SESSION)
    assert summary.ok, summary.problems
    assert sink.complaints == []


def test_a_ramp_lets_the_stations_play_one_after_the_other(play, sink):
    began = time.monotonic()
    assert play("  - boot\n", count=3, ramp=0.9).ok
    assert time.monotonic() - began >= 0.6
    boots = [who for who, _, operation, _ in sink.requests if operation == "bootNotification"]
    assert boots == ["CP001", "CP002", "CP003"]


def test_many_stations_play_at_a_time(play, sink):
    assert play(SESSION, count=5).ok
    assert sink.operations("CP005").count("stopTransaction") == 1


def test_the_first_failure_ends_it_and_says_what_was_sent_instead(play, tmp_path):
    summary = play("  - boot\n  - expect: {sent: StartTransaction, within: 0.1}\n  - plug\n")
    (problem,) = summary.problems
    assert not summary.ok
    assert problem.startswith(
        "CP001: 2. expect sent=StartTransaction within=0.1: StartTransaction (1 of 1) was not sent"
    )
    suite = ET.parse(tmp_path / "junit.xml").getroot()[0]
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("3", "1", "1")
    assert [case.find("failure") is not None for case in suite] == [False, True, False]


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        ("expect: {sent: BootNotification, within: 1, answer: {status: Rejected}}", "status is Accepted"),
        ("expect_none: {sent: BootNotification, seconds: 0.1}", "was sent"),
        ("check: {status: {1: Faulted}, within: 0.1}", "connector 1 is Available, expected Faulted"),
        ("check: {configuration: {LightIntensity: '9'}, within: 0.1}", "LightIntensity is 50"),
        ("check: {status: {7: Available}}", "there is no connector 7"),
        ("check: {configuration: {NoSuchKey: 1}}", "no key NoSuchKey"),
        ("answer: {action: Reset, fields: {statuss: Rejected}}", "statuss: ResetResponse has no such field"),
        ("answer: {action: SendLocalList, fields: {hash: x}}", "status: SendLocalListResponse cannot be without it"),
        ("plug: 7", "there is no connector 7"),
        ("expect_call: {action: Reset, within: 0.1}", "Reset was not called"),
        ("expect: Dance", "no action"),
        ("data_transfer: {vendor_id: x, status: Rejected}", "status is Accepted, expected Rejected"),
        ("expect: {sent: BootNotification, fields: {nonsense: 1}}", "no such field"),
    ],
)
def test_what_is_not_as_expected_fails(play, step, reason):
    (problem,) = play(f"  - boot\n  - {step}\n").problems
    assert reason in problem


def test_offline_and_online(play, sink):
    steps = """
  - boot
  - offline
  - plug
  - expect_none: {sent: StatusNotification, seconds: 0.05}
  - online
  - expect: {sent: StatusNotification, fields: {connector_id: 1, status: Occupied}, within: 5}
"""
    head = "name: test\nstation: {connectors: 1}"
    summary = play(
        steps.replace("  - offline", "  - expect: {sent: StatusNotification, count: 2}\n  - offline"), head=head
    )
    assert summary.ok, summary.problems


def test_calls_are_expected_and_answered_as_told(play, sink):
    def remote_start():
        wait_until(lambda: sink.callback_urls)
        (url,) = sink.callback_urls
        request = RemoteStartTransactionRequest(id_tag="T", connector_id=1)
        answers.append(client_for(Role.CHARGE_POINT, Version.V15).call(Endpoint(url, timeout=5), "CP001", request))

    answers = []
    steps = """
  - answer: {action: RemoteStartTransaction, fields: {status: Rejected}}
  - boot
  - expect_call: {action: RemoteStartTransaction, fields: {id_tag: T}, answer: {status: Rejected}, within: 5}
"""
    caller = threading.Thread(target=remote_start)
    caller.start()
    summary = play(steps)
    caller.join()
    assert summary.ok, summary.problems
    assert answers[0].status == "Rejected"


def test_the_boot_that_follows_a_reboot_is_a_new_one(play, sink):
    assert play("  - boot\n  - reboot\n  - boot\n").ok
    assert sink.operations("CP001").count("bootNotification") == 2


def test_the_boot_that_follows_a_reset_is_a_new_one(play, sink):
    def reset():
        wait_until(lambda: "statusNotification" in sink.operations("CP001"))
        (url,) = sink.callback_urls
        request = ResetRequest(type=ResetType.SOFT)
        client_for(Role.CHARGE_POINT, Version.V15).call(Endpoint(url, timeout=5), "CP001", request)

    caller = threading.Thread(target=reset)
    caller.start()
    summary = play("  - boot\n  - expect_call: {action: Reset, within: 5}\n  - boot\n")
    caller.join()
    assert summary.ok, summary.problems
    assert sink.operations("CP001").count("bootNotification") == 2


def test_the_duration_ends_a_scenario_that_waits(play):
    (problem,) = play("  - boot\n  - wait: 60\n", duration=0.3).problems
    assert "the scenario was ended" in problem


@pytest.mark.parametrize(
    "step",
    [
        "boot: 60",
        "charge: 60",
        "expect: {sent: StartTransaction, within: 60}",
        "expect_none: {sent: StartTransaction, seconds: 60}",
        "expect_call: Reset",
        "check: {status: {1: Faulted}, within: 60}",
    ],
)
def test_the_duration_ends_every_step_that_waits(play, sink, monkeypatch, step):
    monkeypatch.setattr(fleet, "DELIVERY_TIME", 0.1)
    if step.startswith("boot"):
        sink.answers["bootNotification"] = sink.answers["bootNotification"].replace("Accepted", "Rejected")
    began = time.monotonic()
    (problem,) = play(f"  - plug\n  - {step}\n", duration=0.3).problems
    assert "the scenario was ended" in problem
    assert time.monotonic() - began < 14


def test_a_station_whose_turn_did_not_come_has_failed(play, sink, monkeypatch):
    monkeypatch.setattr(scenario_play, "MOST_AT_A_TIME", 1)
    began = time.monotonic()
    summary = play("  - wait: 60\n", duration=0.3, count=3)
    assert summary.problems == [f"CP00{n}: 1. wait seconds=60: the scenario was ended" for n in (1, 2, 3)]
    assert sink.operations("CP003") == []
    assert time.monotonic() - began < fleet.DELIVERY_TIME / 2


def test_a_wait_may_be_longer_than_a_thread_can_wait(play):
    (problem,) = play("  - boot\n  - wait: 1e12\n", duration=0.3).problems
    assert "the scenario was ended" in problem


@pytest.mark.parametrize("name", shipped_scenarios())
def test_the_shipped_scenarios_can_be_read(name):
    scenario = load_scenario(name)
    assert scenario.name
    assert scenario.description


def test_the_shipped_scenarios_pass(sink):
    def play(name):
        options = SimulationOptions(central_url=sink.url, scenario=name, identity=name)
        return run_simulation(options, config.load(None, {})).problems

    with ThreadPoolExecutor() as pool:
        assert list(pool.map(play, ["session", "offline", "fault", "reboot"])) == [[]] * 4
    assert sink.complaints == []


def test_a_scenario_of_the_other_version_is_refused(sink):
    with pytest.raises(ConfigurationError, match=r"is for OCPP 1\.5"):
        run_simulation(
            SimulationOptions(central_url=sink.url, scenario="fault", version=Version.V12), config.load(None, {})
        )


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("steps: [dance]\nname: x", "step 1: 'dance' is no step"),
        ("steps: [{plug: nine}]\nname: x", "step 1: plug: connector"),
        ("steps: [{plug: 1, tag: T}]\nname: x", "step 1: {'plug': '1', 'tag': 'T'} is no step"),
        ("steps: [[plug]]\nname: x", "step 1: ['plug'] is no step"),
        ("steps: [{wait: {seconds: 1, minutes: 2}}]\nname: x", "minutes"),
        ("steps: []\nname: x", "a list of steps"),
        ("steps: [boot]", "name"),
        ("steps: [boot]\nname: x\nversions: [1.6]", "versions"),
        ("steps: [boot]\nname: x\nname: y", "line 3: 'name' is named in line 2"),
        ("{", "is not YAML"),
        ("just text", "a mapping"),
    ],
)
def test_a_wrong_file_is_explained(tmp_path: Path, text, reason):
    file = tmp_path / "wrong.yaml"
    file.write_text(text)
    with pytest.raises(ConfigurationError) as error:
        load_scenario(str(file))
    assert reason in str(error.value)


def test_the_latest_messages_are_kept_for_an_expectation_however_long_a_scenario_waits():
    recorder = Recorder(threading.Event())
    for number in range(MOST_KEPT + 5):
        recorder.observe("exchange", Exchange(None, number, None, 0.0))
        recorder.observe("called", Called("ClearCache", None, number))
    assert [len(kept) for kept in recorder.actions()] == [MOST_KEPT, MOST_KEPT]
    first = [take(lambda _: True, 0) for take in (recorder.take_sent, recorder.take_called)]
    assert [message.response for message in first] == [5, 5]


def test_values_are_taken_as_they_are_written_where_a_text_is_meant(play, sink):
    steps = """
  - boot
  - plug
  - tag: 04123456
  - expect: {sent: Authorize, fields: {id_tag: 04123456}, within: 5}
  - expect: {sent: StartTransaction, fields: {connector_id: 1, id_tag: 04123456}, answer: {transaction_id: "*"}}
  - data_transfer: {vendor_id: 007, message_id: 1.50, data: on}
  - expect: {sent: DataTransfer, fields: {vendor_id: 007, message_id: 1.50, data: on}, within: 5}
  - check: {configuration: {MeterValueSampleInterval: 1, LocalPreAuthorize: true}}
"""
    summary = play(steps, head="name: 007\nstation: {configuration: {MeterValueSampleInterval: 1}}")
    assert summary.ok, summary.problems


@pytest.mark.parametrize(
    ("written", "found", "same"),
    [
        ("00123", "00123", True),
        ("00123", "123", False),
        ("on", "on", True),
        ("1.50", "1.5", False),
        ("Accepted", AuthorizationStatus.ACCEPTED, True),
        ("7", 7, True),
        ("0x10", 16, True),
        ("many", 7, False),
        ("on", True, True),
        ("true", True, True),
        ("true", False, False),
        ("2026-01-05T12:00:00Z", datetime(2026, 1, 5, 12, tzinfo=timezone.utc), True),
        ("2026-99-05", datetime(2026, 1, 5, 12, tzinfo=timezone.utc), False),
        ("*", 7, True),
        ("*", None, False),
        (None, None, True),
        (None, "", False),
    ],
)
def test_a_value_is_compared_as_what_the_field_is(written, found, same):
    assert bool(differs(SimpleNamespace(value=found), {"value": written})) is not same


@pytest.mark.parametrize(
    ("message", "path"),
    [
        (StopTransactionResponse(), "id_tag_info.status"),
        (MeterValuesRequest(connector_id=1), "values.0.value.0.unit"),
    ],
)
def test_there_is_no_value_where_an_optional_field_or_an_item_before_it_is_missing(message, path):
    assert differs(message, {path: None}) == ""
    assert differs(message, {path: "Wh"}) == f"{path} is None, expected Wh"


def test_an_answer_holds_values_of_the_kind_that_its_fields_are(tmp_path):
    text = "{readonly: on, key: 007, value: 0060}"
    answer = {"configuration_key": [yaml_as_written(tmp_path, text)], "unknown_key": ["on"]}
    assert message_of(GetConfigurationResponse, answer) == GetConfigurationResponse(
        configuration_key=[KeyValue(key="007", readonly=True, value="0060")], unknown_key=["on"]
    )
    assert message_of(GetLocalListVersionResponse, {"list_version": "7"}).list_version == 7
    assert message_of(ResetResponse, {"status": "Rejected"}).status is ResetStatus.REJECTED


def yaml_as_written(tmp_path, text):
    file = tmp_path / "some.yaml"
    file.write_text(text)
    return read_yaml(file, as_written=True)


def test_configuration_values_are_taken_as_they_are_written(tmp_path: Path):
    file = tmp_path / "own.yaml"
    file.write_text("name: x\nversions: [1.5]\nstation: {configuration: {A: 0060, B: on, C: 1.50}}\nsteps: [boot]")
    scenario = load_scenario(str(file))
    assert scenario.station.configuration == {"A": "0060", "B": "on", "C": "1.50"}
    assert scenario.versions == [Version.V15]


@pytest.mark.parametrize(
    ("name", "reason"), [("nowhere.yaml", "no such file, nor one of idle"), (".", "cannot be read: Is a directory")]
)
def test_what_cannot_be_read_is_explained(tmp_path: Path, name, reason):
    with pytest.raises(ConfigurationError, match=reason):
        load_scenario(str(tmp_path / name))
