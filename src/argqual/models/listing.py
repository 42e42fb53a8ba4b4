"""What litellm's packaged list says of a model: prices, tokens, what it supports. Nothing is looked up on the network.

The file is read as it lies in the installed package; litellm itself, which takes seconds, is not imported.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

_FILE = "model_prices_and_context_window_backup.json"


def listed(provider: str, name: str, *, anywhere: bool = False) -> Mapping[str, Any]:
    """The entry of `provider/name`; empty when there is none.

    `anywhere` takes another provider's entry of that name where this provider has none: a server of one's own may
    stand before any of them. What an entry does not say of what is supported, the list's rules for families may.
    """
    models, rules = _list()
    bare = models.get(name, {})
    own = str(bare.get("litellm_provider", "")).startswith(provider)
    entry = models.get(f"{provider}/{name}") or (bare if own or anywhere else {})
    supported = {key: value for key, value in bare.items() if own and key.startswith("supports_")}
    for rule in rules:
        only_for = rule.get("fill_missing_for_providers")
        if entry and only_for is not None and entry.get("litellm_provider") not in only_for:
            continue
        if re.search(rule["pattern"], name):
            filled = rule.get("model_info") or {}
            supported = {key: value for key, value in filled.items() if key.startswith("supports_")} | supported
    return supported | entry


def providers() -> list[str]:
    """The providers of the list, as they are written before a model's name."""
    models, _ = _list()
    return sorted({str(entry["litellm_provider"]) for entry in models.values() if entry.get("litellm_provider")})


@cache
def _list() -> tuple[dict[str, dict[str, Any]], list[dict[str, Any]]]:
    """The entries by name, and the rules for families of models that are not in it one by one."""
    package = find_spec("litellm")
    if package is None or package.origin is None:
        return {}, []
    try:
        found = json.loads((Path(package.origin).parent / _FILE).read_bytes())
    except (OSError, ValueError):
        return {}, []
    rules = found.pop("fallback_generalizations", {}).get("rules", [])
    found.pop("sample_spec", None)
    usable = [rule for rule in rules if isinstance(rule.get("pattern"), str)]
    return {name: entry for name, entry in found.items() if isinstance(entry, dict)}, usable
