"""What is wrong with a document that was read, in one line."""

from __future__ import annotations

from pydantic import ValidationError


def first_of(error: ValidationError) -> str:
    """The first thing that is wrong: the place, with dots, and what was expected there."""
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
