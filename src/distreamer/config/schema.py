"""The configuration as a JSON schema, for programs that write or check files."""

from __future__ import annotations

from typing import Any

from distreamer.config.registry import MODULE_KINDS, NEEDED_KINDS, Registry
from distreamer.config.settings import GeneralSettings, Settings

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema(registry: Registry) -> dict[str, Any]:
    """A schema of the file as one object: sections are its properties, keys are in upper case, values are typed."""
    definitions: dict[str, Any] = {}
    sections = {
        kind: {"oneOf": [_model(model, definitions, mode) for mode, model in registry.modes(kind).items()]}
        for kind in MODULE_KINDS
    }
    return {
        "$schema": DIALECT,
        "title": "DiStreamer configuration",
        "type": "object",
        "properties": {"GENERAL": _model(GeneralSettings, definitions), **sections},
        "patternProperties": {f"^{kind} .+$": {"$ref": f"#/properties/{kind}"} for kind in MODULE_KINDS},
        "required": list(NEEDED_KINDS),
        "additionalProperties": False,
        "$defs": definitions,
    }


def _model(model: type[Settings], definitions: dict[str, Any], mode: str | None = None) -> dict[str, Any]:
    """One section's schema; what it refers to is put into ``definitions``."""
    found = model.model_json_schema(ref_template="#/$defs/{model}")
    definitions.update(found.pop("$defs", {}))
    found["properties"] = {key.upper(): value for key, value in found["properties"].items()}
    found["required"] = [key.upper() for key in found.get("required", [])]
    if mode is not None:
        found["properties"]["MODE"] = {"const": mode}
        found["required"] = ["MODE", *found["required"]]
    return found
