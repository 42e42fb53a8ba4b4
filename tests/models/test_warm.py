"""An engine that stays: who finds it, who does not, whose turn it is, and that it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock, Timeout

from argqual.cli import complete
from argqual.errors import ModelError
from argqual.frameworks.catalogue import parse_framework
from argqual.frameworks.framework import Framework
from argqual.judging.judge import Judge
from argqual.models import embedded, warm
from argqual.models.connect import connect
from argqual.models.embedded import EmbeddedServer
from argqual.models.llama import Llama, settings_of
from argqual.models.slots import Beginning
from argqual.models.warm import EnginePlace, KeptEngine, Turns, WarmLlama
from argqual.models.weights import KNOWN, locate
from commandline import argqual
from conftest import TWO_QUESTIONS

SMALL = "smollm2-135m"
TEXTS = [f"We should plant trees along road number {number}. They cool it in summer." for number in range(2)]
pytestmark = pytest.mark.skipif(os.name != "posix", reason="looks at processes as POSIX has them")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A cache of one's own, with the weights; engines that are kept in it end with the test."""
    path = locate(SMALL)
    assert path is not None
    folder = tmp_path / "cache"
    (folder / "weights").mkdir(parents=True)
    (folder / "weights" / path.name).symlink_to(path)
    monkeypatch.setenv("ARGQUAL_CACHE", str(folder))
    monkeypatch.setattr(embedded, "_running", {})
    yield folder
    for told in warm.all_kept():
        os.kill(told.process, signal.SIGKILL)


def server(keep: float | None = None, **changed: Any) -> EmbeddedServer:
    """A server for the small weights, as another process would begin it."""
    weights = locate(SMALL)
    assert weights is not None
    return EmbeddedServer(weights, identity=KNOWN[SMALL].sha256, **{"context": 512, "keep": keep, **changed})


def kept() -> KeptEngine:
    (told,) = warm.all_kept()
    return told


def until(so: Callable[[], bool], seconds: float = 20) -> bool:
    end = time.monotonic() + seconds
    while not so() and time.monotonic() < end:
        time.sleep(0.02)
    return so()


def lives(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def ratings(done: subprocess.CompletedProcess[str]) -> Any:
    found = json.loads(done.stdout)["ratings"]
    assert len(found) == 2, done.stderr
    return found


# ---- who finds it


@pytest.mark.model
def test_what_is_kept_is_used_by_the_next_process_and_shown_and_ended(cache: Path) -> None:
    variables = {"ARGQUAL_KEEP": "5"}
    (cache / "two.yaml").write_text(TWO_QUESTIONS)
    words = ("score", TEXTS[0], "--framework", "two.yaml", "--model", SMALL, "--no-store")
    first = argqual(cache, *words, variables=variables)
    engine = kept()
    assert (first.returncode in (0, 1), engine.minutes) == (True, 5), first.stderr
    assert argqual(cache, "models", "keep", SMALL, "--minutes", "3").stdout.startswith(f"{SMALL}: loaded, memory ")
    assert (kept().process, kept().minutes) == (engine.process, 3)
    assert ratings(argqual(cache, *words)) == ratings(first)
    assert kept().process == engine.process
    listed = {row["id"]: row["engines"] for row in json.loads(argqual(cache, "models", "list").stdout)}
    (shown,) = listed.pop(SMALL)
    assert (shown["process"], shown["minutes"]) == (engine.process, 3) and shown["memory_bytes"] > 10**7
    assert not any(listed.values())
    assert "unused for 3 minutes" in argqual(cache, "models", "list", "--format", "text").stdout
    assert argqual(cache, "models", "stop", "another").stdout == "No engine of another is kept.\n"
    assert argqual(cache, "models", "stop", SMALL).stdout == f"{SMALL}: ended\n"
    assert argqual(cache, "models", "stop").stdout == "No engine is kept.\n"
    assert until(lambda: not lives(engine.process))


def test_what_cannot_be_kept_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = argqual(tmp_path, "models", "keep", "openai/any")
    assert elsewhere.returncode != 0 and "openai/any does not run on this machine" in elsewhere.stderr
    monkeypatch.setenv("ARGQUAL_CACHE", str(tmp_path))
    place = EnginePlace(warm.folder() / "any", {})
    assert place.for_engine(1.0) is not None
    warm.folder().chmod(0o755)
    assert place.for_engine(1.0) is None
    warm.folder().rmdir()
    warm.folder().write_text("a file in its place")
    assert place.for_engine(1.0) is None


@pytest.mark.model
def test_nothing_stays_unless_it_is_wanted(cache: Path) -> None:
    assert server().count_tokens("A word.") > 1
    assert not warm.folder().exists()


@pytest.mark.model
def test_it_ends_by_itself_when_nobody_uses_it(cache: Path) -> None:
    code = f"""
import sys
from argqual.models.connect import begin
begin({SMALL!r}, keep=0.02).address
"""
    subprocess.run([sys.executable, "-c", code], check=True)
    engine = kept()
    assert until(lambda: not lives(engine.process))
    assert list(warm.folder().iterdir()) == []


@pytest.mark.model
def test_one_that_was_killed_is_missed_and_the_next_process_starts_its_own(cache: Path) -> None:
    begun = server(keep=5)
    begun.address  # noqa: B018
    used = server()
    assert isinstance(used.llama, WarmLlama) and used.address == begun.address
    os.kill(kept().process, signal.SIGKILL)
    with pytest.raises(ModelError, match="has ended"):
        used.count_tokens("A word.")
    assert used.llama.ended and warm.all_kept() == []
    again = server(keep=5)
    assert again.count_tokens("A word.") > 1
    assert kept().key == again.llama.key != begun.llama.key


def wrong(content: dict[str, Any], name: str) -> str:
    changed = {
        "not JSON": None,
        "another's answers": content | {"url": "http://127.0.0.1:9"},
        "another machine": content | {"url": "http://192.0.2.1:80"},
        "other weights": content | {"about": content["about"] | {"engine": "0"}},
        "half of it": {"key": content["key"]},
    }[name]
    return json.dumps(changed) if changed else '{"url'


@pytest.mark.model
def test_it_stays_while_it_is_used_and_a_file_that_is_wrong_is_not(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warm, "_TOUCH_EVERY", 0.1)
    begun = server(keep=0.02)
    begun.address  # noqa: B018
    assert not until(lambda: begun.llama.ended, seconds=2)
    file = kept().place.file
    right = file.read_text()
    assert (file.stat().st_mode & 0o777, warm.folder().stat().st_mode & 0o777) == (0o600, 0o700)
    for path, mode in ((file, 0o644), (warm.folder(), 0o755)):  # another user may have read or written it
        path.chmod(mode)
        assert warm.all_kept() == []
        path.chmod(mode & 0o700)
    assert complete.engines("smol") == [SMALL] and complete.engines("q") == []
    assert kept().key == begun.llama.key
    file.write_text(wrong(json.loads(right), "another's answers"))
    assert warm.found(kept().place, None) is None
    for name in ("another machine", "other weights", "half of it", "not JSON"):
        place = EnginePlace.of(settings_of(begun.weights, context=512), KNOWN[SMALL].sha256)
        file.write_text(wrong(json.loads(right), name))
        assert warm.found(place, None) is None
    assert until(lambda: begun.llama.ended)  # its file is not its own any more


@pytest.mark.model
def test_two_that_want_one_at_once_start_one(cache: Path) -> None:
    code = f"""
from argqual.models.connect import begin
print(begin({SMALL!r}, keep=5).address.url)
"""
    both = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    urls = {process.communicate()[0].strip() for process in both}
    assert kept().url in urls and len(urls) <= 2  # who comes a moment too late has its own, which ends with it


@pytest.mark.model
def test_what_was_started_with_other_things_is_not_found(
    cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = tmp_path / "any.gguf"
    weights.write_bytes(b"GGUF")

    def stem(identity: str = "a", **changed: Any) -> Path:
        place = EnginePlace.of(settings_of(weights, **{"context": 512, **changed}), identity)
        assert place is not None
        return place.stem

    first = stem()
    assert stem() == first
    others = [stem("b"), stem(context=1024), stem(slots=2), stem(kept_prompts=tmp_path)]
    with monkeypatch.context() as patch:
        patch.setattr(warm, "version", lambda package: "0")
        others.append(stem())
    with monkeypatch.context() as patch:
        patch.setenv("GOMP_SPINCOUNT", "7")
        others.append(stem())
    weights.write_bytes(b"GGUF, other weights")
    others.append(stem())
    assert len({first, *others}) == 1 + len(others)
    weights.unlink()
    assert EnginePlace.of(settings_of(weights, context=512), "a") is None


# ---- whose turn it is


def is_taken(lock: str) -> bool:
    try:
        with FileLock(lock, timeout=0):
            return False
    except Timeout:
        return True


@pytest.fixture
def place(tmp_path: Path) -> EnginePlace:
    return EnginePlace(tmp_path / "engine", {})


@pytest.mark.parametrize(
    ("text", "order"),
    [("mine", ["one 0", "one 1", "other", "one 2"]), ("", ["one 0", "other", "one 1", "one 2"])],
)
def test_a_turn_lasts_while_one_text_is_asked_about(
    place: EnginePlace, text: str, order: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warm, "_PAUSE_SECONDS", 60.0)  # it is always at once
    one, other = Turns(place, "key"), Turns(place, "key")
    said = []

    def wait() -> None:
        with other.turn(0, "theirs"):
            said.append("other")
        monkeypatch.setattr(warm, "_PAUSE_SECONDS", 0.0)
        with other.turn(0, "theirs, the next"):
            pass

    waiting = threading.Thread(target=wait)
    for number, about in enumerate((text, text, "the next")):
        with one.turn(0, about):
            said.append(f"one {number}")
            if not number:
                waiting.start()
                assert until(lambda: is_taken(f"{place.stem}.0.turn.next"))
    waiting.join()
    assert said == order


def test_a_turn_ends_when_nothing_more_is_asked(place: EnginePlace) -> None:
    one, other = Turns(place, "key"), Turns(place, "key")
    with one.turn(0, "mine"), other.turn(1, "theirs"):
        pass
    with other.turn(0, "theirs"):
        pass


def test_a_process_that_was_stopped_is_not_waited_for_for_ever(
    place: EnginePlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(warm, "_PATIENCE_SECONDS", 0.05)
    one, other = Turns(place, "key"), Turns(place, "key")
    with one.turn(0, "mine"), other.turn(0, "theirs"):
        pass


def test_what_a_slot_holds_is_known_to_the_next_process_of_the_same_engine(place: EnginePlace) -> None:
    Turns(place, "key").note(0, "ratio")
    assert Turns(place, "key").holds(0, "ratio")
    assert not Turns(place, "key").holds(0, "qoam") and not Turns(place, "key").holds(1, "ratio")
    assert not Turns(place, "of another engine").holds(0, "ratio")


@pytest.mark.model
def test_a_beginning_that_another_process_has_read_is_not_read_again(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    post = Llama.post
    monkeypatch.setattr(Llama, "post", lambda llama, path, body, **more: read.append(path) or post(llama, path, body))
    beginning = Beginning((("system", "Judge what stands below with care, and say only what you see. " * 5),))
    other = Beginning((("system", "Count the words of what follows, one by one, to the last. " * 5),))
    begun = server(keep=5)
    begun.address  # noqa: B018
    monkeypatch.setattr(WarmLlama, "post", Llama.post)

    def reads(at: EmbeddedServer, beginning: Beginning) -> int:
        with at.held.holding(beginning):
            pass
        done = read.count("/completion")
        read.clear()
        return done

    assert reads(begun, beginning) > 0
    used = server()
    assert reads(used, beginning) == 0
    assert reads(used, other) > 0
    assert reads(begun, beginning) > 0  # it was replaced by another process
    assert reads(begun, beginning) == 0


@pytest.mark.model
def test_two_at_once_get_the_answers_of_one(cache: Path, two: Framework, monkeypatch: pytest.MonkeyPatch) -> None:
    one = parse_framework(TWO_QUESTIONS.replace("clear", "short").replace("Clear", "Short"), name="one.yaml")

    def judge(framework: Framework, keep: float | None = None) -> Judge:
        monkeypatch.setattr(embedded, "_running", {})  # as another process
        if keep:
            from argqual.models.connect import begin

            begin(SMALL, keep=keep)
        found = Judge(framework, model=connect(SMALL))
        found.readout.max_off_scale = 1.0
        return found

    def values(judge: Judge) -> list[list[float | None]]:
        return [[rating.value for rating in judge.assess(text).ratings] for text in TEXTS]

    judges = [judge(two, keep=5), judge(one)]
    alone = [values(each) for each in judges]
    assert len({each.model.server.address for each in judges if each.model.server}) == 1
    together: list[Any] = [None, None]

    def rate(number: int) -> None:
        together[number] = values(judges[number])

    threads = [threading.Thread(target=rate, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for framework_alone, framework_together in zip(alone, together, strict=True):
        for expected, found in zip(framework_alone, framework_together, strict=True):
            assert found == pytest.approx(expected, abs=1e-3) and None not in expected
