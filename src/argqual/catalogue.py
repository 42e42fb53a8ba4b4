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
_MAX_EXTENDS = 20


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
    if path := _file(text):
        return path
    if text.endswith(_SUFFIXES) or os.sep in text:
        raise FrameworkError(f"No framework file {text}.", hint="See 'argqual frameworks list' for the known ones.")
    return _named(text)


def _named(name: str, *, seen: tuple[Path, ...] = ()) -> Path:
    """The file of a framework given by name; a user's framework may extend the next one of its own name."""
    known = known_frameworks()
    if name not in known:
        raise FrameworkError(f"No framework is called '{name}'. {nearest(name, known)}")
    shipped = shipped_folder() / f"{name}.yaml"
    return shipped if known[name].resolve() in seen[-1:] and shipped.is_file() else known[name]


def _file(text: str, beside: Path = Path()) -> Path | None:
    """The file that a text names, if it names one at all."""
    try:
        path = beside / Path(text).expanduser()
        return path if path.is_file() else None
    except (OSError, RuntimeError, ValueError):  # too long for a name, no such home folder, not a path
        return None


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
        try:
            yield Path(entry.load())
        except Exception as error:  # whatever another package does when it is imported
            raise FrameworkError(
                f"The installed package that gives the frameworks '{entry.name}' ({entry.value}) cannot be loaded: "
                f"{type(error).__name__}: {error}.",
                hint="Repair or uninstall it.",
            ) from None
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
    return _extend(_parsed(lambda: read_yaml(path)), path, (*seen, path.resolve()))


def _extend(data: LocatedDict, path: Path, seen: tuple[Path, ...]) -> LocatedDict:
    says_drop, drop = "drop" in data, data.pop("drop", None)
    if "extends" not in data:
        if says_drop:
            raise FrameworkError(f"{data.places['drop']}: 'drop' is only for a framework that 'extends' another.")
        return data
    place, base_name = data.places["extends"], data.pop("extends")
    if not isinstance(base_name, str):
        raise FrameworkError(f"{place}: 'extends' takes the name or path of one framework.")
    base_path = _base(base_name, path, seen, place)
    resolved = base_path.resolve()
    if resolved in seen:
        chain = " -> ".join(step.name for step in (*seen, resolved))
        raise FrameworkError(f"{place}: 'extends' goes in a circle: {chain}.", hint="Remove one of these 'extends'.")
    if len(seen) > _MAX_EXTENDS:
        raise FrameworkError(f"{place}: more than {_MAX_EXTENDS} frameworks extend one another.")
    base = _resolve(base_path, seen)
    if says_drop:
        if not (isinstance(drop, list) and all(isinstance(name, str) for name in drop)):
            raise FrameworkError(f"{data.places['drop']}: 'drop' takes a list of criterion ids.")
        _drop(base, set(drop), data.places["drop"])
    return _merge(base, data)


def _base(name: str, path: Path, seen: tuple[Path, ...], place: str) -> Path:
    """The file that another extends: beside it, or a known framework; never by where the command was given."""
    if found := _file(name, path.parent):
        return found
    try:
        if name.endswith(_SUFFIXES) or os.sep in name:
            raise FrameworkError(f"No framework file {name} beside {path.name}.")
        return _named(name, seen=seen)
    except FrameworkError as error:
        raise FrameworkError(f"{place}: {error.message}", hint=error.hint) from None


def _drop(base: LocatedDict, names: set[str], place: str) -> None:
    """Leave criteria out, and what the inherited file says of them elsewhere."""
    known: set[str] = set()

    def prune(items: Any) -> None:
        if not isinstance(items, LocatedList):
            return
        for index in reversed(range(len(items))):
            item = items[index]
            if not isinstance(item, LocatedDict):
                continue
            known.add(_id(item) or "")
            prune(item.get("criteria"))
            _forget(item.get("independent_of"), names)
            if _id(item) in names:
                del items[index], items.places[index]

    prune(base.get("criteria"))
    for name in sorted(names - known):
        raise FrameworkError(f"{place}: nothing to drop is called '{name}'. {nearest(name, known)}")
    goldens: Any = base.get("goldens")
    for index in reversed(range(len(goldens) if isinstance(goldens, LocatedList) else 0)):
        expected: Any = goldens[index].get("expect") if isinstance(goldens[index], LocatedDict) else None
        if not isinstance(expected, (LocatedDict, LocatedList)):
            continue
        one = not isinstance(expected, LocatedList)
        left = [item for item in ([expected] if one else expected) if _still_expects(item, names)]
        if not left:
            del goldens[index], goldens.places[index]
        elif isinstance(expected, LocatedList):
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
            if isinstance(items[index], str) and items[index] in names:
                del items[index], items.places[index]


def _id(item: Any) -> str | None:
    """A criterion's id, if it is text as it should be."""
    found = item.get("id") if isinstance(item, LocatedDict) else None
    return found if isinstance(found, str) else None


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
    changes: dict[str, LocatedDict] = {}
    for index, item in enumerate(override):
        if (name := _id(item)) is not None and changes.setdefault(name, item) is not item:
            raise FrameworkError(f"{override.places[index]}: '{name}' stands here a second time.")
    used: set[str] = set()

    def apply(items: LocatedList) -> LocatedList:
        changed = LocatedList()
        changed.places = list(items.places)
        for item in items:
            if isinstance(item, LocatedDict):
                name = _id(item)
                change = changes.get(name, LocatedDict()) if name else LocatedDict()
                if name in changes:
                    used.add(name)
                item = _merge(item, change)
                if isinstance(item.get("criteria"), LocatedList):
                    item["criteria"] = apply(item["criteria"])
            changed.append(item)
        return changed

    merged = apply(base)
    for index, item in enumerate(override):
        if _id(item) not in used:
            merged.append(item)
            merged.places.append(override.places[index])
    return merged


def _describe(error: ValidationError, data: LocatedDict, name: str) -> str:
    """One line a problem: `file:line: key: what is wrong`."""
    lines = []
    problems = error.errors(include_url=False)
    for problem in problems:
        if problem["type"] == "too_short" and any(_below(other["loc"], problem["loc"]) for other in problems):
            continue  # Pydantic counts only the entries that are right
        # Pydantic marks the branch of a union, and a key, by a step that is not a key of the file.
        path = tuple(step for step in problem["loc"] if not _is_mark(step))
        path = (*path, *problem.get("ctx", {}).get("at", ()))
        place = place_of(data, path) or name
        key = ".".join(str(step + 1) if isinstance(step, int) else str(step) for step in path)
        lines.append(f"{place}: {key + ': ' if key else ''}{_plainly(problem['type'], problem)}")
    return "\n".join(dict.fromkeys(lines))


def _is_mark(step: Any) -> bool:
    return isinstance(step, str) and (step[:1].isupper() or step == "[key]")


def _below(path: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
    return len(path) > len(other) and path[: len(other)] == other


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
            return f"has {context['actual_length']} entries, but must have {bound}."
        case "tuple_type":
            return "expected a list: [one, two], or a line with a dash for each."
        case "model_type" | "model_attributes_type" | "dict_type":
            return "expected 'key: value' lines."
        case "string_too_short":
            return "is empty."
        case "literal_error":
            return f"'{given}' is not one of {problem['ctx']['expected']}."
        case _:
            said = str(problem["msg"]).replace("Input should be", "must be").strip(". ")
            return said if said.endswith("?") else said + "."
