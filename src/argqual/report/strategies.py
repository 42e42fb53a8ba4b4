"""Strategies as text: the list, one by its documentation, a saved one."""

import inspect
import re
from collections.abc import Iterable, Mapping
from typing import Any

from argqual.report.plain import WIDTH, clean, dollars, paragraph

_SECTION = re.compile(r"^(\w[\w ]*)\n-{3,}$", re.MULTILINE)
_AS_FOR = re.compile(r"^As for `(\w+)`")
_DEFAULT = re.compile(r",\s*(default=.*|optional)$")


def list_text(rows: Iterable[Mapping[str, Any]]) -> str:
    """A line a strategy: name, family, what it does, and the extra it needs, or how to get that."""
    lines = []
    for row in rows:
        extra = f" [{row['extra']}]" if row["extra"] else ""
        needs = extra if row["installed"] else f" (pip install 'argqual{extra.strip()}')"
        words = clean(f"{row['name']:20}{row['family']:11}{row['summary']}{needs}")
        if len(words) > WIDTH:  # the end goes on below the last column
            at = words.rfind(" ", 31, WIDTH)
            words = f"{words[:at]}\n{paragraph(words[at + 1 :], indent=31)}"
        lines.append(words)
    return "\n".join(lines)


def documentation(kind: type) -> dict[str, Any]:
    """What a class says of itself: its summary; and in its order each parameter's type, default and description."""
    head, described = _summary_and_parameters(kind)
    taken = inspect.signature(kind).parameters
    parameters = {}
    for name in dict.fromkeys([*(each for each in described if each in taken), *taken]):
        (type, words), default = described.get(name, ("", "")), taken[name].default
        required = default is inspect.Parameter.empty
        about = {"type": type, "required": required, "default": None if required else default, "description": words}
        parameters[name] = about
    return {"summary": " ".join(head.split()), "parameters": parameters}


def _summary_and_parameters(kind: type) -> tuple[str, dict[str, tuple[str, str]]]:
    """A docstring's beginning, and its parameters; what stands "as for" another strategy is said in full."""
    import argqual.strategies

    head, *sections = _SECTION.split(inspect.getdoc(kind) or "")
    described = _described(dict(zip(sections[::2], sections[1::2], strict=True)).get("Parameters", ""))
    for name, (_, words) in described.items():
        if found := _AS_FOR.match(words):  # what it adds is about several parameters, and stands in the docstring
            other = getattr(argqual.strategies, found[1])
            described[name] = _summary_and_parameters(other)[1].get(name, ("", ""))
    return head, described


def _described(section: str) -> dict[str, tuple[str, str]]:
    """Type and description by parameter, from a numpy-style docstring; a line may name several parameters."""
    found: dict[str, tuple[str, str]] = {}
    names: list[str] = []
    for line in filter(str.strip, section.splitlines()):
        if not line.startswith(" "):
            said, _, kind = line.partition(":")
            names = [name.strip() for name in said.split(",")]
            found |= dict.fromkeys(names, (_DEFAULT.sub("", kind).strip(), ""))
            continue
        for name in names:
            kind, words = found[name]
            found[name] = kind, f"{words} {line.strip()}".strip()
    return found


def show_text(name: str, family: str, extra: str | None, said: Mapping[str, Any], learns: bool) -> str:
    lines = [f"{name} ({family})", "", paragraph(said["summary"]), ""]
    lines.append("Learns from labels." if learns else "Learns nothing: it needs no labels.")
    if extra:
        lines.append(f"Needs: pip install 'argqual[{extra}]'")
    lines += ["", "Parameters (--set NAME=VALUE)" if said["parameters"] else "It has no parameters."]
    for parameter, about in said["parameters"].items():
        value = f"{parameter}, needed" if about["required"] else f"{parameter} = {about['default']!r}"
        lines.append(paragraph(f"{value}{f' ({kind})' if (kind := about['type']) else ''}", indent=2, hanging=4))
        if about["description"]:
            lines.append(paragraph(about["description"], indent=6))
    return clean("\n".join(lines))


def saved_text(content: Mapping[str, Any]) -> str:
    """What a saved strategy is, was trained on, and asks of whoever passes it on."""
    training, seen = content["training"], content["seen"]
    params = [f"{name}={_short(value)}" for name, value in content["params"].items() if value is not None]
    rows = [
        ("Strategy", content["strategy"]),
        ("Parameters", ", ".join(params) or "none"),
        ("Trained on", ", ".join(training["corpora"]) or "not recorded"),
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
    usage = seen["usage"]
    said = [f"{seen['labels']:,} labels"]
    if seen["examples"]:
        said.append(f"{seen['examples']} examples a question")
    if seen["model"]:
        said.append(f"the model {seen['model']}")
    if usage["requests"]:
        tokens = [usage["input_tokens"], usage["output_tokens"]]
        known = "tokens unknown" if None in tokens else f"{tokens[0]:,} tokens read, {tokens[1]:,} written"
        said.append(f"{usage['requests']:,} requests ({known})")
    if usage["cost_usd"]:
        said.append(dollars(usage["cost_usd"]))
    return ", ".join([*said, f"{seen['seconds']:.1f} s of fitting"])


def row_text(name: str, value: str) -> str:
    """A name and its value in two columns, within the width."""
    lines = paragraph(value, indent=13).splitlines() or [""]
    return "\n".join([f"{name:<13}{lines[0].strip()}", *lines[1:]])


def _short(value: Any) -> str:
    if isinstance(value, Mapping):
        return str(value.get("$strategy") or value.get("$fitted") or "…")
    if isinstance(value, list):
        return f"[{', '.join(map(_short, value))}]"
    return clean(str(value))[:60]
