"""What a corpus card says: where a corpus comes from, what may be done with it, how it is read, what to expect.

A card is data about a corpus, never the corpus: no text of it stands here. This module holds the fields and their
rules; `argqual.corpora.cards` finds and reads the files, `argqual.corpora.fetch` brings what they name.
"""

import hashlib
import json
from collections.abc import Iterator
from functools import cached_property
from typing import Annotated, Literal, Self, get_args

from pydantic import Field, StringConstraints, field_validator, model_validator

from argqual._schema import Number, Part, Text, wrong
from argqual.corpora.card_table import Label, LabelId, TableLayout
from argqual.downloads.files import WantedFile, is_inside
from argqual.errors import nearest

Target = Literal["overall", "logic", "rhetoric", "dialectic", "relevance", "acceptability", "sufficiency"]
TARGETS: tuple[Target, ...] = get_args(Target)

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
CorpusId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=60)]
Count = Annotated[int, Field(ge=0)]
Correlation = Annotated[float, Field(ge=-1, le=1, allow_inf_nan=False)]

COUNTS = ("texts", "arguments", "topics", "pairs", "duplicates", "families", "copies_across")
"""Figures that are counts of a corpus."""

COUNTED = (*COUNTS, "same_text", "inside", "same_topic")
"""Those, and the counts of what it shares with another; they are exact."""


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


class CardSource(Part):
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
            raise wrong(f"give exactly one of web, archive, hub and request; here: {', '.join(given) or 'none'}.")
        if bool(self.splits) != (self.hub is not None):
            raise wrong("'hub' and 'splits' go together: file of this card: split.")
        return self

    @field_validator("web", "archive")
    @classmethod
    def _http(cls, address: str | None) -> str | None:
        if address is not None and not address.startswith(("https://", "http://")):
            raise wrong(f"'{address}' is no web address.")
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
            raise wrong(f"'{path}' leads out of the corpus folder.")
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


class TargetLabel(Part):
    """Which label stands for a target; a `proxy` measures something akin to it."""

    label: LabelId
    proxy: bool = False


class Paper(Part):
    """The paper to cite."""

    text: Text
    doi: str = ""
    url: str = ""


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
        Groups of `minimal_pairs` that have every version.
    longest
        Of `minimal_pairs`: the most words of a family's versions, as a multiple of the fewest; the largest there is.
    copies_across
        Texts of `minimal_pairs` that are nearly a text of another family.
    read_alike
        Of `minimal_pairs`: the share of texts of which `read` says what `broken` says.
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


class MinimalPairs(Part):
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
    source: tuple[CardSource, ...] = ()
    homepage: str = ""
    files: tuple[File, ...] = ()
    licence: Licence
    citations: tuple[Paper, ...] = ()
    language: Text = "en"
    domain: Text
    argument_types: tuple[str, ...] = ()
    folder: CorpusId | None = None
    """Its folder in the cache and in a mirror, when that is not called as the corpus."""
    texts_from: CorpusId | None = None
    """The corpus whose texts were judged, when the files hold judgements only."""
    reader: Text | None = None
    table: TableLayout | None = None
    labels: dict[LabelId, Label] = Field(default_factory=dict)
    targets: dict[Target, TargetLabel] = Field(default_factory=dict)
    unit: Literal["corpus", "topic_and_stance"] = "corpus"
    annotators: Annotators | None = None
    guidelines: Guidelines | None = None
    figures: Figures = Field(default_factory=Figures)
    published: tuple[Baseline, ...] = ()
    overlaps: tuple[Overlap, ...] = ()
    minimal_pairs: MinimalPairs | None = None
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
            raise wrong("a card with 'reader: table' needs a 'table' section.")
        if self.table is not None and self.reader != "table":
            raise wrong("a 'table' section needs 'reader: table'.", "table")
        if self.reader and not self.files:
            raise wrong("a card with a reader names its files.")
        if self.reader and not self.labels:
            raise wrong("a card with a reader has at least one label.")
        paths = [file.path for file in self.files]
        if twice := sorted({path for path in paths if paths.count(path) > 1}):
            raise wrong(f"the file '{twice[0]}' stands here twice.")
        for at, label in self._named_labels():
            if label not in self.labels:
                raise wrong(f"no label is called '{label}'. {nearest(label, self.labels)}", *at)
        if (pairs := self.minimal_pairs) is not None:
            for label in (*pairs.broken.values(), *pairs.read.values()):
                if None in (self.labels[label].lowest, self.labels[label].highest):
                    raise wrong(f"'{label}' needs 'lowest' and 'highest'.", "labels", label)
            if pairs.read and set(pairs.read) != set(pairs.broken):
                raise wrong("'read' and 'broken' name the same criteria.", "minimal_pairs", "read")
        for path in (path for source in self.source for path in source.splits):
            if path not in paths:
                raise wrong(f"'{path}' is not among the files. {nearest(path, paths)}")
        return self

    def _named_labels(self) -> Iterator[tuple[tuple[object, ...], str]]:
        """Each label that another part of the card names, and where."""
        for target, chosen in self.targets.items():
            yield ("targets", target), chosen.label
        if (pairs := self.minimal_pairs) is not None:
            for key in ("broken", "read"):
                yield from ((("minimal_pairs", key, each), label) for each, label in getattr(pairs, key).items())
            yield ("minimal_pairs", "polished"), pairs.polished
        for name in ("alpha", "ceiling", "reliability", "length", "win_rate"):
            yield from ((("figures", name, label), label) for label in getattr(self.figures, name))
        for index, pair in enumerate(self.figures.correlations):
            yield from ((("figures", "correlations", index), label) for label in (pair.first, pair.second))

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
    def sizes_known(self) -> bool:
        return bool(self.files) and all(file.bytes is not None for file in self.files)

    @cached_property
    def wanted(self) -> tuple[WantedFile, ...]:
        """Its files, as what brings and verifies them knows them."""
        return tuple(WantedFile(**file.model_dump()) for file in self.files)

    @property
    def by_request(self) -> str | None:
        """How to get it when it cannot be downloaded."""
        if any(source.request is None for source in self.source):
            return None
        return next((source.request for source in self.source), None)

    @cached_property
    def fingerprint(self) -> str:
        """Changes with everything that decides how the corpus is read, and with nothing else."""
        said = self.model_dump(
            mode="json",
            include={"id", "files", "texts_from", "reader", "table", "labels", "targets", "unit", "domain"},
        )
        return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:12]
