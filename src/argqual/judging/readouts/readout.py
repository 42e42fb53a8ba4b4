"""How a rating is got out of a model.

`expect`: all questions in one call; the level's expectation under the
    log-probabilities of its code.
`label`: the same call; the level as written.
`votes:N`: N sampled answers; the frequencies.
`decide`: a System One endpoint, which returns probabilities itself.
`verbal`: DSPy's own form, in which the model writes probabilities down as JSON.

The first four are clients of DSPy's decision interface: a program calls them as
`client(state=…, questions=…)`. Which one is used is chosen by what the model can do
before anything is asked, can be forced, and never changes silently.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from argqual.assessment import ProbabilitySource, Usage
from argqual.errors import ReadoutError, nearest
from argqual.judging import prompt
from argqual.judging.prompt import Question
from argqual.judging.readouts import reading
from argqual.judging.readouts.reading import Distribution, Note
from argqual.models.connect import Model

MAX_OUTSIDE = 0.5
_TOP = 20
_MOST_VOTES = 100
REASONING_TOKENS = 16_000
Kind = Literal["expect", "label", "votes", "decide", "verbal"]
_KINDS = ("auto", "expect", "label", "votes:N", "decide", "verbal")
_PLAIN_KINDS: dict[str, Kind] = {"expect": "expect", "label": "label", "decide": "decide", "verbal": "verbal"}
_SOURCES: dict[str, ProbabilitySource | None] = {
    "expect": "logprobs",
    "label": None,
    "votes": "votes",
    "decide": "endpoint",
    "verbal": "verbalised",
}


@dataclass(frozen=True)
class Readout:
    """A way to get ratings out of a model.

    Parameters
    ----------
    votes
        Samples to take; only for `votes`.
    max_outside
        A question's rating is refused when the model gave more than this share of its
        probability to something that is no level (0 to 1).
    """

    kind: Kind
    votes: int = 0
    max_outside: float = MAX_OUTSIDE

    @property
    def name(self) -> str:
        return f"votes:{self.votes}" if self.kind == "votes" else self.kind

    @property
    def source(self) -> ProbabilitySource | None:
        """Where this read-out's probabilities come from."""
        return _SOURCES[self.kind]


def choose_readout(wanted: str, model: Model) -> Readout:
    """The read-out asked for, or for `auto` the best that the model is known to support.

    Raises
    ------
    ReadoutError
        No such read-out, or the model cannot serve it.
    """
    if wanted == "auto":
        wanted = "decide" if model.endpoint else "expect" if model.logprobs else "label"
    if votes := re.fullmatch(r"votes:(\d{1,3})", wanted):
        count = int(votes[1])
        if not 2 <= count <= _MOST_VOTES:
            raise ReadoutError(f"votes:{count}: the number of votes is 2 to {_MOST_VOTES}.")
        readout = Readout("votes", votes=count)
    elif wanted == "votes":
        raise ReadoutError("'votes' needs a number.", hint="For example --readout votes:5.")
    elif kind := _PLAIN_KINDS.get(wanted):
        readout = Readout(kind)
    else:
        raise ReadoutError(f"No read-out is called '{wanted}'. {nearest(wanted, _KINDS)}")
    if (readout.kind == "decide") != bool(model.endpoint):
        if model.endpoint:
            raise ReadoutError(f"{model.name} is a decision endpoint; it only serves the read-out 'decide'.")
        raise ReadoutError(
            f"The read-out 'decide' needs a decision endpoint, and {model.name} is none.",
            hint="Write the model as systemone/NAME and give its --api-base.",
        )
    if readout.kind == "expect" and model.reasoning:
        raise _no_logprobs(model)
    return readout


def _no_logprobs(model: Model) -> ReadoutError:
    return ReadoutError(
        f"The read-out 'expect' needs log-probabilities, and {model.name} returned none.",
        hint="Use --readout label (one call), --readout votes:5 (five calls), or a model that returns them.",
    )


@dataclass(frozen=True)
class Answerable:
    """What a client must know of a question beyond what DSPy hands it."""

    levels: tuple[str, ...] = ()
    abstain: str | None = None
    quote: bool = False


@dataclass
class Exchange:
    """What went to and fro in one assessment."""

    distributions: dict[str, Distribution] = field(default_factory=dict)
    notes: dict[str, Note] = field(default_factory=dict)
    requests: int = 0
    input_tokens: int | None = 0
    cached_tokens: int | None = 0
    output_tokens: int | None = 0
    cost_usd: float | None = 0.0
    remarks: list[str] = field(default_factory=list)
    truncated: bool = False

    def add(
        self,
        *,
        input_tokens: int | None,
        cached: int | None,
        output: int | None,
        cost: float | None,
        requests: int = 1,
    ) -> None:
        """Count a request, or several; a figure that any of them leaves out is unknown in the sum."""
        self.requests += requests
        self.input_tokens = _sum(self.input_tokens, input_tokens)
        self.cached_tokens = _sum(self.cached_tokens, cached)
        self.output_tokens = _sum(self.output_tokens, output)
        self.cost_usd = None if self.cost_usd is None or cost is None else self.cost_usd + cost

    def add_response(self, model: Model, response: Any, lost: int) -> None:
        """Count a `dspy.lm15.Response`, and the requests that were lost before it as if they had been charged."""
        usage = response.usage
        cost = None
        if model.price and usage.input_tokens is not None and usage.output_tokens is not None:
            cost = model.price.of(usage.input_tokens, usage.output_tokens, usage.cache_read_tokens or 0)
            cost += lost * model.price.of(usage.input_tokens, usage.output_tokens)
        self.add(
            input_tokens=usage.input_tokens,
            cached=usage.cache_read_tokens,
            output=usage.output_tokens,
            cost=cost,
            requests=1 + lost,
        )
        if lost:
            self.remarks.append(lost_remark(lost))
        if response.finish_reason == "length":
            self.truncated = True
            self.remarks.append("an answer was cut off at its limit of tokens")

    @classmethod
    def total(cls, exchanges: Iterable[Exchange]) -> Exchange:
        """What several exchanges took together."""
        total = cls()
        for exchange in exchanges:
            total.add(
                requests=exchange.requests,
                input_tokens=exchange.input_tokens,
                cached=exchange.cached_tokens,
                output=exchange.output_tokens,
                cost=exchange.cost_usd,
            )
            total.remarks += exchange.remarks
            total.truncated |= exchange.truncated
        return total

    def usage(self, seconds: float) -> Usage:
        return Usage(
            requests=self.requests,
            input_tokens=self.input_tokens,
            cached_tokens=self.cached_tokens,
            output_tokens=self.output_tokens,
            cost_usd=self.cost_usd,
            seconds=seconds,
        )


def lost_remark(lost: int) -> str:
    were = "1 answer was" if lost == 1 else f"{lost} answers were"
    return f"{were} lost on the way and asked for again; the provider may have charged for it"


def _sum(total: int | None, more: int | None) -> int | None:
    return None if total is None or more is None else total + more


def build_questions(questions: Mapping[str, Any], known: Mapping[str, Answerable]) -> list[Question]:
    """DSPy's decision questions, with a code for every answer."""
    built = []
    for name, question in questions.items():
        about = known.get(name, Answerable())
        criteria = question.get("criteria")
        if question["type"] == "score":
            codes = prompt.level_codes(about.levels or tuple(str(i) for i in range(len(criteria))))
            descriptions = tuple(str(text) for text in criteria)
        elif question["type"] == "noul":
            codes, descriptions = ("0", "1"), (str(criteria["false"]), str(criteria["true"]))
        else:
            codes = prompt.level_codes(["letters"] * len(criteria))
            descriptions = tuple(str(text) for text in criteria.values())
        text = str(question["instructions"])
        built.append(Question(name, text, codes, descriptions, abstain=about.abstain, quote=about.quote))
    return built


def _evidence(question: Any, distribution: Distribution) -> dict[str, Any]:
    """A distribution in the form in which DSPy decodes it."""
    shares = distribution.probabilities
    if question["type"] == "noul":
        return {"noul": shares[1]}
    labels: Sequence[Any] = range(len(shares)) if question["type"] == "score" else list(question["criteria"])
    return {"probabilities": dict(zip(labels, shares, strict=True)), "confidence": min(1.0, max(shares))}


class ChatClient:
    """Answers a program's questions by chat completions; for one assessment.

    Parameters
    ----------
    explain
        Ask for a rationale (and a quote) on each question first, then for the levels,
        in the same conversation.
    """

    supports_decision_requests = True

    def __init__(
        self, model: Model, readout: Readout, known: Mapping[str, Answerable], *, explain: prompt.Explain
    ) -> None:
        self.model = model
        self.readout = readout
        self.known = known
        self.explain = explain
        self.exchange = Exchange()

    def __call__(self, *, state: Mapping[str, Any], questions: Mapping[str, Any]) -> dict[str, Any]:
        asked = build_questions(questions, self.known)
        conversation = _Conversation(self.model, self.exchange, state, asked, explain=self.explain)
        if self.explain:
            self.exchange.notes |= conversation.write_notes()
        if self.readout.kind == "expect":
            distributions = conversation.expect()
        elif self.readout.kind == "votes":
            distributions = conversation.vote(self.readout.votes)
        else:
            distributions = conversation.label()
        for question, distribution in zip(asked, distributions, strict=True):
            self.exchange.distributions[question.name] = distribution
        return {
            question.name: _evidence(questions[question.name], self.exchange.distributions[question.name])
            for question in asked
        }


class _Conversation:
    def __init__(
        self,
        model: Model,
        exchange: Exchange,
        state: Mapping[str, Any],
        questions: list[Question],
        *,
        explain: prompt.Explain,
    ) -> None:
        from dspy.lm15 import Message

        self.model = model
        self.exchange = exchange
        self.questions = questions
        self.explain = explain
        self.system = prompt.system_message(
            state["instructions"], questions, explain=explain, demos=state.get("demos", ())
        )
        shown = [
            (Message.user if role == "user" else Message.assistant)(said)
            for each in state.get("examples", ())
            for role, said in prompt.Demonstration(**each).turns(questions, explain=explain)
        ]
        self.messages: list[Any] = [*shown, Message.user(prompt.user_message(state["inputs"]))]

    def write_notes(self) -> dict[str, Note]:
        schema = prompt.notes_schema(self.questions, explain=self.explain)
        response = self._ask(schema, tokens=prompt.notes_tokens(self.questions, explain=self.explain))
        notes = reading.read_notes(_text(response), self.questions)
        self._reply(_text(response), prompt.ASK_LEVELS)
        return notes

    def label(self) -> list[Distribution]:
        return self._levels(lambda response: reading.written_distributions(_text(response), self.questions))

    def expect(self) -> list[Distribution]:
        def read(response: Any) -> list[Distribution]:
            if not _text(response).strip():
                raise reading.Unreadable("the answer is empty")
            if not response.logprobs or not any(token.top for token in response.logprobs):
                raise _no_logprobs(self.model)
            return reading.token_distributions(response.logprobs, self.questions)

        return self._levels(read, logprobs=_TOP)

    def vote(self, count: int) -> list[Distribution]:
        samples: list[list[Distribution]] = []
        for seed in range(count):
            response = self._ask_levels(temperature=1.0, seed=seed)
            try:
                samples.append(reading.written_distributions(_text(response), self.questions))
            except reading.Unreadable:
                continue
        if not samples:
            raise reading.Unreadable(f"none of {count} answers held the levels")
        missed = count - len(samples)
        return [reading.mean_distribution(votes, unreadable=missed) for votes in zip(*samples, strict=True)]

    def _ask_levels(self, **settings: Any) -> Any:
        return self._ask(prompt.levels_schema(self.questions), tokens=prompt.levels_tokens(self.questions), **settings)

    def _levels(self, read: Any, logprobs: int | None = None) -> list[Distribution]:
        """Ask for the levels; an answer that cannot be read is asked for once more."""
        truncated_before = self.exchange.truncated
        response = self._ask_levels(logprobs=logprobs)
        try:
            return list(read(response))
        except reading.Unreadable:
            self.exchange.truncated = truncated_before  # the next answer counts
            self._reply(_text(response) or "(nothing)", prompt.repair_message(self.questions))
            self.exchange.remarks.append("the answer had to be asked for twice")
            return list(read(self._ask_levels(logprobs=logprobs)))

    def _reply(self, said: str, next_request: str) -> None:
        from dspy.lm15 import Message

        self.messages += [Message.assistant(said), Message.user(next_request)]

    def _ask(
        self,
        schema: dict[str, Any],
        *,
        tokens: int,
        logprobs: int | None = None,
        temperature: float = 0.0,
        seed: int | None = None,
    ) -> Any:
        from dspy.lm15 import Config, InvalidRequestError, Request, UnsupportedFeatureError

        form = {"type": "json_schema", "name": "answer", "schema": schema, "strict": True}
        with_schema = self.model.follows_schema  # another thread may change it meanwhile
        config = Config(
            temperature=None if self.model.reasoning else temperature,
            max_tokens=max(tokens, REASONING_TOKENS) if self.model.reasoning else tokens,
            logprobs=logprobs,
            seed=seed,
            response_format=form if with_schema else None,
        )
        request = Request(model=self.model.lm.model, system=self.system, messages=tuple(self.messages), config=config)
        assert self.model.engine is not None
        try:
            response, lost = self.model.engine.ask(request)
        except (InvalidRequestError, UnsupportedFeatureError) as error:
            if not with_schema or not _SCHEMA_REFUSED.search(str(error)):
                raise
            self.model.follows_schema = False
            return self._ask(schema, tokens=tokens, logprobs=logprobs, temperature=temperature, seed=seed)
        self.exchange.add_response(self.model, response, lost)
        return response


def _text(response: Any) -> str:
    """What a model wrote. DSPy's transport hands an answer to a schema of choices over as data."""
    if response.text:
        return str(response.text)
    return json.dumps(response.data) if response.data is not None else ""


_SCHEMA_REFUSED = re.compile(r"response_format|json_schema|schema|grammar|structured|pattern|maxLength", re.IGNORECASE)


class DecisionClient:
    """Answers a program's questions by a System One endpoint: `POST /v1/systemone`."""

    supports_decision_requests = True

    def __init__(self, model: Model, known: Mapping[str, Answerable]) -> None:
        self.model = model
        self.known = known
        self.exchange = Exchange()

    def __call__(self, *, state: Mapping[str, Any], questions: Mapping[str, Any]) -> dict[str, Any]:
        from argqual.judging.readouts.decide import ask_system_one

        answers, usage, lost = ask_system_one(self.model, state, questions)
        read, written, price = usage.get("input_tokens"), usage.get("output_tokens"), self.model.price
        self.exchange.add(
            input_tokens=read,
            cached=None,
            output=written,
            cost=(1 + lost) * price.of(read, written or 0) if price and read is not None else None,
            requests=1 + lost,
        )
        if lost:
            self.exchange.remarks.append(lost_remark(lost))
        for name, answer in answers.items():
            self.exchange.distributions[name] = Distribution(tuple(answer))
        return {name: _evidence(questions[name], self.exchange.distributions[name]) for name in questions}


def decision_client(
    model: Model, readout: Readout, known: Mapping[str, Answerable], *, explain: prompt.Explain = False
) -> ChatClient | DecisionClient:
    """What answers a program's questions by this read-out (any but `verbal`); for one assessment."""
    if readout.kind == "decide":
        return DecisionClient(model, known)
    return ChatClient(model, readout, known, explain=explain)
