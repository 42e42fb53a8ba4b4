"""`argqual optimise` from outside, over HTTP on loopback. Every sentence here is made up."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import commandline
from argqual.cli.optimise import read_budget
from argqual.errors import InputError
from cardfile import own_card
from loopback import Loopback, completion

LABELS = """\
labels:
  quality: {title: Quality, lowest: 1, highest: 5}
targets:
  overall: {label: quality}
"""
MAGIC = "Look at the weight."


class Player(Loopback):
    """Plays both models: ratings are right once the instructions say what to look at."""

    delay = 0.0

    def __init__(self) -> None:
        super().__init__()
        self.queue = self  # type: ignore[assignment]

    def __bool__(self) -> bool:
        return True

    def popleft(self) -> Any:
        return self._answer

    def _answer(self, body: Any) -> tuple[int, Any]:
        time.sleep(self.delay)
        said = json.dumps({"new_instruction": MAGIC})
        if body["messages"][0]["role"] == "system" and "<argument>" in body["messages"][-1]["content"]:
            weight = re.search(r"weight (\d)", body["messages"][-1]["content"])
            level = weight[1] if weight and MAGIC in body["messages"][0]["content"] else "3"
            said = json.dumps(dict.fromkeys(("relevance", "acceptability", "sufficiency"), level))
        return 200, completion({"index": 0, "message": {"role": "assistant", "content": said}, "finish_reason": "stop"})


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    monkeypatch.setenv("ARGQUAL_CACHE", str(tmp_path_factory.mktemp("cache")))
    for name in ("ARGQUAL_MIRROR", "ARGQUAL_CORPORA", "OPENAI_API_BASE", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def player() -> Iterator[Player]:
    server = Player()
    yield server
    server.close()


@pytest.fixture
def letters(tmp_path: Path) -> Path:
    """A card of twenty letters on five topics."""
    rows = [f"L{n},topic {n % 5},Reason {n} has weight {n % 4 + 1} so there,{n % 4 + 1}" for n in range(20)]
    return own_card(
        tmp_path, "\n".join(["id,issue,text,quality", *rows]) + "\n", table="{id: [id], issue: issue}", rest=LABELS
    )


def optimising(player: Player, *more: str) -> list[str]:
    words = ["optimise", "ratio", "-c", "letters.yaml", "-m", "openai/test", "--readout", "label"]
    return [*words, "--api-base", f"{player.url}/v1", "-o", "mine.json", *more]


def run(letters: Path, player: Player, *more: str) -> subprocess.CompletedProcess[str]:
    return commandline.argqual(letters.parent, *optimising(player, *more))


def test_a_program_is_written_that_score_uses(letters: Path, player: Player) -> None:
    ran = run(letters, player, "--budget", "60calls", "--format", "text")
    assert ran.returncode == 0, ran.stderr
    assert f"+{MAGIC}" in ran.stdout and "Before: agreement" in ran.stdout and "Spearman 1.00" in ran.stdout
    assert "CC0-1.0" in ran.stderr and len(player.requests) <= 60
    asked = ["score", "It has weight 2 and that is all.", "-m", "openai/test", "--readout", "label", "--raw"]
    scored = commandline.argqual(letters.parent, *asked, "--api-base", f"{player.url}/v1", "--program", "mine.json")
    assert json.loads(scored.stdout)["overall"]["value"] == pytest.approx(2.0), scored.stderr
    before = (letters.parent / "mine.json").read_bytes()
    again = run(letters, player)
    assert again.returncode == 2 and "is there already" in again.stderr
    assert (letters.parent / "mine.json").read_bytes() == before


def test_json_holds_the_figures_and_both_prompts(letters: Path, player: Player) -> None:
    ran = run(letters, player, "--optimiser", "labelled", "--limit", "16", "--seed", "1")
    assert ran.returncode == 0, ran.stderr
    report = json.loads(ran.stdout)
    assert report["arguments"] == 16 and report["calls"] == len(player.requests)
    assert report["after"]["metric"] >= report["before"]["metric"]
    assert report["prompt_before"].startswith("You judge")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--budget", "2euro"), "is no budget"),
        (("--budget", "1usd"), "price of openai/test"),
        (("--target", "overal"), "Did you mean"),
        (("-o", "nowhere/mine.json"), "no folder"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_asked(
    letters: Path, player: Player, words: tuple[str, ...], said: str
) -> None:
    ran = run(letters, player, *words)
    assert ran.returncode == 2 and said in " ".join(ran.stderr.split())
    assert not player.requests and not (letters.parent / "mine.json").exists()


def test_an_unreachable_model_is_exit_code_3_and_nothing_is_written(letters: Path, player: Player) -> None:
    player.close()
    ran = run(letters, player)
    assert ran.returncode == 3 and "cannot be reached" in ran.stderr
    assert not (letters.parent / "mine.json").exists()


def test_ctrl_c_keeps_the_best_so_far(letters: Path, player: Player) -> None:
    player.delay = 0.1
    with (letters.parent / "said").open("wb+") as errors:
        process = commandline.start(
            letters.parent, *optimising(player, "--budget", "5000calls"), errors=errors.fileno()
        )
        end = time.monotonic() + 60
        while len(player.requests) < 12 and time.monotonic() < end:
            time.sleep(0.05)
        commandline.interrupt(process)
        process.join(60)
    said = (letters.parent / "said").read_text(encoding="utf-8")
    assert process.exitcode == 130 and "Traceback" not in said, said
    assert "best program so far was written" in said
    assert json.loads((letters.parent / "mine.json").read_text(encoding="utf-8"))["schema"] == "argqual/program@1"


def test_budgets_are_calls_or_dollars_or_both() -> None:
    assert read_budget("300calls") == (300, None)
    assert read_budget("2usd") == (None, 2.0)
    assert read_budget("0.50usd, 300calls") == (300, 0.5)
    for words in ("", "0calls", "2", "usd", "-1usd"):
        with pytest.raises(InputError):
            read_budget(words)


def test_a_budget_in_dollars_alone_does_not_let_a_free_model_run_on_for_ever(tmp_path: Path) -> None:
    from argqual.models.names import is_embedded

    assert [is_embedded(name) for name in ("local", "smollm2-135m", "my.gguf", "openai/gpt-4.1-mini")] == [
        True,
        True,
        True,
        False,
    ]
