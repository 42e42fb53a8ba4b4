"""Fine-tuning that reads the definition with the text: the rival to both camps.

A plain fine-tuned encoder learns what one corpus means by quality and cannot be told anything else. A prompted model
can be told anything and has learnt nothing. Here the encoder reads "definition [SEP] text" and is trained on human
labels, so that it may learn to heed definitions, and a new one can be given when it predicts. GoLLIE (Sainz et al.
2024) trains a language model so for information extraction; what is taken from it is that wordings are varied and
sometimes left out in training, lest the encoder takes a definition for the name of a data set.

Whether the definition is heeded is for a benchmark to find out: with few criteria to learn from, it may well not be.
"""

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from sklearn.utils.validation import check_is_fitted

from argqual.argument import Argument
from argqual.errors import InputError, StrategyError, nearest
from argqual.frameworks.catalogue import load_framework
from argqual.frameworks.framework import Criterion, Framework, walk
from argqual.models.encoders import DEFAULT_ENCODER
from argqual.models.encoding import LoadedEncoder, Reading, warn_of_cuts
from argqual.strategies.base import Array, OfFramework, Predictions
from argqual.strategies.encoder import FineTuned, hold_out
from argqual.strategies.given import as_arguments

Wording = Literal["name", "plain", "question", "definition"]
WORDINGS: tuple[Wording, ...] = get_args(Wording)
_OVERALL = "overall"


@dataclass(eq=False, repr=False)
class Conditioned(OfFramework, FineTuned):
    """Definition-conditioned regression: an encoder that reads "definition [SEP] text".

    For each argument and epoch one wording of the definition is drawn, or none. Predictions are asked
    for with the fullest wording. Training is as for `Encoder`; it is stopped by the overall label.

    Parameters
    ----------
    framework : str, Path or Framework, default="ratio"
        Whose definitions are read.
    criterion : str, optional
        Which of its criteria the label stands for. None: the framework as a whole, which reads as its title, its
        criteria's plain sentences or questions, or its guidelines with the plain sentences.
    paraphrases : sequence of {"name", "plain", "question", "definition"}
        The framework's own wordings to draw from.
    dropout : float, default=0.2
        How often an argument is read without a definition in training, 0 to below 1.
    targets : mapping of str to str, optional
        Criterion to the label in `Argument.labels` that stands for it, for example
        `{"relevance": "local_relevance"}`. Arguments that have the label are read with that criterion's definition too.
    model, epochs, learning_rate, batch_size, max_tokens, patience, validation, device, fetch, seed
        As for `Encoder`. `max_tokens` is of definition and text together; only the text is cut.

    Attributes
    ----------
    scales_ : dict of str to list of float
        Mean and standard deviation of the overall label (`overall`) and of each target.
    history_, best_epoch_, held_out_
        As of `Encoder`.

    References
    ----------
    Sainz, O. et al. (2024). GoLLIE: annotation guidelines improve zero-shot information extraction. ICLR.
    """

    _: KW_ONLY
    criterion: str | None = None
    paraphrases: Sequence[str] = WORDINGS
    dropout: float = 0.2
    targets: Mapping[str, str] | None = None
    model: str | Path = DEFAULT_ENCODER

    def predict_criterion(self, X: Sequence[Any], criterion: str | Criterion) -> Array:  # noqa: N803
        """As `predict`, with another definition, which need not have been in training.

        It is that of a criterion of the strategy's framework, of another's as `framework/criterion`, or in memory; a
        StrategyError where there is none. Predictions, shape (n_arguments,), are on the scale of the criterion's own
        label if it was among `targets`, else on that of the overall label.
        """
        check_is_fitted(self, "seen_")
        own = self._framework()
        asked = criterion if isinstance(criterion, Criterion) else _find(own, criterion)
        is_own = isinstance(criterion, str) and criterion.rpartition("/")[0] in ("", own.id)
        scale = self.scales_.get(asked.id) if is_own else None
        return self._read_with(as_arguments(X), self._stated(asked), scale or self.scales_[_OVERALL])

    def _check(self) -> None:
        super()._check()
        if not 0 <= self.dropout < 1:
            raise StrategyError(f"dropout={self.dropout}: it is from 0 to below 1.")
        if not self.paraphrases:
            raise StrategyError("paraphrases is empty.", hint=f"Some of: {', '.join(WORDINGS)}.")
        for wording in self.paraphrases:
            if wording not in WORDINGS:
                raise StrategyError(f"paraphrases has '{wording}'. {nearest(wording, WORDINGS)}")
        framework = self._framework()
        for criterion in [*([self.criterion] if self.criterion else []), *(self.targets or {})]:
            _find(framework, criterion)

    def _subject(self) -> Framework | Criterion:
        framework = self._framework()
        return _find(framework, self.criterion) if self.criterion else framework

    def _fit(self, arguments: list[Argument], labels: Array, groups: list[Any]) -> None:
        encoder = self._loaded()
        held, self.held_out_ = hold_out(groups, self.validation, self.seed)
        self.scales_: dict[str, list[float]] = {}
        wordings: list[list[str]] = []
        rows: list[int] = []
        targets: list[float] = []
        sources: list[tuple[str, Framework | Criterion, Array]] = [(_OVERALL, self._subject(), labels)]
        for criterion, label in (self.targets or {}).items():
            values = np.array([argument.labels.get(label, np.nan) for argument in arguments], dtype=float)
            sources.append((criterion, _find(self._framework(), criterion), values))
        for name, subject, values in sources:
            there = np.isfinite(values)
            if there.sum() < 2 or np.ptp(values[there]) == 0:
                label = (self.targets or {}).get(name, name)
                raise InputError(f"The label '{label}' has fewer than two different values in training.")
            mean, deviation = float(values[there].mean()), float(values[there].std())
            self.scales_[name] = [mean, deviation]
            said = self._wordings(subject)
            self._require_room(encoder, said)
            own = np.flatnonzero(there & ~held).tolist()
            wordings += [said] * len(own)
            rows += own
            targets += ((values[own] - mean) / deviation).tolist()

        def draw(rng: np.random.Generator) -> list[Reading]:
            dropped = rng.random(len(rows)) < self.dropout
            picks = rng.random(len(rows))
            return [
                ("" if dropped[i] else said[int(picks[i] * len(said))], arguments[row].text)
                for i, (said, row) in enumerate(zip(wordings, rows, strict=True))
            ]

        stated = self._stated(self._subject())
        warn_of_cuts(encoder, [(stated, argument.text) for argument in arguments], self.max_tokens)
        mean, deviation = self.scales_[_OVERALL]
        stop_by = [(stated, arguments[row].text) for row in np.flatnonzero(held)]
        self._train(encoder, draw, np.array(targets), stop_by, (labels[held] - mean) / deviation)

    def _predict(self, arguments: list[Argument]) -> Predictions:
        return Predictions(self._read_with(arguments, self._stated(self._subject()), self.scales_[_OVERALL]))

    def _read_with(self, arguments: list[Argument], definition: str, scale: Sequence[float]) -> Array:
        self._require_room(self.encoder_, [definition])
        readings: list[Reading] = [(definition, argument.text) for argument in arguments]
        warn_of_cuts(self.encoder_, readings, self.max_tokens)
        return self._outputs(readings) * scale[1] + scale[0]

    def _wordings(self, subject: Framework | Criterion) -> list[str]:
        """The wordings there are of those asked for, the fullest last."""
        known = wordings_of(subject)
        return [known[name] for name in WORDINGS if name in self.paraphrases and known[name]] or [known["plain"]]

    def _stated(self, subject: Framework | Criterion) -> str:
        return self._wordings(subject)[-1]

    def _require_room(self, encoder: LoadedEncoder, definitions: Sequence[str]) -> None:
        longest = max(len(encoder.tokenizer(text)["input_ids"]) for text in definitions)
        if longest > self.max_tokens / 2:
            raise StrategyError(
                f"A definition has {longest} tokens, more than half of the {self.max_tokens} that are read.",
                hint="Raise max_tokens, name a criterion, or leave 'definition' out of paraphrases.",
            )


def wordings_of(subject: Framework | Criterion) -> dict[Wording, str]:
    """What a criterion, or a framework as a whole, is called and how it is put; empty where it is not said."""
    if isinstance(subject, Criterion):
        said = {name: getattr(subject, name) for name in WORDINGS}
    else:
        plain = " ".join(criterion.plain for criterion in subject.asked)
        question = " ".join(criterion.question for criterion in subject.asked)
        definition = f"{subject.guidelines} {plain}" if subject.guidelines else ""
        said = {"name": subject.title, "plain": plain, "question": question, "definition": definition}
    return {name: " ".join(said[name].split()) for name in WORDINGS}


def _find(framework: Framework, name: str) -> Criterion:
    """A criterion by its id, or by `framework/id`."""
    other, _, id = name.rpartition("/")
    if other and other != framework.id:
        framework = load_framework(other)
    known = {criterion.id: criterion for criterion in walk(framework.criteria)}
    if id not in known:
        raise StrategyError(f"{framework.id} has no criterion '{id}'. {nearest(id, known)}")
    return known[id]
