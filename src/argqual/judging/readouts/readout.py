"""How a rating is got out of a model: what every read-out is, and what it is handed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from argqual.assessment import ProbabilitySource
from argqual.errors import ReadoutError
from argqual.judging.prompt import Prompt
from argqual.judging.readouts.exchange import Exchange
from argqual.judging.readouts.reading import Distribution, Unreadable
from argqual.judging.readouts.thinking import expected_thinking, room
from argqual.models.connect import Model


@dataclass(frozen=True)
class Inquiry:
    """What is asked about one argument.

    `inputs` are the argument and what belongs to it, as given; `examples` are `Demonstration`s as data, shown before
    it. `run` runs the DSPy program on these inputs with the `dspy.LM` it is given, and returns its prediction: for a
    read-out whose form is DSPy's own.
    """

    prompt: Prompt
    inputs: Mapping[str, str]
    examples: Sequence[Mapping[str, Any]] = ()
    run: Callable[[Any], Any] | None = None

    def messages(self) -> list[dict[str, str]]:
        """The messages that are sent first."""
        return self.prompt.messages(self.inputs, self.examples)

    @property
    def text(self) -> str:
        """All that is sent first."""
        return "\n".join(message["content"] for message in self.messages())


@dataclass(frozen=True)
class Request:
    """One request about an argument, before it is sent.

    `prompt` is all that is sent; `expected` and `most` are the tokens of the answer, as a rule and at most.
    """

    prompt: str
    expected: int
    most: int


class Readout:
    """A way to get ratings out of a model; chosen by name, never changed silently.

    Extend it to add one: give `name` and `answer`, and what else differs. A package makes it known by an
    entry point of the group `argqual.readouts`, under the same name; it is imported when first asked for:

        [project.entry-points."argqual.readouts"]
        margin = "my_package:Margin"

    Parameters
    ----------
    setting
        What stands after the colon of the name (`votes:5`); None without one. `ValueError` refuses it.

    Attributes
    ----------
    name
        As it is asked for, and as it stands in results and in the keys of the store: a read-out that comes to
        answer otherwise needs another one.
    source
        Where the probabilities come from; None when an answer is only the level as written.
    explains
        Whether it can have reasons written before the rating.
    own_form
        Whether a model answers in DSPy's own form: no examples, comparisons or thinking aloud.
    sees_off_scale
        Whether it measures the probability of what is no level; then results say it.
    requests
        How many it takes to ask about one argument, without notes.
    max_off_scale
        A question's rating is refused when the model gave more than this share of its
        probability to something that is no level (0 to 1).
    """

    name: str
    source: ProbabilitySource | None = None
    explains = True
    own_form = False
    sees_off_scale = False
    requests = 1
    max_off_scale = 0.5

    def __init__(self, setting: str | None = None) -> None:
        if setting is not None:
            raise ValueError(f"{self.name} takes no setting")

    def check(self, model: Model) -> None:
        """Raise a `ReadoutError` when the model is known not to serve this read-out; nothing is asked."""
        if model.endpoint:
            raise ReadoutError(f"{model.name} is a decision endpoint; it only serves the read-out 'decide'.")

    def answer(self, inquiry: Inquiry, model: Model, exchange: Exchange) -> dict[str, Distribution]:
        """Ask; the distribution over each question's answers (`inquiry.prompt.questions`), by the question's name.

        Every request is counted in `exchange` as soon as it is answered, and notes are put there.

        Raises
        ------
        Unreadable
            The answer does not hold what was asked for.
        Exception
            Whatever the model's engine raises.
        """
        raise NotImplementedError

    def ask(self, inquiry: Inquiry, model: Model, exchange: Exchange) -> dict[str, Distribution] | None:
        """As `answer`, kept in `exchange`; None for an answer that cannot be read, with the reason there."""
        try:
            exchange.distributions = self.answer(inquiry, model, exchange)
        except Unreadable as error:
            exchange.unreadable = str(error)
            return None
        return exchange.distributions

    def doubt(self, distribution: Distribution, elsewhere: str) -> str | None:
        """Why an answer is not taken: most of its probability went `elsewhere`, off the scale; None when it is."""
        if distribution.off_scale <= self.max_off_scale:
            return None
        return f"the model gave {distribution.off_scale:.0%} of its probability to {elsewhere}"

    def plan(self, inquiry: Inquiry, model: Model) -> list[Request]:
        """The requests that `answer` takes when nothing has to be asked twice."""
        prompt, text = inquiry.prompt, inquiry.text
        many = len(prompt.questions)
        levels = Request(text, 1 + 5 * many + expected_thinking(model), room(model, prompt.levels_tokens))
        if not prompt.explain:
            return [levels] * self.requests
        usual = (180 if prompt.explain == "long" else 60) * many
        notes = Request(text, usual + expected_thinking(model), room(model, prompt.notes_tokens))
        written = " word" * (usual if model.reasoning else notes.most)  # what it thought is not read again
        return [notes, *[Request(text + written, levels.expected, levels.most)] * self.requests]
