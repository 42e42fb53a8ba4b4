"""The rows of a benchmark's tables: figures with intervals, what they rest on, why one is missing."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from argqual.benchmark.spec.vocabulary import FurtherTest, Outcome, Perturbation, PerturbationTest, Rung, Split
from argqual.stats.estimate import Estimate
from argqual.stats.metrics import Bin, MetricName

BiasKind = Literal["domain", "length", "stance"]


@dataclass(frozen=True)
class Score:
    """One figure of one strategy: on one tested domain, or (`tested_on` None) the mean over them.

    Parameters
    ----------
    split
        `ladder` for means over the tested domains of one rung.
    budget
        Labels of the tested domain that were added to training; None outside of `label_budget`.
    rung
        How far training was from testing; None where domains differ in it.
    seed_sd
        Standard deviation over seeds; None with one seed.
    """

    strategy: str
    split: Split | Literal["ladder"]
    metric: MetricName
    estimate: Estimate
    tested_on: str | None = None
    trained_on: tuple[str, ...] = ()
    budget: int | None = None
    rung: Rung | None = None
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
    metric: MetricName
    split: Split
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
    metric: MetricName
    split: Split
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
class Reliability:
    """How far predictions can be taken at their word: expected calibration error, and a bin a point of the curve."""

    strategy: str
    split: Split
    error: Estimate
    bins: tuple[Bin, ...]


@dataclass(frozen=True)
class CriterionAgreement:
    """A criterion's ratings against the target label; `tested_on` None is the mean over domains."""

    strategy: str
    criterion: str
    metric: MetricName
    estimate: Estimate
    tested_on: str | None = None


@dataclass(frozen=True)
class Bias:
    """How much higher or lower predictions are, in their standard deviations, at equal human quality.

    `attribute` is a domain, a stance or length (then: for one standard deviation more words).
    """

    strategy: str
    kind: BiasKind
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
    perturbation: Perturbation
    kept: Estimate
    moved: Estimate
    rise: Estimate


@dataclass(frozen=True)
class PerturbationFigure:
    """A figure of constructed arguments (see `argqual.benchmark.analysis.minimal_pairs`), or of comparisons.

    Parameters
    ----------
    broken
        The criterion that was broken; None for all together.
    rated
        The criterion whose rating it is, for `specificity`; None for the whole.
    p
        Two-sided, against a judge that sees nothing.
    """

    strategy: str
    split: Split
    name: PerturbationTest | FurtherTest
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
