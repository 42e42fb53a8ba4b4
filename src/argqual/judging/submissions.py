"""A model's batches at its provider: submitted, found again, looked at, and their answers taken into the ledger.

What is to be submitted is written down first. A process that ends between that and the provider's answer leaves a
batch without an id: at OpenAI it is found by the tag that it carries, at Anthropic by the names in its answers.
"""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TypeVar

from argqual.errors import ModelError, Stopped, Unreachable
from argqual.judging.ledger import BatchLedger, Entry, Job
from argqual.models.batchapi import Answered, BatchApi
from argqual.models.connect import Model
from argqual.models.errorbodies import message_in
from argqual.models.failures import plain_errors
from argqual.models.traffic import RefusedByServer

T = TypeVar("T")
_MOST_FETCHES = 20  # of answers that are not where the provider says that they are
_MOST_SUBMISSIONS = 3  # of one batch, where the provider did not say whether it has it
_LOOKS = 3  # for a batch whose id was lost, and that may not be listed yet
_LISTED_AFTER = 600.0  # seconds
_KEPT_SECONDS = 29 * 86400.0  # that providers keep a batch's answers
_BUSY = (408, 409, 429)
_OF_KEYS = (401, 402, 403)


@dataclass
class Parcel:
    """Requests on their way into one file."""

    file: IO[bytes]
    tag: str = field(default_factory=lambda: f"argqual-{uuid.uuid4().hex[:20]}")
    entries: list[Entry] = field(default_factory=list)
    bytes: int = 0


class Submissions:
    """The batches of one model, in a ledger and at the provider.

    Parameters
    ----------
    place, run
        Where they are, and for what they are made, in the ledger.
    pause
        Seconds to wait where the provider may not be so far.
    tell
        Told what happens, in words; `True` beside them for what must not be missed.
    stopping
        Set when nothing more is to be waited for.

    Attributes
    ----------
    refused
        Why the provider refused batches as a whole.
    """

    def __init__(
        self,
        model: Model,
        api: BatchApi,
        ledger: BatchLedger,
        *,
        place: str,
        run: str,
        pause: float,
        tell: Callable[[str, bool], None],
        stopping: threading.Event,
    ) -> None:
        self.refused: list[str] = []
        self._model, self._api, self._ledger = model, api, ledger
        self._place, self._run, self._pause, self._tell, self._stopping = place, run, pause, tell, stopping
        self._fetches: dict[str, int] = {}

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Submit while no other process does."""
        while not self._ledger.enter(seconds=1.0):
            self._tell("another process is submitting a batch; waiting for it", False)
            if self._stopping.is_set():
                raise Stopped
        try:
            yield
        finally:
            self._ledger.leave()

    def submit(self, parcel: Parcel) -> None:
        """Give a file over. It is written down before, so that it is looked for if this process ends meanwhile."""
        parcel.file.close()
        try:
            newest = self._ask(self._api.newest)
        except ModelError as error:
            raise ModelError(
                f"There are no batches to be had. {error.message}",
                hint="Leave out --batch if the server at that address has no batch API.",
            ) from None
        self._ledger.intend(parcel.tag, self._place, self._run, newest, parcel.entries)
        job = Job(parcel.tag, time.time(), len(parcel.entries), newest, None, ())
        for tries in range(1, _MOST_SUBMISSIONS + 1):
            try:
                id = _shaped(lambda: self._api.submit(Path(parcel.file.name), parcel.tag))
                self._ledger.found(parcel.tag, [id], certain=True)
                break
            except Exception as error:
                refused = isinstance(error, RefusedByServer) and error.status < 500 and error.status not in _BUSY
                if not refused and (self._sought(job) or self._stopping.is_set()):
                    break
                if refused or tries == _MOST_SUBMISSIONS:
                    self._ledger.drop(parcel.tag)
                    with plain_errors(self._model):
                        raise
        ids = ", ".join(each.id or "not known yet" for each in self.under_way({parcel.tag}))
        self._tell(f"Submitted {len(parcel.entries):,} requests in a batch: {ids}", True)

    def seek_lost(self) -> None:
        """Look for batches that a process was submitting when it ended; those that never came to be are forgotten."""
        for job in self._ledger.jobs(self._place):
            if job.id is None and not job.perhaps and not self._sought(job):
                self._ledger.drop(job.tag)

    def _sought(self, job: Job) -> bool:
        """Whether the provider has a batch whose id did not come back, or may have it; it may be slow to list it."""
        for look in range(_LOOKS):
            after, many = job.newest_before, job.requests
            ids, certain = self._ask(lambda: self._api.find(job.tag, after=after, requests=many))  # noqa: B023
            if ids:
                self._ledger.found(job.tag, ids, certain=certain)
                return True
            if time.time() - job.created > _LISTED_AFTER or look == _LOOKS - 1:
                break
            self._stopping.wait(self._pause)
        return False

    def under_way(self, tags: Collection[str]) -> list[Job]:
        """Those of some batches that are not over."""
        return [job for job in self._ledger.jobs(self._place) if job.tag in tags]

    def look(self, job: Job, seconds: float) -> bool:
        """Whether a batch is over, `seconds` after the first look; then its answers are taken in."""
        try:
            return self._looked_at(job, job.id, seconds) if job.id else self._candidates_looked_at(job, seconds)
        except ModelError as error:  # a provider's batches and files are not everywhere at once
            return self._not_there(job, error)

    def _looked_at(self, job: Job, id: str, seconds: float) -> bool:
        progress = self._ask(lambda: self._api.progress(id))
        if not progress.over:
            counted = ", ".join(f"{number:,} {what}" for what, number in progress.counted.items() if number)
            self._tell(f"{id}: {counted or 'not begun'} after {seconds:,.0f} s", False)
            return False
        if progress.refused is not None:
            self._ledger.drop(job.tag)
            self.refused.append(progress.refused)
            return True
        answers = map(_passing, self._ask(lambda: self._api.answers(id, progress)))
        answered = self._ledger.take_in(job.tag, answers, missing=progress.ended, again=progress.again)
        self._tell(f"{id} is over: {answered:,} of {job.requests:,} requests came back.", True)
        return True

    def _not_there(self, job: Job, error: ModelError) -> bool:
        """Try on for a while; of a batch that the provider keeps no longer, ask the requests anew."""
        if time.time() - job.created > _KEPT_SECONDS:
            self._ledger.take_in(job.tag, (), missing="the provider no longer keeps the batch", again=True)
            self._tell(f"{job.id or 'a batch'} is no longer kept by the provider.", True)
            return True
        self._fetches[job.tag] = self._fetches.get(job.tag, 0) + 1
        if self._fetches[job.tag] >= _MOST_FETCHES:
            raise Unreachable(
                f"The answers of {job.id or 'a batch'} cannot be fetched. {error.message}",
                hint="--resume tries again, also later.",
            )
        self._tell(f"{job.id or 'a batch'}: its answers are not there yet; trying again", False)
        return False

    def _candidates_looked_at(self, job: Job, seconds: float) -> bool:
        """Find out which batch is the one whose id was lost: by the names in its answers, once it is over."""
        for id in job.perhaps:
            progress = self._ask(lambda: self._api.progress(id))  # noqa: B023
            if not progress.over:
                continue
            answers = self._ask(lambda: self._api.answers(id, progress))  # noqa: B023
            first = next(answers, None)
            if first and first.custom_id.startswith(f"{job.tag}-"):
                self._ledger.found(job.tag, [id], certain=True)
                return self._looked_at(job, id, seconds)
            others = [each for each in job.perhaps if each != id]
            self._ledger.found(job.tag, others, certain=False)
            if not others:
                self._ledger.drop(job.tag)
                return True
        self._tell(f"one of {', '.join(job.perhaps)}: not over yet", False)
        return False

    def _ask(self, call: Callable[[], T]) -> T:
        """What a call to the provider gives; what passes is waited out."""
        traffic = self._model.traffic

        def send() -> T:
            with traffic.under_way():
                return _shaped(call)

        with plain_errors(self._model):
            return traffic.run(send)[0]


def _shaped(call: Callable[[], T]) -> T:
    """What a call gives; a `ValueError` where the provider's answer has not the shape that is documented."""
    try:
        return call()
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        raise ValueError(f"an answer that is not of its documented form ({type(error).__name__}: {error})") from error


def _passing(answer: Answered) -> Answered:
    """An answer that says that the provider was too busy, or failed, or refused the key, as none: it may pass."""
    if answer.status in (*_BUSY, *_OF_KEYS) or answer.status >= 500:
        said = message_in(_json(answer.body)) or "it does not say why"
        return Answered(answer.custom_id, 0, f"{said} ({answer.status})".encode())
    if answer.status == 200 and not isinstance(_json(answer.body), dict):
        return Answered(answer.custom_id, 0, b"its answer is no answer of a model")
    return answer


def _json(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
