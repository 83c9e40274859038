"""What texts and times in a request have to be, so that every store can hold and compare them."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Annotated

from pydantic import AfterValidator, AwareDatetime
from pydantic_core import PydanticCustomError


def _whole(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise PydanticCustomError("text", "Input should be a text without halves of surrogate pairs") from None
    return text


def _in_utc(time: datetime) -> datetime:
    try:
        return time.astimezone(timezone.utc)
    except OverflowError:
        raise PydanticCustomError("time", "Input should be a time of the years 1 to 9999 in UTC") from None


Text = Annotated[str, AfterValidator(_whole)]
"""A text that UTF-8 can hold. A text with a length or a pattern is one without this."""

Time = Annotated[AwareDatetime, AfterValidator(_in_utc)]
"""A time with its zone, read in UTC."""
