"""Find framework files, read them, and say precisely what is wrong with one.

A name is looked up in this order: a path; the folder `ARGQUAL_FRAMEWORKS`;
installed packages' `argqual.frameworks` entry points; the shipped ones.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from argqual.errors import FrameworkError, nearest
from argqual.framework import Framework
from argqual.yamlfile import LocatedDict, LocatedList, YamlError, parse_yaml, place_of, read_yaml

_SUFFIXES = (".yaml", ".yml")


def load_framework(source: str | os.PathLike[str]) -> Framework:
    """A framework by name or path.

    Parameters
    ----------
    source
        The name of a known framework (`ratio`), or the path of a YAML file.

    Raises
    ------
    FrameworkError
        No such framework, or the file is not a valid one; the message names file,
        line and key.
    """
    return read_framework(find_framework(source))


def find_framework(source: str | os.PathLike[str]) -> Path:
    """The file of a framework given by name or path."""
    text = os.fspath(source)
    path = Path(text).expanduser()
    if path.is_file():
        return path
    if text.endswith(_SUFFIXES) or os.sep in text:
        raise FrameworkError(f"No framework file {text}.", hint="See 'argqual frameworks list' for the known ones.")
    known = known_frameworks()
    if text not in known:
        raise FrameworkError(f"No framework is called '{text}'. {nearest(text, known)}")
    return known[text]


def known_frameworks() -> dict[str, Path]:
    """Name to file of every framework that can be named, the user's before the shipped ones."""
    found: dict[str, Path] = {}
    for folder in _folders():
        for path in sorted(folder.glob("*.y*ml")):
            if path.suffix in _SUFFIXES:
                found.setdefault(path.stem, path)
    return found


def _folders() -> Iterator[Path]:
    if folder := os.environ.get("ARGQUAL_FRAMEWORKS"):
        if not Path(folder).is_dir():
            raise FrameworkError(
                f"ARGQUAL_FRAMEWORKS names {folder}, which is not a folder.", hint="Correct or unset it."
            )
        yield Path(folder)
    for entry in entry_points(group="argqual.frameworks"):
        yield Path(str(entry.load()))
    yield shipped_folder()


def shipped_folder() -> Path:
    """The frameworks that come with argqual: inside the wheel, or beside `src/` in a checkout."""
    package = Path(__file__).parent
    inside = package / "frameworks"
    return inside if inside.is_dir() else package.parents[1] / "frameworks"


def read_framework(path: Path) -> Framework:
    """Read and check one framework file, with what it extends."""
    return build_framework(_resolve(path, ()), name=str(path))


def parse_framework(text: str, *, name: str = "<text>") -> Framework:
    """Check a framework given as YAML text; `extends` may name known frameworks."""
    return build_framework(_extend(_parsed(lambda: parse_yaml(text, name=name)), Path(name), ()), name=name)


def build_framework(data: LocatedDict, *, name: str) -> Framework:
    try:
        return Framework.model_validate(data)
    except ValidationError as error:
        raise FrameworkError(_describe(error, data, name)) from None


def _parsed(read: Any) -> LocatedDict:
    try:
        data: LocatedDict = read()
        return data
    except YamlError as error:
        raise FrameworkError(error.message, hint=error.hint) from None


def _resolve(path: Path, seen: tuple[Path, ...]) -> LocatedDict:
    resolved = path.resolve()
    if resolved in seen:
        chain = " -> ".join(step.name for step in (*seen, resolved))
        raise FrameworkError(f"{path}: 'extends' goes in a circle: {chain}.", hint="Remove one of these 'extends'.")
    return _extend(_parsed(lambda: read_yaml(path)), path, (*seen, resolved))


def _extend(data: LocatedDict, path: Path, seen: tuple[Path, ...]) -> LocatedDict:
    drop = data.pop("drop", None)
    if "extends" not in data:
        if drop is not None:
            raise FrameworkError(f"{data.places['drop']}: 'drop' is only for a framework that 'extends' another.")
        return data
    place, base_name = data.places["extends"], data.pop("extends")
    if not isinstance(base_name, str):
        raise FrameworkError(f"{place}: 'extends' takes the name or path of one framework.")
    beside = path.parent / base_name
    try:
        base_path = beside if beside.is_file() else find_framework(base_name)
    except FrameworkError as error:
        raise FrameworkError(f"{place}: {error.message}", hint=error.hint) from None
    base = _resolve(base_path, seen)
    if drop is not None:
        if not (isinstance(drop, list) and all(isinstance(name, str) for name in drop)):
            raise FrameworkError(f"{data.places['drop']}: 'drop' takes a list of criterion ids.")
        _drop(base, set(drop), data.places["drop"])
    return _merge(base, data)


def _drop(base: LocatedDict, names: set[str], place: str) -> None:
    """Leave criteria out, and what the inherited file says of them elsewhere."""
    known: set[str] = set()

    def prune(items: Any) -> None:
        for index in reversed(range(len(items))):
            item = items[index]
            known.add(str(item.get("id")))
            if item.get("id") in names:
                del items[index], items.places[index]
            else:
                _forget(item.get("independent_of"), names)
                prune(item.get("criteria", LocatedList()))

    prune(base.get("criteria", LocatedList()))
    for name in sorted(names - known):
        raise FrameworkError(f"{place}: nothing to drop is called '{name}'. {nearest(name, known)}")
    goldens = base.get("goldens", LocatedList())
    for index in reversed(range(len(goldens))):
        expected = goldens[index].get("expect", LocatedList())
        one = not isinstance(expected, LocatedList)
        left = [item for item in ([expected] if one else expected) if _still_expects(item, names)]
        if not left:
            del goldens[index], goldens.places[index]
        elif not one:
            expected.places = [expected.places[expected.index(item)] for item in left]
            expected[:] = left


def _still_expects(expectation: Any, dropped: set[str]) -> bool:
    """Whether an expectation is about anything once some criteria are dropped; it forgets them."""
    criteria = expectation.get("criteria") if isinstance(expectation, LocatedDict) else None
    _forget(criteria, dropped)
    return criteria is None or len(criteria) > 0


def _forget(items: Any, names: set[str]) -> None:
    if isinstance(items, LocatedList):
        for index in reversed(range(len(items))):
            if items[index] in names:
                del items[index], items.places[index]


def _merge(base: LocatedDict, override: LocatedDict) -> LocatedDict:
    merged = LocatedDict()
    merged.update(base)
    merged.places.update(base.places)
    for key, value in override.items():
        inherited = base.get(key)
        if isinstance(value, LocatedDict) and isinstance(inherited, LocatedDict) and key != "scale":
            value = _merge(inherited, value)
        elif key == "criteria" and isinstance(value, LocatedList) and isinstance(inherited, LocatedList):
            value = _merge_criteria(inherited, value)
        merged[key] = value
        merged.places[key] = override.places[key]
    return merged


def _merge_criteria(base: LocatedList, override: LocatedList) -> LocatedList:
    """Criteria with an id of the base change it, wherever in the tree it is; the others are added."""
    merged = LocatedList()
    changes = {item["id"]: item for item in override if isinstance(item, LocatedDict) and "id" in item}
    used: set[str] = set()

    def apply(items: LocatedList) -> LocatedList:
        changed = LocatedList()
        changed.places = list(items.places)
        for item in items:
            if isinstance(item, LocatedDict):
                if item.get("id") in changes:
                    used.add(item["id"])
                    item = _merge(item, changes[item["id"]])
                elif isinstance(item.get("criteria"), LocatedList):
                    copy = _merge(item, LocatedDict())
                    copy["criteria"] = apply(item["criteria"])
                    item = copy
            changed.append(item)
        return changed

    merged = apply(base)
    for index, item in enumerate(override):
        if not (isinstance(item, LocatedDict) and item.get("id") in used):
            merged.append(item)
            merged.places.append(override.places[index])
    return merged


def _describe(error: ValidationError, data: LocatedDict, name: str) -> str:
    """One line a problem: `file:line: key: what is wrong`."""
    lines = []
    for problem in error.errors(include_url=False):
        # Pydantic marks the branch of a union by a step that is not a key of the file.
        path = tuple(step for step in problem["loc"] if not (isinstance(step, str) and step[:1].isupper()))
        context = problem.get("ctx", {})
        if problem["type"] == "unknown_key":
            path = (*path, context["key"])
        place = place_of(data, path) or name
        key = ".".join(str(step + 1) if isinstance(step, int) else str(step) for step in path)
        lines.append(f"{place}: {key + ': ' if key else ''}{_plainly(problem['type'], problem)}")
    return "\n".join(dict.fromkeys(lines))


def _plainly(kind: str, problem: Any) -> str:
    given = problem.get("input")
    match kind:
        case "missing":
            return "this key is required and missing."
        case "string_type":
            return f"expected text, got {given!r}; put it in quotes."
        case "string_pattern_mismatch":
            return f"'{given}': only lower-case letters, digits and _ (in a framework's id -), a letter first."
        case "too_short" | "too_long":
            context = problem["ctx"]
            bound = f"at least {context['min_length']}" if kind == "too_short" else f"at most {context['max_length']}"
            return f"has {context['actual_length']} entries; {bound} are needed."
        case "string_too_short":
            return "is empty."
        case "literal_error":
            return f"'{given}' is not one of {problem['ctx']['expected']}."
        case _:
            return str(problem["msg"]).rstrip(".") + "."
