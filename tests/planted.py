"""A benchmark whose answer is known: strategies made up by formula, and arguments in the tests' own words.

An oracle, one that only counts words, one that memorises topics, one that guesses, one that says the same of
everything, and one told a principle. Some ids, names and texts are hostile: markup, quotes, words without end, and text
that runs from right to left.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from argqual.benchmark.analysis.figures import (
    Bias,
    ClaimFound,
    Contrast,
    Cost,
    Coverage,
    CriterionAgreement,
    Disagreement,
    Reliability,
    Reliance,
    Score,
    Transfer,
)
from argqual.benchmark.analysis.results import (
    CitedSource,
    DomainResult,
    Methods,
    MetricNamed,
    Missing,
    Results,
    SystemResult,
)
from argqual.benchmark.running.perturbations import INJECTIONS, SURFACE
from argqual.benchmark.spec.vocabulary import Split
from argqual.stats.correlation import partial_spearman, spearman
from argqual.stats.estimate import Estimate
from argqual.stats.metrics import Bin

HOSTILE = '<script>alert("1")</script>'
LONG = "Donaudampfschifffahrtsgesellschaftskapitän" * 6
RIGHT_TO_LEFT = "يجب أن تبقى المكتبة مفتوحة يوم الأحد، لأن من يعمل طوال الأسبوع لا يستطيع الحضور في يوم آخر."
TURNED = "pinned \u202eevil\u202c \x1b[31mred"

TEXTS = (
    f"{HOSTILE} Close the square, <b>because</b> \"cars\" & 'buses' <img src=x onerror=alert(2)> take all the room.",
    f"They say so: {LONG}, and that is that.",
    RIGHT_TO_LEFT,
    f"Keep the pond. {TURNED} It holds the water of a heavy rain, which would otherwise run into the cellars.",
)
STRATEGIES = {
    "oracle": ("principle", "principle", False),
    "principle": ("principle", "principle", False),
    "exemplars": ("exemplars", "exemplar", True),
    "memoriser": ("tfidf", "training", True),
    "embedding": ("embedding", "training", True),
    "calibrated": ("calibrated", "combined", True),
    "placebo": ("principle", "principle", False),
    "length": ("length", "floor", False),
    "random": ("mean", "floor", False),
    "constant": ("plain", "principle", False),
}
_SKILL = {  # share of the label in a prediction: in domain, elsewhere
    "oracle": (0.97, 0.97),
    "principle": (0.48, 0.48),
    "exemplars": (0.5, 0.4),
    "memoriser": (0.75, 0.03),
    "embedding": (0.55, 0.3),
    "calibrated": (0.52, 0.42),
    "placebo": (0.15, 0.15),
    "length": (0.0, 0.0),
    "random": (0.0, 0.0),
    "constant": (0.0, 0.0),
}
_DOMAINS = {  # title, genre, construct, arguments, topics, median words
    "forum": ("Forum posts", "forum post", "overall quality", 120, 16, 74.0),
    "portal": ("Debate portals", "debate portal", "overall quality", 150, 20, 92.0),
    "claims": ("Short claims", "claim", "recommendable", 150, 30, 18.0),
    "speeches": ("Speeches", "speech", "persuasive", 90, 9, 640.0),
}
METRIC = "spearman_beyond_length"
_METRICS = (
    MetricNamed("spearman_beyond_length", "Spearman beyond length"),
    MetricNamed("spearman", "Spearman"),
    MetricNamed("mae", "Mean absolute error, of a scale from 0 to 1", 0.0, None, higher_is_better=False),
)


class _World:
    """Labels, lengths and predictions, the same on every call."""

    def __init__(self) -> None:
        self.rng = np.random.default_rng(6)
        self.labels: dict[str, np.ndarray] = {}
        self.words: dict[str, np.ndarray] = {}
        self.topics: dict[str, list[str]] = {}
        for name, (_, _, _, n, topics, median) in _DOMAINS.items():
            topic = np.arange(n) % topics
            words = median * np.exp(0.5 * self.rng.normal(size=n))
            base = self.rng.normal(size=topics)[topic] * 0.3 + self.rng.normal(size=n) + 0.3 * np.log(words / median)
            self.labels[name], self.words[name] = base, words
            self.topics[name] = [f"{name} topic {each}" for each in topic]

    def predict(self, strategy: str, domain: str, share: float) -> np.ndarray:
        labels = self.labels[domain]
        if strategy == "length":
            return self.words[domain]
        if strategy == "constant":
            return np.where(self.rng.random(len(labels)) < 0.96, 0.5, 0.75)
        noise = self.rng.normal(size=len(labels))
        found = share * labels / labels.std() + np.sqrt(1 - share**2) * noise
        if strategy == "principle":
            found[self.rng.random(len(found)) < 0.03] = np.nan
        return found

    def estimate(self, predicted: np.ndarray, domain: str) -> Estimate:
        return partial_spearman(
            predicted, self.labels[domain], self.words[domain], clusters=self.topics[domain], draws=200
        )


def mean(estimates: list[Estimate]) -> Estimate:
    """Of independent domains; the interval from the widths, which is good enough to draw."""
    values = [each.value for each in estimates if each.value is not None]
    if not values:
        return replace(estimates[0], n=0, reason="all values of one side are equal")
    half = np.sqrt(sum(((each.high or 0) - (each.low or 0)) ** 2 for each in estimates)) / 2 / len(estimates)
    value = float(np.mean(values))
    return Estimate(
        value,
        max(value - half, -1),
        min(value + half, 1),
        sum(each.n for each in estimates),
        sum(each.offered for each in estimates),
        sum(each.clusters or 0 for each in estimates),
        "mean over domains",
    )


def _minus(one: Estimate, other: Estimate) -> Estimate:
    if one.value is None or other.value is None:
        return replace(one, value=None, low=None, high=None, reason="one of the two has no value")
    value = one.value - other.value
    half = 0.75 * np.hypot((one.high or 0) - (one.low or 0), (other.high or 0) - (other.low or 0)) / 2
    return replace(one, value=value, low=value - float(half), high=value + float(half))


def results() -> Results:
    world = _World()
    scores: list[Score] = []
    predictions: dict[tuple[str, str], np.ndarray] = {}
    for name, (inside, outside) in _SKILL.items():
        learns = STRATEGIES[name][2]
        for domain in _DOMAINS:
            predicted = world.predict(name, domain, outside)
            predictions[name, domain] = predicted
            found = world.estimate(predicted, domain)
            in_domain = world.estimate(world.predict(name, domain, inside), domain) if learns else found
            others = tuple(each for each in _DOMAINS if each != domain)
            scores.append(Score(name, Split.LEAVE_ONE_DOMAIN_OUT, METRIC, found, domain, others, rung="genre"))
            scores.append(Score(name, "in_domain", METRIC, in_domain, domain, (domain,), rung="topic"))
            plain = spearman(predicted, world.labels[domain], clusters=world.topics[domain], draws=200)
            scores.append(Score(name, Split.LEAVE_ONE_DOMAIN_OUT, "spearman", plain, domain, others, rung="genre"))
            for source in others if learns else ():
                share = outside * (0.6 + 0.4 * (source in ("forum", "portal")))
                found = world.estimate(world.predict(name, domain, share), domain)
                scores.append(Score(name, "corpus_to_corpus", METRIC, found, domain, (source,), rung="genre"))
    for name in _SKILL:
        for split in ("in_domain", Split.LEAVE_ONE_DOMAIN_OUT):
            for metric in (METRIC, "spearman"):
                found = [s.estimate for s in scores if (s.strategy, s.split, s.metric) == (name, split, metric)]
                if found:
                    scores.append(Score(name, split, metric, mean(found)))
    open_scale = Estimate(None, None, None, 0, 510, None, "", "labels or predictions are on an open scale")
    scores += [Score(name, Split.LEAVE_ONE_DOMAIN_OUT, "mae", open_scale) for name in _SKILL]
    macro = {(s.strategy, s.split, s.metric): s.estimate for s in scores if s.tested_on is None}
    for name in _SKILL:
        home, away = macro[name, "in_domain", METRIC], macro[name, Split.LEAVE_ONE_DOMAIN_OUT, METRIC]
        between = replace(away, value=None if away.value is None else (home.value + 3 * away.value) / 4)
        for rung, found in (("topic", home), ("corpus", between), ("genre", away)):
            scores.append(Score(name, "ladder", METRIC, found, rung=rung))
        if STRATEGIES[name][2]:
            for budget, share in ((0, 0.0), (8, 0.15), (32, 0.45)):
                value = away.value + share * (home.value - away.value)
                half = 0.07
                found = replace(away, value=value, low=value - half, high=value + half)
                scores.append(Score(name, "label_budget", METRIC, found, budget=budget))
    return Results(
        id="planted",
        title="Which strategy carries over?",
        description="Made-up strategies over made-up arguments, so that the answer is known.",
        target="overall",
        headline=METRIC,
        split=Split.LEAVE_ONE_DOMAIN_OUT,
        baselines=("length", "placebo"),
        metrics=_METRICS,
        domains=tuple(
            DomainResult(id, title, genre, construct, n, topics, words, 3 if id == "forum" else None, 0.55)
            for id, (title, genre, construct, n, topics, words) in _DOMAINS.items()
        ),
        systems=tuple(
            SystemResult(
                name, kind, family, learns, f"planted {name}", None, 300 if learns else 0, 1, name == "embedding"
            )
            for name, (kind, family, learns) in STRATEGIES.items()
        ),
        methods=Methods(
            argqual="0.1.0",
            fingerprint="ab" * 32,
            run_fingerprint="cd" * 32,
            started="2026-11-20T09:00:00+00:00",
            finished="2026-11-20T11:52:00+00:00",
            draws=200,
            interval="percentile bootstrap over topics",
            seed=0,
            selection="training_domain",
            cells=420,
            cells_done=418,
            versions={"numpy": "2.2.0", "scikit-learn": "1.6.0", "dspy": "3.4.0"},
            details=("Topics are resampled within each domain; the domains themselves are taken as they are.",),
        ),
        claims=_claims(macro),
        scores=tuple(scores),
        transfers=tuple(_transfer(name, scores, macro) for name in _SKILL),
        contrasts=tuple(
            _contrast(name, base, macro, metric)
            for base, metric in (("length", "spearman"), ("placebo", METRIC))
            for name in _SKILL
            if name != base
        ),
        coverage=tuple(_coverage(name, predictions) for name in _SKILL),
        costs=tuple(_cost(name) for name in _SKILL),
        reliability=_reliability(),
        criteria=_criteria(),
        biases=_biases(),
        reliance=_reliance(),
        disagreements=_disagreements(),
        sources=(
            CitedSource(
                "corpus", "forum", "Forum posts", "0123456789ab", "CC-BY-4.0", "Name the authors.",
                ("Someone and Other 2020. Posts that argue. https://example.org/" + "a" * 90,),
            ),
            CitedSource("corpus", "portal", HOSTILE, "ba9876543210", "CC-BY-NC-SA-4.0", "No trade.", (), True),
            CitedSource("framework", "ratio", "RATIO", "feedfacecafe"),
        ),
        missing=(
            Missing("refused", "leave_one_type_out/anecdote", "Only 12 arguments are of this type; 20 are needed."),
            Missing("failed", f"embedding {HOSTILE}", "The model's file is gone."),
        ),
        warnings=("Domains are few: the mean over domains is of these four, and not of domains at large.",),
        rivals=tuple(_contrast("oracle", name, macro) for name in _SKILL if name not in ("oracle", "length")),
    )  # fmt: skip


def _claims(macro: dict[tuple[str, str, str], Estimate]) -> tuple[ClaimFound, ...]:
    def between(one: str, other: str) -> Estimate:
        return _minus(macro[one, Split.LEAVE_ONE_DOMAIN_OUT, METRIC], macro[other, Split.LEAVE_ONE_DOMAIN_OUT, METRIC])

    return (
        ClaimFound(
            "principle-beats-memory", "Naming the principle carries over better than memorising topics.", "supported",
            "principle is .47 (.38 to .56) above memoriser, at least the .05 that matters.", False, 0.05,
            between("principle", "memoriser"), 0.11,
        ),
        ClaimFound(
            "exemplars-beat-principle", "Exemplars carry over better than the principle.", "undecided",
            "exemplars is −.08 (−.18 to .02) above principle: the interval holds 0; .13 could have been seen.", False,
            0.05, between("exemplars", "principle"), 0.13, ("speeches has 9 topics.",),
        ),
        ClaimFound(
            "random-beats-length", f"Guessing beats counting words. {HOSTILE}", "contradicted",
            "random is −.02 (−.05 to .02) above length: less than .05 at best.", True, 0.05,
            between("random", "length"), 0.09,
        ),
    )  # fmt: skip


def _transfer(name: str, scores: list[Score], macro: dict[tuple[str, str, str], Estimate]) -> Transfer:
    home, away = macro[name, "in_domain", METRIC], macro[name, Split.LEAVE_ONE_DOMAIN_OUT, METRIC]
    outside = [s for s in scores if (s.strategy, s.split, s.metric) == (name, Split.LEAVE_ONE_DOMAIN_OUT, METRIC)]
    known = [s for s in outside if s.tested_on and s.estimate.value is not None]
    worst = min(known, key=lambda s: s.estimate.value or 0, default=None)
    retention = Estimate(None, None, None, home.n, home.offered, home.clusters, "", "the in-domain interval includes 0")
    if home.low is not None and home.low > 0 and away.value is not None and home.value:
        ends = [None if end is None else end / home.value for end in (away.low, away.high)]
        retention = replace(away, value=away.value / home.value, low=ends[0], high=ends[1])
    gap = _minus(home, away)
    return Transfer(
        name, METRIC, Split.LEAVE_ONE_DOMAIN_OUT, home, away, gap, retention,
        worst.tested_on if worst else None, worst.estimate if worst else away,
    )  # fmt: skip


def _contrast(name: str, base: str, macro: dict[tuple[str, str, str], Estimate], metric: str = METRIC) -> Contrast:
    """Length has nothing beyond length, so it is compared by plain Spearman."""
    split = Split.LEAVE_ONE_DOMAIN_OUT
    found = _minus(macro[name, split, metric], macro[base, split, metric])
    if found.value is None:
        return Contrast(name, base, metric, split, found)
    sure = (found.low or 0) > 0 or (found.high or 0) < 0
    p = 0.0005 if sure else 0.31
    return Contrast(name, base, metric, split, found, p, min(p * 9, 1), p * 2, 0.09)


def _coverage(name: str, predictions: dict[tuple[str, str], np.ndarray]) -> Coverage:
    found = np.concatenate([predictions[name, domain] for domain in _DOMAINS])
    missing = int(np.isnan(found).sum())
    statuses = {"ok": len(found) - missing} | ({"unreadable": missing - 3, "failed": 3} if missing else {})
    return Coverage(name, statuses, "one value for 96 % of arguments" if name == "constant" else None)


def _cost(name: str) -> Cost:
    asked = STRATEGIES[name][1] in ("principle", "exemplar", "combined")
    each = {"exemplar": 4.1, "principle": 1.3, "combined": 1.35, "training": 0.0021, "floor": 0.00002}[
        STRATEGIES[name][1]
    ]
    tokens = 510 * (400 if not STRATEGIES[name][2] else 1400)
    return Cost(
        name, 510, 510 * each * (1 + 0.03 * len(name)), 12.0 if STRATEGIES[name][2] else 0.0, 510 if asked else 0,
        tokens if asked else None, 510 * 40 if asked else None, 0.31 if name == "exemplars" else None,
    )  # fmt: skip


def _reliability() -> tuple[Reliability, ...]:
    rng = np.random.default_rng(1)
    made = []
    for name, slope in (("oracle", 1.0), ("principle", 0.4), ("calibrated", 0.85), ("memoriser", 0.05)):
        predicted = np.linspace(0.15, 0.9, 8)
        observed = 0.5 + slope * (predicted - 0.5) + 0.03 * rng.normal(size=8)
        numbers = rng.integers(20, 90, 8)
        bins = tuple(Bin(float(p), float(o), int(n)) for p, o, n in zip(predicted, observed, numbers, strict=True))
        error = float(np.abs(predicted - observed).mean())
        made.append(
            Reliability(
                name, Split.LEAVE_ONE_DOMAIN_OUT, Estimate(error, error * 0.8, error * 1.3, 510, 510, 75, "ECE"), bins
            )
        )
    return tuple(made)


def _criteria() -> tuple[CriterionAgreement, ...]:
    rng = np.random.default_rng(2)
    made = []
    for strategy in ("principle", "placebo"):
        for criterion in ("Relevance", "Acceptability", "Sufficiency", f"Clarity {HOSTILE}"):
            values = rng.normal(0.35 if strategy == "principle" else 0.02, 0.08, size=4)
            found = [
                Estimate(float(v), float(v) - 0.12, float(v) + 0.12, 117, 120, 16, "Spearman", None) for v in values
            ]
            for domain, each in zip(_DOMAINS, found, strict=True):
                made.append(CriterionAgreement(strategy, criterion, "spearman", each, domain))
            made.append(CriterionAgreement(strategy, criterion, "spearman", mean(found)))
    return tuple(made)


def _biases() -> tuple[Bias, ...]:
    rng = np.random.default_rng(3)
    made = []
    for name in ("principle", "exemplars", "memoriser", "length"):
        for domain in _DOMAINS:
            value = float(rng.normal(0, 0.3))
            made.append(
                Bias(name, "domain", domain, Estimate(value, value - 0.2, value + 0.2, 510, 510, 75, ""), 0.02, 0.08)
            )
        value = 0.8 if name == "length" else 0.2
        made.append(
            Bias(
                name,
                "length",
                "longer texts",
                Estimate(value, value - 0.1, value + 0.1, 510, 510, 75, ""),
                0.001,
                0.004,
            )
        )
    return tuple(made)


def _reliance() -> tuple[Reliance, ...]:
    def estimate(value: float, reach: float) -> Estimate:
        return Estimate(value, value - reach, value + reach, 60, 60, 40, "")

    kept = {"oracle": (0.1, 0.9, 1.0, 1.0), "length": (1.0, 0.97, 0.9, 0.5), "memoriser": (0.95, 0.9, 0.9, 0.9)}
    kinds = (*SURFACE, *INJECTIONS)
    return tuple(
        Reliance(name, kind, estimate(value, 0.05), estimate(1 - value, 0.1), estimate(0.3 - value, 0.1))
        for name, values in kept.items()
        for kind, value in zip(kinds, values, strict=True)
    )


def _disagreements() -> tuple[Disagreement, ...]:
    return tuple(
        Disagreement(
            strategy, "forum", "forum", f"post-{place}" if place else HOSTILE, 0.97 - place / 50, 0.04 + place / 40,
            "Should the market square be closed to cars?" if place else RIGHT_TO_LEFT, TEXTS[place],
            f"It names a reason & says why. {HOSTILE}" if place != 2 else None,
        )
        for strategy in ("principle", "exemplars")
        for place in range(4)
    )  # fmt: skip
