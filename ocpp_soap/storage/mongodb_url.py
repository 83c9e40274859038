"""What ``storage.mongodb.url`` names: servers, a database, and how safe a write has to be before it is answered."""

from __future__ import annotations

import re
from datetime import timezone
from typing import Any
from urllib.parse import unquote

import pymongo
from bson.codec_options import CodecOptions, DatetimeConversion
from pymongo.database import Database
from pymongo.errors import ConfigurationError, PyMongoError
from pymongo.write_concern import WriteConcern

from ocpp_soap import errors

Client = pymongo.MongoClient[dict[str, Any]]
_TLS_FILES = re.compile(r"[?&](tls\w+File)=([^&]*)", re.IGNORECASE)


def opened(url: str) -> tuple[Client, Database[dict[str, Any]]]:
    """The connections to the servers of the URL, and its database. Raises errors.ConfigurationError."""
    try:
        client: Client = pymongo.MongoClient(url, appname="ocpp-soap")
    except (PyMongoError, ValueError, OSError) as error:
        raise errors.ConfigurationError(f"storage.mongodb.url: {error}{_files_of(url, error)}") from error
    try:
        return client, client.get_default_database("ocpp_soap").with_options(
            codec_options=CodecOptions(
                tz_aware=True, tzinfo=timezone.utc, datetime_conversion=DatetimeConversion.DATETIME_CLAMP
            ),
            write_concern=_write_concern(client),
        )
    except PyMongoError as error:
        client.close()
        raise errors.ConfigurationError(f"storage.mongodb.url: {error}") from error


def _write_concern(client: Client) -> WriteConcern:
    """What the URL says (``w``, ``journal``), else: on the disks of a majority before it is answered."""
    chosen = client.write_concern.document
    if chosen.get("w") == 0:
        raise ConfigurationError(
            "w=0 does not tell whether anything was stored, so nothing could be answered: leave w out, or give w=1"
        )
    return WriteConcern(**{"w": "majority", "j": True, **chosen})


def _files_of(url: str, error: Exception) -> str:
    """The files of certificates that the URL names, if the error is about one: pymongo does not say which."""
    if not isinstance(error, OSError) and "certificate" not in str(error):
        return ""
    return "".join(f"; check {name}={unquote(file)}" for name, file in _TLS_FILES.findall(url))
