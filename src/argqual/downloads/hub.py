"""The Hugging Face hub: single files of a model, a model's repository, and data sets that are streamed.

Its library is quietened, since its warnings hold signed addresses, and what it and its own libraries raise is told in
argqual's words.
"""

from __future__ import annotations

import itertools
import os
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from argqual.downloads.files import DISK_FULL, SourceError, chain_of, hosts_only, said_by
from argqual.downloads.http import CONNECT_SECONDS, Download, open_client, quiet
from argqual.downloads.job import FetchJob, Progress

if TYPE_CHECKING:
    import httpx

_HUB_SECONDS = 5.0  # for a hub's first answer; HF_HUB_ETAG_TIMEOUT, where it is set, is heeded instead

HubTrouble = Literal["gated", "absent", "unreachable", "other"]
"""Access has to be asked for; there is no such repository; no connection; anything else."""


def from_hub(job: FetchJob, repository: str, revision: str | None = None) -> None:
    """Bring files of a model's repository, by their paths. A file that the hub says is another is not begun.

    They are fetched as from any web address, since the hub's own library begins anew after a process was killed.
    """
    from huggingface_hub import hf_hub_url

    with _client() as client:
        for file in list(job.wanted):
            url = hf_hub_url(repository, file.path, revision=revision, endpoint=_endpoint())
            with asking_hub(_failure, "huggingface_hub"):
                offered = _ask(url).etag or ""
            if re.fullmatch("[0-9a-f]{64}", offered) and file.sha256 not in (None, offered):
                raise SourceError(f"{file.path} is another file: its SHA-256 is {offered}, expected {file.sha256}")
            job.keep(
                file, Download(client, url, job.staging / "hub", job.report).finish(file.most_bytes, file.exact_bytes)
            )


def _client() -> AbstractContextManager[httpx.Client]:
    """A client that knows the user's token; it is sent to the hub alone, and to no place that the hub points to."""
    from huggingface_hub import constants, get_token

    token = None if constants.HF_HUB_DISABLE_IMPLICIT_TOKEN else get_token()
    return open_client({"Authorization": f"Bearer {token}"} if token else {})


@dataclass(frozen=True)
class HubFile:
    """What the hub says of a file: its bytes and SHA-256 where it knows them, and the commit that it is of."""

    bytes: int | None
    sha256: str | None
    commit: str | None


class HubRefusal(SourceError):
    """The hub does not give a file: there is none, or access has to be asked for (`gated`).

    `files` are those that the repository has, where it has any and shows them.
    """

    def __init__(self, reason: str, *, gated: bool = False, files: Sequence[str] = ()) -> None:
        super().__init__(reason, unreachable=gated)
        self.gated, self.files = gated, files


def hub_file(repository: str, path: str, revision: str | None = None) -> HubFile:
    """What the hub has under a path of a model's repository; nothing is fetched.

    Raises a `HubRefusal` where it has no such file, or not for this user, and a `SourceError` where it cannot be asked.
    """
    from huggingface_hub import errors, hf_hub_url

    with asking_hub(_failure, "huggingface_hub"):
        try:
            found = _ask(hf_hub_url(repository, path, revision=revision, endpoint=_endpoint()))
        except errors.HfHubHTTPError as error:
            status = error.response.status_code
            if isinstance(error, errors.GatedRepoError) or status in (401, 403):
                raise HubRefusal(f"{repository} is closed, or there is no such repository", gated=True) from None
            if isinstance(error, errors.RepositoryNotFoundError):
                raise HubRefusal(f"there is no repository {repository}") from None
            if isinstance(error, errors.RevisionNotFoundError):
                raise HubRefusal(f"{repository} has no revision {revision}") from None
            if status == 404:
                files = _files_of(repository, revision)
                no_repository = (
                    "" if files or isinstance(error, errors.EntryNotFoundError) else ", if it is there at all"
                )
                raise HubRefusal(f"{repository} has no file {path}{no_repository}", files=files) from None
            raise
    etag = found.etag or ""
    return HubFile(found.size, etag if re.fullmatch("[0-9a-f]{64}", etag) else None, found.commit_hash)


def _files_of(repository: str, revision: str | None) -> list[str]:
    from huggingface_hub import HfApi

    try:
        info = HfApi(endpoint=_endpoint()).model_info(repository, revision=revision, timeout=_HUB_SECONDS)
    except Exception:  # whatever it is: it was only asked for a hint
        return []
    return [each.rfilename for each in info.siblings or ()]


def first_bytes(repository: str, path: str, revision: str | None, count: int) -> bytes:
    """How a file on the hub begins; a `SourceError` where that cannot be had."""
    import httpx
    from huggingface_hub import hf_hub_url

    url = hf_hub_url(repository, path, revision=revision, endpoint=_endpoint())
    begun = b""
    try:
        with _client() as client, client.stream("GET", url, headers={"Range": f"bytes=0-{count - 1}"}) as response:
            if response.status_code in (200, 206):
                for chunk in response.iter_bytes():
                    begun += chunk
                    if len(begun) >= count:
                        break
                return begun[:count]
            raise SourceError(f"HTTP {response.status_code}", unreachable=response.status_code >= 500)
    except httpx.HTTPError as error:
        raise SourceError(f"cannot be reached: {said_by(error)}", unreachable=True) from None


def fetch_repository(repository: str, is_wanted: Callable[[str], bool], needed: str, progress: Progress | None) -> Path:
    """The files of a model's repository that `is_wanted` by their paths, in the hub library's own cache.

    At least one of them has the ending `needed`. Raises a `SourceError` if the hub does not give them, and an
    `OSError` if the disk is full.
    """
    from huggingface_hub import HfApi, hf_hub_download, hf_hub_url

    utils: Any = import_module("huggingface_hub.utils")  # it declares no types

    class NoBar(utils.tqdm):  # type: ignore[misc]
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **(options | {"disable": True}))

    with asking_hub(_failure, "huggingface_hub"):
        _ask(hf_hub_url(repository, "config.json", endpoint=_endpoint()))
        siblings = HfApi(endpoint=_endpoint()).model_info(repository, files_metadata=True).siblings or []
        sizes = {each.rfilename: each.size or 0 for each in siblings if is_wanted(each.rfilename)}
        if not any(file.endswith(needed) for file in sizes):
            raise SourceError(f"it has no {needed.lstrip('.')} weights, and pickled ones are not read")
        done = 0
        for file, size in sizes.items():
            local = hf_hub_download(repository, file, endpoint=_endpoint(), tqdm_class=NoBar)
            done += size
            if progress:
                progress(done, sum(sizes.values()), "hub")
    return Path(local).parents[file.count("/")]


def _endpoint() -> str | None:
    return os.environ.get("HF_ENDPOINT") or None


@contextmanager
def asking_hub(told: Callable[[Exception], SourceError], *loggers: str) -> Iterator[None]:
    """Raise what a hub's libraries do, but for a full disk, as `told`; what their `loggers` say is kept quiet."""
    try:
        with quiet(*loggers):
            yield
    except SourceError:
        raise
    except Exception as error:  # from several libraries; whatever it is, the next source is tried
        if isinstance(error, OSError) and error.errno in DISK_FULL:
            raise
        raise told(error) from None


def _failure(error: BaseException) -> SourceError:
    if status := getattr(getattr(error, "response", None), "status_code", None):
        meaning = {401: "credentials refused or no such file", 403: "access refused", 404: "no such file"}
        return SourceError(f"HTTP {status}, {meaning.get(status, 'hub in trouble')}", unreachable=status != 404)
    said = hosts_only(f"{type(error).__name__}: {error}")
    if _no_connection(error):
        return SourceError(f"cannot be reached: {said}", unreachable=True)
    return _failure(error.__cause__) if error.__cause__ else SourceError(said)


def _no_connection(error: BaseException) -> bool:
    """Whether an error of a hub's libraries is that of a connection, and no answer.

    By name, since huggingface_hub has gone from httpx to httpx2, and either may be installed.
    """
    of_http = any(each.__name__ == "TransportError" for each in type(error).__mro__)
    return of_http or isinstance(error, (ConnectionError, TimeoutError))


def _ask(url: str) -> Any:
    """Ask once for what the hub says of a file (its ETag is its SHA-256), and give up in time.

    An unreachable hub keeps `hf_hub_download` busy for minutes, and its time limits hold for each address of the hub
    and not at all for the look-up of its name. So a thread asks, and is left behind when it takes too long.
    """
    from huggingface_hub import constants, get_hf_file_metadata

    seconds = constants.HF_HUB_ETAG_TIMEOUT if os.environ.get("HF_HUB_ETAG_TIMEOUT") else _HUB_SECONDS
    answers: list[Any] = []

    def ask() -> None:
        try:
            answers.append(get_hf_file_metadata(url, timeout=seconds))
        except Exception as error:  # for the thread that waits
            answers.append(error)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(seconds)
    if not answers:
        raise SourceError(f"no answer within {seconds:g} s", unreachable=True)
    if isinstance(answers[0], Exception):
        raise answers[0]
    return answers[0]


def dataset_revision(repository: str, revision: str | None = None) -> str | None:
    """The commit to read, so that a data set does not change while it is read; None if the hub does not say.

    An unreachable hub would keep `datasets` busy for half a minute; this asks it first.
    """
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError, RevisionNotFoundError

    try:
        return HfApi().dataset_info(repository, revision=revision, timeout=CONNECT_SECONDS).sha
    except (RepositoryNotFoundError, RevisionNotFoundError):
        raise
    except HfHubHTTPError:
        return revision


def stream_dataset(repository: str, config: str | None, **chosen: str | None) -> Any:
    """A data set, or a chosen `split` or `revision` of it, of which nothing is downloaded whole or kept."""
    library: Any = import_module("datasets")  # it declares no types
    library.disable_progress_bars()
    return library.load_dataset(repository, config, streaming=True, **chosen)


def trouble_of(error: BaseException) -> HubTrouble:
    """What kind of trouble an error of a data set's libraries, or of theirs (httpx, aiohttp, fsspec), tells of."""
    from huggingface_hub import errors as hub

    causes = list(itertools.islice(chain_of(error), 10))
    if any(isinstance(each, hub.GatedRepoError) or "gated dataset" in str(each) for each in causes):
        return "gated"
    if any(isinstance(each, hub.RepositoryNotFoundError) for each in causes) or "doesn't exist" in str(error):
        return "absent"
    offline = any(_no_connection(each) or isinstance(each, hub.OfflineModeIsEnabled) for each in causes)
    return "unreachable" if offline else "other"
