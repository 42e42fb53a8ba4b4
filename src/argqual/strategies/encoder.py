"""A transformer encoder, fine-tuned to predict quality: the training camp's standard strategy."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from argqual.argument import Argument
from argqual.models.encoders import DEFAULT_ENCODER
from argqual.models.encoding import Reading, warn_of_cuts
from argqual.strategies.base import Array, Predictions
from argqual.strategies.finetune import FineTuned, hold_out


@dataclass(eq=False, repr=False)
class Encoder(FineTuned):
    """Full fine-tuning of an encoder with a linear regression head on its pooled output.

    The mean squared error on standardised labels is minimised with AdamW, a warm-up over a tenth of the
    steps and a linear decay. After each epoch Spearman's correlation on held-out groups is taken
    (where it is not defined, the loss decides); training stops when it has not risen for `patience`
    epochs, and the best epoch's weights are kept. When all arguments are of one group, rows are held
    out; of fewer than ten arguments nothing is, and all epochs are run.

    Parameters
    ----------
    model : str or Path, default="all-minilm-l6-v2"
        As for `Embedding`.
    issue : bool, default=False
        Read the issue too, as "issue [SEP] text" (BERT-FT-TOPIC of Gretz et al. 2020).
    epochs : int, default=5
        Most passes over the training arguments.
    learning_rate : float, default=5e-5
        The highest, at the end of the warm-up.
    batch_size : int, default=32
        Texts that are read together.
    max_tokens : int, default=256
        Of a longer text only the beginning is read, with a `TruncatedWarning`.
    patience : int, default=2
        Epochs without a rise after which training stops.
    validation : float, default=0.15
        Share of the arguments that is held out to stop by, 0 to 0.5; 0 runs all epochs.
    device : str, default="auto"
        `cpu`, `cuda`, `cuda:1`; `auto` takes CUDA where there is any.
    fetch : bool, default=True
        Fetch the model when it is not on this machine; otherwise that is an error.
    seed : int, default=0
        Of the head, the dropout, the order of training, and what is held out.

    Attributes
    ----------
    history_ : list of dict
        For each epoch: its number, `loss`, `held_out_loss` and `held_out_spearman` where anything is
        held out, and `seconds`.
    best_epoch_ : int
        The epoch whose weights are kept, from 1.
    held_out_ : {"groups", "rows", "none"}
        What was held out.
    mean_, scale_ : float
        Of the training labels; predictions are on the labels' own scale.

    References
    ----------
    Gretz, S. et al. (2020). A large-scale dataset for argument quality ranking. AAAI, 7805-7813.
    """

    model: str | Path = DEFAULT_ENCODER
    _: KW_ONLY
    issue: bool = False

    def _fit(self, arguments: list[Argument], labels: Array, groups: list[Any]) -> None:
        encoder = self._loaded()
        readings = self._readings(arguments)
        warn_of_cuts(encoder, readings, self.max_tokens)
        self.mean_, self.scale_ = float(labels.mean()), float(labels.std())
        targets = (labels - self.mean_) / self.scale_
        held, self.held_out_ = hold_out(groups, self.validation, self.seed)
        train = [readings[index] for index in np.flatnonzero(~held)]
        stop_by = [readings[index] for index in np.flatnonzero(held)]
        self._train(encoder, lambda rng: train, targets[~held], stop_by, targets[held])

    def _predict(self, arguments: list[Argument]) -> Predictions:
        readings = self._readings(arguments)
        warn_of_cuts(self.encoder_, readings, self.max_tokens)
        return Predictions(self._outputs(readings) * self.scale_ + self.mean_)

    def _readings(self, arguments: list[Argument]) -> list[Reading]:
        if self.issue:
            return [(argument.issue or "", argument.text) for argument in arguments]
        return [(argument.text, None) for argument in arguments]
