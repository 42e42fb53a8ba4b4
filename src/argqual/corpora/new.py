"""Write a card for a table of one's own: columns and scales as they look, every guess marked for checking."""

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from argqual.corpora.readers.parts import rows_of
from argqual.errors import CorpusError, InputError, nearest
from argqual.tabular.sources import open_source

_TEXT = (
    "text", "argument", "comment", "body", "post", "essay", "speech", "content", "letter", "premise", "kommentar",
    "beitrag", "texte", "texto",
)  # fmt: skip
_ROLES = {
    "id": ("id", "#id", "arg_id", "argument_id", "comment_id", "post_id", "key"),
    "issue": ("issue", "topic", "question", "prompt", "motion", "title", "headline", "thread", "thema"),
    "stance": ("stance", "side", "position"),
    "context": ("context", "parent", "replies_to"),
    "annotator": ("annotator", "rater", "judge", "coder", "worker", "annotator_id", "worker_id"),
    "split": ("split", "set"),
}
_ORDERS = tuple(
    tuple(order.split("<"))
    for order in (
        "low<medium<high", "low<average<high", "low<middle<high", "poor<fair<good", "poor<fair<good<excellent",
        "bad<good", "weak<strong", "weak<medium<strong", "no<yes", "false<true", "ineffective<adequate<effective",
        "insufficient<sufficient",
    )
)  # fmt: skip
_NOTHING = ("", "?", "-", "na", "n/a", "nan", "none", "null")
_DECIMAL_COMMA = re.compile(r"[-+]?\d+,\d+")
_MOST_VALUES = 12  # different words in a column that may be a scale


def draft_card(name: str, table: Path, *, text: str | None = None, labels: Sequence[str] = ()) -> tuple[str, list[str]]:
    """A card for a CSV, TSV, JSONL or Parquet file, with `name` as the corpus' id, and what its author should look at.

    `text` is the column with the arguments, guessed where it is left out; `labels` are the columns with judgements,
    by default all whose cells are numbers. Raises an `InputError` if the file cannot be read, a column is not there,
    or nothing in it looks like a judgement.
    """
    encoding, quoting, columns = _read(table)
    notes = []
    if quoting == "none":
        notes.append(
            "Not all quotes in the file enclose cells, so they are taken as characters. Look whether that is right."
        )
    if encoding != "utf-8":
        notes.append(f"The file is not UTF-8; it was read as {encoding}. Look whether accents come out right.")
    named = [_known(label, columns, table) for label in labels]
    text = _known(text, columns, table) if text else _guessed_text(columns, named)
    notes += [] if text.lower() in _TEXT else [f"The texts are taken from the column '{text}'."]
    roles = {role: found for role, names in _ROLES.items() if (found := _named(names, columns)) and found != text}
    chosen = named or _guessed_labels(columns, {text, *roles.values()})
    if not chosen:
        raise InputError(
            f"{table}: no column holds numbers that could be judgements.",
            hint=f"Name one with --label. Columns: {', '.join(columns)}.",
        )
    drafts = {_label_id(column): _label(column, columns[column], notes) for column in chosen}
    if "id" in roles and "annotator" not in roles and len(set(columns[roles["id"]])) < len(columns[roles["id"]]):
        notes.append(f"'{roles['id']}' is not unique, so it is not used as the id; name an 'annotator' column?")
        del roles["id"]
    comma = any(_DECIMAL_COMMA.fullmatch(cell) for column in chosen for cell in columns[column])
    layout = {} if encoding == "utf-8" else {"encoding": encoding}
    layout |= {"quoting": quoting} if quoting == "none" else {}
    layout |= {"decimal": _quoted(",")} if comma else {}
    layout |= {role: _quoted(column) for role, column in {"text": text, **roles}.items()}
    lines = [
        line for label, fields in drafts.items() for line in (f"  {label}:", *(f"    {field}" for field in fields))
    ]
    rows = sum(any(cells) for cells in zip(*columns.values(), strict=True))
    raw = table.read_bytes()
    card = _TEMPLATE.format(
        name=name,
        title=_quoted(name.replace("-", " ").replace("_", " ").capitalize()),
        file=_quoted(table.name),
        size=len(raw),
        sha256=hashlib.sha256(raw).hexdigest(),
        columns="\n".join(f"  {key}: {value}" for key, value in layout.items()),
        labels="\n".join(lines),
        main=next(iter(drafts)),
        figure="" if "annotator" in roles else f"\nfigures:\n  texts: {rows}\n",
    )
    return card, notes


def _read(table: Path) -> tuple[str, str, dict[str, list[str]]]:
    """The encoding, how quotes are read, and the cells of each column as text."""
    encoding = "utf-8"
    try:
        open_source(str(table))
    except InputError as error:
        if "encoding" not in (error.hint or ""):
            raise
        encoding = "cp1252"
    try:
        quoting = "minimal"
        try:
            rows = [cells for _, cells in rows_of(table, (), encoding=encoding, quoting=quoting)]
        except CorpusError as error:
            if "quoting" not in (error.hint or ""):
                raise
            quoting = "none"
            rows = [cells for _, cells in rows_of(table, (), encoding=encoding, quoting=quoting)]
    except CorpusError as error:
        raise InputError(error.message, hint=error.hint) from None
    if not rows:
        raise InputError(f"{table} has no rows.")
    names = dict.fromkeys(name for cells in rows for name in cells)  # lines of JSON may leave a key out
    return encoding, quoting, {name: [cells.get(name, "").strip() for cells in rows] for name in names}


def _known(column: str, columns: Iterable[str], table: Path) -> str:
    if column not in columns:
        raise InputError(f"{table}: there is no column '{column}'. {nearest(column, columns)}")
    return column


def _named(names: Sequence[str], columns: Iterable[str]) -> str | None:
    lowered = {column.lower().strip(): column for column in reversed(list(columns))}
    return next((lowered[name] for name in names if name in lowered), None)


def _guessed_text(columns: dict[str, list[str]], labels: Sequence[str]) -> str:
    """The column that is called as texts are, or else has most words; never one of the labels."""
    left = [column for column in columns if column not in labels]
    most = max(left or columns, key=lambda column: sum(len(cell.split()) for cell in columns[column]))
    return _named(_TEXT, left) or most


def _guessed_labels(columns: dict[str, list[str]], taken: set[str]) -> list[str]:
    return [
        column
        for column, cells in columns.items()
        if column not in taken and not column.lower().endswith(("id", "_at", "date", "time")) and _numbers(cells)
    ]


def _numbers(cells: Sequence[str]) -> list[float]:
    """The cells as numbers, with a decimal point or comma; none when one is neither a number nor says nothing."""
    found = []
    for cell in cells:
        if cell.lower() in _NOTHING:
            continue
        try:
            found.append(float(cell if _DECIMAL_COMMA.fullmatch(cell) is None else cell.replace(",", ".")))
        except ValueError:
            return []
    return found


def _label_id(column: str) -> str:
    id = "_".join(re.findall("[a-z0-9]+", column.lower()))
    return id if id[:1].isalpha() else f"label_{id}".rstrip("_")


def _label(column: str, cells: Sequence[str], notes: list[str]) -> list[str]:
    """The lines of one label."""
    lines = [f"title: {_quoted(column)}", f"column: {_quoted(column)}"]
    missing = sorted({cell for cell in cells if cell.lower() in _NOTHING})
    numbers = _numbers(cells)
    if numbers:
        few = len(set(numbers)) <= _MOST_VALUES and all(number.is_integer() for number in numbers)
        lines += [f"kind: {'ordinal' if few else 'continuous'}"]
        lines += [f"lowest: {min(numbers):g}    # the lowest that occurs; put the scale's own end"]
        lines += [f"highest: {max(numbers):g}   # the highest that occurs; put the scale's own end"]
        if min(numbers) == max(numbers):
            raise InputError(f"The column '{column}' has the same number in every row.", hint="Choose another --label.")
    else:
        words = list(dict.fromkeys(cell for cell in cells if cell.lower() not in _NOTHING))
        if not 2 <= len(words) <= _MOST_VALUES:
            raise InputError(
                f"The column '{column}' is neither numbers nor a few words ({len(words)} different cells).",
                hint="Choose another --label, or turn it into numbers first.",
            )
        order = next((order for order in _ORDERS if {word.lower() for word in words} <= set(order)), None)
        ranked = sorted(words, key=(lambda word: order.index(word.lower())) if order else str.lower)
        if order is None:
            notes.append(f"'{column}' holds words; put them in order in 'values' (they stand there alphabetically).")
        pairs = ", ".join(f"{_quoted(word)}: {place}" for place, word in enumerate(ranked, 1))
        lines += ["kind: ordinal", f"values: {{{pairs}}}    # worst first" + ("" if order else "; CHECK THE ORDER")]
        lines += ["lowest: 1", f"highest: {len(ranked)}"]
    lines += ["higher_is_better: true"]
    if missing and missing != [""]:
        lines.append(f"missing: [{', '.join(_quoted(cell) for cell in ['', *filter(None, missing)])}]")
    return lines


def _quoted(text: str) -> str:
    """Text as YAML reads it back, whatever is in it."""
    return json.dumps(text, ensure_ascii=False)


_TEMPLATE = """\
# A corpus card for argqual. Lines that begin with # are notes to you.
# Check it with:  argqual corpora check {name}.yaml
schema: argqual/corpus@1
id: {name}
title: {title}
description: "What these texts are, and who judged them."
language: en
domain: "own texts"

# The file lies beside this card. When you change it on purpose, put its new
# SHA-256 here (the error message tells it); a change by accident is noticed.
files:
  - path: {file}
    bytes: {size}
    sha256: {sha256}

# May others have it, may it be used commercially, and how do you know?
licence:
  id: "unknown"
  evidence: "own data"
  redistribution: false
  commercial: false

# Which column is what. Besides those below: issue, stance, context, type, domain,
# split. With `annotator` a row is one person's judgement, and rows with one id
# are one argument. `keep: {{column: C, values: [yes]}}` leaves other rows out;
# `markup: html` removes tags.
reader: table
table:
{columns}

# What was judged. A cell outside lowest to highest, or one that is no number, is
# an error that names its row; cells in `missing` say that nothing was judged.
# `higher_is_better: false` turns a label around when it is read.
labels:
{labels}

# Which label stands for overall, logic, rhetoric, dialectic, relevance,
# acceptability or sufficiency.
targets:
  overall: {main}
{figure}"""
