"""``make demo`` does what it says, and says when it could not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

DEMO = Path(__file__).resolve().parents[2] / "scripts" / "demo.py"


def run(folder: Path, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    variables = {**os.environ, **environment}
    return subprocess.run(
        [sys.executable, *command], cwd=folder, env=variables, capture_output=True, text=True, timeout=110, check=False
    )


def test_three_charge_points_deliver_a_session_that_was_started_remotely(tmp_path: Path) -> None:
    done = run(tmp_path, str(DEMO))
    assert done.returncode == 0, done.stdout + done.stderr
    commands = [line for line in done.stdout.splitlines() if line.startswith("$ ")]
    assert all("--config .run/demo/demo.yaml " in command for command in commands)
    listed = run(tmp_path, "-m", "ocpp_soap", "--config", ".run/demo/demo.yaml", "transactions", "list", "--json")
    transactions = json.loads(listed.stdout)
    assert [transaction["state"] for transaction in transactions] == ["closed"] * 3
    assert all(transaction["energy"] > 0 for transaction in transactions)


def test_a_demo_that_cannot_run_ends_with_1_and_says_why(tmp_path: Path) -> None:
    done = run(tmp_path, str(DEMO), OCPP_SOAP__SERVER__PROT="1")
    assert done.returncode == 1
    assert "The demo failed: waited in vain until the central system answers" in done.stdout
