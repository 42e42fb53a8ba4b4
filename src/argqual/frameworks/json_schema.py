"""The JSON Schema of framework files, from the models that check them."""

from __future__ import annotations

from typing import Any

from argqual._schema import extending
from argqual.frameworks.framework import Framework


def json_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of a framework file, with what only files have: `extends` and `drop`."""
    schema = Framework.model_json_schema(by_alias=True)
    parts = schema["$defs"]
    parts["Criterion"]["required"] = ["id"]  # a file that extends another need not repeat the rest
    for name in ("Gate", "Provenance", "Select"):
        parts[name].pop("required")
    several = parts["Golden"]["properties"]["expect"]
    parts["Golden"]["properties"]["expect"] = {"anyOf": [several, several["items"]]}
    schema = extending(schema, "A framework whose keys these override.")
    schema["properties"]["drop"] = {
        "type": "array",
        "items": {"type": "string"},
        "description": "Ids of inherited criteria to leave out.",
    }
    return schema
