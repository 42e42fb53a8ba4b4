"""How far predictions move when only the surface of a text is changed: see `argqual.benchmark.running.perturbations`.

`order kept` is Spearman's correlation of a strategy's predictions before and after, within each domain. With the
words shuffled it is the surface-reliance index: 1 is a strategy that reads nothing but which words there are.
`moved` is the mean absolute change in standard deviations of its predictions of the domain before, `rise` the mean
change: what a text gains that only asks for a better rating.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from argqual.benchmark.analysis.figures import Reliance
from argqual.benchmark.analysis.predicted import Predicted
from argqual.benchmark.running.scored import Scored
from argqual.benchmark.spec.vocabulary import Perturbation, Split
from argqual.stats.inference import macro
from argqual.stats.metrics import Metric, MetricName, Sample
from argqual.stats.resampling import Statistic, ratio


def _rise(sample: Sample) -> Statistic:
    changes = sample.predicted - sample.labels
    return lambda weights: ratio(changes @ weights, weights.sum(axis=0))


_RISE = Metric("rise", "mean change", _rise, low=None, high=None, fisher=False)


def reliance_of(predicted: Predicted, perturbed: Sequence[Scored]) -> Iterator[Reliance]:
    """Of each strategy and perturbation, as means over domains; types of argument left out in turn count as one.

    `perturbed`: predictions of changed texts, under the split that `predicted` counts as out of domain.
    """
    intact = [each for name in predicted.strategies for each in predicted.of(name, predicted.out_of_domain)]
    if predicted.out_of_domain == Split.LEAVE_ONE_TYPE_OUT:
        intact, perturbed = _as_one(intact), _as_one(perturbed)
    before = {(each.strategy, each.tested_on, each.trained_on, each.seed): each for each in intact}
    pairs: dict[tuple[str, Perturbation], dict[str, list[Sample]]] = defaultdict(lambda: defaultdict(list))
    for after in perturbed:
        found = before.get((after.strategy, after.tested_on, after.trained_on, after.seed))
        if found and after.perturbation:
            pairs[after.strategy, after.perturbation][after.tested_on].append(_pair(found, after))
    for (strategy, kind), samples in pairs.items():
        metrics = (MetricName.SPEARMAN, MetricName.MAE, _RISE)
        kept, moved, rise = (macro(metric, samples, **predicted.settings_of_means) for metric in metrics)
        yield Reliance(strategy, kind, kept, moved, rise)


def _as_one(scored: Sequence[Scored]) -> list[Scored]:
    """What was tested type by type, put together: a few arguments of a type give no interval."""
    found: dict[tuple[object, ...], list[Scored]] = defaultdict(list)
    for each in scored:
        found[each.strategy, each.perturbation, each.trained_on, each.seed].append(each)
    return [
        replace(
            own[0],
            tested_on="all types",
            corpora=tuple(corpus for each in own for corpus in each.corpora),
            ids=tuple(id for each in own for id in each.ids),
            clusters=tuple(cluster for each in own for cluster in each.clusters),
            predicted=np.concatenate([each.predicted for each in own]),
            words=np.concatenate([each.words for each in own]),
        )
        for own in found.values()
    ]


def _pair(before: Scored, after: Scored) -> Sample:
    """Predictions after as predicted, before as the labels, both in standard deviations of those before."""
    spread = float(np.nanstd(before.predicted)) if np.isfinite(before.predicted).any() else 0.0
    scale = spread if spread > 0 else np.nan
    known = dict(zip(before.keys, before.predicted, strict=True))
    intact = np.array([known[key] for key in after.keys])
    everything = [after.tested_on] * len(after.ids)
    return Sample(after.predicted / scale, intact / scale, after.words, after.clusters, everything, None, True)
