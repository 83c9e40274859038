"""Reading the YAML files that people write: no key may be there twice, and texts can be taken as they are written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

_KNOWN = ("tag:yaml.org,2002:null", "tag:yaml.org,2002:merge")


class _Loader(yaml.SafeLoader):
    """Refuses a mapping in which an entry would replace another in silence."""

    def compose_mapping_node(self, anchor: dict[Any, yaml.Node]) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        lines: dict[tuple[str, str], int] = {}
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                name, line = (key.tag, key.value), key.start_mark.line + 1
                if name in lines:
                    raise yaml.YAMLError(f"the key {key.value} is there twice, in lines {lines[name]} and {line}")
                lines[name] = line
        return node


class _AsWritten(_Loader):
    """Knows no numbers, times and truth values, but merged mappings and null: nothing, ``~`` or ``null``."""


_AsWritten.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in found if tag in _KNOWN]
    for first, found in _Loader.yaml_implicit_resolvers.items()
}


def read_yaml(file: Path, *, as_written: bool = False) -> Any:
    """What a file holds. ``as_written``: each value that is not null is a text, such as ``0060`` or ``on``.

    Raises OSError, and ValueError for what is not YAML, such as a key that is there twice.
    """
    loader = _AsWritten if as_written else _Loader
    try:
        return loader(file.read_text(encoding="utf-8")).get_single_data()
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error
