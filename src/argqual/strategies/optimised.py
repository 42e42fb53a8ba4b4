"""A prompt improved by one of DSPy's optimisers: `optimised`.

Part of the training groups are held out to choose by. The program with the best mean on the held-out part wins, and the
unchanged one is among them; its score there is therefore an optimistic one, and says nothing of new topics: measure
those with groups that `fit` never saw.
"""

import contextvars
import copy
import hashlib
import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any, ClassVar

import dspy
import numpy as np
from sklearn.model_selection import GroupShuffleSplit

from argqual.argument import Argument, fence
from argqual.assessment import Usage
from argqual.errors import ArgqualError, InputError, ModelError, StrategyError
from argqual.frameworks.framework import Framework
from argqual.judging.judge import Judge
from argqual.judging.program import GATE, RatingProgram
from argqual.judging.readouts.registry import choose_readout
from argqual.models.connect import Model
from argqual.models.prices import FREE
from argqual.stats.correlation import spearman
from argqual.strategies.base import Array, OfFramework, Questions, Seen, TryingLimit, require, tell
from argqual.strategies.ledger import Ended, Enough, Ledger, ping, reflection_lm
from argqual.strategies.optimisers import (
    HUMAN,
    OPTIMISERS,
    PACKAGES,
    PLACE,
    REFLECTING,
    Desk,
    Given,
    Judgement,
    Optimiser,
    Student,
    Tried,
    compiled,
    evaluate,
)
from argqual.strategies.prompted import (
    DEFINITIONS,
    Prompted,
    check_targets,
    codes_of,
    connected,
    predictions_of,
)
from argqual.strategies.registry import needs

_THREADS = 8
_UNWRITTEN = "What an optimiser is yet to add: some sentences on what to look at, what to weigh and what to leave out."


class OptimisationWarning(UserWarning):
    """An optimisation ended early; the best program until then is used."""


@dataclass(eq=False, repr=False)
class Optimised(OfFramework, Prompted):
    """Ask a framework's criteria by a prompt that a DSPy optimiser has improved.

    An optimiser may change the instructions and add examples; criteria, levels and the form of the answer stay. Its
    loss is 1 - |quality - human|, averaged over the criteria that people have judged, where human is a label's mid-rank
    among the training labels, 0 to 1. Correlation cannot be optimised: DSPy's metrics see one argument at a time.

    Parameters
    ----------
    framework : str, Path or Framework, default="ratio"
        A known framework, a YAML file, or one in memory; none that first finds the kind of argument.
    definitions : {"none", "plain", "full"}, default="full"
        What is said of each criterion; see `Principle`.
    optimiser : {"labelled", "bootstrap", "miprov2", "gepa"}, default="gepa"
        `labelled`: some training arguments with people's levels. `bootstrap`: arguments which the program itself rates
        as people do (Khattab et al. 2024). `miprov2`: instructions and examples together, by Bayesian search
        (Opsahl-Ong et al. 2024). `gepa`: instructions, by reflection on what went wrong (Agrawal et al. 2025).
    reflection_model : str or Model, optional
        Who writes instructions, for `miprov2` and `gepa`; the model itself when left out. A larger one is better.
    budget_usd : float, optional
        US dollars for both models together; needs their prices.
    budget_calls : int, default=200
        Requests to both models together; None for no limit besides budget_usd.
    targets : mapping, optional
        Criterion to the name of a label in `Argument.labels`; the labels given to `fit` are the overall ones.
    validation : float, default=0.3
        Share of the training groups that are held out to choose by, 0 to 1.
    demos : int, default=4
        Most examples in the prompt; `gepa` adds none.
    seed : int, default=0
        Of the split, of the order of arguments, and of the optimiser.
    model, readout, truncate, concurrency, max_cost, store, api_base, effort
        As for `Plain`; not `verbal`. The reflection model is sought at `api_base` too when its provider is the
        same. `max_cost` is for `predict`.

    Attributes
    ----------
    program_ : dict
        The improved program's state, as `argqual.judging.program.RatingProgram` loads it.
    prompt_before_, prompt_after_ : str
        The system message, to the letter.
    score_before_, score_after_ : dict
        On the held-out groups: `metric` (mean loss as above, 0 to 1, higher is better), `spearman` with `low` and
        `high` (95 %, over groups), `n`, `offered`, `clusters`. After is at least before: it was chosen by it.
    calls_ : int
        Requests sent, to both models.
    failures_ : int
        Arguments without a rating, counted for each program that was tried; each scored 0.
    ended_ : str
        `finished`, `budget`, `interrupted`, or the error that ended the run.

    References
    ----------
    Khattab, O. et al. (2024). DSPy: compiling declarative language model calls into state-of-the-art pipelines. ICLR.
    Opsahl-Ong, K. et al. (2024). Optimizing instructions and demonstrations for multi-stage language model
    programs. EMNLP.
    Agrawal, L. A. et al. (2025). GEPA: reflective prompt evolution can outperform reinforcement learning.
    """

    learns = True
    least_labels: ClassVar[int] = 4
    models: ClassVar[tuple[str, ...]] = ("model", "reflection_model")
    explain: ClassVar[bool] = False  # type: ignore[misc]  # a rationale is no part of what is optimised
    _stopped = False

    _: KW_ONLY
    definitions: str = "full"
    optimiser: Optimiser = "gepa"
    reflection_model: Model | str | None = None
    budget_usd: float | None = None
    budget_calls: int | None = 200
    targets: Mapping[str, str] | None = None
    validation: float = 0.3
    demos: int = 4
    seed: int = 0

    def stop(self) -> None:
        """Ask nothing more; the best program so far is kept. Safe in a signal handler."""
        self._stopped = True
        if ledger := getattr(self, "_ledger", None):
            ledger.ended = ledger.ended or Ended.INTERRUPTED

    def program(self) -> RatingProgram:
        """The improved program, for `save_program` and `Judge`; the unchanged one before fitting."""
        program = RatingProgram(self._framework(), definitions=self.definitions)  # type: ignore[arg-type]
        if hasattr(self, "program_"):
            program.load_state(copy.deepcopy(self.program_))
        return program

    def judges(self) -> list[Judge]:
        return [self._judge(self._framework(), program=self.program())]

    def trying(self) -> list[TryingLimit]:
        return [TryingLimit(self.budget_calls, self.budget_usd)]

    def _plan(self, arguments: list[Argument], labels: Array, groups: list[Any], predict: list[Argument]) -> Questions:
        """With a stand-in for the prompt that is yet to be found, another one for each training set and setting."""
        program, taught = self.program(), [[each.text, label] for each, label in zip(arguments, labels, strict=True)]
        settings = sorted(self.get_params(deep=False).items())
        mark = hashlib.sha256(json.dumps([taught, settings], default=repr).encode()).hexdigest()[:8]
        signature = program.rate.signature
        program.rate.signature = signature.with_instructions(f"{signature.instructions}\n\n{_UNWRITTEN} ({mark})")
        judge = self._judge(self._framework(), program=program)
        return ((judge, argument) for argument in predict)

    def _check(self) -> None:
        require("optimiser", self.optimiser, OPTIMISERS)
        require("definitions", self.definitions, DEFINITIONS)
        if not 0 < self.validation < 1:
            raise StrategyError(f"validation={self.validation}: it is a share between 0 and 1.")
        if self.demos < (self.optimiser in ("labelled", "bootstrap")):
            raise StrategyError(f"demos={self.demos}: {self.optimiser} would have nothing to show.")
        for name, limit in (("budget_calls", self.budget_calls), ("budget_usd", self.budget_usd)):
            if limit is not None and not limit > 0:
                raise StrategyError(f"{name}={limit}: a budget is more than 0.")
        framework = self._framework()
        if framework.select:
            raise StrategyError(f"{framework.id} first finds the kind of argument, so its prompt cannot be optimised.")
        check_targets(self.targets, framework)

    def _connect(self) -> None:
        needs("optimise", PACKAGES.get(self.optimiser, ()))
        if choose_readout(self.readout, self._model()).own_form:
            raise StrategyError(
                "Examples are shown in the form of an answer, and 'verbal' has a form of DSPy's.",
                hint="Use the read-out label or expect.",
            )
        reflecting = self._reflecting()
        models = [self._model(), *([reflecting] if reflecting else [])]
        if self.budget_usd is not None and (unknown := [each.name for each in models if each.price is None]):
            raise InputError(
                f"The price of {' and '.join(unknown)} is not known, so a budget in US dollars cannot be kept.",
                hint="Give a budget in calls (budget_calls) instead.",
            )
        if self.budget_calls is None and (self.budget_usd is None or all(each.price == FREE for each in models)):
            raise StrategyError("Nothing limits the run.", hint="Give budget_calls, or budget_usd for paid models.")

    def _begin(self) -> None:
        """Open the ledger, and ask the reflection model for a word, to know that it is there before much is spent."""
        self._ledger = Ledger(self.budget_calls, self.budget_usd)
        # DSPy asks from threads of its own, which do not know who listens here.
        context = contextvars.copy_context()
        self._ledger.progress = lambda calls: context.copy().run(tell, f"{calls:,} calls")
        self._ledger.ended = Ended.INTERRUPTED if self._stopped else None
        if reflecting := self._reflecting():
            try:
                ping(reflecting, self._ledger)
            except Enough:
                raise _nothing_yet(self._ledger.ended) from None

    def _reflecting(self) -> Model | None:
        """The model that writes instructions, where the optimiser has any written."""
        if self.optimiser not in REFLECTING:
            return None
        task = self._model()
        wanted = task if self.reflection_model is None else self.reflection_model
        if isinstance(wanted, str):
            provider, _, name = wanted.partition("/")
            same = bool(name) and provider == task.name.partition("/")[0]
            wanted = connected(wanted, api_base=self.api_base if same else None)
        if wanted.endpoint:
            raise StrategyError(
                f"{wanted.name} is a decision endpoint and writes no instructions.",
                hint="Name a reflection_model, or use the optimiser labelled or bootstrap.",
            )
        return wanted

    def _fit(self, arguments: list[Argument], labels: Array, groups: list[Any]) -> Usage | None:
        try:
            self._begin()
            return self._optimise(arguments, labels, groups)
        finally:
            self.__dict__.pop("_ledger", None)  # it holds locks, which cannot be copied
            self._stopped = False

    def _optimise(self, arguments: list[Argument], labels: Array, groups: list[Any]) -> Usage | None:
        self.__dict__.pop("program_", None)  # fitted anew, it starts from the unchanged program
        train, held = self._split(groups)
        examples = self._examples(arguments, labels, train, held)
        ledger, metric = self._ledger, Judgement(len(held))
        once = len(held) * self._requests()
        later = once if self.optimiser not in REFLECTING else 0
        if ledger.room() < once + later:
            raise InputError(
                f"A budget of {self.budget_calls} calls is too small: asking about the {len(held)} held-out arguments "
                f"takes {once + later}.",
                hint="Raise budget_calls, or hold out fewer (validation).",
            )
        desk = Desk(self._model(), self.readout, truncate=self.truncate, ledger=ledger)
        student = Student(self.program(), desk)
        validation = [examples[place] for place in held]
        try:
            evaluate(student, validation, metric, threads=self._threads())
        except Enough:
            ledger.settle()
            raise _nothing_yet(ledger.ended) from None
        assert metric.first is not None
        _refuse_silence(metric.first)
        ledger.hold(later)
        self._improve(student, [examples[place] for place in train], validation, metric)
        assert metric.best is not None
        self.program_ = metric.best.program.dump_state()
        tried, of_held = (metric.first, metric.best), [groups[place] for place in held]
        shown = [*self._framework().inputs.declared(), "argument"]
        self.prompt_before_, self.prompt_after_ = (each.program.prompt(shown).system for each in tried)
        self.score_before_, self.score_after_ = (_score(each, labels[held], of_held) for each in tried)
        self.calls_ = ledger.calls
        self.failures_ = len(desk.failed)
        if isinstance(ledger.ended, ArgqualError):
            self.ended_ = ledger.ended.message
            warnings.warn(f"Optimisation ended early. {self.ended_}", OptimisationWarning, stacklevel=5)
        else:
            self.ended_ = ledger.ended.value if ledger.ended else "finished"
        super()._fit(arguments, labels, groups)
        return ledger.total

    def _improve(self, student: Student, train: list[Any], validation: list[Any], metric: Judgement) -> None:
        """Let the optimiser try programs; the metric keeps the best, however it ends."""
        ledger, reflecting = self._ledger, self._reflecting()
        try:
            threads, room = self._threads(), ledger.room() // self._requests()
            reflection = reflection_lm(reflecting, ledger) if reflecting else None
            given = Given(student, train, validation, metric, reflection, self.demos, self.seed, threads, room)
            made = compiled(self.optimiser, given)
            ledger.hold(0)
            evaluate(made, validation, metric, threads=threads)
        except Enough:
            ledger.ended = ledger.ended or Ended.BUDGET
        except Exception as error:  # an answer that DSPy's proposer cannot read, or a cancelled evaluation
            said = error.message if isinstance(error, ArgqualError) else type(error).__name__
            ledger.ended = ledger.ended or ModelError(f"{self.optimiser} gave up: {said}")
        finally:
            ledger.settle()

    def _requests(self) -> int:
        """How many an argument takes."""
        return choose_readout(self.readout, self._model()).requests

    def _threads(self) -> int:
        server = self._model().server
        return min(self.concurrency or _THREADS, server.slots) if server else self.concurrency or _THREADS

    def _split(self, groups: Sequence[Any]) -> tuple[list[int], list[int]]:
        """Places to learn from, in random order, and places to choose by; no group is in both."""
        codes = np.unique([str(group) for group in groups], return_inverse=True)[1]
        if codes.max() < 1:
            raise InputError("All arguments are of one group, so none can be held out.", hint="Give groups of topics.")
        splitter = GroupShuffleSplit(n_splits=1, test_size=self.validation, random_state=self.seed)
        try:
            train, held = next(splitter.split(codes, groups=codes))
        except ValueError:
            few = f"validation={self.validation} leaves none of {codes.max() + 1} groups to learn from."
            raise InputError(few) from None
        return np.random.default_rng(self.seed).permutation(train).tolist(), held.tolist()

    def _examples(
        self, arguments: Sequence[Argument], labels: Array, train: Sequence[int], held: Sequence[int]
    ) -> list[Any]:
        """Arguments as DSPy's examples: inputs, people's judgement, and the levels that follow from it."""
        framework = self._framework()
        human = {"overall": _mid_ranks(labels, train)}
        for criterion, label in (self.targets or {}).items():
            own = np.array([argument.labels.get(label, np.nan) for argument in arguments])
            if not np.isfinite(own[list(train)]).any():
                raise InputError(f"No argument to learn from has a label '{label}' (for {criterion}).")
            human[criterion] = _mid_ranks(own, train)
        declared = {*framework.inputs.declared(), "argument"}
        examples = []
        for place, argument in enumerate(arguments):
            inputs = {name: fence(text) for name, text in argument.inputs().items() if name in declared}
            said = {name: float(values[place]) for name, values in human.items() if np.isfinite(values[place])}
            example = dspy.Example({**inputs, **_levels(framework, said), HUMAN: said})
            examples.append(example.with_inputs(*inputs))
        for number, place in enumerate(held):
            examples[place][PLACE] = number
        return examples

    def _seen(self) -> Seen:
        return Seen(examples=len(self.program_["rate"]["demos"]), model=super()._seen().model)

    def depends_on(self) -> dict[str, str]:
        return super().depends_on() | {"program": self.program().fingerprint}


def _mid_ranks(labels: Array, train: Sequence[int]) -> Array:
    """Each label's place among the training labels: the share below it and half the share equal to it, 0 to 1."""
    known = np.sort(labels[list(train)])
    known = known[np.isfinite(known)]
    between = np.searchsorted(known, labels, "left") + np.searchsorted(known, labels, "right")
    return np.where(np.isfinite(labels), between / (2 * len(known)), np.nan)


def _levels(framework: Framework, human: Mapping[str, float]) -> dict[str, str]:
    """The code of each criterion's level in equal shares of the ranks; the overall one where it has none of its own."""
    found = {GATE: "1"} if framework.gate else {}
    for name, codes in codes_of(framework).items():
        place = min(int(human.get(name, human["overall"]) * len(codes)), len(codes) - 1)
        found[name] = codes[place if framework.criterion(name).higher_is_better else len(codes) - 1 - place]
    return found


def _refuse_silence(first: Tried) -> None:
    """Nothing can be learnt from a model that never answers."""
    overall = [assessment.overall for assessment in first.assessments.values()]
    if all(rating.quality is None for rating in overall):
        raise ModelError(
            f"Not one of {len(overall)} held-out arguments was rated: {overall[0].reason}.",
            hint="Try one with argqual score, or another readout or model.",
        )


def _score(candidate: Tried, labels: Array, groups: Sequence[Any]) -> dict[str, Any]:
    predicted = predictions_of([candidate.assessments[place] for place in range(len(labels))]).values
    found = spearman(predicted, labels, clusters=list(groups))
    names = ("low", "high", "n", "offered", "clusters", "reason")
    return {"metric": candidate.score, "spearman": found.value} | {name: getattr(found, name) for name in names}


def _nothing_yet(ended: Ended | ArgqualError | None) -> BaseException:
    """Why there is nothing to keep: the unchanged program has not been scored."""
    if isinstance(ended, ArgqualError):
        return ended
    if ended is Ended.INTERRUPTED:
        return KeyboardInterrupt()
    return StrategyError(
        "The budget was spent before the held-out arguments had been asked about once.",
        hint="Raise it, or hold out fewer arguments (validation).",
    )
