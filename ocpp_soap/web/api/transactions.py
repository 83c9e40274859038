"""Charging sessions and their meter values."""

from __future__ import annotations

from typing import Any, Literal

from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel, ConfigDict, Field

from ocpp_soap.central_system.transactions import Transaction, TransactionState
from ocpp_soap.web.api.context import key, system
from ocpp_soap.web.api.listing import ListQuery, answer
from ocpp_soap.web.api.models import MeterRecordModel, MeterRecordPage, TransactionModel, TransactionPage
from ocpp_soap.web.api.problems import Problem, found
from ocpp_soap.web.api.values import Time

blueprint = APIBlueprint("transactions", __name__, url_prefix="/api/v1", tag="Transactions")


class TransactionQuery(ListQuery):
    """Which sessions; every condition has to hold."""

    charge_box_identity: str | None = Field(default=None, min_length=1)
    connector_id: int | None = Field(default=None, ge=0, le=2**31 - 1)
    id_tag: str | None = Field(default=None, min_length=1, description="In any letter case.")
    state: Literal["open", "closed", "orphan"] | None = None
    since: Time | None = Field(default=None, description="Begun then or later.")
    until: Time | None = Field(default=None, description="Begun before.")
    sort: Literal["begun_at", "-begun_at"] = Field(default="begun_at", description="-: the latest first.")


class MeterValueQuery(ListQuery):
    """Whose meter values: of a session by their own time, or of a station by the time of arrival."""

    transaction_id: int | None = Field(default=None, ge=1, le=2**31 - 1)
    charge_box_identity: str | None = Field(default=None, min_length=1)
    sort: Literal["time", "-time"] = Field(default="time", description="-: the latest first.")


class CloseTransaction(BaseModel):
    """Why a session is closed by hand."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field(min_length=1, max_length=500)


def transaction_model(transaction: Transaction) -> TransactionModel:
    """A session as it is sent."""
    return TransactionModel.model_validate(transaction)


def get_known(transaction_id: int) -> Transaction:
    """The session of that id, or Problem 404."""
    known = system().transactions.get(transaction_id) if transaction_id < 2**31 else None
    return found(known, f"transaction {transaction_id}")


@blueprint.get("/transactions")
@blueprint.input(TransactionQuery, location="query")
@blueprint.output(TransactionPage)
def list_transactions(query_data: TransactionQuery) -> Response:
    """List the charging sessions by the time they began."""
    conditions = query_data.model_dump(include=_CONDITIONS)

    def find(**page: Any) -> Any:
        return system().transactions.list(**conditions, descending=query_data.sort.startswith("-"), **page)

    return answer(TransactionModel, query_data, find)


@blueprint.get("/transactions/<int:transaction_id>")
@blueprint.output(TransactionModel)
@blueprint.doc(responses={404: "There is no such session."})
def get_transaction(transaction_id: int) -> TransactionModel:
    """Read a session."""
    return transaction_model(get_known(transaction_id))


@blueprint.post("/transactions/<int:transaction_id>/close")
@blueprint.input(CloseTransaction)
@blueprint.output(TransactionModel)
@blueprint.doc(responses={404: "There is no such session.", 409: "It is not open."})
def close_transaction(transaction_id: int, json_data: CloseTransaction) -> TransactionModel:
    """Close an open session by hand; should the station still send its stop, that one counts."""
    known = get_known(transaction_id)
    if known.state != TransactionState.OPEN:
        raise Problem(409, f"Transaction {transaction_id} is {known.state}.")
    try:
        closed = system().open_sessions.close(transaction_id, json_data.reason, by=key().actor)
    except ValueError as error:
        raise Problem(422, str(error)) from error
    return transaction_model(closed or get_known(transaction_id))


@blueprint.get("/meter-values")
@blueprint.input(MeterValueQuery, location="query")
@blueprint.output(MeterRecordPage)
def list_meter_values(query_data: MeterValueQuery) -> Response:
    """List the meter values of a session or of a station, as sent, with units."""
    transaction_id, identity = query_data.transaction_id, query_data.charge_box_identity
    if (transaction_id is None) == (identity is None):
        raise Problem(422, "Name either transaction_id or charge_box_identity.")

    def find(**page: Any) -> Any:
        return system().meter_values.list(
            transaction_id=transaction_id,
            charge_box_identity=identity,
            descending=query_data.sort.startswith("-"),
            **page,
        )

    return answer(MeterRecordModel, query_data, find)


_CONDITIONS = {"charge_box_identity", "connector_id", "id_tag", "state", "since", "until"}
