"""Worked examples from a file, and what is said before an example's level.

An example in a file is a line of JSON: `text`, `issue`, `levels` (1 to 5 for `overall`, and for criteria by their ids),
`rationales` (by style), and whatever else the file wants to keep. argqual ships one pool, `constructed`.

Rationales are reasons with substance (`polished`), reasons after a wrong turn (`messy`), or the look of reasons
(`corrupted`). A model explains the level that people gave; the other styles are made out of that without a model, so
that all three are of one length and one voice, and differ in what they are meant to differ in.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from argqual.argument import Argument
from argqual.corpora.cards import shipped_folder
from argqual.errors import InputError
from argqual.frameworks.framework import Framework
from argqual.strategies.controls import variant

SHIPPED: Mapping[str, str] = {"constructed": "constructed/demonstrations.jsonl"}
LOWEST, HIGHEST = 1, 5
Rationales = Literal["none", "polished", "messy", "corrupted"]
STYLES: tuple[Rationales, ...] = get_args(Rationales)
BORROWING = ("messy", "corrupted")


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
    """The examples of a shipped pool, or of a file; an InputError where there is none, or a line is no example."""
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


def explaining(framework: Framework) -> Framework:
    """The framework with the levels given as context: what is asked for is why."""
    guidelines = (
        f"{framework.guidelines.strip()}\n\nReaders have judged the argument already; their levels stand in the "
        "context. Give the same levels, and explain from the text why they are right."
    ).strip()
    inputs = framework.inputs.model_copy(update={"context": "required"})
    return variant(framework, id=f"{framework.id}-explained", guidelines=guidelines, inputs=inputs)


def with_levels(argument: Argument, framework: Framework, levels: Mapping[str, int]) -> Argument:
    """The argument with the levels that people gave it (places on the scales, lowest 0) as its context."""
    said = []
    for criterion in framework.asked:
        scale = framework.scale_of(criterion).levels
        level, ends = scale[levels[criterion.id]], f"from {scale[0].written} to {scale[-1].written}"
        said.append(f"{criterion.name}: {level.written} ({level.label}), {ends}")
    context = f"Readers judged: {'; '.join(said)}."
    return Argument(argument.text, issue=argument.issue, stance=argument.stance, context=context)


def styled(style: Rationales, polished: Sequence[str], levels: Sequence[int], labels: Sequence[str]) -> list[str]:
    """Rationales of several examples, for one criterion, in a style.

    Of each example's own (`polished`), and its place on the scale, for which `labels` has the words. What is borrowed
    comes from the example half way along the order of levels, so of another level wherever the examples' levels differ,
    and each is lent once.
    """
    if style == "polished":
        return list(polished)
    order = sorted(range(len(levels)), key=levels.__getitem__)
    half = max(len(order) // 2, 1)
    lender = {place: order[(rank + half) % len(order)] for rank, place in enumerate(order)}
    if style == "corrupted":
        return [polished[lender[place]] for place in range(len(polished))]
    return [
        f"At first sight: {polished[lender[place]]} So {labels[levels[lender[place]]]}. No, wait: that is not what "
        f"stands here. Looking again: {own} So {labels[levels[place]]}."
        for place, own in enumerate(polished)
    ]
