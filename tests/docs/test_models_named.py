"""Every hosted model that a page, a help or an error names is one that people can use.

The list is litellm's, in the copy that is installed. It is read with the day on which the names were last chosen, not
with today's, and a newer list than the one they were chosen from may say that a model is given up without failing this
test: so it does not begin to fail by itself. RELEASING.md says when the day and the version are to be set anew.
"""

from __future__ import annotations

import ast
import importlib.metadata
import json
import re
from collections.abc import Iterator
from datetime import date, timedelta
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from argqual.models.addresses import OWN_SERVERS
from docpages import ROOT, named, pages

CHOSEN_ON = date(2026, 11, 30)
CHOSEN_FROM = (1, 110, 2)  # litellm's version
OUTLIVES = timedelta(days=182)
# A model's name on a line of its own terms: not in a path, nor in an address.
_NAME = r"[a-z][\w.:-]*[\w]"
_PLACEHOLDERS = {"name", "test", "x", "x.gguf", "mine", "model", "other"}
_BARE = re.compile(r"(?<![\w/.-])((?:gpt|claude|gemini|grok|command|mistral|deepseek)-[\w.-]*\d[\w.-]*)(?![\w/])")


@cache
def listed() -> dict[str, dict[str, Any]]:
    spec = find_spec("litellm")
    assert spec is not None and spec.origin is not None
    path = Path(spec.origin).with_name("model_prices_and_context_window_backup.json")
    found: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return found


@cache
def providers() -> frozenset[str]:
    known = {str(entry.get("litellm_provider")) for entry in listed().values()}
    return frozenset(known | {key.partition("/")[0] for key in listed() if "/" in key} | {"openai"})


def found_in(text: str) -> Iterator[str]:
    """Hosted models that a text names, with their provider or, as makers write them, without."""
    for provider, name in re.findall(rf"(?<![\w/.:-])([a-z][a-z0-9_]*)/({_NAME})", text):
        if provider in providers() and name not in _PLACEHOLDERS:
            yield f"{provider}/{name}"
    yield from (each.rstrip(".-") for each in _BARE.findall(text))


def trouble_with(model: str) -> str | None:
    """Why a model had better not be named; None for one that will do."""
    provider, _, name = model.partition("/") if "/" in model else ("", "", model)
    entry = listed().get(model) or listed().get(name)
    if entry is None:
        return None if provider in OWN_SERVERS - {"openai"} else "is not in the list"
    if provider and model not in listed() and entry.get("litellm_provider") != provider:
        return "is another provider's"
    ends = entry.get("deprecation_date")
    if ends and date.fromisoformat(ends) < CHOSEN_ON + OUTLIVES:
        return f"is given up on {ends}"
    return None


def sentences(file: Path) -> Iterator[str]:
    """The texts in a module that people read: those with a space in them, docstrings among them."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value.strip():
            yield node.value


def texts() -> Iterator[tuple[str, str]]:
    """Everything that may name a model, and where it stands; helps and hints are texts of the source."""
    for page in pages():
        yield named(page), page.read_text(encoding="utf-8")
    for folder in ("src", "examples"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            yield from ((named(file), text) for text in sentences(file))
    for folder in ("benchmarks", "frameworks", "examples"):
        for file in sorted((ROOT / folder).rglob("*.yaml")):
            yield named(file), file.read_text(encoding="utf-8")


def test_every_model_named_is_in_the_list_and_outlives_the_next_six_months() -> None:
    troubled: dict[str, set[str]] = {}
    seen = set()
    for where, text in texts():
        for model in found_in(text):
            seen.add(model)
            if why := trouble_with(model):
                troubled.setdefault(f"{model} {why}", set()).add(where)
    assert {"openai/gpt-6-luna", "anthropic/claude-sonnet-5-5"} <= seen
    installed = tuple(int(part) for part in re.findall(r"\d+", importlib.metadata.version("litellm"))[:3])
    if troubled and installed > CHOSEN_FROM:
        pytest.skip(f"a newer list than that of {CHOSEN_ON} says so: {troubled}")
    assert troubled == {}


@pytest.mark.parametrize(
    ("text", "models"),
    [
        (
            "Such as openai/gpt-4.1-mini or anthropic/claude-sonnet-4-5.",
            ["openai/gpt-4.1-mini", "anthropic/claude-sonnet-4-5"],
        ),
        ("--model ollama/qwen3:8b", ["ollama/qwen3:8b"]),
        ("openai/NAME, openai/…, provider/name, https://openai/gpt-4, src/openai/gpt-4", []),
        ("argqual/judging/judge.py and docs/openai/x", []),
        ("asked gpt-5-mini, and Claude 4.5", ["gpt-5-mini"]),
    ],
)
def test_models_are_found_in_a_text(text: str, models: list[str]) -> None:
    assert list(found_in(text)) == models


@pytest.mark.parametrize(
    ("model", "why"),
    [
        ("openai/gpt-6-luna", None),
        ("gemini/gemini-3.5-flash", None),
        ("ollama/whatever:1b", None),
        ("openai/gpt-never", "is not in the list"),
        ("anthropic/gpt-6-luna", "is another provider's"),
        ("anthropic/claude-sonnet-4-5", "is given up on 2026-11-30"),
        ("openai/gpt-4.1-mini", "is given up on 2027-01-14"),
    ],
)
def test_what_is_given_up_or_made_up_is_noticed(model: str, why: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a list as it was on that day."""
    rows: dict[str, dict[str, Any]] = {
        "gpt-6-luna": {"litellm_provider": "openai"},
        "gemini/gemini-3.5-flash": {"litellm_provider": "gemini"},
        "claude-sonnet-4-5": {"litellm_provider": "anthropic", "deprecation_date": "2026-11-30"},
        "gpt-4.1-mini": {"litellm_provider": "openai", "deprecation_date": "2027-01-14"},
    }
    monkeypatch.setitem(globals(), "listed", lambda: rows)
    assert trouble_with(model) == why
