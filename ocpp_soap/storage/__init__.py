"""Storage: documents under keys with a dozen atomic verbs (``base``), and the backends, loaded only when chosen."""

from __future__ import annotations

import importlib
from typing import Any

from ocpp_soap.errors import ConfigurationError
from ocpp_soap.storage.base import Collection, Document, Page, Range, Storage, Stored, StoreInfo

BACKENDS = {
    "file": "ocpp_soap.storage.file:FileStorage",
    "mongodb": "ocpp_soap.storage.mongodb:MongoStorage",
    "firebase": "ocpp_soap.storage.firebase:FirebaseStorage",
}

__all__ = ["BACKENDS", "Collection", "Document", "Page", "Range", "Storage", "StoreInfo", "Stored", "open"]


def open(settings: Any) -> Storage:
    """The store that the section ``storage`` of the configuration names; its driver is imported now.

    Raises ConfigurationError for one whose driver is not installed.
    """
    name = settings.backend
    module, _, attribute = BACKENDS[name].partition(":")
    try:
        backend: type[Storage] = getattr(importlib.import_module(module), attribute)
    except ModuleNotFoundError as error:
        if str(error.name).startswith("ocpp_soap"):
            raise
        raise ConfigurationError(
            f"storage.backend: {name} needs {error.name}, which is not installed: pip install 'ocpp-soap[{name}]'"
        ) from error
    return backend.from_settings(settings)
