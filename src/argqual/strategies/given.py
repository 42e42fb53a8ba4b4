"""What is given to a strategy: arguments in any form, labels, and groups."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from argqual.argument import Argument, type_name
from argqual.errors import InputError

_ROW_KEYS = ("id", "issue", "stance", "context", "domain", "type", "group")


def as_arguments(X: Any) -> list[Argument]:  # noqa: N803
    """Arguments from texts, arguments, or rows with a `text`, whose keys are the names of an argument's fields.

    An InputError where there are none, or one is empty or nothing of the kind, says which.
    """
    if isinstance(X, str | Argument | Mapping) or not hasattr(X, "__len__") or not hasattr(X, "__getitem__"):
        raise InputError(f"Expected a sequence of arguments, not {type_name(X)}.", hint="One argument: [argument].")
    if getattr(X, "ndim", 1) != 1:
        raise InputError(
            f"Expected one argument a row, not a table of shape {X.shape}.", hint="Take the column with the texts."
        )
    if not len(X):
        raise InputError("There are no arguments.")
    return [_argument(item, place) for place, item in enumerate(X)]


def _argument(item: Any, place: int) -> Argument:
    try:
        if isinstance(item, Argument):
            return item
        if isinstance(item, str):
            return Argument(str(item))
        if isinstance(item, Mapping) and "text" in item:
            known = {key: item[key] for key in _ROW_KEYS if not _is_missing(item.get(key))}
            return Argument(item["text"], **known, labels=_labels(item.get("labels")))
    except InputError as error:
        raise InputError(f"Argument {place} (counted from 0): {error.message}", hint=error.hint) from None
    raise InputError(f"Argument {place} (counted from 0) is {type_name(item)}, neither an argument nor a text.")


def _is_missing(value: Any) -> bool:
    """Whether nothing stands there: None, or the NaN that pandas puts in its place."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def _labels(given: Any) -> dict[str, float]:
    """A row's labels by name: from a mapping, or from names with values as `load_corpus` lists them; no missing ones.

    An InputError where they are neither, or one is no number.
    """
    if _is_missing(given):
        return {}
    try:
        named = given.items() if isinstance(given, Mapping) else [(each["name"], each["value"]) for each in given]
        return {str(name): float(value) for name, value in named if not _is_missing(value)}
    except (TypeError, ValueError, KeyError):
        raise InputError(
            f"Its labels are {given!r:.60}, and no numbers by name.", hint='For example {"labels": {"overall": 3.5}}.'
        ) from None


def groups_for(arguments: Sequence[Argument], groups: Sequence[Any] | None) -> list[Any]:
    """The group of each argument: as given, else its `group`, else its issue, else its own."""
    if groups is None:
        return [argument.group or argument.issue or place for place, argument in enumerate(arguments)]
    if len(groups) != len(arguments):
        raise InputError(f"{len(groups)} groups for {len(arguments)} arguments; each has one.")
    return list(groups)


def as_labels(y: Any, length: int) -> npt.NDArray[np.float64]:
    """Labels as an array of shape (length,), NaN for None; an InputError where they are no numbers, or not as many."""
    try:
        labels = np.asarray([np.nan if value is None else value for value in y], dtype=float)
    except (TypeError, ValueError):
        raise InputError("Labels are numbers, one an argument.") from None
    if labels.ndim != 1 or len(labels) != length:
        raise InputError(f"Labels of shape {labels.shape} for {length} arguments; each has one number.")
    return labels


def labels_to_learn(y: Any, length: int, least: int, name: str) -> npt.NDArray[np.float64]:
    """Labels that a strategy of some name can learn from, which needs so many at least.

    An InputError where there are none, too few, some are missing, or all are equal.
    """
    if y is None:
        raise InputError(f"{name} learns from labels, and there are none.", hint="Call fit(X, y).")
    labels = as_labels(y, length)
    if missing := int((~np.isfinite(labels)).sum()):
        raise InputError(
            f"{missing} of {length} labels are missing or not finite.", hint="Leave those arguments out of training."
        )
    if length < least:
        are = f"{length} labelled argument{' is' if length == 1 else 's are'}"
        raise InputError(f"{are} too few: {name} needs at least {least}.")
    if least > 1 and np.ptp(labels) == 0:
        raise InputError(f"All {length} labels are {labels[0]:g}, so {name} has nothing to learn from.")
    return labels
