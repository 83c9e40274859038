"""Installed from a wheel or editable, outside the checkout: the program finds its WSDLs, handlers and configuration."""

from __future__ import annotations

import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

import ocpp_soap

ROOT = Path(ocpp_soap.__file__).resolve().parent.parent
SOURCES = ("ocpp_soap", "handlers", "wsdl", "config", "scripts")
SHIPPED = (*SOURCES, "setup.cfg", "pyproject.toml", "MANIFEST.in", "README.md", "LICENSE")

PROBE = """
import sys
from pathlib import Path
from ocpp_soap import config
from ocpp_soap.dispatch import load_handlers
from ocpp_soap.messages import Role, Version
from ocpp_soap.paths import bundled
from ocpp_soap.soap import wsdl

import ocpp_soap
assert Path(ocpp_soap.__file__).is_relative_to(sys.argv[1]), ocpp_soap.__file__
assert config.load(None, {}).server.port == 9220
for role in Role:
    assert load_handlers(role, [bundled("handlers")]).by_action
    for version in Version:
        assert b"definitions" in wsdl.document(role, version, "http://127.0.0.1/")
print("found everything")
"""


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what a checkout holds, with the remains of an earlier build that had one handler more."""
    folder = tmp_path_factory.mktemp("source")
    for name in SHIPPED:
        found = ROOT / name
        if found.is_dir():
            shutil.copytree(found, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(found, folder / name)
    stale = folder / "build/lib/ocpp_soap/handlers/central_system/deleted_long_ago.py"
    stale.parent.mkdir(parents=True)
    stale.write_text("")
    return folder


@pytest.fixture(scope="module")
def wheel(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return wheel_of(source, tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def sdist(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sdist")
    code = "import sys; sys.path.insert(0, 'scripts'); import build_backend; build_backend.build_sdist(sys.argv[1])"
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)], cwd=source, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    (built,) = folder.glob("*.tar.gz")
    return built


def wheel_of(source: Path, folder: Path) -> Path:
    pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(source))
    (built,) = folder.glob("*.whl")
    return built


def pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def empty_environment(folder: Path) -> Path:
    """The Python of a new environment that sees the libraries of this one, but no package of ours."""
    venv.create(folder, symlinks=True)
    (packages,) = (folder / "lib").glob("python*/site-packages")
    libraries = {path for path in sys.path if Path(path).name in ("site-packages", "dist-packages")}
    (packages / "libraries.pth").write_text("\n".join(sorted(libraries)))
    return folder / "bin" / "python"


def probe(python: Path, place: Path, folder: Path) -> str:
    done = subprocess.run(
        [str(python), "-I", "-c", PROBE, str(place)], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    program = subprocess.run([str(python.with_name("ocpp-soap")), "--version"], cwd=folder, check=True)
    assert program.returncode == 0
    return done.stdout


def test_the_wheel_holds_what_the_checkout_holds_and_nothing_of_an_earlier_build(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    expected = {f"ocpp_soap/{file.relative_to(ROOT)}" for file in files_in("handlers", "wsdl", "config")}
    expected |= {str(file.relative_to(ROOT)) for file in files_in("ocpp_soap")}
    assert expected - names == set()
    assert [name for name in names if "deleted_long_ago" in name] == []
    assert {name.split("/")[0] for name in names if not name.startswith("ocpp_soap-")} == {"ocpp_soap"}


def test_a_wheel_of_the_source_distribution_is_that_of_the_checkout(wheel: Path, sdist: Path, tmp_path: Path) -> None:
    assert contents(wheel_of(sdist, tmp_path)) == contents(wheel)


def contents(wheel: Path) -> dict[str, bytes]:
    """Every file of a wheel, apart from the list of their hashes."""
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist() if not name.endswith(".dist-info/RECORD")}


def files_in(*folders: str) -> set[Path]:
    files = {file for folder in folders for file in (ROOT / folder).rglob("*.*")}
    files.discard(ROOT / "config" / "local.yaml")
    return {file for file in files if not any(part.startswith((".", "__pycache__")) for part in file.parts)}


def test_an_installed_wheel_finds_everything_outside_the_checkout(wheel: Path, tmp_path: Path) -> None:
    python = empty_environment(tmp_path / "venv")
    pip("--python", str(python), "install", "--no-deps", str(wheel))
    assert probe(python, tmp_path / "venv", tmp_path) == "found everything\n"


def test_an_editable_install_finds_everything_in_the_checkout(source: Path, tmp_path: Path) -> None:
    python = empty_environment(tmp_path / "venv")
    pip("--python", str(python), "install", "--no-deps", "--no-build-isolation", "--editable", str(source))
    assert probe(python, source, tmp_path) == "found everything\n"
