"""Layers import downwards only."""

from __future__ import annotations

import ast
from pathlib import Path

import ocpp_soap

PACKAGE = Path(ocpp_soap.__file__).parent
ROOT = {"errors", "paths", "settings", "config", "log", "pending", "printable", "python_files", "yaml_files"}
MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "paths": set(),
    "setting_types": set(),
    "settings": {"setting_types"},
    "yaml_files": {"errors"},
    "config": {"settings", "errors", "paths", "yaml_files"},
    "log": {"printable", "settings"},
    "pending": set(),
    "printable": set(),
    "python_files": set(),
    "messages": {"messages"},
    "storage": {"storage", "errors", "pending"},
    "dispatch": {"errors", "messages", "pending", "python_files"},
    "soap": {"soap", "dispatch", "messages", "errors", "paths", "config", "pending", "printable"},
    "central_system": {"central_system", "soap", "dispatch", "messages", "storage"} | ROOT,
    "charge_point": {"charge_point", "soap", "dispatch", "messages", "storage"} | ROOT,
    "web": {"web", "central_system", "charge_point", "soap", "dispatch", "messages", "storage"} | ROOT,
}
TOP = {"cli", "wsgi", "__main__", "__init__"}


def layer(module: Path) -> str:
    return module.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_layers(module: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(module.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}:{node.lineno}: a relative import hides its layer"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name.split(".")[1] for name in names if name.startswith("ocpp_soap.")} - {"__version__"}


def test_every_module_belongs_to_a_layer() -> None:
    assert {layer(module) for module in PACKAGE.rglob("*.py")} <= set(MAY_IMPORT) | TOP


def test_layers_import_downwards_only() -> None:
    upward = [
        f"{module.relative_to(PACKAGE)} imports {', '.join(sorted(wrong))}"
        for module in sorted(PACKAGE.rglob("*.py"))
        if layer(module) not in TOP and (wrong := imported_layers(module) - MAY_IMPORT[layer(module)])
    ]
    assert upward == []


def test_the_protocol_knows_no_library_and_no_io() -> None:
    allowed = {"__future__", "dataclasses", "datetime", "enum", "functools", "re", "types", "typing", "ocpp_soap"}
    for module in (PACKAGE / "messages").glob("*.py"):
        for node in ast.walk(ast.parse(module.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module:
                assert node.module.split(".")[0] in allowed, f"{module}:{node.lineno}"
            elif isinstance(node, ast.Import):
                assert {alias.name.split(".")[0] for alias in node.names} <= allowed, f"{module}:{node.lineno}"


def test_handlers_import_absolutely_and_only_what_a_handler_needs() -> None:
    for module in (PACKAGE.parent / "handlers").rglob("*.py"):
        for node in ast.walk(ast.parse(module.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{module}:{node.lineno}: a handler is loaded by path: import absolutely"
        assert imported_layers(module) <= {"messages", "central_system", "charge_point", "errors"}, module
