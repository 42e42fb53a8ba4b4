"""Whether texts that differ by design are complete, balanced, apart, and read alike."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from scipy.stats import binomtest
from sklearn.metrics import cohen_kappa_score

from argqual.corpora.check import Finding, check_corpus
from argqual.corpora.corpus import Corpus
from argqual.corpora.reading import read_corpus
from argqual.errors import CardError

CRITERIA = ("relevance", "sufficiency")
CARD = """\
schema: argqual/corpus@1
id: twins
title: Twins
description: Made up for a test.
files: [{path: twins.jsonl}]
licence: {id: CC0-1.0, evidence: a test, redistribution: true, commercial: true}
domain: test
reader: table
table: {files: [twins.jsonl], id: id, issue: issue, group: family}
labels:
""" + "\n".join(
    f"  {name}: {{title: {name}, kind: ordinal, lowest: 0, highest: 1}}"
    for name in ("quality", "polished", *CRITERIA, *(f"{each}_read" for each in CRITERIA))
)
TWINS = """
targets: {overall: quality}
minimal_pairs:
  broken: {relevance: relevance, sufficiency: sufficiency}
  read: {relevance: relevance_read, sufficiency: sufficiency_read}
  polished: polished
figures: {families: 20, longest: 1.1, copies_across: 0, read_alike: 1, read_kappa: 1}
"""


def rows() -> list[dict[str, object]]:
    found = []
    for family in range(20):
        for broken in (None, *CRITERIA):
            for polished in (0, 1):
                words = [f"w{family}x{place}{broken or 'sound'}{polished}" for place in range(10)]
                found.append(
                    {"id": f"{family}/{broken}/{polished}", "family": f"f{family}", "issue": f"Issue {family}?"}
                    | {"text": " ".join(words), "polished": polished, "quality": int(broken is None)}
                    | {each: int(each != broken) for each in CRITERIA}
                    | {f"{each}_read": int(each != broken) for each in CRITERIA}
                )
    return found


def corpus(folder: Path, made: list[dict[str, object]], card: str = CARD + TWINS) -> Corpus:
    (folder / "twins.jsonl").write_text("\n".join(map(json.dumps, made)), encoding="utf-8")
    (folder / "twins.yaml").write_text(card, encoding="utf-8")
    return read_corpus(str(folder / "twins.yaml"))


def findings(made: Corpus) -> dict[str, Finding]:
    return {each.figure: each for each in check_corpus(made, draws=100)}


def test_what_is_as_it_should_be_is_found_so(tmp_path: Path) -> None:
    found = findings(corpus(tmp_path, rows()))
    for name in ("families", "copies_across", "read_alike", "read_kappa"):
        assert found[name].verdict == "as promised", found[name]
    assert found["longest"].found == 1 and found["longest"].verdict == "differs"


def test_a_version_too_few_a_long_one_and_a_copy_are_found(tmp_path: Path) -> None:
    made = rows()
    made[0]["text"] = f"{made[0]['text']} and more"
    made[7]["text"] = f"{made[20]['text']} more"
    found = findings(corpus(tmp_path, made[:-1]))
    assert found["families"].found == 19 and found["longest"].found == pytest.approx(1.2)
    assert found["copies_across"].found == 2


def test_agreement_without_exception_still_has_an_interval(tmp_path: Path) -> None:
    found = findings(corpus(tmp_path, rows()))
    exact = binomtest(20, 20).proportion_ci(method="exact")  # 20 families
    assert (found["read_alike"].low, found["read_alike"].high) == (pytest.approx(exact.low), 1)
    kappa = found["read_kappa"]
    assert kappa.low is not None and kappa.low < exact.low and kappa.high == 1


def test_agreement_beyond_chance_is_cohens(tmp_path: Path) -> None:
    made = rows()
    for place in range(0, 120, 7):
        made[place] |= {"relevance_read": 0, "sufficiency_read": 1}
    made[1] |= {"relevance_read": 0, "sufficiency_read": 0}  # named both, which is none of the versions
    read = corpus(tmp_path, made)
    found = findings(read)
    built = [each.broken for argument in read.arguments if (each := read.minimal_pair(argument))]
    named = ["/".join(sorted(read.read(argument) or ())) for argument in read.arguments]
    plain = [each or "" for each in built]
    assert found["read_alike"].found == pytest.approx(sum(map(str.__eq__, plain, named)) / 120)
    assert found["read_kappa"].found == pytest.approx(cohen_kappa_score(plain, named))
    assert found["read_kappa"].low is not None and found["read_kappa"].clusters == 20


def test_read_and_broken_name_the_same_criteria(tmp_path: Path) -> None:
    with pytest.raises(CardError, match="name the same criteria"):
        corpus(tmp_path, rows(), CARD + TWINS.replace("read: {relevance: relevance_read, ", "read: {"))
