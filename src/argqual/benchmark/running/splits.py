"""What is trained on and what is tested: folds over whole groups, from near to far.

A group never stands on both sides, and what leaks into a test (copies, near-copies, quotations, known links)
leaves its training, whatever the corpus. A split that cannot be made is refused with a reason.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.model_selection import GroupKFold

from argqual.benchmark.running.data import Data
from argqual.benchmark.spec.schema import Benchmark
from argqual.benchmark.spec.vocabulary import Rung, Split

_FEWEST_OF_A_TYPE = 20


@dataclass(frozen=True)
class Fold:
    """Places in `Data` to train on and to test."""

    split: Split
    name: str  # unique, and the same in every run: `corpus_to_corpus/webis>dagstuhl`
    rung: Rung  # how far it is from training to testing; of several corpora, from the nearest
    trained_on: tuple[str, ...]
    tested_on: str  # the corpus tested, or the type of argument
    train: tuple[int, ...]
    test: tuple[int, ...]
    removed: int  # arguments that would be trained on, but for leaking into the test or being of its groups
    budget: int | None = None  # for a label budget: how many labels of the tested corpus were added


@dataclass(frozen=True)
class Refused:
    """A fold that cannot be made, and why."""

    split: Split
    name: str
    reason: str


class _Cannot(Exception):
    pass


def folds_of(benchmark: Benchmark, data: Data) -> tuple[list[Fold], list[Refused]]:
    """All folds of a benchmark, in the order of its splits, and what had to be refused."""
    folds: list[Fold] = []
    refused: list[Refused] = []
    types = sorted({argument.type for argument in data.arguments if argument.type})
    for split in benchmark.splits:
        by_type = split == Split.LEAVE_ONE_TYPE_OUT
        if by_type and len(types) < 2:
            refused.append(Refused(split, split, "the arguments are not of two types or more."))
        for part in types if by_type else data.domains:
            try:
                drafts = list(_DRAFTS[split](benchmark, data, part))
            except _Cannot as reason:
                refused.append(Refused(split, f"{split}/{part}", str(reason)))
                continue
            for draft in drafts:
                try:
                    folds.append(_finished(split, draft, data))
                except _Cannot as reason:
                    refused.append(Refused(split, f"{split}/{draft.name}", str(reason)))
    return folds, refused


def check_fold(fold: Fold, data: Data) -> None:
    """Make sure, apart from how it was made, that nothing leaks from a fold's test into its training.

    Copies are looked for anew, whatever the cache of leaks says. Raises an `AssertionError` where something does leak,
    or the fold is none: a bug in how it was made.
    """
    for side, places in (("train", fold.train), ("test", fold.test)):
        if not places or list(places) != sorted(set(places)):
            raise AssertionError(f"{fold.name}: {side} is empty, or its places do not rise")
    for what, of in (("groups", data.groups), ("texts of", data.normalised)):
        sides = [{of[place]: place for place in places if of[place]} for places in (fold.train, fold.test)]
        if crossing := sorted(sides[0].keys() & sides[1].keys()):
            shown = crossing if what == "groups" else [data.arguments[sides[1][each]].id for each in crossing]
            raise AssertionError(f"{fold.name}: the {what} {shown} stand on both sides")
    if leaks := data.leaking_into(fold.test) & set(fold.train):
        raise AssertionError(f"{fold.name}: {len(leaks)} training arguments leak into the test")
    if not data.tested[list(fold.test)].all():
        raise AssertionError(f"{fold.name}: tests what is for training only")


@dataclass(frozen=True)
class _Draft:
    """A fold before what leaks is taken out of training. `extra` are the labels of a budget, on top of `train`."""

    name: str
    tested_on: str
    train: Sequence[int]
    test: Sequence[int]
    budget: int | None = None
    extra: Sequence[int] = ()


def _finished(split: Split, draft: _Draft, data: Data) -> Fold:
    test = [place for place in draft.test if data.tested[place]]
    if not test:
        raise _Cannot("there is nothing to test on.")
    groups = {data.groups[place] for place in test}
    leaking = data.leaking_into(test)
    clean, extra = (
        [place for place in places if data.groups[place] not in groups and place not in leaking]
        for places in (draft.train, draft.extra)
    )
    if draft.budget is not None:
        if len(extra) < draft.budget:
            raise _Cannot(f"only {len(extra)} labels of other topics are there, not {draft.budget}.")
        extra = extra[: draft.budget]
        if alone := len(extra) - len(_on_a_scale(extra, data)):
            raise _Cannot(f"{alone} of {draft.budget} labels have no other one on their scale that differs.")
    train = sorted({*clean, *extra})
    if not _on_a_scale(train, data):
        raise _Cannot(f"{len(train)} arguments to train on, of which no two have different labels on one scale.")
    sources, targets = ([*dict.fromkeys(data.corpora[place] for place in places)] for places in (train, test))
    fold = Fold(
        split,
        f"{split}/{draft.name}",
        rung_of(sources, targets, data),
        tuple(sources),
        draft.tested_on,
        tuple(train),
        tuple(sorted(test)),
        len(draft.train) - len(clean),
        draft.budget,
    )
    check_fold(fold, data)
    return fold


def _on_a_scale(places: Sequence[int], data: Data) -> list[int]:
    """The places whose labels can be standardised: another one that is comparable differs."""
    labels: dict[str, set[float]] = defaultdict(set)
    for place in places:
        labels[data.units[place]].add(float(data.labels[place]))
    return [place for place in places if len(labels[data.units[place]]) > 1]


def rung_of(train: Sequence[str], test: Sequence[str], data: Data) -> Rung:
    """How far it is from the corpora trained on to those tested, from the nearest of them."""
    return min((_rung(data, one, other) for one in train for other in test), key=list(Rung).index)


def _rung(data: Data, one: str, other: str) -> Rung:
    if one == other:
        return Rung.TOPIC
    first, second = data.domains[one], data.domains[other]
    if first.construct != second.construct:
        return Rung.CONSTRUCT
    return Rung.CORPUS if first.genre == second.genre else Rung.GENRE


def _others(data: Data, domain: str) -> list[int]:
    return [place for place, corpus in enumerate(data.corpora) if corpus != domain]


def _inner(folds: int, data: Data, places: Sequence[int], what: str) -> Iterator[tuple[int, list[int], list[int]]]:
    """Number, training and test places of folds of whole groups."""
    groups = [data.groups[place] for place in places]
    distinct = len(set(groups))
    if distinct < folds:
        raise _Cannot(f"{what} has {distinct} groups of topics, too few for {folds} folds.")
    # Codes by name, so that the order of the places does not decide.
    codes = np.unique(groups, return_inverse=True)[1]
    splits = GroupKFold(folds).split(codes, codes, codes)
    for number, (train, test) in enumerate(splits, start=1):
        yield number, [places[each] for each in train], [places[each] for each in test]


def _in_domain(benchmark: Benchmark, data: Data, domain: str) -> Iterator[_Draft]:
    for number, train, test in _inner(benchmark.folds, data, data.places_of(domain), domain):
        yield _Draft(f"{domain}/{number}", domain, train, test)


def _topics(benchmark: Benchmark, data: Data, domain: str) -> Iterator[_Draft]:
    places = data.places_of(domain)
    if len({data.groups[place] for place in places}) < 2:
        raise _Cannot(f"{domain} is one group of topics.")
    for group in sorted({data.groups[place] for place in places if data.tested[place]}):
        test = [place for place in places if data.groups[place] == group]
        train = [place for place in places if data.groups[place] != group]
        yield _Draft(f"{domain}/{group}", domain, train, test)


def _domains(benchmark: Benchmark, data: Data, domain: str) -> Iterator[_Draft]:
    yield _Draft(domain, domain, _others(data, domain), data.places_of(domain))


def _pairs(benchmark: Benchmark, data: Data, source: str) -> Iterator[_Draft]:
    for domain in data.domains:
        if source != domain:
            yield _Draft(f"{source}>{domain}", domain, data.places_of(source), data.places_of(domain))


def _types(benchmark: Benchmark, data: Data, type: str) -> Iterator[_Draft]:
    types = [argument.type for argument in data.arguments]
    test = [place for place, own in enumerate(types) if own == type and data.tested[place]]
    if len(test) < _FEWEST_OF_A_TYPE:
        raise _Cannot(f"only {len(test)} arguments are of the type {type}; {_FEWEST_OF_A_TYPE} are the least.")
    typed = [place for place, own in enumerate(types) if own]
    groups = {data.groups[place] for place in test}
    elsewhere = [place for place in typed if types[place] != type]
    if groups.isdisjoint(data.groups[place] for place in elsewhere):
        yield _Draft(type, type, elsewhere, test)
        return
    # A topic that has arguments of several types may not stand on both sides either.
    for number, train, held in _inner(benchmark.folds, data, typed, "what has a type"):
        others = [place for place in train if types[place] != type]
        if own_type := [place for place in held if types[place] == type and data.tested[place]]:
            yield _Draft(f"{type}/{number}", type, others, own_type)


def _budgets(benchmark: Benchmark, data: Data, domain: str) -> Iterator[_Draft]:
    """Sources as in leave-one-domain-out, and so many labels of the tested corpus' other topics.

    A larger budget holds the smaller ones' labels: they are taken in the order of the sample.
    """
    for number, train, test in _inner(benchmark.folds, data, data.places_of(domain), domain):
        for budget in benchmark.budgets:
            yield _Draft(f"{domain}/{budget}/{number}", domain, _others(data, domain), test, budget, train)


_DRAFTS: Mapping[Split, Callable[[Benchmark, Data, str], Iterator[_Draft]]] = {
    Split.IN_DOMAIN: _in_domain,
    Split.LEAVE_ONE_TOPIC_OUT: _topics,
    Split.LEAVE_ONE_DOMAIN_OUT: _domains,
    Split.LEAVE_ONE_TYPE_OUT: _types,
    Split.CORPUS_TO_CORPUS: _pairs,
    Split.LABEL_BUDGET: _budgets,
}
"""What makes the folds of each corpus (as tested; of pairs, as trained on) or type of argument."""
