"""What a corpus card says: where a corpus comes from, what may be done with it, how it is read, what to expect.

A card is data about a corpus, never the corpus: no text of it stands here. This
module holds the fields and their rules; `argqual.corpora.cards` finds and reads the
files, `argqual.corpora.fetch` brings what they name.
"""

from __future__ import annotations

import hashlib
import json
from functools import cached_property
from pathlib import PurePosixPath
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, field_validator, model_validator
from pydantic_core import PydanticCustomError

from argqual.errors import nearest
from argqual.frameworks.scale import Number, Part, Text

Target = Literal["overall", "logic", "rhetoric", "dialectic", "relevance", "acceptability", "sufficiency"]
TARGETS: tuple[Target, ...] = (
    "overall",
    "logic",
    "rhetoric",
    "dialectic",
    "relevance",
    "acceptability",
    "sufficiency",
)

CorpusId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=60)]
LabelId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=60)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Count = Annotated[int, Field(ge=0)]
Correlation = Annotated[float, Field(ge=-1, le=1, allow_inf_nan=False)]


class Licence(Part):
    """What may be done with the corpus, and how we know.

    `redistribution` and `commercial`: whether the licence allows it. `share_alike`: what is made from it
    carries the same licence. `evidence`: where the licence is stated. `terms`: what else has to be kept.
    """

    id: Text
    evidence: Text
    redistribution: bool
    commercial: bool
    share_alike: bool = False
    terms: str = ""

    @property
    def forbids(self) -> tuple[str, ...]:
        """What it does not allow, in words."""
        denied = {"passing it on": self.redistribution, "commercial use": self.commercial}
        return tuple(what for what, allowed in denied.items() if not allowed)


class Place(Part):
    """Somewhere the files can be had: exactly one of a web folder, an archive, a data set of the hub, or by request."""

    web: str | None = None
    """Address of a folder; a file lies at this address and its path."""
    archive: str | None = None
    """Address of a .zip or .tar.* file; a file lies at `root` and its path inside it."""
    root: str = ""
    """Folder inside the archive."""
    hub: str | None = None
    """OWNER/NAME of a data set on the Hugging Face hub, read through `datasets`."""
    config: str | None = None
    revision: str | None = None
    splits: dict[str, Text] = Field(default_factory=dict)
    """For the hub: the file of this card that each split becomes, as CSV."""
    request: str | None = None
    """How people get it: a form, a mail, an account. Nothing is downloaded."""

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        given = [name for name in ("web", "archive", "hub", "request") if getattr(self, name)]
        if len(given) != 1:
            raise PydanticCustomError(
                "one_kind", "give exactly one of web, archive, hub and request; here: {given}.",
                {"given": ", ".join(given) or "none"},
            )  # fmt: skip
        if bool(self.splits) != (self.hub is not None):
            raise PydanticCustomError("splits", "'hub' and 'splits' go together: file of this card: split.")
        return self

    @field_validator("web", "archive")
    @classmethod
    def _http(cls, address: str | None) -> str | None:
        if address is not None and not address.startswith(("https://", "http://")):
            raise PydanticCustomError("address", "'{given}' is no web address.", {"given": address})
        return address


class File(Part):
    """A file of the release: its path there, and what tells that it is the right one.

    `sha256` is of the file's bytes. `rows_sha256` is of its rows as a table, whatever the order of the
    columns and however numbers are written: for what the hub delivers row by row. A file with neither is
    unverified, and every command says so.
    """

    path: Text
    bytes: Count | None = None
    sha256: Sha256 | None = None
    rows_sha256: Sha256 | None = None

    @field_validator("path")
    @classmethod
    def _inside(cls, path: str) -> str:
        if not is_inside(path):
            raise PydanticCustomError("path", "'{path}' leads out of the corpus folder.", {"path": path})
        return path


class Annotators(Part):
    """Who judged: in words, how many, and how many a text."""

    who: Text
    count: Count | None = None
    per_text: Annotated[float, Field(gt=0)] | None = None


class Guidelines(Part):
    """What the annotators were asked, in our words; `source` says where it stands."""

    question: Text
    definition: str = ""
    source: Text


class Label(Part):
    """A judged dimension as the release has it.

    Parameters
    ----------
    column
        Its column, when it is not called as the label.
    lowest, highest
        The scale; a value outside of it is an error. Either may be open.
    kind
        `ordinal` (few steps), `continuous`, `count`, or `share` (of annotators who said yes).
    values
        For cells that are not plain numbers: what each means.
    missing
        Cells that say nothing was judged: "?" for cannot judge, empty for not asked.
    ratings
        The cell holds a JSON list with one rating an annotator; the label is their mean.
    annotators
        For `ratings`: the column with the list of who gave each.
    """

    title: Text
    column: str | None = None
    lowest: Number | None = None
    highest: Number | None = None
    kind: Literal["ordinal", "continuous", "count", "share"] = "continuous"
    higher_is_better: bool = True
    values: dict[str, Number] = Field(default_factory=dict)
    missing: tuple[str, ...] = ("",)
    ratings: bool = False
    annotators: str | None = None
    note: str = ""

    @field_validator("values", mode="before")
    @classmethod
    def _written(cls, values: object) -> object:
        """YAML reads the key 3 as a number; a cell is text."""
        return {str(key): value for key, value in values.items()} if isinstance(values, dict) else values

    @field_validator("missing", mode="before")
    @classmethod
    def _texts(cls, missing: object) -> object:
        return tuple("" if cell is None else str(cell) for cell in missing) if isinstance(missing, list) else missing

    @model_validator(mode="after")
    def _range(self) -> Self:
        if self.lowest is not None and self.highest is not None and self.lowest >= self.highest:
            raise PydanticCustomError("range", "'lowest' must be less than 'highest'.")
        if self.annotators and not self.ratings:
            raise PydanticCustomError("ratings", "'annotators' is for a label whose cells hold a list of 'ratings'.")
        return self


class TargetLabel(Part):
    """Which label stands for a target; a `proxy` measures something akin to it."""

    label: LabelId
    proxy: bool = False


class Keep(Part):
    """Which rows are arguments: those whose cell in `column` is one of `values`."""

    column: Text
    values: Annotated[tuple[str, ...], Field(min_length=1)]

    @field_validator("values", mode="before")
    @classmethod
    def _texts(cls, values: object) -> object:
        return tuple(str(value) for value in values) if isinstance(values, list) else values


class Table(Part):
    """How a delimited file or JSON lines are read: the columns by role.

    Parameters
    ----------
    files
        Patterns of the files that are read; by default every file of the card.
    id
        One or several columns; by default the file's name and the row's number.
    group
        Arguments with one cell here are never split apart, such as the paragraphs of an essay.
    stances
        What the cells of the stance column mean in words: `{"1": pro, "-1": con}`.
    annotator
        With it, a row is one annotator's judgement and rows with one id are one argument.
    keep
        An argument is excluded when any of its rows fails this; a row that fails and has no text is skipped.
    markup
        `html`: tags are removed and entities written out, as annotators saw the text.
    quoting
        Whether quotes may enclose a cell.
    decimal
        The character before the decimals of a number.
    """

    files: tuple[str, ...] = ()
    encoding: str = "utf-8"
    delimiter: str | None = None
    quoting: bool = True
    decimal: Literal[".", ","] = "."
    text: Text = "text"
    id: tuple[str, ...] = ()
    issue: str | None = None
    stance: str | None = None
    stances: dict[str, str] = Field(default_factory=dict)
    context: str | None = None
    type: str | None = None
    domain: str | None = None
    split: str | None = None
    group: str | None = None
    annotator: str | None = None
    keep: Keep | None = None
    markup: Literal["none", "html"] = "none"

    @field_validator("stances", mode="before")
    @classmethod
    def _written(cls, stances: object) -> object:
        return {str(key): value for key, value in stances.items()} if isinstance(stances, dict) else stances

    @field_validator("id", mode="before")
    @classmethod
    def _one_or_more(cls, columns: object) -> object:
        return (columns,) if isinstance(columns, str) else columns

    @field_validator("delimiter")
    @classmethod
    def _one_character(cls, delimiter: str | None) -> str | None:
        if delimiter is not None and len(delimiter) != 1:
            raise PydanticCustomError("delimiter", 'a delimiter is one character; a tab is written "\\t".')
        return delimiter


COUNTS = ("texts", "arguments", "topics", "pairs", "duplicates", "families", "copies_across")
"""Figures that are counts of a corpus."""

COUNTED = (*COUNTS, "same_text", "inside", "same_topic")
"""Those, and the counts of what it shares with another; they are exact."""


class Overlap(Part):
    """What this corpus is known to share with another.

    `same_text`: texts of this one that stand in the other. `inside`: texts of this one that are part of
    longer ones there. `same_topic`: topics in both. With `by: id`, rows of one id are the same argument,
    and are held together also where their texts differ.
    """

    corpus: CorpusId
    kind: Literal["same_text", "inside", "same_topic"]
    count: Count | None = None
    by: Literal["text", "id"] = "text"


class LabelPair(Part):
    """Spearman of two labels over the arguments that have both."""

    first: LabelId
    second: LabelId
    spearman: Correlation


class Figures(Part):
    """What reading the corpus must come to; `corpora check` recomputes each.

    Parameters
    ----------
    texts
        Texts in the release, with those that are no arguments.
    arguments
        Texts that are arguments, which is what `load_corpus` gives.
    duplicates
        Arguments whose text (case, punctuation and white space aside) an earlier one has.
    alpha
        Krippendorff's alpha by label, over all texts (ordinal unless the label is continuous).
    ceiling
        One annotator against the mean of the others, Spearman, by label.
    reliability
        Reliability of the published means, by label.
    length
        Spearman of the number of words with a label, over all texts that have it.
    means
        Mean of the main label by argument type.
    win_rate
        Spearman of a label with the share of comparisons won.
    longer_wins
        Share of comparisons that the text with more words wins, ties left out.
    families
        Groups of `twins` that have every version.
    longest
        Of `twins`: the most words of a family's versions, as a multiple of the fewest; the largest there is.
    copies_across
        Texts of `twins` that are nearly a text of another family.
    read_alike
        Of `twins`: the share of texts of which `read` says what `broken` says.
    read_kappa
        The same as Cohen's kappa.
    """

    texts: Count | None = None
    arguments: Count | None = None
    topics: Count | None = None
    pairs: Count | None = None
    duplicates: Count | None = None
    alpha: dict[LabelId, Correlation] = Field(default_factory=dict)
    ceiling: dict[LabelId, Correlation] = Field(default_factory=dict)
    reliability: dict[LabelId, Correlation] = Field(default_factory=dict)
    length: dict[LabelId, Correlation] = Field(default_factory=dict)
    correlations: tuple[LabelPair, ...] = ()
    means: dict[str, Number] = Field(default_factory=dict)
    win_rate: dict[LabelId, Correlation] = Field(default_factory=dict)
    longer_wins: Annotated[float, Field(ge=0, le=1)] | None = None
    families: Count | None = None
    longest: Annotated[float, Field(ge=1)] | None = None
    copies_across: Annotated[int, Field(ge=0)] | None = None
    read_alike: Annotated[float, Field(ge=0, le=1)] | None = None
    read_kappa: Correlation | None = None


class Baseline(Part):
    """A published result, to compare with; never recomputed."""

    system: Text
    setting: Text
    metric: Text
    value: Text
    source: Text


class Citation(Part):
    """The paper to cite."""

    text: Text
    doi: str = ""
    url: str = ""


class Twins(Part):
    """Texts of one group that were written to differ in a known way: sound or broken, plain or polished.

    Parameters
    ----------
    broken
        By criterion, the label that is at its scale's end for worse where that criterion was broken, and only there.
    polished
        The label that is at its highest where the style is polished, and lower where it is plain.
    read
        By criterion, the same as `broken`, as a reader found it who did not know what was broken.
    """

    broken: Annotated[dict[Text, LabelId], Field(min_length=1)]
    polished: LabelId
    read: dict[Text, LabelId] = Field(default_factory=dict)


class Card(Part):
    """A corpus card.

    `reader` is `table` for anything a `table:` section can describe, or one of the readers written for
    a release. `unit` is what a label's scale is comparable within: the whole corpus, or a topic with its
    stance. A card without `reader` describes a corpus that argqual cannot read yet.
    """

    schema_id: Literal["argqual/corpus@1"] = Field(alias="schema")
    id: CorpusId
    title: Text
    description: Text
    source: tuple[Place, ...] = ()
    homepage: str = ""
    files: tuple[File, ...] = ()
    licence: Licence
    citations: tuple[Citation, ...] = ()
    language: Text = "en"
    domain: Text
    argument_types: tuple[str, ...] = ()
    folder: CorpusId | None = None
    """Its folder in the cache and in a mirror, when that is not called as the corpus."""
    texts_from: CorpusId | None = None
    """The corpus whose texts were judged, when the files hold judgements only."""
    reader: Text | None = None
    table: Table | None = None
    labels: dict[LabelId, Label] = Field(default_factory=dict)
    targets: dict[Target, TargetLabel] = Field(default_factory=dict)
    unit: Literal["corpus", "topic_and_stance"] = "corpus"
    annotators: Annotators | None = None
    guidelines: Guidelines | None = None
    figures: Figures = Field(default_factory=Figures)
    published: tuple[Baseline, ...] = ()
    overlaps: tuple[Overlap, ...] = ()
    twins: Twins | None = None
    traps: tuple[Text, ...] = ()

    @field_validator("targets", mode="before")
    @classmethod
    def _short_targets(cls, targets: object) -> object:
        """`overall: quality` is short for `overall: {label: quality}`."""
        if not isinstance(targets, dict):
            return targets
        return {key: {"label": value} if isinstance(value, str) else value for key, value in targets.items()}

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Self:
        if self.reader == "table" and self.table is None:
            raise PydanticCustomError("table", "a card with 'reader: table' needs a 'table' section.")
        if self.table is not None and self.reader != "table":
            raise PydanticCustomError("table", "a 'table' section needs 'reader: table'.", {"at": ("table",)})
        if self.reader and not self.files:
            raise PydanticCustomError("files", "a card with a reader names its files.")
        if self.reader and not self.labels:
            raise PydanticCustomError("labels", "a card with a reader has at least one label.")
        paths = [file.path for file in self.files]
        if twice := sorted({path for path in paths if paths.count(path) > 1}):
            raise PydanticCustomError("twice", "the file '{path}' stands here twice.", {"path": twice[0]})
        for target, chosen in self.targets.items():
            self._require_label(chosen.label, ("targets", target))
        if self.twins is not None:
            for key, labels in (("broken", self.twins.broken), ("read", self.twins.read)):
                for criterion, label in labels.items():
                    self._require_label(label, ("twins", key, criterion))
                    if None in (self.labels[label].lowest, self.labels[label].highest):
                        raise PydanticCustomError(
                            "ends", "'{label}' needs 'lowest' and 'highest'.", {"label": label, "at": ("labels", label)}
                        )
            if self.twins.read and set(self.twins.read) != set(self.twins.broken):
                raise PydanticCustomError(
                    "read", "'read' and 'broken' name the same criteria.", {"at": ("twins", "read")}
                )
            self._require_label(self.twins.polished, ("twins", "polished"))
        figures = self.figures
        for name in ("alpha", "ceiling", "reliability", "length", "win_rate"):
            for label in getattr(figures, name):
                self._require_label(label, ("figures", name, label))
        for index, pair in enumerate(figures.correlations):
            self._require_label(pair.first, ("figures", "correlations", index))
            self._require_label(pair.second, ("figures", "correlations", index))
        for place in self.source:
            for path in place.splits:
                if path not in paths:
                    raise PydanticCustomError(
                        "split", "'{path}' is not among the files. {near}", {"path": path, "near": nearest(path, paths)}
                    )
        return self

    def _require_label(self, label: str, at: tuple[object, ...]) -> None:
        if label not in self.labels:
            raise PydanticCustomError(
                "label", "no label is called '{label}'. {near}",
                {"label": label, "near": nearest(label, self.labels), "at": at},
            )  # fmt: skip

    @property
    def folder_name(self) -> str:
        return self.folder or self.id

    @property
    def main_label(self) -> str | None:
        """The label that stands for quality as a whole: the target `overall`, or else the first."""
        if "overall" in self.targets:
            return self.targets["overall"].label
        return next(iter(self.labels), None)

    @property
    def size(self) -> int:
        """Bytes of all files, as far as the card knows them."""
        return sum(file.bytes or 0 for file in self.files)

    @property
    def by_request(self) -> str | None:
        """How to get it when it cannot be downloaded."""
        if any(place.request is None for place in self.source):
            return None
        return next((place.request for place in self.source), None)

    @cached_property
    def fingerprint(self) -> str:
        """Changes with everything that decides how the corpus is read, and with nothing else."""
        said = self.model_dump(
            mode="json",
            include={"id", "files", "texts_from", "reader", "table", "labels", "targets", "unit", "domain"},
        )
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:12]


def is_inside(path: str) -> bool:
    """Whether a path of an archive or a card stays in the folder it is meant for, on any system."""
    pure = PurePosixPath(path.replace("\\", "/"))
    return bool(path) and not pure.is_absolute() and ".." not in pure.parts and ":" not in path and "\0" not in path
