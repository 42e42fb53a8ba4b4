"""Definition-conditioned regression, with a real BERT so small that it is trained in seconds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import spearmanr

from argqual.argument import Argument
from argqual.errors import FingerprintMismatch, InputError, StrategyError
from argqual.frameworks.catalogue import load_framework, parse_framework
from argqual.frameworks.framework import Criterion, Framework
from argqual.strategies.conditioned import WORDINGS, Conditioned, wordings_of
from argqual.strategies.saving import load_strategy, save_strategy
from tinyencoder import WORDS, arguments, needs_encoders, write_tiny

pytestmark = needs_encoders

COUNTING = """\
schema: argqual/framework@1
id: counting
version: "1"
title: Counting words
description: For tests.
license: CC0-1.0
provenance: {status: own}
guidelines: Count.
scale:
  levels: [{value: 1, label: few}, {value: 2, label: many}]
criteria:
  - {id: reasons, name: Reasons, plain: because because, question: is it because?, definition: count because}
  - {id: vehicles, name: Vehicles, plain: trams trams, question: is it trams?, definition: count trams}
"""


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny(tmp_path_factory.mktemp("tiny"), extra="count reasons vehicles counting words", dropout=0)


@pytest.fixture(scope="module")
def counting() -> Framework:
    return parse_framework(COUNTING, name="counting.yaml")


def small(tiny: Path, framework: Framework, **params: Any) -> Conditioned:
    chosen: dict[str, Any] = {
        "model": tiny,
        "max_tokens": 64,
        "device": "cpu",
        "learning_rate": 3e-3,
        "epochs": 2,
        "batch_size": 16,
    }
    return Conditioned(framework, **(chosen | params))


def labelled(count: int, seed: int = 0) -> tuple[list[Argument], np.ndarray, np.ndarray]:
    """Texts with some 'because' and some 'trams', independently, and how many of each."""
    rng = np.random.default_rng(seed)
    others = [word for word in WORDS if word not in ("because", "trams")]
    made, reasons, vehicles = [], rng.integers(0, 5, count), rng.integers(0, 5, count)
    for number in range(count):
        words = [*rng.choice(others, 4), *["because"] * reasons[number], *["trams"] * vehicles[number]]
        rng.shuffle(words)
        labels = {"reasons": float(reasons[number]), "vehicles": 10.0 * float(vehicles[number])}
        made.append(Argument(" ".join(map(str, words)), group=f"g{number % 6}", labels=labels))
    return made, reasons, vehicles


def test_one_network_predicts_each_criterion_by_its_definition(tiny: Path, counting: Framework) -> None:
    train, reasons, _ = labelled(300)
    strategy = small(
        tiny, counting, criterion="reasons", targets={"vehicles": "vehicles"}, dropout=0.1, epochs=14, patience=14
    ).fit(train, reasons)
    test, reasons, vehicles = labelled(150, seed=1)
    overall, trams = strategy.predict(test), strategy.predict_criterion(test, "vehicles")
    assert spearmanr(overall, reasons).statistic > 0.5 > 0.3 > abs(spearmanr(overall, vehicles).statistic)
    assert spearmanr(trams, vehicles).statistic > 0.5 > 0.3 > abs(spearmanr(trams, reasons).statistic)
    assert np.mean(trams) == pytest.approx(20, abs=5)  # on the scale of that label, 0 to 40


def test_a_framework_as_a_whole_reads_as_title_sentences_questions_and_guidelines(counting: Framework) -> None:
    assert wordings_of(counting) == {
        "name": "Counting words",
        "plain": "because because trams trams",
        "question": "is it because? is it trams?",
        "definition": "Count. because because trams trams",
    }
    relevance = load_framework("ratio").criterion("relevance")
    assert wordings_of(relevance)["plain"] == relevance.plain
    assert list(wordings_of(relevance)) == list(WORDINGS)


def test_wordings_are_drawn_and_left_out_as_often_as_asked(
    tiny: Path, counting: Framework, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    train_as_usual = Conditioned._train

    def watched(self: Conditioned, encoder: Any, draw: Any, *rest: Any) -> None:
        rng = np.random.default_rng(0)
        seen.extend(definition for _ in range(50) for definition, _ in draw(rng))
        train_as_usual(self, encoder, draw, *rest)

    monkeypatch.setattr(Conditioned, "_train", watched)
    train, labels = arguments(40)
    small(tiny, counting, criterion="reasons", dropout=0.2, epochs=1, paraphrases=["name", "plain"]).fit(train, labels)
    shares = {text: seen.count(text) / len(seen) for text in set(seen)}
    assert shares.keys() == {"", "Reasons", "because because"}
    # about 1,700 draws: a standard error of 0.01
    assert shares[""] == pytest.approx(0.2, abs=0.04)
    assert shares["Reasons"] == pytest.approx(0.4, abs=0.05)


def test_the_definition_changes_what_is_predicted(tiny: Path, counting: Framework) -> None:
    train, labels = arguments(40)
    strategy = small(tiny, counting).fit(train, labels)
    new = Criterion(id="new", name="New", plain="buses are loud", question="are buses loud?")
    values = [
        strategy.predict(train),
        strategy.predict_criterion(train, "reasons"),
        strategy.predict_criterion(train, new),
    ]
    assert not np.allclose(values[0], values[1])
    assert not np.allclose(values[1], values[2])
    assert (strategy.predict_criterion(train, "counting/reasons") == values[1]).all()


def test_a_criterion_of_another_framework_is_found_by_its_full_name(tiny: Path, counting: Framework) -> None:
    train, labels = arguments(20)
    strategy = small(tiny, counting, epochs=1, paraphrases=["plain"]).fit(train, labels)
    relevance = load_framework("ratio").criterion("relevance")
    found = strategy.predict_criterion(train, "ratio/relevance")
    assert (found == strategy.predict_criterion(train, relevance)).all()
    with pytest.raises(StrategyError, match=r"ratio has no criterion 'relevanse'\. Did you mean 'relevance'\?"):
        strategy.predict_criterion(train, "ratio/relevanse")


def test_it_is_stopped_by_the_overall_label_of_held_out_groups(tiny: Path, counting: Framework) -> None:
    train, reasons, _ = labelled(60)
    strategy = small(tiny, counting, targets={"vehicles": "vehicles"}).fit(train, reasons)
    assert strategy.held_out_ == "groups"
    assert strategy.scales_.keys() == {"overall", "vehicles"}
    assert strategy.scales_["vehicles"] == pytest.approx(
        [np.mean([each.labels["vehicles"] for each in train]), np.std([each.labels["vehicles"] for each in train])]
    )


def test_arguments_without_a_targets_label_are_still_read_for_the_others(tiny: Path, counting: Framework) -> None:
    train, reasons, _ = labelled(40)
    train = [replace(each, labels={}) if number >= 5 else each for number, each in enumerate(train)]
    assert small(tiny, counting, epochs=1, targets={"vehicles": "vehicles"}).fit(train, reasons).seen_.labels == 40
    with pytest.raises(InputError, match="The label 'nothing' has fewer than two different values"):
        small(tiny, counting, epochs=1, targets={"vehicles": "nothing"}).fit(train, reasons)


def test_a_seed_gives_the_same_model_again(tiny: Path, counting: Framework) -> None:
    train, labels = arguments(30)
    one, two = (small(tiny, counting, epochs=2).fit(train, labels).predict(train) for _ in range(2))
    assert (one == two).all()


def test_saved_and_loaded_it_predicts_the_same_for_new_definitions_too(
    tiny: Path, counting: Framework, tmp_path: Path
) -> None:
    train, labels = arguments(30)
    strategy = small(tiny, counting, targets=None, epochs=1).fit(train, labels)
    again = load_strategy(save_strategy(strategy, tmp_path / "saved"))
    assert isinstance(again, Conditioned)
    assert (again.predict(train) == strategy.predict(train)).all()
    asked = "counting/reasons"
    assert (again.predict_criterion(train, asked) == strategy.predict_criterion(train, asked)).all()


def test_with_another_wording_of_its_framework_it_is_not_loaded(tiny: Path, tmp_path: Path) -> None:
    path = tmp_path / "counting.yaml"
    path.write_text(COUNTING)
    train, labels = arguments(20)
    strategy = small(tiny, str(path), epochs=1).fit(train, labels)  # type: ignore[arg-type]
    save_strategy(strategy, tmp_path / "saved")
    path.write_text(COUNTING.replace("count trams", "count buses"))
    with pytest.raises(FingerprintMismatch, match="framework"):
        load_strategy(tmp_path / "saved")


def test_a_definition_that_leaves_the_text_no_room_is_refused(tiny: Path, counting: Framework) -> None:
    with pytest.raises(StrategyError, match=r"A definition has \d+ tokens(?s:.)*Raise max_tokens"):
        small(tiny, counting, max_tokens=16).fit(*arguments(20))


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"dropout": 1}, "dropout=1"),
        ({"paraphrases": []}, "paraphrases is empty"),
        ({"paraphrases": ["defnition"]}, "Did you mean 'definition'"),
        ({"criterion": "reason"}, "Did you mean 'reasons'"),
        ({"targets": {"nothing": "x"}}, "has no criterion 'nothing'"),
        ({"epochs": 0}, "epochs"),
    ],
)
def test_wrong_parameters_are_refused(tiny: Path, counting: Framework, params: dict[str, Any], said: str) -> None:
    with pytest.raises(StrategyError, match=said):
        small(tiny, counting, **params).fit(*arguments(20))


def test_one_group_and_a_missing_extra_are_handled_as_for_the_encoder(
    tiny: Path, counting: Framework, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert small(tiny, counting, epochs=1).fit(*arguments(20, groups=1)).held_out_ == "rows"
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(StrategyError, match=r"argqual\[encoder\]"):
        small(tiny, counting).fit(*arguments(20))
