"""The read-out `expect`: all questions in one call, each the expectation under its code's log-probabilities."""

from __future__ import annotations

from typing import Any

from argqual.errors import ReadoutError
from argqual.judging.readouts.conversation import ChatReadout, Conversation, text_of
from argqual.judging.readouts.reading import Distribution, Unreadable, token_distributions
from argqual.models.asking import WITHOUT_LOGPROBS
from argqual.models.connect import Model

_TOP = 20


class Expect(ChatReadout):
    """The level's expectation. Missing log-probabilities are an error, never another read-out."""

    name = "expect"
    source = "logprobs"
    sees_off_scale = True

    def check(self, model: Model) -> None:
        super().check(model)
        if model.abilities.now.logprobs is False:
            raise _no_logprobs(model)

    def read(self, conversation: Conversation) -> list[Distribution]:
        def read(response: Any) -> list[Distribution]:
            questions = conversation.prompt.questions
            text = text_of(response)
            if not text.strip():
                raise Unreadable("the answer is empty")
            if not response.logprobs or not any(token.top for token in response.logprobs):
                raise _no_logprobs(conversation.model)
            return token_distributions(response.logprobs, questions, text)

        return conversation.levels(read, logprobs=_TOP)


def _no_logprobs(model: Model) -> ReadoutError:
    return ReadoutError(
        f"The read-out 'expect' needs log-probabilities, and {model.name} returned none.",
        hint=WITHOUT_LOGPROBS,
    )
