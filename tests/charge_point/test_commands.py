"""``ocpp-soap simulate`` and ``ocpp-soap chargebox`` as they are typed, and what their pages show."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from waiting import wait_until

from ocpp_soap.charge_point.chargebox import load_chargebox_settings
from ocpp_soap.charge_point.chargebox.bridges.modbus import ModbusOptions
from ocpp_soap.charge_point.configuration import STANDARD_KEYS, VENDOR_KEYS
from ocpp_soap.charge_point.quirks import QUIRKS
from ocpp_soap.charge_point.scenario import shipped_scenarios
from ocpp_soap.charge_point.scenario.steps import STEPS

DOCS = Path(__file__).parents[2] / "docs"


def ocpp_soap(*arguments):
    command = [sys.executable, "-m", "ocpp_soap", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@contextmanager
def running(*arguments):
    """The program as a process that listens to SIGINT, also where this one ignores it: as a shell's background job."""
    code = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    code += "; from ocpp_soap.cli import main; main()"
    command = [sys.executable, "-c", code, *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def yaml_blocks(page):
    return [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", (DOCS / page).read_text(), re.S)]


def test_a_scenario_with_quirks_and_results(sink, tmp_path):
    file = tmp_path / "own.yaml"
    file.write_text("name: own\nsteps: [boot, {plug: 1}, {tag: T}, {expect: StartTransaction}]")
    done = ocpp_soap(
        "simulate", "--central", sink.url, "--listen", "127.0.0.1:0", "--scenario", file, "--junit",
        tmp_path / "junit.xml", "--quirk", "http10", "--key", "LightIntensity=7", "--store", tmp_path / "queue.db",
        "--json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["ok"] is True
    assert 'failures="0"' in (tmp_path / "junit.xml").read_text()


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("count", [1, 2])
def test_a_scenario_that_a_signal_ended_has_failed(sink, tmp_path, end, count):
    file, junit = tmp_path / "short.yaml", tmp_path / "junit.xml"
    file.write_text("name: short\nsteps: [boot, {wait: 300}, {expect: StartTransaction}]")
    with running(
        "simulate", "--central", sink.url, "--listen", "127.0.0.1:0", "--scenario", file, "--junit", junit,
        "--count", count, "--json",
    ) as process:  # fmt: skip
        wait_until(lambda: sink.operations(f"CP00{count}").count("statusNotification") == 3)
        process.send_signal(end)
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert sorted(json.loads(output)["problems"]) == [
        f"CP00{n}: 2. wait seconds=300: the scenario was ended" for n in range(1, count + 1)
    ]
    assert junit.read_text().count('failures="1"') == count


def test_what_is_wrong_is_said_before_anything_starts(sink):
    for wrong in (
        ["--key", "LightIntensity=bright"],
        ["--inject", "explode=1"],
        ["--scenario", "dance"],
        ["--quirk", "polite"],
        ["--id-tag", "1234567890123456", "--version", "1.2"],
    ):
        done = ocpp_soap("simulate", "--central", sink.url, "--listen", "127.0.0.1:0", "--duration", "1", *wrong)
        assert done.returncode in (2, 3)
        assert wrong[1].split("=")[0] in done.stderr
        assert "Traceback" not in done.stderr


def test_a_charge_box_that_is_refused_ends_with_its_own_exit_code(sink, tmp_path):
    sink.answers["bootNotification"] = "<c:status>Rejected</c:status><c:currentTime>{now}</c:currentTime>"
    sink.answers["bootNotification"] += "<c:heartbeatInterval>1</c:heartbeatInterval>"
    file = tmp_path / "box.yaml"
    file.write_text(
        f"central_url: {sink.url}\nidentity: BOX1\nlisten: {{port: 0}}\nboot: {{on_rejected: exit}}\n"
        f"storage: {{backend: file, file: {{path: {tmp_path}/box.db}}}}\n"
    )
    done = ocpp_soap("chargebox", "--config", file)
    assert done.returncode == 8, done.stderr
    assert "refused BOX1" in done.stderr


def test_the_pages_show_files_that_can_be_read(tmp_path):
    (scenario,) = yaml_blocks("simulator.md")
    assert scenario == yaml.safe_load(shipped_scenarios()["session"].read_text())
    shown = tmp_path / "shown.yaml"
    box, modbus = yaml_blocks("chargebox.md")
    shown.write_text(yaml.safe_dump(box | modbus))
    settings = load_chargebox_settings(shown)
    assert ModbusOptions.model_validate(settings.bridge.options).connectors[1].enable == 1


def test_the_pages_name_every_step_and_key_and_the_lists_every_quirk():
    page = (DOCS / "simulator.md").read_text()
    assert all(f"`{step}" in page for step in STEPS)
    assert [key.name for key in (*STANDARD_KEYS, *VENDOR_KEYS) if key.name not in page] == []
    listed = ocpp_soap("simulate", "--quirks").stdout
    assert [line.split()[0] for line in listed.splitlines()] == list(QUIRKS)


def test_the_example_of_the_readme_charges(sink, tmp_path):
    page = (DOCS.parent / "README.md").read_text()
    (example,) = [code for code in re.findall(r"```python\n(.*?)```", page, re.S) if "central_system_sender" in code]
    assert len(example.splitlines()) <= 20
    file = tmp_path / "example.py"
    file.write_text(re.sub(r'"http://127[^"]*"', repr(sink.url), example).replace('input("', 'time.sleep(0.5), ("'))
    file.write_text("import time\n" + file.read_text())
    subprocess.run([sys.executable, file], check=True, timeout=60, env=os.environ | {"PYTHONPATH": str(DOCS.parent)})
    kept = [operation for operation in sink.operations("CP001") if operation != "statusNotification"]
    assert kept == ["bootNotification", "authorize", "startTransaction", "stopTransaction"]
