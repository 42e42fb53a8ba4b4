"""The options of `argqual score` in groups, and which of them do not go together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from argqual.cli.options import (
    ApiBaseOption,
    DefinitionsChoice,
    DefinitionsOption,
    EffortOption,
    FrameworkOption,
    ModelOption,
    ReadoutOption,
    ScoreFormat,
    of_cost,
    of_model,
    of_output,
    of_table,
    what,
)
from argqual.errors import InputError


class QuotingChoice(StrEnum):
    """How quotes in CSV and TSV are read."""

    MINIMAL = "minimal"
    NONE = "none"


class SplitChoice(StrEnum):
    """What a long text is split into."""

    PARAGRAPHS = "paragraphs"
    ARGUMENTS = "arguments"


@dataclass(frozen=True, kw_only=True)
class Rated:
    """What is scored: one argument, or the rows of a table; each perhaps in parts."""

    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="TEXT|FILE|TABLE|-",
            help="The argument: text (after -- if it begins with -), a file, or - for a pipe. Or many: CSV, JSON, "
            "Parquet, .xlsx, a folder, several files, hf://OWNER/NAME:SPLIT.",
            rich_help_panel="What to rate",
        ),
    ]
    issue: Annotated[str | None, what(help="The question that the argument answers; for a table, its column.")] = None
    stance: Annotated[str | None, what(help="The side that it takes; or its column.")] = None
    context: Annotated[str | None, what(help="What it replies to, or where it stands; or its column.")] = None
    text: Annotated[str | None, of_table(help="The column that holds the arguments.")] = None
    id: Annotated[str | None, of_table(help="The column that names them.")] = None
    split: Annotated[
        SplitChoice | None, of_table(help="Rate a long text, or that of each row, in parts and as a whole.")
    ] = None
    lines: Annotated[bool, of_table("--lines", help="Each line is an argument, or a JSON object with one.")] = False
    limit: Annotated[int | None, of_table(metavar="N", min=1, help="Only the first rows.")] = None
    encoding: Annotated[str, of_table(help="Of a CSV, TSV or JSON file.")] = "utf-8"
    delimiter: Annotated[str | None, of_table(help="Of a CSV file; found by itself as a rule.")] = None
    quoting: Annotated[
        QuotingChoice | None,
        of_table(help="In CSV and TSV: quotes enclose cells, or are characters like others. Default: as it looks."),
    ] = None
    sheet: Annotated[str | None, of_table(metavar="NAME|N", help="Of a spreadsheet. Default: the first.")] = None

    @property
    def source(self) -> str:
        """What was named, or the first of several files."""
        return self.sources[0]

    @property
    def is_table(self) -> bool:
        """Whether there is more than one argument; quick, for an argument given as text."""
        if len(self.sources) > 1:
            return True
        if self.lines or "\n" in self.source or len(self.source) > 1000:
            return self.lines
        from argqual.tabular.sources import is_table

        return is_table(self.source)

    @property
    def in_parts(self) -> bool:
        """Whether it is one text, to be rated in parts."""
        return bool(self.split) and not self.is_table

    def in_rows(self, judging: Judging, written: Written) -> bool:
        """Whether one text is split into the rows of a table, and not into what people read."""
        rows = (ScoreFormat.CSV, ScoreFormat.JSONL)
        wanted = written.output or judging.plan or written.format in rows
        return self.in_parts and bool(wanted)


@dataclass(frozen=True, kw_only=True)
class Judging:
    """How a model is asked; a saved strategy has all that from its fit."""

    framework: FrameworkOption = "ratio"
    model: ModelOption = "local"
    readout: ReadoutOption = "auto"
    explain: Annotated[bool, what("--explain", "-e", help="Write a rationale and quotes before each rating.")] = False
    definitions: DefinitionsOption = DefinitionsChoice.FULL
    effort: EffortOption = None
    program: Annotated[Path | None, of_model(help="An optimised program saved for this framework.")] = None
    raw: Annotated[
        bool, of_output("--raw", help="Levels as the model gives them, not calibrated to people's ratings.")
    ] = False
    truncate: Annotated[bool, what("--truncate", help="Rate the beginning of an argument that is too long.")] = False
    plan: Annotated[
        bool, of_cost("--plan", help="Only say what scoring a table takes: requests, tokens, money, time.")
    ] = False
    retry_failed: Annotated[
        bool, of_table("--retry-failed", help="Ask again about the rows of the output that failed.")
    ] = False
    batch: Annotated[
        bool, of_cost("--batch", help="By the batch API of OpenAI or Anthropic: half the price, within a day.")
    ] = False
    max_cost: Annotated[float | None, of_cost(metavar="USD", min=0, help="Stop before this much is spent.")] = None
    price: Annotated[
        str | None, of_cost(metavar="IN,OUT", help="The model's price, USD a million tokens read and written.")
    ] = None
    concurrency: Annotated[
        int | None, of_model(metavar="N", min=1, max=512, help="Most requests at once. Default: 64; embedded models 1.")
    ] = None
    timeout: Annotated[
        float, of_model(metavar="SECONDS", min=0.001, max=86400, help="How long to wait for a hosted model.")
    ] = 120.0
    details: Annotated[
        bool, of_output("--details", help="A column with everything: probabilities, reasons, quotes, usage.")
    ] = False
    no_store: Annotated[bool, of_cost("--no-store", help="Do not keep assessments, nor use kept ones.")] = False
    api_base: ApiBaseOption = None
    engine: Annotated[str, of_model(help="Transport: auto, lm15 or litellm.", hidden=True)] = "auto"


@dataclass(frozen=True, kw_only=True)
class Written:
    """Where results go, and in which form."""

    output: Annotated[
        Path | None, of_output("--output", "-o", help="Write the scored table here: .parquet, .jsonl, .csv, .tsv.")
    ] = None
    format: Annotated[
        ScoreFormat | None, of_output(help="Default: text on a terminal, JSON elsewhere; JSONL for a table.")
    ] = None
    prefix: Annotated[
        str | None, of_output(help="What the names of the result columns begin with. Default: the framework's id.")
    ] = None
    resume: Annotated[bool, of_table("--resume", help="Go on with a table that was not finished.")] = False
    overwrite: Annotated[bool, of_table("--overwrite", help="Replace an output that is there already.")] = False

    @property
    def stream(self) -> str:
        """How rows go to stdout when there is no output file."""
        return "csv" if self.format is ScoreFormat.CSV else "jsonl"


_OF_TABLES = (
    "output", "text", "id", "plan", "batch", "resume", "overwrite", "retry_failed", "limit", "details", "prefix",
    "max_cost", "delimiter", "quoting", "sheet",
)  # fmt: skip


def check_options(
    called: typer.Context, rated: Rated, judging: Judging, written: Written, strategy: Path | None
) -> None:
    """Raise an `InputError` for the first of what does not go together."""
    for wrong, message, hint in (
        *_of_several(rated),
        *_only_for_tables(rated, {**rated.__dict__, **judging.__dict__, **written.__dict__}),
        *_of_formats(rated.is_table or rated.in_rows(judging, written), rated, written, judging.retry_failed),
        *(_of_batches(rated, judging, written) if judging.batch else ()),
        *(_not_with_strategy(called) if strategy else ()),
    ):
        if wrong:
            raise InputError(message, hint=hint)


# Each of these gives what does not go together: whether it was given, what is said of it, and what to do instead.
_Clashes = Iterator[tuple[object, str, str | None]]


def _of_several(rated: Rated) -> _Clashes:
    several = len(rated.sources) > 1
    yield several and rated.lines, "--lines takes one file.", "Put them together: cat FILES | argqual score - --lines"
    yield several and "-" in rated.sources, "- is standard input, and no file among others.", None


def _only_for_tables(rated: Rated, given: Mapping[str, object]) -> _Clashes:
    from argqual.tabular.sources import FORMATS

    hint = f"A table ends in {', '.join(FORMATS)}, or is a folder or hf://…; --lines takes lines."
    for name in () if rated.is_table else _OF_TABLES if not rated.split else ("text", "id", "limit"):
        yield given[name], f"{_option(name)} is for tables, and {rated.source[:60]!r} is none.", hint


def _of_formats(table: bool, rated: Rated, written: Written, retry_failed: bool) -> _Clashes:
    format, output = written.format, written.output
    csv, file = "Use --format text, json, jsonl or markdown.", "Or to a file, with --output."
    of_texts = (ScoreFormat.TEXT, ScoreFormat.JSON, ScoreFormat.MARKDOWN)
    yield not table and format is ScoreFormat.CSV, "CSV is for tables.", csv
    for_people = format in of_texts and not rated.in_parts
    yield table and for_people, f"A table is written as jsonl or csv, not as {format}.", file
    yield table and format and output, "The ending of --output says its format; leave out --format.", None
    needs_file = output is None and (written.resume or written.overwrite or retry_failed)
    yield needs_file, "--resume, --overwrite and --retry-failed need the file: give --output.", None


def _of_batches(rated: Rated, judging: Judging, written: Written) -> _Clashes:
    from argqual.models.names import is_embedded

    yield (
        is_embedded(judging.model),
        f"{judging.model} runs on this machine, and has no batch API.",
        "Leave out --batch, or name a model of OpenAI or Anthropic with --model.",
    )
    yield judging.no_store, "--batch keeps what it is answered in the store.", "Leave out --no-store."
    many = judging.concurrency is not None
    yield many, "--concurrency and --batch do not go together: the provider decides how many at once.", None
    yield rated.source == "-", "--batch reads a table several times, and standard input only once.", "Name a file."
    yield (
        written.output is None and not judging.plan,
        "--batch needs --output: a batch may take a day, and goes on by the file that it is for.",
        "For example --output scored.parquet; --plan needs none.",
    )


def _not_with_strategy(called: typer.Context) -> _Clashes:
    hint = "A strategy is used as it was fitted; argqual strategies show FOLDER says how."
    yield called.params.get("split"), "--split and --strategy do not go together.", "A strategy predicts whole texts."
    for field in fields(Judging):
        source = called.get_parameter_source(field.name)
        given = source is not None and source.name == "COMMANDLINE"
        yield given, f"{_option(field.name)} and --strategy do not go together.", hint


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"
