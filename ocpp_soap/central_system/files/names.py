"""What a file of the file area may be called, whichever way it comes."""

from __future__ import annotations

import unicodedata

LONGEST_NAME = 200
"""The most bytes of a name; file systems take 255, of which a file under way needs some."""


def is_name(name: str) -> bool:
    """Whether it is the name of a file without a path, not hidden, not too long, and free of control characters."""
    if not name or name.startswith(".") or "/" in name or "\\" in name:
        return False
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in name):
        return False
    return len(name.encode()) <= LONGEST_NAME


def checked(name: str) -> str:
    """The name. Raises ValueError if it is none."""
    if not is_name(name):
        raise ValueError(
            f"{name!r} is no name for a file: expected one without folders and control characters that does not begin "
            f"with a dot, of at most {LONGEST_NAME} bytes"
        )
    return name
