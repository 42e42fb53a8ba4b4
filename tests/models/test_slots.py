"""What an engine's slots hold: read once, kept, and given back to the next process with the same ratings."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from argqual.argument import Argument
from argqual.errors import ModelError
from argqual.frameworks.framework import Framework
from argqual.judging.judge import Judge
from argqual.judging.prompt import Demonstration
from argqual.models import embedded, kept_prompts
from argqual.models.connect import Model, connect
from argqual.models.llama import Llama
from argqual.models.slots import SHARED, Beginning, Slots
from argqual.models.weights import locate

SMALL = "smollm2-135m"
TEXT = "We should plant trees along the main road. They cool the pavement in summer."
LONG = Beginning((("system", "Judge what stands below with care, and say only what you see. " * 5),), "<argument>\n")
OTHER = Beginning((("system", "Count the words of what follows, one by one, to the last of them. " * 5),))
READ, SAVED = "/completion", "/slots/0?action=save"


def test_what_requests_share_is_the_system_message_and_the_messages_that_are_said_to_be_shared() -> None:
    from dspy.lm15 import Config, Message, Request

    def beginning(shared: int | None, **changed: Any) -> Beginning | None:
        extensions = None if shared is None else {SHARED: shared}
        said = (Message.user("<argument>\nA\n"), Message.assistant("3"), Message.user("<argument>\nB\n"))
        request: dict[str, Any] = {"model": "any", "system": "Judge.", "messages": said, **changed}
        return Beginning.of(Request(**request, config=Config(extensions=extensions)))

    assert beginning(None) == Beginning((("system", "Judge."),), "<argument>\n")
    shown = (("system", "Judge."), ("user", "<argument>\nA\n"), ("assistant", "3"))
    assert beginning(2) == Beginning(shown, "<argument>\n")
    assert beginning(3) is None
    assert beginning(None, system=None) is None


class Posts:
    """What was sent to engines, by path."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.paths: list[str] = []
        post = Llama.post

        def noted(llama: Llama, path: str, body: dict[str, Any]) -> Any:
            self.paths.append(path)
            return post(llama, path, body)

        monkeypatch.setattr(Llama, "post", noted)

    def taken(self) -> list[str]:
        """Reads, restores and saves since it was last asked; a reading in several parts is one."""
        went_on = [path == READ == before for before, path in pairwise(["", *self.paths])]
        told = [path for path, again in zip(self.paths, went_on, strict=True) if not again]
        found = [path for path in told if path == READ or path.startswith("/slots/")]
        self.paths.clear()
        return found


def restored(slot: int = 0) -> str:
    return f"/slots/{slot}?action=restore"


@pytest.fixture
def posts(monkeypatch: pytest.MonkeyPatch) -> Posts:
    return Posts(monkeypatch)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Llama]:
    """An engine with two slots, which keeps prompts in a cache of its own."""
    weights, cache = locate(SMALL), tmp_path_factory.mktemp("cache")
    assert weights is not None
    (cache / "prompts").mkdir()
    llama = Llama(weights, context=512, slots=2, kept_prompts=cache / "prompts")
    yield llama
    llama._process.kill()


@pytest.fixture
def prompts(engine: Llama, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the engine's kept prompts, empty."""
    assert engine.kept_prompts is not None
    monkeypatch.setenv("ARGQUAL_KEPT_PROMPTS", "1000")
    monkeypatch.setenv("ARGQUAL_CACHE", str(engine.kept_prompts.parent))
    kept_prompts.clear()
    return engine.kept_prompts


def held(slots: Slots, beginning: Beginning | None) -> int:
    with slots.holding(beginning) as slot:
        return slot


@pytest.mark.model
def test_what_was_read_is_kept_once_and_restored_by_others(engine: Llama, prompts: Path, posts: Posts) -> None:
    slots = Slots(engine, 1, 512, {})
    held(slots, LONG)
    assert posts.taken() == [READ, SAVED]
    assert [path.suffix for path in prompts.iterdir()] == [".state"]
    held(slots, LONG)
    assert posts.taken() == []
    held(Slots(engine, 1, 512, {}), LONG)  # as another process
    assert posts.taken() == [restored()]
    held(Slots(engine, 1, 512, {"weights": "others"}), LONG)
    assert posts.taken() == [READ, SAVED]


@pytest.mark.model
def test_what_takes_the_others_place_is_restored_and_not_read_again(engine: Llama, prompts: Path, posts: Posts) -> None:
    slots = Slots(engine, 1, 512, {})
    for beginning in (LONG, OTHER):
        held(slots, beginning)
    assert posts.taken() == [READ, SAVED] * 2
    for beginning in (LONG, OTHER):
        held(slots, beginning)
    assert posts.taken() == [restored()] * 2


@pytest.mark.model
def test_every_slot_gets_what_one_has_read(engine: Llama, prompts: Path, posts: Posts) -> None:
    slots = Slots(engine, 2, 512, {})
    with slots.holding(LONG) as one, slots.holding(LONG) as other:
        assert (one, other) == (0, 1)
        assert posts.taken() == [READ, SAVED, restored(1)]
    with slots.holding(LONG), slots.holding(LONG):
        assert posts.taken() == []
    assert held(slots, None) in (0, 1)
    with slots.holding(LONG) as kept:
        assert held(slots, None) != kept


def foreign(prompts: Path, content: bytes) -> None:
    """Put a whole file of other content in the place of the one that is kept."""
    (path,) = prompts.iterdir()
    path.unlink()
    draft = prompts / kept_prompts.new_draft()
    draft.write_bytes(content)
    assert kept_prompts.keep(draft, path.stem.partition("-")[0], len(content))


@pytest.mark.model
def test_a_broken_state_and_one_that_the_engine_refuses_are_replaced(
    engine: Llama, prompts: Path, posts: Posts
) -> None:
    held(Slots(engine, 1, 512, {}), LONG)
    (path,) = prompts.iterdir()
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    posts.taken()
    held(Slots(engine, 1, 512, {}), LONG)
    assert posts.taken() == [READ, SAVED]
    foreign(prompts, b"no state at all")
    held(Slots(engine, 1, 512, {}), LONG)
    assert posts.taken() == [restored(), READ, SAVED]
    held(Slots(engine, 1, 512, {}), LONG)
    assert posts.taken() == [restored()]

    foreign(prompts, whole[:-1])
    other = Llama(engine.weights, context=512, slots=2, kept_prompts=prompts)
    with pytest.raises(ModelError, match="has ended"):  # it does not bear what is cut short
        held(Slots(other, 1, 512, {}), LONG)
    assert list(prompts.iterdir()) == []  # the next is right


@pytest.mark.model
def test_without_a_folder_a_prompt_is_read_each_time(engine: Llama, prompts: Path, posts: Posts) -> None:
    prompts.rmdir()  # after the engine was started with it
    prompts.write_text("a file in its place")
    try:
        for _ in range(2):
            held(Slots(engine, 1, 512, {}), LONG)
            assert posts.taken() == [READ, SAVED]
    finally:
        prompts.unlink()
        prompts.mkdir()


@pytest.mark.model
def test_what_is_short_is_left_to_the_request_and_so_is_what_does_not_fit(
    engine: Llama, prompts: Path, posts: Posts
) -> None:
    slots = Slots(engine, 1, 512, {})
    held(slots, Beginning((("system", "Judge."),)))
    assert posts.taken() == []
    held(slots, Beginning((("system", "word " * 600),)))
    assert posts.taken() == []


def test_what_an_engine_refuses_is_left_to_the_request() -> None:
    class Refusing:
        kept_prompts = None

        def post(self, path: str, body: object) -> object:
            raise OSError(path)

    assert held(Slots(Refusing(), 1, 512, {}), LONG) == 0  # type: ignore[arg-type]


@pytest.mark.model
def test_the_next_process_rates_as_the_one_that_read_the_prompt(
    tmp_path: Path, two: Framework, posts: Posts, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = locate(SMALL)
    assert weights is not None
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / weights.name).symlink_to(weights)
    monkeypatch.setenv("ARGQUAL_CACHE", str(tmp_path))
    monkeypatch.setenv("ARGQUAL_KEPT_PROMPTS", "1000")
    found = []
    for sent in ([READ, SAVED], [restored()]):
        monkeypatch.setattr(embedded, "_running", {})
        judge = Judge(two, model=connect(SMALL))
        judge.readout.max_off_scale = 1.0
        assessed = judge.assess(TEXT)
        assert posts.taken() == sent
        assert (assessed.usage.cached_tokens or 0) > 0.6 * (assessed.usage.input_tokens or 0)
        found.append([rating.value for rating in assessed.ratings])
        assert judge.model.server is not None
        judge.model.server.llama._process.kill()
        judge.model.server.llama._process.wait()
    assert found[0] == pytest.approx(found[1], abs=1e-3) and None not in found[0]
    with pytest.raises(ModelError, match=r"has ended \(signal 9\)"):
        judge.assess(TEXT)


def test_examples_that_are_the_same_for_all_are_shared_and_others_are_not(two: Framework) -> None:
    class Asked(Exception):
        pass

    class Engine:
        """Keeps what it is asked, and answers nothing."""

        def ask(self, request: Any) -> Any:
            self.request = request
            raise Asked

    class Examples:
        def __init__(self, fixed: bool) -> None:
            self.fixed = fixed

        def __call__(self, argument: Argument) -> list[Demonstration]:
            return [Demonstration({"argument": "Trees are nice."}, {"clear": "3", "fair": "1"})]

    for fixed, messages in ((True, 3), (False, 1)):
        engine = Engine()
        model = Model("any", engine=engine, logprobs=True, server=SimpleNamespace(slots=1))  # type: ignore[arg-type]
        with pytest.raises(Asked):
            Judge(two, model=model, demonstrations=Examples(fixed)).assess(TEXT)
        beginning = Beginning.of(engine.request)
        assert beginning is not None and len(beginning.messages) == messages
