"""Figures of strategies with intervals: of one domain, of the mean over domains, of differences on the same arguments.

Topics are drawn with replacement within each domain, whole, and every statistic is computed anew in each draw;
what is compared is compared in the same draws. From the draws comes a standard error, with the factor G / (G - 1)
for G topics (a bootstrap of G clusters has the variance of dividing by G), and from that an interval by Student's t.
Its degrees of freedom are one less than the effective number of topics, (sum of sizes)² / sum of squared sizes
(Kish 1965), since a few large topics are worth few; Welch's for several domains. Single correlations get theirs on
Fisher's z scale. Why not percentiles: with 15 topics they hold too rarely; `docs/statistics.md` has the simulation.

Where a strategy was fitted with several seeds, the variance of their figures is added. (The part of it that is noise
of single arguments is in the bootstrap's already, so such intervals are rather wide than narrow.)

The domains are taken as they are (`over="topics"`): an interval says how the figure would move with other topics of
these domains. `over="domains"` takes them as drawn from domains at large: the variance is then that between the
domains' own figures, which holds what topics and seeds add (ultimate clusters; Hansen, Hurwitz and Madow 1953).
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Literal, NamedTuple

import numpy as np
from scipy import stats

from argqual.stats.metrics import METRICS, Metric, Sample, reliability
from argqual.stats.resampling import Array, Estimate, Statistic, Units, draws_of

Interval = Literal["t", "percentile"]
Over = Literal["topics", "domains"]
Samples = Mapping[str, Sequence[Sample]]
"""Domain to samples of the same arguments, in the same order: one a seed, say. A domain's figure is their mean."""

_UNDEFINED_DRAWS = 0.05
_POWER = 0.8
_LEVEL = 0.05
_NEARLY_ONE = 1 - 1e-9


@dataclass(frozen=True)
class Difference:
    """A paired difference, and what can be said of it.

    Parameters
    ----------
    estimate
        Its value and 95 % interval.
    se, df
        Standard error, and degrees of freedom of Student's t; None where there is no interval.
    p
        Two-sided, against no difference, by that t.
    mde
        The smallest difference that would be found with 80 % power at the 5 % level.
    """

    estimate: Estimate
    se: float | None = None
    df: float | None = None
    p: float | None = None
    mde: float | None = None

    def within(self, bound: float) -> bool | None:
        """Whether it is equivalent to nothing: its 90 % interval lies within ±bound (two one-sided tests at 5 %)."""
        if self.estimate.value is None or self.se is None or self.df is None:
            return None
        reach = float(stats.t.ppf(1 - _LEVEL, self.df)) * self.se
        return abs(self.estimate.value) + reach < bound


@dataclass(frozen=True)
class Gap:
    """What is lost on the way from home: two figures of the same arguments, their difference and their ratio."""

    inside: Estimate
    outside: Estimate
    gap: Estimate
    retention: Estimate
    difference: Difference


def measure(
    metric: str, samples: Sequence[Sample], *, draws: int = 2000, seed: int = 0, interval: Interval = "t"
) -> Estimate:
    """A figure of one domain: the mean over samples (seeds) of the same arguments."""
    return macro(metric, {"": samples}, draws=draws, seed=seed, interval=interval)


def macro(
    metric: str | Metric,
    samples: Samples,
    *,
    draws: int = 2000,
    seed: int = 0,
    interval: Interval = "t",
    over: Over = "topics",
) -> Estimate:
    """The mean of a figure over domains, each counting alike."""
    chosen = METRICS[metric] if isinstance(metric, str) else metric
    found = [_drawn(chosen, [(1.0, each)], domain, draws, seed) for domain, each in samples.items()]
    return _inferred(found, chosen.title, interval=interval, fisher=chosen.fisher, over=over).estimate


def worst(
    metric: str, samples: Samples, *, draws: int = 2000, seed: int = 0, interval: Interval = "t"
) -> tuple[str | None, Estimate]:
    """The domain with the worst figure, and that figure. It was picked for being the worst: it flatters no one."""
    found = {
        domain: measure(metric, each, draws=draws, seed=seed, interval=interval) for domain, each in samples.items()
    }
    known = {domain: each.value for domain, each in found.items() if each.value is not None}
    if not known:
        return None, next(iter(found.values()), _nothing("no domain"))
    pick = min if METRICS[metric].higher_is_better else max
    domain = pick(known, key=lambda name: known[name])
    return domain, found[domain]


def difference(
    metric: str,
    one: Samples,
    other: Samples,
    *,
    draws: int = 2000,
    seed: int = 0,
    interval: Interval = "t",
    over: Over = "topics",
) -> Difference:
    """One minus the other, on the arguments for which both have predictions, as a mean over the domains of both."""
    chosen = METRICS[metric]
    both = [domain for domain in one if domain in other]
    found = [_drawn(chosen, [(1.0, one[each]), (-1.0, other[each])], each, draws, seed) for each in both]
    return _inferred(found, f"difference in {chosen.title}", interval=interval, over=over)


def contrast(
    metric: str,
    terms: Sequence[tuple[float, Samples]],
    *,
    draws: int = 2000,
    seed: int = 0,
    interval: Interval = "t",
    over: Over = "topics",
) -> Difference:
    """A weighted sum of figures of the same arguments, such as one gap minus another."""
    chosen = METRICS[metric]
    domains = [domain for domain in terms[0][1] if all(domain in samples for _, samples in terms)]
    found = [
        _drawn(chosen, [(weight, samples[each]) for weight, samples in terms], each, draws, seed) for each in domains
    ]
    return _inferred(found, f"contrast in {chosen.title}", interval=interval, over=over)


def gap(
    metric: str,
    inside: Samples,
    outside: Samples,
    *,
    draws: int = 2000,
    seed: int = 0,
    interval: Interval = "t",
    over: Over = "topics",
) -> Gap:
    """In-domain minus out-of-domain on the same arguments, and the share that is retained.

    The share (a ratio of means, with percentiles of its draws) is there only where the in-domain interval
    excludes 0: of what is not there, nothing can be retained. Over domains it has no interval, and is not given.
    """
    chosen = METRICS[metric]
    both = [domain for domain in inside if domain in outside]
    home = [_drawn(chosen, [(1.0, inside[each]), (0.0, outside[each])], each, draws, seed) for each in both]
    away = [_drawn(chosen, [(0.0, inside[each]), (1.0, outside[each])], each, draws, seed) for each in both]
    lost = difference(metric, inside, outside, draws=draws, seed=seed, interval=interval, over=over)
    at_home = _inferred(home, chosen.title, interval=interval, fisher=chosen.fisher, over=over).estimate
    return Gap(
        at_home,
        _inferred(away, chosen.title, interval=interval, fisher=chosen.fisher, over=over).estimate,
        lost.estimate,
        _retention(home, away, at_home, chosen, over),
        lost,
    )


def calibration_error(
    samples: Samples, *, draws: int = 2000, seed: int = 0, interval: Interval = "percentile"
) -> Estimate:
    """The expected calibration error as a mean over domains, of the first sample of each."""
    found = []
    for domain, each in samples.items():
        sample = each[0]
        kept = sample.kept()
        reason = None if sample.on_scale else "labels or predictions are on an open scale"
        part = sample.part(kept)
        statistic = reliability(part)[1] if kept.sum() > 1 and not reason else _undefined
        found.append(_Drawn.of(statistic, kept, sample.clusters, reason, domain, draws, seed))
    return _inferred(found, "expected calibration error", interval=interval).estimate


def mean(values: Array, *, method: str, null: float = 0.0, offered: int | None = None) -> Difference:
    """The mean of independent values, with Student's t against `null`; NaN values do not count.

    Where all are the same, p is 1 or 0.

    Parameters
    ----------
    values
        One a cluster, such as a family of texts.
    offered
        How many there would be; as many as values when left out.
    """
    known = values[np.isfinite(values)]
    offered = len(values) if offered is None else offered
    estimate = Estimate(None, None, None, len(known), offered, len(known), method)
    if len(known) < 2:
        return Difference(replace(estimate, reason="fewer than two clusters have a value"))
    value, se, df = float(known.mean()), float(known.std(ddof=1) / np.sqrt(len(known))), float(len(known) - 1)
    reach = float(stats.t.ppf(1 - _LEVEL / 2, df)) * se
    found = replace(estimate, value=value, low=value - reach, high=value + reach)
    if not se:  # the same in every cluster, as it is of judges that are made up
        return Difference(found, se=0.0, p=float(value == null), mde=0.0)
    p = float(2 * stats.t.sf(abs(value - null) / se, df))
    mde = float(stats.t.ppf(1 - _LEVEL / 2, df) + stats.t.ppf(_POWER, df)) * se
    return Difference(found, se=se, df=df, p=p, mde=mde)


def holm(ps: Sequence[float]) -> list[float]:
    """Adjusted p values that keep the chance of any false finding (Holm 1979)."""
    order = np.argsort(ps)
    count = len(ps)
    raised = [min(1.0, (count - rank) * ps[place]) for rank, place in enumerate(order)]
    return _put_back(list(np.maximum.accumulate(raised)) if count else [], order)


def benjamini_hochberg(ps: Sequence[float]) -> list[float]:
    """Adjusted p values that keep the share of false findings among those found (Benjamini and Hochberg 1995)."""
    if not len(ps):
        return []
    return [float(each) for each in stats.false_discovery_control(ps, method="bh")]


def _put_back(values: Sequence[float], order: Sequence[int] | np.ndarray) -> list[float]:
    found = [0.0] * len(values)
    for value, place in zip(values, order, strict=True):
        found[int(place)] = float(value)
    return found


class _Drawn(NamedTuple):
    """A statistic of one domain: its value, its value in each draw of topics, and what seeds add to its variance."""

    value: float
    draws: Array
    n: int
    offered: int
    clusters: int
    effective: float
    reason: str | None
    seeds: tuple[tuple[float, int], ...] = ()
    """Variances of means over seeds, with their degrees of freedom."""

    @classmethod
    def of(
        cls,
        statistic: Statistic,
        kept: np.ndarray,
        clusters: Sequence[str],
        reason: str | None,
        domain: str,
        draws: int,
        seed: int,
    ) -> _Drawn:
        units = Units.of(kept, clusters)
        sizes = np.bincount(units.codes) if units.codes is not None and units.n else np.zeros(1)
        effective = float(sizes.sum() ** 2 / max((sizes**2).sum(), 1))
        nothing = cls(np.nan, np.empty(0), units.n, units.offered, units.clusters or 0, effective, reason)
        if reason:
            return nothing
        if units.n < 2:
            return nothing._replace(reason="fewer than two arguments have a prediction")
        value = float(statistic(np.ones((units.n, 1)))[0])
        if not np.isfinite(value):
            return nothing._replace(reason="all values of one side are equal, or nothing is left beyond length")
        rng = np.random.default_rng([seed, int(hashlib.sha256(domain.encode()).hexdigest()[:8], 16)])
        drawn = np.concatenate([statistic(weights) for weights in draws_of(units, draws, rng)])
        return nothing._replace(value=value, draws=drawn)

    @property
    def variance(self) -> float:
        """Of the statistic, NaN where too few draws define it."""
        defined = self.draws[np.isfinite(self.draws)]
        if self.clusters < 2 or len(defined) < (1 - _UNDEFINED_DRAWS) * len(self.draws):
            return np.nan
        return float(defined.var(ddof=1)) * self.clusters / (self.clusters - 1)


def _undefined(weights: Array) -> Array:
    return np.full(weights.shape[1], np.nan)


def _drawn(
    metric: Metric, terms: Sequence[tuple[float, Sequence[Sample]]], domain: str, draws: int, seed: int
) -> _Drawn:
    """A weighted sum of a metric over samples of one domain, on the arguments that all of them have."""
    samples = [sample for _, each in terms for sample in each]
    first = samples[0]
    # What is compared is computed alike: where one side was fitted fold by fold, the other is taken by its folds too.
    units = max((sample.units for sample in samples), key=lambda names: len(set(names)))
    for sample in samples:
        if len(sample.labels) != len(first.labels) or not np.array_equal(sample.labels, first.labels, equal_nan=True):
            raise ValueError(f"{domain}: the samples compared are not of the same arguments in the same order")
    reason = next((said for sample in samples if (said := metric.unfit(sample))), None)
    kept = reduce(np.logical_and, (sample.kept() for sample in samples))
    if reason or kept.sum() < 2:
        return _Drawn.of(_undefined, kept, first.clusters, reason, domain, draws, seed)
    parts = [
        (weight / len(each), metric.statistic(sample._replace(units=units).part(kept)), (place, sample.source))
        for place, (weight, each) in enumerate(terms)
        if weight
        for sample in each
    ]

    def summed(weights: Array) -> Array:
        return np.asarray(sum(weight * part(weights) for weight, part, _ in parts))

    by_source: dict[tuple[int, str], list[float]] = defaultdict(list)
    everything = np.ones((int(kept.sum()), 1))
    for weight, part, source in parts:
        by_source[source].append(weight * float(part(everything)[0]))
    # Of a sum of S seeds, each already weighted: S times their variance.
    seeds = [(len(each) * float(np.var(each, ddof=1)), len(each) - 1) for each in by_source.values() if len(each) > 1]
    found = _Drawn.of(summed, kept, first.clusters, None, domain, draws, seed)
    return found._replace(seeds=tuple(seeds))


def _inferred(
    found: Sequence[_Drawn], method: str, *, interval: Interval, fisher: bool = False, over: Over = "topics"
) -> Difference:
    """The mean over domains, with its interval."""
    if not found:
        return Difference(_nothing("no domain has both", method))
    counts = [sum(getattr(each, name) for each in found) for name in ("n", "offered", "clusters")]
    estimate = Estimate(None, None, None, counts[0], counts[1], counts[2], method)
    if reason := next((each.reason for each in found if each.reason), None):
        return Difference(replace(estimate, reason=reason))
    value = float(np.mean([each.value for each in found]))
    estimate = replace(estimate, value=value)
    if over == "domains" and len(found) > 1:
        return _over_domains(found, estimate)
    parts = np.array([each.variance for each in found]) / len(found) ** 2
    if any(each.clusters < 2 for each in found):
        return Difference(replace(estimate, reason="no interval: a domain has only one topic"))
    if not np.isfinite(parts).all():
        return Difference(replace(estimate, reason="no interval: undefined in too many draws"))
    seeds = [(own / len(found) ** 2, df) for each in found for own, df in each.seeds]
    variance = float(parts.sum()) + sum(own for own, _ in seeds)
    draws = np.mean([each.draws for each in found], axis=0)
    draws = draws[np.isfinite(draws)]
    if variance == 0:
        return Difference(replace(estimate, low=value, high=value), se=0.0)
    components = [(part, max(each.effective - 1, 1)) for part, each in zip(parts, found, strict=True)] + seeds
    df = float(variance**2 / sum(part**2 / df for part, df in components))  # Welch and Satterthwaite
    se = float(np.sqrt(variance))
    reach = float(stats.t.ppf(1 - _LEVEL / 2, df))
    if interval == "percentile":
        low, high = np.quantile(draws, (_LEVEL / 2, 1 - _LEVEL / 2))
    elif fisher:
        # The same factor as on the plain scale, since each part of the variance is known there.
        drawn = float(draws.var(ddof=1))
        slope = np.arctanh(np.clip(draws, -_NEARLY_ONE, _NEARLY_ONE)).std(ddof=1) / np.sqrt(drawn) if drawn else 1.0
        spread = reach * se * slope
        low, high = np.tanh(np.arctanh(np.clip(value, -_NEARLY_ONE, _NEARLY_ONE)) + np.array([-spread, spread]))
    else:
        low, high = value - reach * se, value + reach * se
    p = float(2 * stats.t.sf(abs(value) / se, df))
    mde = (reach + float(stats.t.ppf(_POWER, df))) * se
    return Difference(replace(estimate, low=float(low), high=float(high)), se=se, df=df, p=p, mde=mde)


def _over_domains(found: Sequence[_Drawn], estimate: Estimate) -> Difference:
    """The domains' figures as a sample: one is one observation, whatever it rests on."""
    said = mean(np.array([each.value for each in found]), method=estimate.method)
    return replace(said, estimate=replace(estimate, low=said.estimate.low, high=said.estimate.high))


def _retention(
    home: Sequence[_Drawn], away: Sequence[_Drawn], inside: Estimate, metric: Metric, over: Over
) -> Estimate:
    estimate = replace(inside, value=None, low=None, high=None, method=f"share of {metric.title} retained")
    if over == "domains" and len(home) > 1:
        return replace(estimate, reason="a share has no interval over domains")
    if metric.low is None or not metric.higher_is_better or metric.low == 0:
        return replace(estimate, reason="a share is of a figure that is 0 where nothing is known")
    if inside.low is None or inside.low <= 0:
        return replace(estimate, reason="the in-domain figure may be nothing")
    above, below = (np.mean([each.draws for each in side], axis=0) for side in (away, home))
    shares = above / np.where(below > 0, below, np.nan)
    shares = shares[np.isfinite(shares)]
    if any(each.reason for each in away) or len(shares) < (1 - _UNDEFINED_DRAWS) * len(below):
        return replace(estimate, reason="out of domain the figure is not defined, or too often nothing in domain")
    value = float(np.mean([each.value for each in away]) / np.mean([each.value for each in home]))
    low, high = np.quantile(shares, (_LEVEL / 2, 1 - _LEVEL / 2))
    return replace(estimate, value=value, low=float(low), high=float(high))


def _nothing(reason: str, method: str = "") -> Estimate:
    return Estimate(None, None, None, 0, 0, None, method, reason)
