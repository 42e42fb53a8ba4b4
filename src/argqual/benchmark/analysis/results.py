"""Everything a benchmark report shows, as values: figures with intervals, what they rest on, why one is missing.

Nothing is drawn here and nothing is read from a file: `argqual.benchmark.analysis.findings` computes these from a run,
`argqual.report` writes them as HTML, Markdown, CSV and text. No text of a corpus is in them, except where a
reader has asked for the worst disagreements with their texts.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from argqual.stats.resampling import Estimate

Outcome = Literal["supported", "contradicted", "undecided"]


@dataclass(frozen=True)
class MetricNamed:
    """A metric as tables call it; `low` and `high` are the ends of its range, None where it is open."""

    name: str
    title: str
    low: float | None = -1.0
    high: float | None = 1.0
    higher_is_better: bool = True


@dataclass(frozen=True)
class Domain:
    """A tested domain.

    Parameters
    ----------
    topics
        Clusters that intervals resample.
    words
        Median number of words of an argument.
    levels
        Levels of the labels' closed scale; None where it is open.
    ceiling
        Human ceiling: one annotator against the mean of the others, Spearman; None where it is not known.
    """

    id: str
    title: str
    genre: str
    construct: str
    arguments: int
    topics: int
    words: float
    levels: int | None = None
    ceiling: float | None = None


@dataclass(frozen=True)
class SystemResult:
    """A strategy in the tables.

    Parameters
    ----------
    kind
        Its name in the registry.
    family
        floor, trained, prompted, mixed, …: as the registry has it.
    labels
        The most labels that one fit of it has seen.
    oracle
        Its parameters were chosen by test labels, so its figures are a bound and no result.
    """

    name: str
    kind: str
    family: str
    learns: bool
    summary: str = ""
    model: str | None = None
    labels: int = 0
    seeds: int = 1
    oracle: bool = False


@dataclass(frozen=True)
class Score:
    """One figure of one strategy: on one tested domain, or (`tested_on` None) the mean over them.

    Parameters
    ----------
    budget
        Labels of the tested domain that were added to training; None outside of `label_budget`.
    rung
        How far training was from testing; None where domains differ in it.
    seed_sd
        Standard deviation over seeds; None with one seed.
    """

    strategy: str
    split: str
    metric: str
    estimate: Estimate
    tested_on: str | None = None
    trained_on: tuple[str, ...] = ()
    budget: int | None = None
    rung: str | None = None
    seed_sd: float | None = None


@dataclass(frozen=True)
class Transfer:
    """In-domain beside out-of-domain, on the same test arguments, as means over domains.

    Parameters
    ----------
    inside
        Within each fold, then their mean; None with a reason where nothing was tested in domain.
    gap
        In domain minus out of domain, both within the in-domain folds (so not the difference of the two figures to
        the letter): positive where something is lost on the way.
    retention
        The ratio of the same two; None with a reason where the in-domain interval includes 0.
    worst_domain, worst
        The tested domain that it does worst on when trained on others.
    """

    strategy: str
    metric: str
    split: str
    inside: Estimate
    outside: Estimate
    gap: Estimate
    retention: Estimate
    worst_domain: str | None
    worst: Estimate


@dataclass(frozen=True)
class Contrast:
    """A paired difference of two strategies on the same arguments, `one` minus `other`, as a mean over domains.

    Parameters
    ----------
    p, holm, benjamini_hochberg
        Two-sided, against 0; raw, and adjusted over all contrasts of the table.
    mde
        The smallest difference that this run would have found with 80 % power at 5 %.
    """

    one: str
    other: str
    metric: str
    split: str
    estimate: Estimate
    p: float | None = None
    holm: float | None = None
    benjamini_hochberg: float | None = None
    mde: float | None = None


@dataclass(frozen=True)
class ClaimFound:
    """A claim and its verdict. `exploratory`: it was not in the configuration when the run started."""

    id: str
    says: str
    outcome: Outcome
    sentence: str
    exploratory: bool = False
    smallest: float | None = None
    estimate: Estimate | None = None
    mde: float | None = None
    warnings: tuple[str, ...] = ()

    @property
    def because(self) -> str:
        """The sentence without its outcome, for where that stands beside it."""
        return self.sentence.removeprefix(f"{self.outcome.capitalize()}: ")


@dataclass(frozen=True)
class Coverage:
    """How the predictions of a strategy ended, by status; `degenerate` says what is wrong with those it has."""

    strategy: str
    statuses: Mapping[str, int]
    degenerate: str | None = None

    @property
    def offered(self) -> int:
        return sum(self.statuses.values())

    @property
    def share(self) -> float:
        """The share that has a value, 0 to 1."""
        return self.statuses.get("ok", 0) / self.offered if self.offered else 0.0


@dataclass(frozen=True)
class Cost:
    """What a strategy took to predict `arguments` once, and to be fitted. None: not said by the model."""

    strategy: str
    arguments: int
    seconds: float
    fit_seconds: float = 0.0
    requests: int = 0
    input_tokens: int | None = None
    output_tokens: int | None = None
    usd: float | None = None

    @property
    def seconds_each(self) -> float | None:
        """Seconds an argument, fitting not counted; None where no time was taken down."""
        return self.seconds / self.arguments if self.arguments and self.seconds > 0 else None


@dataclass(frozen=True)
class Bin:
    """Predictions between two quantiles: their mean, the mean of the labels (both 0 to 1) and how many they are."""

    predicted: float
    observed: float
    n: int


@dataclass(frozen=True)
class Reliability:
    """How far predictions can be taken at their word: expected calibration error, and a bin a point of the curve."""

    strategy: str
    split: str
    error: Estimate
    bins: tuple[Bin, ...]


@dataclass(frozen=True)
class CriterionAgreement:
    """A criterion's ratings against the target label; `tested_on` None is the mean over domains."""

    strategy: str
    criterion: str
    metric: str
    estimate: Estimate
    tested_on: str | None = None


@dataclass(frozen=True)
class Bias:
    """How much higher or lower predictions are, in their standard deviations, at equal human quality.

    `attribute` is a domain, a stance or length (then: for one standard deviation more words).
    """

    strategy: str
    kind: Literal["domain", "length", "stance"]
    attribute: str
    estimate: Estimate
    p: float | None = None
    holm: float | None = None


@dataclass(frozen=True)
class Reliance:
    """How predictions change when a text is changed in a known way, as means over domains.

    Parameters
    ----------
    perturbation
        See `argqual.benchmark.running.perturbations`.
    kept
        Spearman's correlation of predictions before and after.
    moved
        Mean absolute change, in standard deviations of the predictions before.
    rise
        Mean change, in the same unit.
    """

    strategy: str
    perturbation: str
    kept: Estimate
    moved: Estimate
    rise: Estimate


@dataclass(frozen=True)
class Probe:
    """A figure of constructed arguments (see `argqual.benchmark.analysis.minimal_pairs`), or of comparisons.

    Parameters
    ----------
    name
        `sensitivity`, `substance`, `substance_moves`, `style`, `style_moves`, `style_minus_substance`,
        `style_over_substance`; `specificity` for the fall of the rating of a criterion; of comparisons, `order_effect`
        for what standing first adds to the probability of a win, `turned_by_order` for how often the winner changes
        with the order.
    broken
        The criterion that was broken; None for all together.
    rated
        The criterion whose rating it is, for `specificity`; None for the whole.
    p
        Two-sided, against a judge that sees nothing.
    """

    strategy: str
    split: str
    name: str
    estimate: Estimate
    broken: str | None = None
    rated: str | None = None
    p: float | None = None


@dataclass(frozen=True)
class Disagreement:
    """An argument that a strategy places far from where people do; both as percentile ranks (0 to 1) in its domain.

    `text` and `rationale` only where a reader asked for them: they are never kept with results.
    """

    strategy: str
    domain: str
    corpus: str
    id: str
    predicted: float
    label: float
    issue: str | None = None
    text: str | None = None
    rationale: str | None = None


@dataclass(frozen=True)
class Source:
    """A corpus, a framework or a model that the figures rest on, and what it asks for."""

    kind: Literal["corpus", "framework", "model"]
    id: str
    title: str
    fingerprint: str = ""
    licence: str = ""
    terms: str = ""
    citations: tuple[str, ...] = ()
    share_alike: bool = False


@dataclass(frozen=True)
class Missing:
    """Something that is not in the tables, and why: a split that cannot be made, a cell that failed or was not run."""

    kind: Literal["refused", "failed", "not run"]
    name: str
    reason: str


@dataclass(frozen=True)
class Methods:
    """How the figures came about.

    Parameters
    ----------
    fingerprint, run_fingerprint
        SHA-256 of the configuration now, and when the run started.
    interval
        The kind of interval, in words.
    versions
        Package to version.
    """

    argqual: str
    fingerprint: str
    run_fingerprint: str
    started: str
    finished: str
    draws: int
    interval: str
    seed: int
    selection: str
    cells: int
    cells_done: int
    versions: Mapping[str, str] = field(default_factory=dict)
    details: tuple[str, ...] = ()


@dataclass(frozen=True)
class Results:
    """All of it. Tables are tuples of rows; an empty one was not measured, and a report leaves it out.

    Parameters
    ----------
    headline
        Name of the metric that leads.
    split
        The out-of-domain split that leads.
    baselines
        Strategies that paired differences are taken against.
    rivals
        The leader out of domain, minus each other strategy; adjusted over these.
    warnings
        What the computations want a reader to know.
    """

    id: str
    title: str
    description: str
    target: str
    headline: str
    split: str
    baselines: tuple[str, ...]
    metrics: tuple[MetricNamed, ...]
    domains: tuple[Domain, ...]
    systems: tuple[SystemResult, ...]
    methods: Methods
    claims: tuple[ClaimFound, ...] = ()
    scores: tuple[Score, ...] = ()
    transfers: tuple[Transfer, ...] = ()
    contrasts: tuple[Contrast, ...] = ()
    rivals: tuple[Contrast, ...] = ()
    coverage: tuple[Coverage, ...] = ()
    costs: tuple[Cost, ...] = ()
    reliability: tuple[Reliability, ...] = ()
    criteria: tuple[CriterionAgreement, ...] = ()
    biases: tuple[Bias, ...] = ()
    reliance: tuple[Reliance, ...] = ()
    probes: tuple[Probe, ...] = ()
    disagreements: tuple[Disagreement, ...] = ()
    sources: tuple[Source, ...] = ()
    missing: tuple[Missing, ...] = ()
    warnings: tuple[str, ...] = ()

    def metric(self, name: str) -> MetricNamed:
        return next(each for each in self.metrics if each.name == name)

    def domain(self, id: str) -> Domain | None:
        return next((each for each in self.domains if each.id == id), None)

    def system(self, name: str) -> SystemResult:
        return next(each for each in self.systems if each.name == name)

    def transfer(self, strategy: str) -> Transfer | None:
        """Of the headline metric."""
        found = (each for each in self.transfers if each.strategy == strategy and each.metric == self.headline)
        return next(found, None)

    def ranked(self) -> tuple[SystemResult, ...]:
        """Contenders, best out-of-domain figure first; those without one last."""
        sign = 1 if self.metric(self.headline).higher_is_better else -1

        def place(system: SystemResult) -> float:
            found = self.transfer(system.name)
            value = None if found is None else found.outside.value
            return -math.inf if value is None else sign * value

        return tuple(sorted(self.systems, key=place, reverse=True))

    @property
    def leader(self) -> Transfer | None:
        """The best out of domain among strategies that were not chosen by test labels."""
        found = (self.transfer(each.name) for each in self.ranked() if not each.oracle)
        return next((each for each in found if each is not None and each.outside.value is not None), None)

    def select(self, **wanted: Any) -> tuple[Score, ...]:
        """Scores whose fields are as given, such as `split="in_domain", tested_on=None`."""
        return tuple(
            each for each in self.scores if all(getattr(each, name) == value for name, value in wanted.items())
        )

    def as_json(self) -> dict[str, Any]:
        """Plain data for `json.dumps`; a number that is not finite is null."""
        return plain_data(self)  # type: ignore[no-any-return]

    def without_texts(self) -> Results:
        """The same with ids only: what may be committed and passed on."""
        bare = (replace(each, issue=None, text=None, rationale=None) for each in self.disagreements)
        return replace(self, disagreements=tuple(bare))


def plain_data(value: Any) -> Any:
    """A dataclass of this module as plain data for `json.dumps`; a number that is not finite is None."""
    return _plain(asdict(value))


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
