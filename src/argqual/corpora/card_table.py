"""What a corpus card says of its labels, and of how tables with them are read."""

from typing import Annotated, Literal, Self

from pydantic import (
    BeforeValidator,
    Field,
    PlainSerializer,
    StringConstraints,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from argqual._schema import Number, Part, Text, wrong

LabelId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=60)]


def _text_keys(values: object) -> object:
    """YAML reads the key 3 as a number; a cell is text."""
    return {str(key): value for key, value in values.items()} if isinstance(values, dict) else values


def _texts(cells: object) -> object:
    return tuple("" if cell is None else str(cell) for cell in cells) if isinstance(cells, list) else cells


def _rule(quoting: object) -> object:
    return ("none", "minimal")[quoting] if isinstance(quoting, bool) else quoting


# Written as true or false, as it was before it had names: a card's fingerprint stays what it was.
Quoting = Annotated[
    Literal["minimal", "none"],
    BeforeValidator(_rule),
    PlainSerializer(lambda rule: rule == "minimal", return_type=bool),
    WithJsonSchema({"enum": ["minimal", "none", True, False]}),
]
_TEXT_KEYS, _TEXTS = BeforeValidator(_text_keys), BeforeValidator(_texts)


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
    values: Annotated[dict[str, Number], _TEXT_KEYS] = Field(default_factory=dict)
    missing: Annotated[tuple[str, ...], _TEXTS] = ("",)
    ratings: bool = False
    annotators: str | None = None
    note: str = ""

    @model_validator(mode="after")
    def _range(self) -> Self:
        if self.lowest is not None and self.highest is not None and self.lowest >= self.highest:
            raise wrong("'lowest' must be less than 'highest'.")
        if self.annotators and not self.ratings:
            raise wrong("'annotators' is for a label whose cells hold a list of 'ratings'.")
        return self


class Keep(Part):
    """Which rows are arguments: those whose cell in `column` is one of `values`."""

    column: Text
    values: Annotated[tuple[str, ...], Field(min_length=1), _TEXTS]


class TableLayout(Part):
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
        `minimal` (or true): quotes enclose cells; `none` (or false): they are characters like others.
    decimal
        The character before the decimals of a number.
    """

    files: tuple[str, ...] = ()
    encoding: str = "utf-8"
    delimiter: str | None = None
    quoting: Quoting = "minimal"
    decimal: Literal[".", ","] = "."
    text: Text = "text"
    id: tuple[str, ...] = ()
    issue: str | None = None
    stance: str | None = None
    stances: Annotated[dict[str, str], _TEXT_KEYS] = Field(default_factory=dict)
    context: str | None = None
    type: str | None = None
    domain: str | None = None
    split: str | None = None
    group: str | None = None
    annotator: str | None = None
    keep: Keep | None = None
    markup: Literal["none", "html"] = "none"

    @field_validator("id", mode="before")
    @classmethod
    def _one_or_more(cls, columns: object) -> object:
        return (columns,) if isinstance(columns, str) else columns

    @field_validator("delimiter")
    @classmethod
    def _one_character(cls, delimiter: str | None) -> str | None:
        if delimiter is not None and len(delimiter) != 1:
            raise wrong('a delimiter is one character; a tab is written "\\t".')
        return delimiter
