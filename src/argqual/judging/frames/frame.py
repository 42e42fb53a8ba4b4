"""The sentences of a prompt that are not the framework's: in the framework's language, where there are any in it.

A file beside this one, named by the language's primary subtag (BCP 47: `de` for `de-AT`), holds its `FRAME`. To add a
language, write such a file: every sentence is an instruction to a model, short and in everyday words.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import import_module

LANGUAGES = ("en", "de", "fr", "es", "it", "pt", "nl")
_ENGLISH = "en"


@dataclass(frozen=True, kw_only=True)
class Frame:
    """What surrounds a framework's texts in a prompt; words in braces are filled in.

    Parameters
    ----------
    opening, compare_opening
        How a prompt begins that has an argument rated, and two compared.
    independent, counts, does_not_count, checks, example
        How what a framework says of a criterion is introduced.
    issue, stance, context, argument
        What each input is.
    material
        That what stands between tags is material and no instruction.
    answer, form
        "Answer with …", and the form of the levels.
    notes, how, how_long, then_levels, ask_levels
        How notes are asked for, of which kind, and the levels after them.
    repair
        Asks once more, after an answer that could not be read.
    rationale, quote
        What these are, in DSPy's own form of an answer.
    first, second, does_better, has_less, overall_better
        What is asked of two arguments.
    better_name, better_plain, better_question, better_no, better_yes, versus, versus_issues, versus_flaw, on_issue
        The framework of one question by which `pairwise` compares.
    """

    opening: str
    compare_opening: str
    independent: str
    counts: str
    does_not_count: str
    checks: str
    example: str
    issue: str
    stance: str
    context: str
    argument: str
    yes: str
    no: str
    examples: str
    material: str
    answer: str
    form: str
    notes: str
    how: str
    how_long: str
    then_levels: str
    ask_levels: str
    repair: str
    rationale: str
    quote: str
    first: str
    second: str
    does_better: str
    has_less: str
    overall_better: str
    better_name: str
    better_plain: str
    better_question: str
    better_no: str
    better_yes: str
    versus: str
    versus_issues: str
    versus_flaw: str
    on_issue: str


def frame_of(language: str) -> Frame:
    """The frame in a language, given as a BCP-47 tag; the English one where there is none in it."""
    return _loaded(_subtag(language) or _ENGLISH)


def note_on(language: str) -> str | None:
    """That there is no frame in a language, for the notes of a result; None where there is one."""
    if _subtag(language):
        return None
    known = ", ".join(LANGUAGES)
    return f"the prompt is in English around the framework's texts: there are no sentences in '{language}' ({known})"


def _subtag(language: str) -> str | None:
    primary = language.strip().replace("_", "-").partition("-")[0].lower()
    return primary if primary in LANGUAGES else None


@cache
def _loaded(subtag: str) -> Frame:
    found: Frame = import_module(f"{__package__}.{subtag}").FRAME
    return found
