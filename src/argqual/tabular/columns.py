"""Which column of a table is what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from argqual.argument import Argument, type_name
from argqual.errors import InputError, nearest
from argqual.tabular.sources import Row

# Usual names, the likeliest first.
_USUAL = {
    "text": ("text", "argument", "comment", "comment_text", "body", "content", "post", "essay", "letter", "premise"),
    "issue": ("issue", "topic", "question", "motion", "title", "prompt", "claim"),
    "stance": ("stance", "stance_label", "side"),
    "context": ("context", "parent", "parent_text", "reply_to", "parent_comment"),
    "id": ("id", "argument_id", "comment_id", "#id", "arg_id", "uuid"),
}


@dataclass(frozen=True)
class Columns:
    """The names of the columns that hold an argument's inputs; None where there is none."""

    text: str
    issue: str | None = None
    stance: str | None = None
    context: str | None = None
    id: str | None = None

    def describe(self) -> str:
        """For people: text from 'comment', issue from 'topic'."""
        return ", ".join(f"{name} from '{column}'" for name, column in self.__dict__.items() if column)


def choose_columns(
    available: Sequence[str],
    *,
    text: str | None = None,
    issue: str | None = None,
    stance: str | None = None,
    context: str | None = None,
    id: str | None = None,
) -> Columns:
    """The columns that were named, and for the others the first with a usual name; "" means none.

    Raises
    ------
    InputError
        A named column is not there, or no column looks like the text.
    """
    given = {"text": text, "issue": issue, "stance": stance, "context": context, "id": id}
    lower = {name.strip().lower(): name for name in reversed(available)}
    chosen: dict[str, str | None] = {}
    for role, name in given.items():
        if name:
            if name not in available:
                raise InputError(f"There is no column '{name}'. {nearest(name, available)}")
            chosen[role] = name
        elif name is None:
            found = (lower[usual] for usual in _USUAL[role] if usual in lower)
            chosen[role] = next((each for each in found if each not in given.values()), None)
        else:
            chosen[role] = None
    if chosen["text"] is None:
        raise InputError(
            f"No column looks like the text of an argument. There are: {', '.join(available) or 'none'}.",
            hint="Name it with --text.",
        )
    return Columns(chosen["text"], chosen["issue"], chosen["stance"], chosen["context"], chosen["id"])


def to_argument(row: Row, columns: Columns) -> Argument:
    """The argument of a row.

    Raises
    ------
    InputError
        The row has a problem, or its text is missing or no text.
    """
    if row.problem:
        raise InputError(row.problem)
    text = row.cells.get(columns.text)
    if text is None or (isinstance(text, str) and not text.strip()):
        raise InputError("the text is empty")
    if not isinstance(text, str):
        raise InputError(f"the text is not text but {type_name(text)}")
    return Argument(
        text,
        issue=_cell(row, columns.issue),
        stance=_cell(row, columns.stance),
        context=_cell(row, columns.context),
        id=_cell(row, columns.id),
    )


def _cell(row: Row, column: str | None) -> str | None:
    value = row.cells.get(column) if column else None
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if not isinstance(value, str | int | float | bool):
        raise InputError(f"the column '{column}' holds no text but {type_name(value)}")
    return str(value)
