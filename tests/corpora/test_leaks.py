"""What texts share, and the groups that follow. Sentences are made up; shares are worked out by hand."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from argqual.corpora.leaks import (
    Leak,
    Leaks,
    Text,
    duplicates,
    find_leaks,
    leak_groups,
    near_duplicates,
    normalised,
    topic_key,
)

WORDS = [f"word{number}" for number in range(400)]


def sentence(seed: int, length: int = 30) -> str:
    return " ".join(random.Random(seed).choices(WORDS, k=length))


def row(corpus: str, id: str, text: str, topic: str | None = None) -> Text:
    return Text(corpus, id, text, topic)


def among(texts: list[str]) -> tuple[Leak, ...]:
    return find_leaks([row("a", str(place), text) for place, text in enumerate(texts)]).leaks


def test_case_punctuation_white_space_and_encoding_do_not_hide_a_copy() -> None:
    one = "Buses — “late” again!\n It isn't ﬁne."
    other = 'buses "late"   AGAIN. it isn\'t fine'
    assert normalised(one) == normalised(other) == "buses late again it isn t fine"
    assert duplicates([one, "Trams are quiet.", other]) == [[0, 2]]


@pytest.mark.parametrize("unseen", ["\u00ad", "\u200b", "\u200d", "\u2060", "\ufeff"])
def test_characters_that_nobody_sees_do_not_hide_a_copy(unseen: str) -> None:
    assert duplicates([f"An argu{unseen}ment.", "An argument"]) == [[0, 1]]


@pytest.mark.parametrize(
    ("one", "other"), [("cafe\u0301", "caf\u00e9"), ("\uff22\uff35\uff33", "bus"), ("STRASSE", "straße")]
)
def test_the_ways_to_encode_a_character_do_not_hide_a_copy(one: str, other: str) -> None:
    assert duplicates([one, other]) == [[0, 1]]


def test_texts_without_words_are_no_copies_of_one_another() -> None:
    assert duplicates(["!!!", "?", ""]) == []
    assert near_duplicates(["!!!", "?", ""]) == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("We should ban whaling", "ban whaling"),
        ("Should we ban plastic water bottles?", "ban-plastic-water-bottles"),
        ("We should close the Guantanamo Bay detention camp", "We should close Guantanamo Bay detention camp"),
        ("tv_is_better", "TV is better!"),
        ("We should have a carbon tax", "We should have carbon tax"),
    ],
)
def test_one_topic_in_two_spellings_has_one_key(one: str, other: str) -> None:
    assert topic_key(one) == topic_key(other) != ""


def test_topics_called_by_an_article_are_topics_all_the_same() -> None:
    rows = [row("c", str(place), sentence(place), topic) for place, topic in enumerate(["A", "A", "B", "B"])]
    assert leak_groups(rows, find_leaks(rows)) == ["a", "a", "b", "b"]


def test_opposite_motions_are_different_topics() -> None:
    assert topic_key("We should ban whaling") != topic_key("We should legalize whaling")
    assert topic_key("Theatre is another matter") == "theatre is another matter"


def test_the_share_is_the_jaccard_similarity_of_word_triples() -> None:
    """Ten words have eight triples; another last word changes one: 7 in common, 9 in all."""
    words = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    (leak,) = near_duplicates([" ".join([*words, "ten"]), " ".join([*words, "eleven"])])
    assert (leak.kind, leak.first, leak.second) == ("near_duplicate", 0, 1)
    assert leak.share == pytest.approx(7 / 9)


def test_nothing_below_the_threshold_is_reported() -> None:
    words = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
    texts = [" ".join([*words, "ten"]), " ".join([*words, "eleven"])]
    assert near_duplicates(texts, threshold=7 / 9) != []
    assert near_duplicates(texts, threshold=0.78) == []


def test_different_texts_of_one_or_two_words_are_no_near_copies() -> None:
    leaks = near_duplicates(["Yes.", "No.", "I agree", "I disagree", "no"])
    assert [(leak.kind, leak.first, leak.second) for leak in leaks] == [("duplicate", 1, 4)]


def test_near_copies_are_found_among_many_texts() -> None:
    """Each of 200 texts of 60 words with its last word changed: 57 of 59 triples in common."""
    originals = [sentence(seed, 60) for seed in range(200)]
    changed = [" ".join([*text.split()[:-1], "changed"]) for text in originals]
    found = {(leak.first, leak.second) for leak in near_duplicates([*originals, *changed])}
    assert found == {(place, place + 200) for place in range(200)}


def test_of_many_copies_each_is_linked_to_the_one_before_it() -> None:
    leaks = near_duplicates([sentence(1)] * 5_000)
    assert [(leak.first, leak.second) for leak in leaks[:2]] == [(0, 1), (1, 2)]
    assert len(leaks) == 4_999


def test_a_claim_is_inside_a_speech_when_half_of_its_8_grams_are() -> None:
    """Sixteen words have nine 8-grams. With the first twelve words quoted five of them are there, with eleven four."""
    claim = sentence(2, 16).split()
    speech = f"{sentence(3)} {{}} {sentence(4)}"
    (leak,) = among([" ".join(claim), speech.format(" ".join(claim[:12]))])
    assert (leak.kind, leak.first, leak.second, leak.share) == ("contained", 0, 1, pytest.approx(5 / 9))
    assert among([" ".join(claim), speech.format(" ".join(claim[:11]))]) == ()


def test_exactly_half_is_enough() -> None:
    """Seventeen words have ten 8-grams; five of them stand in the first twelve words."""
    claim = sentence(2, 17).split()
    speech = f"{sentence(3)} {' '.join(claim[:12])} {sentence(4)}"
    assert among([" ".join(claim), speech]) == (Leak("contained", 0, 1, 0.5),)


def test_parts_of_a_claim_in_two_speeches_are_not_added_up() -> None:
    claim = sentence(2, 16).split()
    speeches = [f"{sentence(3)} {' '.join(claim[:11])}", f"{sentence(4)} {' '.join(claim[5:])}"]
    assert among([" ".join(claim), *speeches]) == ()


def test_a_text_of_fewer_than_eight_words_is_inside_nothing() -> None:
    assert among(["one two three", "zero one two three four"]) == ()


def test_all_kinds_are_found_at_once_within_and_across_corpora() -> None:
    claim, other = sentence(5, 20), sentence(6, 40)
    rows = [
        row("a", "1", claim),
        row("b", "1", claim.upper()),
        row("b", "2", f"{sentence(7)} {claim} {sentence(8)}"),
        row("a", "2", other),
        row("a", "3", " ".join([*other.split()[:-1], "changed"])),
    ]
    kinds = {(leak.kind, leak.first, leak.second) for leak in find_leaks(rows).leaks}
    assert kinds == {("duplicate", 0, 1), ("near_duplicate", 3, 4), ("contained", 0, 2)}


def test_half_of_a_text_in_another_of_the_same_length_is_found() -> None:
    shared = sentence(11, 30)
    rows = [row("a", "1", f"{shared} {sentence(12, 20)}"), row("a", "2", f"{sentence(13, 20)} {shared}")]
    assert {(leak.kind, leak.first, leak.second) for leak in find_leaks(rows).leaks} == {
        ("contained", 0, 1),
        ("contained", 1, 0),
    }


def test_a_claim_in_dozens_of_speeches_is_still_a_quotation() -> None:
    claim = sentence(2, 20)
    rows = [row("a", str(seed), f"{sentence(seed)} {claim}") for seed in range(100, 150)]
    assert len([leak for leak in find_leaks([*rows, row("b", "1", claim)]).leaks if leak.first == 50]) == 50


def test_a_formula_that_hundreds_of_texts_have_is_no_quotation() -> None:
    formula = "we thank the judges and the other side for this debate today"
    rows = [row("a", str(seed), f"{formula} {sentence(seed)}") for seed in range(300)]
    assert find_leaks([*rows, row("a", "f", formula)]).leaks == ()


# Groups


def test_rows_on_one_topic_or_with_one_text_are_one_group() -> None:
    rows = [
        row("a", "1", sentence(1), "Ban whaling"),
        row("b", "1", sentence(2), "We should ban whaling!"),
        row("b", "2", sentence(3), "Adopt atheism"),
        row("c", "1", sentence(3), None),
        row("c", "2", sentence(4), None),
    ]
    groups = leak_groups(rows, find_leaks(rows))
    assert groups == ["ban whaling", "ban whaling", "adopt atheism", "adopt atheism", "c/2"]


def test_a_copy_on_another_topic_joins_the_two_topics() -> None:
    rows = [row("a", "1", sentence(1), "x"), row("a", "2", sentence(1), "y"), row("a", "3", sentence(2), "y")]
    assert leak_groups(rows, find_leaks(rows)) == ["x", "x", "x"]


def test_a_quotation_joins_no_groups() -> None:
    """Else one claim in a speech would join two topics, and many of them nearly all."""
    claim = sentence(5, 20)
    rows = [row("a", "1", claim, "x"), row("b", "1", f"{sentence(7)} {claim}", "y")]
    assert leak_groups(rows, find_leaks(rows)) == ["x", "y"]
    assert find_leaks(rows).touching([1]) == {0}


def test_groups_do_not_depend_on_the_order_of_the_rows() -> None:
    rows = [
        row("a", str(place), sentence(place % 37), f"topic {place % 11}" if place % 3 else None) for place in range(90)
    ]
    expected = {
        (each.corpus, each.id): name for each, name in zip(rows, leak_groups(rows, find_leaks(rows)), strict=True)
    }
    shuffled = random.Random(0).sample(rows, len(rows))
    found = leak_groups(shuffled, find_leaks(shuffled))
    assert {(each.corpus, each.id): name for each, name in zip(shuffled, found, strict=True)} == expected


def test_two_groups_never_have_one_name() -> None:
    """A row without a topic may be called as a topic is."""
    rows = [row("a", "1", sentence(1), None), row("b", "x", sentence(2), "a 1"), row("a 1", "", sentence(3), None)]
    assert len(set(leak_groups(rows, Leaks(())))) == 3


def test_slashes_in_corpora_and_ids_do_not_make_two_groups_one() -> None:
    places = [("a/b", "c"), ("a", "b/c"), ("a%2Fb", "c")]
    rows = [row(corpus, id, sentence(place)) for place, (corpus, id) in enumerate(places)]
    assert len(set(leak_groups(rows, Leaks(())))) == 3


def test_no_rows_have_no_groups() -> None:
    assert leak_groups([], find_leaks([])) == []


def test_what_shares_a_text_with_the_test_rows_can_be_taken_out_of_training() -> None:
    claim, other = sentence(5, 20), sentence(6, 40)
    rows = [
        row("a", "copy", claim),
        row("a", "again", claim),
        row("a", "test", claim),
        row("b", "speech", f"{sentence(7)} {claim} {sentence(8)}"),
        row("b", "near", " ".join([*other.split()[:-1], "changed"])),
        row("b", "near copy", " ".join([*other.split()[:-1], "changed"])),
        row("a", "test 2", other),
        row("a", "linked", sentence(9)),
        row("a", "free", sentence(10)),
    ]
    leaks = replace(find_leaks(rows), linked=((7, 6),))
    assert leaks.touching([2, 6]) == {0, 1, 3, 4, 5, 7}


def test_a_link_of_one_copy_is_a_link_of_all_of_them() -> None:
    """Rows 0 and 1 are copies, 2 and 3 too; only 1 and 2 are linked, yet 3 is the argument of 0."""
    leaks = find_leaks([row("abcd"[place], "1", sentence(place // 2)) for place in range(4)])
    leaks = replace(leaks, linked=((1, 2),))
    assert leaks.touching([0]) == {1, 2, 3}
    assert leaks.touching([3]) == {0, 1, 2}
