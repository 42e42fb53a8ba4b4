"""What the YAML files of frameworks, corpora and benchmarks have in common: a key that is not known is an error."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from argqual.errors import nearest

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Number = Annotated[float, Field(allow_inf_nan=False)]


class Part(BaseModel):
    """A part of a file. A key it does not know is an error that names the nearest one."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, data: Any) -> Any:
        if isinstance(data, dict):
            known = {field.alias or name for name, field in cls.model_fields.items()}
            for key in data:
                if key not in known:
                    raise wrong(f"unknown key '{key}'. {nearest(str(key), known)}", key)
        return data


def extending(schema: dict[str, Any], description: str) -> dict[str, Any]:
    """JSON Schema (2020-12) of a file that may inherit from another, of that of what it has to hold in the end."""
    required = schema.pop("required")
    schema["properties"]["extends"] = {"type": "string", "description": description}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$comment": "A file that extends another inherits what it leaves out.",
        **schema,
        "anyOf": [{"required": required}, {"required": ["extends"]}],
    }


def wrong(words: str, *at: Any) -> PydanticCustomError:
    """What is wrong with a file; `at`: the keys that lead to it, from the part that is checked."""
    return PydanticCustomError("wrong", "{words}", {"words": words, "at": at})
