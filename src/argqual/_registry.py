"""Find the YAML files that have names: frameworks and corpus cards, the user's before the shipped ones.

A name is looked up in this order: a path; the folder an environment variable
names; installed packages' entry points; what comes with argqual.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from argqual._plugins import added, imported, package_of
from argqual.errors import ArgqualError, nearest

SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True)
class Registry:
    """Where one kind of file stands.

    `kind` is what a file of it is called in messages: "framework", "corpus". `shipped` is the folder's name inside the
    wheel, and beside `src/` in a checkout; `variable` the environment variable that names a folder of the user's;
    `group` the entry points of installed packages, each of which gives a folder. `error` is what is raised, and
    `listing` the command that lists what is known.
    """

    kind: str
    shipped: str
    variable: str
    group: str
    error: type[ArgqualError]
    listing: str

    def find(self, source: str | os.PathLike[str]) -> Path:
        """The file that a name or a path means."""
        text = os.fspath(source)
        if path := existing_file(text):
            return path
        if looks_like_path(text):
            raise self.error(f"No {self.kind} file {text}.", hint=f"See '{self.listing}' for the known ones.")
        return self.named(text)

    def named(self, name: str, *, seen: tuple[Path, ...] = ()) -> Path:
        """The file of a name; a user's file may build on the next one of its own name."""
        known = self.known()
        if name not in known:
            raise self.error(f"No {self.kind} is called '{name}'. {nearest(name, known)}")
        shipped = self.shipped_folder() / f"{name}.yaml"
        return shipped if known[name].resolve() in seen[-1:] and shipped.is_file() else known[name]

    def known(self) -> dict[str, Path]:
        """Name to file of all that can be named, the user's before the shipped ones."""
        found: dict[str, Path] = {}
        for folder in self._folders():
            for path in sorted(folder.glob("*.y*ml")):
                if path.suffix in SUFFIXES:
                    found.setdefault(path.stem, path)
        return found

    def shipped_folder(self) -> Path:
        """What comes with argqual: inside the wheel, or beside `src/` in a checkout."""
        package = Path(__file__).parent
        inside = package / self.shipped
        return inside if any(inside.glob("*.yaml")) else package.parents[1] / self.shipped

    def package_of(self, path: Path) -> dict[str, str]:
        """The name of the installed package that brings a file, and its version; empty where none does."""
        for entry in added(self.group).values():
            if path.resolve().is_relative_to(imported(entry, Path, self.error).resolve()):
                return package_of(entry)
        return {}

    def _folders(self) -> Iterator[Path]:
        if folder := os.environ.get(self.variable):
            if not Path(folder).is_dir():
                raise self.error(f"{self.variable} names {folder}, which is not a folder.", hint="Correct or unset it.")
            yield Path(folder)
        for entry in added(self.group).values():
            yield imported(entry, Path, self.error)
        yield self.shipped_folder()


def existing_file(text: str, beside: Path = Path()) -> Path | None:
    """The file that a text names, if it names one at all."""
    try:
        path = beside / Path(text).expanduser()
        return path if path.is_file() else None
    except (OSError, RuntimeError, ValueError):  # too long for a name, no such home folder, not a path
        return None


def looks_like_path(text: str) -> bool:
    return text.endswith(SUFFIXES) or os.sep in text
