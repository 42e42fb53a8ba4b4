"""Data sets of the Hugging Face hub, streamed from a small hub on loopback."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from commandline import in_a_fork
from tabular.hub import read

SHA = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def essays(tmp_path: Path) -> Path:
    folder = tmp_path / "repo"
    (folder / "data").mkdir(parents=True)
    for split, texts in (("train", ["a", "b", "c"]), ("test", ["d"])):
        table = pa.table({"text": texts, "votes": pa.array(range(len(texts)), pa.int8())})
        pq.write_table(table, folder / "data" / f"{split}-00000-of-00001.parquet")
    return folder


def ask(folder: Path | None, spec: str, skip: int = 0) -> Any:
    return in_a_fork(read, folder, spec, skip)


def test_a_data_set_is_streamed_with_its_types_and_its_commit(essays: Path):
    said = ask(essays, "hf://owner/essays")
    assert said["columns"] == ("text", "votes")
    assert said["schema"] == ["string", "int8"]
    assert said["rows"] == [{"text": text, "votes": votes} for votes, text in enumerate("abc")]
    assert said["identity"] == {
        "kind": "hub", "repo": "owner/essays", "config": "", "split": "train", "revision": SHA,
    }  # fmt: skip
    assert not any("test-00000" in request for request in said["requests"] if "/resolve/" in request)


def test_a_split_is_chosen_and_rows_that_are_done_are_passed_over(essays: Path):
    assert ask(essays, "hf://owner/essays:test")["rows"] == [{"text": "d", "votes": 0}]
    assert ask(essays, "hf://owner/essays:train", 2)["rows"] == [{"text": "c", "votes": 2}]


def test_json_lines_on_the_hub_have_their_columns_too(tmp_path: Path):
    folder = tmp_path / "repo"
    folder.mkdir()
    (folder / "train.jsonl").write_text('{"text": "a", "n": 1}\n{"text": "b", "n": 2}\n')
    said = ask(folder, "hf://owner/essays")
    assert said["columns"] == ("text", "n")
    assert said["rows"] == [{"text": "a", "n": 1}, {"text": "b", "n": 2}]


@pytest.mark.parametrize(
    ("spec", "message", "hint"),
    [
        ("hf://owner/essays:dev", "no split 'dev'; it has: train, test", ""),
        ("hf://owner/essays/hard:train", "'hard' not found", "hf://OWNER/NAME/CONFIG:SPLIT"),
        ("hf://owner/nothing", "no public data set 'owner/nothing'", "hf auth login"),
        ("hf://owner/gated", "access has to be asked for", "Accept its terms"),
    ],
)
def test_what_the_hub_refuses_says_what_to_do(essays: Path, spec: str, message: str, hint: str):
    said = ask(essays, spec)
    assert message in said["error"]
    assert hint in (said["hint"] or "")


def test_a_hub_that_cannot_be_reached_says_so():
    said = ask(None, "hf://owner/essays")
    assert "the Hugging Face hub cannot be reached" in said["error"]
    assert "download the file" in said["hint"]


def test_labels_of_the_card_keep_their_numbers_and_its_counts_are_known(essays: Path):
    card = """\
---
dataset_info:
  features:
  - {name: text, dtype: string}
  - name: votes
    dtype:
      class_label:
        names: {'0': con, '1': pro, '2': none}
  splits:
  - {name: train, num_bytes: 1, num_examples: 3}
  - {name: test, num_bytes: 1, num_examples: 1}
configs:
- config_name: default
  data_files:
  - {split: train, path: data/train-00000-of-00001.parquet}
  - {split: test, path: data/test-00000-of-00001.parquet}
---
"""
    (essays / "README.md").write_text(card)
    said = ask(essays, "hf://owner/essays:train")
    assert said["rows"] == [{"text": text, "votes": votes} for votes, text in enumerate("abc")]
    assert said["schema"] == ["string", "int64"]
    assert said["count"] == 3
