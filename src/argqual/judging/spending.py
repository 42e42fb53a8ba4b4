"""How far a batch has come, and what it spends: the most a request may cost is set aside before it is sent."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from argqual.argument import Argument
from argqual.assessment import Assessment, Status, Usage
from argqual.errors import ArgqualError, InputError, UnknownModelError, Unreachable
from argqual.judging.judge import Judge
from argqual.judging.plan import expected_cost, worst_cost
from argqual.judging.store import keepable
from argqual.models.traffic import MAX_LOST

FAILURES = (Status.FAILED, Status.UNREADABLE)
_MOST_REASONS = 1000  # that are counted one by one


@dataclass
class Tally:
    """How far a batch has come. `cost_usd` counts what was asked in this run, not what was kept before."""

    done: int = 0
    asked: int = 0
    kept: int = 0
    statuses: Counter[Status] = field(default_factory=Counter)
    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0
    planned_usd: float = 0.0
    cost_unknown: int = 0  # answers whose cost the model did not say
    tokens_unknown: int = 0  # answers whose tokens it did not say
    reasons: Counter[str] = field(default_factory=Counter)

    @property
    def failed(self) -> int:
        return sum(self.statuses[status] for status in FAILURES)

    @property
    def usage(self) -> Usage:
        """What asking took; what was kept before took nothing."""
        read, written = (None if self.tokens_unknown else each for each in (self.input_tokens, self.output_tokens))
        cost = None if self.cost_unknown else self.cost_usd
        return Usage(requests=self.requests, input_tokens=read, output_tokens=written, cost_usd=cost)

    def add(self, assessment: Assessment) -> None:
        """Count an item that is handed on."""
        self.done += 1
        self.statuses[assessment.status] += 1
        if assessment.status is not Status.OK and (reason := assessment.overall.reason):
            many = len(self.reasons) >= _MOST_REASONS and reason not in self.reasons
            self.reasons["others" if many else reason] += 1


def paid_failure(judge: Judge, argument: Argument, outcome: Assessment | BaseException) -> Assessment | None:
    """What was paid for without an answer that is kept; None for such an answer, and where the model was not reached.

    `outcome` is what asking about the argument returned or raised.
    """
    if isinstance(outcome, Assessment):
        return None if keepable(outcome) else outcome
    if not isinstance(outcome, ArgqualError) or isinstance(outcome, Unreachable | UnknownModelError):
        return None
    return judge.failed(argument, Status.FAILED, outcome.message, lost=outcome.lost)


class Spending:
    """The money of a batch, by the keys that are under way.

    Nothing is to be asked that could lead past `max_cost` US dollars; `reserved` has the most that each key under way
    may cost (0 without a limit). Raises an `InputError` if the limit makes no sense, or the model's price is not
    known.
    """

    def __init__(self, judge: Judge, max_cost: float | None) -> None:
        if max_cost is not None and not max_cost >= 0:
            raise InputError(f"A limit to the cost (--max-cost) of {max_cost} USD makes no sense.")
        if max_cost is not None and judge.price is None:
            raise InputError(
                f"The price of {judge.model.name} is not known, so a limit to the cost cannot be kept.",
                hint="Give it in US dollars a million tokens read and written, for example --price 0.40,1.60.",
            )
        self.judge = judge
        self.max_cost = max_cost
        judge.model.abilities.budgeted = max_cost is not None
        self.tally = Tally()
        self.reserved: dict[str, float] = {}
        self._dispatched = 0
        self._planned: list[float] = []

    def reserve(self, key: str, argument: Argument) -> bool:
        """Set aside what asking may cost; whether there is enough left."""
        cost = 0.0
        if self.max_cost is not None:
            cost = worst_cost(self.judge, argument)
            if self.tally.cost_usd + sum(self.reserved.values()) + cost > self.max_cost:
                return False
        self.reserved[key] = cost
        self._plan(argument)
        return True

    def _plan(self, argument: Argument) -> None:
        """Add to what was planned: counted for the first arguments and every fiftieth, as on average for the others."""
        price = self.judge.price
        if price is None or not price.output:
            return
        self._dispatched += 1
        if self._dispatched <= 50 or self._dispatched % 50 == 0:
            self._planned.append(expected_cost(self.judge, argument))
        self.tally.planned_usd = sum(self._planned) / len(self._planned) * self._dispatched

    def paid(self, key: str, usage: Usage) -> None:
        """Count an answer by what it took."""
        self.tally.asked += 1
        self._count(usage, self.reserved.pop(key))

    def failed(self, key: str, answered: Usage | None) -> float:
        """Count what was answered before a failure, if anything was; what had been set aside."""
        reserved = self.reserved.pop(key)
        if answered:
            self._count(answered, reserved)
        return reserved

    def lost(self, lost: int, reserved: float) -> None:
        """Count a request that failed, and those lost on the way to that."""
        self.tally.asked += 1
        self.tally.requests += 1 + lost
        if lost and self.judge.price:
            self.tally.cost_usd += reserved * lost / (1 + MAX_LOST)
            self.tally.cost_unknown += 1

    def _count(self, usage: Usage, reserved: float) -> None:
        tally = self.tally
        tally.requests += usage.requests
        tally.input_tokens += usage.input_tokens or 0
        tally.output_tokens += usage.output_tokens or 0
        tally.tokens_unknown += usage.requests > 0 and None in (usage.input_tokens, usage.output_tokens)
        if usage.cost_usd is not None:
            tally.cost_usd += usage.cost_usd
            return
        tally.cost_unknown += 1
        if self.judge.price:
            tally.cost_usd += reserved  # the server did not say what it used: the most it can be
