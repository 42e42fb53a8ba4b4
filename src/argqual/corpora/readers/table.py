"""Read tables as a card describes them: one row an argument, or one row a person's judgement of it."""

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from argqual.argument import Argument
from argqual.corpora.card import Card
from argqual.corpora.card_table import Label, TableLayout
from argqual.corpora.corpus import Annotation, Corpus
from argqual.corpora.readers.parts import (
    Place,
    argument_of,
    in_range,
    mean,
    oriented,
    plain_text,
    rating,
    rating_list,
    rows_of,
    shown,
)
from argqual.errors import CardError

_ROLES = ("issue", "stance", "context", "type", "domain", "split", "group")


@dataclass
class _Gathered:
    """What the rows of one argument have said so far."""

    place: Place
    text: str
    roles: dict[str, str | None]
    kept: bool = True
    ratings: dict[str, list[float]] = field(default_factory=dict)
    annotators: set[str] = field(default_factory=set)


def read_table(card: Card, folder: Path, _texts: Corpus | None = None) -> Corpus:
    """The corpus in the card's tables.

    Raises a `CorpusError` if a file lacks a column, or a cell cannot be what the card says, with file, row and
    column; a `CardError` if the card's patterns match none of its files.
    """
    table = card.table
    assert table is not None
    found: dict[str, _Gathered] = {}
    annotations: list[Annotation] = []
    for path in _tables(card, table):
        spelling = {"encoding": table.encoding, "delimiter": table.delimiter, "quoting": table.quoting}
        for place, cells in rows_of(folder / path, _columns(card, table), **spelling):
            if not any(cell.strip() for cell in cells.values()):
                continue  # as spreadsheets leave them behind; lines of JSON may leave out a key of others
            if not _kept(table, cells) and not cells.get(table.text, "").strip():
                continue
            key = _key(table, cells, path, place)
            gathered = _gather(table, cells, key, place, found)
            annotator = None
            if table.annotator:
                annotator = cells.get(table.annotator, "")
                if annotator in gathered.annotators:
                    before = f"'{shown(annotator)}' judged {key} before (row {gathered.place.row})."
                    raise place.error(table.annotator, before)
                gathered.annotators.add(annotator)
            for name, label in card.labels.items():
                said = _said(cells, name, label, place, table.decimal)
                gathered.ratings.setdefault(name, []).extend(value for _, value in said if value is not None)
                if annotator is not None:
                    annotations += [Annotation(key, annotator, name, value) for _, value in said]
                elif label.ratings:
                    annotations += [Annotation(key, who, name, value) for who, value in said]
    arguments = [(each.kept, _argument(card, table, key, each)) for key, each in found.items()]
    return Corpus(
        card,
        tuple(argument for kept, argument in arguments if kept),
        tuple(argument for kept, argument in arguments if not kept),
        tuple(annotations),
        splits={key: each.roles["split"] for key, each in found.items() if each.roles.get("split")},  # type: ignore[misc]
    )


def _tables(card: Card, table: TableLayout) -> list[str]:
    paths = [file.path for file in card.files]
    chosen = [path for path in paths if any(fnmatchcase(path, pattern) for pattern in table.files or ("*",))]
    if not chosen:
        raise CardError(f"{card.id}: 'table.files' matches none of the card's files.", hint=f"Files: {paths}.")
    return chosen


def _columns(card: Card, table: TableLayout) -> list[str]:
    roles = [getattr(table, role) for role in (*_ROLES, "annotator")]
    labels = [label.column or name for name, label in card.labels.items()]
    lists = [label.annotators for label in card.labels.values()]
    keep = [table.keep.column] if table.keep else []
    return [column for column in (table.text, *table.id, *roles, *keep, *labels, *lists) if column]


def _kept(table: TableLayout, cells: dict[str, str]) -> bool:
    return table.keep is None or cells.get(table.keep.column, "").strip() in table.keep.values


def _key(table: TableLayout, cells: dict[str, str], path: str, place: Place) -> str:
    if not table.id:
        return f"{Path(path).stem}-{place.row}"
    parts = {column: cells.get(column, "").strip() for column in table.id}
    for column, part in parts.items():
        if not part:
            raise place.error(column, "the id is empty.")
    return "-".join(parts.values())


def _gather(
    table: TableLayout, cells: dict[str, str], key: str, place: Place, found: dict[str, _Gathered]
) -> _Gathered:
    text = cells.get(table.text, "")
    text = plain_text(text) if table.markup == "html" else text
    columns = ((role, getattr(table, role)) for role in _ROLES)
    roles = {role: cells.get(column, "").strip() or None if column else None for role, column in columns}
    stance = roles["stance"]
    if table.stances and stance is not None:
        if stance not in table.stances:
            raise place.error(table.stance or "", f"'{shown(stance)}' is none of the card's stances.")
        roles["stance"] = table.stances[stance]
    first = found.setdefault(key, _Gathered(place, text, roles))
    first.kept = first.kept and _kept(table, cells)
    if first.place is place:
        return first
    if table.annotator is None:
        raise place.error(
            table.id[0], f"the id {shown(key)} stands in row {first.place.row} already.",
            "Give further columns in 'id', or name the 'annotator' column if a row is one person's judgement.",
        )  # fmt: skip
    if first.text != text:
        raise place.error(table.text, f"another text than in row {first.place.row}, which has the same id.")
    return first


def _said(cells: dict[str, str], name: str, label: Label, place: Place, decimal: str) -> list[tuple[str, float | None]]:
    """Who rated, and how; a plain cell is one rating by nobody in particular."""
    column = label.column or name
    cell = cells.get(column, "")
    if not label.ratings:
        return [("", rating(cell, name, label, place, decimal=decimal))]
    if cell.strip() in label.missing:
        return []
    values: list[float] = []
    for value in rating_list(cell, column, place):
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise place.error(column, f"'{shown(str(value))}' in the list is no number.")
        values.append(oriented(in_range(float(value), column, label, place), label))
    if label.annotators is None:
        return [(str(number), value) for number, value in enumerate(values, 1)]
    people = rating_list(cells.get(label.annotators, ""), label.annotators, place)
    if len(people) != len(values):
        raise place.error(label.annotators, f"{len(people)} annotators for {len(values)} ratings in '{column}'.")
    return [(str(who), value) for who, value in zip(people, values, strict=True)]


def _argument(card: Card, table: TableLayout, key: str, gathered: _Gathered) -> Argument:
    roles = {role: value for role, value in gathered.roles.items() if role != "split"}
    roles["domain"] = roles["domain"] or card.domain
    labels = {name: mean(values) for name, values in gathered.ratings.items() if values}
    return argument_of(gathered.place, table.text, text=gathered.text, id=key, labels=labels, **roles)
