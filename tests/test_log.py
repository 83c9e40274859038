"""Logging: one line for each event on stderr, as text or JSON; nothing below the level."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest
import structlog

from ocpp_soap import config, log


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    yield
    structlog.reset_defaults()
    logging.getLogger().handlers.clear()


def configure(**settings: str) -> None:
    log.configure(config.load(None, {f"OCPP_SOAP__LOG__{key.upper()}": value for key, value in settings.items()}).log)


def test_an_event_is_one_line_of_json(capsys: pytest.CaptureFixture[str]) -> None:
    configure(format="json")
    structlog.get_logger("ocpp_soap.test").info("started", station="CP001")
    printed = capsys.readouterr()
    assert printed.out == ""
    event = json.loads(printed.err)
    assert event["event"] == "started"
    assert event["station"] == "CP001"
    assert event["level"] == "info"
    assert event["timestamp"].endswith("Z")


def test_an_event_is_readable_on_a_console(capsys: pytest.CaptureFixture[str]) -> None:
    configure(format="console")
    structlog.get_logger("ocpp_soap.test").info("started", station="CP001")
    assert "started" in capsys.readouterr().err


def test_what_lies_below_the_level_is_not_logged(capsys: pytest.CaptureFixture[str]) -> None:
    configure(level="warning")
    structlog.get_logger("ocpp_soap.test").info("started")
    assert capsys.readouterr().err == ""


def full_disk() -> int:
    return os.open("/dev/full", os.O_WRONLY)


def pipe_that_nobody_reads() -> int:
    reading, writing = os.pipe()
    os.close(reading)
    return writing


@pytest.mark.parametrize("place", [full_disk, pipe_that_nobody_reads])
def test_nothing_fails_because_it_cannot_be_logged(place: Callable[[], int], monkeypatch: pytest.MonkeyPatch) -> None:
    done = False
    with suppress(OSError), open(place(), "w", buffering=1) as stderr:  # what it still holds fails when it is closed
        monkeypatch.setattr("sys.stderr", stderr)
        configure()
        structlog.get_logger("ocpp_soap.test").warning("started")
        logging.getLogger("library").warning("so do libraries")
        done = True
    assert done


def test_a_traceback_stays_within_its_event(capsys: pytest.CaptureFixture[str]) -> None:
    configure(format="json")
    try:
        raise ValueError("broken")
    except ValueError:
        structlog.get_logger("ocpp_soap.test").exception("failed")
    (line,) = capsys.readouterr().err.splitlines()
    assert "ValueError: broken" in json.loads(line)["exception"]


def test_libraries_are_heard_in_the_same_form_from_warning_on(capsys: pytest.CaptureFixture[str]) -> None:
    configure(format="json")
    logging.getLogger("zeep").info("quiet")
    logging.getLogger("zeep").warning("loud")
    (line,) = capsys.readouterr().err.splitlines()
    assert json.loads(line)["event"] == "loud"
    assert json.loads(line)["level"] == "warning"


def test_a_stranger_neither_steers_the_console_nor_forges_a_line_of_it(capsys: pytest.CaptureFixture[str]) -> None:
    configure(format="console")
    log = structlog.get_logger("ocpp_soap.test")
    log.warning("heard\x1b[2J", station="A\x9b31m", vendor="Müller 🚗", reasons=["\x9c\n"])
    logging.getLogger("zeep").warning("of a %s", "library\x9b\u2028")
    try:
        raise ValueError("broken\x9b31m\n2026-01-01 [info] forged")
    except ValueError:
        log.exception("failed")
    printed = capsys.readouterr().err
    assert all(character.isprintable() for character in printed.replace("\n", ""))
    assert r"heard\x1b[2J" in printed
    assert r"station=A\x9b31m" in printed
    assert "Müller 🚗" in printed
    assert r"library\x9b\u2028" in printed
    assert r"broken\x9b31m" in printed
    assert [line for line in printed.splitlines() if line.startswith("2026-01-01 ")] == []
