"""The matrix of providers and read-outs in docs/models-and-readouts.md: `python tests/matrix.py --write` makes it.

Each cell was asked for, over real HTTP, of a server on loopback that speaks the provider's wire format
(`dialects.py`); a test compares the page with what comes of that today.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

sys.path.insert(0, str(Path(__file__).parent))

from argqual.assessment import Assessment
from argqual.errors import ArgqualError
from argqual.frameworks.catalogue import parse_framework
from argqual.judging.judge import Judge
from argqual.models.connect import connect
from conftest import TWO_QUESTIONS
from dialects import DIALECTS, KEY, READ, THOUGHT, Dialect, Spoken, systemone

PAGE = Path(__file__).parents[1] / "docs" / "models-and-readouts.md"
BEGIN, END = "<!-- matrix -->", "<!-- /matrix -->"
TEXT = "Take an umbrella: the forecast says rain."
COLUMNS = ("expect", "label", "votes", "verbal", "decide", "--explain", "thinking", "caching")
WAYS = ("option", "variable")
"""How the address is given: DSPy's own transport asks the first, and litellm nearly always the second."""
_BOTH_WAYS = ("label", "--explain", "thinking", "caching")
_FRAMEWORK = parse_framework(TWO_QUESTIONS, name="two.yaml")
# Providers keep what begins a prompt from about a thousand tokens on.
_LONG = parse_framework(
    TWO_QUESTIONS.replace("question: Is it clear?", f"question: Is it clear? {'It says what it means. ' * 250}"),
    name="long.yaml",
)
_READOUTS = {"votes": "votes:2", "--explain": "label", "thinking": "auto", "caching": "label"}
_MARKS = {"rated": "✓", "known": "–", "refused": "✗", "silent": "·"}
# What is said of an answer, and the letter that stands for it in the table.
_LETTERS = (
    ("a", "schema of the answer", "the server takes no schema of the answer"),
    ("b", "how long texts are", "nor limits to the length of texts in a schema"),
    ("c", "likeliest tokens", "it gives log-probabilities of five tokens"),
    ("d", "no system message", "it takes no system message"),
    ("e", "temperature was", "it takes no temperature of 0"),
    ("f", "seed was", "it takes no seed"),
    ("g", "thinks first", "it was not known to think, and was asked again with room for that"),
)  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """What came of one cell: rated; refused before anything was asked; or refused by the server, with a remedy.

    `letters` name what had to be learnt, `said` is the error.
    """

    kind: Literal["rated", "known", "refused", "silent"]
    letters: str = ""
    said: str = ""

    @property
    def mark(self) -> str:
        return f"{_MARKS[self.kind]} {self.letters}".strip()


@contextmanager
def asked_by(dialect: Dialect, url: str, way: str) -> Iterator[str | None]:
    """An environment in which a user asks a provider at an address; the address where it is given as an option."""
    prefix, address = dialect.provider.upper(), url + dialect.base
    before = dict(os.environ)
    for name in [name for name in os.environ if name.endswith(("_API_KEY", "_API_BASE", "_BASE_URL"))]:
        del os.environ[name]
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"ARGQUAL_STORE": f"{folder}/store.sqlite", "ARGQUAL_CAPABILITIES": f"{folder}/known.json"}
        os.environ |= {f"{prefix}_API_KEY": KEY, **dialect.variables}
        if way == "variable":
            os.environ[f"{prefix}_API_BASE"] = address
        try:
            yield address if way == "option" else None
        finally:
            os.environ.clear()
            os.environ.update(before)


def outcome(server: Spoken, row: str, column: str, way: str) -> Outcome:
    """Ask for one cell; an `AssertionError` when what comes of it is neither a right rating nor a plain error."""
    dialect = DIALECTS[row]
    if dialect.form is systemone and column == "thinking":
        return Outcome("known", said="a decision endpoint does not think")
    thinking = column == "thinking"
    server.speaks(dialect, thinking=thinking)
    name = dialect.thinker if thinking and dialect.thinker else dialect.model
    with asked_by(dialect, server.url, way) as address:
        try:
            judge = Judge(
                _LONG if column == "caching" else _FRAMEWORK,
                model=connect(name, api_base=address),
                readout="label" if thinking and row == "OpenAI, decisions" else _READOUTS.get(column, column),
                explain=column == "--explain",
            )
            if column == "caching":
                judge.assess(TEXT + " Take a coat as well.")
            found = judge.assess(TEXT)
        except ArgqualError as error:
            return _refused(error, bool(server.requests), (row, column, way))
    return _rated(found, row, column, way)


def _refused(error: ArgqualError, asked: bool, where: tuple[str, ...]) -> Outcome:
    assert error.hint or "only serves" in str(error), (*where, f"no remedy in: {error}")
    assert KEY not in str(error), where
    return Outcome("refused" if asked else "known", said=str(error))


def _rated(found: Assessment, row: str, column: str, way: str) -> Outcome:
    where = (row, column, way, found.overall.reason, found.notes)
    assert [round(rating.value or 0, 4) for rating in found.ratings] == [2.0, 3.0], where
    assert [bool(rating.rationale) for rating in found.ratings] == [column == "--explain"] * 2, where
    usage = found.usage
    assert usage.input_tokens is not None and usage.input_tokens == READ * usage.requests, where
    if column == "thinking":
        assert (usage.output_tokens or 0) > THOUGHT, where
    letters = "".join(letter for letter, part, _ in _LETTERS if any(part in note for note in found.notes))
    if column == "caching" and not usage.cached_tokens:
        return Outcome("silent", letters)
    return Outcome("rated", letters)


def row_of(server: Spoken, row: str) -> dict[str, dict[str, Outcome]]:
    """What came of a row's cells, by column and way."""
    return {
        column: {way: outcome(server, row, column, way) for way in WAYS[: 1 + (column in _BOTH_WAYS)]}
        for column in COLUMNS
    }


def table(rows: dict[str, dict[str, dict[str, Outcome]]]) -> str:
    """The matrix as Markdown, with the legend of what stands in it."""
    lines = ["| | written | " + " | ".join(COLUMNS) + " |", "| --- | --- |" + " :-: |" * len(COLUMNS)]
    used: set[str] = set()
    for row, cells in rows.items():
        marks = []
        for ways in (list(cells[column].values()) for column in COLUMNS):
            letters = "".join(sorted(set("".join(each.letters for each in ways))))
            used |= set(letters)
            marks.append(Outcome(ways[0].kind, letters).mark)
        lines.append(f"| {row} | `{DIALECTS[row].provider}/` | {' | '.join(marks)} |")
    learnt = "; ".join(f"{letter}: {what}" for letter, _, what in _LETTERS if letter in used)
    return "\n".join([*lines, "", f"Learnt at the first refusal, kept, and named in the notes: {learnt}."])


def main() -> None:
    server = Spoken()
    made = table({row: row_of(server, row) for row in DIALECTS})
    server.close()
    if "--write" not in sys.argv:
        print(made)
        return
    page = PAGE.read_text(encoding="utf-8")
    PAGE.write_text(
        re.sub(f"{BEGIN}.*{END}", lambda _: f"{BEGIN}\n{made}\n{END}", page, flags=re.DOTALL), encoding="utf-8"
    )


if __name__ == "__main__":
    main()
