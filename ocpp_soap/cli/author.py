"""Who uses the command line, for what is recorded of it."""

from __future__ import annotations

import getpass


def author() -> str:
    """``cli:NAME``: the user of the operating system."""
    try:
        return f"cli:{getpass.getuser()}"
    except (KeyError, OSError):
        return "cli"
