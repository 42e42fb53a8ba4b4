"""The errors argqual raises for things a user can put right.

Each says what is wrong, where, and what to do next; the command line prints
them without a traceback and exits with their `exit_code`. Anything else that
escapes is a bug in argqual.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

EXIT_OK = 0
EXIT_SOME_FAILED = 1
EXIT_USAGE = 2
EXIT_UNREACHABLE = 3
EXIT_INTERRUPTED = 130


class ArgqualError(Exception):
    """Something a user can put right.

    Parameters
    ----------
    message
        What is wrong, and where.
    hint
        What to do next; printed on a line of its own.
    """

    exit_code = EXIT_USAGE
    lost = 0  # requests that may have been charged although no answer came
    answered: Any = None  # what was answered, and paid, before it: a `Usage`

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message


class InputError(ArgqualError):
    """An argument or a file given to argqual cannot be used."""


class TooLongError(InputError):
    """An argument does not fit the model's context."""


class TextRefused(ArgqualError):
    """A provider or a model refuses this one text: a content filter, a refusal. Others may well be rated."""

    exit_code = EXIT_SOME_FAILED


class FrameworkError(ArgqualError):
    """A framework file is wrong, or no framework has this name."""


class CardError(ArgqualError):
    """A corpus card is wrong, or no corpus has this name."""


class BenchmarkError(ArgqualError):
    """A benchmark's file, its run, or what it asks for, is not as it must be; the message says where."""


class CorpusError(ArgqualError):
    """A corpus cannot be fetched, or its files are not what its card says."""


class FingerprintMismatch(ArgqualError):
    """A saved program belongs to another framework, or another version of it."""


class StrategyError(ArgqualError):
    """A strategy is not known, is set up wrongly, cannot be saved or loaded, or lacks an extra."""


class ModelError(ArgqualError):
    """No such model, or it cannot do what was asked of it."""


class WeightsError(ModelError):
    """A weight file is missing, broken, or cannot be fetched."""


class ReadoutError(ModelError):
    """The chosen read-out needs something that the model does not give."""


class UnknownModelError(ModelError):
    """The provider does not know the model."""


class Unreachable(ArgqualError):
    """A model, or a place that has a file, could not be reached or refused the credentials."""

    exit_code = EXIT_UNREACHABLE


class CredentialsError(Unreachable):
    """The provider refuses the key, or the account behind it."""


class Outage(Unreachable):
    """A host was given up after nothing but failures.

    Parameters
    ----------
    why
        Why it was given up, and not asked again.
    error
        The last failure.
    """

    def __init__(self, why: str, error: Exception, *, hint: str | None = None) -> None:
        super().__init__(why, hint=hint)
        self.error = error


class Stopped(Exception):
    """Not sent, because the run is to stop."""

    answered: Any = None  # as an `ArgqualError`'s


def nearest(name: str, known: Iterable[str]) -> str:
    """A phrase that helps with a misspelt name: the nearest known ones, or all of them."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.6)
    if close:
        return "Did you mean " + " or ".join(f"'{match}'" for match in close) + "?"
    return ("Known: " + ", ".join(names) + ".") if names else ""
