"""Many arguments by a provider's batches, against a loopback server that speaks OpenAI's and Anthropic's batch APIs."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from argqual.argument import Argument
from argqual.assessment import Assessment, Status
from argqual.errors import ArgqualError, CredentialsError, InputError, ModelError, ReadoutError, Unreachable
from argqual.frameworks.catalogue import load_framework
from argqual.frameworks.framework import Framework
from argqual.judging.batch import assess_all
from argqual.judging.judge import Judge
from argqual.judging.ledger import BatchLedger, Entry, ledger_path
from argqual.judging.rounds import ProviderBatch, place_of
from argqual.judging.store import Store
from argqual.models.batchapi import OpenAIBatches
from argqual.models.connect import connect
from argqual.models.prices import Price
from batchserver import BatchServer, Outcome, gone

OPENAI, ANTHROPIC = "openai/test", "anthropic/claude-sonnet-5-5"
BOTH = pytest.mark.parametrize("name", [OPENAI, ANTHROPIC])
PRICE = Price(1e-6, 4e-6)
TEXTS = [f"Trams are quiet, and I counted {number}." for number in range(12)]


@pytest.fixture
def server() -> Iterator[BatchServer]:
    with BatchServer(looks=1) as server:
        yield server


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store(tmp_path / "kept.sqlite") as store:
        yield store


def judge_of(server: BatchServer, framework: Framework, name: str = OPENAI, **settings: Any) -> Judge:
    judge = Judge(framework, model=connect(name, api_base=server.url, api_key="sk-planted-123"), **settings)
    judge.model.price = PRICE
    return judge


def rated(
    judge: Judge, store: Store, texts: list[str] = TEXTS, **settings: Any
) -> tuple[list[Assessment], ProviderBatch[str]]:
    batch: ProviderBatch[str] = ProviderBatch(judge, store, first_seconds=0.01, **settings)
    return [found for _, found in batch.run(lambda: texts, Argument)], batch


def once_submitted(then: Callable[[], Any]) -> Callable[[str, bool], None]:
    """What is told of a batch, and does something when one was submitted."""
    return lambda words, important: then() if words.startswith("Submitted") else None


def with_text(*parts: str) -> Any:
    """Whether a request's body holds any of some words."""
    return lambda body: any(part in str(body["messages"]) for part in parts)


@BOTH
def test_every_argument_is_rated_once_by_one_batch_in_order(
    server: BatchServer, store: Store, two: Framework, name: str
) -> None:
    found, batch = rated(judge_of(server, two, name), store, [*TEXTS, TEXTS[3], ""])
    assert [each.status for each in found] == [Status.OK] * 13 + [Status.SKIPPED]
    assert found[3].overall.value == found[12].overall.value
    assert server.billed.total() == len(server.billed) == 12
    assert len(server.batches) == 1
    assert batch.ended == "finished"
    assert (batch.tally.asked, batch.tally.kept, batch.tally.requests) == (12, 1, 12)
    bill = PRICE.of(server.usage["prompt_tokens"], server.usage["completion_tokens"])
    assert batch.tally.cost_usd == pytest.approx(bill)


@BOTH
def test_requests_are_those_of_the_ordinary_way_and_neither_asks_what_the_other_has(
    server: BatchServer, store: Store, tmp_path: Path, two: Framework, name: str
) -> None:
    judge = judge_of(server, two, name)
    first = list(assess_all(judge, TEXTS[:5], store=store))
    found, _ = rated(judge, store)
    (made,) = server.batches.values()
    assert len(made.requests) == 7
    again = list(assess_all(judge, TEXTS, store=store))
    assert server.ordinary == 5
    assert [each.ratings for each in again] == [each.ratings for each in found]
    assert [each.ratings for each in again[:5]] == [each.ratings for each in first]
    with Store(tmp_path / "another.sqlite") as another:
        ordinary = list(assess_all(judge, TEXTS, store=another))
    assert [each.ratings for each in ordinary] == [each.ratings for each in found]
    assert set(server.asked.values()) == {2}  # the bodies are the same, to the letter


def test_a_batch_that_was_answered_does_not_tell_how_long_an_argument_takes(
    server: BatchServer, store: Store, two: Framework
) -> None:
    judge = judge_of(server, two)
    rated(judge, store)
    assert store.seconds(judge.reference.name, judge.model.name, judge.readout.name) == []


@BOTH
def test_what_was_not_answered_is_asked_once_more_and_then_reported(store: Store, two: Framework, name: str) -> None:
    anthropic = name == ANTHROPIC

    def error(status: int, kind: str, message: str) -> Outcome:
        said = {"type": kind, "message": message}
        return status, {"type": "error", "error": said} if anthropic else {"error": said}

    def outcome(body: dict[str, Any], before: int) -> Outcome:
        counted = int(str(body["messages"]).partition("counted ")[2].partition(".")[0])
        once: dict[int, Outcome] = {
            0: "expired",
            1: error(429, "rate_limit_error", "Slow down."),
            2: error(529, "overloaded_error", "Overloaded."),
            3: "missing",
            4: "unreadable",
        }
        always: dict[int, Outcome] = {5: "expired", 6: error(400, "invalid_request_error", "This text is not liked.")}
        again = before or any(message["role"] == "assistant" for message in body["messages"])
        return always.get(counted) or (None if again else once.get(counted))

    with BatchServer(looks=0, outcome_for=outcome) as server:
        judge = judge_of(server, two, name, readout="label")
        found, batch = rated(judge, store)
    assert [each.status for each in found] == [Status.OK] * 5 + [Status.FAILED] * 2 + [Status.OK] * 5
    assert "expired" in str(found[5].overall.reason)
    assert "not liked" in str(found[6].overall.reason)
    assert found[4].usage.requests == 2  # what could not be read was asked for again, and both were paid
    assert [len(each.requests) for each in server.batches.values()] == [12, 6]
    assert server.billed.total() == 11
    assert batch.tally.cost_usd == pytest.approx(PRICE.of(*(server.usage[f"{kind}_tokens"] for kind in KINDS)))


KINDS = ("prompt", "completion")
SELECTING = "walton"


def test_what_failed_is_not_asked_again_by_who_goes_on_and_is_by_who_starts_anew(store: Store, two: Framework) -> None:
    with BatchServer(
        looks=0, outcome_for=lambda body, before: "expired" if with_text("counted 3.")(body) else None
    ) as s:
        judge = judge_of(s, two)
        assert [each.status for each in rated(judge, store)[0]].count(Status.FAILED) == 1
        assert len(s.batches) == 2
        assert [each.status for each in rated(judge, store)[0]].count(Status.FAILED) == 1
        assert len(s.batches) == 2
        s.outcome_for = lambda body, before: None
        found, batch = rated(judge, store, fresh=True)
        assert {each.status for each in found} == {Status.OK}
        assert len(s.batches) == 3
        assert (batch.tally.asked, batch.tally.kept) == (1, 11)


def test_what_was_cancelled_by_people_is_not_asked_again(store: Store, two: Framework) -> None:
    with BatchServer(looks=0, outcome_for=lambda body, before: "canceled") as server:
        found, _ = rated(judge_of(server, two, ANTHROPIC), store)
    assert {each.status for each in found} == {Status.FAILED}
    assert "cancelled" in str(found[0].overall.reason)
    assert len(server.batches) == 1


def test_a_batch_that_is_refused_as_a_whole_says_why_and_is_submitted_again_later(
    server: BatchServer, store: Store, two: Framework
) -> None:
    server.refuse = "Enqueued token limit reached."
    judge = judge_of(server, two)
    with pytest.raises(ModelError, match="line 3: Enqueued token limit reached") as caught:
        rated(judge, store)
    assert "--resume" in str(caught.value.hint)
    assert server.billed.total() == 0
    server.refuse = None
    found, _ = rated(judge, store)
    assert {each.status for each in found} == {Status.OK}
    assert server.billed.total() == 12


@BOTH
@pytest.mark.parametrize("event", ["upload", "create", "created"])
def test_a_connection_that_breaks_while_submitting_makes_no_second_batch(
    server: BatchServer, store: Store, two: Framework, name: str, event: str
) -> None:
    server.when[event] = gone
    found, batch = rated(judge_of(server, two, name), store)
    assert {each.status for each in found} == {Status.OK}
    assert len(server.batches) == 1
    assert server.billed.total() == 12
    assert batch.ended == "finished"


def test_a_lost_batch_is_told_from_a_strangers_of_the_same_size(
    server: BatchServer, store: Store, two: Framework
) -> None:
    def with_a_stranger() -> None:
        (made,) = server.batches.values()
        bodies = json.loads(json.dumps([body for _, body in made.requests]).replace("Trams", "Buses"))
        server.create([(f"other-{number}", body) for number, body in enumerate(bodies)], "msgbatch", {})
        gone()

    server.when["created"] = with_a_stranger
    found, _ = rated(judge_of(server, two, ANTHROPIC), store)
    assert {each.status for each in found} == {Status.OK}
    assert len(server.batches) == 2
    assert set(server.billed.values()) == {1}


def test_answers_that_are_not_there_for_a_while_are_fetched_later(store: Store, two: Framework) -> None:
    with BatchServer(looks=0, not_there=3) as server:
        found, _ = rated(judge_of(server, two), store)
        assert {each.status for each in found} == {Status.OK}
        assert server.billed.total() == 12


def test_answers_that_stay_away_end_the_run_and_are_there_for_the_next(store: Store, two: Framework) -> None:
    with BatchServer(looks=0, not_there=10**6) as server:
        batch: ProviderBatch[str] = ProviderBatch(judge_of(server, two), store, first_seconds=1e-4)
        with pytest.raises(Unreachable, match="cannot be fetched") as caught:
            list(batch.run(lambda: TEXTS, Argument))
        assert "--resume" in str(caught.value.hint)
        server.not_there = 0
        found, _ = rated(judge_of(server, two), store)
        assert {each.status for each in found} == {Status.OK}
        assert server.billed.total() == 12


def test_a_server_that_is_busy_is_waited_for(server: BatchServer, store: Store, two: Framework) -> None:
    server.status_for["GET /batches/ID"] = [503]
    assert {each.status for each in rated(judge_of(server, two), store)[0]} == {Status.OK}


def test_a_key_that_is_refused_ends_the_run_before_anything_is_submitted(
    server: BatchServer, store: Store, two: Framework
) -> None:
    server.status_for["POST /files"] = [401]
    with pytest.raises(Unreachable, match="refuses the credentials") as caught:
        rated(judge_of(server, two), store)
    assert "sk-planted" not in str(caught.value)
    assert rated(judge_of(server, two), store)[1].tally.asked == 12


def test_a_server_without_a_batch_api_is_named(server: BatchServer, store: Store, two: Framework) -> None:
    server.status_for["GET /batches"] = [404]
    with pytest.raises(ModelError, match="no batches to be had") as caught:
        rated(judge_of(server, two), store)
    assert "--batch" in str(caught.value.hint)
    assert server.calls == ["GET /v1/batches?limit=1"]


def test_reasons_take_two_batches_and_votes_take_one(server: BatchServer, store: Store, two: Framework) -> None:
    found, _ = rated(judge_of(server, two, explain=True), store)
    assert all(rating.rationale for each in found for rating in each.ratings)
    assert [len(made.requests) for made in server.batches.values()] == [12, 12]
    server.batches.clear()
    found, _ = rated(judge_of(server, two, readout="votes:3"), store)
    assert {each.usage.requests for each in found} == {3}
    assert [len(made.requests) for made in server.batches.values()] == [36]


def test_votes_of_a_model_without_a_seed_are_as_many_requests(
    server: BatchServer, store: Store, two: Framework
) -> None:
    found, _ = rated(judge_of(server, two, ANTHROPIC, readout="votes:3"), store)
    assert {each.usage.requests for each in found} == {3}
    (made,) = server.batches.values()
    assert len(made.requests) == 36


def test_what_a_model_refuses_is_left_out_in_the_next_batch(store: Store, two: Framework) -> None:
    refusal = {"error": {"message": "Unsupported parameter: 'temperature' is not supported.", "param": "temperature"}}
    with BatchServer(looks=0, outcome_for=lambda body, _: (400, refusal) if "temperature" in body else None) as server:
        found, _ = rated(judge_of(server, two), store)
    assert {each.status for each in found} == {Status.OK}
    assert "the temperature was left out: the model takes none" in found[-1].notes
    assert [len(made.requests) for made in server.batches.values()] == [12, 12]
    assert server.billed.total() == 12


def test_what_is_learnt_of_a_model_meanwhile_makes_no_answer_useless(
    server: BatchServer, store: Store, two: Framework
) -> None:
    judge = judge_of(server, two)
    batch: ProviderBatch[str] = ProviderBatch(judge, store, tell=once_submitted(lambda: batch.stop()))
    assert list(batch.run(lambda: TEXTS, Argument)) == []
    assert batch.ended == "stopped"
    assert batch.left == ("batch_000",)
    judge.model.abilities.learn(temperature=False)
    found, _ = rated(judge, store)
    assert {each.status for each in found} == {Status.OK}
    assert len(server.batches) == 1


def test_many_requests_go_in_several_files(
    server: BatchServer, store: Store, two: Framework, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(OpenAIBatches, "most_requests", 5)
    assert {each.status for each in rated(judge_of(server, two), store)[0]} == {Status.OK}
    assert [len(made.requests) for made in server.batches.values()] == [5, 5, 2]
    monkeypatch.setattr(OpenAIBatches, "most_bytes", 5_000)
    rated(judge_of(server, two), store, [text.replace("Trams", "Buses") for text in TEXTS])
    assert all(len(content) <= 5_000 for content in server.files.values() if b"Buses" in content)
    assert server.billed.total() == 24


def test_a_budget_is_not_passed_and_a_higher_one_goes_on(server: BatchServer, store: Store, two: Framework) -> None:
    judge = judge_of(server, two)
    found, batch = rated(judge, store, run="out", max_cost=0.012)
    assert batch.ended == "budget"
    assert 0 < len(found) < 12
    bill = PRICE.of(*(server.usage[f"{kind}_tokens"] for kind in KINDS))
    assert bill <= 0.012
    found, batch = rated(judge, store, run="out", max_cost=1.0)
    assert (batch.ended, len(found)) == ("finished", 12)
    assert server.billed.total() == len(server.billed) == 12


def test_a_run_that_breaks_while_answers_are_read_asks_nothing_twice(
    server: BatchServer, store: Store, two: Framework, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge = judge_of(server, two)
    settle = store.settle
    monkeypatch.setattr(store, "settle", lambda *_: (_ for _ in ()).throw(InputError("The disk is full.")))
    with pytest.raises(InputError, match="disk"):
        rated(judge, store)
    monkeypatch.setattr(store, "settle", settle)
    assert {each.status for each in rated(judge, store)[0]} == {Status.OK}
    assert len(server.batches) == 1


def test_texts_and_keys_are_not_in_the_ledger(server: BatchServer, store: Store, two: Framework) -> None:
    rated(judge_of(server, two), store)
    content = b"".join(path.read_bytes() for path in store.path.parent.glob("kept.sqlite-batches*"))
    assert ledger_path(store.path).exists()
    assert b"sk-planted" not in content
    assert b"Trams" not in content


@pytest.mark.parametrize(
    ("name", "settings", "kind"),
    [
        ("openai/test", {"readout": "verbal"}, ReadoutError),
        ("systemone/test", {}, ReadoutError),
        ("groq/llama-3.3-70b-versatile", {}, ModelError),
        ("mistral/mistral-small-latest", {}, ModelError),
    ],
)
def test_what_no_batch_can_ask_is_said_before_anything_is_asked(
    server: BatchServer, store: Store, two: Framework, name: str, settings: dict[str, Any], kind: type[ArgqualError]
) -> None:
    judge = judge_of(server, two, name, **settings)
    with pytest.raises(kind, match=r"batch|Batch") as caught:
        ProviderBatch(judge, store)
    assert "--batch" in str(caught.value.hint)
    assert server.calls == []


def test_a_key_that_is_refused_for_some_requests_is_no_answer_to_them(store: Store, two: Framework) -> None:
    refusal = (401, {"error": {"message": "Incorrect API key provided.", "type": "invalid_request_error"}})
    with BatchServer(looks=0, outcome_for=lambda body, before: None if before else refusal) as server:
        found, _ = rated(judge_of(server, two), store)
    assert {each.status for each in found} == {Status.OK}
    assert [len(made.requests) for made in server.batches.values()] == [12, 12]


@BOTH
def test_two_runs_wait_for_one_batch(server: BatchServer, store: Store, two: Framework, name: str) -> None:
    server.looks = 3
    judge = judge_of(server, two, name)
    others: list[Assessment] = []

    def go_on() -> None:
        with Store(store.path) as same:
            others.extend(rated(judge_of(server, two, name), same)[0])

    other = threading.Thread(target=go_on)
    batch: ProviderBatch[str] = ProviderBatch(
        judge,
        store,
        first_seconds=0.05,
        tell=once_submitted(other.start),
    )
    found = [each for _, each in batch.run(lambda: TEXTS, Argument)]
    other.join(30)
    assert {each.status for each in found} == {Status.OK}
    assert [each.ratings for each in others] == [each.ratings for each in found]
    assert len(server.batches) == 1


def test_what_was_forgotten_in_the_store_is_asked_again(server: BatchServer, store: Store, two: Framework) -> None:
    judge = judge_of(server, two)
    rated(judge, store)
    store.clear()
    found, batch = rated(judge, store)
    assert {each.status for each in found} == {Status.OK}
    assert len(server.batches) == 2
    assert batch.tally.asked == 12


def test_a_batch_that_is_no_longer_kept_is_made_anew(
    server: BatchServer, store: Store, two: Framework, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge = judge_of(server, two)
    batch: ProviderBatch[str] = ProviderBatch(judge, store, tell=once_submitted(lambda: batch.stop()))
    assert list(batch.run(lambda: TEXTS, Argument)) == []
    server.batches.clear()
    later = time.time() + 30 * 86400
    monkeypatch.setattr(time, "time", lambda: later)
    found, _ = rated(judge, store)
    assert {each.status for each in found} == {Status.OK}
    assert server.billed.total() == 12


def test_a_key_that_is_not_set_is_named(store: Store, two: Framework, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(CredentialsError) as caught:
        ProviderBatch(Judge(two, model="openai/gpt-6.1-sol"), store)
    assert "OPENAI_API_KEY" in str(caught.value.hint)


def test_only_batches_that_are_awaited_are_looked_at(server: BatchServer, store: Store, two: Framework) -> None:
    judge = judge_of(server, two)
    other: ProviderBatch[str] = ProviderBatch(judge, store, tell=once_submitted(lambda: other.stop()))
    assert list(other.run(lambda: ["Buses are loud."], Argument)) == []
    rated(judge, store)
    assert server.batches["batch_000"].looks <= 1  # by who made it, before it stopped
    assert server.batches["batch_001"].looks == 2


def test_a_model_that_turns_out_to_think_has_room_in_the_next_batch(store: Store, two: Framework) -> None:
    def outcome(body: dict[str, Any], before: int) -> Outcome:
        return "spent" if body["max_completion_tokens"] < 1000 else None

    with BatchServer(looks=0, outcome_for=outcome) as server:
        found, batch = rated(judge_of(server, two, readout="label"), store)
    assert {each.status for each in found} == {Status.OK}
    assert [len(made.requests) for made in server.batches.values()] == [12, 12]
    assert batch.tally.requests == 24  # what was of no use was paid as well
    assert batch.tally.cost_usd == pytest.approx(PRICE.of(*(server.usage[f"{kind}_tokens"] for kind in KINDS)))


def test_a_text_that_is_too_long_is_cut_in_the_next_batch(store: Store, two: Framework) -> None:
    said = "This model's maximum context length is 900 tokens. However, your messages resulted in 2,000 tokens."
    refusal = (400, {"error": {"message": said, "code": "context_length_exceeded"}})
    with BatchServer(looks=0, outcome_for=lambda body, _: refusal if len(str(body)) > 6000 else None) as server:
        (found,), _ = rated(judge_of(server, two, truncate=True), store, ["Trams are quiet and clean. " * 300])
        assert found.status is Status.OK
        assert any("characters were rated" in note for note in found.notes)
        (found,), _ = rated(judge_of(server, two), store, ["Trams are quiet and clean. " * 300])
        assert found.status is Status.FAILED
        assert "too many for the context" in str(found.overall.reason)


def test_a_framework_that_finds_the_kind_first_takes_two_batches(server: BatchServer, store: Store) -> None:
    found, _ = rated(judge_of(server, load_framework(SELECTING)), store)
    assert all(each.selected for each in found)
    assert [len(made.requests) for made in server.batches.values()] == [12, 12]


@pytest.mark.parametrize(
    ("name", "route", "body"),
    [
        (OPENAI, "GET /batches", b"<html>Welcome</html>"),
        (OPENAI, "POST /files", b'{"id": null}'),
        (OPENAI, "POST /batches", b'{"id": null, "status": []}'),
        (OPENAI, "GET /batches/ID", b"[]"),
        (ANTHROPIC, "GET /messages/batches", b'{"data": 5}'),
        (ANTHROPIC, "POST /messages/batches", b"{"),
    ],
)
def test_broken_answers_of_the_batch_api_are_looked_past(
    server: BatchServer, store: Store, two: Framework, name: str, route: str, body: bytes
) -> None:
    server.body_for[route] = [body]
    found, _ = rated(judge_of(server, two, name), store, TEXTS[:2])
    assert {each.status for each in found} == {Status.OK}
    assert len(server.batches) == 1


@BOTH
def test_an_answer_that_is_none_fails_one_row_and_no_more(store: Store, two: Framework, name: str) -> None:
    broken = [None, [], "no", {"choices": 5, "content": 5}, {"choices": [None], "content": [None]}, {}]

    def outcome(body: dict[str, Any], before: int) -> Outcome:
        number = int(str(body["messages"]).partition("counted ")[2].partition(".")[0])
        return (200, broken[number]) if number < len(broken) else None  # type: ignore[return-value]

    with BatchServer(looks=0, outcome_for=outcome) as server:
        found, _ = rated(judge_of(server, two, name), store)
    assert [each.status is Status.OK for each in found] == [False] * 6 + [True] * 6
    assert all(each.overall.reason for each in found[:6])


@BOTH
def test_what_was_written_down_and_never_submitted_is_submitted(
    server: BatchServer, store: Store, two: Framework, name: str
) -> None:
    judge = judge_of(server, two, name)
    ledger = BatchLedger(store.path)
    entries = [Entry(judge.key(Argument(text)), "shown", "sent", 0.0) for text in TEXTS]
    ledger.intend("argqual-0", place_of(judge), "", None, entries)
    ledger.close()
    found, _ = rated(judge, store)
    assert {each.status for each in found} == {Status.OK}
    assert [len(made.requests) for made in server.batches.values()] == [12]
