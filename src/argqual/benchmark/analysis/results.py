"""Everything a benchmark report shows, as values, and as `results.json`: all of it can be read again without the run.

Nothing is drawn here: `argqual.benchmark.analysis.findings` computes these from a run, `argqual.report` writes them as
HTML, Markdown, CSV and text. No text of a corpus is in them, except where a reader has asked for the worst
disagreements with their texts.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_json

from argqual.benchmark.analysis import figures
from argqual.benchmark.spec.vocabulary import Absence, Split
from argqual.errors import BenchmarkError
from argqual.stats.metrics import MetricName

SCHEMA = "argqual/results@1"


@dataclass(frozen=True)
class MetricNamed:
    """A metric as tables call it; `low` and `high` are the ends of its range, None where it is open."""

    name: MetricName
    title: str
    low: float | None = -1.0
    high: float | None = 1.0
    higher_is_better: bool = True


@dataclass(frozen=True)
class DomainResult:
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
class CitedSource:
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

    kind: Absence
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
    headline: MetricName
    split: Split
    baselines: tuple[str, ...]
    metrics: tuple[MetricNamed, ...]
    domains: tuple[DomainResult, ...]
    systems: tuple[SystemResult, ...]
    methods: Methods
    claims: tuple[figures.ClaimFound, ...] = ()
    scores: tuple[figures.Score, ...] = ()
    transfers: tuple[figures.Transfer, ...] = ()
    contrasts: tuple[figures.Contrast, ...] = ()
    rivals: tuple[figures.Contrast, ...] = ()
    coverage: tuple[figures.Coverage, ...] = ()
    costs: tuple[figures.Cost, ...] = ()
    reliability: tuple[figures.Reliability, ...] = ()
    criteria: tuple[figures.CriterionAgreement, ...] = ()
    biases: tuple[figures.Bias, ...] = ()
    reliance: tuple[figures.Reliance, ...] = ()
    probes: tuple[figures.PerturbationFigure, ...] = ()
    disagreements: tuple[figures.Disagreement, ...] = ()
    sources: tuple[CitedSource, ...] = ()
    missing: tuple[Missing, ...] = ()
    warnings: tuple[str, ...] = ()

    def metric(self, name: str) -> MetricNamed:
        return next(each for each in self.metrics if each.name == name)

    def system(self, name: str) -> SystemResult:
        return next(each for each in self.systems if each.name == name)

    def transfer(self, strategy: str) -> figures.Transfer | None:
        """Of the headline metric."""
        found = (each for each in self.transfers if each.strategy == strategy and each.metric == self.headline)
        return next(found, None)

    def ranked(self) -> tuple[SystemResult, ...]:
        """Contenders, best out-of-domain figure first; those without one last."""
        sign = 1 if self.metric(self.headline).higher_is_better else -1

        def place(system: SystemResult) -> float:
            found = self.transfer(system.name)
            return -math.inf if found is None or found.outside.value is None else sign * found.outside.value

        return tuple(sorted(self.systems, key=place, reverse=True))

    @property
    def leader(self) -> figures.Transfer | None:
        """The best out of domain among strategies that were not chosen by test labels."""
        found = (self.transfer(each.name) for each in self.ranked() if not each.oracle)
        return next((each for each in found if each is not None and each.outside.value is not None), None)

    def select(self, **wanted: Any) -> tuple[figures.Score, ...]:
        """Scores whose fields are as given, such as `split="in_domain", tested_on=None`."""
        asked = wanted.items()
        return tuple(each for each in self.scores if all(getattr(each, name) == value for name, value in asked))

    def as_json(self) -> dict[str, Any]:
        """Plain data for `json.dumps`, as `report --format json` prints it; a number that is not finite is null."""
        # That key is older than the name, and whoever reads what is printed knows it.
        return {"contenders" if key == "systems" else key: value for key, value in plain_data(self).items()}

    def without_texts(self) -> Self:
        """The same with ids only: what may be committed and passed on."""
        bare = (replace(each, issue=None, text=None, rationale=None) for each in self.disagreements)
        return replace(self, disagreements=tuple(bare))


def plain_data(value: Any) -> Any:
    """A dataclass as plain data for `json.dumps`; a number that is not finite is None."""
    return json.loads(to_json(value, inf_nan_mode="null"))


def written(results: Results) -> str:
    """Results as JSON that `read` reads again; a number that is not finite is a word."""
    content = {"schema": SCHEMA} | json.loads(to_json(results, inf_nan_mode="strings"))
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def read(path: Path) -> Results:
    """Results as `written` left them; a `BenchmarkError` where the file is none of results, or of another version."""
    hint = "Write the report again: argqual benchmark report BENCHMARK.yaml"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        said = content.pop("schema") if isinstance(content, dict) and "schema" in content else None
        if said != SCHEMA:
            raise BenchmarkError(f"{path} is no file of results: its schema is {said!r}, not '{SCHEMA}'.", hint=hint)
        return _adapter().validate_python(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        raise BenchmarkError(f"{path} is no file of results: {place}: {first['msg']}.", hint=hint) from None
    except (OSError, ValueError) as error:
        raise BenchmarkError(f"{path} is no file of results ({type(error).__name__}: {error}).", hint=hint) from None


def results_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of what `written` gives."""
    schema = _adapter().json_schema()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "properties": {"schema": {"const": SCHEMA}} | schema["properties"],
        "required": ["schema", *schema["required"]],
    }


@cache
def _adapter() -> TypeAdapter[Results]:
    return TypeAdapter(Results)
