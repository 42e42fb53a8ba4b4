"""What a judge says of an argument: ratings, an overall, and where they came from.

A failure is not a score: a rating has a value only when its status is `ok`, and
an aggregate only when all that it needs has one. Nothing is filled in.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from statistics import fmean
from typing import Literal

from pydantic import BaseModel, ConfigDict

from argqual._graphemes import splits_a_character
from argqual.frameworks.framework import Criterion, Framework, walk
from argqual.frameworks.scale import Scale

ProbabilitySource = Literal["logprobs", "endpoint", "verbalised", "votes", "calibrated"]


class Status(StrEnum):
    """How a question ended.

    `ok`: rated. `abstained`: the judge said that it cannot tell. `skipped`: not
    asked, because an input is missing or another kind of argument was found.
    `unreadable`: answered in a form that cannot be read. `failed`: not answered.
    """

    OK = "ok"
    ABSTAINED = "abstained"
    SKIPPED = "skipped"
    UNREADABLE = "unreadable"
    FAILED = "failed"


_WORST_FIRST = (Status.FAILED, Status.UNREADABLE, Status.ABSTAINED)


class Record(BaseModel):
    """A result: it never changes, and writes itself as JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Quote(Record):
    """A passage of the argument, found in it: `text == argument[start:end]`."""

    text: str
    start: int
    end: int


class Rating(Record):
    """The answer to one criterion, or the aggregate of a parent's children.

    Parameters
    ----------
    value
        On the criterion's scale; the expected value where there are probabilities.
    unit
        The same from 0 (lowest level) to 1 (highest).
    quality
        `unit`, turned round for a flaw: 0 worst, 1 best, for every criterion.
    level, label
        The nearest level's value and label.
    probabilities
        Level value (as written) to probability; sums to 1.
    probability_source
        Where they came from; None when there are none.
    raw
        The value as the model gave it, where `value` has been calibrated to people's ratings.
    spread
        Standard deviation of the value under the probabilities, in units of the scale.
    outside
        Off-scale mass: the probability that the model gave to something that is not a level (0 to 1).
    evidence, discarded_quotes
        Quotes that stand in the argument, and those that do not.
    asked
        False for an aggregate.
    """

    criterion: str
    name: str
    status: Status
    reason: str | None = None
    value: float | None = None
    unit: float | None = None
    quality: float | None = None
    level: float | None = None
    label: str | None = None
    scale: tuple[float, float]
    probabilities: dict[str, float] | None = None
    probability_source: ProbabilitySource | None = None
    raw: float | None = None
    spread: float | None = None
    outside: float | None = None
    rationale: str | None = None
    evidence: tuple[Quote, ...] = ()
    discarded_quotes: tuple[str, ...] = ()
    asked: bool = True


class GateAnswer(Record):
    """Is it an argument at all? `probability` is that of yes, 0 to 1."""

    passed: bool
    probability: float


class Selected(Record):
    """The kind of argument that was found, and the probability of each kind."""

    option: str
    name: str
    probabilities: dict[str, float] | None = None


class Usage(Record):
    """What an assessment took. None means that the model did not say."""

    requests: int = 0
    input_tokens: int | None = None
    cached_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None
    seconds: float = 0.0

    @classmethod
    def total(cls, usages: Iterable[Usage]) -> Usage:
        """What several took together; a figure that any with a request leaves out is unknown in the sum."""
        asked = [usage for usage in usages if usage.requests]
        columns = {name: [getattr(usage, name) for usage in asked] for name in cls.model_fields}
        return cls(**{name: None if None in column else sum(column) for name, column in columns.items()})


class FrameworkReference(Record):
    """Which framework, in which version."""

    id: str
    version: str
    fingerprint: str

    @classmethod
    def of(cls, framework: Framework) -> FrameworkReference:
        """The reference to a framework."""
        return cls(id=framework.id, version=framework.version, fingerprint=framework.fingerprint)

    @property
    def name(self) -> str:
        """Id and version."""
        return f"{self.id} {self.version}"


class Assessment(Record):
    """An argument's ratings and overall, with everything needed to say how they came about.

    Parameters
    ----------
    ratings
        Children before their parents, in the framework's order.
    readout
        How the ratings were got out of the model (`expect`, `decide`, `verbal`,
        `label`, `votes:N`).
    program
        Fingerprint of the framework and of all that the prompt is made of.
    notes
        What a reader should know: truncation, a gate that doubts, quotes dropped.
    truncated
        An answer was cut off at its limit of tokens.
    calibration
        Which calibration the ratings went through; None when they are the model's own.
    """

    status: Status
    overall: Rating
    ratings: tuple[Rating, ...]
    gate: GateAnswer | None = None
    selected: Selected | None = None
    framework: FrameworkReference
    program: str
    model: str
    readout: str
    explained: bool = False
    definitions: str = "full"
    usage: Usage = Usage()
    notes: tuple[str, ...] = ()
    truncated: bool = False
    calibration: str | None = None
    argument_id: str | None = None
    argqual_version: str

    def rating(self, criterion_id: str) -> Rating:
        """The rating of a criterion; `overall` for the overall one."""
        return ({rating.criterion: rating for rating in self.ratings} | {"overall": self.overall})[criterion_id]


def rate(
    criterion: Criterion,
    scale: Scale,
    probabilities: Sequence[float],
    *,
    source: ProbabilitySource | None,
    outside: float | None = None,
    rationale: str | None = None,
    evidence: tuple[Quote, ...] = (),
    discarded_quotes: tuple[str, ...] = (),
) -> Rating:
    """A rating from a distribution over a scale's levels, lowest first.

    The value is the expectation; with all mass on one level it is that level.
    Without a `source` the distribution is only the written level, and is not shown.
    """
    total = math.fsum(probabilities)
    shares = [probability / total for probability in probabilities]
    values = [level.value for level in scale.levels]
    value = math.fsum(share * level for share, level in zip(shares, values, strict=True))
    variance = math.fsum(share * (level - value) ** 2 for share, level in zip(shares, values, strict=True))
    nearest_level = scale.nearest(value)
    return Rating(
        criterion=criterion.id,
        name=criterion.name,
        status=Status.OK,
        value=value,
        unit=scale.unit(value),
        quality=_turned(scale.unit(value), criterion.higher_is_better),
        level=nearest_level.value,
        label=nearest_level.label,
        scale=(scale.lowest, scale.highest),
        probabilities=dict(zip((level.written for level in scale.levels), shares, strict=True)) if source else None,
        probability_source=source,
        spread=math.sqrt(variance) if source else None,
        outside=outside,
        rationale=rationale,
        evidence=evidence,
        discarded_quotes=discarded_quotes,
    )


def unrated(criterion: Criterion, scale: Scale, status: Status, reason: str, *, asked: bool = True) -> Rating:
    """A rating without a value, and why."""
    return Rating(
        criterion=criterion.id,
        name=criterion.name,
        status=status,
        reason=reason,
        scale=(scale.lowest, scale.highest),
        asked=asked,
    )


def aggregate(framework: Framework, asked: Mapping[str, Rating]) -> tuple[tuple[Rating, ...], Rating]:
    """All ratings of a framework's tree (children before parents), and the overall one.

    Skipped criteria drop out and the others' weights are rescaled. Any other
    missing rating leaves its parent without a value, with a reason that names it.
    """
    ratings: dict[str, Rating] = dict(asked)
    for parent in walk(framework.criteria):
        if parent.id not in ratings:
            blank = unrated(parent, framework.scale_of(parent), Status.SKIPPED, "", asked=False)
            ratings[parent.id] = _combine(blank, framework.scale_of(parent), parent, ratings)
    ordered = tuple(ratings[criterion.id] for criterion in walk(framework.criteria))
    if framework.aggregate in ratings:
        return ordered, ratings[framework.aggregate].model_copy(update={"criterion": "overall", "name": "Overall"})
    blank = Rating(
        criterion="overall",
        name="Overall",
        status=Status.SKIPPED,
        scale=(framework.scale.lowest, framework.scale.highest),
        asked=False,
    )
    return ordered, _combine(blank, framework.scale, framework, ratings)


def _combine(blank: Rating, scale: Scale, parent: Criterion | Framework, ratings: Mapping[str, Rating]) -> Rating:
    """The parent's rating, from the quality (0 to 1, higher is better) of its children."""
    counted = [
        child for child in parent.criteria if child.weight > 0 and ratings[child.id].status is not Status.SKIPPED
    ]
    for status in _WORST_FIRST:
        missing = [ratings[child.id] for child in counted if ratings[child.id].status is status]
        if missing:
            names = ", ".join(rating.name for rating in missing)
            return blank.model_copy(update={"status": status, "reason": f"{names}: {missing[0].reason}"})
    if not counted:
        return blank.model_copy(update={"reason": "none of its criteria was asked"})
    qualities = [quality for child in counted if (quality := ratings[child.id].quality) is not None]
    quality = _mean(parent.aggregate or "weighted_mean", qualities, [child.weight for child in counted])
    unit = _turned(quality, parent.higher_is_better)
    value = scale.from_unit(unit)
    level = scale.nearest(value)
    return blank.model_copy(
        update={
            "status": Status.OK,
            "reason": None,
            "value": value,
            "unit": unit,
            "quality": quality,
            "level": level.value,
            "label": level.label,
        }
    )


def _turned(share: float, higher_is_better: bool) -> float:
    """A share of a scale as quality, or the other way round."""
    return share if higher_is_better else 1.0 - share


def _mean(method: str, units: Sequence[float], weights: Sequence[float]) -> float:
    """The mean of qualities from 0 to 1, by one of the methods of a framework's `aggregate`."""
    match method:
        case "min":
            return min(units)
        case "geometric_mean":
            return math.exp(fmean(map(math.log, units), weights)) if min(units) > 0.0 else 0.0
        case "weighted_mean":
            return fmean(units, weights)
    raise ValueError(f"no such aggregation: {method}")


def locate_quote(quote: str, text: str) -> Quote | None:
    """The passage of `text` that a model meant by `quote`, or None when it is not there.

    White space, letter case, the kind of quotation marks, and how Unicode writes a letter (one character or several,
    with or without marks of no width) may differ; nothing else may. A passage begins and ends with whole letters.
    """
    needle, _ = _folded(quote.strip().strip(_MARKS).strip())
    haystack, origins = _folded(text)
    start = haystack.find(needle) if needle else -1
    while start >= 0:
        end = start + len(needle)
        first, last = origins[start], origins[end - 1] + 1
        while last < len(text) and _has_no_width(text[last]):
            last += 1
        if not _splits(text, first, start, origins) and not _splits(text, last, end, origins):
            return Quote(text=text[first:last], start=first, end=last)
        start = haystack.find(needle, start + 1)
    return None


def _splits(text: str, place: int, folded: int, origins: list[int]) -> bool:
    """Whether a letter is cut in two at a place of a text, and of the text as it was folded."""
    inside = 0 < folded < len(origins) and origins[folded] == origins[folded - 1]
    return inside or (not text.isascii() and splits_a_character(text, place))


def verified(quote: str, text: str) -> tuple[tuple[Quote, ...], tuple[str, ...]]:
    """A model's quote as a passage of the text, or among the discarded when it is not there; none at all if empty."""
    if not quote:
        return (), ()
    found = locate_quote(quote, text)
    return ((found,), ()) if found else ((), (quote,))


_MARKS = "'\"“”„‟‘’‚‛«»`´「」『』《》〈〉‹›＂＇"
_QUOTE_MARKS = {ord(mark): "'" for mark in _MARKS}


def _has_no_width(character: str) -> bool:
    """A joiner, a mark of direction, a choice of how the emoji before it looks."""
    return unicodedata.category(character) == "Cf" or "\ufe00" <= character <= "\ufe0f"


def _folded(text: str) -> tuple[str, list[int]]:
    """Text without white space, case and marks of no width, one kind of quotation marks; each character's origin."""
    kept: list[str] = []
    origins: list[int] = []
    for index, character in enumerate(text.translate(_QUOTE_MARKS)):
        if character.isspace() or _has_no_width(character):
            continue
        plain = character.casefold()
        for folded in plain if plain.isascii() else unicodedata.normalize("NFD", plain):
            kept.append(folded)
            origins.append(index)
    return "".join(kept), origins
