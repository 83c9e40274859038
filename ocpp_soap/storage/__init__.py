"""Storage: documents under keys with a dozen atomic verbs (``base``), and the backends, loaded only when chosen."""

from __future__ import annotations

import difflib
import importlib
from typing import Any

from ocpp_soap.errors import ConfigurationError
from ocpp_soap.storage.base import Collection, Document, Page, Range, Storage, Stored, StoreInfo

BACKENDS = {
    "file": "ocpp_soap.storage.file:FileStorage",
    "mongodb": "ocpp_soap.storage.mongodb:MongoStorage",
    "firebase": "ocpp_soap.storage.firebase:FirebaseStorage",
}
ALIASES = {"sqlite": "file", "mongo": "mongodb", "firestore": "firebase"}

__all__ = ["BACKENDS", "Collection", "Document", "Page", "Range", "Storage", "StoreInfo", "Stored", "open"]


def open(settings: Any) -> Storage:
    """The store that the section ``storage`` of the configuration names; its driver is imported now.

    Raises ConfigurationError for an unknown backend, or one whose driver is not installed.
    """
    name = str(settings.backend).lower()
    target = BACKENDS.get(ALIASES.get(name, name))
    if target is None:
        near = difflib.get_close_matches(name, [*BACKENDS, *ALIASES], n=1)
        hint = f"did you mean {ALIASES.get(near[0], near[0])!r}?" if near else f"use one of {', '.join(BACKENDS)}"
        raise ConfigurationError(f"storage.backend: {settings.backend!r} is unknown; {hint}")
    module, _, attribute = target.partition(":")
    try:
        backend: type[Storage] = getattr(importlib.import_module(module), attribute)
    except ModuleNotFoundError as error:
        if str(error.name).startswith("ocpp_soap"):
            raise
        extra = ALIASES.get(name, name)
        raise ConfigurationError(
            f"storage.backend: {extra} needs {error.name}, which is not installed: pip install 'ocpp-soap[{extra}]'"
        ) from error
    return backend.from_settings(settings)
