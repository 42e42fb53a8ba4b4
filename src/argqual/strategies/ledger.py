"""What an optimisation may spend, and has spent: requests and money, over all its models.

Every request is counted before it is sent.
"""

import threading
from collections.abc import Callable
from enum import StrEnum
from typing import Any

import dspy

from argqual.assessment import Usage
from argqual.errors import ArgqualError
from argqual.judging.readouts.exchange import NOTHING, Exchange
from argqual.judging.readouts.thinking import THINKING_TOKENS, room
from argqual.models import asking
from argqual.models.connect import Model
from argqual.models.failures import plain_errors
from argqual.models.traffic import MAX_LOST

_REFLECTION_TOKENS = 2000
_MESSAGE_BYTES = 400  # as in `plan`: a chat template's own words, and a schema
NO_LIMIT = 10**9


class Ended(StrEnum):
    """Why nothing more is asked, but for an error."""

    BUDGET = "budget"
    INTERRUPTED = "interrupted"


class Enough(BaseException):
    """Nothing more is asked: the budget is spent, the run is to stop, or the model is out of reach.

    It is no `Exception`, since DSPy catches those and goes on.
    """


class Ledger:
    """Counts requests and their cost, over all models of a run, and stops before a limit (None: none) is passed.

    A request that is lost on the way and sent again counts anew; only such repeats can pass the limit of calls.
    """

    def __init__(self, calls: int | None = None, usd: float | None = None) -> None:
        self.most_calls = calls
        self.most_usd = usd
        self.total = NOTHING
        self.ended: Ended | ArgqualError | None = None  # why nothing more is asked
        self.progress: Callable[[int], None] | None = None
        self._spent = self._reserved = self._dearest = 0.0
        self._held = self._under_way = 0
        self._changed = threading.Condition()

    @property
    def calls(self) -> int:
        return self.total.requests

    def hold(self, calls: int) -> None:
        """Keep so many calls for later; what ended for want of budget may go on with those released."""
        with self._changed:
            self._held = calls
            self.ended = None if self.ended is Ended.BUDGET else self.ended

    def room(self) -> int:
        """How many more calls there are, each at the price of the dearest so far."""
        left = NO_LIMIT if self.most_calls is None else self.most_calls - self.calls
        if self.most_usd is not None and self._dearest:
            left = min(left, int((self.most_usd - self._spent) / self._dearest))
        return max(0, left - self._held)

    def take(self, worst: float) -> None:
        """Leave for one request that costs at most `worst` US dollars; `Enough` where there is no room for it."""
        with self._changed:
            while self.ended is None:
                if self.most_calls is not None and self.calls + self._under_way + self._held >= self.most_calls:
                    break
                planned = self._spent + self._reserved + worst + self._held * self._dearest
                if self.most_usd is None or planned <= self.most_usd:
                    self._under_way += 1
                    self._reserved += worst
                    return
                if not self._under_way:
                    break
                self._changed.wait()  # what is under way may cost less than the most it can
            self.ended = self.ended or Ended.BUDGET
            raise Enough

    def give(self, worst: float, took: Usage) -> None:
        """A request for which there was leave has ended."""
        with self._changed:
            self._under_way -= 1
            self._reserved -= worst
            cost = worst if took.cost_usd is None else took.cost_usd
            self._spent += cost
            self._dearest = max(self._dearest, cost / max(took.requests, 1))
            self.total = Usage.total([self.total, took])
            self._changed.notify_all()
            if self.progress:
                self.progress(self.calls)

    def settle(self) -> None:
        """Wait for what DSPy's threads have left under way."""
        with self._changed:
            while self._under_way:
                self._changed.wait()


class Counted:
    """A model's engine behind a ledger; for argqual's clients (`ask`) and for `dspy.LM` (`complete`)."""

    def __init__(self, model: Model, ledger: Ledger) -> None:
        assert model.engine is not None
        self._model = model
        self._inner: Any = model.engine
        self._ledger = ledger

    def ask(self, request: Any) -> tuple[Any, int]:
        worst = self._worst(request)
        self._ledger.take(worst)
        took = Exchange()
        try:
            response, lost = self._inner.ask(request)
            took.add_response(self._model, response, lost)
        except BaseException as error:
            lost = getattr(error, "lost", 0)
            took.usage = Usage(requests=1 + lost, cost_usd=None if lost else 0.0)
            raise
        finally:
            self._ledger.give(worst, took.usage)
        return response, lost

    def complete(self, request: Any) -> Any:
        with plain_errors(self._model):
            return asking.ask(self.ask, request, self._model.abilities, name=self._model.name)[0]

    @property
    def supports_response_schema(self) -> bool:
        return bool(self._inner.supports_response_schema)

    @property
    def supports_reasoning(self) -> bool:
        return bool(self._inner.supports_reasoning)

    @property
    def supported_params(self) -> set[str]:
        return set(self._inner.supported_params)

    def _worst(self, request: Any) -> float:
        """US dollars at most: a byte counted as a token, each repeat as if it were charged."""
        if self._model.price is None:
            return 0.0
        read = len(str(request.system or "").encode()) + len(str(request.messages).encode()) + _MESSAGE_BYTES
        written = request.config.max_tokens or THINKING_TOKENS
        return self._model.price.of(read + written, written) * (1 + MAX_LOST)


def reflection_lm(model: Model, ledger: Ledger) -> Any:
    """A `dspy.LM` that writes instructions, behind the ledger."""
    tokens = room(model, _REFLECTION_TOKENS)
    engine = Counted(model, ledger)
    return dspy.LM(model.lm.model, engine=engine, cache=False, num_retries=0, temperature=1.0, max_tokens=tokens)


def ping(model: Model, ledger: Ledger) -> None:
    """One tiny request, to know that the model is there; else `Unreachable`, or a ModelError."""
    from dspy.lm15 import Config, Message, Request

    config = Config(max_tokens=room(model, 8))
    request = Request(model=model.lm.model, messages=(Message.user("Answer with: ok"),), config=config)
    Counted(model, ledger).complete(request)
