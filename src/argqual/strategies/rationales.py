"""What is said before an example's level: reasons with substance, reasons after a wrong turn, and the look of reasons.

A model explains the level that people gave (`polished`); the other styles are made out of that without a model,
so that all three are of one length and one voice, and differ in what they are meant to differ in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, get_args

from argqual.argument import Argument
from argqual.frameworks.framework import Framework
from argqual.strategies.controls import variant

Rationales = Literal["none", "polished", "messy", "corrupted"]
STYLES: tuple[Rationales, ...] = get_args(Rationales)
BORROWING = ("messy", "corrupted")


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
        level = scale[levels[criterion.id]]
        said.append(
            f"{criterion.name}: {level.written} ({level.label}), from {scale[0].written} to {scale[-1].written}"
        )
    context = f"Readers judged: {'; '.join(said)}."
    return Argument(argument.text, issue=argument.issue, stance=argument.stance, context=context)


def styled(style: Rationales, polished: Sequence[str], levels: Sequence[int], labels: Sequence[str]) -> list[str]:
    """Rationales of several examples, for one criterion, in a style.

    Parameters
    ----------
    polished
        Each example's own.
    levels
        Each example's place on the scale; `labels` has the words for the places.

    What is borrowed comes from the example half way along the order of levels, so of another level wherever
    the examples' levels differ, and each is lent once.
    """
    if style == "polished":
        return list(polished)
    order = sorted(range(len(levels)), key=lambda place: (levels[place], place))
    half = max(len(order) // 2, 1)
    lender = {place: order[(rank + half) % len(order)] for rank, place in enumerate(order)}
    if style == "corrupted":
        return [polished[lender[place]] for place in range(len(polished))]
    return [
        f"At first sight: {polished[lender[place]]} So {labels[levels[lender[place]]]}. No, wait: that is not what "
        f"stands here. Looking again: {own} So {labels[levels[place]]}."
        for place, own in enumerate(polished)
    ]
