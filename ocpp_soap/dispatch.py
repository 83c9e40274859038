"""Handlers are files: ``<folder>/<role>/<action_in_snake_case>.py`` holds ``handle(request, call) -> response``.

Folders are searched in order and the first file of an action wins, so an operator's folder overrides one action
without touching the package. A name that begins with an underscore is passed over. Files of DataTransfer's vendors
are in ``<folder>/<role>/data_transfer/<vendorId>.py``, hooks of the central system in ``<folder>/hooks/<name>.py``.
Everything is found and imported at start-up; what a peer sends never forms a path. A folder or a Python file that
stands where none is looked for is refused: it is misspelt, or one level too high or too low.
"""

from __future__ import annotations

import hashlib
import inspect
import sys
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import structlog

from ocpp_soap.errors import HandlerError
from ocpp_soap.messages import Action, Role, Version, actions
from ocpp_soap.pending import Pending
from ocpp_soap.python_files import module_of

Handler = Callable[[Any, Any], Any]

_log = structlog.get_logger("ocpp_soap.dispatch")

VENDOR_FOLDER = "data_transfer"
HOOK_FOLDER = "hooks"
HOOKS = ("wake_up",)

LONGEST_IN_WARNING = 100
"""Characters of a text that a station sent which a warning repeats."""


@dataclass(frozen=True, slots=True)
class MessageWarning:
    """Something in a message that was understood although it breaks the specification.

    ``kind`` is a short stable name (``unknown_choice``, ``too_long``, ``zoneless_time`` …), ``where`` the element,
    ``sent`` the raw text, both cut to :data:`LONGEST_IN_WARNING` characters.
    """

    kind: str
    where: str = ""
    sent: str = ""

    def __str__(self) -> str:
        return " ".join(part for part in (self.kind, self.where, repr(self.sent) if self.sent else "") if part)


@dataclass(slots=True)
class Call:
    """One request as it reaches a handler: who asks whom for what, free of any binding.

    ``callback_url`` is where the sender says it listens (WS-Addressing From, 12/15 §8.3), ``peer`` the address of the
    connection, ``received_at`` an aware UTC time, ``warnings`` what was understood although it breaks the schema.
    ``client_subject`` is the subject of the client certificate as a trusted proxy tells it (RFC 4514), ``username`` and
    ``password`` are HTTP Basic credentials as sent; empty: there were none.
    ``pending``: the answer can wait for what is begun there; None: what is to be stored has to be stored on return.
    ``again``: the same request was received before, but not everything could be stored that was begun.
    """

    charge_box_identity: str
    version: Version
    action: Action
    request: Any
    received_at: datetime
    message_id: str = ""
    callback_url: str = ""
    peer: str = ""
    client_subject: str = ""
    username: str = ""
    password: str = field(default="", repr=False)
    warnings: list[MessageWarning] = field(default_factory=list)
    pending: Pending | None = None
    again: bool = False


def leave_out_no_warnings(call: Call) -> None:
    """Take out of a call's warnings what a handler added and is none: all that is told of a message reads them."""
    warnings = [warning for warning in call.warnings if isinstance(warning, MessageWarning)]
    if len(warnings) != len(call.warnings):
        call.warnings[:] = warnings
        _log.error(
            "a handler added to call.warnings what is no MessageWarning; it was left out",
            charge_point=call.charge_box_identity,
            action=call.action.name,
        )


@dataclass(slots=True)
class Exchanged:
    """One request and its answer, ready but not yet sent: what a journal tells of it.

    ``outcome`` is ``ok``, the subcode of the fault, or the kind of what got an HTTP status without envelope; ``kind``
    says more precisely what was wrong; ``status`` is the HTTP status; ``seconds`` how long it took. ``request`` holds
    the bytes without their codings, none if they were not read; with ``charset``, ``http_action``, ``url_identity``
    and ``url_version`` they can be read again later. ``client_subject``, ``username`` and ``password`` as in Call.
    """

    received_at: datetime
    seconds: float
    status: int
    outcome: str
    kind: str = ""
    charge_box_identity: str = ""
    action: str = ""
    version: Version | None = None
    peer: str = ""
    request: bytes = b""
    response: bytes = b""
    charset: str = ""
    http_action: str = ""
    url_identity: str = ""
    url_version: Version | None = None
    warnings: list[MessageWarning] = field(default_factory=list)
    client_subject: str = ""
    username: str = ""
    password: str = field(default="", repr=False)


@dataclass(frozen=True)
class Handlers:
    """The handlers of one role: one for each action, and those of DataTransfer by vendorId.

    ``folders`` tells from which of the folders the handler of an action came.
    """

    by_action: dict[str, Handler]
    by_vendor: dict[str, Handler]
    folders: dict[str, Path] = field(default_factory=dict)


def load_handlers(role: Role, folders: Iterable[Path]) -> Handlers:
    """Load every handler of ``role`` from ``folders``, the first of which wins.

    Raises HandlerError, naming the file or folder, for one that matches no action, lacks ``handle``, cannot be
    imported, or stands where no handlers are looked for, and for an action that no folder handles.
    """
    wanted = {action.snake_name: action.name for action in actions(role)}
    by_action: dict[str, Handler] = {}
    by_vendor: dict[str, Handler] = {}
    origins: dict[str, Path] = {}
    for folder in folders:
        try:
            if not folder.is_dir():
                raise HandlerError(f"handlers.paths: {folder} is not a folder; create it or remove it from the list")
            _check_layout(folder)
            for file in _python_files(folder / role.value, beside=VENDOR_FOLDER):
                if file.stem not in wanted:
                    raise HandlerError(f"{file}: matches no action; expected one of {', '.join(sorted(wanted))}")
                by_action.setdefault(wanted[file.stem], _load(file))
                origins.setdefault(wanted[file.stem], folder)
            for file in _python_files(folder / role.value / VENDOR_FOLDER):
                by_vendor.setdefault(file.stem, _load(file))
        except OSError as error:
            raise HandlerError(f"{error.filename}: cannot be read: {error.strerror}") from None
    missing = sorted(set(wanted.values()) - set(by_action))
    if missing:
        raise HandlerError(f"no handler file for {', '.join(missing)} of the {role.value.replace('_', ' ')}")
    return Handlers(by_action, by_vendor, origins)


def load_hook(name: str, folders: Iterable[Path]) -> Handler | None:
    """``handle`` of the first ``<folder>/hooks/<name>.py``; None: no folder has one. Raises HandlerError."""
    for folder in folders:
        file = folder / HOOK_FOLDER / f"{name}.py"
        if file.is_file():
            return _load(file)
    return None


def _check_layout(folder: Path) -> None:
    """Refuse a folder of ``handlers.paths`` that holds what could be meant as handlers and would never be found."""
    places = [*(role.value for role in Role), HOOK_FOLDER]
    expected = f"expected folders named {', '.join(places)}"
    for entry in _entries(folder):
        if entry.suffix == ".py" or (entry.is_dir() and entry.name not in places):
            remedy = "move it, or begin its name with _"
            if folder.name in places:
                remedy = f"handlers.paths is to name {folder.parent}, not {folder}"
            raise HandlerError(f"{entry}: nothing is looked for here; {expected}; {remedy}")
    if not any((folder / place).is_dir() for place in places):
        raise HandlerError(f"handlers.paths: {folder} has no handlers; {expected}")
    for file in _python_files(folder / HOOK_FOLDER):
        if file.stem not in HOOKS:
            raise HandlerError(f"{file}: is no hook; expected one of {', '.join(HOOKS)}")


def _python_files(folder: Path, beside: str = "") -> list[Path]:
    """The Python files of ``folder``, in which no folder may be but one named ``beside``."""
    if not folder.is_dir():
        return []
    entries = _entries(folder)
    for entry in entries:
        if entry.is_dir() and entry.name != beside:
            raise HandlerError(f"{entry}: is a folder; expected one file for each action")
    return [p for p in entries if p.suffix == ".py" and p.is_file()]


def _entries(folder: Path) -> list[Path]:
    return sorted(p for p in folder.iterdir() if not p.name.startswith(("_", ".")))


def _load(file: Path) -> Handler:
    handle = getattr(_import(file), "handle", None)
    if not callable(handle):
        raise HandlerError(f"{file}: has no function handle(request, call)")
    if inspect.iscoroutinefunction(handle):
        raise HandlerError(f"{file}: handle is async, and is not awaited; make it a plain function")
    try:
        inspect.signature(handle).bind(None, None)
    except TypeError:
        raise HandlerError(f"{file}: handle cannot be called as handle(request, call)") from None
    except ValueError:  # written in C: it does not tell
        pass
    return handle  # type: ignore[no-any-return]


def _import(file: Path) -> ModuleType:
    name = f"ocpp_soap_handler_{hashlib.sha256(str(file.resolve()).encode()).hexdigest()[:16]}_{file.stem}"
    if name in sys.modules:
        return sys.modules[name]
    try:
        return module_of(file, name)
    except (Exception, SystemExit) as error:
        raise HandlerError(f"{_where(error, file)}: cannot be imported: {error!r}") from error


def _where(error: BaseException, file: Path) -> str:
    """The file, with the last of its lines that an error of its import came through."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if Path(frame.filename) == file.absolute()]
    return f"{file}:{lines[-1]}" if lines else str(file)
