"""Corpora as training data: which arguments, which labels, which groups. Every sentence here is made up."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from argqual.corpora.cards import load_card
from argqual.errors import ArgqualError, CorpusError
from argqual.strategies.training import training_data
from cardfile import own_card

MIRROR = os.environ.get("ARGQUAL_MIRROR", "")
LABELS = """\
labels:
  quality: {title: Quality, lowest: 1, highest: 9, missing: ["", "?"]}
  reasons: {title: Reasons, lowest: 0}
targets:
  overall: {label: quality}
  logic: {label: reasons, proxy: true}
"""
ROWS = [  # id, issue, split, quality, reasons
    ("a", "trees", "train", "1", "0"),
    ("b", "trees", "train", "3", "2"),
    ("c", "trams", "train", "5", "1"),
    ("d", "trams", "test", "7", "1"),
    ("e", "parks", "test", "?", "3"),
]


@pytest.fixture(autouse=True)
def own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("ARGQUAL_CACHE", str(tmp_path / "cache"))


def corpus(folder: Path, *, name: str = "letters", rows: Sequence[tuple[str, ...]] = ROWS, rest: str = "") -> str:
    """The path of a card whose rows have texts that nothing else has."""
    (folder / name).mkdir()
    lines = [
        f"{id},{issue},{split},{quality},{reasons},{name} {id} says so." for id, issue, split, quality, reasons in rows
    ]
    card = own_card(
        folder / name,
        "id,issue,set,quality,reasons,text\n" + "\n".join(lines) + "\n",
        table="{id: [id], issue: issue, split: set}",
        rest=LABELS + rest,
    )
    card.write_text(card.read_text(encoding="utf-8").replace("id: letters", f"id: {name}"), encoding="utf-8")
    return str(card)


def labels_of(names: list[str], target: str = "overall", **more: object) -> dict[str, float]:
    data = training_data(names, target, **more)  # type: ignore[arg-type]
    return {argument.id or "": label for argument, label in zip(data.arguments, data.labels, strict=True)}


def test_labels_of_one_corpus_stay_as_they_are_and_the_unlabelled_are_counted(tmp_path: Path) -> None:
    name = corpus(tmp_path)
    data = training_data([name], "overall")
    assert labels_of([name]) == {"a": 1, "b": 3, "c": 5, "d": 7}
    assert (data.unlabelled, data.without_scale, data.standardised) == (1, 0, False)


def test_several_corpora_become_z_scores_of_each_by_itself(tmp_path: Path) -> None:
    """By hand: 1, 3, 5, 7 have mean 4 and deviation sqrt(5); 2 and 8 have mean 5 and deviation 3."""
    other = [("p", "x", "", "2", ""), ("q", "y", "", "8", "")]
    names = [corpus(tmp_path), corpus(tmp_path, name="notes", rows=other)]
    expected = {"a": -3, "b": -1, "c": 1, "d": 3}
    assert labels_of(names) == pytest.approx({id: z / np.sqrt(5) for id, z in expected.items()} | {"p": -1, "q": 1})
    assert training_data(names, "overall").training.target == "overall, z-scores"


def test_a_topic_that_cannot_be_standardised_is_left_out_and_counted(tmp_path: Path) -> None:
    """The two on trees differ; those on trams are equal, and the one on parks is alone."""
    rows = [("a", "trees", "", "1", ""), ("b", "trees", "", "3", ""), ("c", "trams", "", "5", "")]
    rows += [("d", "trams", "", "5", ""), ("e", "parks", "", "2", "")]
    name = corpus(tmp_path, rows=rows, rest="unit: topic_and_stance\n")
    data = training_data([name], "overall")
    assert labels_of([name]) == pytest.approx({"a": -1, "b": 1})
    assert (data.unlabelled, data.without_scale, data.standardised) == (0, 3, True)


def test_a_limit_takes_the_first_by_the_hash_of_corpus_and_id_whatever_the_files_order(tmp_path: Path) -> None:
    rows = [(f"n{number}", "trees", "", str(1 + number % 9), "") for number in range(30)]
    ahead = sorted((row[0] for row in rows), key=lambda id: sha256(f"letters/{id}".encode()).hexdigest())
    name = corpus(tmp_path, rows=rows)
    assert list(labels_of([name], limit=10)) == ahead[:10]
    (tmp_path / "turned").mkdir()
    assert list(labels_of([corpus(tmp_path / "turned", rows=rows[::-1])], limit=12)) == ahead[:12]


def test_a_split_is_the_releases_own(tmp_path: Path) -> None:
    assert set(labels_of([corpus(tmp_path)], split="train")) == {"a", "b", "c"}


def test_a_split_is_refused_where_a_corpus_does_not_have_it(tmp_path: Path) -> None:
    name = corpus(tmp_path)
    with pytest.raises(CorpusError, match="letters is in the split 'dev'") as caught:
        training_data([name], "overall", split="dev")
    assert caught.value.hint == "Its splits: test, train."
    plain = [(id, issue, "", quality, reasons) for id, issue, _, quality, reasons in ROWS]
    with pytest.raises(CorpusError, match="notes is in the split 'train'"):
        training_data([name, corpus(tmp_path, name="notes", rows=plain)], "overall", split="train")


def test_a_corpus_of_which_no_label_is_left_is_named(tmp_path: Path) -> None:
    rows = [(id, issue, split, "?" if split == "test" else quality, "") for id, issue, split, quality, _ in ROWS]
    with pytest.raises(CorpusError, match="'overall' is left of letters, split 'test'"):
        training_data([corpus(tmp_path, rows=rows)], "overall", split="test")


def test_a_proxy_is_taken_only_when_it_is_asked_for(tmp_path: Path) -> None:
    name = corpus(tmp_path)
    with pytest.raises(CorpusError, match="Its targets: overall") as caught:
        training_data([name], "logic")
    assert "--proxies" in (caught.value.hint or "")
    assert labels_of([name], "logic", proxies=True)["b"] == 2
    with pytest.raises(CorpusError, match="Did you mean 'logic'"):
        training_data([name], "logik")


def test_what_it_was_trained_on_and_under_which_licence_is_kept(tmp_path: Path) -> None:
    name = corpus(tmp_path)
    path = Path(name)
    path.write_text(
        path.read_text(encoding="utf-8").replace(
            "commercial: true}", "commercial: false, share_alike: true, terms: Name us.}"
        ),
        encoding="utf-8",
    )
    found = training_data([name], "overall").training
    assert found.corpora == {"letters": load_card(name)[0].fingerprint}
    assert found.licences == ("letters: CC0-1.0; Name us; forbids commercial use; share alike",)


def test_copies_of_a_text_stay_and_are_in_one_group(tmp_path: Path) -> None:
    text = "The trams are quiet at night, and so the people who live beside the tracks sleep."
    lines = "".join(f"{id},{issue},{quality},{text}\n" for id, issue, quality in [("a", "x", 1), ("b", "y", 5)])
    card = own_card(
        tmp_path, "id,issue,quality,text\n" + lines.replace(text, f'"{text}"'), table="{id: [id], issue: issue}"
    )
    card.write_text(card.read_text(encoding="utf-8") + "targets: {overall: quality}\n", encoding="utf-8")
    data = training_data([str(card)], "overall")
    assert len(data.arguments) == 2 and len(set(data.groups)) == 1


def test_one_corpus_twice_is_refused(tmp_path: Path) -> None:
    name = corpus(tmp_path)
    with pytest.raises(ArgqualError, match="Two corpora are called 'letters'"):
        training_data([name, name], "overall")


@pytest.mark.skipif(
    not (MIRROR and Path(MIRROR).is_dir()), reason="needs the corpora: set ARGQUAL_MIRROR to a folder that has them"
)
def test_released_corpora_are_standardised_within_what_their_labels_are_comparable_in() -> None:
    """UKPConvArg1 (Habernal and Gurevych 2016): 1,052 arguments on 16 issues, two stances each: 32 ranked lists."""
    data = training_data(["ukpconvarg1"], "overall")
    units = Counter((argument.issue, argument.stance) for argument in data.arguments)
    assert len(units) == 32 and len(data.arguments) == 1052 and data.standardised
    for unit in units:
        own = [z for each, z in zip(data.arguments, data.labels, strict=True) if (each.issue, each.stance) == unit]
        assert np.mean(own) == pytest.approx(0, abs=1e-9) and np.std(own) == pytest.approx(1)
