"""A run's predictions, arranged for comparison: by strategy and split, every domain's arguments in one order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from argqual.benchmark.analysis.minimal_pairs import Versions
from argqual.benchmark.running.store import Scored
from argqual.benchmark.spec.schema import OUT_OF_DOMAIN
from argqual.corpora.corpus import MinimalPair
from argqual.stats.inference import Over
from argqual.stats.metrics import Sample

Array = npt.NDArray[np.float64]
Key = tuple[str, str]  # corpus and id of an argument


@dataclass(frozen=True)
class _Argument:
    label: float
    words: float
    cluster: str
    unit: str


@dataclass(frozen=True)
class Predicted:
    """All predictions of a run, and the settings of every interval.

    Parameters
    ----------
    metrics
        The first is the headline one.
    twins
        Which version of its family an argument is, of corpora that were written so.
    over
        What intervals of means over domains speak of; see `argqual.stats.inference`.
    """

    scored: tuple[Scored, ...]
    metrics: tuple[str, ...]
    draws: int
    seed: int
    over: Over = "topics"
    twins: Mapping[Key, MinimalPair] = field(default_factory=dict)

    @property
    def headline(self) -> str:
        return self.metrics[0]

    @property
    def settings(self) -> dict[str, Any]:
        """Of what is said of a domain."""
        return {"draws": self.draws, "seed": self.seed}

    @property
    def settings_of_means(self) -> dict[str, Any]:
        """Of what is said of several."""
        return self.settings | {"over": self.over}

    @cached_property
    def strategies(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(each.strategy for each in self.scored))

    @cached_property
    def splits(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(each.split for each in self.scored))

    @cached_property
    def domains(self) -> tuple[str, ...]:
        """Tested domains. What leave-one-type-out tests are types, not domains."""
        return tuple(dict.fromkeys(each.tested_on for each in self.scored if each.split != "leave_one_type_out"))

    @cached_property
    def away(self) -> str:
        """The split that stands for out of domain: the first there is of `OUT_OF_DOMAIN`."""
        return next((split for split in OUT_OF_DOMAIN if split in self.splits), "in_domain")

    @cached_property
    def _of(self) -> dict[tuple[str, str], list[Scored]]:
        found: dict[tuple[str, str], list[Scored]] = defaultdict(list)
        for each in self.scored:
            found[each.strategy, each.split].append(each)
        return found

    def of(self, strategy: str, split: str) -> list[Scored]:
        return self._of.get((strategy, split), [])

    @cached_property
    def _arguments(self) -> dict[tuple[bool, str], dict[Key, _Argument]]:
        """All arguments of a domain (or type) that anything was tested on, in the order of the run."""
        found: dict[tuple[bool, str], dict[Key, _Argument]] = defaultdict(dict)
        for each in self.scored:
            known = found[_place(each)]
            for row, key in enumerate(zip(each.corpora, each.ids, strict=True)):
                if key not in known:
                    known[key] = _Argument(
                        float(each.labels[row]), float(each.words[row]), each.clusters[row], each.units[row]
                    )
        return found

    def arguments(self, corpus: str) -> dict[Key, _Argument]:
        """All arguments of a corpus that anything was tested on, as a whole or type by type."""
        every = (each for known in self._arguments.values() for each in known.items())
        return {key: argument for key, argument in every if key[0] == corpus}

    def versions(self, strategy: str, split: str, criterion: str | None = None) -> Versions | None:
        """A strategy's predictions, or its ratings of a criterion, by families; None where there are no families.

        Of a label budget, the largest; several seeds and places of training are averaged.
        """
        found = self.of(strategy, split)
        most = max((each.budget for each in found if each.budget is not None), default=None)
        ratings: list[float] = []
        twins: list[MinimalPair] = []
        for each in found:
            values = each.predicted if criterion is None else each.ratings.get(criterion)
            if each.budget != most or values is None:
                continue
            for key, value in zip(zip(each.corpora, each.ids, strict=True), values, strict=True):
                if (twin := self.twins.get(key)) is not None:
                    ratings.append(float(value))
                    twins.append(twin)
        if not twins:
            return None
        # In one order whatever the order of folds, so that strategies can be compared.
        order = sorted(range(len(twins)), key=lambda place: (twins[place].family, twins[place].broken or ""))
        return Versions.of([ratings[place] for place in order], [twins[place] for place in order])

    def order(self, strategy: str, split: str) -> dict[str, Array]:
        """What the order of two does, by name, a mean a cluster; empty for a strategy that compares nothing."""
        found: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        for each in self.of(strategy, split):
            for name, values in each.order.items():
                for cluster, value in zip(each.clusters, values, strict=True):
                    if np.isfinite(value):
                        found[name][cluster].append(float(value))
        return {name: np.array([np.mean(own) for own in clusters.values()]) for name, clusters in found.items()}

    def samples(self, scored: Iterable[Scored]) -> dict[str, list[Sample]]:
        """Samples by tested domain, each of all the domain's arguments in one order: NaN where one was not tested."""
        found: dict[str, list[Sample]] = defaultdict(list)
        for each in scored:
            found[each.tested_on].append(self.sample(each))
        return dict(found)

    def at_home(self, strategy: str, split: str) -> dict[str, list[Sample]]:
        """In-domain predictions of what a split tests, by what it calls its domains (corpora, or types)."""
        by_seed: dict[int, dict[Key, tuple[float, str]]] = defaultdict(dict)
        on_scale: dict[int, bool] = defaultdict(lambda: True)
        for home in self.of(strategy, "in_domain"):
            places = zip(home.corpora, home.ids, strict=True)
            by_seed[home.seed] |= dict(zip(places, zip(home.predicted, home.units, strict=True), strict=True))
            on_scale[home.seed] &= home.on_scale
        found: dict[str, list[Sample]] = {}
        for away in {each.tested_on: each for each in reversed(self.of(strategy, split))}.values():
            keys = list(zip(away.corpora, away.ids, strict=True))
            for seed, known in by_seed.items():
                if any(key in known for key in keys):
                    values = [known.get(key, (np.nan, unit)) for key, unit in zip(keys, away.units, strict=True)]
                    own = replace(
                        away,
                        predicted=np.array([value for value, _ in values]),
                        units=tuple(unit for _, unit in values),
                        on_scale=on_scale[seed],
                    )
                    found.setdefault(away.tested_on, []).append(self.sample(own))
        return found

    def sample(self, scored: Scored, predicted: Array | None = None) -> Sample:
        """Of all the domain's arguments; `predicted` stands in for the predictions, one an argument of `scored`."""
        known = self._arguments[_place(scored)]
        values = scored.predicted if predicted is None else predicted
        keys = list(zip(scored.corpora, scored.ids, strict=True))
        found, units = dict(zip(keys, values, strict=True)), dict(zip(keys, scored.units, strict=True))
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


def _place(scored: Scored) -> tuple[bool, str]:
    return scored.split == "leave_one_type_out", scored.tested_on
