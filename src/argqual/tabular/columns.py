"""Which column of a table is the argument, and what else a judge may see of a row.

Columns are chosen by name only, never by what stands in them.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from argqual.argument import Argument, type_name
from argqual.errors import InputError, nearest
from argqual.tabular.table import TableRow

# Usual names, the most telling first.
_USUAL: Mapping[str, tuple[str, ...]] = {
    "text": (
        "text", "argument", "argument_text", "comment", "comment_text", "body", "content", "post", "post_text",
        "essay", "full_text", "premise", "message", "utterance", "sentence",
    ),
    "issue": ("issue", "topic", "question", "title", "prompt", "motion", "proposition", "debate_title"),
    "stance": ("stance", "stance_label"),
    "context": ("context", "parent", "parent_text", "parent_comment", "reply_to", "reply_to_text"),
    "id": ("id", "argument_id", "arg_id", "comment_id", "post_id", "essay_id", "#id", "uid", "uuid"),
}  # fmt: skip


# Names of columns, so that a line of them is the header of a table.
_NAME = re.compile(r"[#\w][\w .-]{0,30}")


class EmptyText(InputError):
    """A row has no text: nothing is wrong with it, and nothing is to be rated."""


@dataclass(frozen=True)
class Columns:
    """The names of the columns that are read; None: no such column."""

    text: str
    issue: str | None = None
    stance: str | None = None
    context: str | None = None
    id: str | None = None

    def describe(self) -> str:
        """One line for people: "text from 'argument', issue from 'topic'"."""
        chosen = {role: getattr(self, role) for role in _USUAL}
        return ", ".join(f"{role} from '{name}'" for role, name in chosen.items() if name is not None)


def choose_columns(
    available: Sequence[str],
    *,
    text: str | None = None,
    issue: str | None = None,
    stance: str | None = None,
    context: str | None = None,
    id: str | None = None,
) -> Columns:
    """The columns to read: those given by name, the others guessed from usual names.

    `text`, `issue` and so on are a column's name; None to guess it; "" to use none (not for `text`). Raises an
    `InputError` where a name is no column, a column has two roles, or none can be guessed to be the text.
    """
    given = {"text": text or None, "issue": issue, "stance": stance, "context": context, "id": id}
    chosen: dict[str, str | None] = {
        role: _named(role, name, available) if name else None for role, name in given.items()
    }
    roles: dict[str, str] = {}
    for role, name in chosen.items():
        if name is not None and roles.setdefault(name, role) != role:
            raise InputError(f"The column '{name}' cannot be both {roles[name]} and {role}.")
    for role, name in given.items():
        if name is None and (guess := _guessed(role, [column for column in available if column not in roles])):
            chosen[role], roles[guess] = guess, role
    if chosen["text"] is None:
        listed = ", ".join(f"'{column}'" for column in available)
        raise InputError(
            f"Which column holds the arguments? The table has: {listed}.", hint="Name it, for example: --text NAME."
        )
    return Columns(chosen["text"], *(chosen[role] for role in ("issue", "stance", "context", "id")))


def _named(role: str, name: str, available: Sequence[str]) -> str:
    if name in available:
        return name
    alike = [column for column in available if _folded(column) == _folded(name)]
    if len(alike) == 1:
        return alike[0]
    raise InputError(f"The table has no column '{name}' (given for {role}).", hint=nearest(name, available))


def _guessed(role: str, available: Sequence[str]) -> str | None:
    by_name = {_folded(column): column for column in reversed(available)}
    return next((by_name[usual] for usual in _USUAL[role] if usual in by_name), None)


def usual(role: str, names: Sequence[str]) -> str | None:
    """The most telling of the names that are usual for `text`, `issue`, `stance`, `context` or `id`."""
    return _guessed(role, names)


def alike(name: str, other: str) -> bool:
    """Whether two names of columns differ in case, spaces and hyphens only."""
    return _folded(name) == _folded(other)


def is_header(line: str, following: str) -> bool:
    """Whether the first two lines of a text are the header and a row of a table with a column for texts."""
    for delimiter in "\t,;|":
        names = [name.strip().strip('"') for name in line.split(delimiter)]
        if len(names) > 1 and all(map(_NAME.fullmatch, names)) and delimiter in following and usual("text", names):
            return True
    return False


def is_refused(row: TableRow, columns: Columns) -> bool:
    """Whether a row cannot be used for a reason other than that its text is empty."""
    if row.problem is None and isinstance(row.cells.get(columns.text), str):
        roles = (getattr(columns, role) for role in ("issue", "stance", "context"))
        if all(isinstance(row.cells.get(name), str | None) for name in roles if name is not None):
            return False
    try:
        to_argument(row, columns)
    except EmptyText:
        return False
    except InputError:
        return True
    return False


def _folded(name: str) -> str:
    return name.strip().casefold().replace(" ", "_").replace("-", "_")


def to_argument(row: TableRow, columns: Columns) -> Argument:
    """The argument in a row; an `InputError` if the row has a problem, or its text is missing, blank or not text."""
    if row.problem is not None:
        raise InputError(row.problem)
    text = row.cells.get(columns.text)
    if _is_missing(text):
        raise EmptyText("the text is empty")
    if not isinstance(text, str):
        raise InputError(f"the text is {_said(text)}, not text")
    others: dict[str, Any] = {}
    for role in ("issue", "stance", "context", "id"):
        value = row.cells.get(getattr(columns, role))
        if role != "id" and not (_is_missing(value) or isinstance(value, (str, int, float))):
            raise InputError(f"the {role} is {_said(value)}, not text")
        if not _is_missing(value):
            others[role] = str(value)
    return Argument(text, **others)


def _is_missing(value: Any) -> bool:
    """None, a blank, and the NaN that some tables hold for "nothing"."""
    if isinstance(value, float):
        return math.isnan(value)
    return value is None or (isinstance(value, str) and not value.strip())


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, (int, float)):
        return "a number"
    if isinstance(value, (list, tuple)):
        return "a list"
    return "an object" if isinstance(value, dict) else f"of the type {type_name(value)}"
