"""Is a domain, a stance or length rated harsher at equal human quality? (Differential item functioning.)

A linear regression of a strategy's predictions, in their standard deviations, on the human label and on what should
not matter: the domain, against the mean of all domains; the logarithm of the number of words, for one standard
deviation more; the stance, con against pro. Length and stance are asked about within domains, so that a domain's own
length does not stand for it. Standard errors are from a bootstrap over topics, intervals by Student's t, as elsewhere.

Domains are compared where labels are shares of a scale with two ends. What "equal quality" means there rests on the
annotators of all corpora having used their scales alike, which nothing here can check.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from argqual.benchmark.analysis.figures import Bias, BiasKind
from argqual.benchmark.analysis.predicted import Predicted
from argqual.benchmark.running.scored import Key, Scored
from argqual.benchmark.spec.vocabulary import Split
from argqual.stats.estimate import Estimate
from argqual.stats.inference import StudentT, holm, variance_of
from argqual.stats.resampling import Array, Mask, Units, draws_of, scaled_within

_FEWEST = 20  # arguments of a stance


class Rows(NamedTuple):
    """Arguments with a prediction and a label; `clusters` are topics, `bounded` says whose label is a share."""

    predicted: Array
    labels: Array
    words: Array
    bounded: Mask
    domains: npt.NDArray[np.str_]
    units: npt.NDArray[np.str_]
    clusters: npt.NDArray[np.str_]
    stances: npt.NDArray[np.str_]

    def part(self, kept: Mask) -> "Rows":
        return Rows(**{name: column[kept] for name, column in self._asdict().items()})


class Shift(NamedTuple):
    """What an attribute adds to predictions, in their standard deviations."""

    kind: BiasKind
    attribute: str
    estimate: Estimate
    p: float | None


def biases_of(predicted: Predicted, bounded: Mapping[str, bool], stances: Mapping[Key, str | None]) -> Iterator[Bias]:
    """Of each strategy, out of domain, with the first seed; p values adjusted by Holm over a strategy's shifts.

    `bounded`: whether a domain's scale has two ends, so that its labels are from 0 to 1.
    """
    split = predicted.out_of_domain
    for strategy in predicted.strategies if split != Split.LEAVE_ONE_TYPE_OUT else ():
        if chosen := list(predicted.first_of_domains(strategy, split).values()):
            rows = _rows(chosen, bounded, stances)
            found = list(shifts(rows, draws=predicted.draws, seed=predicted.seed))
            adjusted = holm([each.p for each in found])
            yield from (Bias(strategy, *each, p) for each, p in zip(found, adjusted, strict=True))


def _rows(chosen: Sequence[Scored], bounded: Mapping[str, bool], stances: Mapping[Key, str | None]) -> Rows:
    rows = Rows(
        np.concatenate([each.predicted for each in chosen]),
        np.concatenate([each.labels for each in chosen]),
        np.concatenate([each.words for each in chosen]),
        np.array([bounded.get(each.tested_on, False) for each in chosen for _ in each.ids]),
        np.array([each.tested_on for each in chosen for _ in each.ids]),
        np.array([unit for each in chosen for unit in each.units]),
        np.array([f"{each.tested_on}/{topic}" for each in chosen for topic in each.clusters]),
        np.array([stances.get(key) or "" for each in chosen for key in each.keys]),
    )
    return rows.part(np.isfinite(rows.predicted) & np.isfinite(rows.labels))


def shifts(rows: Rows, *, draws: int, seed: int) -> Iterator[Shift]:
    """All that can be asked of the rows: domains, then length, then stance."""
    if len(rows.labels) < _FEWEST or np.ptp(rows.predicted) == 0:
        return
    shared = rows.part(rows.bounded)
    domains = list(dict.fromkeys(shared.domains.tolist()))
    if len(domains) > 1 and np.ptp(shared.predicted) > 0:
        columns = [shared.labels, *_dummies(shared.domains)]
        size = len(domains)
        against_mean = np.hstack([np.zeros((size, 1)), np.eye(size) - 1 / size])
        for domain, shift in zip(domains, _fitted(shared, columns, against_mean, draws, seed), strict=True):
            yield Shift("domain", domain, *shift)
    words = scaled_within(np.log(np.maximum(rows.words, 1)), rows.domains)
    if np.ptp(words) > 0:
        yield Shift("length", "longer texts", *_within_domains(rows, words, draws, seed))
    sided = rows.part(np.isin(rows.stances, ("pro", "con")))
    con = (sided.stances == "con").astype(float)
    if min(con.sum(), len(con) - con.sum()) >= _FEWEST and np.ptp(sided.predicted) > 0:
        yield Shift("stance", "con", *_within_domains(sided, con, draws, seed))


def _within_domains(rows: Rows, attribute: Array, draws: int, seed: int) -> tuple[Estimate, float | None]:
    """What the attribute adds, beside the label (in standard deviations of its unit) and each domain's own level."""
    columns = [attribute, scaled_within(rows.labels, rows.units), *_dummies(rows.domains)]
    weights = np.zeros((1, len(columns)))
    weights[0, 0] = 1
    return _fitted(rows, columns, weights, draws, seed)[0]


def _dummies(names: npt.NDArray[np.str_]) -> list[Array]:
    return [(names == name).astype(float) for name in dict.fromkeys(names.tolist())]


def _fitted(
    rows: Rows, columns: Sequence[Array], wanted: Array, draws: int, seed: int
) -> list[tuple[Estimate, float | None]]:
    """Weighted sums (rows of `wanted`) of the coefficients of a least-squares fit, with intervals and p values."""
    outcome = (rows.predicted - rows.predicted.mean()) / rows.predicted.std()
    design = np.stack(columns, axis=1)
    units = Units.of(np.ones(len(outcome), dtype=bool), rows.clusters)
    values = wanted @ _coefficients(design, outcome, np.ones((len(outcome), 1)))
    rng = np.random.default_rng(seed)
    drawn = np.hstack([wanted @ _coefficients(design, outcome, weights) for weights in draws_of(units, draws, rng)])
    return [_inferred(float(value[0]), own, units) for value, own in zip(values, drawn, strict=True)]


def _coefficients(design: Array, outcome: Array, weights: Array) -> Array:
    """Least squares in each draw, shape (n_columns, n_draws); NaN where the columns do not tell themselves apart."""
    size = design.shape[1]
    products = (design[:, :, None] * design[:, None, :]).reshape(len(design), -1)
    grams = (weights.T @ products).reshape(-1, size, size)
    moments = weights.T @ (design * outcome[:, None])
    found = np.full(moments.shape, np.nan)
    regular = np.linalg.matrix_rank(grams, hermitian=True) == size
    found[regular] = np.linalg.solve(grams[regular], moments[regular][..., None])[..., 0]
    return found.T


def _inferred(value: float, drawn: Array, units: Units) -> tuple[Estimate, float | None]:
    clusters = units.clusters or 0
    nothing = Estimate.missing(None, units.n, units.offered, clusters, "regression coefficient")
    if not np.isfinite(value):
        return replace(nothing, method="", reason="not to be told from the others"), None
    error = float(np.sqrt(variance_of(drawn, clusters)))
    if not error > 0:  # which is also where too few draws have a value
        return replace(nothing, value=value), None
    t = StudentT(error, clusters - 1)
    return nothing.around(value, t.reach()), t.p(value)
