"""What assessing will take, before anything is asked: requests, tokens, money, time.

`expected` is for people (a plan); `most` is for a budget that must not be passed.
"""

from __future__ import annotations

from dataclasses import dataclass

from argqual.argument import Argument
from argqual.judging import prompt
from argqual.judging.judge import Judge
from argqual.judging.readout import REASONING_TOKENS
from argqual.judging.verbal import MAX_TOKENS as VERBAL_TOKENS
from argqual.models.traffic import MAX_LOST

_MESSAGE_BYTES = 400  # a chat template's own words, and a schema that some providers count as prompt


@dataclass(frozen=True)
class Request:
    """One request about an argument.

    Parameters
    ----------
    prompt
        All that is sent.
    expected, most
        Tokens of the answer: as a rule, and at most.
    """

    prompt: str
    expected: int
    most: int


def requests_for(judge: Judge, argument: Argument) -> list[Request]:
    """The requests that an assessment takes when nothing has to be asked twice."""
    messages = judge.prompt(argument)
    text = "\n".join(message["content"] for message in messages)
    questions = judge.questions(argument)
    reasoning = judge.model.reasoning
    most = prompt.levels_tokens(questions)
    levels = Request(text, 1 + 5 * len(questions) + 500 * reasoning, max(most, REASONING_TOKENS) if reasoning else most)
    requests = [levels]
    if judge.readout.kind == "verbal":
        requests = [Request(text, 60 * len(questions), REASONING_TOKENS if reasoning else VERBAL_TOKENS)]
    elif judge.readout.kind == "votes":
        requests = [levels] * judge.readout.votes
    elif judge.explain:
        most = prompt.notes_tokens(questions)
        notes = Request(text, 60 * len(questions), max(most, REASONING_TOKENS) if reasoning else most)
        written = " word" * (notes.most if not reasoning else 60 * len(questions))
        requests = [notes, Request(text + written, levels.expected, levels.most)]
    if judge.framework.select:
        requests.insert(0, Request(text, 6, levels.most))
    return requests


def worst_cost(judge: Judge, argument: Argument) -> float:
    """US dollars that an assessment costs at most.

    A byte is counted as a token (byte-level tokenizers never need more), one answer may
    have to be asked for once more, and every request may be lost and charged `MAX_LOST` times.

    Raises
    ------
    InputError
        As for `Judge.assess`.
    """
    price = judge.model.price
    assert price is not None
    requests = requests_for(judge, argument)
    costs = [price.of(len(each.prompt.encode()) + _MESSAGE_BYTES + each.most, each.most) for each in requests]
    return (sum(costs) + max(costs)) * (1 + MAX_LOST)
