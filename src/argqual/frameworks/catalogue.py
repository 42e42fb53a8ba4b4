"""Find framework files, read them, and say precisely what is wrong with one.

Where a name is looked up is in `argqual._registry`; the user's folder is `ARGQUAL_FRAMEWORKS`, the entry points are
`argqual.frameworks`.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from argqual._registry import Registry, existing_file, looks_like_path
from argqual._yaml import LocatedDict, LocatedList, YamlError, describe_invalid, parse_yaml, read_yaml
from argqual.errors import FrameworkError, nearest
from argqual.frameworks.framework import Framework

_REGISTRY = Registry(
    "framework", "frameworks", "ARGQUAL_FRAMEWORKS", "argqual.frameworks", FrameworkError, "argqual frameworks list"
)
_MAX_EXTENDS = 20

shipped_folder = _REGISTRY.shipped_folder
"""The frameworks that come with argqual."""


def load_framework(source: str | os.PathLike[str] | Framework) -> Framework:
    """A framework by name or path; one in memory as it is.

    Parameters
    ----------
    source
        The name of a known framework (`ratio`), or the path of a YAML file.

    Raises
    ------
    FrameworkError
        No such framework, or the file is not a valid one; the message names file, line and key.
    """
    return source if isinstance(source, Framework) else read_framework(_REGISTRY.find(source))


def framework_package(source: str | os.PathLike[str] | Framework) -> dict[str, str]:
    """The name of the installed package that brings a framework, and its version; empty where none does."""
    return {} if isinstance(source, Framework) else _REGISTRY.package_of(_REGISTRY.find(source))


def known_frameworks() -> dict[str, Path]:
    """Name to file of every framework that can be named, the user's before the shipped ones."""
    return _REGISTRY.known()


def read_framework(path: Path) -> Framework:
    """Read and check one framework file, with what it extends."""
    return build_framework(_resolve(path, ()), name=str(path))


def parse_framework(text: str, *, name: str = "<text>") -> Framework:
    """Check a framework given as YAML text; `extends` may name known frameworks."""
    return build_framework(_extend(_parsed(parse_yaml, text, name=name), Path(name), ()), name=name)


def build_framework(data: LocatedDict, *, name: str) -> Framework:
    try:
        return Framework.model_validate(data)
    except ValidationError as error:
        raise FrameworkError(describe_invalid(error, data, name)) from None


def _parsed(read: Callable[..., LocatedDict], *given: Any, **settings: Any) -> LocatedDict:
    try:
        return read(*given, **settings)
    except YamlError as error:
        raise FrameworkError(error.message, hint=error.hint) from None


def _resolve(path: Path, seen: tuple[Path, ...]) -> LocatedDict:
    return _extend(_parsed(read_yaml, path), path, (*seen, path.resolve()))


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
    if found := existing_file(name, path.parent):
        return found
    try:
        if looks_like_path(name):
            raise FrameworkError(f"No framework file {name} beside {path.name}.")
        return _REGISTRY.named(name, seen=seen)
    except FrameworkError as error:
        raise FrameworkError(f"{place}: {error.message}", hint=error.hint) from None


def _drop(base: LocatedDict, names: set[str], place: str) -> None:
    """Leave criteria out, and what the inherited file says of them elsewhere."""
    known: set[str] = set()

    def left(item: Any) -> bool:
        if not isinstance(item, LocatedDict):
            return True
        known.add(_id(item) or "")
        _keep(item.get("criteria"), left)
        _forget(item.get("independent_of"), names)
        return _id(item) not in names

    def still_golden(golden: Any) -> bool:
        expected = golden.get("expect") if isinstance(golden, LocatedDict) else None
        if isinstance(expected, LocatedList):
            _keep(expected, lambda item: _still_expects(item, names))
            return len(expected) > 0
        return not isinstance(expected, LocatedDict) or _still_expects(expected, names)

    _keep(base.get("criteria"), left)
    for name in sorted(names - known):
        raise FrameworkError(f"{place}: nothing to drop is called '{name}'. {nearest(name, known)}")
    _keep(base.get("goldens"), still_golden)


def _still_expects(expectation: Any, dropped: set[str]) -> bool:
    """Whether an expectation is about anything once some criteria are dropped; it forgets them."""
    criteria = expectation.get("criteria") if isinstance(expectation, LocatedDict) else None
    _forget(criteria, dropped)
    return criteria is None or len(criteria) > 0


def _forget(items: Any, names: set[str]) -> None:
    _keep(items, lambda item: not isinstance(item, str) or item not in names)


def _keep(items: Any, wanted: Callable[[Any], bool]) -> None:
    """Leave out of a list the items that are not wanted; what is no list stays as it is."""
    if isinstance(items, LocatedList):
        kept = [(item, place) for item, place in zip(items, items.places, strict=True) if wanted(item)]
        items[:] = [item for item, _ in kept]
        items.places = [place for _, place in kept]


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
                name = _id(item) or ""
                used.update({name} & changes.keys())
                item = _merge(item, changes.get(name, LocatedDict()))
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
