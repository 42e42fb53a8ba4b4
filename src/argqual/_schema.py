"""What the YAML files of frameworks, corpora and benchmarks have in common: a key that is not known is an error."""

from __future__ import annotations

from collections.abc import Iterator
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

from argqual.errors import nearest

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Number = Annotated[float, Field(allow_inf_nan=False)]


class Part(BaseModel):
    """A part of a file. A key it does not know is an error that names the nearest one."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, data: Any) -> Any:
        if isinstance(data, dict):
            known = {field.alias or name: field for name, field in cls.model_fields.items()}
            for key, value in data.items():
                if key not in known:
                    raise wrong(f"unknown key '{key}'. {nearest(str(key), known)}", key)
                if (at := _truth(value)) is not None and _only_numbers(known[key].annotation):
                    raise wrong("must be a number; YAML reads yes, on and true as true, no and off as false", key, *at)
        return data


def _truth(value: Any) -> tuple[Any, ...] | None:
    """Where in a value true or false stands: the keys that lead there; () for the value itself, None for nowhere."""
    if isinstance(value, bool):
        return ()
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, (list, tuple)) else ()
    return next(((place,) for place, item in items if isinstance(item, bool)), None)


def _only_numbers(hint: Any) -> bool:
    """Whether the values of a field are numbers, or lists or mappings of some: pydantic takes true for 1 there."""
    kinds = set(_values_of(hint)) - {NoneType}
    return bool(kinds) and kinds <= {int, float}


def _values_of(hint: Any) -> Iterator[Any]:
    origin, parts = get_origin(hint), [part for part in get_args(hint) if part is not Ellipsis]
    if origin is None or origin is Literal:
        yield hint if origin is None else str
        return
    for part in parts[:1] if origin is Annotated else parts[-1:] if origin is dict else parts:
        yield from _values_of(part)


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
