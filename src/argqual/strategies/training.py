"""Corpora as training data: arguments, labels on one scale, groups, and what it all was."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from argqual.argument import Argument
from argqual.corpora.card import TARGETS, Target
from argqual.corpora.corpus import Corpus
from argqual.corpora.groups import groups_of
from argqual.corpora.reading import read_corpus
from argqual.corpora.targets import LabelStandardiser
from argqual.errors import CorpusError, nearest
from argqual.strategies.base import Array
from argqual.strategies.saving import Training


@dataclass(frozen=True)
class TrainingData:
    """What a strategy is fitted on.

    Parameters
    ----------
    labels
        On the corpus' own scale, or z-scores within each label's unit: see `standardised`.
    groups
        What inner splits keep together.
    left_out
        Arguments without the target, and those of a unit too small to standardise.
    """

    arguments: list[Argument]
    labels: Array
    groups: list[str]
    standardised: bool
    left_out: int
    training: Training


def training_data(
    names: Sequence[str], target: str, *, proxies: bool = False, split: str | None = None, limit: int | None = None
) -> TrainingData:
    """The labelled arguments of one corpus or several.

    Labels stay as they are when they are comparable throughout; those of several corpora, or of a corpus whose
    labels mean something within a topic only, become z-scores within their unit.

    Parameters
    ----------
    names
        Corpora, or files of cards.
    target
        `overall`, `logic`, …
    proxies
        Also labels that only measure something akin to the target.
    split
        Only this part of the releases' own split.
    limit
        At most so many arguments: the first in the order of the SHA-256 of their ids.

    Raises
    ------
    CardError, CorpusError
        A corpus cannot be read, or has no labels for the target.
    """
    if target not in TARGETS:
        raise CorpusError(f"No target is called '{target}'. {nearest(target, TARGETS)}")
    wanted: Target = target
    corpora = [read_corpus(name) for name in names]
    for corpus in corpora:
        if wanted not in corpus.targets(proxies=proxies):
            has = ", ".join(corpus.targets(proxies=proxies)) or "none"
            also = (
                "" if proxies or wanted not in corpus.targets(proxies=True) else " A proxy of it is there: --proxies."
            )
            raise CorpusError(f"{corpus.card.id} has no labels for '{target}'. Its targets: {has}.", hint=also or None)
    groups = groups_of(corpora)
    rows = [
        (argument, corpus.target(argument, wanted, proxies=proxies), corpus)
        for corpus in corpora
        for argument in corpus.arguments
        if split is None or corpus.splits.get(argument.id or "") == split
    ]
    if split is not None and not rows:
        known = sorted({name for corpus in corpora for name in corpus.splits.values()})
        raise CorpusError(f"No argument is in the split '{split}'.", hint=f"Splits: {', '.join(known) or 'none'}.")
    rows.sort(key=lambda row: hashlib.sha256(f"{row[2].card.id}/{row[0].id}".encode()).hexdigest())
    labelled = [(argument, float(label), corpus) for argument, label, corpus in rows if label is not None]
    standardised = len(corpora) > 1 or any(corpus.card.unit != "corpus" for corpus in corpora)
    if standardised:
        labelled = _in_large_units(labelled)
    labelled = labelled[:limit]
    if standardised:
        labelled = _in_large_units(labelled)
    labels = np.array([label for _, label, _ in labelled])
    if standardised and len(labels):
        labels = LabelStandardiser().fit_transform(labels, [corpus.unit(argument) for argument, _, corpus in labelled])
    return TrainingData(
        [argument for argument, _, _ in labelled],
        labels,
        [groups[corpus.card.id, argument.id or ""] for argument, _, corpus in labelled],
        standardised,
        min(len(rows), limit or len(rows)) - len(labelled),
        Training(
            corpora={corpus.card.id: _fingerprint(corpus) for corpus in corpora},
            target=target + (", z-scores" if standardised else ""),
            licences=tuple(_obligations(corpus) for corpus in corpora),
        ),
    )


def _in_large_units(rows: list[tuple[Argument, float, Corpus]]) -> list[tuple[Argument, float, Corpus]]:
    """Those whose unit has two different labels at least: fewer cannot be standardised."""
    distinct = Counter(unit for unit, _ in {(corpus.unit(argument), label) for argument, label, corpus in rows})
    return [row for row in rows if distinct[row[2].unit(row[0])] > 1]


def _fingerprint(corpus: Corpus) -> str:
    return hashlib.sha256(corpus.card.model_dump_json().encode()).hexdigest()[:16]


def _obligations(corpus: Corpus) -> str:
    licence = corpus.card.licence
    asks = [licence.terms.rstrip(".")]
    if licence.forbids:
        asks.append(f"forbids {' and '.join(licence.forbids)}")
    if licence.share_alike:
        asks.append("share alike")
    return f"{corpus.card.id}: {licence.id}; " + "; ".join(ask for ask in asks if ask)
