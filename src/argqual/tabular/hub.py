"""Data sets of the Hugging Face hub, streamed through `datasets`."""

import itertools
import re
from collections.abc import Iterator
from contextlib import contextmanager

from argqual.downloads.hub import dataset_revision, stream_dataset, trouble_of
from argqual.errors import InputError
from argqual.tabular.parquet import arrow_rows
from argqual.tabular.table import PEEKED, TableRow, TableSource, reason_of

_ADDRESS = re.compile(r"hf://(?:datasets/)?(?P<repo>[\w.-]+/[\w.-]+)(?:/(?P<config>[^:/@\s]+))?(?::(?P<split>[\w.]+))?")


class Hub(TableSource):
    """A data set that is streamed: nothing is downloaded whole."""

    def __init__(self, spec: str) -> None:
        found = _ADDRESS.fullmatch(spec)
        if found is None:
            raise InputError(
                f"{spec} is no address of a data set.",
                hint="Write hf://OWNER/NAME:SPLIT, or hf://OWNER/NAME/CONFIG:SPLIT.",
            )
        self.name = spec
        self._repo, self._config = found["repo"], found["config"]
        with _asking_hub(spec, self._repo):
            self._revision = dataset_revision(self._repo)
            splits = stream_dataset(self._repo, self._config, revision=self._revision)
            self._split = _chosen_split(spec, found["split"], list(splits))
            self._data = splits[self._split]
            features = self._data.features
            if features is not None:
                self.schema = features.arrow_schema
                self.columns = tuple(features)
        if features is None:
            names = (dict.fromkeys(row.cells) for row in itertools.islice(self.rows(), PEEKED))
            self.columns = tuple(dict.fromkeys(itertools.chain.from_iterable(names)))

    def count(self) -> int | None:
        """As the data set's card says; it may say nothing."""
        info = (self._data.info.splits or {}).get(self._split)
        return int(info.num_examples) if info is not None and info.num_examples else None

    def identity(self) -> dict[str, str | int]:
        found = {"kind": "hub", "repo": self._repo, "config": self._config or "", "split": self._split}
        return found | {"revision": self._revision or "unknown"}

    def rows(self, skip: int = 0) -> Iterator[TableRow]:
        data = self._data.skip(skip) if skip else self._data
        done = skip
        with _asking_hub(self.name, self._repo):
            # As Arrow tables: pictures and sounds are not decoded, and types stay exact.
            for table in data.with_format("arrow").iter(batch_size=200):
                yield from arrow_rows(table, done + 1)
                done += table.num_rows


def _chosen_split(spec: str, asked: str | None, splits: list[str]) -> str:
    split = asked or ("train" if "train" in splits else splits[0] if len(splits) == 1 else None)
    if split in splits:
        return split
    known = ", ".join(splits)
    if split is None:
        address = spec.removesuffix(":")
        raise InputError(f"Which split of {spec}? It has: {known}.", hint=f"For example: {address}:{splits[0]}.")
    raise InputError(f"{spec}: there is no split '{split}'; it has: {known}.")


@contextmanager
def _asking_hub(spec: str, repo: str) -> Iterator[None]:
    """Turn what the hub's libraries raise into an InputError that says what to do."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:  # these libraries raise whatever theirs raise: httpx, aiohttp, fsspec, pyarrow
        match trouble_of(error):
            case "gated":
                said = "access has to be asked for."
                hint = f"Accept its terms at https://huggingface.co/datasets/{repo}, then: hf auth login."
            case "absent":
                said = f"the hub has no public data set '{repo}'."
                hint = "Check the spelling; for a private one: hf auth login."
            case "unreachable":
                said = f"the Hugging Face hub cannot be reached ({reason_of(error)})."
                hint = "Check the connection, or download the file and name it."
            case "other":
                named = "Name the configuration: hf://OWNER/NAME/CONFIG:SPLIT." if "onfig" in str(error) else None
                raise InputError(f"Cannot read {spec}: {reason_of(error)}.", hint=named) from error
        raise InputError(f"{spec}: {said}", hint=hint) from None
