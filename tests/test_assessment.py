"""Ratings, aggregates and quotes, by figures worked out here by hand."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping

import pytest

from argqual import Framework, Rating, Status
from argqual.assessment import Assessment, FrameworkReference, Quote, aggregate, locate_quote, rate, unrated
from argqual.frameworks.catalogue import parse_framework
from argqual.judging.prompt import Question
from argqual.judging.readouts.reading import read_notes

# A tree of two parents with two leaves each, and a leaf beside them.
#   top  (weight 1)      a (weight 1), b (weight 3)
#   side (weight 1)      c, d: d a flaw
#   leaf (weight 2)
FRAMEWORK = """\
schema: argqual/framework@1
id: tree
version: "1"
title: Tree
description: "A tree."
license: CC0-1.0
provenance: {status: own}
inputs: {issue: optional}
scale: {levels: [{value: 1, label: low}, {value: 2, label: middling}, {value: 5, label: high}]}
aggregate: OVERALL
criteria:
  - id: top
    name: Top
    plain: p
    aggregate: TOP
    criteria:
      - {id: a, name: A, plain: p, question: q}
      - {id: b, name: B, plain: p, question: q, weight: 3}
  - id: side
    name: Side
    plain: p
    criteria:
      - {id: c, name: C, plain: p, question: q, requires: [issue]}
      - {id: d, name: D, plain: p, question: q, higher_is_better: false}
  - {id: leaf, name: Leaf, plain: p, question: q, weight: 2}
"""


def framework(overall: str = "weighted_mean", top: str = "weighted_mean", text: str = FRAMEWORK) -> Framework:
    return parse_framework(text.replace("OVERALL", overall).replace("TOP", top))


TREE = framework()


def rated(tree: Framework, **values: float) -> dict[str, Rating]:
    """Ratings with all of their probability between the two levels that enclose a value of the scale 1, 2, 5."""
    made = {}
    for name, value in values.items():
        shares = {1.0: (1, 0, 0), 2.0: (0, 1, 0), 5.0: (0, 0, 1), 3.0: (0.5, 0, 0.5)}[value]
        made[name] = rate(tree.criterion(name), tree.scale, shares, source="logprobs")
    return made


def overall(tree: Framework, ratings: Mapping[str, Rating]) -> Rating:
    return aggregate(tree, ratings)[1]


def found(tree: Framework, ratings: Mapping[str, Rating], name: str) -> Rating:
    (rating,) = [rating for rating in aggregate(tree, ratings)[0] if rating.criterion == name]
    return rating


ALL_HIGH = {"a": 5.0, "b": 5.0, "c": 5.0, "d": 1.0, "leaf": 5.0}  # d is a flaw: at best it is not there


def missing(name: str, status: Status, reason: str = "cannot tell") -> dict[str, Rating]:
    return {name: unrated(TREE.criterion(name), TREE.scale, status, reason)}


# One rating


def test_a_value_is_the_expectation_and_its_spread_the_standard_deviation() -> None:
    # Levels 1, 2, 5 at 0.2, 0.3, 0.5: the mean is 0.2 + 0.6 + 2.5 = 3.3;
    # the variance 0.2 * 2.3 ** 2 + 0.3 * 1.3 ** 2 + 0.5 * 1.7 ** 2 = 1.058 + 0.507 + 1.445 = 3.01.
    rating = rate(TREE.criterion("a"), TREE.scale, (0.2, 0.3, 0.5), source="logprobs")
    assert rating.value == pytest.approx(3.3)
    assert rating.spread == pytest.approx(math.sqrt(3.01))
    assert rating.unit == rating.quality == pytest.approx(2.3 / 4)  # the scale is 4 long
    assert (rating.level, rating.label) == (2, "middling")  # 1.3 away; 5 is 1.7 away
    assert rating.probabilities == pytest.approx({"1": 0.2, "2": 0.3, "5": 0.5})
    assert (rating.status, rating.reason, rating.scale) == (Status.OK, None, (1, 5))


def test_probabilities_that_do_not_sum_to_one_are_taken_as_shares() -> None:
    rating = rate(TREE.criterion("a"), TREE.scale, (2, 3, 5), source="votes")
    assert rating.probabilities == pytest.approx({"1": 0.2, "2": 0.3, "5": 0.5})
    assert rating.value == pytest.approx(3.3)


def test_a_value_halfway_between_two_levels_is_called_by_the_lower() -> None:
    assert rate(TREE.criterion("a"), TREE.scale, (0.5, 0.5, 0), source="logprobs").label == "low"


def test_a_level_that_was_only_written_has_no_probabilities_and_no_spread() -> None:
    rating = rate(TREE.criterion("a"), TREE.scale, (0, 1, 0), source=None)
    assert (rating.value, rating.label) == (2, "middling")
    assert rating.probabilities is None and rating.spread is None and rating.probability_source is None


def test_certainty_has_no_spread() -> None:
    assert rate(TREE.criterion("a"), TREE.scale, (0, 0, 1), source="logprobs").spread == 0


def test_the_more_of_a_flaw_the_less_its_quality() -> None:
    flaw = rate(TREE.criterion("d"), TREE.scale, (0, 1, 0), source="logprobs")
    assert (flaw.value, flaw.unit, flaw.quality) == (2, 0.25, 0.75)


def test_a_rating_without_a_value_has_no_figure_at_all() -> None:
    rating = unrated(TREE.criterion("a"), TREE.scale, Status.FAILED, "no answer")
    figures = (rating.value, rating.unit, rating.quality, rating.level, rating.label, rating.probabilities)
    assert figures == (None,) * 6
    assert rating.reason == "no answer"


# Means


def test_a_weighted_mean_is_of_qualities() -> None:
    # top: a is 1 (quality 0), b is 5 (quality 1) and counts three times: 3/4, which is 1 + 3/4 * 4 = 4 on the scale.
    ratings = rated(TREE, **{**ALL_HIGH, "a": 1.0})
    top = found(TREE, ratings, "top")
    assert (top.unit, top.value, top.label, top.asked) == (0.75, 4.0, "high", False)
    # overall: top 0.75 once, side 1 once, leaf 1 twice: 3.75 / 4.
    assert overall(TREE, ratings).unit == pytest.approx(0.9375)


def test_a_geometric_mean_is_weighted_too() -> None:
    # a at 3 is 0.5, b at 2 is 0.25 and counts three times: (0.5 * 0.25 ** 3) ** (1 / 4).
    tree = framework(top="geometric_mean")
    top = found(tree, rated(tree, **{**ALL_HIGH, "a": 3.0, "b": 2.0}), "top")
    assert top.unit == pytest.approx((0.5 * 0.25**3) ** 0.25)
    assert top.value == pytest.approx(1 + 4 * (0.5 * 0.25**3) ** 0.25)


def test_one_quality_of_nothing_makes_a_geometric_mean_nothing() -> None:
    tree = framework(top="geometric_mean")
    assert found(tree, rated(tree, **{**ALL_HIGH, "a": 1.0}), "top").unit == 0


def test_a_minimum_is_the_weakest_whatever_its_weight() -> None:
    tree = framework(top="min")
    assert found(tree, rated(tree, **{**ALL_HIGH, "a": 2.0, "b": 5.0}), "top").unit == 0.25


def test_equal_qualities_have_that_quality_as_every_mean() -> None:
    for method in ("weighted_mean", "geometric_mean", "min"):
        tree = framework(top=method)
        assert found(tree, rated(tree, **{**ALL_HIGH, "a": 2.0, "b": 2.0}), "top").unit == pytest.approx(0.25)


@pytest.mark.parametrize("method", ["weighted_mean", "geometric_mean", "min"])
def test_the_best_and_the_worst_of_all_are_the_ends_of_the_scale(method: str) -> None:
    tree = framework(overall=method, top=method)
    assert overall(tree, rated(tree, **ALL_HIGH)).value == pytest.approx(5)
    assert overall(tree, rated(tree, **{name: 6 - value for name, value in ALL_HIGH.items()})).value == 1


def test_an_overall_may_be_one_of_the_answers() -> None:
    tree = framework(overall="leaf")
    answer = overall(tree, rated(tree, **{**ALL_HIGH, "leaf": 2.0}))
    assert (answer.criterion, answer.name, answer.value, answer.spread, answer.asked) == (
        "overall",
        "Overall",
        2,
        0,
        True,
    )


def test_a_parent_that_is_asked_stands_on_its_own_answer() -> None:
    tree = framework(text=FRAMEWORK.replace("    aggregate: TOP\n", "    ask: true\n    question: q\n"))
    ratings = rated(tree, **{**ALL_HIGH, "top": 1.0})
    assert found(tree, ratings, "top").value == 1
    assert overall(tree, ratings).unit == pytest.approx((0 + 1 + 2) / 4)


def test_children_come_before_their_parents_in_the_order_of_the_file() -> None:
    ratings, last = aggregate(TREE, rated(TREE, **ALL_HIGH))
    assert [rating.criterion for rating in ratings] == ["a", "b", "top", "c", "d", "side", "leaf"]
    assert last.criterion == "overall"


def test_a_weight_of_nothing_leaves_a_criterion_out_of_the_mean() -> None:
    tree = framework(text=FRAMEWORK.replace("weight: 3", "weight: 0"))
    for b in (rated(tree, b=1.0), missing("b", Status.FAILED)):
        assert found(tree, rated(tree, **{**ALL_HIGH, "a": 2.0}) | b, "top").unit == 0.25


# Flaws


def test_a_flaw_counts_turned_round_in_its_parent() -> None:
    # side: c at 5 is 1, the flaw d at 2 is 1 - 0.25: their mean is 0.875.
    assert found(TREE, rated(TREE, **{**ALL_HIGH, "d": 2.0}), "side").unit == 0.875


def test_a_parent_that_is_a_flaw_shows_how_much_of_it_there_is_and_counts_turned_round() -> None:
    text = FRAMEWORK.replace("    name: Top\n", "    name: Top\n    higher_is_better: false\n")
    text = text.replace("name: A, plain: p", "name: A, plain: p, higher_is_better: false").replace(
        "name: B, plain: p", "name: B, plain: p, higher_is_better: false"
    )
    tree = framework(text=text)
    # a and b are flaws at 2 and 5: qualities 0.75 and 0, the second three times: 0.1875.
    ratings = rated(tree, **{**ALL_HIGH, "a": 2.0, "b": 5.0})
    top = found(tree, ratings, "top")
    assert top.quality == pytest.approx(0.1875)
    assert top.unit == pytest.approx(0.8125)
    assert top.value == pytest.approx(1 + 4 * 0.8125)  # much of a flaw
    assert overall(tree, ratings).unit == pytest.approx((0.1875 + 1 + 2) / 4)


def test_a_virtue_among_the_children_of_a_flaw_takes_from_it() -> None:
    tree = framework(text=FRAMEWORK.replace("    name: Top\n", "    name: Top\n    higher_is_better: false\n"))
    top = found(tree, rated(tree, **{**ALL_HIGH, "a": 5.0, "b": 5.0}), "top")
    assert (top.quality, top.unit, top.value) == (1, 0, 1)


def test_an_overall_of_nothing_but_flaws_is_itself_the_amount_of_flaw() -> None:
    text = FRAMEWORK[: FRAMEWORK.index("criteria:")] + (
        "criteria:\n"
        "  - {id: rude, name: Rude, plain: p, question: q, higher_is_better: false}\n"
        "  - {id: vague, name: Vague, plain: p, question: q, higher_is_better: false}\n"
    )
    tree = framework(text=text)
    assert not tree.higher_is_better
    answer = overall(tree, rated(tree, rude=5.0, vague=2.0))
    # Qualities 0 and 0.75, mean 0.375: as an amount of flaw 0.625, which is 3.5 on the scale from 1 to 5.
    assert (answer.quality, answer.unit, answer.value) == (0.375, 0.625, 3.5)


def test_one_virtue_makes_the_overall_a_virtue() -> None:
    answer = overall(TREE, rated(TREE, **{**ALL_HIGH, "d": 5.0}))
    # side: 1 and 0; overall: 1, 0.5 and twice 1, of 4.
    assert (answer.unit, answer.quality) == (0.875, 0.875)


# What is missing


def test_a_skipped_child_drops_out_and_the_others_weights_are_rescaled() -> None:
    # Without b (three quarters of top's weight) top is what a is.
    ratings = rated(TREE, a=2.0, c=5.0, d=1.0, leaf=5.0) | missing("b", Status.SKIPPED, "no issue was given")
    assert found(TREE, ratings, "top").unit == 0.25
    assert found(TREE, ratings, "b").status is Status.SKIPPED
    assert overall(TREE, ratings).unit == pytest.approx((0.25 + 1 + 2) / 4)


def test_a_parent_of_skipped_children_only_is_skipped_and_drops_out_in_turn() -> None:
    ratings = rated(TREE, c=5.0, d=1.0, leaf=2.0)
    ratings |= missing("a", Status.SKIPPED) | missing("b", Status.SKIPPED)
    top = found(TREE, ratings, "top")
    assert (top.status, top.value) == (Status.SKIPPED, None)
    assert top.reason
    assert overall(TREE, ratings).unit == pytest.approx((1 + 2 * 0.25) / 3)


def test_an_overall_of_which_nothing_was_asked_is_skipped() -> None:
    ratings: dict[str, Rating] = {}
    for name in ALL_HIGH:
        ratings |= missing(name, Status.SKIPPED)
    assert (overall(TREE, ratings).status, overall(TREE, ratings).value) == (Status.SKIPPED, None)


@pytest.mark.parametrize("status", [Status.ABSTAINED, Status.UNREADABLE, Status.FAILED])
@pytest.mark.parametrize("method", ["weighted_mean", "geometric_mean", "min"])
def test_a_child_without_a_value_leaves_its_parents_without_one_and_is_named(status: Status, method: str) -> None:
    tree = framework(overall=method, top=method)
    ratings = rated(tree, a=1.0, c=5.0, d=1.0, leaf=5.0) | missing("b", status, "no word of it")
    top, last = found(tree, ratings, "top"), overall(tree, ratings)
    for rating in (top, last):
        assert (rating.status, rating.value, rating.unit, rating.quality, rating.label) == (status, *[None] * 4)
        assert "no word of it" in (rating.reason or "")
    assert "B" in (top.reason or "") and "Top" in (last.reason or "")
    assert found(tree, ratings, "side").value == 5  # what is not concerned keeps its value


def test_the_worst_of_several_failures_is_what_a_parent_reports() -> None:
    ratings = rated(TREE, c=5.0, d=1.0, leaf=5.0)
    ratings |= missing("a", Status.ABSTAINED, "unsure") | missing("b", Status.FAILED, "no answer")
    top = found(TREE, ratings, "top")
    assert (top.status, top.reason) == (Status.FAILED, "B: no answer")


def test_an_overall_that_is_an_answer_is_missing_when_the_answer_is() -> None:
    tree = framework(overall="leaf")
    ratings = rated(tree, a=5.0, b=5.0, c=5.0, d=1.0) | missing("leaf", Status.ABSTAINED)
    assert (overall(tree, ratings).status, overall(tree, ratings).value) == (Status.ABSTAINED, None)


# The record


def assessed(**changes: object) -> Assessment:
    ratings, last = aggregate(TREE, rated(TREE, **ALL_HIGH))
    made = Assessment(
        status=last.status,
        overall=last,
        ratings=ratings,
        framework=FrameworkReference(id=TREE.id, version=TREE.version, fingerprint=TREE.fingerprint),
        program="0" * 16,
        model="m",
        readout="expect",
        argqual_version="0",
    )
    return made.model_copy(update=changes)


def test_an_assessment_comes_back_from_its_json_as_it_was() -> None:
    assert Assessment.model_validate_json(assessed().model_dump_json()) == assessed()


def test_half_a_character_that_a_model_wrote_can_be_written_down() -> None:
    # JSON lets a model write half of a pair, "\\ud83d", alone: text that no UTF-8 file or terminal can hold.
    question = Question(name="a", text="q", codes=("1", "2"), descriptions=("low", "high"), quote=True)
    note = read_notes('{"a": {"rationale": "half \\ud83d", "quote": "of it \\udc00"}}', [question])["a"]
    rating = rate(
        TREE.criterion("a"),
        TREE.scale,
        (1, 0, 0),
        source=None,
        rationale=note.rationale,
        discarded_quotes=(note.quote,),
    )
    assert "half" in rating.model_dump_json() and "of it" in rating.model_dump_json()


def test_ratings_are_found_by_criterion() -> None:
    assert assessed().rating("b").name == "B"
    assert assessed().rating("overall").name == "Overall"
    with pytest.raises(KeyError):
        assessed().rating("nothing")


# Quotes

TEXT = "The İstanbul ﬁnance office said: “We’re  \n done”, in ΟΔΟΣ and the STRASSE. It's so."


@pytest.mark.parametrize(
    ("quote", "passage"),
    [
        ("office said", "office said"),
        ("OFFICE Said", "office said"),
        ("office\n   said", "office said"),
        ("We're done", "We’re  \n done"),
        ('"We\'re done"', "We’re  \n done"),
        ("„We’re done“", "We’re  \n done"),
        ("‚We’re done‘", "We’re  \n done"),
        ("«We’re done»", "We’re  \n done"),
        ("„office said“", "office said"),
        ("`office said`", "office said"),
        ("İstanbul", "İstanbul"),
        ("i̇stanbul", "İstanbul"),  # what str.lower() makes of it: one character longer
        ("İSTANBUL FI".replace("FI", "ﬁ"), "İstanbul ﬁ"),
        ("ﬁnance", "ﬁnance"),
        ("οδος", "ΟΔΟΣ"),  # a final sigma has the same capital as any other
        ("ΟΔΟΣ and the strasse", "ΟΔΟΣ and the STRASSE"),
        ("It’s so.", "It's so."),
        (TEXT, TEXT),
    ],
)
def test_a_quote_is_found_whatever_its_case_white_space_and_quotation_marks(quote: str, passage: str) -> None:
    located = locate_quote(quote, TEXT)
    assert located is not None
    assert located.text == passage
    assert TEXT[located.start : located.end] == located.text


@pytest.mark.parametrize(
    "quote", ["", " \n", "''", "“”", "offices said", "office … said", "office said!", "nowhere", TEXT + "."]
)
def test_a_quote_that_is_not_in_the_text_is_none(quote: str) -> None:
    assert locate_quote(quote, TEXT) is None


@pytest.mark.parametrize(
    ("text", "quote", "passage"),
    [
        ("Le cafe\u0301 est fermé.", "café est fermé", "cafe\u0301 est fermé"),  # an accent by itself, and not
        ("Le café est fermé.", "cafe\u0301 est ferme\u0301", "café est fermé"),
        (
            "\u1112\u1161\u11ab\u1100\u1173\u11af은 쉽다",
            "한글은",
            "\u1112\u1161\u11ab\u1100\u1173\u11af은",
        ),
        ("می\u200cخواهم بروم.", "میخواهم", "می\u200cخواهم"),  # a joiner of no width, left out
        ("\u200fشجرة\u200f جميلة", "شجرة جميلة", "شجرة\u200f جميلة"),  # marks of direction
        ("Love ❤\ufe0f trees.", "love ❤ trees", "Love ❤\ufe0f trees"),  # how the heart looks
        ("他说「树木使街道凉爽」。", "“树木使街道凉爽”", "树木使街道凉爽"),
        ("แต่ต้นไม้ทำให้เย็น", "ต้นไม้", "ต้นไม้"),
        ("Team 👩\u200d🔬 and 👩 wins", "👩 wins", "👩 wins"),
        ("cafe\u0301 and cafe", "cafe", "cafe"),  # the second place, since the first is another word
    ],
)
def test_a_quote_is_found_however_unicode_writes_it(text: str, quote: str, passage: str) -> None:
    located = locate_quote(quote, text)
    assert located is not None
    assert located.text == passage
    assert text[located.start : located.end] == passage


@pytest.mark.parametrize(
    ("text", "quote"),
    [("Le cafe\u0301.", "cafe"), ("👩\u200d🔬", "👩"), ("🇩🇪🇫🇷", "🇪🇫"), ("ﬁsh", "f"), ("하나", "ㅎ")],
)
def test_half_a_letter_is_no_quote(text: str, quote: str) -> None:
    assert locate_quote(quote, text) is None


def test_nothing_is_found_in_an_empty_text() -> None:
    assert locate_quote("a", "") is None


def test_the_first_of_several_places_is_taken() -> None:
    assert locate_quote("b", "aBab") == Quote(text="B", start=1, end=2)


def test_any_passage_is_found_after_a_careless_copy() -> None:
    chance = random.Random(11)
    letters = "abcÀßİıﬁſΣσς字ǅ  \n\t.,-" + "'\"“”‘’"
    marks = "'\"“”‘’"
    found_some = 0
    for _ in range(3000):
        text = "".join(chance.choices(letters, k=chance.randint(1, 40)))
        start = chance.randrange(len(text))
        passage = text[start : start + chance.randint(1, 15)]
        copy = "".join(
            chance.choice(marks)
            if character in marks
            else chance.choice((" ", "\n ", "  "))
            if character.isspace()
            else character
            for character in passage
        )
        copy = chance.choice((copy, f"“{copy}”", f" {copy}\n"))
        located = locate_quote(copy, text)
        if not passage.strip(marks + " \n\t"):
            continue  # nothing but quotation marks and white space is no quote
        assert located is not None, (text, copy)
        assert text[located.start : located.end] == located.text
        assert located.start <= start + len(passage) and located.text.strip() == located.text
        found_some += 1
    assert found_some > 2000
