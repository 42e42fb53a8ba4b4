"""Labels of several corpora on one scale, without a look at the test data.

Two corpora never share a scale, and in some not even two topics do: `unit` in a loaded corpus says
what a label is comparable within. `LabelStandardiser` turns labels into z-scores within their unit,
with means and deviations of training rows only.
"""

from collections.abc import Sequence
from typing import Literal, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator

from argqual.errors import InputError


class LabelStandardiser(BaseEstimator):  # type: ignore[misc]
    """z-scores of a label within the corpus, or the topic, that its scale belongs to.

    Parameters
    ----------
    unseen : {"error", "pooled"}, default="error"
        What to do with rows of a unit that had no training rows, such as the held-out topic of a
        corpus whose scores mean something only within a topic. "error" refuses: rank correlation
        within the unit needs no common scale. "pooled" takes the mean over the training units of that corpus.

    Attributes
    ----------
    units_ : dict of str to (float, float, int)
        Mean, standard deviation (ddof 0) and number of training rows, by unit.

    Examples
    --------
    >>> standardise = LabelStandardiser().fit([1, 2, 3], ["a", "a", "a"])
    >>> standardise.transform([2], ["a"])
    array([0.])
    """

    def __init__(self, unseen: Literal["error", "pooled"] = "error") -> None:
        self.unseen = unseen

    def fit(self, labels: ArrayLike, units: Sequence[str]) -> Self:
        """Learn each unit's mean and deviation.

        Parameters
        ----------
        labels : array-like of shape (n_rows,)
            NaN and None are left out.
        units : sequence of str of length n_rows
            The unit of each row, as in the column `unit`.

        Raises
        ------
        InputError
            Not as many units as labels, or a unit with fewer than two labels or all labels equal.
        """
        values, names = _paired(labels, units)
        self.units_: dict[str, tuple[float, float, int]] = {}
        for unit in np.unique(names):
            own = values[names == unit]
            own = own[~np.isnan(own)]
            if len(own) < 2 or np.ptp(own) == 0:
                why = "fewer than two labels" if len(own) < 2 else "all labels equal"
                raise InputError(f"The labels of '{unit}' cannot be standardised: {why} among the training rows.")
            self.units_[str(unit)] = (float(own.mean()), float(own.std()), len(own))
        return self

    def transform(self, labels: ArrayLike, units: Sequence[str]) -> NDArray[np.float64]:
        """z-scores, of shape (n_rows,); NaN where the label is missing."""
        values, means, deviations = self._scaled(labels, units)
        return (values - means) / deviations

    def inverse_transform(self, labels: ArrayLike, units: Sequence[str]) -> NDArray[np.float64]:
        """z-scores back on their unit's own scale."""
        values, means, deviations = self._scaled(labels, units)
        return values * deviations + means

    def fit_transform(self, labels: ArrayLike, units: Sequence[str]) -> NDArray[np.float64]:
        return self.fit(labels, units).transform(labels, units)

    def _scaled(self, labels: ArrayLike, units: Sequence[str]) -> tuple[NDArray[np.float64], ...]:
        """The labels, and the mean and the deviation of each one's unit."""
        values, names = _paired(labels, units)
        known, places = np.unique(names, return_inverse=True)
        scales = np.array([self._of(str(unit)) for unit in known]).reshape(-1, 2)[places]
        return values, scales[:, 0], scales[:, 1]

    def _of(self, unit: str) -> tuple[float, float]:
        if unit in self.units_:
            return self.units_[unit][:2]
        if self.unseen == "pooled":
            corpus = unit.split("/")[0]
            akin = [scale for name, scale in self.units_.items() if name.split("/")[0] == corpus]
            if akin:
                return float(np.mean([mean for mean, _, _ in akin])), float(np.mean([sd for _, sd, _ in akin]))
        raise InputError(
            f"No training row is of '{unit}', so its labels cannot be standardised.",
            hint="Correlate within it instead, or use unseen='pooled' if a mean over other topics will do.",
        )


def _paired(values: ArrayLike, units: Sequence[str]) -> tuple[NDArray[np.float64], NDArray[np.str_]]:
    numbers = np.asarray(values, dtype=float)  # None becomes NaN
    names = np.asarray(units, dtype=str)
    if numbers.ndim != 1 or numbers.shape != names.shape:
        raise InputError(f"{len(numbers)} labels, but {len(names)} units; each label has one.")
    return numbers, names
