"""The names of elements: what a message's element is called, and which name a received tag stands for."""

from __future__ import annotations

from typing import Any


def body_name(record: type[Any]) -> str:
    """``AuthorizeRequest`` → ``authorizeRequest``: the element that holds a message."""
    return record.__name__[0].lower() + record.__name__[1:]


def local_name(tag: str) -> str:
    """The name without its namespace or undeclared prefix, its first letter in lower case."""
    name = tag.rpartition("}")[2].rpartition(":")[2]
    return name[:1].lower() + name[1:]


def split(tag: str) -> tuple[str, str]:
    """The namespace and the local name of a tag; a prefix that nobody declared is no part of the name."""
    if tag[:1] == "{":
        namespace, _, local = tag[1:].rpartition("}")
        return namespace, local
    return "", tag.rpartition(":")[2]
