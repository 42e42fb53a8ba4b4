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

import hashlib
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Literal, NamedTuple, Self, TypedDict, Unpack

import numpy as np
from scipy import stats

from argqual.stats.correlation import never_defined
from argqual.stats.estimate import Estimate
from argqual.stats.metrics import METRICS, Metric, Sample, reliability
from argqual.stats.resampling import Array, Mask, Statistic, Units, defined, draws_of, percentiles

Interval = Literal["t", "percentile"]
Over = Literal["topics", "domains"]
Samples = Mapping[str, Sequence[Sample]]
"""Domain to samples of the same arguments, in the same order: one a seed, say. A domain's figure is their mean."""
Terms = Sequence[tuple[float, Samples]]
"""Weights and what they weigh."""

_POWER = 0.8
_LEVEL = 0.05
_NEARLY_ONE = 1 - 1e-9
_ROUNDING = 1e-12  # a figure or a standard error below is one of adding up


class Settings(TypedDict, total=False):
    """How the intervals of a benchmark are made."""

    draws: int  # of the bootstrap; 2,000 when left out
    seed: int  # of the draws; 0 when left out
    interval: Interval  # by Student's t, when left out, or by percentiles of the draws
    over: Over  # what a mean over domains speaks of: other topics of these, when left out, or domains at large


class StudentT(NamedTuple):
    """Student's t of a figure with this standard error and so many degrees of freedom."""

    se: float
    df: float

    def reach(self, level: float = _LEVEL) -> float:
        """Half the interval of confidence 1 - level."""
        return float(stats.t.ppf(1 - level / 2, self.df)) * self.se

    def p(self, distance: float) -> float:
        """Two-sided, of a figure so far from what it is held against."""
        return float(2 * stats.t.sf(abs(distance) / self.se, self.df))

    @property
    def mde(self) -> float:
        """The smallest difference that would be found with 80 % power at the 5 % level."""
        return float(stats.t.ppf(1 - _LEVEL / 2, self.df) + stats.t.ppf(_POWER, self.df)) * self.se


@dataclass(frozen=True)
class Difference:
    """A paired difference, and what can be said of it; None where there is no interval."""

    estimate: Estimate  # its value and 95 % interval
    se: float | None = None  # standard error
    df: float | None = None  # degrees of freedom of Student's t; none where the standard error is 0
    p: float | None = None  # two-sided, against no difference, by that t
    mde: float | None = None  # the smallest difference that would be found with 80 % power at the 5 % level

    def within(self, bound: float) -> bool | None:
        """Whether it is equivalent to nothing: its 90 % interval lies within ±bound (two one-sided tests at 5 %)."""
        if self.estimate.value is None or self.se is None:
            return None
        if self.se == 0:  # the same in every draw: there is nothing to be uncertain of
            return abs(self.estimate.value) < bound
        if self.df is None:
            return None
        return abs(self.estimate.value) + StudentT(self.se, self.df).reach(2 * _LEVEL) < bound


@dataclass(frozen=True)
class Gap:
    """What is lost on the way to other domains: two figures of the same arguments, their difference and their ratio."""

    inside: Estimate
    outside: Estimate
    gap: Estimate
    retention: Estimate
    difference: Difference


def measure(metric: str, samples: Sequence[Sample], **how: Unpack[Settings]) -> Estimate:
    """A figure of one domain: the mean over samples (seeds) of the same arguments."""
    return macro(metric, {"": samples}, **how)


def macro(metric: str | Metric, samples: Samples, **how: Unpack[Settings]) -> Estimate:
    """The mean of a figure over domains, each counting alike."""
    chosen = METRICS[metric] if isinstance(metric, str) else metric
    return _inferred(_drawn_of(chosen, [(1.0, samples)], how), chosen.title, how, fisher=chosen.fisher).estimate


def worst(metric: str, samples: Samples, **how: Unpack[Settings]) -> tuple[str | None, Estimate]:
    """The domain with the worst figure, and that figure. It was picked for being the worst: it flatters no one."""
    found = {domain: measure(metric, each, **how) for domain, each in samples.items()}
    known = {domain: each.value for domain, each in found.items() if each.value is not None}
    if not known:
        return None, next(iter(found.values()), Estimate.missing("no domain"))
    domain = (min if METRICS[metric].higher_is_better else max)(known, key=known.__getitem__)
    return domain, found[domain]


def difference(metric: str, one: Samples, other: Samples, **how: Unpack[Settings]) -> Difference:
    """One minus the other, on the arguments for which both have predictions, as a mean over the domains of both."""
    terms = [(1.0, one), (-1.0, other)]
    return _inferred(_drawn_of(METRICS[metric], terms, how), f"difference in {METRICS[metric].title}", how)


def contrast(metric: str, terms: Terms, **how: Unpack[Settings]) -> Difference:
    """A weighted sum of figures of the same arguments, such as one gap minus another."""
    return _inferred(_drawn_of(METRICS[metric], terms, how), f"contrast in {METRICS[metric].title}", how)


def gap(metric: str, inside: Samples, outside: Samples, **how: Unpack[Settings]) -> Gap:
    """In-domain minus out-of-domain on the same arguments, and the share that is retained.

    The share (a ratio of means, with percentiles of its draws) is there only where the in-domain interval
    excludes 0: of what is not there, nothing can be retained. Over domains it has no interval, and is not given.
    """
    chosen = METRICS[metric]
    # Of both, on the arguments that both have.
    one, other = (_drawn_of(chosen, [(own, inside), (1.0 - own, outside)], how) for own in (1.0, 0.0))
    kept, left = (_inferred(each, chosen.title, how, fisher=chosen.fisher).estimate for each in (one, other))
    lost = difference(metric, inside, outside, **how)
    return Gap(kept, left, lost.estimate, _retention(one, other, kept, chosen, how.get("over", "topics")), lost)


def calibration_error(samples: Samples, **how: Unpack[Settings]) -> Estimate:
    """The expected calibration error as a mean over domains, of the first sample of each; by percentiles."""
    found = []
    for domain, each in samples.items():
        sample = each[0]
        kept = sample.kept()
        reason = None if sample.on_scale else "labels or predictions are on an open scale"
        statistic = reliability(sample.part(kept))[1] if kept.sum() > 1 and not reason else never_defined
        found.append(_Drawn.of(statistic, kept, sample.clusters, reason, domain, how))
    return _inferred(found, "expected calibration error", {"interval": "percentile", **how}).estimate


def mean(values: Array, *, method: str, null: float = 0.0, offered: int | None = None) -> Difference:
    """The mean of independent values, with Student's t against `null`; NaN values do not count.

    Values are one a cluster, such as a family of texts, of `offered` (as many as values when left out). Where all are
    the same, p is 1 or 0.
    """
    known = values[np.isfinite(values)]
    offered = len(values) if offered is None else offered
    nothing = Estimate.missing("fewer than two clusters have a value", len(known), offered, len(known), method)
    if len(known) < 2:
        return Difference(nothing)
    value, t = float(known.mean()), StudentT(float(known.std(ddof=1) / np.sqrt(len(known))), float(len(known) - 1))
    found = replace(nothing, reason=None)
    if t.se < _ROUNDING:  # the same in every cluster, as it is of judges that are made up
        return _certain(found, value, null)
    return Difference(found.around(value, t.reach()), *t, p=t.p(value - null), mde=t.mde)


def _certain(found: Estimate, value: float, null: float = 0.0) -> Difference:
    """A figure without any variance: two strategies that predict the same, say, do not differ at all."""
    distance = value - null
    exact = null if abs(distance) < _ROUNDING else value
    return Difference(found.around(exact, 0.0), se=0.0, p=float(exact == null), mde=0.0)


def holm(ps: Sequence[float | None]) -> list[float | None]:
    """Adjusted p values that keep the chance of any false finding (Holm 1979); None stays None."""

    def raised(known: Array) -> Array:
        order = np.argsort(known)
        steps = np.minimum(1.0, np.arange(len(known), 0, -1) * known[order])
        return np.asarray(np.maximum.accumulate(steps)[np.argsort(order)])

    return _adjusted(ps, raised)


def benjamini_hochberg(ps: Sequence[float | None]) -> list[float | None]:
    """Adjusted p values that keep the share of false findings (Benjamini and Hochberg 1995); None stays None."""
    return _adjusted(ps, lambda known: stats.false_discovery_control(known, method="bh"))


def _adjusted(ps: Sequence[float | None], rule: Callable[[Array], Array]) -> list[float | None]:
    known = np.array([p for p in ps if p is not None])
    found = iter(rule(known) if len(known) else known)
    return [None if p is None else float(next(found)) for p in ps]


class _Drawn(NamedTuple):
    """A statistic of one domain: its value, its value in each draw of topics, and what seeds add to its variance."""

    value: float
    draws: Array
    n: int
    offered: int
    clusters: int
    effective: float
    reason: str | None
    seeds: tuple[tuple[float, int], ...] = ()  # variances of means over seeds, with their degrees of freedom

    @classmethod
    def of(
        cls, statistic: Statistic, kept: Mask, clusters: Sequence[str], reason: str | None, domain: str, how: Settings
    ) -> Self:
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
        rng = np.random.default_rng([how.get("seed", 0), int(hashlib.sha256(domain.encode()).hexdigest()[:8], 16)])
        drawn = np.concatenate([statistic(weights) for weights in draws_of(units, how.get("draws", 2000), rng)])
        return nothing._replace(value=value, draws=drawn)


def variance_of(draws: Array, clusters: int) -> float:
    """Of a statistic by its draws of so many clusters; NaN where too few draws define it."""
    known = defined(draws)
    return float("nan") if clusters < 2 or known is None else float(known.var(ddof=1)) * clusters / (clusters - 1)


def _drawn_of(metric: Metric, terms: Terms, how: Settings) -> list[_Drawn]:
    """`_drawn` of each domain that all terms have."""
    domains = [domain for domain in terms[0][1] if all(domain in samples for _, samples in terms)]
    return [_drawn(metric, [(weight, samples[each]) for weight, samples in terms], each, how) for each in domains]


def _drawn(metric: Metric, terms: Sequence[tuple[float, Sequence[Sample]]], domain: str, how: Settings) -> _Drawn:
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
        return _Drawn.of(never_defined, kept, first.clusters, reason, domain, how)
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
    found = _Drawn.of(summed, kept, first.clusters, None, domain, how)
    nothing = len(terms) > 1 and len(found.draws) and np.nanmax(np.abs([found.value, *found.draws])) < _ROUNDING
    return found if nothing else found._replace(seeds=tuple(seeds))  # the same with every seed: seeds add nothing


def _inferred(found: Sequence[_Drawn], method: str, how: Settings, *, fisher: bool = False) -> Difference:
    """The mean over domains, with its interval."""
    if not found:
        return Difference(Estimate.missing("no domain has both", method=method))
    counts = [sum(getattr(each, name) for each in found) for name in ("n", "offered", "clusters")]
    reason = next((each.reason for each in found if each.reason), None)
    estimate = Estimate.missing(reason, counts[0], counts[1], counts[2], method)
    if reason:
        return Difference(estimate)
    value = float(np.mean([each.value for each in found]))
    estimate = replace(estimate, value=value)
    if how.get("over") == "domains" and len(found) > 1:
        # The domains' figures as a sample: one is one observation, whatever it rests on.
        said = mean(np.array([each.value for each in found]), method=method)
        own = said.estimate
        return replace(said, estimate=replace(estimate, value=own.value, low=own.low, high=own.high))
    parts = np.array([variance_of(each.draws, each.clusters) for each in found]) / len(found) ** 2
    if any(each.clusters < 2 for each in found):
        return Difference(replace(estimate, reason="no interval: a domain has only one topic"))
    if not np.isfinite(parts).all():
        return Difference(replace(estimate, reason="no interval: undefined in too many draws"))
    seeds = [(own / len(found) ** 2, df) for each in found for own, df in each.seeds]
    variance = float(parts.sum()) + sum(own for own, _ in seeds)
    draws = np.mean([each.draws for each in found], axis=0)
    draws = draws[np.isfinite(draws)]
    if variance < _ROUNDING**2:
        return _certain(estimate, value)
    components = [(part, max(each.effective - 1, 1)) for part, each in zip(parts, found, strict=True)] + seeds
    df = float(variance**2 / sum(part**2 / df for part, df in components))  # Welch and Satterthwaite
    t = StudentT(float(np.sqrt(variance)), df)
    if how.get("interval") == "percentile":
        low, high = percentiles(draws)
    elif fisher:
        # The same factor as on the plain scale, since each part of the variance is known there.
        drawn = float(draws.var(ddof=1))
        slope = np.arctanh(np.clip(draws, -_NEARLY_ONE, _NEARLY_ONE)).std(ddof=1) / np.sqrt(drawn) if drawn else 1.0
        spread = t.reach() * slope
        low, high = np.tanh(np.arctanh(np.clip(value, -_NEARLY_ONE, _NEARLY_ONE)) + np.array([-spread, spread]))
    else:
        low, high = value - t.reach(), value + t.reach()
    return Difference(replace(estimate, low=float(low), high=float(high)), *t, p=t.p(value), mde=t.mde)


def _retention(
    inside: Sequence[_Drawn], outside: Sequence[_Drawn], figure: Estimate, metric: Metric, over: Over
) -> Estimate:
    estimate = replace(figure, value=None, low=None, high=None, method=f"share of {metric.title} retained")
    if over == "domains" and len(inside) > 1:
        return replace(estimate, reason="a share has no interval over domains")
    if metric.low is None or not metric.higher_is_better or metric.low == 0:
        return replace(estimate, reason="a share is of a figure that is 0 where nothing is known")
    if figure.low is None or figure.low <= 0:
        return replace(estimate, reason="the in-domain figure may be nothing")
    above, below = (np.mean([each.draws for each in side], axis=0) for side in (outside, inside))
    shares = above / np.where(below > 0, below, np.nan)
    known = defined(shares)
    if any(each.reason for each in outside) or known is None:
        return replace(estimate, reason="out of domain the figure is not defined, or too often nothing in domain")
    value = float(np.mean([each.value for each in outside]) / np.mean([each.value for each in inside]))
    low, high = percentiles(known)
    return replace(estimate, value=value, low=low, high=high)
