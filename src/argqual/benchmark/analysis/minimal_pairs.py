"""Style or substance? What a judge's ratings of constructed arguments show, whose families differ by design.

A family is one argument in several versions: sound, or with one criterion broken, each in a plain and in a polished
style. Ratings are put into standard deviations of all of a judge's ratings, so that judges can be compared. Every
figure is first one of a family, then the mean over families with Student's t: families are independent of one another
and equally large.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple, Self

import numpy as np

from argqual.benchmark.spec.vocabulary import PerturbationTest
from argqual.corpora.corpus import MinimalPair
from argqual.stats.estimate import Estimate, exact_if_unanimous
from argqual.stats.inference import Difference, StudentT, mean
from argqual.stats.resampling import Array

CHANCE: Mapping[PerturbationTest, float] = {PerturbationTest.SENSITIVITY: 0.5}
"""What a judge reaches that sees nothing; 0 for the others."""


class Versions(NamedTuple):
    """A judge's ratings of all families, and the criteria that were broken, in their order.

    Ratings are of shape (n_families, 1 + n_criteria, n_styles): sound and then each criterion broken; plain, polished
    (where all are of one style, that one only). NaN where there is none.
    """

    ratings: Array
    criteria: tuple[str, ...]

    @classmethod
    def of(cls, ratings: Sequence[float] | Array, versions: Sequence[MinimalPair]) -> Self:
        """From one rating an argument; several ratings of one version (seeds, say) are averaged."""
        families = list(dict.fromkeys(each.family for each in versions))
        criteria = tuple(dict.fromkeys(each.broken for each in versions if each.broken))
        places = {None: 0} | {criterion: place for place, criterion in enumerate(criteria, 1)}
        row = {family: place for place, family in enumerate(families)}
        styles = {style: place for place, style in enumerate(sorted({each.polished for each in versions}))}
        sums = np.zeros((len(families), 1 + len(criteria), len(styles)))
        counts = np.zeros_like(sums)
        for value, own in zip(ratings, versions, strict=True):
            if np.isfinite(value):
                cell = row[own.family], places[own.broken], styles[own.polished]
                sums[cell] += value
                counts[cell] += 1
        return cls(np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0), criteria)

    def scaled(self) -> Self:
        """In standard deviations of all ratings; all NaN where they do not differ."""
        known = self.ratings[np.isfinite(self.ratings)]
        spread = float(known.std()) if len(known) > 1 else 0.0
        return self._replace(ratings=self.ratings / (spread if spread > 0 else np.nan))

    def falls(self, criterion: str | None = None) -> Array:
        """Sound minus broken, shape (n_families, n_criteria, n_styles); or where one criterion was broken, alone."""
        falls = np.asarray(self.ratings[:, :1] - self.ratings[:, 1:])
        return falls if criterion is None else falls[:, [self.criteria.index(criterion)]]

    def rises(self) -> Array:
        """Polished minus plain, shape (n_families, 1 + n_criteria); all NaN where there is one style."""
        if self.ratings.shape[2] < 2:
            return np.full(self.ratings.shape[:2], np.nan)
        return np.asarray(self.ratings[:, :, 1] - self.ratings[:, :, 0])


def by_family(versions: Versions, test: PerturbationTest, *, criterion: str | None = None) -> Array:
    """The value of a perturbation test for each family, NaN where it cannot be had.

    `criterion`: only where this one was broken; for tests of substance.
    """
    scaled = versions.scaled()
    falls, rises = scaled.falls(criterion), scaled.rises()
    match test:
        case PerturbationTest.SENSITIVITY:  # of the ratings as they are: a judge that says the same of all has ties
            falls = versions.falls(criterion)
            return _means(np.where(np.isfinite(falls), (np.sign(falls) + 1) / 2, np.nan))
        case PerturbationTest.SUBSTANCE:
            return _means(falls)
        case PerturbationTest.SUBSTANCE_MOVES:
            return _means(np.abs(falls))
        case PerturbationTest.STYLE:
            return _means(rises)
        case PerturbationTest.STYLE_MOVES:
            return _means(np.abs(rises))
        case PerturbationTest.STYLE_MINUS_SUBSTANCE:
            return _means(rises) - _means(falls)


def measured(versions: Versions, test: PerturbationTest, *, criterion: str | None = None) -> Difference:
    """A perturbation test as a mean over families; p is against what a judge reaches that sees nothing."""
    values = by_family(versions, test, criterion=criterion)
    found = mean(values, method=test.heading, null=CHANCE.get(test, 0.0))
    share = test == PerturbationTest.SENSITIVITY
    return replace(found, estimate=exact_if_unanimous(found.estimate)) if share else found


def against_chance(versions: Versions, test: PerturbationTest) -> Difference:
    """A perturbation test minus what a judge reaches that sees nothing."""
    return mean(by_family(versions, test) - CHANCE.get(test, 0.0), method=f"{test.heading}, above chance")


def compared(one: Versions, other: Versions, test: PerturbationTest, *, share: float = 1.0) -> Difference:
    """A perturbation test of one judge minus that of another, on the same families in the same order.

    `share`: of what the other has above what a judge reaches that sees nothing.
    """
    if one.ratings.shape != other.ratings.shape:
        raise ValueError("the two judges did not rate the same families")
    chance = CHANCE.get(test, 0.0)
    values = by_family(one, test) - chance - share * (by_family(other, test) - chance)
    return mean(values, method=f"difference in {test.heading}")


def style_over_substance(versions: Versions) -> Estimate:
    """How far polish alone moves ratings, as a share of how far broken substance does, both whatever the direction.

    (A mean of absolute moves against one of signed falls would count whatever else moves a rating on one side only.)
    A ratio of means with a jackknife over families; only where ratings fall for certain when something is broken.
    """
    style = by_family(versions, PerturbationTest.STYLE_MOVES)
    substance = by_family(versions, PerturbationTest.SUBSTANCE_MOVES)
    known = np.isfinite(style) & np.isfinite(substance)
    fall = mean(by_family(versions, PerturbationTest.SUBSTANCE)[known], method="substance").estimate
    number = int(known.sum())
    method = "style over substance"
    if fall.low is None or fall.low <= 0:
        reason = "what was broken may not lower its ratings at all"
        return Estimate.missing(reason, number, len(known), number, method)
    above, under = style[known], substance[known]
    value = float(above.mean() / under.mean())
    without = (above.sum() - above) / (under.sum() - under)
    se = float(np.sqrt((number - 1) / number * ((without - without.mean()) ** 2).sum()))
    nothing = Estimate.missing(None, number, len(known), number, f"{method}, jackknife")
    return nothing.around(value, StudentT(se, number - 1).reach())


def specificity(versions: Mapping[str, Versions]) -> Iterator[tuple[str, str, Difference]]:
    """Which criterion was broken, which criterion's rating is looked at (`versions`, by it), and how far that fell."""
    for rated, own in versions.items():
        for broken in own.criteria:
            yield broken, rated, measured(own, PerturbationTest.SUBSTANCE, criterion=broken)


def _means(values: Array) -> Array:
    """The mean over all versions of each family, NaN where one is missing: an incomplete family is no fair one."""
    return np.asarray(values.reshape(len(values), -1).mean(axis=1))
