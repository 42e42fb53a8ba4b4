"""From a run's predictions to the figures that a report shows, so that every one of them can be had again.

A figure is of one tested domain, then a mean over domains; strategies are compared on the same arguments. Several
seeds of a strategy, and several places of training for one test (corpus to corpus), are one sample each of the same
tested arguments: the figure is their mean, and topics are resampled once for all of them.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from argqual.assessment import Usage
from argqual.benchmark.analysis import figures
from argqual.benchmark.analysis.disagreements import worst_disagreements
from argqual.benchmark.analysis.minimal_pairs import measured, specificity, style_over_substance
from argqual.benchmark.analysis.predicted import Predicted
from argqual.benchmark.running.scored import Scored
from argqual.benchmark.spec.vocabulary import FurtherTest, PerturbationTest, Rung, Split
from argqual.stats.inference import (
    benjamini_hochberg,
    calibration_error,
    difference,
    gap,
    holm,
    macro,
    mean,
    measure,
    worst,
)
from argqual.stats.metrics import METRICS, MetricName, degenerate, reliability

PLAIN = MetricName.SPEARMAN  # what a baseline is compared by of which the headline metric is not defined
_WORST = 2  # disagreements of a strategy in a domain
_BINS = 8


def scores_of(predicted: Predicted) -> Iterator[figures.Score]:
    """Every metric in domain and out of it; the headline metric everywhere else too."""
    for strategy in predicted.strategies:
        for split in predicted.splits:
            found = predicted.of(strategy, split)
            everything = split in (Split.IN_DOMAIN, predicted.out_of_domain)
            for metric in predicted.metrics if everything else (predicted.headline,):
                for budget in dict.fromkeys(each.budget for each in found):
                    yield from _scores(predicted, metric, [each for each in found if each.budget == budget])
        yield from _ladder(predicted, strategy)


def _scores(predicted: Predicted, metric: MetricName, found: Sequence[Scored]) -> Iterator[figures.Score]:
    """Of one strategy, split and budget: each tested domain, and the mean over those that the metric is for."""
    cells: dict[tuple[str, tuple[str, ...]], list[Scored]] = defaultdict(list)
    for each in found:
        cells[each.tested_on, each.trained_on].append(each)
    first = found[0]
    for (tested_on, trained_on), seeds in cells.items():
        samples = [predicted.sample(each) for each in seeds]
        figure, place = measure(metric, samples, **predicted.settings), (tested_on, trained_on, first.budget)
        known = [value for sample in samples if (value := METRICS[metric].value(sample)) is not None]
        spread = float(np.std(known, ddof=1)) if len(known) > 1 else None
        yield figures.Score(first.strategy, first.split, metric, figure, *place, seeds[0].rung, spread)
    every = predicted.samples(found)
    fit = {name: own for name, own in every.items() if not any(METRICS[metric].unfit(sample) for sample in own)}
    figure = macro(metric, fit or every, **predicted.settings_of_means)
    yield figures.Score(first.strategy, first.split, metric, figure, budget=first.budget)


def _ladder(predicted: Predicted, strategy: str) -> Iterator[figures.Score]:
    """A mean over the tested domains for each distance; in domain is the nearest."""
    far = Split.CORPUS_TO_CORPUS if predicted.of(strategy, Split.CORPUS_TO_CORPUS) else predicted.out_of_domain
    by_rung: dict[Rung, list[Scored]] = defaultdict(list)
    for each in (*predicted.of(strategy, Split.IN_DOMAIN), *predicted.of(strategy, far)):
        by_rung[each.rung].append(each)
    for rung, found in by_rung.items():
        estimate = macro(predicted.headline, predicted.samples(found), **predicted.settings_of_means)
        yield figures.Score(strategy, "ladder", predicted.headline, estimate, rung=rung)


def transfers_of(predicted: Predicted) -> Iterator[figures.Transfer]:
    """Out of domain, and beside it in domain on the domains that have both."""
    split, how = predicted.out_of_domain, predicted.settings_of_means
    for strategy in predicted.strategies:
        inside, outside = predicted.in_domain(strategy, split), predicted.samples(predicted.of(strategy, split))
        both = [domain for domain in outside if domain in inside]
        pair = [{domain: side[domain] for domain in both} for side in (inside, outside)]
        for metric in predicted.metrics if outside else ():
            found, all_of_it = gap(metric, *pair, **how), macro(metric, outside, **how)
            least = worst(metric, outside, **predicted.settings)
            yield figures.Transfer(strategy, metric, split, found.inside, all_of_it, found.gap, found.retention, *least)


def contrasts_of(predicted: Predicted, baselines: Iterable[str]) -> Iterator[figures.Contrast]:
    """Every strategy minus each baseline, out of domain; adjusted over the rows of a baseline.

    A baseline of which the headline metric is not defined (length has nothing beyond length) is compared by
    Spearman's correlation, where that is among the metrics.
    """
    for baseline in baselines:
        pairs = [(name, baseline) for name in predicted.strategies if name != baseline]
        rows = differences(predicted, pairs, predicted.headline)
        if all(row.estimate.value is None for row in rows) and PLAIN in predicted.metrics:
            rows = differences(predicted, pairs, PLAIN)
        yield from rows


def rivals_of(predicted: Predicted, leader: str) -> list[figures.Contrast]:
    """The leader minus every other strategy that has a figure."""
    pairs = [(leader, name) for name in predicted.strategies if name != leader]
    return [row for row in differences(predicted, pairs, predicted.headline) if row.estimate.value is not None]


def differences(predicted: Predicted, pairs: Sequence[tuple[str, str]], metric: MetricName) -> list[figures.Contrast]:
    """Paired differences, out of domain, with p values adjusted over them."""
    split = predicted.out_of_domain
    samples = {name: predicted.samples(predicted.of(name, split)) for pair in pairs for name in pair}
    found = [difference(metric, samples[one], samples[other], **predicted.settings_of_means) for one, other in pairs]
    ps = [each.p for each in found]
    return [
        figures.Contrast(one, other, metric, split, each.estimate, each.p, by_holm, by_share, each.mde)
        for (one, other), each, by_holm, by_share in zip(pairs, found, holm(ps), benjamini_hochberg(ps), strict=True)
    ]


def coverage_of(predicted: Predicted) -> Iterator[figures.Coverage]:
    """How predictions ended."""
    for strategy, found in predicted.outside():
        statuses = Counter(str(status) for each in found for status in each.statuses)
        yield figures.Coverage(strategy, dict(statuses), _alarm(found))


def _alarm(found: Sequence[Scored]) -> str | None:
    """What is wrong with predictions that say nearly the same of a whole domain."""
    alarms = {each.tested_on: said for each in found if (said := degenerate(each.predicted))}
    if not alarms:
        return None
    first, said = next(iter(alarms.items()))
    domains = len({each.tested_on for each in found})
    return f"{said} ({first})" if len(alarms) == 1 else f"{said} ({first}; alike in {len(alarms)} of {domains} domains)"


def costs_of(predicted: Predicted) -> Iterator[figures.Cost]:
    """What predicting has taken, and fitting for it."""
    for strategy, found in predicted.outside():
        usages = [each.usage for each in found]
        yield figures.Cost(
            strategy,
            sum(len(each.ids) for each in found),
            sum(usage.seconds for usage in usages),
            sum(each.fit_seconds for each in found),
            sum(usage.requests for usage in usages),
            *(_sum(usages, name) for name in ("input_tokens", "output_tokens", "cost_usd")),
        )


def _sum(usages: Iterable[Usage], name: str) -> Any:
    """The sum of what is known; None where nothing is."""
    known = [value for usage in usages if (value := getattr(usage, name)) is not None]
    return sum(known) if known else None


def reliability_of(predicted: Predicted) -> Iterator[figures.Reliability]:
    """Of the strategies that predict on the labels' own scale, over the domains whose scale has two ends."""
    for strategy, outside in predicted.outside():
        found = [each for each in outside if each.on_scale]
        samples = {domain: each[:1] for domain, each in predicted.samples(found).items()}
        parts = [each[0].part(each[0].kept()) for each in samples.values()]
        if not parts or sum(len(part.labels) for part in parts) < 2 * _BINS:
            continue
        said, labels = (np.concatenate([getattr(part, name) for part in parts]) for name in ("predicted", "labels"))
        pooled = parts[0]._replace(predicted=said, labels=labels)
        bins = tuple(reliability(pooled, bins=_BINS)[0])
        error = calibration_error(samples, **predicted.settings)
        yield figures.Reliability(strategy, predicted.out_of_domain, error, bins)


def criteria_of(predicted: Predicted) -> Iterator[figures.CriterionAgreement]:
    """Each criterion's ratings against the target label, by Spearman, where ratings were kept; with the first seed."""
    for strategy, outside in predicted.outside():
        first = {each.tested_on: each for each in reversed(outside) if each.ratings}
        domains = [domain for domain in predicted.domains if domain in first]
        for criterion in dict.fromkeys(name for domain in domains for name in first[domain].ratings):
            rated = [first[domain] for domain in domains if criterion in first[domain].ratings]
            samples = {each.tested_on: [predicted.sample(each, each.ratings[criterion])] for each in rated}
            for domain, found in samples.items():
                estimate = measure(PLAIN, found, **predicted.settings)
                yield figures.CriterionAgreement(strategy, criterion, PLAIN, estimate, domain)
            estimate = macro(PLAIN, samples, **predicted.settings_of_means)
            yield figures.CriterionAgreement(strategy, criterion, PLAIN, estimate)


def perturbation_tests_of(predicted: Predicted) -> Iterator[figures.PerturbationFigure]:
    """What minimal pairs show of each strategy, which criterion's rating fell, and what the order of two does."""
    split = predicted.out_of_domain
    for strategy in predicted.strategies:
        for of_order, values in predicted.order(strategy, split).items():
            test, found = FurtherTest(of_order), mean(values, method="mean of topics")
            p = found.p if test == FurtherTest.ORDER_EFFECT else None
            yield figures.PerturbationFigure(strategy, split, test, found.estimate, p=p)
        versions = predicted.versions(strategy, split)
        if versions is None:
            continue
        for name in PerturbationTest:
            found = measured(versions, name)
            yield figures.PerturbationFigure(strategy, split, name, found.estimate, p=found.p)
        ratio = style_over_substance(versions)
        yield figures.PerturbationFigure(strategy, split, FurtherTest.STYLE_OVER_SUBSTANCE, ratio)
        for criterion in versions.criteria:
            for name in (PerturbationTest.SENSITIVITY, PerturbationTest.SUBSTANCE):
                found = measured(versions, name, criterion=criterion)
                yield figures.PerturbationFigure(strategy, split, name, found.estimate, criterion, p=found.p)
        rated = {criterion: predicted.versions(strategy, split, criterion) for criterion in versions.criteria}
        for broken, criterion, found in specificity({name: own for name, own in rated.items() if own is not None}):
            test = FurtherTest.SPECIFICITY
            yield figures.PerturbationFigure(strategy, split, test, found.estimate, broken, criterion, found.p)


def disagreements_of(predicted: Predicted) -> Iterator[figures.Disagreement]:
    """The worst of each strategy and domain, with the first seed and place of training."""
    for _, outside in predicted.outside():
        first: dict[str, Scored] = {}
        for each in outside:
            if first.setdefault(each.tested_on, each) is each:
                yield from worst_disagreements(each, most=_WORST)
