"""The read-out `expect`: each question's level as the expectation under the log-probabilities of its codes.

In one of two forms. `expect:json` has the model write an answer to all questions, in one request, and looks at the
tokens of the codes. `expect:prefilled` begins the answer for the model, up to where a code is due, asks for this one
token, and goes on with the likeliest code: a request a question, but nothing is written that was known before. It
needs a server that goes on with an answer that is begun, as llama.cpp does. Ratings of the two forms are alike, and
not the same: they are kept under different keys. `expect` alone is the written form.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from argqual.errors import ReadoutError
from argqual.judging.prompt import ABSTAIN_CODE, Question
from argqual.judging.readouts.conversation import ChatReadout, Conversation, text_of
from argqual.judging.readouts.reading import Distribution, Unreadable, token_distribution, token_distributions
from argqual.judging.readouts.readout import Inquiry, Request
from argqual.models.asking import WITHOUT_LOGPROBS
from argqual.models.connect import Model

_TOP = 20


class Expect(ChatReadout):
    """The level's expectation. Missing log-probabilities are an error, never another read-out."""

    name = "expect"
    source = "logprobs"
    sees_off_scale = True

    def __init__(self, setting: str | None = None) -> None:
        super().__init__()
        if setting not in (None, "json", "prefilled"):
            raise ValueError(setting)
        self.prefilled = setting == "prefilled"
        if self.prefilled:
            self.name = "expect:prefilled"

    def check(self, model: Model) -> None:
        super().check(model)
        if model.abilities.now.logprobs is False:
            raise _no_logprobs(model)
        thinks = model.reasoning or (model.server is not None and model.abilities.now.prefill is None)
        if self.prefilled and thinks:
            raise ReadoutError(
                f"{model.name} thinks before it answers: its answer cannot be begun for it.", hint="Use expect:json."
            )

    def read(self, conversation: Conversation) -> list[Distribution]:
        if self.prefilled:
            return self._continued(conversation)

        def read(response: Any) -> list[Distribution]:
            questions = conversation.prompt.questions
            text = text_of(response)
            if not text.strip():
                raise Unreadable("the answer is empty")
            if not response.logprobs or not any(token.top for token in response.logprobs):
                raise _no_logprobs(conversation.model)
            return token_distributions(response.logprobs, questions, text)

        return conversation.levels(read, logprobs=_TOP)

    def _continued(self, conversation: Conversation) -> list[Distribution]:
        """The answer token by token: `{"relevance":"` is followed by a code, and so on with the likeliest one."""
        said, found = "{", []
        for question in conversation.prompt.questions:
            said += f'{json.dumps(question.name, ensure_ascii=False)}:"'
            distribution = token_distribution(question, level_token(conversation, said))
            found.append(distribution)
            said += f'{_likeliest(question, distribution)}",'
        return found

    def plan(self, inquiry: Inquiry, model: Model) -> list[Request]:
        requests = super().plan(inquiry, model)
        if not self.prefilled:
            return requests
        *notes, levels = requests
        return [*notes, *[replace(levels, expected=1, most=1)] * len(inquiry.prompt.questions)]


def level_token(conversation: Conversation, begun: str) -> Any:
    """The token where a code is due in an answer that is begun, with its alternatives; a `ReadoutError` without."""
    token = conversation.next_token(begun, logprobs=_TOP)
    if token is None or not token.top:
        raise _no_logprobs(conversation.model)
    return token


def _likeliest(question: Question, distribution: Distribution) -> str:
    if distribution.abstain >= 0.5:
        return ABSTAIN_CODE
    return max(zip(distribution.probabilities, question.codes, strict=True))[1]


def _no_logprobs(model: Model) -> ReadoutError:
    return ReadoutError(
        f"The read-out 'expect' needs log-probabilities, and {model.name} returned none.",
        hint=WITHOUT_LOGPROBS,
    )
