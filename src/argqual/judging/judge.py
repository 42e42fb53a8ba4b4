"""Assess an argument: ask a framework's questions of a model, and say what came of it."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from argqual._plugins import versions_of
from argqual._version import __version__
from argqual.argument import Argument
from argqual.assessment import (
    Assessment,
    FrameworkReference,
    GateAnswer,
    Rating,
    Selected,
    Status,
    Usage,
    aggregate,
    rate,
    unrated,
    verified,
)
from argqual.errors import ArgqualError, InputError, Stopped, TooLongError
from argqual.frameworks.catalogue import load_framework
from argqual.frameworks.framework import Criterion, Framework
from argqual.judging.fitting import Fitting, answer_tokens, beginning_note, cut
from argqual.judging.frames.frame import note_on
from argqual.judging.program import GATE, SELECT, Definitions, RatingProgram
from argqual.judging.prompt import Demonstration, Explain, Prompt
from argqual.judging.readouts.exchange import Exchange
from argqual.judging.readouts.reading import Distribution, Note
from argqual.judging.readouts.readout import Inquiry
from argqual.judging.readouts.registry import choose_readout, packages_behind
from argqual.models.connect import Model, connect
from argqual.models.failures import plain_errors
from argqual.models.names import DEFAULT_MODEL
from argqual.models.prices import FREE, Price
from argqual.models.tokenizing import tokenizer_for

_LIBRARIES = ("dspy", "litellm", "xllamacpp")
_KEY_DIGITS = 40  # 160 bits: two of a million million arguments do not share a key
_TRUNCATION_TRIES = 8
_SHORTER = "Use a shorter framework, or a model with a longer context."
_GATE_PASSES = 0.5

Demonstrations = Callable[[Argument], Sequence[Demonstration]]


class Judge:
    """A framework, a model and a read-out.

    Parameters
    ----------
    framework
        A `Framework`, the name of a known one, or a file.
    model
        A `Model` from `argqual.models.connect`, or a name to connect to.
    readout
        `auto`, `expect`, `label`, `votes:N`, `decide`, `verbal`, or one of an installed package.
    explain
        Write a rationale, and a quote where the criterion wants one, before each rating; `long` for one that thinks
        aloud instead of one or two sentences.
    definitions
        How much the model is told of each criterion: `none`, `plain` or `full`.
    truncate
        Rate the beginning of an argument that does not fit, instead of refusing it.
    program
        An optimised program for this framework (`load_program`).
    demonstrations
        The labelled arguments to show before an argument; the same for all if this has a true attribute `fixed`.
    api_base, api_key, engine, effort
        Passed to `connect` when `model` is a name.

    Raises
    ------
    ArgqualError
        The framework, the model or the read-out cannot be used.
    """

    def __init__(
        self,
        framework: Framework | str | Path = "ratio",
        *,
        model: Model | str = DEFAULT_MODEL,
        readout: str = "auto",
        explain: Explain = False,
        definitions: Definitions = "full",
        truncate: bool = False,
        program: RatingProgram | None = None,
        demonstrations: Demonstrations | None = None,
        api_base: str | None = None,
        api_key: str | None = None,
        engine: str = "auto",
        effort: str | None = None,
    ) -> None:
        self.framework = framework if isinstance(framework, Framework) else load_framework(framework)
        if isinstance(model, str):
            model = connect(model, api_base=api_base, api_key=api_key, engine=engine, effort=effort)
        self.model = model
        self.readout = choose_readout(readout, self.model, explain=bool(explain), abstain=self.framework.abstains)
        if explain and not self.readout.explains:
            raise InputError("A decision endpoint gives probabilities, no reasons.", hint="Leave out --explain.")
        if explain not in (False, True, "long"):
            raise InputError(f"explain={explain!r}: it is False, True or 'long'.")
        name, own_form = self.readout.name, self.readout.own_form
        if explain == "long" and own_form:
            raise InputError(f"With '{name}' the form of a rationale is DSPy's; explain='long' is for other read-outs.")
        if demonstrations and own_form:
            raise InputError(f"Examples are shown in the form of an answer, and '{name}' has a form of DSPy's.")
        self.explain = explain
        self.truncate = truncate
        self.demonstrations = demonstrations
        self.program = program or RatingProgram(
            self.framework, definitions=definitions, rationales=bool(explain) and own_form
        )
        self.fingerprint = self.program.fingerprint
        self._prompts: dict[tuple[frozenset[str], tuple[str, ...] | None, bool], Prompt] = {}

    def assess(
        self,
        argument: Argument | str,
        *,
        issue: str | None = None,
        stance: str | None = None,
        context: str | None = None,
    ) -> Assessment:
        """Rate one argument.

        Raises
        ------
        InputError
            The argument is empty, or an input that the framework requires is missing.
        TooLongError
            It does not fit the model's context and `truncate` is off.
        Unreachable, ModelError
            The model did not answer. An answer that cannot be read raises nothing: its
            ratings have the status `unreadable`.
        """
        if isinstance(argument, str):
            argument = Argument(argument, issue=issue, stance=stance, context=context)
        inputs, notes = self._inputs(argument)
        # What waits for its turn is not being rated.
        started = time.perf_counter() - self.model.traffic.waited
        asking = _Asking(inputs, self._examples(argument))
        try:
            self._ask(asking)
        except TooLongError as error:
            asking = self._ask_beginning(asking, error)
            kept = len(asking.inputs["argument"])
            notes.append(beginning_note(kept, len(argument.text)))
        seconds = time.perf_counter() - self.model.traffic.waited - started
        return self._assessment(argument, asking, notes, seconds)

    def inquiry(self, argument: Argument) -> Inquiry:
        """What is asked about an argument (raises as `key`); before its kind is known, as if all criteria were."""
        inputs, _ = self._inputs(argument)
        return self._inquiry(_Asking(inputs, self._examples(argument)))

    def prompt(self, argument: Argument) -> list[dict[str, str]]:
        """The messages that `assess` sends first, to the letter (not for `verbal`, whose form is DSPy's)."""
        return self.inquiry(argument).messages()

    @property
    def price(self) -> Price | None:
        """What the model's tokens cost when it is asked by this read-out; None when that is not known."""
        return self.readout.price(self.model)

    @cached_property
    def reference(self) -> FrameworkReference:
        """Which framework, in which version."""
        return FrameworkReference.of(self.framework)

    def key(self, argument: Argument) -> str:
        """Under which an assessment of this argument is kept: a digest of everything that it depends on.

        Framework, prompt and demonstrations; the model, its address and weights; read-out and
        parameters; what is shown of the argument; the versions of the libraries that ask.

        Raises
        ------
        InputError
            An input that the framework requires is missing.
        """
        inputs, _ = self._inputs(argument)
        digest = self._fixed.copy()
        digest.update(json.dumps(inputs, sort_keys=True).encode())
        if examples := self._examples(argument):
            digest.update(json.dumps(examples, sort_keys=True).encode())
        return str(digest.hexdigest()[:_KEY_DIGITS])

    @cached_property
    def _fixed(self) -> Any:
        """A digest of all of a key that no argument changes."""
        blanks = dict.fromkeys([*self.framework.inputs.declared(), "argument"], "")
        libraries = versions_of(_LIBRARIES)
        content: dict[str, Any] = {
            "program": self.fingerprint,
            "prompt": self._prompt(blanks).messages(blanks),
            "readout": [self.readout.name, self.readout.max_off_scale],
            # Under "long", answers to a request for one or two sentences are kept: so it was asked for until 0.1.
            "explain": "at length" if self.explain == "long" else self.explain,
            "truncate": self.truncate,
            "model": [self.model.name, self.model.identity],
            "versions": [__version__, *map(libraries.get, _LIBRARIES)],
        }
        if packages := packages_behind(self.readout, self.model):
            content["packages"] = packages
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode())

    def failed(self, argument: Argument | None, status: Status, reason: str, *, lost: int = 0) -> Assessment:
        """The assessment of an argument that could not be asked about: no values, and why."""
        asked = {
            criterion.id: unrated(criterion, self.framework.scale_of(criterion), status, reason)
            for criterion in self.framework.asked
        }
        ratings, overall = aggregate(self.framework, asked)
        cost = None if lost and self.price != FREE else 0.0
        return Assessment(
            overall=overall.model_copy(update={"status": status, "reason": reason}),
            ratings=ratings,
            usage=Usage(requests=lost, cost_usd=cost),
            **self._made_by(status, argument),
        )

    def _made_by(self, status: Status, argument: Argument | None) -> dict[str, Any]:
        return {
            "status": status,
            "framework": self.reference,
            "program": self.fingerprint,
            "model": self.model.name,
            "readout": self.readout.name,
            "explained": bool(self.explain),
            "definitions": self.program.definitions,
            "argument_id": argument.id if argument else None,
            "argqual_version": __version__,
        }

    def _inputs(self, argument: Argument) -> tuple[dict[str, str], list[str]]:
        given = argument.inputs()
        declared = self.framework.inputs.declared()
        for name, kind in declared.items():
            if kind == "required" and name not in given:
                raise InputError(
                    f"The framework {self.framework.id} needs the argument's {name}.", hint=f"Give it with --{name}."
                )
        unused = [name for name in given if name != "argument" and name not in declared]
        notes = [f"the {name} was not shown: {self.framework.id} does not use it" for name in unused]
        notes += filter(None, [note_on(self.framework.language)])
        return {name: text for name, text in given.items() if name not in unused}, notes

    def _examples(self, argument: Argument) -> list[dict[str, Any]]:
        """What is shown before the argument, as data."""
        return [asdict(each) for each in self.demonstrations(argument)] if self.demonstrations else []

    def _ask(self, asking: _Asking) -> None:
        try:
            with plain_errors(self.model, asking.inputs.values()):
                self._ask_program(asking)
        except (ArgqualError, Stopped) as error:
            error.answered = asking.usage
            raise

    def _ask_program(self, asking: _Asking) -> None:
        select = self.framework.select
        if select is not None:
            chosen = self._answers(asking, select=True)
            if chosen is None:
                asking.unreadable = f"{select.name}: {asking.unreadable}"
                return
            shares = dict(zip((option.id for option in select.options), chosen[SELECT].probabilities, strict=True))
            option = max(select.options, key=lambda option: shares[option.id])
            asking.selected = Selected(
                option=option.id, name=option.name, probabilities=shares if self.readout.source else None
            )
        for criterion in self.framework.asked:
            if reason := self._skip_reason(criterion, asking.inputs, asking.selected):
                asking.skipped[criterion.id] = reason
        wanted = tuple(criterion.id for criterion in self.framework.asked if criterion.id not in asking.skipped)
        if wanted:
            asking.answers = self._answers(asking, only=wanted if asking.skipped else None)

    def _answers(
        self, asking: _Asking, *, only: tuple[str, ...] | None = None, select: bool = False
    ) -> dict[str, Distribution] | None:
        """The distribution over each question's answers; None when the answer cannot be read, with the reason kept."""
        exchange = Exchange()
        asking.exchanges.append(exchange)
        found = self.readout.ask(self._inquiry(asking, only=only, select=select), self.model, exchange)
        asking.notes, asking.unreadable = exchange.notes, exchange.unreadable
        return found

    def _inquiry(self, asking: _Asking, *, only: tuple[str, ...] | None = None, select: bool = False) -> Inquiry:
        """The questions about an argument; examples answer the ratings' questions, not which kind of argument it is."""

        def run(lm: Any) -> Any:
            if select:
                return self.program.choose(lm=lm, **asking.inputs)
            return self.program(lm=lm, only=only, **asking.inputs)

        prompt = self._prompt(asking.inputs, only=only, select=select)
        same = not select and bool(getattr(self.demonstrations, "fixed", False))
        return Inquiry(prompt, asking.inputs, () if select else asking.examples, run, same)

    def _prompt(
        self, inputs: Mapping[str, str], *, only: tuple[str, ...] | None = None, select: bool = False
    ) -> Prompt:
        """The prompt for arguments that have these inputs; made once (a judge's program does not change)."""
        key = (frozenset(inputs), only, select)
        if key not in self._prompts:
            explain = False if select else self.explain
            self._prompts[key] = self.program.prompt(inputs, only=only, select=select, explain=explain)
        return self._prompts[key]

    @staticmethod
    def _skip_reason(criterion: Criterion, inputs: Mapping[str, str], selected: Selected | None) -> str | None:
        missing = [name for name in criterion.requires if name not in inputs]
        if missing:
            return f"needs the {' and the '.join(missing)}"
        if criterion.when and selected and criterion.when != selected.option:
            return f"not for this kind of argument ({selected.name})"
        return None

    def _ask_beginning(self, asking: _Asking, error: TooLongError) -> _Asking:
        """Ask about as much of an argument's beginning as fits."""
        text = asking.inputs["argument"]
        fits, shown = (fitting := self._fitting(asking)).after(len(text), error.message), len(text)
        if not self.truncate:
            raise TooLongError(
                f"The argument has {len(text):,} characters, too many for the context of {self.model.name}."
                f"{fitting.said(fits)} ({error.message})",
                hint=_SHORTER if fits == 0 else "--truncate rates the beginning, --split paragraphs its parts.",
            ) from None
        for _ in range(_TRUNCATION_TRIES):
            beginning = cut(text, shown // 2 if fits is None else fits)
            if not beginning.strip():
                break
            shorter, shown = _Asking(asking.inputs | {"argument": beginning}, asking.examples), len(beginning)
            try:
                self._ask(shorter)
                return shorter
            except TooLongError as again:
                fits = fitting.after(shown, again.message)
        raise TooLongError(
            f"Not even the beginning of the argument fits the context of {self.model.name} with this framework.",
            hint=_SHORTER,
        )

    def fitting(self, argument: Argument) -> Fitting:
        """How much of an argument's text, or of another in its place, the model's context takes; raises as `key`."""
        inputs, _ = self._inputs(argument)
        return self._fitting(_Asking(inputs, self._examples(argument)))

    def _fitting(self, asking: _Asking) -> Fitting:
        """The argument's text as one that is to be cut to the model's context."""
        around = self._inquiry(_Asking(asking.inputs | {"argument": ""}, asking.examples))
        return Fitting(
            asking.inputs["argument"],
            around.text,
            (tokenizer := tokenizer_for(self.model, asking=True)),
            answer_tokens(self.readout, around, self.model),
            tokenizer.context or self.model.abilities.now.context_tokens,
        )

    def _assessment(self, argument: Argument, asking: _Asking, notes: list[str], seconds: float) -> Assessment:
        gate = self._gate(asking)
        asked = {criterion.id: self._rating(criterion, asking) for criterion in self.framework.asked}
        if gate and not gate.passed and self.framework.gate:
            doubt = f"the gate is in doubt: {self.framework.gate.question} (probability of yes: {gate.probability:.2f})"
            if self.framework.gate.on_fail == "skip":
                asked = {
                    criterion.id: unrated(criterion, self.framework.scale_of(criterion), Status.SKIPPED, doubt)
                    for criterion in self.framework.asked
                }
            notes.append(doubt)
        ratings, overall = aggregate(self.framework, asked)
        notes += list(dict.fromkeys(remark for exchange in asking.exchanges for remark in exchange.remarks))
        dropped = sum(len(rating.discarded_quotes) for rating in ratings)
        if dropped:
            notes.append(f"{dropped} quote{'s' if dropped > 1 else ''} left out: not in the argument")
        return Assessment(
            overall=overall,
            ratings=ratings,
            gate=gate,
            selected=asking.selected,
            usage=asking.usage.model_copy(update={"seconds": seconds}),
            notes=tuple(notes),
            truncated=any(exchange.truncated for exchange in asking.exchanges),
            **self._made_by(overall.status, argument),
        )

    def _gate(self, asking: _Asking) -> GateAnswer | None:
        if self.framework.gate is None or asking.answers is None or asking.answers[GATE].refused:
            return None
        probability = asking.answers[GATE].probabilities[1]
        return GateAnswer(passed=probability >= _GATE_PASSES, probability=probability)

    def _rating(self, criterion: Criterion, asking: _Asking) -> Rating:
        scale = self.framework.scale_of(criterion)
        if criterion.id in asking.skipped:
            return unrated(criterion, scale, Status.SKIPPED, asking.skipped[criterion.id])
        if asking.answers is None:
            return unrated(criterion, scale, Status.UNREADABLE, asking.unreadable or "no answer")
        distribution = asking.answers[criterion.id]
        if doubt := self.readout.doubt(distribution, "something that is no level"):
            return unrated(criterion, scale, Status.UNREADABLE, doubt)
        if distribution.abstain >= 0.5:
            return unrated(criterion, scale, Status.ABSTAINED, scale.abstain or "the judge cannot tell")
        note = asking.notes.get(criterion.id)
        evidence, discarded = verified(note.quote if note else "", asking.inputs["argument"])
        return rate(
            criterion,
            scale,
            distribution.probabilities,
            source=self.readout.source,
            outside=distribution.off_scale if self.readout.sees_off_scale else None,
            rationale=note.rationale if note and note.rationale else None,
            evidence=evidence,
            discarded_quotes=discarded,
        )


@dataclass
class _Asking:
    """What was asked about one argument, and what came back."""

    inputs: dict[str, str]
    examples: list[dict[str, Any]]
    answers: dict[str, Distribution] | None = None
    notes: dict[str, Note] = field(default_factory=dict)
    unreadable: str | None = None
    selected: Selected | None = None
    skipped: dict[str, str] = field(default_factory=dict)
    exchanges: list[Exchange] = field(default_factory=list)

    @property
    def usage(self) -> Usage:
        return Usage.total(exchange.usage for exchange in self.exchanges)
