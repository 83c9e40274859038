"""What README and docs point at is there: files, commands, options, settings."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

import ocpp_soap
from ocpp_soap import config
from ocpp_soap.cli import main
from ocpp_soap.cli.exits import EXIT_CODES

ROOT = Path(ocpp_soap.__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_to_a_file_leads_to_one(page: Path) -> None:
    targets = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text("utf-8"))
    local = [target for target in targets if "://" not in target and not target.startswith("mailto:")]
    assert [target for target in local if not (page.parent / target).exists()] == []


def test_every_exit_code_is_in_the_table() -> None:
    page = (ROOT / "docs" / "command-line.md").read_text("utf-8")
    codes = re.findall(r"^  (\d)  ", EXIT_CODES, flags=re.MULTILINE)
    assert re.findall(r"^\| (\d) \|", page, flags=re.MULTILINE) == codes


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_exists_with_its_options(page: Path) -> None:
    text = re.sub(r"\\\n\s*", " ", page.read_text("utf-8"))
    for line in re.findall(r"(?:^[$#] |`)(?:\S*/)?ocpp-soap ([^`\n|>#…]+)", text, flags=re.MULTILINE):
        asked_for_help = CliRunner().invoke(main, [*line.split(), "--help"])
        understood = asked_for_help.exit_code == 0 or "No such file" in asked_for_help.stderr
        assert understood, f"{line}: {asked_for_help.stderr}"


def test_the_command_line_is_told_the_store_and_the_files_of_the_systemd_unit() -> None:
    unit = (ROOT / "deploy" / "ocpp-soap.service").read_text("utf-8")
    page = (ROOT / "docs" / "deployment.md").read_text("utf-8")
    told = dict(re.findall(r"^# export (OCPP_SOAP\S*)=(\S+)$", page, flags=re.MULTILINE))
    served_in = re.findall(r"^WorkingDirectory=(.+)$", unit, flags=re.MULTILINE)[0]
    assert told.pop("OCPP_SOAP_CONFIG") in unit
    assert f"Environment=OCPP_SOAP__STORAGE__FILE__PATH={told['OCPP_SOAP__STORAGE__FILE__PATH']}\n" in unit
    assert Path(told["OCPP_SOAP__FILES__PATH"]) == served_in / config.load(None, {}).files.path
