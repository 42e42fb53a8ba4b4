"""How far a batch is, what it will take and what it took, in words."""

from __future__ import annotations

import sys
import textwrap
import threading
import time
from collections import deque
from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from argqual import _underway
from argqual.report.plain import WIDTH, clean

if TYPE_CHECKING:
    from argqual.judging.batch import Batch
    from argqual.judging.judge import Judge
    from argqual.judging.plan import Caching, Plan, SampledTotal
    from argqual.judging.rounds import ProviderBatch

_PLAIN_EVERY = 10.0
_RATE_OVER = 30.0
_MOST_REASONS = 5


def count(number: float) -> str:
    """A count, short: 950, 12,300, 4.12 million."""
    return f"{number / 1e6:,.2f} million" if number >= 1e6 else f"{number:,.0f}"


def money(usd: float) -> str:
    """US dollars to the cent, or to two digits that say something when it is less than ten cents."""
    return f"{usd:,.2f} USD" if usd >= 0.1 or usd == 0 else f"{Decimal(f'{usd:.2g}'):f} USD"


def clock(seconds: float) -> str:
    """A duration: 8 s, 4 min, 3 h 20 min, 2 days."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    if seconds < 2 * 86400:
        hours, minutes = divmod(round(seconds / 60), 60)
        return f"{hours} h {minutes} min"
    return f"{seconds / 86400:.1f} days"


class BatchProgress:
    """A bar on a terminal; elsewhere a line every ten seconds at first, later every minute.

    It shows itself from a thread of its own: also while nothing comes back. `total` are the rows, where that is
    known, and `before` those that were done before this run.
    """

    def __init__(self, batch: Batch[Any], total: int | None, before: int, *, quiet: bool = False) -> None:
        self._batch = batch
        self._total = total
        self._before = before
        self._quiet = quiet
        self._bar: Any = None
        self._marks: deque[tuple[float, int]] = deque([(time.monotonic(), 0)])
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._show, daemon=True)

    def __enter__(self) -> BatchProgress:
        if not self._quiet and sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn

            columns = (BarColumn(bar_width=16), TextColumn("{task.description}", markup=False))
            self._bar = Progress(*columns, console=Console(stderr=True), auto_refresh=False)
            self._bar.start()
            self._task = self._bar.add_task(self._line(), total=self._total, completed=self._before)
        if not self._quiet:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        if self._thread.is_alive():
            self._thread.join()
        if self._bar:
            self._draw()
            self._bar.stop()

    def _show(self) -> None:
        said = began = time.monotonic()
        while not self._over.wait(0.25):
            now = time.monotonic()
            self._mark(now)
            if self._bar:
                self._draw()
            elif now - said >= (_PLAIN_EVERY if now - began < 10 * _PLAIN_EVERY else 6 * _PLAIN_EVERY):
                said = now
                print(self._line(), file=sys.stderr, flush=True)

    def _draw(self) -> None:
        self._bar.update(self._task, completed=self._done(), description=self._line(), refresh=True)

    def _done(self) -> int:
        return self._before + self._batch.tally.done

    def _mark(self, now: float) -> None:
        if not self._batch.tally.done and _underway.now():  # loading and reading, once, say nothing of the rest
            self._marks.clear()
        self._marks.append((now, self._batch.tally.done))
        while len(self._marks) > 2 and now - self._marks[1][0] > _RATE_OVER:
            self._marks.popleft()

    def _line(self) -> str:
        tally, limiter = self._batch.tally, self._batch.judge.model.traffic.limiter
        (began, first), (now, last) = self._marks[0], self._marks[-1]
        rate = (last - first) / (now - began) if now > began else 0.0
        parts = [f"{self._done():,}" + (f" of {self._total:,}" if self._total else "")]
        if under_way := _underway.now():
            parts.append(clean(str(under_way)))
        if rate:
            parts.append(f"{rate:,.1f}/s" if rate < 100 else f"{rate:,.0f}/s")
            if self._total:
                parts.append(f"{clock((self._total - self._done()) / rate)} left")
        if tally.cost_usd:
            parts.append(money(tally.cost_usd))
        if tally.failed:
            parts.append(f"{tally.failed:,} failed")
        if limiter.paused_for > 1:
            parts.append(f"the server asks to wait {clock(limiter.paused_for)}")
        elif limiter.troubled:
            parts.append("no answer at present, trying on")
        return ", ".join(parts)


def summary(batch: Batch[Any] | ProviderBatch[Any], judge: Judge) -> str:
    """What a run did: how the arguments ended, what was asked, what it cost, and why some failed."""
    tally = batch.tally
    ended = [f"{count(number)} {status}" for status, number in sorted(tally.statuses.items())]
    lines = [f"{count(tally.done)} arguments" + (f": {', '.join(ended)}." if ended else ".")]
    took = f"{count(tally.asked)} asked, {count(tally.kept)} known already"
    tokens = f"{count(tally.input_tokens)} tokens read, {count(tally.output_tokens)} written"
    lines.append(f"{took}; {count(tally.requests)} requests, {tokens}.")
    price = judge.price
    if price is None:
        lines.append(f"The price of {judge.model.name} is not known.")
    elif tally.cost_usd or price.input:
        planned = f" ({money(tally.planned_usd)} were planned)" if tally.planned_usd else ""
        lines.append(f"Cost: {money(tally.cost_usd)}{planned}.")
        if tally.cost_unknown:
            lines.append(f"In it {count(tally.cost_unknown)} answers whose use was not reported, at their most.")
    for reason, number in tally.reasons.most_common(_MOST_REASONS):
        said = f"{count(number)} × {clean(' '.join(reason.split()))}"
        lines.append(textwrap.shorten(said, 3 * WIDTH, placeholder=" …"))
    if len(tally.reasons) > _MOST_REASONS:
        lines.append(f"and {len(tally.reasons) - _MOST_REASONS} other reasons")
    if tally.failed:
        lines.append("--retry-failed asks about the failed ones again.")
    return "\n".join(textwrap.fill(line, WIDTH, subsequent_indent="  ") for line in lines)


def plan_text(plan: Plan, judge: Judge, concurrency: int, max_cost: float | None, *, batch: bool = False) -> str:
    """A plan as a small table; with `batch`, of the provider's batch API."""
    model, price = judge.model, judge.price
    kinds = [(plan.to_ask, "to ask"), (plan.kept, "in the store"), (plan.repeated, "equal to another row")]
    kinds.append((plan.unusable, "without a usable text"))
    counted = f"by {plan.tokenizer}" + ("" if plan.exact else ", which is not the model's own tokenizer")
    if plan.sampled < plan.to_ask:
        counted = f"in {count(plan.sampled)} rows drawn at random (95 % intervals), {counted}"
    if price is None:
        cost = "not known: no price is listed; give --price IN,OUT (USD a million tokens)"
    elif plan.cost_usd is None or plan.most_cost_usd is None or not (price.input or price.output):
        cost = "nothing: the model runs on this machine"
    else:
        rates = f"{price.input * 1e6:g} and {price.output * 1e6:g} USD a million tokens"
        cost = f"{_range(plan.cost_usd, money)}; at most {money(plan.most_cost_usd.value)}, at {rates}"
        if max_cost is not None and plan.cost_usd.value > max_cost:
            cost += f". More than --max-cost {max_cost:g}: it would stop before the end"
    caching = {} if plan.caching is None else {"Caching": _kept(plan.caching)}
    time = f"about {clock(plan.seconds)} at {concurrency} at once ({plan.seconds_from})"
    if batch:
        cost += " by the provider's batch API, half of what it costs otherwise" if price else ""
        twice = ", and as long again for the levels after the reasons" if judge.explain else ""
        time = f"within 24 hours, as a rule sooner{twice}"
    table = {
        "Framework": f"{judge.reference.name}, read out by {judge.readout.name}",
        "Model": model.name,
        "Rows": f"{count(plan.rows)}: " + ", ".join(f"{count(number)} {what}" for number, what in kinds if number),
        "Requests": count(plan.requests),
        "Tokens read": _range(plan.input_tokens, count),
        "Tokens out": f"{_range(plan.output_tokens, count)}; at most {count(plan.most_output_tokens.value)}",
        "Counted": counted,
        "Cost": cost,
        **caching,
        "Time": time,
    }
    indent = " " * 13
    return "\n".join(
        textwrap.fill(said, WIDTH, initial_indent=f"{label:13}", subsequent_indent=indent)
        for label, said in table.items()
    )


def _kept(caching: Caching) -> str:
    """What the provider's cache does to the cost, in words."""
    if not caching.sure:
        saved = f"up to {money(max(0.0, caching.saved_usd))} less"
        return f"{saved}, where the provider finds the first {count(caching.tokens)} tokens of a prompt in its cache"
    times = f"written {count(caching.writes)} and read {count(caching.reads)} times"
    does = "saves" if caching.saved_usd >= 0 else "costs"
    does = f"{does} {money(abs(caching.saved_usd))}, which is in the cost"
    return f"{does}: the first {count(caching.tokens)} tokens are {times}"


def _range(estimate: SampledTotal, shown: Callable[[float], str]) -> str:
    if estimate.low == estimate.high:
        return shown(estimate.value)
    return f"{shown(estimate.value)} ({shown(estimate.low)} to {shown(estimate.high)})"
