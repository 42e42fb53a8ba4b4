"""The read-out `label`: all questions in one call, each level as it is written."""

from __future__ import annotations

from argqual.judging.readouts.conversation import ChatReadout, Conversation, text_of
from argqual.judging.readouts.reading import Distribution, written_distributions


class WrittenLevel(ChatReadout):
    """The level as written, without probabilities."""

    name = "label"

    def read(self, conversation: Conversation) -> list[Distribution]:
        questions = conversation.prompt.questions
        return conversation.levels(lambda response: written_distributions(text_of(response), questions))
