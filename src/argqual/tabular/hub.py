"""Data sets of the Hugging Face hub, streamed through `datasets`."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from argqual.downloads.sources import no_connection
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
            self._revision = _revision(self._repo)
            splits = self._load()
            self._split = _chosen_split(spec, found["split"], list(splits))
            self._data = splits[self._split]
            features = self._data.features
            if features is not None:
                self.schema = features.arrow_schema
                self.columns = tuple(features)
        if features is None:
            names = (dict.fromkeys(row.cells) for row in itertools.islice(self.rows(), PEEKED))
            self.columns = tuple(dict.fromkeys(itertools.chain.from_iterable(names)))

    def _load(self) -> Any:
        library: Any = import_module("datasets")  # it declares no types
        library.disable_progress_bars()
        return library.load_dataset(self._repo, self._config, streaming=True, revision=self._revision)

    def count(self) -> int | None:
        """As the data set's card says; it may say nothing."""
        info = (self._data.info.splits or {}).get(self._split)
        return int(info.num_examples) if info is not None and info.num_examples else None

    def identity(self) -> dict[str, str | int]:
        return {
            "kind": "hub",
            "repo": self._repo,
            "config": self._config or "",
            "split": self._split,
            "revision": self._revision or "unknown",
        }

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


def _revision(repo: str) -> str | None:
    """The commit that is read, so that a table does not change while it is read."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError

    try:
        return HfApi().dataset_info(repo).sha
    except RepositoryNotFoundError:
        raise
    except HfHubHTTPError:
        return None


@contextmanager
def _asking_hub(spec: str, repo: str) -> Iterator[None]:
    """Turn what the hub's libraries raise into an InputError that says what to do."""
    from huggingface_hub import errors as hub

    try:
        yield
    except InputError:
        raise
    except Exception as error:  # these libraries raise whatever theirs raise: httpx, aiohttp, fsspec, pyarrow
        causes = causes_of(error)
        page = f"https://huggingface.co/datasets/{repo}"
        if any(isinstance(each, hub.GatedRepoError) or "gated dataset" in str(each) for each in causes):
            raise InputError(
                f"{spec}: access has to be asked for.", hint=f"Accept its terms at {page}, then: hf auth login."
            ) from None
        if any(isinstance(each, hub.RepositoryNotFoundError) for each in causes) or "doesn't exist" in str(error):
            raise InputError(
                f"{spec}: the hub has no public data set '{repo}'.",
                hint="Check the spelling; for a private one: hf auth login.",
            ) from None
        if any(no_connection(each) or isinstance(each, hub.OfflineModeIsEnabled) for each in causes):
            raise InputError(
                f"{spec}: the Hugging Face hub cannot be reached ({reason_of(error)}).",
                hint="Check the connection, or download the file and name it.",
            ) from None
        hint = "Name the configuration: hf://OWNER/NAME/CONFIG:SPLIT." if "onfig" in str(error) else None
        raise InputError(f"Cannot read {spec}: {reason_of(error)}.", hint=hint) from error


def causes_of(error: BaseException) -> list[BaseException]:
    """The error and what led to it, nearest first; at most ten."""
    causes: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and len(causes) < 10:
        causes.append(cause)
        cause = cause.__cause__ or cause.__context__
    return causes
