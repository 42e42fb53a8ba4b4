"""What assessing will take, before anything is asked: requests, tokens, money, time.

`expected` is for people (a plan); `most` is for a budget that must not be passed.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from math import fsum, sqrt
from statistics import median

from argqual.argument import Argument
from argqual.errors import InputError
from argqual.judging.judge import Judge
from argqual.judging.readouts.readout import Request
from argqual.judging.readouts.thinking import expected_thinking, room
from argqual.judging.store import Store
from argqual.models.prices import Price
from argqual.models.tokenizing import tokenizer_for
from argqual.models.traffic import MAX_LOST, START

_ASSUMED_SECONDS = 3.0
_MESSAGE_BYTES = 400  # a chat template's own words, and a schema that some providers count as prompt


def requests_for(judge: Judge, argument: Argument) -> list[Request]:
    """The requests that an assessment takes when nothing has to be asked twice."""
    inquiry = judge.inquiry(argument)
    requests = judge.readout.plan(inquiry, judge.model)
    if judge.framework.select:
        model = judge.model
        most = room(model, inquiry.prompt.levels_tokens)
        requests.insert(0, Request(requests[0].prompt, 6 + expected_thinking(model), most))
    return requests


def expected_cost(judge: Judge, argument: Argument) -> float:
    """US dollars that an assessment costs as a rule, by the best tokenizer at hand."""
    price = judge.price
    assert price is not None
    count = tokenizer_for(judge.model).count
    found = requests_for(judge, argument)
    return fsum(price.of(count(each.prompt), each.expected, _found_again(judge, each, count)) for each in found)


def worst_cost(judge: Judge, argument: Argument) -> float:
    """US dollars that an assessment costs at most; raises as `Judge.assess`.

    A byte is counted as a token (byte-level tokenizers never need more), one answer may have to be asked for once
    more, and every request may be lost and charged `MAX_LOST` times.
    """
    price = judge.price
    assert price is not None
    requests = requests_for(judge, argument)
    costs = [price.most(_most_read(each), each.most, marked=_marks(judge)) for each in requests]
    return (sum(costs) + max(costs)) * (1 + MAX_LOST)


def _marks(judge: Judge) -> bool:
    """Whether the provider is told what of a prompt to keep, and keeps it then for certain."""
    return judge.model.abilities.now.marks_from is not None


def _found_again(judge: Judge, request: Request, count: Callable[[str], int]) -> int:
    """Tokens of a prompt that the provider has kept from the ones before."""
    return count(request.kept) if request.kept and _marks(judge) else 0


def _most_read(request: Request) -> int:
    return (len(request.prompt.encode()) + _MESSAGE_BYTES) * request.readings + request.most


@dataclass(frozen=True)
class SampledTotal:
    """A sum over all arguments, estimated from some of them.

    `low` and `high` bound the 95 % confidence interval (normal approximation to the mean of
    a simple random sample); they equal `value` when every argument was looked at.
    """

    value: float
    low: float
    high: float

    def less(self, amount: float) -> SampledTotal:
        """The sum without an amount that is known."""
        return SampledTotal(*(max(0.0, each - amount) for each in (self.value, self.low, self.high)))


def estimate_sum(sample: Sequence[float], total: int) -> SampledTotal:
    """The sum over `total` things of which `sample` was drawn at random without replacement.

    With the finite population correction (Cochran, Sampling Techniques, 3rd ed. 1977, 2.9).
    """
    count = len(sample)
    if not count:
        return SampledTotal(0.0, 0.0, 0.0)
    mean = fsum(sample) / count
    if count >= total:
        return SampledTotal(mean * total, mean * total, mean * total)
    variance = fsum((value - mean) ** 2 for value in sample) / max(count - 1, 1)
    half = 1.96 * sqrt(variance / count * (1 - count / total)) * total
    return SampledTotal(mean * total, max(0.0, mean * total - half), mean * total + half)


@dataclass(frozen=True)
class Caching:
    """What comes of it that a provider keeps what begins the prompts.

    `tokens` are those of the longest beginning that is kept; `writes` how often one is put into the cache, and
    `reads` how often it is found there. `saved_usd` is what the cost is lower by (below 0: higher). `sure` when the
    provider is told what to keep: then the plan's cost holds it; else the provider may find it again or not.
    """

    tokens: int
    writes: int
    reads: int
    saved_usd: float
    sure: bool


@dataclass(frozen=True)
class Plan:
    """What scoring a table will take.

    Parameters
    ----------
    rows
        All of them: `to_ask` + `repeated` (equal to another row) + `kept` (in the store) +
        `unusable` (without text, or unreadable).
    requests
        When no answer has to be asked for twice.
    input_tokens, output_tokens
        Of the requests to be sent; `sampled` arguments were counted, with `tokenizer`.
    most_output_tokens
        If every answer is as long as it may be.
    cost_usd, most_cost_usd
        None when the price is not known.
    caching
        What the provider's cache does to the cost; None where nothing is kept, or no price is known.
    seconds_each
        Of one assessment, and where the figure comes from.
    """

    rows: int
    to_ask: int
    repeated: int
    kept: int
    unusable: int
    requests: int
    input_tokens: SampledTotal
    output_tokens: SampledTotal
    most_output_tokens: SampledTotal
    cost_usd: SampledTotal | None
    most_cost_usd: SampledTotal | None
    sampled: int
    tokenizer: str
    exact: bool
    seconds: float
    seconds_from: str
    caching: Caching | None = None


class Planner:
    """Makes a plan from arguments that come one by one; memory grows by some bytes an argument.

    The tokens of `sample` arguments are counted, drawn at random (reservoir sampling, seeded). With `trying`, an
    embedded model is asked about two of them where nothing is known of its pace; a hosted one never is.
    """

    def __init__(self, judge: Judge, store: Store | None, *, sample: int = 500, trying: bool = True) -> None:
        self._judge = judge
        self._store = store
        self._size = sample
        self._trying = trying
        self._random = random.Random(0)  # noqa: S311
        self._sample: list[Argument] = []
        self._seen: set[int] = set()
        self._pending: list[tuple[str, Argument]] = []
        self._rows = self._repeated = self._kept = self._unusable = self._to_ask = 0

    def add(self, argument: Argument | None) -> None:
        """Count a row; None for one that cannot be used."""
        self._rows += 1
        try:
            key = self._judge.key(argument) if argument else None
        except InputError:
            key = None
        if key is None or argument is None:
            self._unusable += 1
            return
        short = int(key[:16], 16)
        if short in self._seen:
            self._repeated += 1
            return
        self._seen.add(short)
        self._pending.append((key, argument))
        if len(self._pending) >= 500:
            self._look_up()

    def _look_up(self) -> None:
        keys = [key for key, _ in self._pending]
        kept = self._store.has(keys) if self._store else set()
        for key, argument in self._pending:
            if key in kept:
                self._kept += 1
                continue
            self._to_ask += 1
            if len(self._sample) < self._size:
                self._sample.append(argument)
            elif (place := self._random.randrange(self._to_ask)) < self._size:
                self._sample[place] = argument
        self._pending.clear()

    def plan(self, *, concurrency: int) -> Plan:
        """The plan for what was added."""
        self._look_up()
        judge, price = self._judge, self._judge.price
        tokenizer = tokenizer_for(judge.model)
        asked = [requests_for(judge, argument) for argument in self._sample]
        count = cache(tokenizer.count)  # the same prompt may be sent several times
        read = [sum(count(request.prompt) for request in requests) for requests in asked]
        written = [sum(request.expected for request in requests) for requests in asked]
        most = [sum(request.most for request in requests) for requests in asked]
        costs, most_costs, caching = None, None, None
        if price is not None:
            each = [price.of(*pair) for pair in zip(read, written, strict=True)]
            again = [sum(count(each.prompt) * each.readings for each in requests) for requests in asked]
            worst = [price.most(*pair, marked=_marks(judge)) for pair in zip(again, most, strict=True)]
            costs, most_costs = estimate_sum(each, self._to_ask), estimate_sum(worst, self._to_ask)
            caching = self._caching(asked, price, count, min(concurrency, START))
            if caching and caching.sure:
                costs = costs.less(caching.saved_usd)
        seconds_each, source = self._seconds_each()
        return Plan(
            rows=self._rows,
            to_ask=self._to_ask,
            repeated=self._repeated,
            kept=self._kept,
            unusable=self._unusable,
            requests=round(estimate_sum([len(requests) for requests in asked], self._to_ask).value),
            input_tokens=estimate_sum(read, self._to_ask),
            output_tokens=estimate_sum(written, self._to_ask),
            most_output_tokens=estimate_sum(most, self._to_ask),
            cost_usd=costs,
            most_cost_usd=most_costs,
            sampled=len(self._sample),
            tokenizer=tokenizer.name,
            exact=tokenizer.exact,
            seconds=max(self._to_ask / concurrency, float(self._to_ask > 0)) * seconds_each,
            seconds_from=source,
            caching=caching,
        )

    def _caching(
        self, asked: list[list[Request]], price: Price, count: Callable[[str], int], at_once: int
    ) -> Caching | None:
        """What the provider's cache saves; those that are asked first, at once, find nothing in it."""
        beginnings = {request.kept for requests in asked for request in requests if request.kept}
        if not beginnings or price.cached is None:
            return None
        kept = [sum(count(request.kept) for request in requests if request.kept) for requests in asked]
        tokens = max(count(beginning) for beginning in beginnings)
        sure = _marks(self._judge)
        requests = round(estimate_sum([len(each) for each in asked], self._to_ask).value)
        writes = min(at_once * len(beginnings), self._to_ask)
        storing = price.storing if sure or price.stored is not None else price.input
        found = estimate_sum(kept, self._to_ask).value - writes * tokens
        saved = found * (price.input - price.cached) - writes * tokens * (storing - price.input)
        return Caching(tokens, writes, requests - writes, saved, sure)

    def _seconds_each(self) -> tuple[float, str]:
        judge = self._judge
        known = self._store.seconds(judge.reference.name, judge.model.name, judge.readout.name) if self._store else []
        if known:
            return median(known), f"{median(known):.1f} s an argument, the median of {len(known)} earlier ones"
        if self._trying and judge.model.server is not None and self._sample:
            by_length = sorted(self._sample, key=lambda argument: len(argument.text))
            for argument in (by_length[0], by_length[len(by_length) // 2]):  # the first one has the prompt read
                assessment = judge.assess(argument)
                if self._store:
                    self._store.settle({judge.key(argument): assessment})
            return assessment.usage.seconds, f"{assessment.usage.seconds:.1f} s for one of middle length, just tried"
        return _ASSUMED_SECONDS, f"{_ASSUMED_SECONDS:.0f} s an argument assumed; the first ones will tell"
