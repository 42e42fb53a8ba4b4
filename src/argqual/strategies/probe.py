"""A ridge regression on an embedded model's hidden state: what labels teach on the very model that `principle` asks.

No word is generated: the model reads the argument and the beginning of a verdict, and the state in which it would go on
is the input of the regression (a linear probe; Alain and Bengio 2016).
"""

from dataclasses import KW_ONLY, dataclass
from functools import cache
from typing import Any, ClassVar

import numpy as np

from argqual.argument import Argument
from argqual.errors import StrategyError
from argqual.models.names import DEFAULT_MODEL
from argqual.models.states import HiddenStates
from argqual.stats.regression import standard_ridge
from argqual.strategies.base import Array, Predictions, Seen, Strategy, tell

PROMPT = "{argument}\n\nThe overall quality of this argument is"
_ALPHAS = (1.0, 10.0, 100.0, 1000.0, 10000.0)
_states = cache(HiddenStates)


@dataclass(eq=False, repr=False)
class Probe(Strategy):
    """Ridge regression on the hidden state of an embedded model.

    Parameters
    ----------
    model : str, default="local"
        An embedded model: `local`, an id of `argqual models list`, or a GGUF file.
    prompt : str
        What the model reads; `{argument}` stands for the text, `{issue}` for its issue.
    alphas : sequence of float
        Strengths of the penalty on standardised states. The best by Spearman's correlation over
        grouped inner folds is taken; the strongest when there is one group only.
    folds : int, default=5
        Inner folds.

    Attributes
    ----------
    alpha_ : float
    mean_, scale_, coef_ : array of shape (n_dimensions,)
    intercept_ : float

    References
    ----------
    Alain, G. and Bengio, Y. (2016). Understanding intermediate layers using linear classifier probes.
    """

    models: ClassVar[tuple[str, ...]] = ("model",)

    _: KW_ONLY
    model: str = DEFAULT_MODEL
    prompt: str = PROMPT
    alphas: tuple[float, ...] = _ALPHAS
    folds: int = 5

    def _check(self) -> None:
        if "{argument}" not in self.prompt:
            raise StrategyError("The prompt of a probe says where the argument goes: {argument}.")
        if not self.alphas or min(self.alphas) <= 0:
            raise StrategyError("alphas are above 0, and there is at least one.")

    def _connect(self) -> None:
        _states(self.model)

    def _fit(self, arguments: list[Argument], labels: Array, groups: list[Any]) -> None:
        states = self._read(arguments)
        fits = np.isfinite(states).all(axis=1)
        states, labels = states[fits], labels[fits]
        if len(labels) < self.least_labels:
            raise StrategyError("The texts are too long for the model; nothing is left to learn from.")
        kept = [groups[place] for place in np.flatnonzero(fits)]
        fitted = standard_ridge(states, labels, kept, self.alphas, self.folds, least=1e-8)
        self.mean_, self.scale_, self.alpha_, self.coef_, self.intercept_ = fitted

    def _predict(self, arguments: list[Argument]) -> Predictions:
        states = self._read(arguments)
        values = (states - self.mean_) / self.scale_ @ self.coef_ + self.intercept_
        reasons = tuple(None if np.isfinite(value) else "too long for the model's context" for value in values)
        return Predictions(values, reasons)

    def _read(self, arguments: list[Argument]) -> Array:
        prompts = ((self.prompt.replace("{issue}", each.issue or ""), each.text) for each in arguments)
        texts = [prompt.replace("{argument}", text) for prompt, text in prompts]
        said = f"of {len(texts):,} texts read"
        return _states(self.model).of(texts, lambda read: tell(f"probe: {read:,} {said}")).astype(float)

    def _seen(self) -> Seen:
        return Seen(model=_states(self.model).name)

    def depends_on(self) -> dict[str, str]:
        return {"weights": _states(self.model).identity}
