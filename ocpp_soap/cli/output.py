"""What commands print: one JSON document, or text for people. Data goes to stdout, everything else to stderr.

Whatever a station sent, it neither steers the terminal nor makes a line of its own.
"""

from __future__ import annotations

import codecs
import dataclasses
import io
import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timezone
from enum import Enum
from typing import Any, TypeVar

import click

from ocpp_soap.printable import is_unsafe, printable

WIDEST_CELL = 60
_BEYOND_ASCII = re.compile(r"[^\n -~]")

_Function = TypeVar("_Function", bound=Callable[..., Any])


def json_option(function: _Function) -> _Function:
    """Add ``--json`` to a command that prints data; it is read first, for options that print data themselves."""
    return click.option("--json", "as_json", is_flag=True, is_eager=True, help="Print one JSON document.")(function)


def open_what_is_closed() -> None:
    """Give a process that was started without stdin, stdout or stderr the null device in their place.

    Else a file of ours would get the number of one, and whatever writes to ``sys.stderr`` would fail.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode))  # noqa: SIM115


def escape_what_stdout_lacks() -> None:
    """Let characters that the encoding of stdout does not have be printed as in JSON, such as ``\\u2192``."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        codecs.register_error("ocpp_soap.escape", _escape)
        sys.stdout.reconfigure(errors="ocpp_soap.escape")


def _escape(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return json.dumps(error.object[error.start : error.end])[1:-1], error.end


def plain(value: Any) -> Any:
    """A record, message or collection as what JSON holds; times become RFC 3339 in UTC."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, datetime):
        return rfc3339(value)
    if isinstance(value, Iterable) and not isinstance(value, str):
        return [plain(item) for item in value]
    return value.value if isinstance(value, Enum) else value


def rfc3339(time: datetime) -> str:
    """``2026-01-31T12:00:00Z``: an aware time in UTC, with the fraction only where there is one."""
    return time.astimezone(timezone.utc).replace(tzinfo=None).isoformat() + "Z"


def print_json(value: Any) -> None:
    """Print one JSON document."""
    click.echo(json_text(plain(value), indent=2))


def json_text(value: Any, indent: int | None = None) -> str:
    r"""A document as JSON, in which a control character is written as ``\u009b``."""
    return _BEYOND_ASCII.sub(_in_json, json.dumps(value, ensure_ascii=False, indent=indent))


def _in_json(found: re.Match[str]) -> str:
    if not is_unsafe(found[0]):
        return found[0]
    return "\\u007f" if found[0] == "\x7f" else json.dumps(found[0])[1:-1]


def print_table(
    columns: Sequence[str], rows: Iterable[Sequence[Any]], *, nothing: str, filters: Iterable[Any] = ()
) -> None:
    """Print rows below their column names, or the sentence ``nothing`` (to stderr) where there are none.

    Where one of the ``filters`` is not None, that says only that none meets them.
    """
    texts = [[_cut(_cell(value)) for value in row] for row in rows]
    if not texts:
        is_filtered = any(value is not None for value in filters)
        click.echo("None meets these options." if is_filtered else nothing, err=True)
        return
    widths = [max(map(len, column)) for column in zip(columns, *texts, strict=True)]
    for line in [columns, *texts]:
        click.echo("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())


def print_record(value: Any, as_json: bool = False) -> None:
    """Print a record: one JSON document, or indented ``name: value`` lines without what is not known."""
    if as_json:
        print_json(value)
        return
    for line in _lines(plain(value), ""):
        click.echo(printable(line))


def print_hint(text: str) -> None:
    """Say something to the person at the terminal, apart from the data."""
    click.echo(printable(text, keep="\n"), err=True)


def _cut(text: str) -> str:
    """A station can send a text of any length and with any line breaks: a row stays one line."""
    line = printable(" ".join(text.split()))
    return line if len(line) <= WIDEST_CELL else line[: WIDEST_CELL - 1] + "…"


def _cell(value: Any) -> str:
    simple = plain(value)
    if simple is None:
        return "-"
    if isinstance(simple, bool):
        return "yes" if simple else "no"
    return str(simple) if not isinstance(simple, list | dict) else json.dumps(simple, ensure_ascii=False)


def _lines(value: Any, indent: str) -> Iterable[str]:
    """``name: value`` lines of a document, and one ``- …`` line for each item of a list that fits on one."""
    pairs = value.items() if isinstance(value, dict) else (("-", item) for item in value)
    for name, item in pairs:
        label = "-" if name == "-" else f"{str(name).replace('_', ' ')}:"
        if name == "-" and _is_flat(item):
            parts = [f"{key.replace('_', ' ')}: {_cell(part)}" for key, part in item.items() if _is_known(part)]
            yield f"{indent}- {', '.join(parts)}"
        elif isinstance(item, dict | list):
            if item:
                yield f"{indent}{label}"
                yield from _lines(item, indent + "  ")
        elif _is_known(item):
            yield f"{indent}{label} {_cell(item)}"


def _is_flat(value: Any) -> bool:
    return isinstance(value, dict) and not any(part and isinstance(part, dict | list) for part in value.values())


def _is_known(value: Any) -> bool:
    return value not in (None, "", [], {})
