"""Where the bundled folders are: ``handlers``, ``wsdl`` and ``config``, installed or in a checkout."""

from __future__ import annotations

from functools import cache
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


@cache
def bundled(name: str) -> Path:
    """The folder ``name`` as installed inside the package, else the one beside it in the checkout.

    Raises FileNotFoundError, naming both places, if there is neither.
    """
    for folder in (_PACKAGE / name, _PACKAGE.parent / name):
        if folder.is_dir():
            return folder
    raise FileNotFoundError(f"{name}: neither {_PACKAGE / name} nor {_PACKAGE.parent / name} is a folder; reinstall")
