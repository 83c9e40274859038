"""The keys of the API itself, and the audit trail. Both are for admins."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel, ConfigDict, Field

from ocpp_soap.central_system.api_keys import Role
from ocpp_soap.web.api.context import key, system
from ocpp_soap.web.api.listing import ListQuery, Next, Record, answer
from ocpp_soap.web.api.problems import Problem, found
from ocpp_soap.web.api.values import Text

blueprint = APIBlueprint("keys", __name__, url_prefix="/api/v1", tag="Keys")
audit = APIBlueprint("audit", __name__, url_prefix="/api/v1", tag="Audit")


class KeyModel(Record):
    """A key without its token."""

    key_id: str
    name: str
    role: str = Field(description="read, operate or admin.")
    networks: list[str] = Field(description="Where it may be used; none: everywhere.")
    created_at: datetime
    created_by: str | None
    revoked_at: datetime | None
    revoked_by: str | None


class KeyPage(BaseModel):
    """Some keys."""

    items: list[KeyModel]
    next: Next


class NewKey(BaseModel):
    """A key to be made."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(min_length=1, max_length=100)
    role: Literal["read", "operate", "admin"] = "read"
    networks: list[Text] = Field(default=[], max_length=20, description="Such as 10.0.0.0/8; none: everywhere.")


class MadeKey(BaseModel):
    """A key with its token, which is shown this once."""

    key: KeyModel
    token: str


class AuditModel(Record):
    """A change that somebody asked for."""

    entry_id: str
    at: datetime
    actor: str = Field(description="key:NAME or cli:USER.")
    action: str = Field(description="The HTTP method, or the command.")
    target: str = Field(description="The path.")
    address: str | None
    status: int | None = Field(description="How it was answered.")
    data: dict[str, Any] = Field(description="The body, without secrets.")


class AuditPage(BaseModel):
    """A part of the audit trail."""

    items: list[AuditModel]
    next: Next


class AuditQuery(ListQuery):
    """Which entries."""

    actor: str | None = Field(default=None, min_length=1)
    target: str | None = Field(default=None, min_length=1)
    sort: Literal["at", "-at"] = Field(default="at", description="-: the latest first.")


@blueprint.get("/keys")
@blueprint.input(ListQuery, location="query")
@blueprint.output(KeyPage)
def list_keys(query_data: ListQuery) -> Response:
    """List the keys, those revoked included."""
    return answer(KeyModel, query_data, system().api_keys.list)


@blueprint.post("/keys")
@blueprint.input(NewKey)
@blueprint.output(MadeKey, 201)
def create_key(json_data: NewKey) -> MadeKey:
    """Make a key. Its token is in this answer and nowhere else."""
    keys = system().api_keys
    try:
        made, token = keys.add(json_data.name, Role(json_data.role), networks=json_data.networks, by=key().actor)
    except ValueError as error:
        raise Problem(422, str(error)) from error
    return MadeKey(key=KeyModel.model_validate(made), token=token)


@blueprint.delete("/keys/<key_id>")
@blueprint.output(KeyModel)
@blueprint.doc(responses={404: "There is no such key."})
def revoke_key(key_id: str) -> KeyModel:
    """End a key, at once and for good."""
    revoked = found(system().api_keys.revoke(key_id, by=key().actor), f"key {key_id}")
    return KeyModel.model_validate(revoked)


@audit.get("/audit")
@audit.input(AuditQuery, location="query")
@audit.output(AuditPage)
def list_audit(query_data: AuditQuery) -> Response:
    """List who changed what."""

    def find(**page: Any) -> Any:
        return system().audit.list(
            actor=query_data.actor, target=query_data.target, descending=query_data.sort.startswith("-"), **page
        )

    return answer(AuditModel, query_data, find)
