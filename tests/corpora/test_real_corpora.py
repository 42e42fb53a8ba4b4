"""The seven corpora as released, where a mirror of them is at hand.

Expected figures are published ones, or were counted on the files with other code.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from argqual.corpora.check import Finding, check_corpus, check_overlaps
from argqual.corpora.corpus import Corpus
from argqual.corpora.reading import read_corpus

MIRROR = os.environ.get("ARGQUAL_MIRROR", "")
SEVEN = ("dagstuhl", "dagstuhl_novice", "debate_speeches", "ibm_argq_rank_30k", "typic", "ukpconvarg1", "webis")
pytestmark = pytest.mark.skipif(
    not (MIRROR and Path(MIRROR).is_dir()), reason="needs the corpora: set ARGQUAL_MIRROR to a folder that has them"
)


@pytest.fixture(scope="module")
def corpora(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Corpus]]:
    before = os.environ.get("ARGQUAL_CACHE")
    os.environ["ARGQUAL_CACHE"] = str(tmp_path_factory.mktemp("cache"))
    yield {name: read_corpus(name) for name in SEVEN}
    if before is None:
        del os.environ["ARGQUAL_CACHE"]
    else:
        os.environ["ARGQUAL_CACHE"] = before


@pytest.fixture(scope="module")
def findings(corpora: dict[str, Corpus]) -> dict[str, list[Finding]]:
    return {
        name: check_corpus(corpus, draws=100) + check_overlaps(corpus, list(corpora.values()))[0]
        for name, corpus in corpora.items()
    }


@pytest.mark.parametrize("name", SEVEN)
def test_every_figure_of_the_card_is_found_again(findings: dict[str, list[Finding]], name: str) -> None:
    assert [each for each in findings[name] if each.verdict == "differs"] == []


def test_the_cards_promise_what_was_measured_on_the_releases(corpora: dict[str, Corpus]) -> None:
    """So that a card cannot be bent to what the code finds."""
    dagstuhl = corpora["dagstuhl"].card.figures
    assert dagstuhl.alpha == {
        "overall_quality": 0.444, "reasonableness": 0.452, "local_relevance": 0.407, "global_acceptability": 0.395,
        "cogency": 0.385, "local_acceptability": 0.345, "effectiveness": 0.334, "local_sufficiency": 0.279,
        "global_relevance": 0.266, "arrangement": 0.255, "clarity": 0.253, "credibility": 0.245,
        "emotional_appeal": 0.223, "appropriateness": 0.174, "global_sufficiency": 0.172,
    }  # fmt: skip
    ceilings = {
        "overall_quality": 0.547, "cogency": 0.531, "reasonableness": 0.531, "local_relevance": 0.488,
        "effectiveness": 0.484, "local_sufficiency": 0.466, "local_acceptability": 0.443,
    }  # fmt: skip
    assert ceilings.items() <= dagstuhl.ceiling.items()
    lengths = {name: list(corpora[name].card.figures.length.values()) for name in SEVEN}
    assert lengths["dagstuhl"] == [0.53]
    assert lengths["ukpconvarg1"] == [0.40]
    assert lengths["webis"] == [0.75]
    assert lengths["ibm_argq_rank_30k"] == [0.16]
    assert lengths["debate_speeches"] == [0.10]
    duplicates = {name: corpora[name].card.figures.duplicates for name in ("ukpconvarg1", "webis", "ibm_argq_rank_30k")}
    assert duplicates == {"ukpconvarg1": 14, "webis": 18, "ibm_argq_rank_30k": 13}
    shared = {(name, each.corpus, each.kind): each.count for name in SEVEN for each in corpora[name].card.overlaps}
    assert shared["dagstuhl", "ukpconvarg1", "same_text"] == 320
    assert shared["ibm_argq_rank_30k", "debate_speeches", "inside"] == 746
    # 17 topics have the same words; "the Guantanamo Bay detention camp" is the 18th, without its article in one.
    assert shared["ibm_argq_rank_30k", "debate_speeches", "same_topic"] == 18


@pytest.mark.parametrize(
    ("name", "texts", "arguments", "topics"),
    [
        ("dagstuhl", 320, 304, 16),
        ("dagstuhl_novice", 320, 320, 16),
        ("ukpconvarg1", 1052, 1052, 16),
        ("webis", 1610, 1271, 20),
        ("ibm_argq_rank_30k", 20974 + 6315, 20974 + 6315, 49 + 15),
        ("debate_speeches", 631, 631, 76),
        ("typic", 197, 197, 2),
    ],
)
def test_rows_and_topics_are_as_released(
    corpora: dict[str, Corpus], name: str, texts: int, arguments: int, topics: int
) -> None:
    corpus = corpora[name]
    assert (len(corpus.texts), len(corpus.arguments)) == (texts, arguments)
    assert len({argument.issue for argument in corpus.texts}) == topics


def test_all_seven_are_read_within_five_seconds_from_a_warm_cache(corpora: dict[str, Corpus]) -> None:
    """A bar of the project with room to spare (about 1.5 s on two cores); `corpora` has warmed the cache."""
    began = time.perf_counter()
    for name in SEVEN:
        read_corpus(name)
    assert time.perf_counter() - began < 5


def test_no_text_of_a_corpus_has_markup_or_a_broken_character_left(corpora: dict[str, Corpus]) -> None:
    texts = [argument.text for name in ("dagstuhl", "ukpconvarg1") for argument in corpora[name].texts]
    assert not [text for text in texts if "<br" in text or "&amp;" in text or "\r" in text or "\ufffd" in text]


def test_a_better_ukp_argument_has_the_higher_label(corpora: dict[str, Corpus]) -> None:
    corpus = corpora["ukpconvarg1"]
    label = {argument.id: argument.labels["convincingness"] for argument in corpus.arguments}
    right = sum((label[pair.first] > label[pair.second]) == (pair.outcome == 1) for pair in corpus.pairs)
    assert right / len(corpus.pairs) > 0.9
    assert max(label.values()) <= 0  # a rank score turned around


def test_ukp_scores_are_comparable_only_within_an_issue_and_side(corpora: dict[str, Corpus]) -> None:
    corpus = corpora["ukpconvarg1"]
    assert len({corpus.unit(argument) for argument in corpus.arguments}) == 32
    assert {corpora["webis"].unit(argument) for argument in corpora["webis"].arguments} == {"webis"}


def test_experts_cells_with_words_and_without_a_judgement_are_told_apart(corpora: dict[str, Corpus]) -> None:
    """Counted on the file: 481 times "1 (Low)" for overall quality, 25 empty cells, one "Cannot judge"."""
    said = corpora["dagstuhl"].annotations
    overall = Counter(each.value for each in said if each.label == "overall_quality")
    assert overall == {1.0: 481, 2.0: 356, 3.0: 98, None: 25}
    assert Counter(each.value for each in said if each.label == "global_relevance")[None] == 26


def test_novices_who_copied_the_form_of_others_count_only_for_their_own_texts(corpora: dict[str, Corpus]) -> None:
    """Group 24: files of 110, 220, 330 and 440 answers, each holding those of the ones before it."""
    said = Counter(each.annotator for each in corpora["dagstuhl_novice"].annotations)
    assert [said[f"group24-member{member}"] for member in (1, 2, 3, 4)] == [110, 110, 110, 110]
    assert [said["group28-member2"], said["group20-member2"]] == [110, 110]


def test_novices_judge_the_very_texts_of_the_experts(corpora: dict[str, Corpus]) -> None:
    experts = {argument.id: argument.text for argument in corpora["dagstuhl"].texts}
    assert {argument.id: argument.text for argument in corpora["dagstuhl_novice"].texts} == experts


def test_webis_compares_arguments_of_one_topic_only(corpora: dict[str, Corpus]) -> None:
    issue = {argument.id: argument.issue for argument in corpora["webis"].arguments}
    assert all(issue[pair.first] == issue[pair.second] for pair in corpora["webis"].pairs)
    assert Counter(pair.label for pair in corpora["webis"].pairs) == dict.fromkeys(
        ("logical", "rhetorical", "dialectical"), 13_952
    )


def test_typic_counts_every_comment_once_for_its_judge(corpora: dict[str, Corpus]) -> None:
    """1,082 comments, 686 of them judge A's (counted on the file)."""
    flaws = Counter[str]()
    for each in corpora["typic"].annotations:
        if each.label == "flaws":
            flaws[each.annotator] += round(-(each.value or 0))
    assert flaws == {"judgeA": 686, "judgeC": 171, "judgeD": 121, "judgeB": 104}


def test_ibm_keeps_the_split_of_the_release(corpora: dict[str, Corpus]) -> None:
    assert Counter(corpora["ibm_argq_rank_30k"].splits.values()) == {"train": 20974, "test": 6315}
    assert {argument.stance for argument in corpora["ibm_argq_rank_30k"].arguments} == {"pro", "con"}
