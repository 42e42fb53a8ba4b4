"""Corpora as training data: arguments, labels on one scale, groups, and what it all was.

Nothing is imputed: an argument without the label, or whose label cannot be brought onto the common scale, is left
out and counted. Copies of a text stay, in one group.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

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
    """What a strategy is fitted on."""

    arguments: list[Argument]
    labels: Array  # shape (n_arguments,)
    groups: list[str]  # what inner splits keep together
    standardised: bool  # whether labels are z-scores within each label's unit; else on the corpus' own scale
    unlabelled: int  # how many arguments were left out since they have no label for the target
    without_scale: int  # and how many since their unit has fewer than two different labels, so cannot be standardised
    training: Training


class _Row(NamedTuple):
    argument: Argument
    label: float
    corpus: Corpus


def training_data(
    names: Sequence[str], target: str, *, proxies: bool = False, split: str | None = None, limit: int | None = None
) -> TrainingData:
    """The labelled arguments of one corpus or several.

    Labels stay as they are when they are comparable throughout; those of several corpora, or of a corpus whose
    labels mean something within a topic only, become z-scores within their unit.

    Corpora are names, or files of cards; the target is `overall`, `logic`, … With `proxies`, labels count too that only
    measure something akin to it. `split`: only this part of the releases' own split, which each of the corpora then
    has. `limit`: at most so many arguments, the first in the order of the SHA-256 of their ids. A CardError or
    CorpusError where a corpus cannot be read, or has no labels for the target.
    """
    wanted, corpora = _labelled(names, target, proxies=proxies)
    groups = groups_of(corpora)
    offered = [(argument, corpus) for corpus in corpora for argument in _part(corpus, split)]
    labelled = [
        _Row(argument, label, corpus)
        for argument, corpus in offered
        if (label := corpus.target(argument, wanted, proxies=proxies)) is not None
    ]
    labelled.sort(key=lambda row: hashlib.sha256(f"{row.corpus.card.id}/{row.argument.id}".encode()).hexdigest())
    standardised = len(corpora) > 1 or any(corpus.card.unit != "corpus" for corpus in corpora)
    comparable = _in_large_units(labelled) if standardised else labelled
    drawn = comparable[:limit]
    rows = _in_large_units(drawn) if standardised else drawn
    for corpus in corpora:
        if not any(row.corpus is corpus for row in rows):
            part = f", split '{split}'" if split else ""
            raise CorpusError(
                f"No usable label for '{target}' is left of {corpus.card.id}{part}.",
                hint="A larger --limit takes more of it." if limit else "Train without this corpus.",
            )
    labels = np.array([row.label for row in rows])
    if standardised:
        labels = LabelStandardiser().fit_transform(labels, [row.corpus.unit(row.argument) for row in rows])
    return TrainingData(
        [row.argument for row in rows],
        labels,
        [groups[row.corpus.card.id, row.argument.id or ""] for row in rows],
        standardised,
        unlabelled=len(offered) - len(labelled),
        without_scale=len(labelled) - len(comparable) + len(drawn) - len(rows),
        training=Training(
            corpora={corpus.card.id: corpus.card.fingerprint for corpus in corpora},
            target=target + (", z-scores" if standardised else ""),
            licences=tuple(_obligations(corpus) for corpus in corpora),
        ),
    )


def _labelled(names: Sequence[str], target: str, *, proxies: bool) -> tuple[Target, list[Corpus]]:
    """The target, and the corpora, each of which has labels for it."""
    if target not in TARGETS:
        raise CorpusError(f"No target is called '{target}'. {nearest(target, TARGETS)}")
    corpora = [read_corpus(name) for name in names]
    for corpus in corpora:
        if target not in corpus.targets(proxies=proxies):
            has = ", ".join(corpus.targets(proxies=proxies)) or "none"
            only_akin = not proxies and target in corpus.targets(proxies=True)
            raise CorpusError(
                f"{corpus.card.id} has no labels for '{target}'. Its targets: {has}.",
                hint="A proxy of it is there: --proxies." if only_akin else None,
            )
    return target, corpora


def _part(corpus: Corpus, split: str | None) -> list[Argument]:
    """The arguments of a part of the release's own split; all of them without one."""
    if split is None:
        return list(corpus.arguments)
    if not (found := [each for each in corpus.arguments if corpus.splits.get(each.id or "") == split]):
        known = ", ".join(sorted(set(corpus.splits.values())))
        raise CorpusError(
            f"No argument of {corpus.card.id} is in the split '{split}'.",
            hint=f"Its splits: {known}." if known else "Its release has no split of its own: leave out --split.",
        )
    return found


def _in_large_units(rows: list[_Row]) -> list[_Row]:
    """Those whose unit has two different labels at least: fewer cannot be standardised."""
    distinct = Counter(unit for unit, _ in {(row.corpus.unit(row.argument), row.label) for row in rows})
    return [row for row in rows if distinct[row.corpus.unit(row.argument)] > 1]


def _obligations(corpus: Corpus) -> str:
    licence = corpus.card.licence
    forbidden = f"forbids {' and '.join(licence.forbids)}" if licence.forbids else ""
    asks = (licence.terms.rstrip("."), forbidden, "share alike" if licence.share_alike else "")
    return "; ".join([f"{corpus.card.id}: {licence.id}", *filter(None, asks)])
