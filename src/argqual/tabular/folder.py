"""A folder of text files as a table."""

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

from argqual.argument import read_argument_text
from argqual.errors import InputError
from argqual.tabular.formats import format_of
from argqual.tabular.table import TableRow, TableSource, reason_of

_TEXTS = (".txt", ".md")


class FolderSource(TableSource):
    """The text files below a folder, in the order of their names."""

    columns = ("file", "text")

    def __init__(self, path: Path) -> None:
        self.path, self.name = path, str(path)
        found = list(self._walk())
        self._files = sorted(name for name in found if name.lower().endswith(_TEXTS))
        if not self._files:
            tables = sorted(name for name in found if format_of(name))
            raise InputError(
                f"There are no .txt or .md files in the folder {path}.",
                hint=f"To score a table in it, name the file: {path / tables[0]}." if tables else None,
            )

    def _walk(self) -> Iterator[str]:
        """Files as paths below the folder with forward slashes; hidden ones are passed over."""

        def refuse(error: OSError) -> None:
            raise InputError(f"Cannot read the folder {error.filename}: {reason_of(error)}.")

        for here, folders, files in os.walk(self.path, onerror=refuse):
            folders[:] = [name for name in folders if not name.startswith(".")]
            for name in files:
                if not name.startswith("."):
                    yield (Path(here) / name).relative_to(self.path).as_posix()

    def count(self) -> int:
        return len(self._files)

    def identity(self) -> dict[str, str | int]:
        digest = hashlib.sha256()
        for name in self._files:
            try:
                state = (self.path / name).stat()
                facts = [state.st_size, state.st_mtime_ns]
            except OSError:
                facts = []
            digest.update(json.dumps([name, *facts]).encode())
        return {
            "kind": "folder",
            "path": str(self.path.resolve()),
            "files": len(self._files),
            "digest": digest.hexdigest()[:16],
        }

    def rows(self, skip: int = 0) -> Iterator[TableRow]:
        for name in self._files[skip:]:
            try:
                yield TableRow({"file": name, "text": read_argument_text(self.path / name)})
            except InputError as error:
                yield TableRow({"file": name, "text": None}, error.message)
