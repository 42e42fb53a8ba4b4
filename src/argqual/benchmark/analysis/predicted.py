"""A run's predictions, arranged for comparison: by strategy and split, every domain's arguments in one order."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np

from argqual.benchmark.analysis.minimal_pairs import Versions
from argqual.benchmark.running.scored import Key, Scored
from argqual.benchmark.spec.vocabulary import OUT_OF_DOMAIN, Split
from argqual.corpora.corpus import MinimalPair
from argqual.stats.inference import Over, Settings
from argqual.stats.metrics import MetricName, Sample
from argqual.stats.resampling import Array


class _Argument(NamedTuple):
    label: float
    words: float
    cluster: str
    unit: str


@dataclass(frozen=True)
class Predicted:
    """All predictions of a run, and the settings of every interval; the first metric is the headline one.

    `over`: what intervals of means over domains speak of; see `argqual.stats.inference`. `minimal_pairs`: which version
    of its family an argument is, of corpora that were written so.
    """

    scored: tuple[Scored, ...]
    metrics: tuple[MetricName, ...]
    draws: int
    seed: int
    over: Over = "topics"
    minimal_pairs: Mapping[Key, MinimalPair] = field(default_factory=dict)

    @property
    def headline(self) -> MetricName:
        return self.metrics[0]

    @property
    def settings(self) -> Settings:
        """Of what is said of a domain."""
        return {"draws": self.draws, "seed": self.seed}

    @property
    def settings_of_means(self) -> Settings:
        """Of what is said of several."""
        return {**self.settings, "over": self.over}

    @cached_property
    def strategies(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(each.strategy for each in self.scored))

    @cached_property
    def splits(self) -> tuple[Split, ...]:
        return tuple(dict.fromkeys(each.split for each in self.scored))

    @cached_property
    def domains(self) -> tuple[str, ...]:
        """Tested domains. What leave-one-type-out tests are types, not domains."""
        return tuple(dict.fromkeys(each.tested_on for each in self.scored if each.split != Split.LEAVE_ONE_TYPE_OUT))

    @cached_property
    def out_of_domain(self) -> Split:
        """The split that stands for out of domain: the first there is of `OUT_OF_DOMAIN`."""
        return next((split for split in OUT_OF_DOMAIN if split in self.splits), Split.IN_DOMAIN)

    def of(self, strategy: str, split: Split) -> list[Scored]:
        return [each for each in self.scored if each.strategy == strategy and each.split == split]

    def outside(self) -> Iterator[tuple[str, list[Scored]]]:
        """Each strategy that was tested out of domain, with its predictions there."""
        for strategy in self.strategies:
            if found := self.of(strategy, self.out_of_domain):
                yield strategy, found

    def of_largest_budget(self, strategy: str, split: Split) -> list[Scored]:
        """As `of`; of a label budget, only what was trained with the most labels."""
        found = self.of(strategy, split)
        most = max((each.budget for each in found if each.budget is not None), default=None)
        return [each for each in found if each.budget == most]

    @cached_property
    def _arguments(self) -> dict[tuple[bool, str], dict[Key, _Argument]]:
        """All arguments of a domain (or type) that anything was tested on, in the order of the run."""
        found: dict[tuple[bool, str], dict[Key, _Argument]] = defaultdict(dict)
        for each in self.scored:
            known = found[each.split == Split.LEAVE_ONE_TYPE_OUT, each.tested_on]
            about = zip(each.labels.tolist(), each.words.tolist(), each.clusters, each.units, strict=True)
            for key, own in zip(each.keys, about, strict=True):
                known.setdefault(key, _Argument(*own))
        return found

    def arguments(self, corpus: str) -> dict[Key, _Argument]:
        """All arguments of a corpus that anything was tested on, as a whole or type by type."""
        every = (each for known in self._arguments.values() for each in known.items())
        return {key: argument for key, argument in every if key[0] == corpus}

    def versions(self, strategy: str, split: Split, criterion: str | None = None) -> Versions | None:
        """A strategy's predictions, or its ratings of a criterion, by families; None where there are no families.

        Of a label budget, the largest; several seeds and places of training are averaged.
        """
        found: list[tuple[MinimalPair, float]] = []
        for each in self.of_largest_budget(strategy, split):
            values = each.predicted if criterion is None else each.ratings.get(criterion)
            if values is not None:
                known = zip(map(self.minimal_pairs.get, each.keys), values.tolist(), strict=True)
                found += [(version, value) for version, value in known if version is not None]
        if not found:
            return None
        # In one order whatever the order of folds, so that strategies can be compared.
        found.sort(key=lambda pair: (pair[0].family, pair[0].broken or ""))
        return Versions.of([value for _, value in found], [version for version, _ in found])

    def order(self, strategy: str, split: Split) -> dict[str, Array]:
        """What the order of two does, by name, a mean a cluster; empty for a strategy that compares nothing."""
        found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        for each in self.of(strategy, split):
            for name, values in each.order.items():
                for cluster, value in zip(each.clusters, values, strict=True):
                    if np.isfinite(value):
                        found[name][cluster].append(float(value))
        return {name: np.array([np.mean(own) for own in clusters.values()]) for name, clusters in found.items()}

    def first_of_domains(self, strategy: str, split: Split) -> dict[str, Scored]:
        """By tested domain, the first seed and place of training."""
        return {each.tested_on: each for each in reversed(self.of(strategy, split))}

    def samples(self, scored: Iterable[Scored]) -> dict[str, list[Sample]]:
        """Samples by tested domain, each of all the domain's arguments in one order: NaN where one was not tested."""
        found: dict[str, list[Sample]] = defaultdict(list)
        for each in scored:
            found[each.tested_on].append(self.sample(each))
        return dict(found)

    def in_domain(self, strategy: str, split: Split) -> dict[str, list[Sample]]:
        """In-domain predictions of what a split tests, by what it calls its domains (corpora, or types)."""
        by_seed: dict[int, dict[Key, tuple[float, str]]] = defaultdict(dict)
        on_scale: dict[int, bool] = defaultdict(lambda: True)
        for each in self.of(strategy, Split.IN_DOMAIN):
            by_seed[each.seed] |= dict(zip(each.keys, zip(each.predicted, each.units, strict=True), strict=True))
            on_scale[each.seed] &= each.on_scale
        found: dict[str, list[Sample]] = {}
        for each in self.first_of_domains(strategy, split).values():
            for seed, known in by_seed.items():
                if any(key in known for key in each.keys):
                    values = [known.get(key, (np.nan, unit)) for key, unit in zip(each.keys, each.units, strict=True)]
                    predicted, units = zip(*values, strict=True)
                    own = replace(each, predicted=np.array(predicted), units=units, on_scale=on_scale[seed])
                    found.setdefault(each.tested_on, []).append(self.sample(own))
        return found

    def sample(self, scored: Scored, predicted: Array | None = None) -> Sample:
        """Of all the domain's arguments; `predicted` stands in for the predictions, one an argument of `scored`."""
        known = self._arguments[scored.split == Split.LEAVE_ONE_TYPE_OUT, scored.tested_on]
        values = scored.predicted if predicted is None else predicted
        found, units = (dict(zip(scored.keys, own, strict=True)) for own in (values, scored.units))
        return Sample(
            np.array([found.get(key, np.nan) for key in known], dtype=float),
            np.array([argument.label for argument in known.values()]),
            np.array([argument.words for argument in known.values()]),
            [argument.cluster for argument in known.values()],
            [units.get(key, argument.unit) for key, argument in known.items()],
            scored.levels,
            scored.on_scale,
            " ".join(scored.trained_on),
        )
