"""Strategies that ask a model and learn nothing: `plain` and `principle`.

Whatever is asked goes through the batch scorer and its store, so that the folds of a
cross-validation, two strategies with the same prompt, and a second run ask nothing twice. The
prediction is the overall rating's quality (0 to 1); an argument without one is missing, with its reason.
"""

import os
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import KW_ONLY, dataclass
from functools import cache
from typing import Any, ClassVar, Literal, get_args

import numpy as np

from argqual.argument import Argument
from argqual.assessment import Assessment, FrameworkReference, Rating, Status, Usage, aggregate, rate, unrated
from argqual.errors import StrategyError
from argqual.frameworks.framework import Criterion, Framework
from argqual.frameworks.scale import Level, Scale
from argqual.judging.batch import Batch
from argqual.judging.judge import Judge
from argqual.judging.program import Definitions
from argqual.judging.prompt import Explain, level_codes
from argqual.judging.store import Store
from argqual.models.addresses import address_variable, has_password
from argqual.models.connect import Model, connect
from argqual.models.names import DEFAULT_MODEL
from argqual.strategies.base import (
    Array,
    OfFramework,
    Predictions,
    PredictionScale,
    Seen,
    Strategy,
    require,
    tell,
)
from argqual.strategies.controls import Control, control_framework, plain_framework, variant

Ask = Literal["jointly", "one_by_one", "checklist"]
DEFINITIONS: tuple[Definitions, ...] = get_args(Definitions)
_YES_NO = Scale(levels=(Level(value=0, label="no"), Level(value=1, label="yes")))


@cache
def _connected(name: str, api_base: str | None, effort: str | None, _from: str | None) -> Model:
    return connect(name, api_base=api_base, effort=effort, any_path=True)


def connected(model: Model | str, *, api_base: str | None = None, effort: str | None = None) -> Model:
    """A model by name; connected once a process, since loading an embedded one takes its time.

    Raises a `StrategyError` for a password in an address, which would be kept with the strategy and its results.
    """
    if api_base and has_password(api_base):
        raise StrategyError(
            "The address of a strategy's model has a user name or a password in it, and would be kept with it.",
            hint="Set the provider's variable to it instead, such as OPENAI_API_BASE, and leave out api_base.",
        )
    if isinstance(model, Model):
        return model
    variable = address_variable(model.partition("/")[0])
    return _connected(model, api_base, effort, variable and os.environ[variable])  # anew at another address


@dataclass(eq=False, repr=False)
class Asking(Strategy):
    """Base of strategies that ask a model.

    A subclass says which framework is asked (`_framework`), and predicts with what `_ask` gives.
    """

    learns = False
    models: ClassVar[tuple[str, ...]] = ("model",)

    _: KW_ONLY
    model: Model | str = DEFAULT_MODEL
    readout: str = "auto"
    concurrency: int | None = None
    max_cost: float | None = None
    store: bool = True
    api_base: str | None = None
    effort: str | None = None

    @abstractmethod
    def _framework(self) -> Framework:
        """The framework that is asked."""

    def judges(self) -> list[Judge]:
        return [self._judge(self._framework())]

    def _judge(self, framework: Framework, **settings: Any) -> Judge:
        return Judge(framework, model=self._model(), readout=self.readout, **settings)

    def _model(self) -> Model:
        return connected(self.model, api_base=self.api_base, effort=self.effort)

    def _ask(self, judge: Judge, arguments: Sequence[Argument]) -> list[Assessment]:
        """As `_asked_of`, without what it took."""
        return self._asked_of(judge, arguments)[0]

    def _asked_of(self, judge: Judge, arguments: Sequence[Argument]) -> tuple[list[Assessment], Usage]:
        """One assessment an argument, in order, through the batch scorer and the user's store; and what it took.

        Answers that were kept took nothing now.

        What failed has its status and reason; so has what a limit to the cost left out (`skipped`). `Unreachable` or a
        ModelError where nothing works at all; see `Batch.run`.
        """
        with Store() if self.store else nullcontext() as kept:
            batch: Batch[Argument] = Batch(judge, store=kept, concurrency=self.concurrency, max_cost=self.max_cost)
            found: list[Assessment] = []
            for _, assessment in batch.run(arguments, lambda argument: argument):
                found.append(assessment)
                tell(f"{judge.framework.id}: {len(found):,} of {len(arguments):,} arguments")
        left_out = "not asked: the limit to the cost was reached" if batch.ended == "budget" else "not asked: stopped"
        found += [judge.failed(argument, Status.SKIPPED, left_out) for argument in arguments[len(found) :]]
        return found, batch.tally.usage

    def _check(self) -> None:
        self._framework()

    def _connect(self) -> None:
        self.judges()

    def _fit(self, arguments: list[Argument], labels: Array, groups: list[Any]) -> Usage | None:
        self.framework_ = self._framework().fingerprint
        return None

    def _seen(self) -> Seen:
        return Seen(model=self._model().name)

    def depends_on(self) -> dict[str, str]:
        return {"framework": self._framework().fingerprint}


@dataclass(eq=False, repr=False)
class Prompted(Asking):
    """Base of strategies that rate by asking a model.

    With several `judges`, their ratings are put together by the framework's own aggregation.
    """

    scale = PredictionScale.QUALITY
    definitions = "full"

    _: KW_ONLY
    explain: Explain = False
    truncate: bool = False

    def rated_framework(self) -> Framework:
        return self._framework()

    def _judge(self, framework: Framework, **settings: Any) -> Judge:
        chosen: dict[str, Any] = {"explain": self.explain, "truncate": self.truncate}
        if self.definitions in DEFINITIONS:
            chosen["definitions"] = self.definitions
        return super()._judge(framework, **(chosen | settings))

    def _predict(self, arguments: list[Argument]) -> Predictions:
        judges = self.judges()
        asked, took = zip(*(self._asked_of(judge, arguments) for judge in judges), strict=True)
        found = asked[0] if len(judges) == 1 else of_parts(self._framework(), asked)
        return predictions_of(found, took)


def predictions_of(assessments: Sequence[Assessment], took: Iterable[Usage] = ()) -> Predictions:
    """Each overall quality (0 to 1, higher is better), NaN and the reason where there is none; and what all `took`."""
    overall = [assessment.overall for assessment in assessments]
    rated = [rating.status is Status.OK and rating.quality is not None for rating in overall]
    values = np.array([rating.quality if there else np.nan for rating, there in zip(overall, rated, strict=True)])
    whys = (None if there else f"{own.status}: {own.reason}" for own, there in zip(overall, rated, strict=True))
    return Predictions(values, tuple(whys), tuple(assessments), Usage.total(took))


class Plain(Prompted):
    """Ask how good an argument is, without any criteria.

    Parameters
    ----------
    model : str or Model, default="local"
        `local` (embedded), provider/name, systemone/name, a GGUF file; or one that is connected.
    readout : str, default="auto"
        `auto`, `expect`, `label`, `votes:N`, `decide` or `verbal`.
    explain : bool or "long", default=False
        Have a rationale written before the rating: one or two sentences, or (`long`) five to eight that think aloud.
    truncate : bool, default=False
        Rate the beginning of an argument that does not fit; otherwise it is missing.
    concurrency : int, optional
        Most requests at once.
    max_cost : float, optional
        US dollars for one call of `predict`; arguments beyond it are missing.
    store : bool, default=True
        Use and fill the store of assessments.
    api_base : str, optional
        Address of a server of your own.
    effort : {"none", "minimal", "low", "medium", "high"}, optional
        How hard a model that thinks is to think; the least that it offers when left out.

    Examples
    --------
    >>> Plain(model="openai/gpt-6-luna").get_params()["readout"]
    'auto'
    """

    def _framework(self) -> Framework:
        return plain_framework()


@dataclass(eq=False, repr=False)
class Principle(OfFramework, Prompted):
    """Ask a framework's criteria of a model, and show it no examples.

    Parameters
    ----------
    framework : str, Path or Framework, default="ratio"
        A known framework, a YAML file, or one in memory.
    definitions : {"none", "plain", "full", "corpus"}, default="full"
        What is said of each criterion: its name; one plain sentence; all that the framework says;
        or, instead of the framework, the question that a corpus put to its annotators (`corpus`).
    ask : {"jointly", "one_by_one", "checklist"}, default="jointly"
        All criteria in one call; a call for each; or each criterion's yes/no checks, whose share of
        yes is its rating (Lee et al. 2024, CheckEval).
    control : {"placebo", "mismatched", "shuffled"}, optional
        Ask the framework's control instead; see `argqual.strategies.controls`.
    corpus : str, optional
        Whose guidelines are shown with `definitions="corpus"`.
    seed : int, default=0
        For `control="shuffled"`.
    model, readout, explain, truncate, concurrency, max_cost, store, api_base, effort
        As for `Plain`.

    References
    ----------
    Lee, Y. et al. (2024). CheckEval: robust evaluation framework using large language model via checklist.
    """

    _: KW_ONLY
    definitions: str = "full"
    ask: Ask = "jointly"
    control: Control | None = None
    corpus: str | None = None
    seed: int = 0

    def _check(self) -> None:
        require("ask", self.ask, get_args(Ask))
        require("definitions", self.definitions, (*DEFINITIONS, "corpus"))
        if (self.definitions == "corpus") != bool(self.corpus):
            raise StrategyError(
                "definitions='corpus' and the corpus whose guidelines are meant go together.",
                hint="For example definitions='corpus', corpus='dagstuhl'.",
            )
        self._asked()

    def _framework(self) -> Framework:
        chosen = super()._framework()
        if self.definitions == "corpus" and self.corpus:
            chosen = corpus_framework(self.corpus)
        if self.control:
            chosen = control_framework(chosen, self.control, seed=self.seed)
        return checklist(chosen) if self.ask == "checklist" else chosen

    def _asked(self) -> list[Framework]:
        """What is asked by itself: the framework, or each of its criteria."""
        framework = self._framework()
        return parts_of(framework) if self.ask == "one_by_one" else [framework]

    def judges(self) -> list[Judge]:
        return [self._judge(each) for each in self._asked()]


def check_targets(targets: Iterable[str] | None, framework: Framework) -> None:
    """Make sure that a framework asks the criteria for which labels are named; else a StrategyError."""
    if stray := set(targets or ()) - {criterion.id for criterion in framework.asked}:
        raise StrategyError(f"targets names {', '.join(sorted(stray))}, which {framework.id} does not ask.")


def codes_of(framework: Framework) -> dict[str, Sequence[str]]:
    """The codes by which each asked criterion's levels are answered, lowest first."""
    scales = {criterion.id: framework.scale_of(criterion) for criterion in framework.asked}
    return {name: level_codes([level.written for level in scale.levels]) for name, scale in scales.items()}


def parts_of(framework: Framework) -> list[Framework]:
    """A framework for each asked criterion, so that each is asked by itself.

    A StrategyError where the framework first finds the kind of argument, which takes all its criteria.
    """
    if framework.select:
        raise StrategyError(f"{framework.id} first finds the kind of argument, so its criteria are asked jointly.")
    return [
        _with_criteria(
            framework,
            f"{framework.id}-{criterion.id}".replace("_", "-"),
            [criterion.model_copy(update={"criteria": (), "ask": False, "aggregate": None, "independent_of": ()})],
            aggregate="weighted_mean",
        )
        for criterion in framework.asked
    ]


def checklist(framework: Framework) -> Framework:
    """The framework with each criterion's checks as yes/no questions, whose share of yes is its rating.

    A criterion without checks is asked as it is; a StrategyError where none has any.
    """
    if not any(criterion.checks for criterion in framework.asked):
        raise StrategyError(f"{framework.id} has no checks, so it cannot be asked as checklists.")

    def listed(criterion: Criterion) -> Criterion:
        if criterion.criteria and not criterion.ask:
            return criterion.model_copy(update={"criteria": tuple(listed(child) for child in criterion.criteria)})
        if not criterion.checks or criterion.criteria:
            return criterion
        items = tuple(
            Criterion(
                id=f"{criterion.id[:32]}_check{number}",
                name=f"{criterion.name}, {number}",
                plain=check,
                question=check,
                scale=_YES_NO,
                requires=criterion.requires,
                when=criterion.when,
                higher_is_better=criterion.higher_is_better,
            )
            for number, check in enumerate(criterion.checks, start=1)
        )
        return criterion.model_copy(update={"criteria": items, "requires": (), "when": None, "examples": ()})

    criteria = [listed(criterion) for criterion in framework.criteria]
    aggregate = framework.aggregate
    if any(criterion.id == aggregate and criterion.criteria for criterion in criteria):
        aggregate = "weighted_mean"
    return _with_criteria(framework, f"{framework.id}-checks", criteria, aggregate=aggregate)


def corpus_framework(corpus: str) -> Framework:
    """The question that a corpus put to its annotators, in our words, as a framework of one criterion.

    A StrategyError where the corpus' card does not say what was asked.
    """
    from argqual.corpora.cards import load_card

    card, _ = load_card(corpus)
    if card.guidelines is None:
        raise StrategyError(f"The card of {card.id} does not say what its annotators were asked (no 'guidelines').")
    plain = plain_framework()
    asked = {"question": card.guidelines.question, "definition": card.guidelines.definition}
    criterion = plain.criteria[0].model_copy(update=asked)
    return _with_criteria(plain, f"{card.id.replace('_', '-')}-guidelines", [criterion], aggregate=plain.aggregate)


def _with_criteria(framework: Framework, id: str, criteria: Sequence[Criterion], *, aggregate: str) -> Framework:
    return variant(framework, id=id[:60].rstrip("-"), criteria=tuple(criteria), aggregate=aggregate)


def shares_of(rating: Rating) -> Array:
    """A rating's probabilities over the levels, lowest first; without any, its place on the scale as two shares.

    A ValueError where it has no value.
    """
    if rating.unit is None:
        raise ValueError(f"{rating.criterion} has no value: {rating.reason}")
    if rating.probabilities:
        return np.array(list(rating.probabilities.values()))
    return np.array([1.0 - rating.unit, rating.unit])


def of_parts(framework: Framework, asked: Sequence[Sequence[Assessment]]) -> list[Assessment]:
    """Assessments by parts of a framework as assessments by the whole of it."""
    reference = FrameworkReference.of(framework)
    together = []
    for parts in zip(*asked, strict=True):
        rated = {rating.criterion: rating for part in parts for rating in part.ratings}
        whole = {"framework": reference, "program": "+".join(part.program for part in parts)}
        together.append(_joined(framework, parts, rated).model_copy(update=whole))
    return together


def averaged(framework: Framework, asked: Sequence[Sequence[Assessment]]) -> list[Assessment]:
    """Several assessments of each argument by one framework as one, from the mean of their distributions.

    A criterion that any of them did not rate has the first such status and reason.
    """
    together = []
    for found in zip(*asked, strict=True):
        ratings = ((each, [one.rating(each.id) for one in found]) for each in framework.asked)
        rated = {each.id: _mean_rating(framework, each, own) for each, own in ratings}
        together.append(_joined(framework, found, rated))
    return together


def _mean_rating(framework: Framework, criterion: Criterion, ratings: Sequence[Rating]) -> Rating:
    scale = framework.scale_of(criterion)
    if failed := next((rating for rating in ratings if rating.status is not Status.OK), None):
        return unrated(criterion, scale, failed.status, failed.reason or "")
    shares = np.zeros(len(scale.levels))
    for rating in ratings:
        as_written = {level.written: float(level.value == rating.level) for level in scale.levels}
        shares += [(rating.probabilities or as_written)[level.written] for level in scale.levels]
    source = ratings[0].probability_source or "votes"
    return rate(criterion, scale, (shares / len(ratings)).tolist(), source=source)


def _joined(framework: Framework, parts: Sequence[Assessment], rated: Mapping[str, Rating]) -> Assessment:
    """The first of several assessments with what came of all of them."""
    ratings, overall = aggregate(framework, rated)
    return parts[0].model_copy(
        update={
            "status": overall.status,
            "overall": overall,
            "ratings": ratings,
            "usage": Usage.total(part.usage for part in parts),
            "notes": tuple(dict.fromkeys(note for part in parts for note in part.notes)),
            "truncated": any(part.truncated for part in parts),
        }
    )
