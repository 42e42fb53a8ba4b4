"""A conversation with a chat model: notes first where they are wanted, then the levels, asked twice if need be."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from argqual.errors import TextRefused
from argqual.judging.readouts.caching import mark
from argqual.judging.readouts.exchange import Exchange
from argqual.judging.readouts.reading import Distribution, Unreadable, read_notes
from argqual.judging.readouts.readout import Inquiry, Readout
from argqual.judging.readouts.thinking import room, spent_on_thinking, used_up
from argqual.models.connect import Model
from argqual.models.slots import SHARED


class ChatReadout(Readout):
    """A read-out of what a chat model writes; one request for all questions. A subclass gives `read`."""

    def answer(self, inquiry: Inquiry, model: Model, exchange: Exchange) -> dict[str, Distribution]:
        conversation = Conversation(inquiry, model, exchange)
        if inquiry.prompt.explain:
            conversation.write_notes()
        names = [question.name for question in inquiry.prompt.questions]
        return dict(zip(names, self.read(conversation), strict=True))

    def read(self, conversation: Conversation) -> list[Distribution]:
        """Ask for the levels; each question's distribution, in order."""
        raise NotImplementedError


class Conversation:
    """The messages so far about one argument, and how they are sent."""

    def __init__(self, inquiry: Inquiry, model: Model, exchange: Exchange) -> None:
        self.prompt = inquiry.prompt
        self.model = model
        self.exchange = exchange
        self._cache = mark(*inquiry.beginning, model) if model.abilities.now.marks_from is not None else None
        _, shown = inquiry.beginning if model.server is not None else ("", 0)
        self._extensions = {SHARED: shown} if shown else None
        self._turns = inquiry.prompt.turns(inquiry.inputs, inquiry.examples)

    def write_notes(self) -> None:
        """Have notes written, and kept in the exchange."""
        response = self._ask(self.prompt.notes_schema, self.prompt.notes_tokens)
        try:
            self.exchange.notes |= read_notes(text_of(response), self.prompt.questions)
        except Unreadable as error:
            raise Unreadable(self.why_nothing(response) or str(error)) from None
        self._reply(text_of(response), self.prompt.frame.ask_levels)

    def ask_levels(self, **settings: Any) -> Any:
        """The answer, as a `dspy.lm15.Response`; settings as for `dspy.lm15.Config`."""
        return self._ask(self.prompt.levels_schema, self.prompt.levels_tokens, **settings)

    def levels(self, read: Callable[[Any], list[Distribution]], **settings: Any) -> list[Distribution]:
        """Ask for the levels; an answer that `read` cannot read is asked for once more."""
        truncated_before = self.exchange.truncated
        response = self.ask_levels(**settings)
        try:
            return read(response)
        except Unreadable:
            if why := self.why_nothing(response):
                raise Unreadable(why) from None
            self.exchange.truncated = truncated_before  # the next answer counts
            self._reply(text_of(response).strip() or "(nothing)", self.prompt.repair)
            self.exchange.remarks.append("the answer had to be asked for twice")
            response = self.ask_levels(**settings)
            try:
                return read(response)
            except Unreadable as again:
                raise Unreadable(self.why_nothing(response) or str(again)) from None

    def next_token(self, begun: str, **settings: Any) -> Any:
        """The token with which the model goes on with an answer that is begun for it, as a `dspy.lm15` token.

        None where the server reports none.
        """
        response = self._ask(None, 1, begun=begun, **settings)
        return response.logprobs[-1] if response.logprobs else None

    def why_nothing(self, response: Any) -> str | None:
        """Why there is no answer, where asking again would bring none; None where it might.

        Raises a `TextRefused` when the model or its provider will not speak of this text.
        """
        refusal = next((part.text for part in response.message.parts if part.type == "refusal"), None)
        if refusal is not None or response.finish_reason == "content_filter":
            said = f" ({refusal.strip()[:200]})" if refusal else ": a content filter stopped the answer"
            raise TextRefused(f"The model {self.model.name} does not rate this text{said}.")
        called_a_tool = response.finish_reason == "tool_call" and not text_of(response).strip()
        return "the model called a tool instead of answering" if called_a_tool else None

    def _reply(self, said: str, next_request: str) -> None:
        self._turns += [("assistant", said), ("user", next_request)]

    def _ask(
        self,
        schema: dict[str, Any] | None,
        tokens: int,
        *,
        temperature: float = 0.0,
        begun: str | None = None,
        **settings: Any,
    ) -> Any:
        from dspy.lm15 import Config, Message, Request

        model = self.model
        most = room(model, tokens)
        form = {"type": "json_schema", "name": "answer", "schema": schema, "strict": True} if schema else None
        turns, extensions = self._turns, self._extensions
        if begun is not None:
            turns = [*turns, ("assistant", begun)]
            extensions = {**(extensions or {}), **(model.abilities.now.prefill or {})} or None
        request = Request(
            model=model.lm.model if model.lm else model.name,
            system=self.prompt.system,
            messages=tuple((Message.user if role == "user" else Message.assistant)(said) for role, said in turns),
            config=Config(
                temperature=temperature,
                max_tokens=most,
                response_format=form if model.follows_schema else None,
                cache=self._cache,
                extensions=extensions,
                **settings,
            ),
        )
        truncated_before, remarks_before = self.exchange.truncated, len(self.exchange.remarks)
        response, lost = model.ask(request)
        if begun is not None:  # it was stopped on purpose
            response = replace(response, finish_reason="stop")
        self.exchange.add_response(model, response, lost)
        if spent_on_thinking(response):
            if not model.reasoning:
                model.abilities.learn(thinking="always")
            more = room(model, tokens) > most  # it was not known to think
            if more and model.abilities.budgeted:
                raise Unreadable(f"{used_up(model, most)}; it is given room from now on: --retry-failed asks again")
            if more:
                self.exchange.truncated = truncated_before
                del self.exchange.remarks[remarks_before:]
                self.exchange.remarks.append("the model thinks first, and was asked again with room for that")
                return self._ask(schema, tokens, temperature=temperature, begun=begun, **settings)
            raise Unreadable(used_up(model, most))
        return response


def text_of(response: Any) -> str:
    """What a model wrote, but for its thinking. DSPy hands an answer to a schema of choices over as data."""
    written = [part.text for part in response.message.parts if part.type == "text"]
    if not any(written):
        return json.dumps(response.data, ensure_ascii=False) if response.data is not None else ""
    return "".join(written).encode("utf-8", "replace").decode()  # half a character cannot be sent back
