"""The read-out `votes:N`: N sampled answers, and how often each level was among them."""

from __future__ import annotations

import re
from typing import Any

from argqual.errors import ReadoutError
from argqual.judging.readouts.conversation import ChatReadout, Conversation, text_of
from argqual.judging.readouts.reading import Distribution, Unreadable, mean_distribution, written_distributions
from argqual.models.deferred import Waiting

_MOST_VOTES = 100


class Votes(ChatReadout):
    """Frequencies over samples; those that cannot be read count as probability off the scale."""

    name = "votes"
    source = "votes"
    sees_off_scale = True

    def __init__(self, setting: str | None = None) -> None:
        super().__init__()
        if setting is None:
            raise ReadoutError("'votes' needs a number.", hint="For example --readout votes:5.")
        if not re.fullmatch(r"\d{1,3}", setting):
            raise ValueError(setting)
        self.requests = int(setting)
        self.name = f"votes:{self.requests}"
        if not 2 <= self.requests <= _MOST_VOTES:
            raise ReadoutError(f"{self.name}: the number of votes is 2 to {_MOST_VOTES}.")

    def read(self, conversation: Conversation) -> list[Distribution]:
        samples: list[list[Distribution]] = []
        waiting: Waiting | None = None
        unread: Any = None
        for seed in range(self.requests):
            try:
                response = conversation.ask_levels(temperature=1.0, seed=seed)
            except Waiting as error:  # a provider's batch asks for all of them together
                waiting = error
                continue
            try:
                samples.append(written_distributions(text_of(response), conversation.prompt.questions))
            except Unreadable:
                unread = response
        if waiting:
            raise waiting
        if not samples:
            raise Unreadable(conversation.why_nothing(unread) or f"none of {self.requests} answers held the levels")
        missed = self.requests - len(samples)
        return [mean_distribution(votes, unreadable=missed) for votes in zip(*samples, strict=True)]
