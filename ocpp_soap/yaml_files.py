"""Reading the YAML that people write: settings, charge boxes, scenarios, templates.

YAML forbids to name a key twice in one mapping, but the library takes the last one and says nothing. It also makes 48
of ``0060`` and true of ``on``, which is wrong where a text is meant.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from ocpp_soap.errors import ConfigurationError

_MERGE = "tag:yaml.org,2002:merge"
_NULL = "tag:yaml.org,2002:null"


def read_yaml(file: Path, *, as_written: bool = False) -> Any:
    """What the file holds. ``as_written``: each value that is not null is a text, such as ``0060`` or ``on``.

    Raises OSError if it cannot be read, ConfigurationError if it is not YAML or names a key twice in one place; the
    message tells each such key and its line.
    """
    (content,) = _read(file, _AsWritten if as_written else _Loader)
    return content


def read_yaml_both_ways(file: Path) -> tuple[Any, Any]:
    """What the file holds, and the same as written; raises as read_yaml does. A pipe can only be read once."""
    content, written = _read(file, _Loader, _AsWritten)
    return content, written


def as_meant(written: Any) -> Any:
    """What YAML makes of a text that was read as written, such as 48 of ``0060``; anything else stays as it is."""
    if not isinstance(written, str):
        return written
    loader = yaml.SafeLoader("")
    tag = loader.resolve(yaml.ScalarNode, written, (True, False))  # type: ignore[no-untyped-call]
    try:
        return loader.construct_object(yaml.ScalarNode(tag, written))
    except (yaml.YAMLError, ValueError):
        return written


def _read(file: Path, *ways: type[_Loader]) -> list[Any]:
    try:
        text = file.read_text(encoding="utf-8")
        loaders = [way(text) for way in ways]
        contents = [loader.get_single_data() for loader in loaders]
    except (yaml.YAMLError, ValueError) as error:
        raise ConfigurationError(f"{file}: cannot be read: it is not YAML: {error}") from None
    except RecursionError:
        raise ConfigurationError(f"{file}: cannot be read: it is nested too deeply") from None
    for loader in loaders:
        if loader.doubled:
            raise ConfigurationError(
                "\n".join(
                    f"{file}: line {line}: {key!r} is named in line {first} already; expected it once"
                    for line, key, first in sorted(loader.doubled)
                )
            )
    return contents


class _Loader(yaml.SafeLoader):
    """``doubled`` has the line, the key and the line of the first for each key that a mapping names again.

    Looked for as the mappings are written, before ``<<`` merges others into them, whose keys may be named again.
    """

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.doubled: list[tuple[int, str, int]] = []

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node = super().compose_mapping_node(anchor)
        lines: dict[tuple[str, str], int] = {}
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode) and key.tag != _MERGE:
                name, line = (key.tag, key.value), key.start_mark.line + 1
                if name in lines:
                    self.doubled.append((line, key.value, lines[name]))
                lines.setdefault(name, line)
        return node


class _AsWritten(_Loader):
    """Knows no numbers, times and truth values, but merged mappings and null: nothing, ``~`` or ``null``."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - so it is called and made in the class above
        first: [(tag, pattern) for tag, pattern in found if tag in (_MERGE, _NULL)]
        for first, found in _Loader.yaml_implicit_resolvers.items()
    }
