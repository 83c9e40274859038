"""Logging: structlog, one line for each event, to stderr, as text for people or as JSON.

Log with ``structlog.get_logger("ocpp_soap.…")``. What lies below the level costs one call of an empty function. The
libraries that use the standard ``logging`` are printed in the same form. As text, what a stranger has sent cannot
steer the terminal nor begin a line: JSON escapes by itself.
"""

from __future__ import annotations

import logging
import logging.config
import sys
import textwrap
from contextlib import suppress
from typing import Any

import structlog

from ocpp_soap.printable import printable
from ocpp_soap.settings import LogSettings

_PROCESSORS: list[structlog.typing.Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.processors.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
]


class _Stderr:
    """Whatever ``sys.stderr`` is when something is written.

    What it does not take, a file on a full disk or a pipe that nobody reads any more, is lost: nothing else must fail
    with it.
    """

    def write(self, text: str) -> None:
        with suppress(OSError):
            sys.stderr.write(text)

    def flush(self) -> None:
        with suppress(OSError):
            sys.stderr.flush()


def configure(settings: LogSettings) -> None:
    """Set up logging for this process; may be called again."""
    level = logging.getLevelName(settings.level.upper())
    structlog.configure(
        processors=[*_PROCESSORS, *_rendering(settings)],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(_Stderr()),  # type: ignore[arg-type]
        cache_logger_on_first_use=True,
    )
    logging.config.dictConfig(standard_library(settings))


def standard_library(settings: LogSettings) -> dict[str, Any]:
    """The same form for libraries that use ``logging``, as a configuration for ``logging.config.dictConfig``.

    They are heard from WARNING on, granian's life cycle from INFO on.
    """
    formatter = {
        "()": structlog.stdlib.ProcessorFormatter,
        "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_rendering(settings)],
        "foreign_pre_chain": _PROCESSORS,
    }
    level = settings.level.upper()
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"structlog": formatter},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "structlog", "stream": _Stderr()}},
        "root": {"level": max(level, "WARNING", key=logging.getLevelName), "handlers": ["stderr"]},
        "loggers": {
            "_granian": {"level": level, "propagate": True, "filters": ["threads"]},
            "urllib3.connection": {"filters": ["headers"]},
        },
        "filters": {"threads": {"()": lambda: _not_about_threads}, "headers": {"()": lambda: _not_about_headers}},
    }


def _not_about_threads(record: logging.LogRecord) -> bool:
    """Pass over granian's advice against many threads: slow stations need them (see server.threads)."""
    return "Python threads" not in record.getMessage()


def _not_about_headers(record: logging.LogRecord) -> bool:
    """Pass over urllib3's traceback for each answer with an odd or cut head: what it means to a call is told there."""
    return not record.getMessage().startswith("Failed to parse headers")


def _rendering(settings: LogSettings) -> list[structlog.typing.Processor]:
    if settings.format == "json":
        return [structlog.processors.JSONRenderer()]
    colors = sys.stderr.isatty()
    return [
        _printable,
        structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=structlog.dev.plain_traceback),
    ]


def _printable(_logger: Any, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """Escape the texts of an event. Of a traceback the lines stay, each begun with blanks, as no event begins."""
    for name, value in event.items():
        if name in ("exception", "stack"):
            event[name] = textwrap.indent(printable(str(value), keep="\n"), "  ", lambda _: True)
        elif isinstance(value, str):
            event[name] = printable(value)
    return event
