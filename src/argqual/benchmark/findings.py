"""Everything a report shows of a run: the figures of its predictions, and what they rest on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from argqual._version import __version__
from argqual.benchmark import config, provenance, summary
from argqual.benchmark.config import Benchmark
from argqual.benchmark.metrics import METRICS
from argqual.benchmark.predicted import Predicted, Scored
from argqual.benchmark.results import (
    Contender,
    Domain,
    Methods,
    MetricNamed,
    Missing,
    Results,
    Source,
)
from argqual.strategies.registry import known_strategies

_FEW_DOMAINS = 10
_INTERVAL = (
    "95 %, by Student's t with the bootstrap's standard error over topics within each domain (correlations on Fisher's "
    "z scale)"
)


@dataclass(frozen=True)
class Account:
    """What a run file says of the run itself.

    Parameters
    ----------
    fingerprint
        Of the configuration when it started.
    claims
        Those of then, by id, as the file had them; one that is not among them is exploratory.
    versions
        Of the packages that ran it.
    """

    started: str
    finished: str
    fingerprint: str
    cells: int
    cells_done: int
    claims: frozenset[str] = frozenset()
    versions: Mapping[str, str] = field(default_factory=dict)
    missing: tuple[Missing, ...] = ()


def results_of(benchmark: Benchmark, scored: Iterable[Scored], account: Account) -> Results:
    """The results of a run, by a benchmark whose claims may have changed since.

    Takes a minute or so for four corpora and fifteen strategies, nearly all of it for intervals.
    """
    predicted = Predicted(tuple(scored), tuple(benchmark.metrics), benchmark.draws, benchmark.seed)
    baselines = [title for name in benchmark.baselines for title in config.named_by(predicted.strategies, name)]
    contenders = tuple(_contenders(benchmark, predicted))
    found = Results(
        id=benchmark.id,
        title=benchmark.title,
        description=benchmark.description,
        target=benchmark.target,
        headline=predicted.headline,
        split=predicted.away,
        baselines=tuple(baselines),
        metrics=tuple(_metrics(predicted.metrics)),
        domains=tuple(_domains(benchmark, predicted)),
        contenders=contenders,
        methods=_methods(benchmark, account),
        scores=tuple(summary.scores_of(predicted)),
        transfers=tuple(summary.transfers_of(predicted)),
        contrasts=tuple(summary.contrasts_of(predicted, baselines)),
        coverage=tuple(summary.coverage_of(predicted)),
        costs=tuple(summary.costs_of(predicted)),
        reliability=tuple(summary.reliability_of(predicted)),
        disagreements=tuple(summary.disagreements_of(predicted)),
        sources=tuple(_sources(benchmark)),
        missing=account.missing,
        warnings=tuple(_warnings(predicted)),
    )
    leader = found.leader
    return replace(found, rivals=tuple(summary.rivals_of(predicted, leader.strategy))) if leader else found


def _metrics(names: Sequence[str]) -> Iterator[MetricNamed]:
    """Those of the benchmark; plain Spearman stands in for a headline metric that a baseline has no value of."""
    for name in names:
        metric = METRICS[name]
        yield MetricNamed(name, metric.title, metric.low, metric.high, metric.higher_is_better)


def _contenders(benchmark: Benchmark, predicted: Predicted) -> Iterator[Contender]:
    known = known_strategies()
    for each in benchmark.contenders():
        scored = [one for one in predicted.scored if one.strategy == each.title]
        if not scored:
            continue
        said = ", ".join(f"{name} {value}" for name, value in each.params.items())
        labels = max(one.labels_seen for one in scored)
        yield Contender(
            each.title,
            each.strategy,
            known[each.strategy].family,
            learns=labels > 0,
            summary=known[each.strategy].summary + (f" ({said})" if said else ""),
            model=each.model,
            labels=labels,
            seeds=len({one.seed for one in scored}),
            oracle=any(one.oracle for one in scored),
        )


def _domains(benchmark: Benchmark, predicted: Predicted) -> Iterator[Domain]:
    for name in predicted.domains:
        arguments = predicted.arguments(name).values()
        use = benchmark.corpora.get(name)
        card = provenance.card_of(name)
        label = None if card is None else provenance.label_of(card, benchmark.target)
        levels = {each.levels for each in predicted.scored if each.tested_on == name}
        yield Domain(
            id=name,
            title=card.title if card else name,
            genre=(use and use.genre) or (card.domain if card else ""),
            construct=(use and use.construct_) or (label.title if label else ""),
            arguments=len(arguments),
            topics=len({each.cluster for each in arguments}),
            words=float(np.median([each.words for each in arguments])),
            levels=next((each for each in levels if each is not None), None),
            ceiling=provenance.ceiling(card, benchmark.target) if card else None,
        )


def _methods(benchmark: Benchmark, account: Account) -> Methods:
    return Methods(
        argqual=__version__,
        fingerprint=benchmark.fingerprint,
        run_fingerprint=account.fingerprint,
        started=account.started,
        finished=account.finished,
        draws=benchmark.draws,
        interval=_INTERVAL,
        seed=benchmark.seed,
        selection=benchmark.selection,
        cells=account.cells,
        cells_done=account.cells_done,
        versions=account.versions or provenance.versions(),
        details=(
            "Means over domains count each domain alike. Topics are resampled within each domain; the domains "
            "themselves are taken as they are.",
            "Labels are compared only within what they are comparable in, as the corpus' card says. Copies, "
            "near-copies and quotations of what is tested never stand in training.",
        ),
    )


def _sources(benchmark: Benchmark) -> Iterator[Source]:
    yield from provenance.corpus_sources(benchmark.corpora)
    frameworks = [
        str(value)
        for each in benchmark.contenders()
        for name, value in each.build().get_params(deep=True).items()
        if name.rpartition("__")[2] == "framework" and value is not None
    ]
    yield from provenance.framework_sources(dict.fromkeys(frameworks))
    yield from (
        Source("model", model, "") for model in dict.fromkeys(each.model for each in benchmark.contenders()) if model
    )


def _warnings(predicted: Predicted) -> Iterator[str]:
    number = len(predicted.domains)
    if 1 < number < _FEW_DOMAINS:
        yield f"A mean over {number} domains speaks of these {number}, not of domains at large."
