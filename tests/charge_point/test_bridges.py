"""The hardware side of a charge box: the bridges that ship, and bridges of others."""

from __future__ import annotations

import math
import sys

import pytest
from structlog.testing import capture_logs
from waiting import wait_until

from ocpp_soap.charge_point.chargebox import ChargeBoxSettings
from ocpp_soap.charge_point.chargebox.bridges import Outputs, load_bridge
from ocpp_soap.charge_point.chargebox.bridges.mock import MockHardware, MockOptions
from ocpp_soap.charge_point.chargebox.exchange import CONNECTORS, TAG_REQUESTS
from ocpp_soap.errors import ConfigurationError

OWN_BRIDGE = """
class Own:
    def __init__(self, options, exchange):
        self.id_tag, self.exchange = options["id_tag"], exchange
        self.done = False

    def answers(self):
        return True

    def poll(self):
        if not self.done:
            self.exchange.started(1, self.id_tag, 0)
            self.done = True

    def close(self):
        pass


def bridge(options, exchange):
    return Own(options, exchange)
"""

DATACLASS = """
from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Place:
    port: int
"""

MAP = {"state": {"address": 0}, "energy": {"address": 2}, "id_tag": {"address": 10}, "enable": 1}


def test_the_mock_bridge_charges(run, sink):
    box = run(kind="mock", bridge={"charge_seconds": 0.1, "pause_seconds": 0.05, "sessions": 1})
    wait_until(lambda: "stopTransaction" in sink.operations("BOX1"))
    kept = [o for o in sink.operations("BOX1") if o not in ("bootNotification", "statusNotification")]
    assert kept == ["authorize", "startTransaction", "stopTransaction"]
    wait_until(lambda: (box.exchange.get(CONNECTORS, "1") or {}).get("status") == "Available")
    assert sink.complaints == []


def test_a_bridge_can_be_a_file(run, sink, tmp_path):
    file = tmp_path / "own.py"
    file.write_text(OWN_BRIDGE)
    run(kind=str(file), bridge={"id_tag": "FILE"})
    wait_until(lambda: started_by(sink) == ["FILE"])


def test_a_bridge_of_a_file_can_have_dataclasses(tmp_path):
    file = tmp_path / "own.py"
    file.write_text(DATACLASS + OWN_BRIDGE)
    made = ChargeBoxSettings.model_validate(
        {"central_url": "http://x/", "identity": "X", "bridge": {"kind": str(file), "options": {"id_tag": "T"}}}
    )
    assert load_bridge(made, None).answers()


def test_a_bridge_whose_file_is_broken_is_explained(tmp_path):
    file = tmp_path / "own.py"
    file.write_text("import no_such_module_of_acme")
    made = ChargeBoxSettings.model_validate(
        {"central_url": "http://x/", "identity": "X", "bridge": {"kind": str(file)}}
    )
    with pytest.raises(ConfigurationError, match=r"own\.py.*no_such_module_of_acme"):
        load_bridge(made, None)


def test_a_bridge_can_be_the_entry_point_of_an_installed_distribution(run, sink, acme):
    run(kind="acme", bridge={"id_tag": "ENTRY"})
    wait_until(lambda: started_by(sink) == ["ENTRY"])


def test_an_entry_point_whose_package_is_broken_is_explained(acme):
    (acme / "acme_bridge.py").write_text("import no_such_module_of_acme")
    made = ChargeBoxSettings.model_validate(
        {"central_url": "http://x/", "identity": "X", "bridge": {"kind": "acme", "options": {"id_tag": "T"}}}
    )
    with pytest.raises(ConfigurationError, match=r"acme.*no_such_module_of_acme"):
        load_bridge(made, None)


@pytest.fixture
def acme(tmp_path, monkeypatch):
    """The folder of a distribution that is installed as pip leaves it, with the entry point ``acme``."""
    site = tmp_path / "site-packages"
    information = site / "acme_bridge-1.0.dist-info"
    information.mkdir(parents=True)
    (site / "acme_bridge.py").write_text(OWN_BRIDGE)
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: acme-bridge\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text("[ocpp_soap.bridges]\nacme = acme_bridge:bridge\n")
    monkeypatch.syspath_prepend(site)
    yield site
    sys.modules.pop("acme_bridge", None)


def started_by(sink):
    starts = [request for _, _, operation, request in sink.requests if operation == "startTransaction"]
    return [start.findtext("{*}idTag") for start in starts]


@pytest.mark.parametrize(
    ("kind", "options", "reason"),
    [
        ("telepathy", {}, "expected store, mock, modbus"),
        ("mock", {"speed": 1}, "speed"),
        ("modbus", {"connectors": {}}, "a map for each"),
        ("modbus", {"connectors": {1: MAP | {"enable": 70_000}}}, r"connectors\.1\.enable: .* 65535"),
        ("modbus", {"connectors": {1: MAP | {"energy": {"address": 2, "words": 126}}}}, r"energy\.words: .* 125"),
        ("modbus", {"connectors": {1: MAP | {"energy": {"address": 2, "scale": math.nan}}}}, r"scale: .* finite"),
        ("modbus", {"device_id": 256, "connectors": {1: MAP}}, "device_id: .* 255"),
        ("missing.py", {}, "cannot be imported"),
    ],
)
def test_a_wrong_bridge_is_explained(tmp_path, kind, options, reason):
    made = ChargeBoxSettings.model_validate(
        {"central_url": "http://x/", "identity": "X", "bridge": {"kind": kind, "options": options}}
    )
    with pytest.raises(ConfigurationError, match=reason):
        load_bridge(made, None)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("def bridge(options, exchange): ...", r"own\.py made None, which has no answers, poll, close"),
        ("from types import SimpleNamespace as B\nbridge = lambda *_: B(answers=B, poll=B)", "has no close"),
        ("raise SystemExit(0)", r"own\.py: cannot be imported: SystemExit\(0\)"),
    ],
)
def test_a_file_that_makes_no_bridge_ends_the_start(tmp_path, text, reason):
    (tmp_path / "own.py").write_text(text)
    made = ChargeBoxSettings.model_validate(
        {"central_url": "http://x/", "identity": "X", "bridge": {"kind": str(tmp_path / "own.py")}}
    )
    with pytest.raises(ConfigurationError, match=reason):
        load_bridge(made, None)


def test_the_mock_driver_tries_again_when_he_is_not_let_in(run, sink):
    sink.mode = "down"
    box = run(kind="mock", bridge={"charge_seconds": 0.1, "pause_seconds": 0, "sessions": 1})
    wait_until(lambda: box.boot_state() == 2 and False in decisions(box))
    sink.mode = "usual"
    wait_until(lambda: "stopTransaction" in sink.operations("BOX1"))


def decisions(box):
    return [stored.document.get("accepted") for stored in box.storage.find(TAG_REQUESTS).items]


def test_the_mock_driver_takes_his_tag_away_before_he_shows_it_again():
    hardware = MockHardware(MockOptions(charge_seconds=0, pause_seconds=0))
    assert hardware.read(1).id_tag == "TAG1"
    hardware.write(1, Outputs(enabled=True, locked=True))
    assert [hardware.read(1).id_tag for _ in range(2)] == ["", "TAG1"]


def test_a_failure_that_lasts_is_told_once_and_its_end_too(run, monkeypatch):
    box = run()
    wait_until(lambda: box.boot_state() == 3)
    turns = []

    def fail():
        turns.append(1)
        raise OSError("the controller does not answer")

    with capture_logs() as logs:
        with monkeypatch.context() as patch:
            patch.setattr(box.box._bridge, "poll", fail)
            wait_until(lambda: len(turns) >= 5)
        wait_until(lambda: len(logs) >= 2)
    events = [entry["event"] for entry in logs if entry.get("part") == "bridge"]
    assert events == ["a turn of the main loop failed, as will others for this reason", "the main loop goes on"]
