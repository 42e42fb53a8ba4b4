"""Parts that installed packages add by entry point; nothing of a package is imported before its name is used."""

import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import cache
from importlib import metadata
from importlib.metadata import EntryPoint, PackageNotFoundError, entry_points
from typing import Any, TypeVar

from argqual.errors import ArgqualError

T = TypeVar("T")


@cache
def points(group: str, path: tuple[str, ...]) -> tuple[EntryPoint, ...]:
    """The entry points of a group; `path` is what is searched, so that a package added to it is found."""
    return tuple(entry_points(group=group))  # reads the metadata of every installed package: 60 ms


def added(group: str) -> dict[str, EntryPoint]:
    """What installed packages add to a group, by name, in alphabetical order."""
    return {point.name: point for point in sorted(points(group, tuple(sys.path)), key=lambda point: point.name)}


def package_of(point: EntryPoint | None) -> dict[str, str]:
    """The name of the package that an entry point is of, and its version; empty where there is none."""
    return {point.dist.name: point.dist.version} if point is not None and point.dist is not None else {}


def versions_of(packages: Iterable[str]) -> dict[str, str]:
    """The versions of packages, as far as they are installed."""
    found = {}
    for name in packages:
        with suppress(PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


def imported(point: EntryPoint, make: Callable[[Any], T], error: type[ArgqualError]) -> T:
    """What `make` makes of the object that an entry point names; `error` is raised when either fails."""
    try:
        return make(point.load())
    except Exception as wrong:  # whatever another package does
        raise error(
            f"The installed package that gives '{point.name}' ({point.value}) to {point.group} cannot be "
            f"loaded: {type(wrong).__name__}: {wrong}.",
            hint="Repair or uninstall it.",
        ) from None
