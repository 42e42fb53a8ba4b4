"""Everything a report shows of a run: the figures of its predictions, its claims' verdicts, and what they rest on."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from argqual._version import __version__
from argqual.benchmark.analysis import results, summary
from argqual.benchmark.analysis.bias import biases_of
from argqual.benchmark.analysis.claims import claims_found
from argqual.benchmark.analysis.figures import ClaimFound
from argqual.benchmark.analysis.predicted import Predicted
from argqual.benchmark.analysis.reliance import reliance_of
from argqual.benchmark.analysis.results import CitedSource, Missing, Results
from argqual.benchmark.running.store import Run
from argqual.benchmark.spec.schema import Benchmark
from argqual.benchmark.spec.vocabulary import Absence, CellStatus
from argqual.corpora.card import Card, Paper, Target
from argqual.corpora.cards import load_card
from argqual.errors import ArgqualError
from argqual.frameworks.catalogue import load_framework
from argqual.frameworks.framework import Citation
from argqual.stats.metrics import METRICS, MetricName
from argqual.strategies.registry import known_strategies

_FEW_DOMAINS = 10
_INTERVAL = "95 %, Student's t with the bootstrap's standard error over topics; correlations on Fisher's z scale"
_OVER = {
    "topics": "of means over domains: for other topics of these domains",
    "domains": "of means over domains: for other domains, from the variance between these (Student's t)",
}
_DETAILS = (
    "Means over domains count each domain alike. Topics are resampled within each domain. Where a strategy has several "
    "seeds, their variance is part of every interval.",
    "Labels are compared only within what they are comparable in, as a corpus' card says. Copies, near-copies and "
    "quotations of what is tested never stand in training.",
)


def results_of(run: Run, benchmark: Benchmark) -> Results:
    """The results of a run, for a benchmark whose claims and metrics may have changed since.

    A minute or so for four corpora and fifteen strategies, nearly all of it for intervals.
    """
    predicted = _predicted(run, benchmark)
    there = [each for each in benchmark.systems() if each.title in predicted.strategies]
    baselines = [each.title for name in benchmark.baselines for each in there if each.name == name]
    facts = run.facts()
    bounded = {domain["id"]: bool(domain["bounded"]) for domain in facts["domains"]}
    stances = {row.key: row.stance for row in run.rows()}
    found = Results(
        id=benchmark.id,
        title=benchmark.title,
        description=benchmark.description,
        target=benchmark.target,
        headline=predicted.headline,
        split=predicted.out_of_domain,
        baselines=tuple(baselines),
        metrics=tuple(map(_named, predicted.metrics)),
        domains=tuple(_domains(facts, benchmark, predicted)),
        systems=tuple(_systems(benchmark, predicted)),
        methods=_methods(run, benchmark),
        claims=tuple(claims_found(benchmark, predicted, _late(run, benchmark))),
        scores=tuple(summary.scores_of(predicted)),
        transfers=tuple(summary.transfers_of(predicted)),
        contrasts=tuple(summary.contrasts_of(predicted, baselines)),
        coverage=tuple(summary.coverage_of(predicted)),
        costs=tuple(summary.costs_of(predicted)),
        reliability=tuple(summary.reliability_of(predicted)),
        criteria=tuple(summary.criteria_of(predicted)),
        biases=tuple(biases_of(predicted, bounded, stances)),
        reliance=tuple(reliance_of(predicted, tuple(run.scored(perturbed=True)))),
        probes=tuple(summary.perturbation_tests_of(predicted)),
        disagreements=tuple(summary.disagreements_of(predicted)),
        sources=tuple(_sources(facts, benchmark)),
        missing=tuple(_missing(run, facts)),
        warnings=tuple(_warnings(predicted)),
    )
    leader = found.leader
    return replace(found, rivals=tuple(summary.rivals_of(predicted, leader.strategy))) if leader else found


def verdicts_of(run: Run, benchmark: Benchmark) -> tuple[ClaimFound, ...]:
    """The benchmark's claims alone, which takes seconds."""
    return tuple(claims_found(benchmark, _predicted(run, benchmark), _late(run, benchmark)))


def _named(name: MetricName) -> results.MetricNamed:
    metric = METRICS[name]
    return results.MetricNamed(name, metric.title, metric.low, metric.high, metric.higher_is_better)


def _predicted(run: Run, benchmark: Benchmark) -> Predicted:
    how = (benchmark.metrics, benchmark.draws, benchmark.seed, benchmark.intervals_over)
    return Predicted(tuple(run.scored()), *how, run.minimal_pairs())


def _late(run: Run, benchmark: Benchmark) -> frozenset[str]:
    """Claims that did not stand in the file, as they stand now, when the first cell was done."""
    kept = run.claims()
    return frozenset(
        name
        for name, claim in benchmark.claims.items()
        if name not in kept or kept[name][1] or type(claim).model_validate(kept[name][0]) != claim
    )


def _systems(benchmark: Benchmark, predicted: Predicted) -> Iterator[results.SystemResult]:
    known = known_strategies()
    for each in benchmark.systems():
        scored = [one for one in predicted.scored if one.strategy == each.title]
        if not scored:
            continue
        said = ", ".join(f"{name} {value}" for name, value in each.params.items())
        labels = max(one.labels_seen for one in scored)
        yield results.SystemResult(
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


def _domains(facts: Mapping[str, Any], benchmark: Benchmark, predicted: Predicted) -> Iterator[results.DomainResult]:
    for said in facts["domains"]:
        name = said["id"]
        arguments = predicted.arguments(name).values()
        if not arguments:
            continue
        yield results.DomainResult(
            id=name,
            title=said["title"],
            genre=said["genre"],
            construct=said["construct"],
            arguments=len(arguments),
            topics=len({each.cluster for each in arguments}),
            words=float(np.median([each.words for each in arguments])),
            levels=said["levels"],
            ceiling=_ceiling(name, benchmark.target),
        )


def _methods(run: Run, benchmark: Benchmark) -> results.Methods:
    first, done = run.facts("first"), run.done()
    cells = {part.cell for part in run.parts()}
    return results.Methods(
        argqual=first["versions"].get("argqual", __version__),
        fingerprint=benchmark.fingerprint,
        run_fingerprint=first["fingerprint"],
        started=first["taken_up"],
        finished=run.finished() or "",
        draws=benchmark.draws,
        interval=f"{_INTERVAL}; {_OVER[benchmark.intervals_over]}",
        seed=benchmark.seed,
        selection=benchmark.selection,
        cells=len(cells),
        cells_done=sum(done.get(cell) == CellStatus.DONE for cell in cells),
        versions={name: version for name, version in first["versions"].items() if name != "argqual"},
        details=_DETAILS,
    )


def _sources(facts: Mapping[str, Any], benchmark: Benchmark) -> Iterator[CitedSource]:
    yield from map(_corpus_source, facts["domains"])
    systems = benchmark.systems()
    yield from map(_framework_source, dict.fromkeys(str(value) for each in systems for _, value in each.frameworks()))
    yield from (CitedSource("model", name, "") for name in dict.fromkeys(each.model for each in systems) if name)


def _corpus_source(said: Mapping[str, Any]) -> CitedSource:
    """A corpus as the run read its card, with what that asks for now, where it is to be found."""
    found = CitedSource("corpus", said["id"], said["title"], said["fingerprint"], said["licence"])
    if (card := _card(found.id)) is None:
        return found
    terms, citations = card.licence.terms.strip(), _cited(card.citations)
    return replace(found, id=card.id, terms=terms, citations=citations, share_alike=card.licence.share_alike)


def _framework_source(name: str) -> CitedSource:
    """A framework by id, version and fingerprint."""
    try:
        found = load_framework(name)
    except ArgqualError:
        return CitedSource("framework", name, "not to be found here")
    id, citations = f"{found.id} {found.version}", _cited(found.citations)
    return CitedSource("framework", id, found.title, found.fingerprint, found.license, citations=citations)


def _ceiling(corpus: str, target: Target) -> float | None:
    """The human ceiling of the label that stands for a target, as the corpus' card has it."""
    card = _card(corpus)
    chosen = card and card.targets.get(target)
    return card.figures.ceiling.get(chosen.label) if card and chosen else None


def _card(name: str) -> Card | None:
    try:
        return load_card(name)[0]
    except ArgqualError:
        return None


def _cited(citations: Iterable[Citation | Paper]) -> tuple[str, ...]:
    said = ((" ".join(each.text.split()), f"doi:{each.doi}" if each.doi else each.url or "") for each in citations)
    return tuple(" ".join(parts).strip() for parts in said)


def _missing(run: Run, facts: Mapping[str, Any]) -> Iterator[Missing]:
    """Splits that were refused; cells that failed, by strategy and reason; how many were not run."""
    for each in facts["refused"]:
        yield Missing(Absence.REFUSED, each["name"], each["reason"])
    done, failures = run.done(), run.failures()
    failed: Counter[tuple[str, str]] = Counter()
    left: Counter[str] = Counter()
    for part in run.parts():
        if part.cell in failures:
            failed[part.strategy, failures[part.cell]] += 1
        elif part.cell not in done:
            left[part.strategy] += 1
    absent = [(Absence.FAILED, *which, number) for which, number in failed.items()]
    absent += [(Absence.NOT_RUN, name, "argqual benchmark run goes on", number) for name, number in left.items()]
    for kind, strategy, reason, number in absent:
        yield Missing(kind, f"{strategy}: {number} fold{'s' * (number != 1)}", reason)


def _warnings(predicted: Predicted) -> Iterator[str]:
    number = len(predicted.domains)
    if 1 < number < _FEW_DOMAINS:
        yield (
            f"{number} domains are a small sample of domains at large."
            if predicted.over == "domains"
            else f"A mean over {number} domains speaks of these {number}, not of domains at large."
        )
