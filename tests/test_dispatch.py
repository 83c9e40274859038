"""Handlers are found by path, the first folder wins, and what is wrong stops the start with the file's name."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from ocpp_soap.dispatch import MessageWarning, load_handlers
from ocpp_soap.errors import HandlerError
from ocpp_soap.messages import Role, actions
from ocpp_soap.paths import bundled

ANSWER = "def handle(request, call):\n    return {!r}\n"


@pytest.fixture
def complete(tmp_path: Path) -> Path:
    """A folder with a handler for every action of the central system, each answering "default"."""
    role = tmp_path / "complete" / "central_system"
    role.mkdir(parents=True)
    for action in actions(Role.CENTRAL_SYSTEM):
        (role / f"{action.snake_name}.py").write_text(ANSWER.format("default"))
    return role.parent


def add(folder: Path, name: str, text: str) -> Path:
    file = folder / "central_system" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


@pytest.mark.parametrize("role", list(Role))
def test_the_package_handles_every_action(role: Role) -> None:
    handlers = load_handlers(role, [bundled("handlers")])
    assert set(handlers.by_action) == {action.name for action in actions(role)}


def test_a_file_of_an_operator_overrides_one_action(complete: Path, tmp_path: Path) -> None:
    add(tmp_path / "own", "authorize.py", ANSWER.format("own"))
    handlers = load_handlers(Role.CENTRAL_SYSTEM, [tmp_path / "own", complete])
    assert handlers.by_action["Authorize"](None, None) == "own"
    assert handlers.by_action["Heartbeat"](None, None) == "default"


def test_a_handler_may_define_dataclasses_with_postponed_annotations(complete: Path) -> None:
    text = (
        "from __future__ import annotations\nfrom dataclasses import dataclass\n"
        "@dataclass\nclass Answer:\n    text: str\n"
        "def handle(request, call):\n    return Answer('yes')\n"
    )
    add(complete, "authorize.py", text)
    assert load_handlers(Role.CENTRAL_SYSTEM, [complete]).by_action["Authorize"](None, None).text == "yes"


@pytest.mark.parametrize(
    "text",
    [
        "def handle(*all): ...\n",
        "def handle(request, call, more=None): ...\n",
        "class Own:\n    def __call__(self, request, call): ...\nhandle = Own()\n",
        "from functools import partial\nhandle = partial(lambda own, request, call: None, 'own')\n",
    ],
)
def test_whatever_can_be_called_with_a_request_and_a_call_is_a_handler(complete: Path, text: str) -> None:
    add(complete, "authorize.py", text)
    assert load_handlers(Role.CENTRAL_SYSTEM, [complete]).by_action["Authorize"](None, None) is None


def test_a_vendor_is_found_by_the_name_of_its_file(complete: Path) -> None:
    add(complete, "data_transfer/com.example.py", ANSWER.format("vendor"))
    handlers = load_handlers(Role.CENTRAL_SYSTEM, [complete])
    assert handlers.by_vendor["com.example"](None, None) == "vendor"


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("autorize.py", ANSWER.format("x"), "matches no action"),
        ("authorize.py", "def handel(request, call): ...\n", "has no function handle"),
        ("authorize.py", "handle = 3\n", "has no function handle"),
        ("authorize.py", "def handle(request): ...\n", "handle cannot be called as handle(request, call)"),
        ("authorize.py", "def handle(a, b, c): ...\n", "handle cannot be called as handle(request, call)"),
        ("authorize.py", "def handle(request, *, call): ...\n", "handle cannot be called as handle(request, call)"),
        ("authorize.py", "async def handle(request, call): ...\n", "handle is async"),
        ("authorize.py", "\n\nimport no_such_module_anywhere\n", "authorize.py:3: cannot be imported"),
        ("authorize.py", "raise SystemExit(0)\n", "authorize.py:1: cannot be imported: SystemExit(0)"),
        ("authorize.py", "def handle(:\n", "cannot be imported"),
    ],
)
def test_a_wrong_file_stops_the_start_and_is_named(complete: Path, name: str, text: str, told: str) -> None:
    file = add(complete, name, text)
    with pytest.raises(HandlerError) as caught:
        load_handlers(Role.CENTRAL_SYSTEM, [complete])
    assert str(file) in str(caught.value)
    assert told in str(caught.value)


def test_the_line_is_told_of_a_file_in_a_folder_that_is_named_relatively(
    complete: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(complete, "authorize.py", "\n1 / 0\n")
    monkeypatch.chdir(complete.parent)
    with pytest.raises(HandlerError, match=r"^complete/central_system/authorize\.py:2: cannot be imported"):
        load_handlers(Role.CENTRAL_SYSTEM, [Path("complete")])


def test_a_second_implementation_as_a_folder_is_an_error(complete: Path) -> None:
    (complete / "central_system" / "authorize").mkdir()
    with pytest.raises(HandlerError, match=r"authorize: is a folder; expected one file"):
        load_handlers(Role.CENTRAL_SYSTEM, [complete])


def test_a_name_with_an_underscore_in_front_is_passed_over(complete: Path) -> None:
    add(complete, "_shared.py", "raise RuntimeError\n")
    load_handlers(Role.CENTRAL_SYSTEM, [complete])


def test_a_missing_action_is_named(complete: Path) -> None:
    (complete / "central_system" / "heartbeat.py").unlink()
    with pytest.raises(HandlerError, match="Heartbeat"):
        load_handlers(Role.CENTRAL_SYSTEM, [complete])


def test_a_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(HandlerError, match="nowhere"):
        load_handlers(Role.CENTRAL_SYSTEM, [tmp_path / "nowhere"])


def test_a_folder_that_may_not_be_looked_into_is_named(complete: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    is_file = Path.is_file

    def refused(path: Path, **more: bool) -> bool:
        if path.name == "authorize.py":
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return is_file(path, **more)

    monkeypatch.setattr(Path, "is_file", refused)
    with pytest.raises(HandlerError, match=r"central_system/authorize\.py: cannot be read: Permission denied"):
        load_handlers(Role.CENTRAL_SYSTEM, [complete])


def refusal(folder: Path) -> str:
    with pytest.raises(HandlerError) as refused:
        load_handlers(Role.CENTRAL_SYSTEM, [folder, bundled("handlers")])
    return str(refused.value)


def test_a_path_one_level_too_low_is_told_which_one_to_name(tmp_path: Path) -> None:
    file = add(tmp_path, "authorize.py", ANSWER.format("own"))
    message = refusal(file.parent)
    assert message.startswith(f"{file}: nothing is looked for here; ")
    assert message.endswith(f"handlers.paths is to name {tmp_path}, not {file.parent}")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        (
            "central_sytem/authorize.py",
            "central_sytem: nothing is looked for here; expected folders named central_system",
        ),
        ("own/central_system/authorize.py", "own: nothing is looked for here"),
        ("authorize.py", "authorize.py: nothing is looked for here"),
        ("data_transfer/com.example.py", "data_transfer: nothing is looked for here"),
        ("hooks/wakeup.py", "wakeup.py: is no hook; expected one of wake_up"),
        ("central_system/data_transfer/data_transfer/com.example.py", "data_transfer: is a folder"),
    ],
)
def test_a_file_that_would_never_be_found_stops_the_start(tmp_path: Path, name: str, told: str) -> None:
    add(tmp_path, "heartbeat.py", ANSWER.format("own"))
    file = tmp_path / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(ANSWER.format("own"))
    assert told in refusal(tmp_path)


def test_a_folder_without_handlers_stops_the_start(tmp_path: Path) -> None:
    assert f"{tmp_path} has no handlers; expected folders named central_system, charge_point, hooks" in refusal(
        tmp_path
    )


@pytest.mark.parametrize("place", ["central_system", "charge_point", "hooks"])
def test_one_of_the_folders_is_enough(tmp_path: Path, place: str) -> None:
    (tmp_path / place).mkdir()
    load_handlers(Role.CENTRAL_SYSTEM, [tmp_path, bundled("handlers")])


@pytest.mark.parametrize("name", ["README.md", "__init__.py", "_shared.py", "_tests/test_own.py", ".git/config"])
def test_what_cannot_be_meant_as_a_handler_may_stand_beside(tmp_path: Path, name: str) -> None:
    (tmp_path / "central_system").mkdir()
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    file.write_text("")
    load_handlers(Role.CENTRAL_SYSTEM, [tmp_path, bundled("handlers")])


def test_a_warning_reads_as_kind_place_and_what_was_sent() -> None:
    assert str(MessageWarning("too_long", "idTag", "0123")) == "too_long idTag '0123'"
    assert str(MessageWarning("no_header")) == "no_header"
