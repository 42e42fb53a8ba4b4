"""What a model is shown, to the letter, compiled once for all arguments.

DSPy and argqual share the work so. A framework is a DSPy program (`argqual.judging.program`): its signatures
hold the instructions, the questions as decision types, and the demonstrations, and DSPy improves, saves, loads
and traces it. For the read-out `verbal` DSPy also runs it. For every other, argqual begins where DSPy would
hand a decision client its `state` and `questions`: both are read from the signatures instead
(`argqual.judging.program.compiled`) and become a `Prompt`, made once for all arguments with the same inputs.
Key, plan, `frameworks prompt` and request all take text, questions and codes from there; nothing here knows DSPy.

A prompt's system message holds everything that stays the same from one argument to the next (instructions,
criteria, levels, form of the answer), so that a prompt cache reads it once; the argument comes last, in the
user message. Untrusted text is fenced here.
"""

from __future__ import annotations

import json
import string
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from argqual.argument import fence
from argqual.judging.frames.frame import Frame, frame_of

ABSTAIN_CODE = "X"
Explain = bool | Literal["long"]
"""Whether a rationale is written before a rating: none, one or two sentences, or (`long`) thinking on paper."""
_RATIONALE_CHARACTERS = 360
_LONG_CHARACTERS = 1500
_QUOTE_CHARACTERS = 160


@dataclass(frozen=True)
class Answerable:
    """What must be known of a question beyond what DSPy hands over: its levels as written, and how to abstain."""

    levels: tuple[str, ...] = ()
    abstain: str | None = None
    quote: bool = False


@dataclass(frozen=True)
class Question:
    """One question with its possible answers, each carried by a code of one character.

    One character is one token, or part of one, in every tokenizer: an answer never spreads over several tokens,
    whatever the level is called. `codes` and `descriptions` are the answers in order (a scale's lowest level first;
    no, then yes); `abstain` describes "cannot say", when the judge may abstain; `decision` is the question as DSPy
    hands it to a decision endpoint: `type`, `instructions`, `criteria`.
    """

    name: str
    text: str
    codes: tuple[str, ...]
    descriptions: tuple[str, ...]
    abstain: str | None = None
    quote: bool = False
    decision: Mapping[str, Any] = field(default_factory=dict, compare=False)

    @property
    def all_codes(self) -> tuple[str, ...]:
        return (*self.codes, ABSTAIN_CODE) if self.abstain else self.codes

    @classmethod
    def of(cls, name: str, decision: Mapping[str, Any], about: Answerable) -> Question:
        """DSPy's decision question, with a code for every answer."""
        criteria: Any = decision.get("criteria")
        if decision["type"] == "score":
            codes = level_codes(about.levels or tuple(str(i) for i in range(len(criteria))))
            descriptions = tuple(str(text) for text in criteria)
        elif decision["type"] == "noul":
            codes, descriptions = ("0", "1"), (str(criteria["false"]), str(criteria["true"]))
        else:
            codes = level_codes(["letters"] * len(criteria))
            descriptions = tuple(str(text) for text in criteria.values())
        return cls(name, str(decision["instructions"]), codes, descriptions, about.abstain, about.quote, decision)


@dataclass(frozen=True)
class Demonstration:
    """An argument with the answers to give about it, shown as a turn of the conversation before the real one.

    `inputs` are the argument and what belongs to it, as given (they are fenced when shown); `levels` each question's
    code, as an answer writes it; `notes` a rationale for some of the questions, written before the levels.
    """

    inputs: Mapping[str, str]
    levels: Mapping[str, str]
    notes: Mapping[str, str] = field(default_factory=dict)

    def turns(self, questions: Sequence[Question], *, explain: Explain, ask_levels: str) -> list[tuple[str, str]]:
        """What is said, as (role, text), in the form and the words in which the real answer is asked for."""
        levels = _compact({question.name: self.levels[question.name] for question in questions})
        asked = ("user", _user_message(self.inputs))
        if explain:
            notes = {question.name: {"rationale": self.notes.get(question.name, "")} for question in questions}
            return [asked, ("assistant", _compact(notes)), ("user", ask_levels), ("assistant", levels)]
        said = "\n".join(filter(None, (self.notes.get(question.name) for question in questions)))
        return [asked, ("assistant", f"{said}\n{levels}" if said else levels)]


@dataclass(frozen=True)
class Prompt:
    """All that a model is asked but the argument; the same for all arguments with the same inputs.

    `state` has instructions, a description of the inputs, and demonstrations, as DSPy hands them to a decision
    endpoint; `questions` what is asked, in order, with the codes of the answers. With `explain`, notes (a rationale,
    a quote) are asked for first. `frame` has the sentences around all this, in the framework's language.
    """

    state: Mapping[str, Any]
    questions: Sequence[Question]
    explain: Explain = False
    frame: Frame = field(default_factory=lambda: frame_of("en"))

    @classmethod
    def of(
        cls,
        state: Mapping[str, Any],
        decisions: Mapping[str, Mapping[str, Any]],
        known: Mapping[str, Answerable],
        *,
        explain: Explain = False,
        frame: Frame,
    ) -> Prompt:
        """The prompt for what DSPy hands to a decision client."""
        asked = [Question.of(name, decision, known.get(name, Answerable())) for name, decision in decisions.items()]
        return cls(state, tuple(asked), explain, frame)

    def filled(self, inputs: Mapping[str, str], examples: Sequence[Mapping[str, Any]] = ()) -> dict[str, Any]:
        """The state for an argument's inputs, with `Demonstration`s (as data) where some are shown."""
        shown = {"examples": examples} if examples else {}
        return {**self.state, "inputs": {name: fence(text) for name, text in inputs.items()}, **shown}

    def turns(self, inputs: Mapping[str, str], examples: Iterable[Mapping[str, Any]] = ()) -> list[tuple[str, str]]:
        """How the conversation begins after the system message, as (role, text): what is shown, then the argument."""
        shown = [
            turn
            for each in examples
            for turn in Demonstration(**each).turns(
                self.questions, explain=self.explain, ask_levels=self.frame.ask_levels
            )
        ]
        return [*shown, ("user", _user_message(inputs))]

    def messages(self, inputs: Mapping[str, str], examples: Iterable[Mapping[str, Any]] = ()) -> list[dict[str, str]]:
        """The messages that are sent first, to the letter."""
        said = [("system", self.system), *self.turns(inputs, examples)]
        return [{"role": role, "content": content} for role, content in said]

    @cached_property
    def system(self) -> str:
        """The part of a prompt that no argument changes."""
        parts = [self.state["instructions"].strip()]
        for number, question in enumerate(self.questions, start=1):
            answers = [f"{code} = {text}" for code, text in zip(question.codes, question.descriptions, strict=True)]
            if question.abstain:
                answers.append(f"{ABSTAIN_CODE} = {question.abstain}")
            parts.append("\n".join([f"{number}. {question.name}: {question.text.strip()}", *answers]))
        if demos := self.state.get("demos"):
            parts.append(f"{self.frame.examples}\n" + "\n".join(json.dumps(demo, ensure_ascii=False) for demo in demos))
        parts.append(self.frame.material)
        if not self.explain:
            return "\n\n".join([*parts, self.frame.answer.format(form=self._levels_form)])
        blanks = _compact({question.name: _note_keys(question, "...", "...") for question in self.questions})
        how = self.frame.how_long if self.explain == "long" else self.frame.how
        parts.append(self.frame.notes.format(how=how, blanks=blanks))
        parts.append(self.frame.then_levels.format(form=self._levels_form))
        return "\n\n".join(parts)

    @property
    def _levels_form(self) -> str:
        """The form of the answer, with a blank for each code: an example of an answer would be copied.

        Each code follows its question's name. Without the names a small model loses track
        after a few questions and goes on writing the same code.
        """
        blanks = _compact({question.name: "#" for question in self.questions})
        return self.frame.form.format(blanks=blanks)

    @property
    def repair(self) -> str:
        """Asks once more, after an answer that could not be read."""
        return self.frame.repair.format(form=self._levels_form)

    @cached_property
    def levels_schema(self) -> dict[str, Any]:
        """JSON Schema of the answer: each question's name and one of its codes."""
        return _object({each.name: {"type": "string", "enum": list(each.all_codes)} for each in self.questions})

    @cached_property
    def notes_schema(self) -> dict[str, Any]:
        """JSON Schema of the notes: a rationale, and a quote where the criterion wants evidence."""
        longest = _LONG_CHARACTERS if self.explain == "long" else _RATIONALE_CHARACTERS
        rationale, quote = ({"type": "string", "maxLength": most} for most in (longest, _QUOTE_CHARACTERS))
        return _object({each.name: _object(_note_keys(each, rationale, quote)) for each in self.questions})

    @property
    def levels_tokens(self) -> int:
        """Enough tokens for the levels, with room for white space."""
        return 40 + 20 * len(self.questions)

    @property
    def notes_tokens(self) -> int:
        """Enough tokens for the notes: an upper bound, not a target."""
        rationale = 300 if self.explain == "long" else 100
        return 60 + sum(rationale + 50 if question.quote else rationale for question in self.questions) * 2


def level_codes(written: Sequence[str]) -> tuple[str, ...]:
    """The codes for a scale's levels: their values where each is one digit, otherwise letters."""
    if all(len(value) == 1 for value in written) and len(set(written)) == len(written):
        return tuple(written)
    return tuple(string.ascii_uppercase[: len(written)])


def _user_message(inputs: Mapping[str, str]) -> str:
    """The argument, last, and what belongs to it; an input left out is not mentioned."""
    ordered = sorted(inputs.items(), key=lambda item: item[0] == "argument")
    return "\n".join(f"<{name}>\n{fence(value)}\n</{name}>" for name, value in ordered)


def _note_keys(question: Question, rationale: Any, quote: Any) -> dict[str, Any]:
    return {"rationale": rationale, "quote": quote} if question.quote else {"rationale": rationale}


def _compact(content: Any) -> str:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}
