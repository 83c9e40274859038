"""Records of the central system as JSON, with the fields of a model, but without making a model of each.

What the central system returns has the right types already; to validate it again costs more than to write it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from operator import attrgetter
from typing import Any, get_args

import orjson
from pydantic import BaseModel


class Writer:
    """Turns records into what ``orjson`` writes as ``model`` would. The model has two fields at least."""

    def __init__(self, model: type[BaseModel]) -> None:
        self._model = model
        self._names = tuple(model.model_fields)
        self._values: Callable[[Any], tuple[Any, ...]] = attrgetter(*self._names)
        self._nested = [name for name, field in model.model_fields.items() if _holds_models(field.annotation)]

    def __call__(self, record: Any) -> Any:
        """A record, through the model only if it has parts that are models themselves, such as warnings."""
        fields = dict(zip(self._names, self._values(record), strict=True))
        for name in self._nested:
            if fields[name]:
                return written(self._model.model_validate(record))
        return fields


writer_of = lru_cache(maxsize=None)(Writer)


def written(model: BaseModel) -> orjson.Fragment:
    """A model as a part of what ``orjson`` writes."""
    return orjson.Fragment(model.model_dump_json())


def _holds_models(annotation: Any) -> bool:
    if isinstance(annotation, type(BaseModel)):
        return True
    return any(_holds_models(part) for part in get_args(annotation))
