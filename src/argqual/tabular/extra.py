"""What reads documents and spreadsheets comes with the extra `office`, and is loaded only where a file asks for it."""

from importlib import import_module
from pathlib import Path
from typing import Any

from argqual.errors import InputError


def office(module: str, path: Path) -> Any:
    """A module of the extra `office`; an `InputError` that says how to get it, and what needs it, where it is not."""
    try:
        return import_module(module)
    except ImportError:
        raise InputError(
            f"{path}: to read {path.suffix.lower()} files, argqual needs its extra 'office'.",
            hint='Install it: pip install "argqual[office]". Or save the file as plain text or CSV.',
        ) from None
