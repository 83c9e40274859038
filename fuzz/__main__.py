"""Fuzzing of what reads the bytes of a peer: ``python fuzz [--seconds 600]``, or ``make fuzz SECONDS=600``.

Each harness of this folder runs in a process of its own, one after the other, each for its share of the time. Its
corpus is kept in ``.run/fuzz/<harness>`` and begins with the typed requests and the field oddities of the tests. What
is found is left in ``.run/fuzz/found`` and makes the exit code 1.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

import yaml

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parent
RUN = CHECKOUT / ".run" / "fuzz"
HARNESSES = ("answering", "codec")
LONGEST_INPUT = 16_384
LONGEST_SECONDS = 5
LARGEST_MB = 600


def seeds() -> dict[str, bytes]:
    """The requests of the tests, by name, each behind the byte of flags that the harness of ``answering`` reads."""
    found = {path.stem: path.read_bytes() for path in (CHECKOUT / "tests/acceptance/requests").rglob("*.xml")}
    for path in (CHECKOUT / "tests/interop/field").glob("*.yaml"):
        request = yaml.safe_load(path.read_text("utf-8"))["request"]
        text = request.get("envelope", "").encode(request.get("encoding", "utf-8"))
        found[path.stem] = bytes.fromhex(request.get("before", "")) + text
    return {name: b"\0" + data for name, data in found.items() if len(data) < LONGEST_INPUT}


def run(harness: str, seconds: int) -> int:
    """Fuzz with one harness; returns libFuzzer's exit code."""
    corpus, finds = RUN / harness, RUN / "found"
    for folder in (corpus, finds):
        folder.mkdir(parents=True, exist_ok=True)
    if harness == "answering":
        for name, data in seeds().items():
            (corpus / f"seed-{name}").write_bytes(data)
    command = [
        sys.executable, str(HERE / f"{harness}.py"), str(corpus), f"-dict={HERE / 'ocpp.dict'}",
        f"-artifact_prefix={finds}/{harness}-", f"-max_total_time={seconds}", f"-timeout={LONGEST_SECONDS}",
        f"-rss_limit_mb={LARGEST_MB}", f"-max_len={LONGEST_INPUT}", "-print_final_stats=1",
    ]  # fmt: skip
    return subprocess.run(command, cwd=CHECKOUT, check=False).returncode  # noqa: S603


def main() -> int:
    """Run every harness for its share of the time."""
    parser = argparse.ArgumentParser(prog="python fuzz", description="Fuzz what reads the bytes of a peer.")
    parser.add_argument("--seconds", type=int, default=600, help="for all harnesses together  [default: 600]")
    parser.add_argument("--only", choices=HARNESSES, help="one harness, for all the time")
    options = parser.parse_args()
    chosen = (options.only,) if options.only else HARNESSES
    codes = [run(harness, options.seconds // len(chosen)) for harness in chosen]
    return 1 if any(codes) else 0


if __name__ == "__main__":
    sys.exit(main())
