"""Frameworks that should not help: what a real one has to beat before anyone says that it helps.

`placebo`: as many criteria, levels and words, about things that a text can have and that say nothing about how well it
argues. `mismatched`: the same, with criteria of quality for another kind of text. `shuffled`: the framework itself,
with each name over another criterion's definition.

A framework that beats being asked nothing may owe that to its length, to the number of answers that are averaged, or to
looking like a rubric; only what it gains over these is due to what it says.
"""

import random
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import product
from typing import Any, Literal, get_args

import yaml

from argqual.errors import StrategyError, nearest
from argqual.frameworks.catalogue import read_framework, shipped_folder
from argqual.frameworks.framework import Criterion, Framework, Guidance
from argqual.judging.program import criterion_text

Control = Literal["placebo", "mismatched", "shuffled"]
CONTROLS: tuple[Control, ...] = get_args(Control)
_ALONE: dict[str, Any] = {"independent_of": (), "examples": (), "same_as": ()}  # what spoke of the texts before
_TEXTS = ("question", "plain", "definition", "checks", "guidance", "levels")


def plain_framework() -> Framework:
    """One question without criteria: "How good is this argument, all in all?"."""
    return read_framework(shipped_folder() / "controls" / "plain.yaml")


def control_framework(framework: Framework, control: Control, *, seed: int = 0) -> Framework:
    """The control of a framework; the seed says which definitions go under which names, for `shuffled`.

    A StrategyError where there is no such control, the framework has kinds of argument or too many criteria, or there
    is nothing to shuffle.
    """
    if control not in CONTROLS:
        raise StrategyError(f"No control is called '{control}'. {nearest(control, CONTROLS)}")
    if control == "shuffled":
        changed = _shuffled(framework, seed)
    elif framework.select:
        raise StrategyError(f"{framework.id} first finds the kind of argument, so it has no {control} control.")
    else:
        pool, asked = _pool(control), framework.asked
        if len(asked) > (most := len(pool["themes"])):
            raise StrategyError(f"{framework.id} asks {len(asked)} questions, and the {control} control has {most}.")
        themed = zip(asked, pool["themes"], strict=False)
        changed = {each.id: _themed(framework, each, theme, pool["say"]) for each, theme in themed}
        framework = framework.model_copy(update={"guidelines": str(pool["guidelines"]).strip()})
    aggregate = changed[framework.aggregate].id if framework.aggregate in changed else framework.aggregate
    criteria = tuple(_replaced(criterion, changed) for criterion in framework.criteria)
    return variant(framework, id=f"{framework.id}-{control}", criteria=criteria, aggregate=aggregate)


def variant(framework: Framework, **changes: Any) -> Framework:
    """The framework with some fields changed and without its goldens, checked as one from a file is."""
    changed = framework.model_copy(update={"goldens": ()} | changes)
    return Framework.model_validate(changed.model_dump(by_alias=True, exclude_none=True))


@cache
def _pool(control: str) -> Any:
    path = shipped_folder() / "controls" / f"{control}.yaml"
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def _replaced(criterion: Criterion, changed: Mapping[str, Criterion]) -> Criterion:
    if criterion.criteria:
        children = tuple(_replaced(child, changed) for child in criterion.criteria)
        criterion = criterion.model_copy(update={"criteria": children})
    new = changed.get(criterion.id)
    return new.model_copy(update={"criteria": criterion.criteria}) if new else criterion


def _shuffled(framework: Framework, seed: int) -> dict[str, Criterion]:
    """Each asked criterion with the texts of another, on a scale of the same levels."""
    asked = list(framework.asked)
    scales = [tuple(level.value for level in framework.scale_of(criterion).levels) for criterion in asked]
    changed: dict[str, Criterion] = {}
    for values in dict.fromkeys(scales):
        places = [place for place, own in enumerate(scales) if own == values]
        random.Random(f"{seed}").shuffle(places)  # noqa: S311 - a shuffle, not a secret
        for place, other in zip(places, places[1:] + places[:1], strict=True):
            texts = {name: getattr(asked[other], name) for name in _TEXTS}
            changed[asked[place].id] = asked[place].model_copy(update=texts | _ALONE)
    if all(changed[criterion.id].definition == criterion.definition for criterion in asked):
        raise StrategyError(f"{framework.id} has no two criteria on one scale, so nothing can be shuffled.")
    return changed


def _themed(framework: Framework, original: Criterion, theme: Mapping[str, Any], say: Mapping[str, Any]) -> Criterion:
    """A criterion about a theme, about as long as the original."""
    things = list(theme["things"])
    name = str(theme["name"])
    levels = framework.scale_of(original).levels

    def said(pattern: str, thing: str = "") -> str:
        return pattern.format(name=name.lower(), things=things, thing=thing)

    def anchors(patterns: Sequence[str]) -> dict[float, str]:
        places = [round(4 * place / (len(levels) - 1)) for place in range(len(levels))]
        texts = [said(patterns[place], things[place]) for place in places]
        return {level.value: text for level, text in zip(levels, texts, strict=True)} if original.levels else {}

    def built(sentences: int, counts: int, not_counts: int, checks: int, patterns: Sequence[str]) -> Criterion:
        return original.model_copy(
            update={
                "id": str(theme["id"]),  # a model reads ids too
                "name": name,
                "plain": said(say["plain"]),
                "question": said(say["question"]),
                "definition": " ".join(said(sentence) for sentence in say["definition"][:sentences]),
                "guidance": Guidance(
                    counts=tuple(said(say["counts"], thing) for thing in things[2 : 2 + counts]),
                    does_not_count=tuple(said(say["does_not_count"], thing) for thing in things[5 : 5 + not_counts]),
                ),
                "checks": tuple(said(say["check"], thing) for thing in things[3 : 3 + checks]),
                "levels": anchors(patterns),
            }
            | _ALONE
        )

    def words(criterion: Criterion) -> int:
        return len(" ".join((criterion_text(criterion, "full"), *framework.anchors(criterion))).split())

    guided, wanted = bool(original.guidance.counts or original.guidance.does_not_count), words(original)
    sizes = product(
        (1, 2) if original.definition else (0,),
        range(1 if guided else 0, 7),
        range(4),
        range(1 if original.checks else 0, 5),
        (say["levels"], _SHORT_LEVELS),
    )
    return min((built(*each) for each in sizes), key=lambda criterion: abs(words(criterion) - wanted))


_SHORT_LEVELS = ("nothing of {name}", "little {name}", "some {name}", "much {name}", "all of {name}")
