"""Worked examples from a file: shown with the levels and the rationales that stand there, and no label is needed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from argqual.argument import Argument
from argqual.errors import InputError, StrategyError
from argqual.models.connect import connect
from argqual.strategies import Exemplars, PrincipleExemplars
from argqual.strategies.pool import read_pool
from chatserver import ChatServer

TEST = [Argument("oak is good, since oak is old.", issue="Issue 9?"), Argument("Nothing of the kind.")]


def worked(number: int) -> dict[str, Any]:
    return {
        "id": f"example-{number}",
        "text": f"Tree {number} should stay, since it is {number}0 years old.",
        "issue": f"Should tree {number} stay?",
        "levels": {"overall": 1 + number % 5, "relevance": 5, "acceptability": 1 + number % 5, "sufficiency": 3},
        "rationales": {style: f"{style} words on tree {number}." for style in ("polished", "messy", "corrupted")},
    }


@pytest.fixture
def pool(tmp_path: Path) -> str:
    path = tmp_path / "pool.jsonl"
    path.write_text("".join(json.dumps(worked(number)) + "\n" for number in range(10)), encoding="utf-8")
    return str(path)


@pytest.fixture
def asked() -> Iterator[tuple[ChatServer, list[Any]]]:
    bodies: list[Any] = []
    with ChatServer(fault_for=bodies.append) as server:
        yield server, bodies


def test_examples_are_shown_with_their_levels_and_rationales(pool: str, asked: tuple[ChatServer, list[Any]]) -> None:
    server, bodies = asked
    model = connect("openai/test", api_base=f"{server.url}/v1", api_key="k")
    settings: dict[str, Any] = {"k": 5, "draws": 1, "pool": pool, "store": False, "model": model}
    for style in ("none", "polished", "messy", "corrupted"):
        strategy = PrincipleExemplars("ratio", rationales=style, **settings).fit(TEST)
        assert not strategy.learns and strategy.seen_.labels == 0 and strategy.seen_.examples == 5
        bodies.clear()
        assert strategy.predict(TEST).shape == (2,)
        turns = bodies[0]["messages"]
        shown = [turn["content"] for turn in turns if turn["role"] == "assistant"]
        assert len(shown) == 5
        for question, answer in zip([turn["content"] for turn in turns if turn["role"] == "user"], shown, strict=False):
            number = int(question.split("Tree ")[1].split()[0])
            said, _, levels = answer.rpartition("\n")
            assert said == ("" if style == "none" else worked(number)["rationales"][style])
            expected = worked(number)["levels"]
            assert list(json.loads(levels).values()) == [
                str(expected[name]) for name in ("relevance", "acceptability", "sufficiency")
            ]
    # One from each fifth of the levels.
    assert sorted(int(level) for level in Exemplars(**settings).fit(TEST).levels_["quality"]) == [0, 1, 2, 3, 4]


def test_what_does_not_go_together_is_said(pool: str, tmp_path: Path) -> None:
    for wrong, said in (
        ({"k": 11}, "has 10 examples"),
        ({"select": "nearest"}, "a pool is drawn from"),
        ({"targets": {"relevance": "said"}}, "levels of its own"),
        ({"rationales": "polite"}, "polite"),
    ):
        with pytest.raises(StrategyError, match=said):
            PrincipleExemplars("ratio", **({"pool": pool} | wrong)).fit(TEST)  # type: ignore[arg-type]
    bare = tmp_path / "bare.jsonl"
    bare.write_text(json.dumps(worked(1) | {"rationales": {}}) + "\n", encoding="utf-8")
    with pytest.raises(StrategyError, match=r"Not every example of .* has a rationale that is messy"):
        Exemplars(k=1, pool=str(bare), rationales="messy").fit(TEST)


def test_a_file_that_is_no_pool_is_named_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.jsonl cannot be read: No such file.*"):
        read_pool(tmp_path / "nowhere.jsonl")
    path = tmp_path / "pool.jsonl"
    for line, said in (
        ("{", "no worked example"),
        (json.dumps(worked(1) | {"levels": {"overall": 6}}), "less than or equal to 5"),
        (json.dumps(worked(1) | {"levels": {"relevance": 2}}), "a level for 'overall'"),
    ):
        path.write_text(json.dumps(worked(0)) + "\n" + line + "\n", encoding="utf-8")
        with pytest.raises(InputError, match=rf"pool\.jsonl:2: .*{said}"):
            read_pool(path)
