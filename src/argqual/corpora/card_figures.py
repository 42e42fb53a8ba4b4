"""What a corpus card promises of its corpus, and what others found: figures to recompute and to compare with."""

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from argqual._schema import Number, Part, Text
from argqual.corpora.card_table import LabelId

CorpusId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]*$", max_length=60)]
Count = Annotated[int, Field(ge=0)]
Correlation = Annotated[float, Field(ge=-1, le=1, allow_inf_nan=False)]

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
