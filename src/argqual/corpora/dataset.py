"""A corpus as a `datasets.Dataset`, with the same features whatever the corpus.

So tables of several corpora can be put together with `datasets.concatenate_datasets`.
"""

import json
import os
from importlib import import_module
from pathlib import Path
from typing import Any

from argqual.corpora.card import TARGETS

_TEXTS = ("corpus", "id", "text", "issue", "stance", "context", "domain", "type", "language", "split", "group", "unit")


def load_corpus(name: str | os.PathLike[str], *, proxies: bool = False, fetch: bool = True) -> Any:
    """The arguments of a corpus as a `datasets.Dataset`, one row an argument.

    Columns: `corpus`, `id`, `text`, `issue`, `stance`, `context`, `domain`, `type`, `language`, `split` (the release's
    own) are text or null. `group` is what a splitter must keep together: the topic, joined with every other topic that
    shares a text. `unit` is what labels are comparable within. `overall`, `logic`, `rhetoric`, `dialectic`,
    `relevance`, `acceptability` and `sufficiency` are the targets on the corpus's own scale, null where it has none;
    higher is better. `labels` lists every label of the release (`name`, `value`), `annotations` every individual
    judgement (`annotator`, `label`, `value`; null: could not judge).

    Scales of two corpora are not comparable: see `argqual.corpora.targets.LabelStandardiser`.

    Parameters
    ----------
    name
        A corpus (`dagstuhl`), or the path of a card.
    proxies
        Also fill targets with labels that only measure something akin to them.
    fetch
        Bring the files when they are not there.

    Raises
    ------
    CardError, CorpusError
        As `argqual.corpora.reading.read_corpus`.
    """
    import pyarrow as pa

    from argqual.corpora.groups import groups_of
    from argqual.corpora.reading import read_corpus

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
