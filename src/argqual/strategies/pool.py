"""Worked examples from a file: arguments with their levels, and with what may be said before these.

A line of JSON each: `text`, `issue`, `levels` (1 to 5 for `overall`, and for criteria by their ids), `rationales` (by
style: polished, messy, corrupted), and whatever else the file wants to keep. argqual ships one pool, `constructed`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from argqual.argument import Argument
from argqual.corpora.cards import shipped_folder
from argqual.errors import InputError

SHIPPED: Mapping[str, str] = {"constructed": "constructed/demonstrations.jsonl"}
LOWEST, HIGHEST = 1, 5


class Worked(BaseModel):
    """An example: levels by criterion (`overall` for what has none of its own), rationales by style."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    text: str
    issue: str | None = None
    levels: dict[str, Annotated[int, Field(ge=LOWEST, le=HIGHEST)]]
    rationales: dict[str, str] = {}

    @property
    def argument(self) -> Argument:
        return Argument(self.text, issue=self.issue)

    def level(self, criterion: str, levels: int) -> int:
        """The place (lowest 0) on a scale of so many levels."""
        said = self.levels.get(criterion, self.levels["overall"])
        return round((said - LOWEST) / (HIGHEST - LOWEST) * (levels - 1))


def read_pool(name: str | Path) -> tuple[Worked, ...]:
    """The examples of a shipped pool, or of a file.

    Raises
    ------
    InputError
        There is no such file, or a line of it is no example.
    """
    path = shipped_folder() / SHIPPED[str(name)] if str(name) in SHIPPED else Path(name)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise InputError(
            f"The pool of examples {name} cannot be read: {error.strerror or error}.",
            hint=f"Shipped ones: {', '.join(SHIPPED)}.",
        ) from None
    found = []
    for number, line in enumerate(lines, start=1):
        try:
            worked = Worked.model_validate(json.loads(line))
        except (ValidationError, ValueError) as error:
            said = error.errors()[0]["msg"] if isinstance(error, ValidationError) else str(error)
            raise InputError(f"{path}:{number}: no worked example: {said}") from None
        if "overall" not in worked.levels:
            raise InputError(f"{path}:{number}: an example has a level for 'overall'.")
        found.append(worked)
    return tuple(found)
