"""Strategies as text: the list, one by its documentation, a saved one."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Mapping
from typing import Any

from argqual.report.plain import WIDTH, clean, paragraph


def list_text(rows: Iterable[Mapping[str, Any]]) -> str:
    """A line a strategy: name, family, what it does, and what is missing for it."""
    lines = []
    for row in rows:
        missing = "" if row["installed"] else f" (pip install 'argqual[{row['extra']}]')"
        words = f"{row['name']:20}{row['family']:11}{row['summary']}{missing}"
        lines.append(paragraph_of_columns(words, 31))
    return "\n".join(lines)


def paragraph_of_columns(words: str, hanging: int) -> str:
    """A line whose overlong end goes on below its last column."""
    words = clean(words)
    if len(words) <= WIDTH:
        return words
    at = words.rfind(" ", hanging, WIDTH)
    return words[:at] + "\n" + paragraph(words[at + 1 :], indent=hanging)


def documentation(kind: type) -> dict[str, Any]:
    """What a class says of itself: its summary, and each parameter with default and description."""
    text = inspect.getdoc(kind) or ""
    head, _, rest = text.partition("\nParameters\n")
    described = _described(rest.partition("\n---")[2] if rest.startswith("---") else rest)
    signature = inspect.signature(kind)
    parameters = {
        name: {
            "default": None if parameter.default is inspect.Parameter.empty else parameter.default,
            "description": described.get(name, ""),
        }
        for name, parameter in signature.parameters.items()
    }
    return {"summary": " ".join(head.split()), "parameters": parameters}


def _described(section: str) -> dict[str, str]:
    """Parameter descriptions of a numpy-style docstring; a line may name several parameters."""
    found: dict[str, str] = {}
    names: list[str] = []
    for line in section.splitlines():
        if re.match(r"^[A-Z]\w+$", line):  # the next section
            break
        if line and not line.startswith((" ", "-")):
            names = [name.strip() for name in line.partition(":")[0].split(",")]
            found |= dict.fromkeys(names, "")
        elif line.strip() and names:
            for name in names:
                found[name] = f"{found[name]} {line.strip()}".strip()
    return found


def show_text(name: str, family: str, extra: str | None, said: Mapping[str, Any], learns: bool) -> str:
    lines = [f"{name} ({family})", "", paragraph(said["summary"]), ""]
    lines.append("Learns from labels." if learns else "Learns nothing: it needs no labels.")
    if extra:
        lines.append(f"Needs: pip install 'argqual[{extra}]'")
    lines += ["", "Parameters (--set NAME=VALUE)"]
    for parameter, about in said["parameters"].items():
        lines.append(f"  {parameter} = {about['default']!r}"[:WIDTH])
        if about["description"]:
            lines.append(paragraph(about["description"], indent=6))
    return clean("\n".join(lines))


def saved_text(content: Mapping[str, Any]) -> str:
    """What a saved strategy is, was trained on, and asks of whoever passes it on."""
    training, seen = content["training"], content["seen"]
    corpora = ", ".join(training["corpora"]) or "not recorded"
    rows = [
        ("Strategy", content["strategy"]),
        ("Parameters", _parameters(content["params"])),
        ("Trained on", corpora),
        ("Target", training["target"] or "not recorded"),
        ("Saw", seen_text(seen)),
        ("Licences", " / ".join(training["licences"]) or "not recorded"),
        ("Depends on", ", ".join(f"{name} {value}" for name, value in content["depends_on"].items()) or "nothing else"),
        ("Made", f"{content['created']} by argqual {content['argqual']}"),
        ("With", ", ".join(f"{name} {version}" for name, version in content["versions"].items())),
        ("Files", ", ".join(["strategy.json", *content["files"]])),
    ]
    return "\n".join(row_text(name, value) for name, value in rows)


def seen_text(seen: Mapping[str, Any]) -> str:
    """What a strategy saw and took."""
    usage = seen["usage"]
    said = [f"{seen['labels']:,} labels", f"{seen['examples']} examples a question"]
    if seen["model"]:
        said.append(f"the model {seen['model']}")
    if usage["requests"]:
        tokens = [usage["input_tokens"], usage["output_tokens"]]
        known = "tokens unknown" if None in tokens else f"{tokens[0]:,} tokens read, {tokens[1]:,} written"
        said.append(f"{usage['requests']:,} requests ({known})")
    if usage["cost_usd"]:
        said.append(f"{usage['cost_usd']:.4f} USD")
    return ", ".join([*said, f"{seen['seconds']:.1f} s of fitting"])


def row_text(name: str, value: str) -> str:
    """A name and its value in two columns, within the width."""
    lines = paragraph(value, indent=13).splitlines() or [""]
    return "\n".join([f"{name:<13}{lines[0].strip()}", *lines[1:]])


def _parameters(params: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={_short(value)}" for name, value in params.items() if value is not None) or "none"


def _short(value: Any) -> str:
    if isinstance(value, Mapping):
        return str(value.get("$strategy") or value.get("$fitted") or "…")
    return clean(str(value))[:60]
