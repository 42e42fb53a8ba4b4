"""Strategies that show a model labelled examples: `exemplars`, and `principle+exemplars`.

An example is an argument with the level that people gave it, as a turn of the conversation before the real question. A
label becomes a level by its rank among the training labels, each level getting an equal share: labels of any scale can
be used, and what a level means is what the training data say it means.

Nothing but training arguments is ever shown.
"""

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np
from sklearn.base import clone
from sklearn.feature_extraction.text import TfidfVectorizer

from argqual.argument import Argument
from argqual.assessment import Assessment, Usage
from argqual.corpora.leaks import normalised
from argqual.errors import InputError, ModelError, StrategyError
from argqual.frameworks.framework import Framework
from argqual.judging.judge import Judge
from argqual.judging.program import GATE
from argqual.judging.prompt import Demonstration
from argqual.stats.regression import equal_shares
from argqual.strategies.base import Array, OfFramework, Predictions, Questions, Seen, require
from argqual.strategies.controls import Control, control_framework, plain_framework
from argqual.strategies.given import as_arguments
from argqual.strategies.pool import BORROWING, STYLES, Rationales, Worked, explaining, read_pool, styled, with_levels
from argqual.strategies.prompted import (
    DEFINITIONS,
    Prompted,
    averaged,
    check_targets,
    codes_of,
    predictions_of,
)

Select = Literal["random", "balanced", "nearest", "other_domains"]
_UNWRITTEN = "A sentence or two from the text, which are yet to be written, on why the level is right."


@dataclass(eq=False, repr=False)
class Exemplars(Prompted):
    """Show labelled examples and ask for the quality, without criteria.

    Parameters
    ----------
    k : int, default=4
        Examples shown with each argument.
    select : {"balanced", "random", "nearest", "other_domains"}, default="balanced"
        `balanced`: one from each of k equal shares of the labels. `random`: any. `nearest`: the most
        similar ones (cosine of TF-IDF), for each argument anew. `other_domains`: any whose domain
        (issue, where no domain is known) is not the argument's.
    draws : int, default=5
        How many times examples are drawn; the ratings are averaged, and `draw_predictions` gives each.
        One for `nearest`, which draws nothing.
    rationales : {"none", "polished", "messy", "corrupted"}, default="none"
        What is said before an example's level. `polished`: the model's explanation of the level that people gave.
        `messy`: the same after a wrong turn that is seen and taken back. `corrupted`: the explanation of another
        example of another level: the look of reasoning without its substance (Wang et al. 2023).
    targets : mapping, optional
        Criterion to the name of a label in `Argument.labels`; used by `PrincipleExemplars`.
    pool : str, optional
        Show worked examples from this file (`constructed` is shipped; see `argqual.strategies.pool`) with the levels
        and rationales that stand there, instead of training arguments. Then no labels are needed.
    seed : int, default=0
        Of the draws.
    model, readout, explain, truncate, concurrency, max_cost, store, api_base, effort
        As for `Plain`.

    Attributes
    ----------
    pool_ : list of Argument
        The training arguments; where examples are the same for all arguments, only those shown.
    levels_ : dict of str to array of shape (n_pool,)
        Each criterion's level of each of them (0 is the lowest).
    chosen_ : list of list of int
        Which of the pool each draw shows; empty lists for selections made for each argument anew.

    References
    ----------
    Wang, B. et al. (2023). Towards understanding chain-of-thought prompting: an empirical study of what
    matters. ACL.
    """

    _: KW_ONLY
    k: int = 4
    select: Select = "balanced"
    draws: int = 5
    rationales: Rationales = "none"
    targets: Mapping[str, str] | None = None
    pool: str | None = None
    seed: int = 0

    @property
    def learns(self) -> bool:  # type: ignore[override]
        """Whether examples are training arguments."""
        return self.pool is None

    def draw_predictions(self, X: Sequence[Any]) -> Array:  # noqa: N803
        """The prediction by each draw of examples, shape (n_arguments, draws)."""
        asked, _ = self._asked(as_arguments(X))
        return np.column_stack([predictions_of(found).values for found in asked])

    def _framework(self) -> Framework:
        return plain_framework()

    def _check(self) -> None:
        require("definitions", self.definitions, DEFINITIONS)
        require("select", self.select, get_args(Select))
        require("rationales", self.rationales, STYLES)
        if self.k < 1 or self.draws < 1:
            raise StrategyError(f"k={self.k}, draws={self.draws}: both are at least 1.")
        if self.pool is not None:
            self._check_pool(read_pool(self.pool))
        elif self.rationales in BORROWING and self.k < 2:
            raise StrategyError(f"Rationales that are {self.rationales} borrow from another example: k is at least 2.")
        check_targets(self.targets, self._framework())

    def _check_pool(self, pool: Sequence[Worked]) -> None:
        if self.k > len(pool):
            raise StrategyError(f"k={self.k}, and {self.pool} has {len(pool)} examples.")
        if self.select not in ("random", "balanced"):
            raise StrategyError(f"select={self.select!r}: a pool is drawn from, random or balanced.")
        if self.targets:
            raise StrategyError("targets names labels of training arguments, and a pool has levels of its own.")
        if self.rationales != "none" and not all(each.rationales.get(self.rationales) for each in pool):
            raise StrategyError(f"Not every example of {self.pool} has a rationale that is {self.rationales}.")

    def _fit(self, arguments: list[Argument], labels: Array, groups: list[Any]) -> Usage | None:
        self._choose(arguments, labels)
        if self.pool is None and self.rationales != "none":
            self.rationales_, usage = self._written()
            return usage
        return None

    def _plan(self, arguments: list[Argument], labels: Array, groups: list[Any], predict: list[Argument]) -> Questions:
        """As it would choose, with a stand-in for each rationale that is yet to be written."""
        fitted: Exemplars = clone(self)
        fitted._choose(arguments, labels)
        if self.pool is None and self.rationales != "none":
            judge, shown = fitted._explainer(), fitted._shown()
            yield from ((judge, argument) for argument in fitted._told(shown))
            fitted.rationales_ = {str(place): dict.fromkeys(fitted.levels_, _UNWRITTEN) for place in shown}
        yield from ((judge, argument) for judge in fitted.judges() for argument in predict)

    def _choose(self, arguments: list[Argument], labels: Array) -> None:
        """Draw the examples, from the training arguments or the worked ones of a pool."""
        worked = read_pool(self.pool) if self.pool is not None else ()
        if worked:
            arguments = [each.argument for each in worked]
            labels = np.array([float(each.levels["overall"]) for each in worked])
        if len(arguments) < self.k:
            raise InputError(f"{self.k} examples are to be shown, and there are {len(arguments)} labelled arguments.")
        self.pool_, self.rationales_ = arguments, {}
        self.levels_ = self._levels(arguments, labels, worked)
        rng = np.random.default_rng(self.seed)
        fixed = self.select in ("random", "balanced")
        self.chosen_ = [self._draw(labels, rng) if fixed else [] for _ in range(self._draws)]
        if not fixed:
            return
        # What is shown is kept only: a saved strategy carries no texts that it does not need.
        shown = self._shown()
        self.pool_ = [self.pool_[place] for place in shown]
        self.levels_ = {name: levels[shown] for name, levels in self.levels_.items()}
        self.chosen_ = [[shown.index(place) for place in draw] for draw in self.chosen_]
        if worked and self.rationales != "none":  # of the whole argument, so it stands before the first level
            first = self._framework().asked[0].id
            said = [worked[place].rationales[self.rationales] for place in shown]
            self.rationales_ = {str(number): {first: words} for number, words in enumerate(said)}

    @property
    def _draws(self) -> int:
        return 1 if self.select == "nearest" else self.draws

    def _levels(self, arguments: Sequence[Argument], labels: Array, worked: Sequence[Worked]) -> dict[str, Any]:
        """Each criterion's level: of worked examples their own, else by the rank of its label, or of the overall one
        where it has none of its own."""
        framework = self._framework()
        found = {}
        for criterion in framework.asked:
            levels = len(framework.scale_of(criterion).levels)
            own = labels
            if name := (self.targets or {}).get(criterion.id):
                own = np.array([argument.labels.get(name, np.nan) for argument in arguments])
                if missing := int((~np.isfinite(own)).sum()):
                    raise InputError(f"{missing} of {len(arguments)} arguments have no label '{name}'.")
            known = [each.level(criterion.id, levels) for each in worked]
            places = np.array(known) if worked else equal_shares(own, levels)
            found[criterion.id] = places if criterion.higher_is_better else levels - 1 - places
        return found

    def _draw(self, labels: Array, rng: np.random.Generator) -> list[int]:
        if self.select == "balanced":
            order = np.lexsort((rng.random(len(labels)), labels))  # equal labels in random order
            chosen = np.array([rng.choice(share) for share in np.array_split(order, self.k)])
        else:
            chosen = rng.choice(len(labels), self.k, replace=False)
        return [int(place) for place in rng.permutation(chosen)]

    def _shown(self) -> list[int]:
        """The places in the pool that any draw shows; all of them where examples are chosen for each argument."""
        return sorted({place for draw in self.chosen_ for place in draw}) or list(range(len(self.pool_)))

    def _explainer(self) -> Judge:
        """Who writes rationales."""
        return self._judge(explaining(self._framework()), explain=True)

    def _told(self, places: Sequence[int]) -> list[Argument]:
        """Arguments of the pool with people's levels, as rationales are asked for."""
        framework = self._framework()
        levels = ({name: int(own[place]) for name, own in self.levels_.items()} for place in places)
        return [with_levels(self.pool_[place], framework, own) for place, own in zip(places, levels, strict=True)]

    def _written(self) -> tuple[dict[str, dict[str, str]], Usage]:
        """Rationales of the pool's arguments that will be shown: by place, by criterion; and what they took."""
        wanted, framework = self._shown(), self._framework()
        assessments, took = self._asked_of(self._explainer(), self._told(wanted))
        for assessment in assessments:
            if not any(rating.rationale for rating in assessment.ratings):
                raise ModelError(
                    f"{assessment.model} wrote no rationale for an example: {assessment.overall.reason or 'none'}.",
                    hint="Use rationales='none', or a larger model.",
                )
        said: dict[str, dict[str, str]] = {str(place): {} for place in wanted}
        for criterion in framework.asked:
            polished = [assessment.rating(criterion.id).rationale or "" for assessment in assessments]
            labels = [level.label for level in framework.scale_of(criterion).levels]
            levels = self.levels_[criterion.id]
            found = styled(self.rationales, polished, [int(levels[place]) for place in wanted], labels)
            for place, rationale in zip(wanted, found, strict=True):
                said[str(place)][criterion.id] = rationale
        return said, took

    def judges(self) -> list[Judge]:
        if not hasattr(self, "chosen_"):  # before fitting: whether there can be any
            return super().judges()
        shown = (_Shown(self, draw, number) for number, draw in enumerate(self.chosen_))
        return [self._judge(self._framework(), demonstrations=each) for each in shown]

    def demonstration(self, place: int) -> Demonstration:
        """An argument of the pool as it is shown."""
        framework = self._framework()
        levels = {name: codes[int(self.levels_[name][place])] for name, codes in codes_of(framework).items()}
        if framework.gate:
            levels[GATE] = "1"
        declared = {*framework.inputs.declared(), "argument"}
        inputs = {name: text for name, text in self.pool_[place].inputs().items() if name in declared}
        return Demonstration(inputs, levels, self.rationales_.get(str(place), {}))

    def _asked(self, arguments: list[Argument]) -> tuple[list[list[Assessment]], list[Usage]]:
        """By draw, the assessments and what they took."""
        found = [self._asked_of(judge, arguments) for judge in self.judges()]
        return [assessments for assessments, _ in found], [took for _, took in found]

    def _predict(self, arguments: list[Argument]) -> Predictions:
        asked, took = self._asked(arguments)
        return predictions_of(asked[0] if len(asked) == 1 else averaged(self._framework(), asked), took)

    def _seen(self) -> Seen:
        return Seen(examples=self.k * self._draws, model=super()._seen().model)


@dataclass(eq=False, repr=False)
class PrincipleExemplars(OfFramework, Exemplars):
    """Ask a framework's criteria, and show labelled examples of them.

    A criterion without a label of its own in `targets` carries the overall level in the examples.

    Parameters
    ----------
    framework : str, Path or Framework, default="ratio"
        A known framework, a YAML file, or one in memory.
    definitions : {"none", "plain", "full"}, default="full"
        What is said of each criterion; see `Principle`.
    control : {"placebo", "mismatched", "shuffled"}, optional
        Ask the framework's control instead.
    k, select, draws, rationales, targets, pool, seed
        As for `Exemplars`.
    model, readout, explain, truncate, concurrency, max_cost, store, api_base, effort
        As for `Plain`.
    """

    _: KW_ONLY
    definitions: str = "full"
    control: Control | None = None

    def _framework(self) -> Framework:
        chosen = super()._framework()
        return control_framework(chosen, self.control, seed=self.seed) if self.control else chosen


class _Shown:
    """The demonstrations of one draw: the same for all arguments, or chosen for each."""

    def __init__(self, strategy: Exemplars, draw: Sequence[int], number: int) -> None:
        self.strategy = strategy
        self.fixed = [strategy.demonstration(place) for place in draw]
        self.number = number

    def __call__(self, argument: Argument) -> Sequence[Demonstration]:
        if self.fixed:
            return self.fixed
        places = self._nearest(argument) if self.strategy.select == "nearest" else self._elsewhere(argument)
        return [self.strategy.demonstration(place) for place in places]

    @cached_property
    def _vectors(self) -> tuple[Any, Any]:
        vectoriser = TfidfVectorizer(sublinear_tf=True)
        return vectoriser, vectoriser.fit_transform([each.text for each in self.strategy.pool_])

    def _nearest(self, argument: Argument) -> list[int]:
        """The most similar training arguments, the most similar one last, where it counts most."""
        vectoriser, table = self._vectors
        similar = (table @ vectoriser.transform([argument.text]).T).toarray().ravel()
        others = self._others(argument)
        nearest_first = [int(place) for place in np.argsort(-similar, kind="stable") if place in others]
        return nearest_first[: self.strategy.k][::-1]

    @cached_property
    def _words(self) -> list[str]:
        """Each training argument's words, by which a copy is known."""
        return [_spoken(each) for each in self.strategy.pool_]

    def _others(self, argument: Argument) -> set[int]:
        """Training arguments that are not this one, nor a copy of it: their labels would give its own away."""
        own = _spoken(argument)
        others = {place for place, words in enumerate(self._words) if words != own}
        if not others:
            raise InputError("Every training argument is a copy of this one, so none can be shown as an example.")
        return others

    def _elsewhere(self, argument: Argument) -> list[int]:
        """Training arguments of other domains; the same ones for all arguments of a domain."""
        domain = _domain(argument)
        others = {place for place in self._others(argument) if _domain(self.strategy.pool_[place]) != domain}
        if len(others) < self.strategy.k:
            raise InputError(f"Only {len(others)} training arguments are of another domain than {domain!r}.")
        rng = np.random.default_rng([self.strategy.seed, self.number])
        drawn = rng.permutation(len(self.strategy.pool_))
        return [int(place) for place in drawn if place in others][: self.strategy.k]


def _spoken(argument: Argument) -> str:
    """An argument's words, whatever their case and punctuation; the text itself where it has none."""
    return normalised(argument.text) or argument.text


def _domain(argument: Argument) -> str | None:
    return argument.domain or argument.issue
