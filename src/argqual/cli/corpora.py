"""`argqual corpora`: human judgements to measure against: list, fetch, check, and cards of one's own."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from argqual.cli import complete
from argqual.cli.options import Format, FormatOption, PlainProgress, readable, step, wanted_format, write_new
from argqual.errors import EXIT_SOME_FAILED, ArgqualError, CardError, CorpusError, Unreachable
from argqual.report.plain import clean, paragraph, shortened

if TYPE_CHECKING:
    from argqual.corpora.card import Card
    from argqual.corpora.corpus import Corpus

app = typer.Typer(help="Corpora of human judgements: list, fetch, check.", no_args_is_help=True, rich_markup_mode=None)

_NAME = Annotated[
    str, typer.Argument(metavar="CORPUS", help="A name, or the YAML file of a card.", autocompletion=complete.corpora)
]
_NAMES = Annotated[
    list[str],
    typer.Argument(metavar="CORPUS...", help="Names, or YAML files of cards.", autocompletion=complete.corpora),
]


@app.command("list")
def list_corpora(format: FormatOption = None) -> None:
    """All corpora that can be named, and where they stand."""
    from argqual.corpora.cards import known_cards, read_card
    from argqual.report.corpora import size, targets

    with readable(known_cards(), read_card) as found:
        rows: list[dict[str, Any]] = [
            {
                "id": name,
                "title": card.title,
                "licence": card.licence.id,
                "forbids": list(card.licence.forbids),
                "arguments": card.figures.arguments,
                "size": size(card),
                "domain": card.domain,
                "targets": targets(card),
                "state": state_of(card, path),
                "file": str(path),
            }
            for name, path, card in found
        ]
        if wanted_format(format) is Format.JSON:
            typer.echo(json.dumps(rows, indent=2, ensure_ascii=False))
            return
        for row in rows:
            number = "" if row["arguments"] is None else f"{row['arguments']:,} arguments"
            typer.echo(clean(f"{row['id']:18} {number:16} {shortened(row['licence'], 24):24} {row['state']}".rstrip()))
            typer.echo(paragraph(f"{row['title']}. {row['domain'].capitalize()}; targets: {row['targets']}", indent=19))


def state_of(card: "Card", path: Path) -> str:
    """Whether a corpus can be read now, and if not, what that takes."""
    from argqual.corpora.fetch import is_fetched
    from argqual.report.corpora import size

    if not card.files:
        return "described only"
    if is_fetched(card, path):
        return "fetched" if card.source else "own file"
    if card.by_request:
        return "on request"
    if not card.source:
        return "file missing"
    return f"to fetch, {size(card)}" if card.size else "to fetch"


@app.command("info")
def info(name: _NAME, format: FormatOption = None) -> None:
    """A corpus' card: licence, scales, agreement, ceilings, what it shares with others, traps, citation."""
    from argqual.corpora.cards import load_card
    from argqual.report.corpora import card_text

    card, path = load_card(name)
    if wanted_format(format) is Format.JSON:
        typer.echo(card.model_dump_json(indent=2, by_alias=True, exclude_defaults=True))
        return
    typer.echo(card_text(card, state_of(card, path)))


@app.command("fetch")
def fetch_corpora(
    names: _NAMES,
    accept: Annotated[
        bool, typer.Option("--accept-licence", help="Agree to licences that forbid something, without being asked.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Fetch them again, also when they are there.")] = False,
) -> None:
    """Bring corpora into the cache: from ARGQUAL_MIRROR, or from where they were released; each file is verified."""
    from argqual.corpora.cards import load_card

    cards = [load_card(name) for name in names]
    failures: list[ArgqualError] = []
    for card, path in cards:
        try:
            folder = _fetch(card, path, accept=accept, force=force)
        except (CorpusError, Unreachable) as error:
            if len(cards) == 1:
                raise
            failures.append(error)
            typer.echo(f"argqual: {clean(str(error))}", err=True)
            continue
        unverified = sum(file.sha256 is None and file.rows_sha256 is None for file in card.files)
        said = f"{unverified} without a hash to verify" if unverified else "every SHA-256 as the card says"
        number = f"{len(card.files)} file{'' if len(card.files) == 1 else 's'}"
        typer.echo(paragraph(f"{card.id}: {number} in {folder}, {said}.", hanging=2))
    if failures:
        raise typer.Exit(max(error.exit_code for error in failures))


def _fetch(card: "Card", path: Path, *, accept: bool, force: bool) -> Path:
    from argqual.corpora.fetch import describe_fetch, fetch, is_fetched, needs_consent

    # Where there is nobody to ask, fetching says how to agree.
    if not accept and needs_consent(card) and sys.stdin.isatty() and sys.stderr.isatty():
        licence = card.licence
        words = f"{card.id} is under {licence.id}, which forbids {' and '.join(licence.forbids)}. {licence.terms}"
        print(paragraph(f"{words} ({licence.evidence})"), file=sys.stderr)
        if not typer.confirm("Do you agree to keep to it?", default=False, err=True):
            raise CorpusError(f"{card.id} was not fetched.", hint="Its licence has to be agreed to.")
        accept = True
    if not card.source or (is_fetched(card, path) and not force):
        with step(f"Checking {card.id}"):
            return fetch(card, path, accepted=accept, force=force)
    doing = f"Fetching {card.id}"
    print(paragraph(f"{doing}: {describe_fetch(card)}", hanging=2), file=sys.stderr)
    return fetch(card, path, accepted=accept, force=force, progress=PlainProgress(doing))


@app.command("check")
def check(
    names: _NAMES,
    leaks: Annotated[bool, typer.Option("--leaks", help="Also look for texts and topics that they share.")] = False,
    draws: Annotated[int, typer.Option(min=100, help="Bootstrap draws of each interval.")] = 1000,
    format: FormatOption = None,
) -> None:
    """Recompute what the cards promise, and say where the files differ.

    Exits with 1 when something differs.
    """
    from argqual.report.corpora import findings_text, leaks_text

    with step("Loading"):
        from argqual.corpora.check import check_corpus, check_overlaps
        from argqual.corpora.reading import read_corpus

    read: dict[str, Corpus] = {}
    for name in names:
        with step(f"Reading {name}"):
            read[name] = read_corpus(name)
    as_text = wanted_format(format) is not Format.JSON
    report: list[dict[str, Any]] = []
    differs = False
    for place, (name, corpus) in enumerate(read.items()):
        with step(f"Checking {name}"):
            findings = check_corpus(corpus, draws=draws)
            overlaps, unread = check_overlaps(corpus, list(read.values()))
        findings += overlaps
        differs |= any(each.verdict == "differs" for each in findings)
        if as_text:
            typer.echo("\n" * (place > 0) + findings_text(corpus.card, findings))
            for other in unread:
                typer.echo(paragraph(f"What it shares with {other} was not checked: {other} is not fetched."))
        else:
            found = [{**asdict(each), "verdict": each.verdict} for each in findings]
            report.append({"corpus": corpus.card.id, "findings": found, "not_checked": unread})
    said: dict[str, Any] = {"corpora": report}
    if leaks:
        with step("Comparing all texts"):
            from argqual.corpora.groups import summary_of

            summary = summary_of(list(read.values()))
        said["leaks"] = asdict(summary)
        if as_text:
            typer.echo("\n" + leaks_text(summary))
    if not as_text:
        typer.echo(json.dumps(said, indent=2))
    if differs:
        raise typer.Exit(EXIT_SOME_FAILED)


@app.command("new")
def new(
    name: Annotated[str, typer.Argument(help="The new corpus' id, such as my-comments.")],
    table: Annotated[Path, typer.Option("--from", help="Your CSV, TSV, JSONL or Parquet file.")],
    text: Annotated[str | None, typer.Option(help="The column with the texts; guessed by default.")] = None,
    label: Annotated[list[str] | None, typer.Option(help="A column with judgements; may be repeated.")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The card; by default NAME.yaml beside the file.")
    ] = None,
) -> None:
    """Write a card for a table of your own, with a comment on every line to check."""
    from argqual.corpora.cards import parse_card
    from argqual.corpora.new import draft_card

    path = output or table.parent / f"{name}.yaml"
    if path.parent.resolve() != table.parent.resolve():
        raise CardError(
            f"{path} does not lie beside {table}, and a card looks for its files beside itself.",
            hint=f"Write it to {table.parent}.",
        )
    card, notes = draft_card(name, table, text=text, labels=label or ())
    parse_card(card, name=str(path))
    write_new(path, card, CardError)
    typer.echo(clean(f"Wrote {path}."))
    for note in notes:
        typer.echo(paragraph(f"- {note}", hanging=2))
    typer.echo(clean(f"Look through it, then: argqual corpora check {path}"))


@app.command("export")
def export(
    name: _NAME,
    output: Annotated[Path, typer.Option("--output", "-o", help="A .parquet, .jsonl or .csv file.")],
    proxies: Annotated[
        bool, typer.Option("--proxies", help="Fill targets also with labels that only measure something akin.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
) -> None:
    """Write a corpus as a table, ready for 'argqual score': text, issue, group, targets, labels.

    A CSV has a column for each label (`label_NAME`) and leaves out single judgements.
    """
    if output.suffix not in (".parquet", ".jsonl", ".csv"):
        raise CorpusError(f"{output} is neither .parquet, .jsonl nor .csv.", hint="Give it one of these endings.")
    if output.exists() and not force:
        raise CorpusError(f"{output} is there already.", hint="Choose another name, or --force.")
    with step(f"Reading {name}"):
        from argqual.corpora.reading import load_corpus, write_dataset

        rows = load_corpus(name, proxies=proxies)
    try:
        write_dataset(rows, output)
    except OSError as error:
        raise CorpusError(f"Cannot write {output}: {error.strerror or error}.") from None
    typer.echo(clean(f"{rows.num_rows:,} arguments in {output}."))


@app.command("schema")
def schema() -> None:
    """The JSON Schema of corpus cards, for editors that complete and check YAML."""
    from argqual.corpora.cards import card_schema

    typer.echo(json.dumps(card_schema(), indent=2))
