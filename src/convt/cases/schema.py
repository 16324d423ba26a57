"""The JSON Schemas of spec files, from the model: editors complete and check by them."""

from __future__ import annotations

import json
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema
from pydantic_core import core_schema

from convt.cases.finding_forms import FindingsFile
from convt.cases.model import KnownFile, SpecFile
from convt.cases.reject_forms import RejectsFile


class _Generate(GenerateJsonSchema):
    """Fields that may be left out may not be null: nothing is said by leaving the line out."""

    def nullable_schema(self, schema: core_schema.NullableSchema) -> dict[str, Any]:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> dict[str, Any]:
        described = super().default_schema(schema)
        if described.get("default", 0) is None:
            described.pop("default")
        return described


def schemas() -> dict[str, str]:
    """The text of each schema file, by its path in specs/."""
    return {
        "schema.json": _text(SpecFile),
        "rejects.schema.json": _text(RejectsFile),
        "known.schema.json": _text(KnownFile),
        "findings.schema.json": _text(FindingsFile),
    }


def _text(model: type[BaseModel]) -> str:
    schema = model.model_json_schema(schema_generator=_Generate)
    return json.dumps({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}, indent=2) + "\n"
