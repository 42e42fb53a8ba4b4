"""Find corpus cards, read them, and say precisely what is wrong with one.

Where a name is looked up is in `argqual._registry`; the user's folder is `ARGQUAL_CORPORA`,
the entry points are `argqual.corpora`.
"""

import os
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from argqual._registry import Registry
from argqual._yaml import YamlError, describe_invalid, parse_yaml, read_yaml
from argqual.corpora.card import Card
from argqual.errors import CardError

_REGISTRY = Registry("corpus", "datasets", "ARGQUAL_CORPORA", "argqual.corpora", CardError, "argqual corpora list")
known_cards = _REGISTRY.known
shipped_folder = _REGISTRY.shipped_folder


def load_card(source: str | os.PathLike[str]) -> tuple[Card, Path]:
    """A card by name or path, and the file it stands in.

    Raises a `CardError` if there is none, or it is not valid; the message names file, line and key.
    """
    path = _REGISTRY.find(source)
    return read_card(path), path


def read_card(path: Path) -> Card:
    """Read and check one card."""
    return parse_card(path, name=str(path))


def parse_card(source: Path | str, *, name: str = "<text>") -> Card:
    """Check a card given as YAML text, or read from a file; messages call it `name`."""
    try:
        data = read_yaml(source) if isinstance(source, Path) else parse_yaml(source, name=name)
        return Card.model_validate(data)
    except YamlError as error:
        raise CardError(error.message, hint=error.hint) from None
    except ValidationError as error:
        raise CardError(describe_invalid(error, data, name)) from None


def card_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of a card."""
    schema = Card.model_json_schema(by_alias=True)
    target = schema["properties"]["targets"]["additionalProperties"]
    schema["properties"]["targets"]["additionalProperties"] = {"anyOf": [target, {"type": "string"}]}
    columns = schema["$defs"]["TableLayout"]["properties"]["id"]
    schema["$defs"]["TableLayout"]["properties"]["id"] = {"anyOf": [columns, {"type": "string"}]}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
