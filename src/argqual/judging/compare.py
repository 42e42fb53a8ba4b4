"""Which of two arguments is better, and on which criteria.

Models favour a position: many prefer whatever comes first. So each comparison is
asked in both orders; the two answers are averaged, and where they disagree the
result is `undecided`, whatever the average says.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any, Literal

import dspy
from dspy.adapters.types.decision import Choice

from argqual._version import __version__
from argqual.argument import Argument
from argqual.assessment import FrameworkReference, Record, Status, Usage
from argqual.errors import InputError, TooLongError
from argqual.frameworks.catalogue import load_framework
from argqual.frameworks.framework import INPUTS, Framework
from argqual.judging.frames.frame import Frame, frame_of
from argqual.judging.program import Definitions, compiled, criterion_text, instructions
from argqual.judging.prompt import Prompt
from argqual.judging.readouts.exchange import Exchange
from argqual.judging.readouts.readout import Inquiry, Readout
from argqual.judging.readouts.registry import choose_readout
from argqual.models.connect import Model, connect
from argqual.models.failures import plain_errors
from argqual.models.names import DEFAULT_MODEL

_OVERALL = "overall"


class Preference(Record):
    """Which argument is better on one criterion.

    Parameters
    ----------
    probability_a
        That A is better: the mean over both orders, 0 to 1.
    shown_first, shown_second
        The same when A was shown first, and when it was shown second.
    winner
        `a` or `b` when both orders agree, otherwise `undecided`.
    """

    criterion: str
    name: str
    status: Status = Status.OK
    reason: str | None = None
    probability_a: float | None = None
    shown_first: float | None = None
    shown_second: float | None = None
    winner: Literal["a", "b", "undecided"] = "undecided"


class Comparison(Record):
    """Two arguments compared: overall, and on each criterion that is asked.

    `notes` say what was given and not shown, and why.
    """

    status: Status
    overall: Preference
    criteria: tuple[Preference, ...]
    framework: FrameworkReference
    model: str
    readout: str
    usage: Usage
    notes: tuple[str, ...] = ()
    argqual_version: str

    @property
    def order_effect(self) -> float | None:
        """How much more probable a win is from the first place, averaged over the criteria (-1 to 1)."""
        gaps = [
            answer.shown_first - answer.shown_second
            for answer in (*self.criteria, self.overall)
            if answer.shown_first is not None and answer.shown_second is not None
        ]
        return sum(gaps) / len(gaps) if gaps else None


def compare(
    a: Argument | str,
    b: Argument | str,
    *,
    framework: Framework | str = "ratio",
    issue: str | None = None,
    model: Model | str = DEFAULT_MODEL,
    readout: str = "auto",
    definitions: Definitions = "full",
    api_base: str | None = None,
    api_key: str | None = None,
    engine: str = "auto",
) -> Comparison:
    """Ask which of two arguments is better, in both orders.

    Parameters
    ----------
    a, b
        Each may have a stance and a context of its own; what the framework does not take is not shown.
    issue
        What both answer; where left out, that of the arguments if it is the same.

    Raises
    ------
    InputError, TooLongError, Unreachable, ModelError
        As for `Judge.assess`.
    """
    framework = framework if isinstance(framework, Framework) else load_framework(framework)
    first = a if isinstance(a, Argument) else Argument(a, issue=issue)
    second = b if isinstance(b, Argument) else Argument(b, issue=issue)
    inputs, notes = _inputs(framework, first, second, issue)
    if isinstance(model, str):
        model = connect(model, api_base=api_base, api_key=api_key, engine=engine)
    chosen = choose_readout(readout, model)
    if chosen.own_form:
        raise InputError(f"Comparisons are read out by expect, label, votes:N or decide, not by {chosen.name}.")
    started = time.perf_counter()
    forward, backward = (
        _asked(Inquiry(_prompt(framework, definitions, shown), shown), model, chosen)
        for shown in (_shown(*inputs), _shown(*inputs[::-1]))
    )
    usage = Usage.total([forward.usage, backward.usage])
    names = {criterion.id: criterion.name for criterion in framework.asked}
    overall = _preference(_OVERALL, "Overall", forward, backward, chosen)
    return Comparison(
        status=overall.status,
        overall=overall,
        criteria=tuple(_preference(criterion, name, forward, backward, chosen) for criterion, name in names.items()),
        framework=FrameworkReference.of(framework),
        model=model.name,
        readout=chosen.name,
        usage=usage.model_copy(update={"seconds": time.perf_counter() - started}),
        notes=notes,
        argqual_version=__version__,
    )


Inputs = dict[str, str]
"""What is shown of an argument, by the input's name."""


def _inputs(
    framework: Framework, first: Argument, second: Argument, issue: str | None
) -> tuple[tuple[Inputs, Inputs], tuple[str, ...]]:
    """What is shown of each argument, and notes on what is not; an InputError where something is missing."""
    given = [argument.inputs() | ({"issue": issue} if issue else {}) for argument in (first, second)]
    declared, notes = framework.inputs.declared(), []
    for name in INPUTS:
        kind, texts = declared.get(name), [each.get(name) for each in given]
        apart = name == "issue" and texts[0] != texts[1]
        if kind == "required" and (apart or None in texts):
            of = "the issue" if name == "issue" else f"the {name} of both arguments"
            raise InputError(f"The framework {framework.id} needs {of}.", hint=f"Give it with --{name}.")
        if kind is None or apart:
            why = "it is not the same of both" if apart and kind else f"{framework.id} does not use it"
            notes += [f"the {name} was not shown: {why}"] if any(texts) else []
            for each in given:
                each.pop(name, None)
    return (given[0], given[1]), tuple(notes)


def _shown(first: Inputs, second: Inputs) -> Inputs:
    """What a model is shown, in order: what both have in common, then each argument with what is its own."""
    common = {name: text for name, text in first.items() if name != "argument" and second.get(name) == text}
    placed = (("first", first), ("second", second))
    own = {f"{place}_{name}": text for place, each in placed for name, text in each.items() if name not in common}
    return common | own


def _prompt(framework: Framework, definitions: Definitions, shown: Inputs) -> Prompt:
    predictor = dspy.Predict(_signature(framework, definitions, shown))
    return compiled(predictor, predictor.signature, framework)


def _asked(inquiry: Inquiry, model: Model, readout: Readout) -> Exchange:
    exchange = Exchange()
    try:
        with plain_errors(model):
            readout.ask(inquiry, model, exchange)
    except TooLongError as error:
        raise TooLongError(
            f"The two arguments together do not fit the context of {model.name}. ({error.message})",
            hint="Compare shorter texts, or use a model with a longer context.",
        ) from None
    return exchange


def _preference(criterion: str, name: str, forward: Exchange, backward: Exchange, readout: Readout) -> Preference:
    for asked in (forward, backward):
        reason = asked.unreadable or readout.doubt(asked.distributions[criterion], "neither argument")
        if reason:
            return Preference(criterion=criterion, name=name, status=Status.UNREADABLE, reason=reason)
    shown_first = forward.distributions[criterion].probabilities[0]
    shown_second = backward.distributions[criterion].probabilities[1]
    winner: Literal["a", "b", "undecided"] = "undecided"
    if shown_first > 0.5 and shown_second > 0.5:
        winner = "a"
    elif shown_first < 0.5 and shown_second < 0.5:
        winner = "b"
    return Preference(
        criterion=criterion,
        name=name,
        probability_a=(shown_first + shown_second) / 2,
        shown_first=shown_first,
        shown_second=shown_second,
        winner=winner,
    )


def _described(name: str, frame: Frame) -> str:
    """What an input is, in the framework's language: `issue`, or `first_stance` where the two differ in it."""
    places = {"first": frame.first, "second": frame.second}
    place, _, own = name.rpartition("_")
    if own == "argument":
        return places[place]
    said: str = getattr(frame, own)
    return f"{places[place]}: {said}" if place else said


def _signature(framework: Framework, definitions: Definitions, shown: Iterable[str]) -> Any:
    frame = frame_of(framework.language)
    options = (("first", frame.first), ("second", frame.second))
    fields: dict[str, Any] = {name: (str, dspy.InputField(desc=_described(name, frame))) for name in shown}
    for criterion in framework.asked:
        which = frame.does_better if criterion.higher_is_better else frame.has_less
        text = criterion_text(criterion, definitions, framework.language)
        fields[criterion.id] = (Choice[options], dspy.OutputField(desc=f"{text}\n{which}"))
    fields[_OVERALL] = (Choice[options], dspy.OutputField(desc=frame.overall_better))
    return dspy.Signature(fields, instructions(framework, frame.compare_opening))
