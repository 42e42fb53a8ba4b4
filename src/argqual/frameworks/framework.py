"""What a criteria framework is: a versioned tree of questions about an argument.

A framework says what to ask and how the answers add up. It never says whom to ask: model, temperature and concurrency
belong to a run. This module holds the data and its rules; `argqual.frameworks.catalogue` finds and reads the files.
"""

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Annotated, Any, ClassVar, Literal, Self, get_args

from pydantic import Field, StringConstraints, field_validator, model_validator

from argqual._schema import Number, Part, Text, extending, wrong
from argqual.errors import nearest
from argqual.frameworks.golden import Golden
from argqual.frameworks.scale import FrameworkId, Scale

INPUTS = ("issue", "stance", "context")
Aggregate = Literal["weighted_mean", "min", "geometric_mean"]
_AGGREGATES: tuple[str, ...] = get_args(Aggregate)
_RESERVED_IDS = frozenset({*INPUTS, *_AGGREGATES, "argument", "gate", "kind", "overall"})
# A criterion becomes a field of a DSPy signature; these are the names that mean something there already.
_SIGNATURE_WORDS = """
append append_instructions construct copy delete dict dump_state equals fields from_orm input_fields insert
instructions json load_state mro output_fields parse_file parse_obj parse_raw prepend register schema schema_json
signature update_forward_refs validate with_instructions with_updated_fields
"""

_LIGHTEST, _HEAVIEST = 1e-6, 1e6  # weights; sums of these are exact enough
Identifier = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=40)]


class Guidance(Part):
    """What counts in favour of a high level, and what does not."""

    counts: tuple[Text, ...] = ()
    does_not_count: tuple[Text, ...] = ()


class Example(Part):
    """A worked example of a criterion."""

    argument: Text
    level: Number
    rationale: str = ""
    domain: str = ""


class Criterion(Part):
    """One question about an argument.

    A leaf is asked. A parent (one with `criteria`) aggregates its children, or is
    asked too when `ask` is true; its own answer then stands instead of theirs.

    Parameters
    ----------
    levels
        This criterion's own description of each level, keyed by the level's value.
    scale
        A scale of its own, where the framework's does not fit.
    weight
        Share in the parent's aggregate, relative to its siblings'.
    higher_is_better
        False for a flaw: the higher the rating, the lower its share in the aggregate.
    requires
        Inputs without which the question makes no sense; it is then skipped, not failed.
    when
        An option of the framework's `select`: asked only when that option was chosen.
    same_as
        The same criterion elsewhere, as `framework/criterion`.
    """

    id: Identifier
    name: Text
    question: str = ""
    plain: Text
    definition: str = ""
    checks: tuple[Text, ...] = ()
    guidance: Guidance = Guidance()
    independent_of: tuple[Identifier, ...] = ()
    levels: dict[float, Text] = Field(default_factory=dict)
    scale: Scale | None = None
    weight: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 1.0
    higher_is_better: bool = True
    requires: tuple[Literal["issue", "stance", "context"], ...] = ()
    when: Identifier | None = None
    evidence: Literal["none", "quote"] = "none"
    examples: tuple[Example, ...] = ()
    same_as: tuple[str, ...] = ()
    criteria: tuple["Criterion", ...] = ()
    ask: bool = False
    aggregate: Aggregate | None = None

    @field_validator("levels", mode="before")
    @classmethod
    def _each_level_once(cls, levels: Any) -> Any:
        written: dict[str, Any] = {}
        for key in levels if isinstance(levels, dict) else ():
            value = _written(key)
            if value in written:
                raise wrong(f"the level {value} is described twice", key)
            written[value] = key
        return levels

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.id in _RESERVED_IDS or self.id in _SIGNATURE_WORDS.split() or self.id.startswith("model_"):
            raise wrong(f"'{self.id}' is a reserved word; choose another id")
        if self.is_asked and not self.question.strip():
            raise wrong(f"criterion '{self.id}' is asked but has no question")
        if not self.is_asked and (self.requires or self.when):
            raise wrong(f"'{self.id}' is not asked itself; put 'requires' and 'when' on the criteria below it")
        if self.ask and not self.criteria:
            raise wrong("'ask' is for parents; a leaf is always asked")
        if self.aggregate and not self.criteria:
            raise wrong("'aggregate' is for parents; a leaf has nothing to aggregate")
        return self

    @property
    def is_asked(self) -> bool:
        return not self.criteria or self.ask


class Option(Part):
    """One answer to a framework's `select`."""

    id: Identifier
    name: Text
    definition: Text


class Select(Part):
    """A choice made before anything is rated: which kind of argument is this?

    Criteria with `when` are asked only for the chosen option.
    """

    name: Text
    question: Text
    options: Annotated[tuple[Option, ...], Field(min_length=2, max_length=10)]


class Gate(Part):
    """Whether there is anything to rate: a yes/no question asked with the criteria (yes: there is).

    Parameters
    ----------
    on_fail
        `note` keeps the ratings and says that the gate doubts them; `skip` drops
        them: every rating and the overall are then `skipped`.
    """

    question: Text
    definition: str = ""
    on_fail: Literal["note", "skip"] = "note"


class Citation(Part):
    """A source, to be cited by its id."""

    id: FrameworkId
    text: Text
    doi: str | None = None
    url: str | None = None


class Provenance(Part):
    """Where a framework comes from, stated honestly.

    `published`: the criteria are the cited authors', in our words. `adapted`: theirs,
    changed as the caveat says. `reconstruction`: assembled here from the sources.
    """

    status: Literal["published", "adapted", "reconstruction", "own"]
    sources: tuple[FrameworkId, ...] = ()
    caveat: str = ""


class Inputs(Part):
    """Which inputs besides the argument a framework uses; one left out is not shown."""

    issue: Literal["required", "optional"] | None = None
    stance: Literal["required", "optional"] | None = None
    context: Literal["required", "optional"] | None = None

    def declared(self) -> dict[str, str]:
        return {name: kind for name in INPUTS if (kind := getattr(self, name)) is not None}


class Framework(Part):
    """A versioned tree of criteria with scales.

    Parameters
    ----------
    aggregate
        How the top criteria make the overall rating: `weighted_mean`, `min`,
        `geometric_mean`, or the id of a criterion that is asked.
    extends
        Only in files: a framework whose keys these override. Criteria are matched
        by id; `drop` lists ids to leave out.
    """

    _UNASKED: ClassVar[frozenset[str]] = frozenset(
        {"title", "description", "provenance", "citations", "license", "goldens", "schema_", "version"}
    )

    schema_: Literal["argqual/framework@1"] = Field(alias="schema")
    id: FrameworkId
    version: Text
    title: Text
    description: Text
    provenance: Provenance
    citations: tuple[Citation, ...] = ()
    license: Text
    language: Text = "en"
    inputs: Inputs = Inputs()
    guidelines: str = ""
    gate: Gate | None = None
    select: Select | None = None
    scale: Scale
    criteria: Annotated[tuple[Criterion, ...], Field(min_length=1)]
    aggregate: str = "weighted_mean"
    goldens: tuple[Golden, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        _check_ids(self)
        _check_weights(self)
        _check_levels(self)
        _check_references(self)
        return self

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """As pydantic's, without what was computed of the original."""
        copied = super().model_copy(update=update, deep=deep)
        for name in ("asked", "fingerprint"):
            copied.__dict__.pop(name, None)
        return copied

    @cached_property
    def asked(self) -> tuple[Criterion, ...]:
        """The criteria that are asked, in the order they stand in the file (children before an asked parent)."""
        return tuple(criterion for criterion in walk(self.criteria) if criterion.is_asked)

    @property
    def higher_is_better(self) -> bool:
        """False when every top criterion is a flaw, so that the overall is one too."""
        return any(criterion.higher_is_better for criterion in self.criteria)

    def criterion(self, criterion_id: str) -> Criterion:
        return {criterion.id: criterion for criterion in walk(self.criteria)}[criterion_id]

    def scale_of(self, criterion: Criterion) -> Scale:
        return criterion.scale or self.scale

    @property
    def abstains(self) -> bool:
        """Whether a judge may say of any criterion that it cannot tell."""
        return any(self.scale_of(criterion).abstain for criterion in self.asked)

    def anchors(self, criterion: Criterion) -> tuple[str, ...]:
        """What each level means for this criterion, lowest first."""
        levels = self.scale_of(criterion).levels
        return tuple(criterion.levels.get(each.value) or each.description or each.label for each in levels)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 (first 16 hex digits) of all that can change a rating.

        Titles, sources, crosswalks and goldens are left out: mending a citation asks nothing again.
        """
        content = json.loads(self.model_dump_json(exclude=set(self._UNASKED)), object_hook=_without_crosswalk)
        text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def json_schema() -> dict[str, Any]:
    """JSON Schema (2020-12) of a framework file, with what only files have: `extends` and `drop`."""
    schema = Framework.model_json_schema(by_alias=True)
    parts = schema["$defs"]
    parts["Criterion"]["required"] = ["id"]  # a file that extends another need not repeat the rest
    for name in ("Gate", "Provenance", "Select"):
        parts[name].pop("required")
    several = parts["Golden"]["properties"]["expect"]
    parts["Golden"]["properties"]["expect"] = {"anyOf": [several, several["items"]]}
    schema = extending(schema, "A framework whose keys these override.")
    left_out = {"type": "array", "items": {"type": "string"}, "description": "Ids of inherited criteria to leave out."}
    schema["properties"]["drop"] = left_out
    return schema


def walk(criteria: Sequence[Criterion]) -> Iterator[Criterion]:
    """Every criterion of a tree, children before their parent."""
    return (criterion for criterion, _ in _placed(criteria))


Keys = tuple[Any, ...]


def _placed(criteria: Sequence[Criterion], path: Keys = ("criteria",)) -> Iterator[tuple[Criterion, Keys]]:
    """As `walk`, each criterion with the keys that lead to it in the file."""
    for index, criterion in enumerate(criteria):
        yield from _placed(criterion.criteria, (*path, index, "criteria"))
        yield criterion, (*path, index)


def _written(key: Any) -> str:
    try:
        return f"{float(key):g}"
    except (TypeError, ValueError, OverflowError):
        return str(key)


def _without_crosswalk(part: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in part.items() if key != "same_as"}


def _check_ids(framework: Framework) -> None:
    parts = {
        "criteria": _placed(framework.criteria),
        "options": _listed(framework.select.options if framework.select else (), "select", "options"),
        "citations": _listed(framework.citations, "citations"),
        "goldens": _listed(framework.goldens, "goldens"),
    }
    for kind, items in parts.items():
        seen: set[str] = set()
        for item, path in items:
            if item.id in seen:
                tree = "; ids are unique in the whole tree" if kind == "criteria" else ""
                raise wrong(f"two {kind} have the id '{item.id}'{tree}", *path)
            seen.add(item.id)


def _listed(items: Sequence[Any], *path: str) -> Iterator[tuple[Any, Keys]]:
    return ((item, (*path, index)) for index, item in enumerate(items))


def _check_weights(framework: Framework) -> None:
    """Weights that can be added up, and of siblings that are added up at least one that counts."""
    ids = {criterion.id for criterion, _ in _placed(framework.criteria)}
    parents: list[tuple[Framework | Criterion, Keys]] = [(framework, ()), *_placed(framework.criteria)]
    for parent, path in parents:
        for index, child in enumerate(parent.criteria):
            if child.weight and not _LIGHTEST <= child.weight <= _HEAVIEST:
                bounds = f"0, or from {_LIGHTEST:g} to {_HEAVIEST:,.0f}: a share relative to its siblings'"
                raise wrong(f"the weight {child.weight:g} must be {bounds}", *path, "criteria", index, "weight")
        answered = framework.aggregate in ids if isinstance(parent, Framework) else parent.ask
        if parent.criteria and not answered and not any(child.weight for child in parent.criteria):
            raise wrong("all weights are 0 here, so that nothing would count", *path, "criteria", 0, "weight")


def _check_levels(framework: Framework) -> None:
    for criterion, path in _placed(framework.criteria):
        known = {level.value: level.written for level in framework.scale_of(criterion).levels}
        spoken_of: list[tuple[float, Keys]] = [(value, ("levels", value)) for value in criterion.levels]
        spoken_of += [(each.level, ("examples", index, "level")) for index, each in enumerate(criterion.examples)]
        for value, where in spoken_of:
            if value not in known:
                has = ", ".join(known.values())
                said = f"criterion '{criterion.id}' speaks of a level {value:g}, but its scale has {has}"
                raise wrong(said, *path, *where)


def _check_references(framework: Framework) -> None:
    criteria = {criterion.id: path for criterion, path in _placed(framework.criteria)}
    options = {option.id for option in framework.select.options} if framework.select else set()
    inputs = framework.inputs.declared()
    for criterion, path in _placed(framework.criteria):
        who = f"'{criterion.id}'"
        _refer(f"{who} is independent of", criterion.independent_of, criteria, (*path, "independent_of"))
        _refer(f"{who} requires the input", criterion.requires, inputs, (*path, "requires"))
        if criterion.when:
            _refer(f"{who} is asked when", (criterion.when,), options, (*path, "when"))
    ways = {*_AGGREGATES, *(criterion.id for criterion in framework.asked)}
    if framework.aggregate not in ways:
        near = nearest(framework.aggregate, ways)
        raise wrong(f"'{framework.aggregate}' is neither a method nor a criterion that is asked. {near}", "aggregate")
    for index, golden in enumerate(framework.goldens):
        for expectation in golden.expect:
            who = f"golden '{golden.id}' expects something of"
            _refer(who, expectation.criteria, {*criteria, "overall"}, ("goldens", index, "expect"))
    cited = {citation.id for citation in framework.citations}
    _refer("the provenance names the source", framework.provenance.sources, cited, ("provenance", "sources"))


def _refer(what: str, names: Sequence[str], known: Collection[str], at: Keys) -> None:
    for name in names:
        if name not in known:
            raise wrong(f"{what} '{name}', which is not defined. {nearest(name, known)}", *at)
