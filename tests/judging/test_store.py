"""Kept assessments: nothing is asked twice, by whatever process, killed at whatever moment."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from argqual.argument import Argument
from argqual.assessment import Assessment, Status
from argqual.errors import InputError
from argqual.frameworks.framework import Framework
from argqual.judging.judge import Judge
from argqual.judging.store import Store, keepable
from argqual.models.connect import Model, connect
from competing import compete


@pytest.fixture
def model() -> Model:
    return connect("openai/test", api_base="http://127.0.0.1:9/v1", api_key="k")


@pytest.fixture
def judge(two: Framework, model: Model) -> Judge:
    return Judge(two, model=model)


@pytest.fixture
def assessment(judge: Judge) -> Assessment:
    failed = judge.failed(Argument("A text.", id="7"), Status.ABSTAINED, "cannot tell")
    return failed.model_copy(update={"usage": failed.usage.model_copy(update={"cost_usd": 0.25, "seconds": 2.0})})


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "s.sqlite")


def test_what_is_kept_comes_back_the_same_but_for_the_argument_s_id(store: Store, assessment: Assessment) -> None:
    store.settle({"k": assessment})
    assert store.get(["k", "other"]) == {"k": assessment.model_copy(update={"argument_id": None})}


@pytest.mark.parametrize("status", [Status.FAILED, Status.UNREADABLE])
def test_failures_are_not_kept(store: Store, judge: Judge, status: Status) -> None:
    store.settle({"k": judge.failed(None, status, "why")})
    assert store.get(["k"]) == {}


def test_truncated_answers_are_not_kept(store: Store, assessment: Assessment) -> None:
    cut = assessment.model_copy(update={"truncated": True})
    assert not keepable(cut)
    store.settle({"k": cut})
    assert store.get(["k"]) == {}


def test_more_keys_than_sqlite_takes_parameters(store: Store, assessment: Assessment) -> None:
    keys = [f"k{number}" for number in range(40_000)]
    store.settle(dict.fromkeys(keys[::1000], assessment))
    assert set(store.get(keys)) == set(keys[::1000])


def test_a_claimed_key_is_not_granted_to_another(tmp_path: Path, assessment: Assessment) -> None:
    first, second = Store(tmp_path / "s"), Store(tmp_path / "s")
    assert first.claim(["a", "b"]).granted == {"a", "b"}
    claims = second.claim(["b", "c"])
    assert (claims.granted, claims.elsewhere) == ({"c"}, {"b"})
    first.settle({"b": assessment})
    assert set(second.claim(["b"]).found) == {"b"}


def test_what_was_not_answered_may_be_claimed_by_another(tmp_path: Path) -> None:
    first, second = Store(tmp_path / "s"), Store(tmp_path / "s")
    first.claim(["a", "b"])
    first.settle({}, ["a"])
    assert second.claim(["a", "b"]).granted == {"a"}
    first.close()
    assert second.claim(["b"]).granted == {"b"}


def test_the_claims_of_a_killed_process_are_free_at_once(tmp_path: Path) -> None:
    code = (
        "import time; from pathlib import Path; from argqual.judging.store import Store\n"
        f"store = Store(Path({str(tmp_path / 's')!r})); store.claim(['a'])\n"
        "print('claimed', flush=True); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "claimed\n"
    store = Store(tmp_path / "s")
    assert store.claim(["a"]).elsewhere == {"a"}
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert store.claim(["a"]).granted == {"a"}


@pytest.mark.slow
def test_four_processes_ask_each_key_once(tmp_path: Path, assessment: Assessment) -> None:
    context = multiprocessing.get_context("spawn")
    numbers = list(range(200))
    orders = [numbers, numbers[::-1], numbers[100:] + numbers[:100], numbers]
    kept = assessment.model_dump_json()
    processes = [
        context.Process(target=compete, args=(str(tmp_path / "s"), order, str(tmp_path / f"asked-{place}"), kept))
        for place, order in enumerate(orders)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    asked = [key for place in range(4) for key in (tmp_path / f"asked-{place}").read_text().split()]
    assert sorted(asked) == sorted(f"k{number}" for number in numbers)
    with sqlite3.connect(tmp_path / "s") as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert database.execute("SELECT count(*) FROM claim").fetchone() == (0,)


def test_many_may_open_a_new_store_at_once(tmp_path: Path) -> None:
    for round in range(10):
        with ThreadPoolExecutor(8) as executor:
            stores = executor.map(lambda _, path=tmp_path / str(round): Store(path).contents(), range(8))
            assert list(stores) == [[]] * 8


def test_a_key_depends_on_all_that_an_assessment_depends_on(two: Framework, model: Model) -> None:
    other_place = connect("openai/test", api_base="http://127.0.0.1:10/v1", api_key="k")
    other_model = connect("openai/other", api_base="http://127.0.0.1:9/v1", api_key="k")
    other_framework = two.model_copy(update={"guidelines": "Be strict."})
    judges = [
        Judge(two, model=model),
        Judge(two, model=other_place),
        Judge(two, model=other_model),
        Judge(other_framework, model=model),
        Judge(two, model=model, readout="label"),
        Judge(two, model=model, readout="votes:3"),
        Judge(two, model=model, explain=True),
        Judge(two, model=model, definitions="plain"),
        Judge(two, model=model, truncate=True),
    ]
    text = Argument("A text.")
    keys = [judge.key(text) for judge in judges]
    keys += [judges[0].key(Argument("A text.", issue="Why?")), judges[0].key(Argument("A text", context="Because"))]
    keys.append(judges[0].key(Argument("Another text.")))
    assert len(set(keys)) == len(keys)


def test_a_key_does_not_depend_on_what_is_not_shown_or_on_the_key_to_the_service(two: Framework, model: Model) -> None:
    again = connect("openai/test", api_base="http://127.0.0.1:9/v1", api_key="another-key")
    judge = Judge(two, model=model)
    key = judge.key(Argument("A text."))
    assert judge.key(Argument("A text.", id="5", group="g", stance="pro", labels={"overall": 1.0})) == key
    assert Judge(two, model=again).key(Argument("A text.")) == key


def test_an_address_with_a_password_is_known_without_it() -> None:
    model = connect("openai/test", api_base="http://user:pass-word@127.0.0.1:9/v1", api_key="k")
    assert "pass-word" not in model.identity


def test_contents_clear_and_export(store: Store, assessment: Assessment) -> None:
    store.settle({"a": assessment, "b": assessment})
    (kept,) = store.contents()
    assert (kept.framework, kept.model, kept.assessments, kept.cost_usd) == ("two 1", "openai/test", 2, 0.5)
    exported = list(store.export())
    assert [each["key"] for each in exported] == ["a", "b"]
    assert json.loads(json.dumps(exported[0]))["usage"]["cost_usd"] == 0.25
    assert store.clear(framework="another") == 0
    assert store.clear(framework="two", model="openai/test") == 2
    assert store.contents() == []


def test_a_file_that_is_no_store_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("These are notes, not a database, and long enough to be taken for one. " * 20)
    before = text.read_bytes()
    with pytest.raises(InputError, match=r"notes\.txt cannot be used: file is not a database"):
        Store(text)
    assert text.read_bytes() == before
    other = tmp_path / "other.sqlite"
    with sqlite3.connect(other) as database:
        database.execute("CREATE TABLE mine (x)")
    database.close()
    with pytest.raises(InputError, match="another program's database"):
        Store(other)


def test_a_store_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    Store(tmp_path / "s").close()
    with sqlite3.connect(tmp_path / "s") as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(InputError, match="newer argqual"):
        Store(tmp_path / "s")


def test_a_store_in_a_place_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="--no-store"):
        Store(tmp_path / "file" / "s")
