"""What readers share: cells to ratings, text without markup, and errors that say where."""

import html
import json
import math
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from argqual.argument import Argument
from argqual.corpora.card_table import Label
from argqual.errors import CorpusError, InputError, nearest
from argqual.tabular.sources import open_source

_BREAK = re.compile(r"<\s*(?:br|/p|/div|/li)\s*/?\s*>", re.IGNORECASE)
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>")


class Place:
    """A row of a file, for messages: `file: row 7, column 'x'`."""

    __slots__ = ("file", "row")

    def __init__(self, file: Path | str, row: int) -> None:
        self.file, self.row = file, row

    def error(self, column: str, what: str, hint: str | None = None) -> CorpusError:
        return CorpusError(f"{self.file}: row {self.row}, column '{column}': {what}", hint=hint)


def rows_of(path: Path, columns: Iterable[str], **spelling: Any) -> Iterator[tuple[Place, dict[str, str]]]:
    """The rows of a table, from 1, every cell as text; a `CorpusError` if a column is missing, or a row is broken.

    `spelling` is what `open_source` wants to know of a text file: `encoding`, `delimiter`, `quoting`.
    """
    try:
        source = open_source(str(path), **spelling)
        for column in columns:
            if column not in source.columns and source.columns and column not in (source.later() or ()):
                raise CorpusError(
                    f"{path}: there is no column '{column}'. {nearest(column, source.columns)}",
                    hint=f"It has: {', '.join(source.columns[:30])}.",
                )
        for number, row in enumerate(source.rows(), 1):
            if row.problem:
                hint = (
                    "'quoting: none' in the card's table takes quotes as characters."
                    if " quote" in row.problem
                    else None
                )
                raise CorpusError(f"{path}: row {number} is broken: {row.problem}.", hint=hint)
            cells = {name: cell if isinstance(cell, str) else _written(cell) for name, cell in row.cells.items()}
            yield Place(path, number), cells
    except InputError as error:
        about = "encoding" in (error.hint or "")
        raise CorpusError(error.message, hint="Set 'encoding' in the card's table." if about else error.hint) from None


def _written(cell: Any) -> str:
    """A cell that is no text, as it would stand in a CSV file."""
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):
        return ""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return json.dumps(cell, ensure_ascii=False, default=str)


def rating(cell: str, name: str, label: Label, place: Place, *, decimal: str = ".") -> float | None:
    """What a cell says of a label, higher is better; None when it says that nothing was judged.

    `decimal` is the character before the decimals of a number. Raises a `CorpusError` if it is no number, none of the
    values of the card, or outside of the scale.
    """
    text = cell.strip()
    if text in label.missing:
        return None
    column = label.column or name
    if label.values:
        if text not in label.values:
            raise place.error(column, f"'{shown(text)}' is none of the card's values. {nearest(text, label.values)}")
        value = label.values[text]
    else:
        try:
            value = float(text.replace(decimal, "."))
        except ValueError:
            comma = "Is it a decimal comma? Then set 'decimal' in the card's table to \",\"." if "," in text else ""
            hint = comma or "If it means that nothing was judged, add it to 'missing'."
            raise place.error(column, f"'{shown(text)}' is no number.", hint) from None
        if not math.isfinite(value):
            raise place.error(column, f"'{shown(text)}' is no number.")
    return oriented(in_range(value, column, label, place), label)


def in_range(value: float, column: str, label: Label, place: Place) -> float:
    if (label.lowest is not None and value < label.lowest) or (label.highest is not None and value > label.highest):
        lowest, highest = ("any" if end is None else f"{end:g}" for end in (label.lowest, label.highest))
        raise place.error(column, f"{value:g} is outside of the scale {lowest} to {highest}.")
    return value


def oriented(value: float, label: Label) -> float:
    """The value on a scale that points upwards: mirrored on its own scale, or negated when that is open."""
    if label.higher_is_better:
        return value
    if label.lowest is not None and label.highest is not None:
        return label.lowest + label.highest - value
    return -value


def rating_list(cell: str, column: str, place: Place) -> list[Any]:
    """A cell with a JSON list."""
    try:
        found = json.loads(cell)
    except ValueError:
        found = None
    if not isinstance(found, list):
        raise place.error(column, f"'{shown(cell)}' is no JSON list.")
    return found


def plain_text(text: str) -> str:
    """Text as a browser shows it: breaks become line ends, other tags go, entities are written out."""
    return html.unescape(_TAG.sub("", _BREAK.sub("\n", text))).strip()


def shown(text: str) -> str:
    """The beginning of a cell, for a message."""
    one_line = " ".join(text.split())
    return one_line if len(one_line) <= 40 else one_line[:40] + "…"


def argument_of(place: Place, column: str, **fields: Any) -> Argument:
    """An Argument, or an error that says where its text should have stood."""
    if not fields["text"].strip():
        raise place.error(column, "the text is empty.", "Remove the row, or exclude it with 'keep'.")
    try:
        return Argument(**fields)
    except InputError as error:
        raise place.error(column, error.message) from None


def mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
