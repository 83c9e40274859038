"""Running the Python files that people write beside the package: handlers, hooks, bridges."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType


def module_of(file: Path, name: str) -> ModuleType:
    """What the file defines, as the module of that ``name`` among all that are imported.

    Raises whatever the file raises, SystemExit as well, and ImportError if it is not named like Python.
    """
    spec = importlib.util.spec_from_file_location(name, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # where a dataclass looks for what its annotations name
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module
