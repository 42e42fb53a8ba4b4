"""Many arguments: each asked once, in order, within a budget, whatever the server does."""

from __future__ import annotations

import os
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from argqual.argument import Argument
from argqual.assessment import Assessment, Status
from argqual.errors import CredentialsError, InputError, ModelError, Unreachable
from argqual.frameworks.framework import Framework, Inputs
from argqual.judging import batch as module
from argqual.judging.batch import Batch, assess_all
from argqual.judging.judge import Judge
from argqual.judging.plan import worst_cost
from argqual.judging.store import Store
from argqual.models import traffic
from argqual.models.connect import connect
from argqual.models.prices import Price
from chatserver import ChatServer, ChatServerProcess
from loopback import Loopback, completion
from umbrella import server_model

KEY = "sk-planted-5417"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traffic, "_FIRST_DELAY", 0.01)
    monkeypatch.setattr(traffic, "_LONGEST_DELAY", 0.1)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


@pytest.fixture
def server() -> Iterator[ChatServer]:
    with ChatServer(latency=0.002) as server:
        yield server


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store.sqlite")


def judge_at(
    server: ChatServer | ChatServerProcess, framework: Framework, *, engine: str = "auto", readout: str = "expect"
) -> Judge:
    model = connect("openai/test", api_base=f"{server.url}/v1", api_key=KEY, engine=engine, timeout=3.0)
    return Judge(framework, model=model, readout=readout)


def texts(count: int) -> list[Argument]:
    return [Argument(f"Trams are quiet, so we should have {number}.", id=str(number)) for number in range(count)]


def run(batch: Batch[Argument], arguments: list[Argument]) -> list[tuple[Argument, Assessment]]:
    return list(batch.run(arguments, lambda argument: argument))


FAULTS = {
    "429": 0.03,
    "429_bare": 0.01,
    "500": 0.02,
    "503": 0.02,
    "slow": 0.02,
    "hang": 0.01,
    "reset": 0.02,
    "reset_before": 0.01,
    "malformed": 0.01,
    "truncated": 0.02,
    "wrong_level": 0.01,
    "empty": 0.01,
    "no_logprobs": 0.01,
}


@pytest.mark.parametrize(("engine", "count"), [("lm15", 600), ("litellm", 200)])
def test_many_arguments_through_a_fifth_of_faults(two: Framework, store: Store, engine: str, count: int) -> None:
    """Each is rated as by a faultless server, or says why not; none is asked again after it was answered."""
    assert sum(FAULTS.values()) == pytest.approx(0.2)
    arguments = texts(count)
    settings = {"latency": 0.01, "slow_seconds": 0.2, "retry_after": 0.02, "seed": 5, "faults_per_prompt": 2}
    with ChatServer(faults=FAULTS, **settings) as server:
        batch = Batch(judge_at(server, two, engine=engine), store=store, concurrency=32)
        answers = run(batch, arguments)
        stats = server.stats()
        with ChatServer() as faultless:
            expected = run(Batch(judge_at(faultless, two), concurrency=32), arguments[:100])
    assert [item.id for item, _ in answers] == [argument.id for argument in arguments]
    assert [assessment.argument_id for _, assessment in answers] == [argument.id for argument in arguments]
    by_status = {status: [each for _, each in answers if each.status is status] for status in Status}
    assert len(by_status[Status.OK]) + len(by_status[Status.FAILED]) + len(by_status[Status.UNREADABLE]) == count
    assert len(by_status[Status.OK]) > 0.95 * count
    assert all(each.overall.reason for status in (Status.FAILED, Status.UNREADABLE) for each in by_status[status])
    assert all("log-probabilities" in (each.overall.reason or "") for each in by_status[Status.FAILED])
    # At most two faults an argument: everything but missing log-probabilities passes. A faulty answer that nobody
    # waited for any more, because the machine was slow, failed nothing.
    assert 0 < len(by_status[Status.FAILED]) <= stats.faults["no_logprobs"]
    assert stats.paid_after_success == 0
    assert max(stats.good_by_first_user.values()) == 1
    assert len(stats.good_by_first_user) == len(by_status[Status.OK])
    assert sum(each.assessments for each in store.contents()) == len(by_status[Status.OK])
    for (_, found), (_, right) in zip(answers, expected, strict=False):
        if found.status is Status.OK:
            assert found.overall.value == pytest.approx(right.overall.value)

    with ChatServer() as repaired:  # at another address, so nothing is known there
        again = Batch(judge_at(repaired, two, engine=engine), store=store, concurrency=32)
        run(again, arguments[:50])
        assert again.tally.asked == 50


def test_what_is_kept_is_not_asked_again(server: ChatServer, two: Framework, store: Store) -> None:
    first = run(Batch(judge_at(server, two), store=store), texts(50))
    batch = Batch(judge_at(server, two), store=store)
    second = run(batch, texts(60))
    assert (batch.tally.kept, batch.tally.asked) == (50, 10)
    assert [each for _, each in second[:50]] == [each for _, each in first]
    assert server.stats().received == 60


def test_a_judge_rates_many_texts_in_order(server: ChatServer, two: Framework, store: Store) -> None:
    found = list(assess_all(judge_at(server, two), ["One.", " ", "Two.", Argument("One.", id="x")], store=store))
    assert [each.status for each in found] == [Status.OK, Status.SKIPPED, Status.OK, Status.OK]
    assert found[0].overall == found[3].overall
    assert found[3].argument_id == "x"


def test_waiting_for_a_turn_is_not_counted_as_rating(two: Framework) -> None:
    with ChatServer(latency=0.2) as server:
        answers = run(Batch(judge_at(server, two), concurrency=1), texts(5))
    seconds = sorted(each.usage.seconds for _, each in answers)
    assert seconds[0] >= 0.2
    assert seconds[2] < 0.35  # the median; with the wait it would be twice the latency


@pytest.mark.parametrize("keeping", [True, False])
def test_equal_arguments_are_asked_once(server: ChatServer, two: Framework, store: Store, keeping: bool) -> None:
    arguments = [Argument(f"One of {number % 7} texts.", id=str(number)) for number in range(200)]
    batch = Batch(judge_at(server, two), store=store if keeping else None, concurrency=16)
    answers = run(batch, arguments)
    assert [each.argument_id for _, each in answers] == [str(number) for number in range(200)]
    assert server.stats().received == 7
    assert (batch.tally.asked, batch.tally.kept) == (7, 193)


def test_two_batches_at_once_on_one_store_ask_each_argument_once(
    server: ChatServer, two: Framework, tmp_path: Path
) -> None:
    arguments = texts(300)
    done: dict[str, int] = {}

    def work(name: str, order: list[Argument]) -> None:
        with Store(tmp_path / "shared.sqlite") as store:
            done[name] = len(run(Batch(judge_at(server, two), store=store, concurrency=8), order))

    threads = [
        threading.Thread(target=work, args=("forward", arguments)),
        threading.Thread(target=work, args=("backward", arguments[::-1])),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert done == {"forward": 300, "backward": 300}
    assert server.stats().received == 300


def test_an_argument_that_cannot_be_used_is_skipped_with_the_reason(
    server: ChatServer, two: Framework, store: Store
) -> None:
    def argument_of(text: str) -> Argument:
        return Argument(text)

    answers = list(Batch(judge_at(server, two), store=store).run(["A text.", "  ", "Another."], argument_of))
    assert [each.status for _, each in answers] == [Status.OK, Status.SKIPPED, Status.OK]
    assert answers[1][1].overall.reason == "The argument is empty."


def test_a_refused_key_ends_the_run_before_much_is_asked(two: Framework, store: Store) -> None:
    with ChatServer(faults={"401": 1.0}) as server:
        batch = Batch(judge_at(server, two), store=store, concurrency=4)
        with pytest.raises(CredentialsError):
            run(batch, texts(500))
        assert server.stats().received <= 8
    assert batch.tally.done == 0


def test_when_everything_fails_the_run_ends_and_what_was_asked_is_not_asked_again(two: Framework, store: Store) -> None:
    with ChatServer(faults={"refused": 1.0}) as server:
        batch = Batch(judge_at(server, two), store=store, concurrency=4)
        answers = []
        with pytest.raises(ModelError, match="20 arguments in a row failed, so nothing more is asked"):
            for answer in batch.run(texts(500), lambda argument: argument):
                answers.append(answer)
        asked = server.stats().received
        assert 20 <= asked < 60
        assert [each.status for _, each in answers] == [Status.FAILED] * asked
        assert all("refuses the request" in (each.overall.reason or "") for _, each in answers)


def test_what_is_refused_about_a_text_says_nothing_of_the_next_one(two: Framework, store: Store) -> None:
    """A run of forty that a content filter refuses is no reason to stop, and goes on to the others."""

    def refused(body: Any) -> str | None:
        return "odd_filter_azure" if re.search(r"have 1?\d\d?\.", str(body["messages"])) else None

    with ChatServer(fault_for=refused) as server:
        answers = run(Batch(judge_at(server, two), store=store, concurrency=4), texts(300))
        assert server.stats().received == 300
    statuses = [each.status for _, each in answers]
    assert statuses == [Status.FAILED] * 200 + [Status.OK] * 100
    assert all("content management policy" in (each.overall.reason or "") for _, each in answers[:200])


def test_a_run_that_goes_on_does_not_pay_again_for_what_failed(two: Framework, store: Store) -> None:
    """Unreadable, refused and cut-off answers; another run asks about them, and what it is told then counts."""
    began = time.time()
    kinds = ["odd_prose", "odd_filter_azure", "odd_draft_and_cut_off"]
    with ChatServer(fault_for=lambda body: kinds[len(str(body["messages"][1])) % 3]) as server:
        judge = judge_at(server, two)
        arguments = [Argument("x" * number) for number in range(1, 16)]
        first = run(Batch(judge, store=store), arguments)
        asked = server.stats().received
        again = run(Batch(judge, store=store, failures_since=began), arguments)
        assert server.stats().received == asked
        run(Batch(judge, store=store, failures_since=time.time()), arguments[:3])
        assert server.stats().received > asked
    assert [each.status for _, each in again] == [each.status for _, each in first]
    assert {each.status for _, each in first} == {Status.FAILED, Status.UNREADABLE}
    assert store.clear(framework="two") == 0
    assert store.failures([judge.key(argument) for argument in arguments], began) == {}


def test_a_server_that_goes_away_ends_the_run_with_what_was_answered(
    two: Framework, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LONG_PATIENCE", 0.5)
    answers = []
    with ChatServerProcess(latency=0.01) as server:
        batch = Batch(judge_at(server, two), store=store, concurrency=4)
        with pytest.raises(Unreachable, match="cannot be reached"):
            for answer in batch.run(texts(500), lambda argument: argument):
                answers.append(answer)
                if len(answers) == 40:
                    os.kill(server.pid, signal.SIGKILL)
    assert 40 <= len(answers) < 100
    assert all(each.status is Status.OK for _, each in answers)
    assert sum(each.assessments for each in store.contents()) >= len(answers)


def test_a_host_that_only_ever_shows_a_page_is_given_up_soon(
    two: Framework, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(traffic, "_PATIENCE_WITH_NONSENSE", 0.3)
    with ChatServer(faults={"odd_html": 1.0}) as server:
        batch = Batch(judge_at(server, two), store=store, concurrency=4)
        with pytest.raises((ModelError, Unreachable), match="cannot be used"):
            run(batch, texts(500))
        assert server.stats().received < 100


def test_an_outage_of_a_while_is_outlasted(two: Framework, store: Store) -> None:
    with ChatServer(latency=0.005) as server:
        batch = Batch(judge_at(server, two), store=store, concurrency=8)
        answers = []
        for answer in batch.run(texts(200), lambda argument: argument):
            answers.append(answer)
            if len(answers) == 50:
                server.configure(faults={"503": 1.0})
                threading.Timer(1.0, server.configure, kwargs={"faults": {}}).start()
    assert [each.status for _, each in answers] == [Status.OK] * 200


def test_the_limit_of_the_server_is_found(two: Framework, store: Store) -> None:
    """A server that bears eight requests at once: most go through, few are refused."""
    with ChatServer(latency=0.02, limit_in_flight=8, retry_after=0.01) as server:
        batch = Batch(judge_at(server, two), store=store, concurrency=64)
        answers = run(batch, texts(400))
        stats = server.stats()
    assert [each.status for _, each in answers] == [Status.OK] * 400
    assert stats.limited < 200


def test_rate_limit_headers_keep_most_requests_from_being_refused(two: Framework, store: Store) -> None:
    with ChatServer(latency=0.002, requests_per_second=100, rate_headers=True) as server:
        batch = Batch(judge_at(server, two), store=store, concurrency=4)
        answers = run(batch, texts(250))
        stats = server.stats()
    assert [each.status for _, each in answers] == [Status.OK] * 250
    assert stats.limited < 25


def test_stopping_finishes_what_is_under_way_and_keeps_it(two: Framework, store: Store) -> None:
    with ChatServer(latency=0.1) as server:
        batch = Batch(judge_at(server, two), store=store, concurrency=8)
        answers = []
        for answer in batch.run(texts(500), lambda argument: argument):
            answers.append(answer)
            if len(answers) == 10:
                batch.stop()
        assert batch.ended == "stopped"
        stats = server.stats()
    assert len(answers) < 60
    assert stats.received == stats.answered
    assert sum(each.assessments for each in store.contents()) == stats.answered
    assert judge_is_usable_again(two)


def judge_is_usable_again(framework: Framework) -> bool:
    with ChatServer() as server:
        judge = judge_at(server, framework)
        batch = Batch(judge)
        batch.stop()
        run(batch, texts(3))
        return judge.assess("A text.").status is Status.OK


def test_a_server_without_schemas_is_found_out_by_many_requests_at_once(two: Framework, loopback: Loopback) -> None:
    """All of the first requests are refused for their schema; each is asked again without."""

    class Always:
        def popleft(self) -> Callable[[Any], tuple[int, Any]]:
            return reply

    def reply(body: Any) -> tuple[int, Any]:
        time.sleep(0.05)
        if "response_format" in body:
            return 400, {"error": {"message": "response_format is not supported", "type": "invalid_request_error"}}
        message = {"role": "assistant", "content": '{"clear":"2","fair":"3"}'}
        return 200, completion({"index": 0, "message": message, "finish_reason": "stop"})

    loopback.queue = Always()  # type: ignore[assignment]
    model = connect("openai/test", api_base=f"{loopback.url}/v1", api_key=KEY)
    batch = Batch(Judge(two, model=model, readout="label"), concurrency=8)
    assert [each.status for _, each in run(batch, texts(40))] == [Status.OK] * 40


def test_a_caller_that_stops_listening_loses_nothing(two: Framework, store: Store) -> None:
    with ChatServer(latency=0.05) as server:
        batch = Batch(judge_at(server, two), store=store, concurrency=8)
        for _ in batch.run(texts(100), lambda argument: argument):
            break
        stats = server.stats()
    assert stats.received == stats.answered
    assert sum(each.assessments for each in store.contents()) == stats.answered < 100


@pytest.mark.parametrize("readout", ["expect", "votes:3"])
def test_the_budget_is_never_passed(two: Framework, store: Store, readout: str) -> None:
    with ChatServer(latency=0.005, faults={"truncated": 0.1, "reset": 0.05}, seed=3) as server:
        judge = judge_at(server, two, readout=readout)
        judge.model.price = Price(1e-6, 4e-6)
        most = worst_cost(judge, texts(5000)[-1])  # a longer number than the first, so a little dearer
        limit = 15 * most
        batch = Batch(judge, store=store, concurrency=16, max_cost=limit)
        answers = run(batch, texts(5000))
        stats = server.stats()
    assert batch.ended == "budget"
    assert 15 <= len(answers) < 5000
    # What a provider charges at most: every completion that it sent, in full or not.
    requests_cost = batch.tally.cost_usd / batch.tally.requests
    assert (stats.charged + stats.faults["reset"]) * requests_cost <= limit
    assert limit - most <= batch.tally.cost_usd <= limit
    assert batch.tally.planned_usd == pytest.approx(batch.tally.cost_usd, rel=0.5)


def test_a_budget_needs_a_price(server: ChatServer, two: Framework) -> None:
    with pytest.raises(InputError, match="price of openai/test is not known"):
        Batch(judge_at(server, two), max_cost=1.0)


def test_reading_goes_on_in_its_own_time(server: ChatServer, two: Framework) -> None:
    """A slow source, as a log that is followed: each answer comes without waiting for the next line."""
    answered = [threading.Event() for _ in range(3)]
    came: list[bool] = []

    def slowly() -> Iterator[Argument]:
        for argument, answer in zip(texts(3), answered, strict=True):
            yield argument
            came.append(answer.wait(20))

    for answer, _ in zip(answered, Batch(judge_at(server, two)).run(slowly(), lambda argument: argument), strict=True):
        answer.set()
    assert came == [True] * 3


def test_an_error_of_the_source_comes_after_what_was_read_before(server: ChatServer, two: Framework) -> None:
    def broken() -> Iterator[Argument]:
        yield from texts(5)
        raise InputError("row 6 cannot be read")

    answers = []
    with pytest.raises(InputError, match="row 6"):
        for answer in Batch(judge_at(server, two)).run(broken(), lambda argument: argument):
            answers.append(answer)
    assert len(answers) == 5


def test_more_arguments_than_the_window(server: ChatServer, two: Framework, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WINDOW", 10)
    batch = Batch(judge_at(server, two), concurrency=2)
    assert [item.id for item, _ in run(batch, texts(120))] == [str(number) for number in range(120)]
    again = Batch(judge_at(server, two), concurrency=2)
    same = [Argument("Always the same.") for _ in range(200)]
    assert len(run(again, same)) == 200


def test_neither_keys_nor_prompts_are_kept_or_said(two: Framework, tmp_path: Path) -> None:
    """Even when the server sends both back in its error messages."""
    planted = "xyzzy-planted-text that nobody else writes"
    with ChatServer(faults={"refused": 0.5}, seed=2) as server, Store(tmp_path / "s.sqlite") as store:
        judge = judge_at(server, two)
        arguments = [Argument(f"{planted} {number}", issue=f"{planted}?") for number in range(30)]
        answers = run(Batch(judge, store=store, concurrency=4), arguments)
        said = "".join(each.model_dump_json() for _, each in answers) + str(judge.model)
        with pytest.raises(ModelError) as raised:
            server.configure(faults={"refused": 1.0})
            judge.assess(f"{planted} again")
    assert any(each.status is Status.FAILED for _, each in answers)
    kept = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    for secret in (KEY, "xyzzy-planted"):
        assert secret not in said
        assert secret.encode() not in kept
        assert secret not in str(raised.value)


def test_copies_of_one_failing_argument_neither_end_nor_block_a_run(
    two: Framework, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They fail together: that says no more about the server than one does."""
    monkeypatch.setattr(module, "WINDOW", 32)
    with ChatServer(faults={"no_logprobs": 1.0}) as server:
        batch = Batch(judge_at(server, two), store=store, concurrency=4)
        answers = run(batch, [Argument("Always the same.")] * 100)
    assert [each.status for _, each in answers] == [Status.FAILED] * 100
    assert batch.ended == "finished"


def test_what_was_paid_before_a_failure_is_counted(two: Framework, store: Store) -> None:
    """With an explanation the first of two requests is answered, and charged, before the second fails."""
    with ChatServer(faults={"no_logprobs": 1.0}) as server:
        model = connect("openai/test", api_base=f"{server.url}/v1", api_key=KEY)
        model.price = Price(1e-6, 4e-6)
        batch = Batch(Judge(two, model=model, readout="expect", explain=True), store=store, concurrency=1)
        (_, failed), *_ = run(batch, texts(1))
    assert failed.status is Status.FAILED
    assert batch.tally.cost_usd > 0


def test_a_model_on_this_machine_is_asked_issue_by_issue(loopback: Loopback, two: Framework) -> None:
    """The engine is the loopback server; that it runs here is said in its place."""
    model = server_model(loopback)
    model.server = SimpleNamespace(slots=1)  # type: ignore[assignment]
    judge = Judge(two.model_copy(update={"inputs": Inputs(issue="optional", stance="optional")}), model=model)
    shown = [("tax", "for"), ("trains", "for"), ("tax", "against"), (None, None), ("trains", "for"), ("tax", "for")]
    arguments = [
        Argument(f"Text {number}.", issue=issue, stance=stance) for number, (issue, stance) in enumerate(shown)
    ]
    for _ in arguments:
        loopback.say('{"clear":"2","fair":"2"}')
    assessed = list(assess_all(judge, arguments))
    assert [each.argument_id for each in assessed] == [each.id for each in arguments]
    said = [request["messages"][-1]["content"] for request in loopback.requests]
    assert [int(number) for number in re.findall(r"Text (\d)", "".join(said))] == [0, 5, 2, 1, 4, 3]
