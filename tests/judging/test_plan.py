"""What scoring will take, before anything is asked."""

from __future__ import annotations

import math
import random

import pytest

from argqual.argument import Argument
from argqual.errors import InputError
from argqual.frameworks.framework import Framework
from argqual.judging.judge import Judge
from argqual.judging.plan import Planner, estimate_sum, requests_for, worst_cost
from argqual.models.connect import Model, connect
from argqual.models.prices import Price, listed_price, read_price
from argqual.models.tokenizing import tokenizer_for


@pytest.fixture
def model() -> Model:
    model = connect("openai/test", api_base="http://127.0.0.1:9/v1", api_key="k")
    model.price = Price(1e-6, 4e-6)
    return model


def test_a_sum_is_estimated_with_its_interval() -> None:
    # Mean 2, variance 1, three of ten drawn: 20 ± 1.96 · 10 · sqrt(1/3 · (1 − 3/10)).
    estimate = estimate_sum([1, 2, 3], 10)
    half = 1.96 * 10 * math.sqrt(1 / 3 * 0.7)
    assert (estimate.value, estimate.low, estimate.high) == pytest.approx((20, 20 - half, 20 + half))


def test_a_sum_over_everything_is_exact() -> None:
    assert estimate_sum([1, 2, 3], 3).low == estimate_sum([1, 2, 3], 3).high == 6
    assert estimate_sum([], 0).value == 0


def test_the_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    draws = random.Random(1)
    everything = [draws.gammavariate(2, 50) for _ in range(1000)]
    truth = sum(everything)
    held = 0
    for _ in range(1000):
        estimate = estimate_sum(draws.sample(everything, 100), 1000)
        held += estimate.low <= truth <= estimate.high
    assert 925 <= held <= 975


@pytest.mark.parametrize(
    ("settings", "requests"),
    [({}, 1), ({"explain": True}, 2), ({"readout": "votes:5"}, 5), ({"readout": "label"}, 1)],
)
def test_every_way_of_asking_has_its_requests(
    two: Framework, model: Model, settings: dict[str, object], requests: int
) -> None:
    judge = Judge(two, model=model, **settings)  # type: ignore[arg-type]
    asked = requests_for(judge, Argument("A text."))
    assert len(asked) == requests
    assert all("A text." in each.prompt and each.expected <= each.most for each in asked)


def test_the_worst_cost_is_more_than_three_times_the_usual_one(two: Framework, model: Model) -> None:
    judge = Judge(two, model=model)
    argument = Argument("A text. " * 40)
    (request,) = requests_for(judge, argument)
    usual = Price(1e-6, 4e-6).of(len(request.prompt) // 4, request.expected)
    assert worst_cost(judge, argument) > 6 * usual  # twice the request, each lost twice, a byte a token


def test_a_plan_counts_what_is_equal_and_what_cannot_be_used(two: Framework, model: Model) -> None:
    planner = Planner(Judge(two, model=model), None)
    for text in ("One.", "Two.", "One.", None, "Three."):
        planner.add(Argument(text) if text else None)
    plan = planner.plan(concurrency=8)
    assert (plan.rows, plan.to_ask, plan.repeated, plan.unusable, plan.kept) == (5, 3, 1, 1, 0)
    assert plan.cost_usd is not None and plan.most_cost_usd is not None
    assert 0 < plan.cost_usd.value < plan.most_cost_usd.value
    assert plan.seconds == 3.0  # one round


def test_prices_are_read_and_listed() -> None:
    price = read_price("0.40,1.60")
    assert (price.input, price.output) == pytest.approx((0.4e-6, 1.6e-6))
    for wrong in ("1", "a,b", "-1,2", "inf,1", "1,2,3"):
        with pytest.raises(InputError, match="no price"):
            read_price(wrong)
    listed = listed_price("openai", "gpt-4.1-mini")  # as OpenAI published it in 2025
    assert listed is not None and (listed.input, listed.output) == pytest.approx((0.4e-6, 1.6e-6))
    assert listed_price("openai", "no-such-model") is None


def test_tokens_from_the_cache_cost_what_they_are_listed_at() -> None:
    assert Price(2.0, 8.0, 0.5).of(10, 1, cached=4) == 6 * 2 + 4 * 0.5 + 8
    assert Price(2.0, 8.0).of(10, 1, cached=4) == 28


def test_an_embedded_model_counts_with_its_own_tokenizer(small_model: Model) -> None:
    tokenizer = tokenizer_for(small_model)
    assert tokenizer.exact
    assert 2 <= tokenizer.count("Hello world") <= 3
    assert tokenizer.count("Hello world " * 50) > 90


def test_a_hosted_model_s_tokens_are_counted_offline(model: Model) -> None:
    tokenizer = tokenizer_for(model)
    assert not tokenizer.exact
    assert tokenizer.count("hello world") in (2, 3)  # cl100k has 2; four characters a token, 3
