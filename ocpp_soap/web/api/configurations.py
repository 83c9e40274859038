"""The configuration of the stations as last known, and how it differs from a template."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel, ConfigDict, Field

from ocpp_soap.central_system.configurations import Configuration
from ocpp_soap.central_system.masking import masked_setting
from ocpp_soap.web.api.context import system
from ocpp_soap.web.api.listing import ListQuery, Next, Record, answer
from ocpp_soap.web.api.problems import Problem
from ocpp_soap.web.api.values import Text

blueprint = APIBlueprint("configurations", __name__, url_prefix="/api/v1", tag="Configuration")


class ConfigurationKeyModel(BaseModel):
    """One key."""

    value: str | None = None
    readonly: bool = False
    known_at: datetime


class ConfigurationModel(Record):
    """The last known keys of a station. The commands GetConfiguration and ChangeConfiguration teach them."""

    charge_box_identity: str
    keys: dict[str, ConfigurationKeyModel]
    unknown: dict[str, datetime] = Field(description="The keys that it said it does not know, and when.")
    read_at: datetime | None = Field(description="When all keys were read.")


class ConfigurationPage(BaseModel):
    """Some configurations."""

    items: list[ConfigurationModel]
    next: Next


class Template(BaseModel):
    """What the keys of a station should be."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"charge_box_identity": "CP001", "keys": {"HeartBeatInterval": "300"}}},
    )

    charge_box_identity: str = Field(min_length=1, max_length=100)
    keys: dict[Text, Text] = Field(min_length=1, max_length=200)


class KeyDifferenceModel(Record):
    """A key that is not known to be as wanted."""

    key: str
    value: str | None = Field(description="Null: not known; of a password and the like: ….")
    wanted: str
    obstacle: str = Field(description="Why it cannot be changed, as far as known.")


class ConfigurationDifference(BaseModel):
    """The keys that are not known to be as wanted."""

    items: list[KeyDifferenceModel]


@blueprint.get("/configurations")
@blueprint.input(ListQuery, location="query")
@blueprint.output(ConfigurationPage)
def list_configurations(query_data: ListQuery) -> Response:
    """List the configurations, by station."""
    return answer(ConfigurationModel, query_data, system().configurations.list, _model)


@blueprint.get("/configurations/<whole:charge_box_identity>")
@blueprint.output(ConfigurationModel)
@blueprint.doc(responses={404: "Nothing is known of it."})
def get_configuration(charge_box_identity: str) -> ConfigurationModel:
    """Read the last known configuration of a station. The command GetConfiguration asks for the present one."""
    found = system().configurations.get(charge_box_identity)
    if found is None:
        raise Problem(404, f"Nothing is known of the configuration of {charge_box_identity}.")
    return _model(found)


@blueprint.post("/configurations/difference")
@blueprint.input(Template)
@blueprint.output(ConfigurationDifference)
def compare_configuration(json_data: Template) -> ConfigurationDifference:
    """Compare the last known configuration of a station with a template; it changes nothing."""
    found: list[Any] = system().configurations.difference(json_data.charge_box_identity, json_data.keys)
    shown = [replace(item, value=masked_setting(item.key, item.value)) for item in found]
    return ConfigurationDifference(items=[KeyDifferenceModel.model_validate(item) for item in shown])


def _model(known: Configuration) -> ConfigurationModel:
    """A configuration without secrets: the password of a station, for one, is a key of some."""
    keys = {key: {**entry, "value": masked_setting(key, entry.get("value"))} for key, entry in known.keys.items()}
    return ConfigurationModel.model_validate(replace(known, keys=keys))
