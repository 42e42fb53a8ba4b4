"""Bias at equal human quality: what was planted is found, what was not is not."""

from __future__ import annotations

import numpy as np
import pytest

from argqual.benchmark.analysis.bias import Rows, shifts

SIZE, TOPICS = 150, 30


def rows(seed: int, *, harsh: float = 0.0, by_length: float = 0.0, by_stance: float = 0.0) -> Rows:
    """Three domains; predictions follow the label, and besides what is planted."""
    rng = np.random.default_rng(seed)
    domains = np.repeat(["a", "b", "c"], SIZE)
    topic = np.tile(np.arange(SIZE) % TOPICS, 3)
    clusters = np.char.add(domains, topic.astype(str))
    labels = np.clip(0.5 + 0.2 * rng.normal(size=3 * SIZE) + 0.2 * (domains == "c"), 0, 1)
    log_words = 4 + 0.5 * rng.normal(size=3 * SIZE)
    stances = np.where(rng.random(3 * SIZE) < 0.5, "con", "pro")
    noise = 0.15 * rng.normal(size=3 * SIZE) + 0.05 * rng.normal(size=3 * TOPICS)[topic + TOPICS * (domains == "b")]
    predicted = labels - harsh * (domains == "b") + by_length * (log_words - 4) + by_stance * (stances == "con") + noise
    return Rows(predicted, labels, np.exp(log_words), np.full(3 * SIZE, True), domains, domains, clusters, stances)


def found(given: Rows) -> dict[str, tuple[float, float, float, float]]:
    made = {}
    for each in shifts(given, draws=400, seed=0):
        estimate = each.estimate
        assert (
            estimate.value is not None and estimate.low is not None and estimate.high is not None and each.p is not None
        )
        made[f"{each.kind} {each.attribute}"] = (estimate.value, estimate.low, estimate.high, each.p)
    return made


def test_a_domain_that_is_rated_harsher_is_found_although_another_one_is_better() -> None:
    """0.2 off domain b: against the mean of the three, -0.2 * 2/3 there and +0.2 / 3 in the others."""
    given = rows(1, harsh=0.2)
    shift = found(given)
    unit = given.predicted.std()
    for domain, planted in (("b", -0.2 * 2 / 3), ("a", 0.2 / 3), ("c", 0.2 / 3)):
        value, low, high, _ = shift[f"domain {domain}"]
        assert low < planted / unit < high and abs(value - planted / unit) < 0.15
    assert shift["domain b"][2] < 0 and shift["domain b"][3] < 0.001


def test_the_figures_are_those_of_least_squares() -> None:
    given = rows(2, harsh=0.1)
    outcome = (given.predicted - given.predicted.mean()) / given.predicted.std()
    design = np.column_stack([given.labels, *((given.domains == name).astype(float) for name in "abc")])
    slope, *levels = np.linalg.lstsq(design, outcome, rcond=None)[0]
    assert slope > 0
    shift = found(given)
    for name, level in zip("abc", levels, strict=True):
        assert shift[f"domain {name}"][0] == pytest.approx(level - np.mean(levels))


def test_length_and_stance_are_found_within_domains() -> None:
    given = rows(3, by_length=0.1, by_stance=-0.15)
    shift, unit = found(given), given.predicted.std()
    # One standard deviation of the logarithm of words is 0.5, so 0.05 in units of the prediction.
    assert shift["length longer texts"][0] == pytest.approx(0.05 / unit, abs=0.08)
    assert shift["stance con"][0] == pytest.approx(-0.15 / unit, abs=0.15)
    assert shift["length longer texts"][3] < 0.01 and shift["stance con"][3] < 0.01


def test_where_nothing_was_planted_little_is_found() -> None:
    """Of 40 worlds without bias, a 5 % test may speak up in few: at most 6 has probability 0.99 (binomial)."""
    alarms = sum(found(rows(seed))["stance con"][3] < 0.05 for seed in range(40))
    assert alarms <= 6


def test_domains_are_compared_only_where_labels_are_shares_of_a_scale() -> None:
    given = rows(4)
    shift = found(given._replace(bounded=given.domains == "a"))
    assert not [name for name in shift if name.startswith("domain")] and "length longer texts" in shift


def test_a_strategy_that_says_the_same_of_everything_has_no_bias_to_speak_of() -> None:
    given = rows(5)
    assert list(shifts(given._replace(predicted=np.full(3 * SIZE, 0.5)), draws=100, seed=0)) == []
