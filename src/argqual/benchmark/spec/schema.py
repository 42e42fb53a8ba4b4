"""What may stand in a benchmark file: corpora, splits, strategies, metrics, and the claims they are to test.

Here are the fields and what they ask of one another; `argqual.benchmark.spec.config` finds and reads the files.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from functools import cached_property
from itertools import chain, pairwise
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from argqual._schema import Part, Text, wrong
from argqual.benchmark.spec.systems import Name, Sample, StrategyUse, System, systems_of
from argqual.benchmark.spec.vocabulary import ACROSS_DOMAINS, OUT_OF_DOMAIN, Perturbation, PerturbationTest, Split
from argqual.corpora.card import Target
from argqual.errors import nearest
from argqual.models.names import is_embedded
from argqual.stats.metrics import MetricName


class CorpusUse(Part):
    """How a corpus takes part.

    Parameters
    ----------
    sample
        How many of its arguments are tested, and trained on; left out: all of them.
    train_sample
        How many are trained on when that is to be more than are tested.
    only
        Labels and the value that an argument must have to take part: `{polished: 0}`.
    genre, construct
        What kind of text it is and what was judged; two corpora that agree in both are nearer to one another than
        two that do not. The card's domain, and the title of its label, when left out.
    """

    sample: Sample | None = None
    train_sample: Sample | None = None
    only: dict[Text, float] = Field(default_factory=dict)
    genre: Text | None = None
    construct_: Annotated[Text | None, Field(alias="construct")] = None

    @model_validator(mode="after")
    def _more_to_train_on(self) -> Self:
        if self.train_sample is not None and (self.sample is None or self.train_sample < self.sample):
            raise wrong("is for training on more than 'sample'.", "train_sample")
        return self


class PerturbedUse(Part):
    """Texts that are tested once more in other forms; see `argqual.benchmark.running.perturbations`.

    Parameters
    ----------
    arguments
        How many of each corpus.
    strategies
        Only these; all of them when left out.
    kinds
        What is done to them.
    """

    arguments: Annotated[int, Field(ge=5)] = 20
    strategies: tuple[Name, ...] = ()
    kinds: Annotated[tuple[Perturbation, ...], Field(min_length=1)] = (
        Perturbation.SHUFFLED,
        Perturbation.WITHOUT_FUNCTION_WORDS,
    )


class ClaimSaid(Part):
    """A hypothesis, written down before the benchmark runs.

    Parameters
    ----------
    says
        It, in a sentence.
    contrast
        `A - B`, two strategies; or `A` alone, for `kind: gap` (A's own gap) and `kind: probe` (A against what a judge
        reaches that sees nothing).
    kind
        `value`: of the metric on the split. `gap`: of what is lost from in-domain to the split, on the same
        arguments (in-domain minus split). `probe`: of a perturbation test on the split, by families.
    probe
        Which perturbation test, for `kind: probe`.
    share
        Of B's value, for `A - B`: A minus so much of B (of what it has above chance, for a perturbation test).
    direction
        Which way the contrast is expected: `greater` or `less` than nothing, or `equivalent` to nothing.
    smallest
        The smallest effect that would matter, in units of the metric, above 0.
    """

    says: Text
    contrast: Text
    metric: MetricName = MetricName.SPEARMAN
    split: Split = Split.LEAVE_ONE_DOMAIN_OUT
    kind: Literal["value", "gap", "probe"] = "value"
    probe: PerturbationTest | None = None
    share: Annotated[float, Field(gt=0, le=1)] = 1.0
    direction: Literal["greater", "less", "equivalent"] = "greater"
    smallest: Annotated[float, Field(gt=0, allow_inf_nan=False)]

    @property
    def sides(self) -> tuple[str, ...]:
        """The strategies contrasted: two, or one."""
        return tuple(part.strip() for part in self.contrast.split(" - "))


class Benchmark(Part):
    """A benchmark, as its file says it. `argqual benchmark schema` prints the JSON Schema.

    Parameters
    ----------
    target
        Which of the cards' targets is tested.
    corpora
        By their cards' names, or paths of cards.
    seed
        Of what is sampled.
    folds
        Of whole groups, within a corpus.
    budgets
        For the split `label_budget`: how many labels of the tested corpus' other topics are added.
    selection
        How parameters are chosen from a strategy's `grid`; see `argqual.benchmark.running.selection`.
    models
        What strategies ask that take a language model and name none; with several, each makes a system of its own.
    strategies
        By the names that they have in the tables. One of them is `length`.
    baselines
        Strategies that the others are compared with; the length-only one when left out.
    metrics
        The first is the headline one.
    draws
        Of the bootstrap.
    intervals_over
        `topics`: means over domains speak of these domains. `domains`: they speak of domains at large, of which these
        are taken for a sample.
    perturbed
        Whether, and for whom, texts are tested in other forms too, out of domain.
    """

    schema_: Annotated[Literal["argqual/benchmark@1"], Field(alias="schema")]
    id: Name
    title: Text
    description: str = ""
    target: Target = "overall"
    corpora: Annotated[dict[str, CorpusUse], Field(min_length=1)]
    seed: Annotated[int, Field(ge=0)] = 0
    splits: Annotated[tuple[Split, ...], Field(min_length=1)] = (Split.IN_DOMAIN, Split.LEAVE_ONE_DOMAIN_OUT)
    folds: Annotated[int, Field(ge=2, le=50)] = 5
    budgets: tuple[Annotated[int, Field(ge=0)], ...] = ()
    selection: Literal["training_domain", "leave_one_domain_out", "oracle"] = "training_domain"
    models: Annotated[tuple[Text, ...], Field(min_length=1)] = ("local",)
    strategies: Annotated[dict[Name, StrategyUse], Field(min_length=1)]
    baselines: tuple[Name, ...] = ()
    metrics: Annotated[tuple[MetricName, ...], Field(min_length=1)] = (
        MetricName.SPEARMAN,
        MetricName.SPEARMAN_BEYOND_LENGTH,
    )
    draws: Annotated[int, Field(ge=200, le=100_000)] = 2000
    intervals_over: Literal["topics", "domains"] = "topics"
    perturbed: PerturbedUse | None = None
    claims: dict[Name, ClaimSaid] = Field(default_factory=dict)

    @field_validator("corpora", "strategies", mode="before")
    @classmethod
    def _nothing_to_say(cls, uses: object) -> object:
        """`length:` with nothing behind it is a strategy without settings."""
        return {key: {} if use is None else use for key, use in uses.items()} if isinstance(uses, dict) else uses

    @field_validator("splits", "models", "baselines", "metrics")
    @classmethod
    def _once(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        for place, value in enumerate(values):
            if value in values[:place]:
                raise wrong(f"'{value}' stands here twice.", place)
        return values

    @field_validator("budgets")
    @classmethod
    def _rising(cls, budgets: tuple[int, ...]) -> tuple[int, ...]:
        if any(more <= fewer for fewer, more in pairwise(budgets)):
            raise wrong("the numbers of labels must rise: [0, 8, 32].")
        return budgets

    @model_validator(mode="before")
    @classmethod
    def _against_length(cls, data: Any) -> Any:
        """Without a word about baselines, the length-only strategy is the one."""
        uses = data.get("strategies") if isinstance(data, dict) else None
        if not isinstance(uses, dict) or data.get("baselines") is not None:
            return data
        return dict(data) | {"baselines": [name for name, use in uses.items() if _kind(name, use) == "length"]}

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        if not any(_kind(name, use) == "length" for name, use in self.strategies.items()):
            said = "no strategy is 'length'. What only counts words is in every benchmark: add 'length: {}'."
            raise wrong(said, "strategies")
        for split in self.splits:
            if split in ACROSS_DOMAINS and len(self.corpora) < 2:
                raise wrong(f"{split} needs two corpora or more.", "splits")
        if Split.LABEL_BUDGET in self.splits and not self.budgets:
            raise wrong("label_budget needs 'budgets', numbers of labels: [0, 8, 32].", "splits")
        if self.budgets and Split.LABEL_BUDGET not in self.splits:
            raise wrong("is for the split label_budget, which is not among the splits.", "budgets")
        for name, use in self.strategies.items():
            for split in use.splits or ():
                if split not in self.splits:
                    raise wrong(f"{split} is not among the splits.", "strategies", name, "splits")
        for name in self.baselines:
            self._require(name, "baselines")
        for name in self.perturbed.strategies if self.perturbed else ():
            self._require(name, "perturbed", "strategies")
        for key, claim in self.claims.items():
            self._check_claim(claim, ("claims", key))
        return self

    def _check_claim(self, claim: ClaimSaid, at: tuple[str, ...]) -> None:
        sides = claim.sides
        if not (len(sides) == 2 or (len(sides) == 1 and claim.kind != "value")):
            raise wrong(f"'{claim.contrast}' is no contrast: A - B, with a blank on either side.", *at, "contrast")
        for side in sides:
            self._require(side, *at, "contrast")
            if claim.split not in (self.strategies[side].splits or self.splits):
                raise wrong(f"{side} is not tested on {claim.split}.", *at, "split")
            if claim.kind == "gap" and Split.IN_DOMAIN not in (self.strategies[side].splits or self.splits):
                raise wrong(f"a gap needs {side} on in_domain too.", *at, "kind")
        if claim.share != 1 and (len(sides) < 2 or claim.kind == "gap"):
            raise wrong("'share' is for a contrast of two values, A - B.", *at, "share")
        if len(set(sides)) < len(sides):
            raise wrong("both sides are the same.", *at, "contrast")
        if claim.kind == "gap" and claim.split == Split.IN_DOMAIN:
            raise wrong("a gap is between in_domain and another split.", *at, "split")
        if (claim.kind == "probe") != (claim.probe is not None):
            said = f"'kind: probe' and 'probe', one of {', '.join(PerturbationTest)}, belong together."
            raise wrong(said, *at, "probe")
        if claim.kind != "probe" and claim.metric not in self.metrics:
            raise wrong(f"{claim.metric} is not among the metrics.", *at, "metric")

    def _require(self, strategy: str, *at: str) -> None:
        if strategy not in self.strategies:
            raise wrong(f"no strategy here is called '{strategy}'. {nearest(strategy, self.strategies)}", *at)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """As pydantic's, without what was computed of the original."""
        copied = super().model_copy(update=update, deep=deep)
        copied.__dict__.pop("fingerprint", None)
        return copied

    @property
    def out_of_domain(self) -> Split:
        """The split that stands for out of domain: the first there is of `OUT_OF_DOMAIN`, or else `in_domain`."""
        return next((split for split in OUT_OF_DOMAIN if split in self.splits), Split.IN_DOMAIN)

    @cached_property
    def fingerprint(self) -> str:
        """Changes with everything that the file says, claims included; not with options that it does not use."""
        said = self.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:16]

    def on_model(self, model: str) -> Self:
        """The same benchmark with another model in the place of its own, under an id of its own.

        A strategy that names an embedded model, as one that reads its hidden state has to, goes over to another
        embedded one; a hosted model has no hidden state to read.
        """
        slug = re.sub(r"[^a-z0-9.]+", "-", model.lower()).strip("-")
        strategies = self.strategies
        if is_embedded(model):
            strategies = {name: use.on_embedded(name, model) for name, use in strategies.items()}
        return self.model_copy(update={"models": (model,), "id": f"{self.id}@{slug}", "strategies": strategies})

    def systems(self) -> tuple[System, ...]:
        """Every strategy, once a model where it takes one and does not name it."""
        found = (systems_of(name, use, self.models, self.splits) for name, use in self.strategies.items())
        return tuple(chain.from_iterable(found))


def _kind(name: str, use: Any) -> str:
    """The strategy of the registry that an entry stands for."""
    said = use.get("strategy") if isinstance(use, dict) else getattr(use, "strategy", None)
    return said if isinstance(said, str) else name
