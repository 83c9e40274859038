"""The connection of one process to Cloud Firestore, through firebase-admin.

What passes (no connection, overload, contention) is tried again until ``timeout`` seconds are over.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, TypeVar
from uuid import uuid4

import firebase_admin
from firebase_admin import credentials, firestore
from google.api_core import exceptions
from google.api_core.retry import Retry
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import GoogleAuthError

from ocpp_soap.errors import ConfigurationError, StoreClosed, StoreUnavailable

T = TypeVar("T")
_PASSING = (
    exceptions.ServiceUnavailable,
    exceptions.InternalServerError,
    exceptions.TooManyRequests,
    exceptions.Aborted,
    exceptions.DeadlineExceeded,
)
_PLUGIN_FAILED = "Getting metadata from plugin failed"
"""How gRPC says, as UNAVAILABLE, that the credentials have given nothing to be sent with a call."""
_KEY_REFUSED = "invalid_grant"
"""How Google says that it is for the key or the clock; no other attempt finds that changed."""


class _EmulatorCredential(credentials.Base):  # type: ignore[misc]
    """What the emulator is content with."""

    def get_credential(self) -> AnonymousCredentials:
        return AnonymousCredentials()  # type: ignore[no-untyped-call]


class FirestoreClient:
    """The client of this process, and the limits that every call to it gets."""

    def __init__(self, project_id: str | None, credentials_file: str | None, database: str, timeout: float) -> None:
        self._database_name = database
        self._timeout = timeout
        self._closed = False
        options = {"projectId": project_id} if project_id else {}
        try:
            self._app = firebase_admin.initialize_app(_credential(credentials_file), options, name=uuid4().hex)
            self.database = firestore.client(self._app, database)
        except (ValueError, OSError, GoogleAuthError) as error:
            raise ConfigurationError(f"storage.firebase: {error}") from error
        self.limits: dict[str, Any] = {
            "timeout": timeout,
            "retry": Retry(predicate=_is_passing, initial=0.05, maximum=1.0, multiplier=2.0, timeout=timeout),
        }

    def run(self, work: Callable[[dict[str, Any]], T], *, conflicts: tuple[type[Exception], ...] = ()) -> T:
        """The result of ``work(limits)``. Raises StoreClosed, StoreUnavailable, and those of Google's ``conflicts``.

        Google tells a missing database like a missing document: who names a conflict has to look which it is.
        """
        try:
            return work(self.limits)
        except conflicts:
            raise
        except (exceptions.GoogleAPIError, GoogleAuthError) as error:
            raise self._unavailable(error) from error
        except ValueError as error:
            if self._closed or "closed channel" in str(error):
                raise StoreClosed("The connection to Cloud Firestore was closed") from error
            raise

    def close(self) -> None:
        """Close the connections."""
        self._closed = True
        self.database.close()
        firebase_admin.delete_app(self._app)

    def _unavailable(self, error: Exception) -> StoreUnavailable:
        if isinstance(error, (exceptions.Forbidden, exceptions.Unauthorized, GoogleAuthError)):
            return StoreUnavailable(
                "Cloud Firestore refuses this user: check storage.firebase.credentials, or give it the role "
                f"roles/datastore.user ({error})"
            )
        if isinstance(error, exceptions.FailedPrecondition) and "requires" in str(error) and "index" in str(error):
            return StoreUnavailable(
                f"Cloud Firestore lacks an index: deploy what `ocpp-soap storage indexes` prints ({error})"
            )
        if isinstance(error, (exceptions.NotFound, exceptions.FailedPrecondition)):
            return StoreUnavailable(
                f"Cloud Firestore: the database {self._database_name} of project {self.database.project} is not there "
                "or not in native mode: create it, or check storage.firebase.database and storage.firebase.project_id "
                f"({error})"
            )
        if _PLUGIN_FAILED in str(error):
            return StoreUnavailable(
                "Cloud Firestore: Google gave no access token: check storage.firebase.credentials, the clock of this "
                f"machine and its way to Google ({error})"
            )
        if isinstance(error, (exceptions.RetryError, *_PASSING)):
            return StoreUnavailable(f"Cloud Firestore did not answer within {self._timeout:g} s ({error})")
        return StoreUnavailable(f"Cloud Firestore: {error}")


def _is_passing(error: Exception) -> bool:
    return isinstance(error, _PASSING) and _KEY_REFUSED not in str(error)


def _credential(file: str | None) -> credentials.Base:
    if os.environ.get("FIRESTORE_EMULATOR_HOST"):
        return _EmulatorCredential()
    if not file:
        return credentials.ApplicationDefault()
    try:
        return credentials.Certificate(file)
    except (ValueError, OSError) as error:
        raise ConfigurationError(
            f"storage.firebase.credentials: {file} has to be the JSON file of a service account ({error})"
        ) from error
