"""Read a corpus by the name of its card: fetched if need be, verified, checked row by row.

`load_corpus` gives a `datasets.Dataset`, with the same features whatever the corpus, so that tables of several corpora
can be put together with `datasets.concatenate_datasets`.
"""

import json
import os
from importlib import import_module
from pathlib import Path
from typing import Any

from argqual.corpora.card import TARGETS
from argqual.corpora.cards import load_card
from argqual.corpora.corpus import Corpus
from argqual.corpora.fetch import fetch as fetch_files
from argqual.corpora.fetch import is_fetched, verified
from argqual.corpora.readers.registry import find_reader
from argqual.errors import CardError, CorpusError

_TEXTS = ("corpus", "id", "text", "issue", "stance", "context", "domain", "type", "language", "split", "group", "unit")


def read_corpus(name: str | os.PathLike[str], *, fetch: bool = True) -> Corpus:
    """The corpus of a card: `name` is one (`dagstuhl`), or the path of a card.

    `fetch` brings the files when they are not there; otherwise that is an error. What a licence forbids has to be
    agreed to first: `argqual corpora fetch`.

    Raises a `CardError` if there is no such card, or it is not valid; a `CorpusError` if the files cannot be had, are
    not those of the card, or do not hold what it says, and the message names file, row and column.
    """
    card, path = load_card(name)
    if card.reader is None:
        raise CorpusError(
            f"{card.id} is described, but argqual has no reader for it.",
            hint=f"See 'argqual corpora info {card.id}'; a 'table' section in a card of your own may do.",
        )
    reader = find_reader(card.reader, path)
    to_fetch = fetch and card.source and not is_fetched(card, path)
    folder = fetch_files(card, path) if to_fetch else verified(card, path)
    texts = None
    if card.texts_from is not None:
        if load_card(card.texts_from)[0].texts_from:
            raise CardError(f"{path}: texts_from: {card.texts_from} has no texts of its own either.")
        texts = read_corpus(card.texts_from, fetch=fetch)
    corpus = reader(card, folder, texts)
    if not corpus.arguments:
        raise CorpusError(f"{path}: not one argument was read.", hint="Look at 'keep', and at the files.")
    seen: set[str | None] = set()
    for argument in corpus.texts:
        if argument.id in seen:
            raise CorpusError(f"{corpus.card.id}: two texts have the id '{argument.id}'.")
        seen.add(argument.id)
    return corpus


def load_corpus(name: str | os.PathLike[str], *, proxies: bool = False, fetch: bool = True) -> Any:
    """The arguments of a corpus as a `datasets.Dataset`, one row an argument.

    Columns: `corpus`, `id`, `text`, `issue`, `stance`, `context`, `domain`, `type`, `language`, `split` (the release's
    own) are text or null. `group` is what a splitter must keep together: the topic, joined with every other topic that
    shares a text. `unit` is what labels are comparable within. `overall`, `logic`, `rhetoric`, `dialectic`,
    `relevance`, `acceptability` and `sufficiency` are the targets on the corpus's own scale, null where it has none;
    higher is better. `labels` lists every label of the release (`name`, `value`), `annotations` every individual
    judgement (`annotator`, `label`, `value`; null: could not judge).

    Scales of two corpora are not comparable: see `argqual.corpora.targets.LabelStandardiser`.

    `name` is a corpus (`dagstuhl`), or the path of a card. `proxies` also fills targets with labels that only measure
    something akin to them; `fetch` brings the files when they are not there. Raises a `CardError` or a `CorpusError`,
    as `argqual.corpora.reading.read_corpus`.
    """
    import pyarrow as pa

    from argqual.corpora.groups import groups_of

    corpus = read_corpus(name, fetch=fetch)
    library: Any = import_module("datasets")  # it declares no types
    said: dict[str, list[dict[str, Any]]] = {argument.id or "": [] for argument in corpus.arguments}
    for each in corpus.annotations:
        if each.argument in said:
            said[each.argument].append({"annotator": each.annotator, "label": each.label, "value": each.value})
    groups = groups_of([corpus])
    rows = [
        {
            "corpus": corpus.card.id,
            "id": argument.id or "",
            **{name: getattr(argument, name) for name in ("text", "issue", "stance", "context", "domain", "type")},
            "language": corpus.card.language,
            "split": corpus.splits.get(argument.id or ""),
            "group": groups[corpus.card.id, argument.id or ""],
            "unit": corpus.unit(argument),
            **{target: corpus.target(argument, target, proxies=proxies) for target in TARGETS},
            "labels": [{"name": name, "value": value} for name, value in argument.labels.items()],
            "annotations": said[argument.id or ""],
        }
        for argument in corpus.arguments
    ]
    text, number = library.Value("string"), library.Value("float64")
    lists = {
        "labels": [{"name": text, "value": number}],
        "annotations": [{"annotator": text, "label": text, "value": number}],
    }
    features = library.Features(dict.fromkeys(_TEXTS, text) | dict.fromkeys(TARGETS, number) | lists)
    return library.Dataset(library.table.InMemoryTable(pa.Table.from_pylist(rows, schema=features.arrow_schema)))


def write_dataset(rows: Any, path: Path) -> None:
    """A loaded corpus as a .parquet, .jsonl or .csv file, whole or not at all.

    A CSV has a column for each label and no annotations, as a cell of it holds one value.
    """
    scratch = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        if path.suffix == ".parquet":
            import pyarrow.parquet as pq

            pq.write_table(rows.data.table, scratch)
        elif path.suffix == ".jsonl":
            with scratch.open("w", encoding="utf-8") as file:
                file.writelines(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows)
        else:
            table = rows.remove_columns(["labels", "annotations"]).to_pandas()
            said = [{each["name"]: each["value"] for each in labels} for labels in rows["labels"][:]]
            for name in dict.fromkeys(name for labels in said for name in labels):
                table[f"label_{name}"] = [labels.get(name) for labels in said]
            table.to_csv(scratch, index=False)
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)
