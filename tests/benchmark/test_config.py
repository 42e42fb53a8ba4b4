"""What a benchmark file may say, and what is said of one that is wrong."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import pytest

from argqual.benchmark.config import Benchmark, benchmark_schema, load_benchmark, parse_benchmark
from argqual.errors import BenchmarkError
from argqual.yamlfile import read_yaml

GOOD = """\
schema: argqual/benchmark@1
id: small
title: A small one
corpora: {dagstuhl: {sample: 40}, webis: }
strategies:
  length:
  words: {strategy: tfidf, grid: {alpha: [0.1, 1]}}
  ratio: {strategy: principle, params: {framework: ratio}}
claims:
  one:
    says: Criteria carry over better than words.
    contrast: ratio - words
    smallest: 0.1
"""


def test_a_name_alone_is_a_strategy_and_defaults_are_filled_in() -> None:
    benchmark = parse_benchmark(GOOD)
    assert benchmark.splits == ("in_domain", "leave_one_domain_out") and benchmark.models == ("local",)
    assert [each.strategy for each in benchmark.contenders()] == ["length", "tfidf", "principle"]
    assert benchmark.contenders()[2].params == {"framework": "ratio", "model": "local"}
    assert benchmark.claims["one"].sides == ("ratio", "words")


def test_several_models_cross_the_strategies_that_take_one() -> None:
    text = GOOD.replace("title:", "models: [local, openai/gpt-4.1-mini]\ntitle:")
    titles = [each.title for each in parse_benchmark(text).contenders()]
    assert titles == ["length", "words", "ratio @ local", "ratio @ openai/gpt-4.1-mini"]


def test_a_strategy_within_a_strategy_gets_the_model_and_an_encoder_keeps_its_own() -> None:
    text = GOOD.replace(
        "  length:\n", "  length:\n  cal: {strategy: calibrated, params: {base: plain}}\n  embedding:\n  probe:\n"
    )
    params = {each.title: each.params for each in parse_benchmark(text).contenders()}
    assert params["cal"] == {"base": "plain", "base__model": "local"}
    assert params["embedding"] == {} and params["probe"] == {"model": "local"}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("title:", "titel:", "titel: unknown key 'titel'. Did you mean 'title'?"),
        ("tfidf", "tfidff", ":7: strategies.words: No strategy is called 'tfidff'. Did you mean 'tfidf'?"),
        ("alpha", "alfa", ":7: strategies.words: The strategy 'tfidf' has no parameter 'alfa'. Did you mean 'alpha'?"),
        ("framework: ratio", "framework: rato", ":8: strategies.ratio: "),
        ("contrast: ratio - words", "contrast: ratio - wrods", ":12: claims.one.contrast: no strategy here is called"),
        ("contrast: ratio - words", "contrast: ratio-words", ":12: claims.one.contrast: 'ratio-words' is no contrast"),
        ("contrast: ratio - words", "contrast: ratio - ratio", "both sides are the same"),
        ("smallest: 0.1", "smallest: 0", ":13: claims.one.smallest"),
        (
            "smallest: 0.1",
            "smallest: 0.1\n    metric: kendall",
            ":14: claims.one.metric: kendall is not among the metrics",
        ),
        (
            "smallest: 0.1",
            "smallest: 0.1\n    split: corpus_to_corpus",
            ":14: claims.one.split: ratio is not tested on corpus_to_corpus",
        ),
        ("webis: }", "}", "splits: leave_one_domain_out needs two corpora or more"),
        ("  length:\n", "  length: {seeds: 3}\n", ":6: strategies.length: length has no seed"),
        ("title:", "splits: [label_budget]\ntitle:", ":3: splits: label_budget needs 'budgets'"),
        ("title:", "budgets: [0, 8]\ntitle:", ":3: budgets: is for the split label_budget"),
        ("title:", "baselines: [lenght]\ntitle:", "Did you mean 'length'?"),
        ("sample: 40", "sample: 40, train_sample: 30", "is for training on more than 'sample'"),
    ],
)
def test_what_cannot_be_run_is_found_before_anything_is_read(old: str, new: str, said: str) -> None:
    assert GOOD.count(old) == 1
    with pytest.raises(BenchmarkError) as error:
        parse_benchmark(GOOD.replace(old, new), name="b.yaml")
    assert said in error.value.message and "b.yaml:" in error.value.message


def test_a_file_may_change_another(tmp_path: Path) -> None:
    (tmp_path / "base.yaml").write_text(GOOD, encoding="utf-8")
    variant = tmp_path / "variant.yaml"
    variant.write_text(
        "extends: base.yaml\nid: variant\ncorpora: {dagstuhl: {sample: 50}}\nclaims:\nstrategies: {words: , plain: }\n",
        encoding="utf-8",
    )
    found = load_benchmark(variant)
    assert found.id == "variant" and found.title == "A small one"
    assert found.corpora["dagstuhl"].sample == 50 and "webis" in found.corpora
    assert list(found.strategies) == ["length", "ratio", "plain"] and not found.claims
    assert found.fingerprint != load_benchmark(tmp_path / "base.yaml").fingerprint


def test_files_that_change_each_other_are_refused(tmp_path: Path) -> None:
    for one, other in (("a", "b"), ("b", "a")):
        (tmp_path / f"{one}.yaml").write_text(f"extends: {other}.yaml\n", encoding="utf-8")
    with pytest.raises(BenchmarkError, match=r"b\.yaml:1: 'extends' goes in a circle"):
        load_benchmark(tmp_path / "a.yaml")


def test_the_shipped_benchmark_is_valid_and_fits_its_schema() -> None:
    path = Path(__file__).parents[2] / "benchmarks" / "transfer.yaml"
    benchmark = load_benchmark(path)
    assert isinstance(benchmark, Benchmark) and len(benchmark.claims) >= 5
    jsonschema.validate(read_yaml(path), benchmark_schema())
