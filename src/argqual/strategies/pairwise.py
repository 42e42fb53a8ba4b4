"""A strategy that compares arguments instead of rating them: `pairwise`.

A comparison is asked as an assessment, with the other argument as the context, so that it goes through the batch scorer
and its store. Models favour a place in the prompt, so each comparison is asked in both orders: the probability that A
beats B is the mean of yes to "A, next to B?" and of no to "B, next to A?". Where an order has no answer, there is no
comparison: half of one is never taken for a whole.
"""

import math
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from itertools import combinations
from typing import Any, Literal, get_args

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from argqual.argument import Argument
from argqual.assessment import Assessment, Status, Usage
from argqual.errors import InputError, StrategyError
from argqual.frameworks.framework import Criterion, Framework, Inputs
from argqual.frameworks.scale import Level, Scale
from argqual.judging.frames.frame import Frame, frame_of
from argqual.judging.program import Definitions, criterion_text
from argqual.stats.comparisons import bradley_terry, linked_parts
from argqual.strategies.base import Array, OfFramework, Predictions, PredictionScale, Questions, Seen, require
from argqual.strategies.controls import variant
from argqual.strategies.given import as_arguments
from argqual.strategies.prompted import DEFINITIONS, Asking

Against = Literal["ladder", "test"]
Pair = tuple[int, int]
_PRIOR_SD = 2.0  # of a position on the ladder, in standard deviations of the training labels
_L2 = 0.1  # in simulated designs of 60 to 1,000 arguments the true order came out better than with 1


@dataclass(frozen=True)
class Compared:
    """Two arguments, and which is better."""

    first: Argument
    second: Argument
    probability: float | None  # that `first` is better: the mean over both orders, 0 to 1; None when either has none
    shown_first: float | None  # when `first` stood first in the prompt, as the context; None without an answer
    shown_second: float | None  # when it stood second, as the argument that is asked about
    reason: str | None = None  # why there is no probability


@dataclass(eq=False, repr=False)
class Pairwise(OfFramework, Asking):
    """Ask which of two arguments is better, and score each by its wins.

    Parameters
    ----------
    framework : str, Path or Framework, default="ratio"
        Whose guidelines and criteria say what "better" means.
    definitions : {"none", "plain", "full"}, default="full"
        What is said of each criterion: its name, one plain sentence, or all but its levels.
    against : {"ladder", "test"}, default="ladder"
        `ladder`: each argument is compared with the same labelled arguments of the training data, and its
        prediction is on the labels' scale (`ladder_position`). `test`: the arguments given to `predict` are
        compared with each other, without labels; their predictions are Bradley-Terry scores (logits, mean
        0), and **relative to that set**: another set gives the same argument another score.
    rungs : int, default=8
        Arguments on the ladder, one drawn from each of as many equal shares of the training labels, from
        different issues as far as possible.
    opponents : int, default=6
        For `test`, with how many others each argument is compared; an even number.
    same_issue : bool, default=False
        For `test`, take opponents from the same issue, but for what links the issues.
    seed : int, default=0
        Of the drawing of rungs and opponents.
    model, readout, concurrency, max_cost, store, api_base, effort
        As for `Plain`. A comparison takes two requests.

    Attributes
    ----------
    rungs_ : list of Argument
    positions_ : array of shape (n_rungs,)
        The rungs' labels, in standard deviations of the training labels from their mean.
    mean_, scale_ : float
        Mean and standard deviation of the training labels.

    Notes
    -----
    An argument with fewer than half of its comparisons has no prediction, nor has one that no chain of
    comparisons links with most of the others (`test`). Equal arguments are compared as one, and none is
    compared with itself. An argument's own context and stance are not shown, and criteria that need them are
    left out.

    References
    ----------
    Bradley, R. A. and Terry, M. E. (1952). Rank analysis of incomplete block designs. Biometrika 39.
    """

    _: KW_ONLY
    definitions: Definitions = "full"
    against: Against = "ladder"
    rungs: int = 8
    opponents: int = 6
    same_issue: bool = False
    seed: int = 0

    @property
    def learns(self) -> bool:  # type: ignore[override]
        """Whether `fit` looks at labels: for a ladder it does."""
        return self.against != "test"

    @property
    def scale(self) -> PredictionScale:
        """The labels' scale on a ladder; else one that holds among the arguments compared."""
        return PredictionScale.LABELS if self.learns else PredictionScale.RELATIVE

    def compare(self, X: Sequence[Any]) -> list[Compared]:  # noqa: N803
        """The comparisons behind `predict`, each with its answers in both orders."""
        check_is_fitted(self, "seen_")
        items, _ = _distinct(as_arguments(X))
        return self._asked(*self._design(items))[0]

    def questions(self, X: Sequence[Any]) -> list[Argument]:  # noqa: N803
        """What the model would be asked to `predict` these: each with another argument as its context."""
        check_is_fitted(self, "seen_")
        items, _ = _distinct(as_arguments(X))
        return self._questions(*self._design(items))

    def _check(self) -> None:
        require("against", self.against, get_args(Against))
        require("definitions", self.definitions, DEFINITIONS)
        if self.rungs < 2:
            raise StrategyError(f"rungs={self.rungs}: a ladder has at least 2.")
        if self.opponents < 2 or self.opponents % 2:
            raise StrategyError(f"opponents={self.opponents}: an even number of at least 2.")
        super()._check()

    def _framework(self) -> Framework:
        return versus_framework(super()._framework(), self.definitions)

    def _plan(self, arguments: list[Argument], labels: Array, groups: list[Any], predict: list[Argument]) -> Questions:
        fitted: Pairwise = clone(self)
        fitted._choose(arguments, labels)
        items, _ = _distinct(predict)
        questions = self._questions(*fitted._design(items))
        return ((judge, question) for judge in self.judges() for question in questions)

    def _fit(self, arguments: list[Argument], labels: Array, groups: list[Any]) -> None:
        super()._fit(arguments, labels, groups)
        self._choose(arguments, labels)

    def _choose(self, arguments: list[Argument], labels: Array) -> None:
        """Choose the rungs of the ladder, if there is one."""
        if not self.learns:
            return
        if len(arguments) < self.rungs:
            raise InputError(
                f"{len(arguments)} labelled arguments are too few for a ladder of {self.rungs} rungs.",
                hint="Give more, or set rungs=.",
            )
        chosen = choose_rungs(arguments, labels, self.rungs, seed=self.seed)
        self.rungs_ = [arguments[place] for place in chosen]
        self.mean_, self.scale_ = float(labels.mean()), float(labels.std())
        self.positions_ = (labels[chosen] - self.mean_) / self.scale_

    def _predict(self, arguments: list[Argument]) -> Predictions:
        items, places = _distinct(arguments)
        pool, design = self._design(items)
        compared, usage = self._asked(pool, design)
        reasons = _too_few(len(pool), design, compared)[: len(items)]
        score = self._on_ladder if self.learns else _among
        values = score([*zip(design, compared, strict=True)], reasons)
        order = {name: own[places] for name, own in _order(len(items), design, compared).items()}
        return Predictions(values[places], tuple(reasons[place] for place in places), usage=usage, order=order)

    def _design(self, items: list[Argument]) -> tuple[list[Argument], list[Pair]]:
        """The items, then the rungs if there is a ladder; and which of these are compared."""
        if not self.learns:
            issues = [argument.issue for argument in items] if self.same_issue else None
            return items, opponents_of(len(items), self.opponents, issues=issues, seed=self.seed)
        return items + self.rungs_, [
            (item, rung)
            for item, argument in enumerate(items)
            for rung, other in enumerate(self.rungs_, start=len(items))
            if argument.text != other.text
        ]

    def _questions(self, pool: Sequence[Argument], design: Sequence[Pair]) -> list[Argument]:
        """What a model is asked about: each pair in both orders, the one asked about with the other as context."""
        frame = frame_of(self._framework().language)
        orders = (order for one, other in design for order in ((one, other), (other, one)))
        return [_next_to(pool[asked], pool[context], frame) for asked, context in orders]

    def _asked(self, pool: Sequence[Argument], design: Sequence[Pair]) -> tuple[list[Compared], Usage]:
        if not design:
            return [], Usage()
        (judge,) = self.judges()
        found, took = self._asked_of(judge, self._questions(pool, design))
        compared = [
            _compared(pool[one], pool[other], asked, turned)
            for (one, other), asked, turned in zip(design, found[::2], found[1::2], strict=True)
        ]
        return compared, took

    def _on_ladder(self, met: Sequence[tuple[Pair, Compared]], reasons: list[str | None]) -> Array:
        won: list[dict[int, float]] = [{} for _ in reasons]
        for (item, rung), each in met:
            if each.probability is not None:
                won[item][rung - len(reasons)] = each.probability
        places = [
            math.nan if reason else ladder_position(np.array([*own.values()]), self.positions_[[*own]])
            for own, reason in zip(won, reasons, strict=True)
        ]
        return self.mean_ + self.scale_ * np.array(places)

    def _seen(self) -> Seen:
        return Seen(examples=len(self.rungs_) if self.learns else 0, model=super()._seen().model)


def versus_framework(framework: Framework, definitions: Definitions = "full") -> Framework:
    """A framework of one question, "is this argument better than the one in the context?", by another's criteria.

    A StrategyError where the framework first finds the kind of argument, which two arguments need not share, or all
    its criteria need a stance or a context.
    """
    if framework.select:
        raise StrategyError(f"{framework.id} first finds the kind of argument, so it cannot compare two.")
    criteria = [each for each in framework.asked if not {"stance", "context"} & set(each.requires)]
    if not criteria:
        raise StrategyError(f"All criteria of {framework.id} need a stance or a context, which no comparison shows.")
    frame = frame_of(framework.language)
    parts = [
        framework.guidelines.strip(),
        frame.versus,
        *(_meaning(criterion, definitions, framework.language) for criterion in criteria),
        frame.versus_issues,
    ]
    no = Level(value=0, label=frame.no, description=frame.better_no)
    yes = Level(value=1, label=frame.yes, description=frame.better_yes)
    return variant(
        framework,
        id=f"{framework.id[:53]}-versus",
        title=f"{framework.title}: two compared",
        description=f"Which of two arguments is better by {framework.title}.",
        inputs=Inputs(issue=framework.inputs.issue or "optional", context="required"),
        guidelines="\n\n".join(filter(None, parts)),
        gate=None,
        scale=Scale(levels=(no, yes)),
        criteria=(_better(frame),),
        aggregate="weighted_mean",
    )


def _better(frame: Frame) -> Criterion:
    return Criterion(id="better", name=frame.better_name, plain=frame.better_plain, question=frame.better_question)


def _meaning(criterion: Criterion, definitions: Definitions, language: str) -> str:
    text = criterion_text(criterion.model_copy(update={"examples": ()}), definitions, language)
    return text if criterion.higher_is_better else f"{text}\n{frame_of(language).versus_flaw}"


def _next_to(argument: Argument, other: Argument, frame: Frame) -> Argument:
    """The argument with the other as its context, and the other's issue where it is another one."""
    elsewhere = other.issue and other.issue != argument.issue
    context = f"{frame.on_issue.format(issue=other.issue)}\n\n{other.text}" if elsewhere else other.text
    return Argument(argument.text, issue=argument.issue, context=context)


def _compared(first: Argument, second: Argument, asked: Assessment, turned: Assessment) -> Compared:
    yes, no = _yes(asked), _yes(turned)
    shown_first = None if no is None else 1.0 - no
    if yes is not None and shown_first is not None:
        return Compared(first, second, (yes + shown_first) / 2, shown_first, yes)
    missing = asked if yes is None else turned
    return Compared(first, second, None, shown_first, yes, f"{missing.status}: {missing.overall.reason}")


def _yes(assessment: Assessment) -> float | None:
    return assessment.overall.unit if assessment.status is Status.OK else None


def _distinct(arguments: Sequence[Argument]) -> tuple[list[Argument], list[int]]:
    """The arguments that differ in what is shown of them, and the place of each argument among those."""
    places: dict[tuple[str, str | None], int] = {}
    items: list[Argument] = []
    for argument in arguments:
        if places.setdefault((argument.text, argument.issue), len(items)) == len(items):
            items.append(argument)
    return items, [places[argument.text, argument.issue] for argument in arguments]


def _among(met: Sequence[tuple[Pair, Compared]], reasons: list[str | None]) -> Array:
    """Bradley-Terry scores of items compared with each other; adds the reasons of those that are linked with few."""
    answered = [(*pair, each.probability) for pair, each in met if each.probability is not None]
    if not answered:
        return np.full(len(reasons), np.nan)
    first, second, won = (np.array(column) for column in zip(*answered, strict=True))
    values = bradley_terry(first, second, won, len(reasons), l2=_L2)
    parts = linked_parts(first, second, len(reasons))
    largest = np.bincount(parts).argmax()
    for item, part in enumerate(parts):
        if reasons[item] is None and part != largest:
            reasons[item] = "no chain of answered comparisons links it with most of the others"
    return np.where([reason is None for reason in reasons], values, np.nan)


def _order(n_items: int, design: Sequence[Pair], compared: Sequence[Compared]) -> dict[str, Array]:
    """What the order of the two does, means over each item's comparisons: see `Predictions`."""
    found: list[list[tuple[float, float]]] = [[] for _ in range(n_items)]
    for pair, each in zip(design, compared, strict=True):
        if each.shown_first is not None and each.shown_second is not None:
            turned = (each.shown_first - 0.5) * (each.shown_second - 0.5) < 0
            for item in pair:
                if item < n_items:
                    found[item].append((each.shown_first - each.shown_second, float(turned)))
    means = np.array([np.mean(own, axis=0) if own else (np.nan, np.nan) for own in found])
    return {"order_effect": means[:, 0], "turned_by_order": means[:, 1]}


def _too_few(n_items: int, design: Sequence[Pair], compared: Sequence[Compared]) -> list[str | None]:
    """For each item, why it has no score where fewer than half of its comparisons were answered."""
    met: list[list[Compared]] = [[] for _ in range(n_items)]
    for (one, other), each in zip(design, compared, strict=True):
        met[one].append(each)
        met[other].append(each)
    reasons: list[str | None] = []
    for own in met:
        missing = [each.reason for each in own if each.probability is None]
        if not own:
            reasons.append("there is nothing to compare it with")
        elif 2 * len(missing) > len(own):
            reasons.append(f"{len(own) - len(missing)} of {len(own)} comparisons were answered; {missing[0]}")
        else:
            reasons.append(None)
    return reasons


def choose_rungs(arguments: Sequence[Argument], labels: Array, rungs: int, *, seed: int) -> list[int]:
    """The places of a ladder's arguments, lowest label first.

    One is drawn from each of `rungs` equal shares of the arguments in the order of their labels, from an
    issue that no lower rung has, where there is one.
    """
    rng = np.random.default_rng(seed)
    shuffled = rng.permutation(len(labels))  # so that equal labels are in no particular order
    order = shuffled[np.argsort(labels[shuffled], kind="stable")]
    chosen: list[int] = []
    issues: set[str | None] = set()
    for share in np.array_split(order, rungs):
        drawn = [int(place) for place in rng.permutation(share)]
        fresh = [place for place in drawn if arguments[place].issue not in issues]
        chosen.append((fresh or drawn)[0])
        issues.add(arguments[chosen[-1]].issue)
    return chosen


def ladder_position(won: Array, rungs: Array, *, prior_sd: float = _PRIOR_SD) -> float:
    """The position from which an argument would win as it did against rungs whose positions are known.

    With P(win against rung r) = 1 / (1 + exp(b_r - t)), the model of Bradley and Terry with all abilities
    but one fixed, the position t maximises

        sum_r [w_r log P_r + (1 - w_r) log(1 - P_r)] - t^2 / (2 prior_sd^2),

    and so solves sum_r (w_r - P_r) = t / prior_sd^2. The left side falls in t, so there is one solution. The
    prior keeps it finite where all is won or lost. Against the same rungs, more wins always mean a higher position: how
    steep P is changes no ranking. `won` has the probability of having won against each rung, 0 to 1, and `rungs` the
    positions b_r, both of shape (n,).
    """
    precision = prior_sd**-2
    bound = (len(rungs) + 1) / precision
    return float(brentq(lambda t: (won - expit(t - rungs)).sum() - precision * t, -bound, bound))


def opponents_of(
    n_items: int, opponents: int, *, issues: Sequence[str | None] | None = None, seed: int = 0
) -> list[Pair]:
    """Which items are compared: each with `opponents` others (with all, if there are no more), all linked.

    A circulant design: the items stand in a circle, in a random order, and each meets those at some fixed
    distances. Distance 1 is one of them, so that every item is linked with every other; no pair comes twice. The number
    of opponents is even. Where items have issues, equal ones stand side by side, and all distances but one are the
    shortest.
    """
    if opponents >= n_items - 1:
        return list(combinations(range(n_items), 2))
    rng = np.random.default_rng(seed)
    order = rng.permutation(n_items)
    steps = opponents // 2
    farthest = (n_items - 1) // 2
    near = 1
    if issues is not None:
        codes = np.unique([str(issue) for issue in issues], return_inverse=True)[1]
        codes = rng.permutation(codes.max() + 1)[codes]
        order = order[np.argsort(codes[order], kind="stable")]
        near = max(1, steps - 1)
    farther = rng.choice(np.arange(near + 1, farthest + 1), steps - near, replace=False)
    distances = [*range(1, near + 1), *(int(distance) for distance in farther)]
    turned = (np.roll(order, -distance) for distance in distances)
    return [pair for others in turned for pair in zip(order.tolist(), others.tolist(), strict=True)]
