"""Benchmark files: what is read, and what is said of a mistake."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import pytest
import yaml

from argqual.benchmark.spec.config import benchmark_schema, load_benchmark
from argqual.benchmark.spec.schema import Benchmark, MetricName
from argqual.benchmark.spec.vocabulary import Split
from argqual.errors import BenchmarkError
from argqual.stats import metrics
from argqual.strategies import Calibrated, Principle, Tfidf
from cardfile import own_card
from smallbenchmark import parse_benchmark

SHIPPED_FOLDER = Path(__file__).parents[3] / "benchmarks"
SHIPPED = sorted(SHIPPED_FOLDER.rglob("*.yaml"))
SMALL = """\
schema: argqual/benchmark@1
id: small
title: A small one
corpora:
  dagstuhl: {sample: 60}
  webis:
strategies:
  length:
  tfidf: {}
  ratio: {strategy: principle, params: {framework: ratio}}
"""
OVERALL = "labels: {quality: {title: Quality}}\ntargets: {overall: quality}\n"


def said_of(text: str) -> str:
    with pytest.raises(BenchmarkError) as caught:
        parse_benchmark(text, name="small.yaml")
    return str(caught.value)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_benchmark_is_valid_and_fits_the_schema(path: Path) -> None:
    assert re.fullmatch(rf"(\d-)?{load_benchmark(path).id}", path.stem)
    jsonschema.validate(yaml.safe_load(path.read_text(encoding="utf-8")), benchmark_schema())


def test_the_schema_is_one_and_finds_unknown_keys() -> None:
    schema = benchmark_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    json.dumps(schema)
    good = yaml.safe_load(SMALL)
    jsonschema.validate(good, schema)
    jsonschema.validate({"extends": "small.yaml", "id": "other", "strategies": {"tfidf": None}}, schema)
    for bad in (
        good | {"split": ["in_domain"]},
        good | {"splits": ["in_domian"]},
        good | {"strategies": {"Tfidf": {}}},
        good | {"claims": {"one": {"says": "It is.", "contrast": "a - b"}}},
        {key: value for key, value in good.items() if key != "corpora"},
    ):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(bad, schema)


def test_the_metrics_that_can_be_named_are_those_there_are() -> None:
    assert set(MetricName) == set(metrics.METRICS)


def test_what_is_left_out_has_its_default() -> None:
    benchmark = parse_benchmark(SMALL)
    assert benchmark.target == "overall" and benchmark.splits == ("in_domain", "leave_one_domain_out")
    assert benchmark.corpora["webis"].sample is None and benchmark.corpora["dagstuhl"].sample == 60
    assert benchmark.baselines == ("length",)
    assert parse_benchmark(SMALL + "baselines: [tfidf]\n").baselines == ("tfidf",)
    assert parse_benchmark(SMALL + "baselines: []\n").baselines == ()


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("splts: [in_domain]", "small.yaml:11: splts: unknown key 'splts'. Did you mean 'splits'?"),
        ("splits: [in_domian]", "small.yaml:11: splits.1: 'in_domian' is not one of 'in_domain', "),
        ("splits: []", "small.yaml:11: splits: has 0 entries, but must have at least 1"),
        ("splits: [in_domain, in_domain]", "small.yaml:11: splits.2: 'in_domain' stands here twice"),
        ("metrics: [spearmann]", "small.yaml:11: metrics.1: 'spearmann' is not one of "),
        ("metrics: [mae, mae]", "small.yaml:11: metrics.2: 'mae' stands here twice"),
        ("models: [local, local]", "small.yaml:11: models.2: 'local' stands here twice"),
        ("splits: [label_budget]", "small.yaml:11: splits: label_budget needs 'budgets'"),
        ("budgets: [0, 8]", "small.yaml:11: budgets: is for the split label_budget, which is not among the splits"),
        ("splits: [label_budget]\nbudgets: [8, 8]", "small.yaml:12: budgets: the numbers of labels must rise"),
        ("splits: [label_budget]\nbudgets: [8, 0]", "small.yaml:12: budgets: the numbers of labels must rise"),
        ("splits: [label_budget]\nbudgets: [-1]", "small.yaml:12: budgets.1: must be greater than or equal to 0"),
        ("folds: 1", "small.yaml:11: folds: must be greater than or equal to 2"),
        ("draws: 10", "small.yaml:11: draws: must be greater than or equal to 200"),
        ("target: overal", "small.yaml:11: target: 'overal' is not one of 'overall', "),
        ("selection: orakel", "small.yaml:11: selection: 'orakel' is not one of "),
        (
            "baselines: [lenght]",
            "11: baselines: no strategy here is called 'lenght'. Did you mean 'length'?",
        ),
        ("id: small", "small.yaml:11: the key 'id' stands here a second time"),
    ],
)
def test_a_mistake_is_named_with_its_line_and_key(lines: str, said: str) -> None:
    assert said in said_of(f"{SMALL}{lines}\n")


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("tfdif: {}", "small.yaml:11: strategies.tfdif.strategy: No strategy is called 'tfdif'. Did you mean 'tfidf'?"),
        ("x: {strategy: tfdif}", "strategies.x.strategy: No strategy is called 'tfdif'"),
        ("x: {stategy: tfidf}", "strategies.x.stategy: unknown key 'stategy'. Did you mean 'strategy'?"),
        ("Upper: {}", "strategies: 'Upper': only lower-case letters, digits and _ + . -, a letter or a digit first"),
        ("a b: {}", "'a b': only lower-case letters"),
        ("x: {strategy: tfidf, params: {alhpa: 2}}", "no parameter 'alhpa'. Did you mean 'alpha'?"),
        ("x: {strategy: calibrated, params: {base__modle: local}}", "no parameter 'modle'. Did you mean 'model'?"),
        ("x: {strategy: calibrated, grid: {base__framwork: [ratio]}}", "no parameter 'framwork'. Did you mean"),
        ("x: {strategy: jury, params: {members: [plain, length], plian__model: local}}", "Did you mean 'plain'?"),
        (
            "x: {strategy: jury, params: {members: [plain, length], plain__modle: local}}",
            "no parameter 'modle' ('plain__modle'). Did you mean 'model'?",
        ),
        (
            "x: {strategy: tfidf, params: {alpha: much}}",
            "x.params.alpha: must be a valid number, not 'much'",
        ),
        ("x: {strategy: tfidf, params: {alpha: -1}}", "strategies.x.params: alpha=-1"),
        (
            "x: {strategy: principle, params: {framework: ratoi}}",
            "called 'ratoi'. Did you mean 'ratio'?",
        ),
        (
            "x: {strategy: principle, params: {control: placbo}}",
            "strategies.x.params.control: 'placbo' is not one of its values. Did you mean 'placebo'?",
        ),
        ("x: {strategy: principle, params: {definitions: ful}}", "definitions='ful': Did you mean 'full'?"),
        (
            "x: {strategy: principle, params: {definitions: corpus}}",
            "whose guidelines are meant go together",
        ),
        ("x: {strategy: exemplars, params: {k: 0}}", "strategies.x.params: k=0, draws=5: both are at least 1"),
        (
            "x: {strategy: calibrated, params: {base: exemplars, base__select: nearst}}",
            "strategies.x.params.base__select: 'nearst' is not one of its values. Did you mean 'nearest'?",
        ),
        (
            "x: {strategy: calibrated, params: {base: tfidf}}",
            "Tfidf gives no ratings",
        ),
        (
            "x: {strategy: encoder, params: {epochs: 1.5}}",
            "x.params.epochs: must be a valid integer, not 1.5",
        ),
        ("x: {strategy: tfidf, grid: {alpha: []}}", "strategies.x.grid.alpha: has no values"),
        ("x: {strategy: tfidf, grid: {alpha: 2}}", "strategies.x.grid.alpha: expected a list"),
        ("x: {strategy: tfidf, grid: {alpha: [1, -1]}}", "strategies.x.grid.alpha: alpha=-1"),
        ("x: {strategy: tfidf, grid: {alhpa: [1, 2]}}", "no parameter 'alhpa'. Did you mean 'alpha'?"),
        ("x: {strategy: tfidf, params: {alpha: 1}, grid: {alpha: [1, 2]}}", "grid.alpha: is among the parameters too"),
        ("x: {strategy: tfidf, seeds: 3}", "strategies.x.seeds: tfidf has no seed"),
        ("x: {strategy: surface, seeds: 3, params: {seed: 1}}", "strategies.x.seeds: the seed is among the parameters"),
        ("x: {strategy: tfidf, seeds: 0}", "strategies.x.seeds: must be greater than or equal to 1"),
        ("x: {strategy: tfidf, train: 5}", "strategies.x.train: must be greater than or equal to 20"),
        ("x: {strategy: plain, train: 50}", "strategies.x.train: x learns nothing from labels"),
        ("x: {strategy: tfidf, splits: [corpus_to_corpus]}", "corpus_to_corpus is not among the splits"),
    ],
)
def test_a_strategy_that_cannot_be_is_refused_before_anything_runs(entry: str, said: str) -> None:
    assert said in said_of(f"{SMALL}  {entry}\n")


def test_all_that_is_wrong_is_said_at_once() -> None:
    said = said_of(SMALL.replace("webis", "wbeis").replace("tfidf", "tfdif").replace("{framework: ratio}", "{k: 1}"))
    assert "small.yaml:6: corpora.wbeis: No corpus is called 'wbeis'. Did you mean 'webis'?" in said
    assert "small.yaml:9: strategies.tfdif" in said
    assert "small.yaml:10: strategies.ratio.params: The strategy 'principle' has no parameter 'k'." in said


@pytest.mark.parametrize(
    ("corpora", "said"),
    [
        ("{}", "corpora: has 0 entries, but must have at least 1"),
        ("{webis: }", "leave_one_domain_out needs two corpora or more"),
        ("{webis: , dagstuhl: {smaple: 60}}", "corpora.dagstuhl.smaple: unknown key 'smaple'. Did you mean 'sample'?"),
        ("{webis: , dagstuhl: {sample: 3}}", "corpora.dagstuhl.sample: must be greater than or equal to 20"),
        ("{webis: , dagstuhl: {sample: 60, train_sample: 40}}", "dagstuhl.train_sample: is for training on more than"),
        ("{webis: , dagstuhl: {train_sample: 40}}", "dagstuhl.train_sample: is for training on more than 'sample'"),
        (
            "{webis: , marro_essays: }",
            "corpora.marro_essays: the corpus is described, but argqual has no reader",
        ),
        ("{webis: , typic: }", "corpora.typic: has no labels for 'overall'; what it has is only akin"),
    ],
)
def test_corpora_are_checked_by_their_cards(corpora: str, said: str) -> None:
    text = SMALL.replace("corpora:\n  dagstuhl: {sample: 60}\n  webis:\n", f"corpora: {corpora}\n")
    assert said in said_of(text)


def test_a_target_that_is_only_akin_is_not_taken() -> None:
    text = SMALL.replace("webis:", "debate_speeches:") + "target: rhetoric\n"
    assert "corpora.debate_speeches: has no labels for 'rhetoric'; what it has is only akin" in said_of(text)


def test_what_only_counts_words_is_in_every_benchmark() -> None:
    said = said_of(SMALL.replace("  length:\n", ""))
    assert "small.yaml:7: strategies: no strategy is 'length'." in said and "add 'length: {}'" in said
    named = parse_benchmark(SMALL.replace("  length:\n", "  words: {strategy: length}\n"))
    assert named.baselines == ("words",)


CLAIM = "claims:\n  one: {says: It is., contrast: ratio - tfidf, smallest: 0.1"


@pytest.mark.parametrize(
    ("rest", "said"),
    [
        (", contrst: x}", "small.yaml:12: claims.one.contrst: unknown key 'contrst'. Did you mean 'contrast'?"),
        (", metric: mae}", "small.yaml:12: claims.one.metric: mae is not among the metrics"),
        (", split: corpus_to_corpus}", "claims.one.split: ratio is not tested on corpus_to_corpus"),
        (", direction: bigger}", "claims.one.direction: 'bigger' is not one of 'greater', 'less'"),
        (", kind: gap, split: in_domain}", "claims.one.split: a gap is between in_domain and another split"),
    ],
)
def test_a_claim_that_cannot_be_tested_is_refused(rest: str, said: str) -> None:
    assert said in said_of(f"{SMALL}{CLAIM}{rest}\n")


@pytest.mark.parametrize(
    ("contrast", "said"),
    [
        ("ratio - tfdif", "claims.one.contrast: no strategy here is called 'tfdif'. Did you mean 'tfidf'?"),
        ("ratio-tfidf", "'ratio-tfidf' is no contrast: A - B, with a blank on either side"),
        ("ratio - tfidf - length", "is no contrast"),
        ("ratio", "is no contrast"),
        ("ratio - ratio", "both sides are the same"),
    ],
)
def test_a_contrast_is_of_two_strategies_of_the_file(contrast: str, said: str) -> None:
    assert said in said_of(f"{SMALL}{CLAIM}}}\n".replace("ratio - tfidf", contrast))


@pytest.mark.parametrize("smallest", ["0", "-0.1", ".nan", ".inf"])
def test_the_smallest_effect_is_a_number_above_0(smallest: str) -> None:
    said = said_of(f"{SMALL}{CLAIM}}}\n".replace("0.1", smallest))
    assert "small.yaml:12: claims.one.smallest: must be" in said


def test_a_gap_may_be_of_one_strategy_and_needs_both_ends() -> None:
    one = f"{SMALL}{CLAIM}, kind: gap}}\n".replace("ratio - tfidf", "tfidf")
    assert parse_benchmark(one).claims["one"].sides == ("tfidf",)
    away = one.replace("tfidf: {}", "tfidf: {splits: [leave_one_domain_out]}")
    assert "claims.one.kind: a gap needs tfidf on in_domain too" in said_of(away)


# Contenders


def systems(entries: str, models: str = "local") -> dict[str, object]:
    benchmark = parse_benchmark(f"{SMALL}{entries}models: [{models}]\n")
    return {each.title: each for each in benchmark.systems()}


def test_strategies_that_ask_a_model_are_there_once_a_model() -> None:
    found = systems("  calibrated: {}\n  embedding: {}\n", "local, openai/gpt-4.1-mini")
    assert list(found) == [
        "length",
        "tfidf",
        "ratio @ local",
        "ratio @ openai/gpt-4.1-mini",
        "calibrated @ local",
        "calibrated @ openai/gpt-4.1-mini",
        "embedding",  # whose model is an encoder
    ]
    assert [title for title, each in found.items() if each.name == "ratio"] == [
        "ratio @ local",
        "ratio @ openai/gpt-4.1-mini",
    ]
    built = found["calibrated @ openai/gpt-4.1-mini"].build(0)
    assert isinstance(built, Calibrated) and isinstance(built.base, Principle)
    assert built.base.model == "openai/gpt-4.1-mini"
    assert found["embedding"].model is None and found["embedding"].build().model == "all-minilm-l6-v2"


def test_a_model_that_is_named_stays() -> None:
    found = systems("  own: {strategy: plain, params: {model: smollm2-135m}}\n", "local, openai/gpt-4.1-mini")
    assert found["own"].model == "smollm2-135m" == found["own"].build().model
    members = "  jury: {params: {members: [plain, tfidf], plain__model: smollm2-135m}}\n"
    assert systems(members)["jury"].model == "smollm2-135m"
    assert systems("  jury: {params: {members: [plain, tfidf]}}\n")["jury"].build().members[0][1].model == "local"


@pytest.mark.parametrize(
    ("model", "asked", "read"),
    [
        pytest.param("openai/gpt-4.1-mini", "openai/gpt-4.1-mini", "local", id="a hosted one has no hidden state"),
        pytest.param("qwen2.5-coder-0.5b", "qwen2.5-coder-0.5b", "qwen2.5-coder-0.5b", id="an embedded one has"),
        pytest.param("my/own.gguf", "my/own.gguf", "my/own.gguf", id="so has a file of one's own"),
    ],
)
def test_another_model_takes_the_place_of_the_file_s(model: str, asked: str, read: str) -> None:
    said = parse_benchmark(SMALL + "  probe: {params: {model: local}}\n  embedding:\n", name="small.yaml")
    other = said.on_model(model)
    models = {each.title: each.model for each in other.systems()}
    assert models == {"length": None, "tfidf": None, "ratio": asked, "probe": read, "embedding": None}
    assert other.id.startswith("small@") and other.fingerprint != said.fingerprint
    assert said.strategies["probe"].params == {"model": "local"}


def test_a_contender_is_built_with_its_seed_and_what_was_chosen() -> None:
    found = systems("  surface: {seeds: 3}\n  grid: {strategy: tfidf, grid: {alpha: [1, 10]}}\n")
    assert found["surface"].build(2).seed == 2
    chosen = found["grid"].build(2, alpha=10)  # has no seed
    assert isinstance(chosen, Tfidf) and chosen.alpha == 10


# Files


def own(folder: Path, text: str, name: str = "small.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_variant_says_only_what_is_different(tmp_path: Path) -> None:
    own(tmp_path, f"{SMALL}splits: [in_domain]\n{CLAIM}, split: in_domain}}\n")
    path = own(
        tmp_path,
        "extends: small.yaml\nid: other\ncorpora: {dagstuhl: {genre: post}, webis: null, ukpconvarg1: }\n"
        "strategies: {ratio: {params: {framework: qoam}}}\nmetrics: [spearman]\n",
        "other.yaml",
    )
    found = load_benchmark(path)
    assert found.id == "other" and found.title == "A small one" and found.metrics == ("spearman",)
    assert list(found.corpora) == ["dagstuhl", "ukpconvarg1"]
    assert found.corpora["dagstuhl"].sample == 60 and found.corpora["dagstuhl"].genre == "post"
    assert found.strategies["ratio"].params == {"framework": "qoam"} and list(found.claims) == ["one"]


def test_an_entry_that_is_taken_out_takes_no_claim_about_it_along(tmp_path: Path) -> None:
    base = own(tmp_path, f"{SMALL}{CLAIM}}}\n")
    path = own(tmp_path, "extends: small.yaml\nid: other\nstrategies: {tfidf: null}\n", "other.yaml")
    with pytest.raises(BenchmarkError) as caught:
        load_benchmark(path)
    assert f"{base}:12: claims.one.contrast: no strategy here is called 'tfidf'" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("extends: [small.yaml]\n", "other.yaml:1: 'extends' takes the path of one benchmark file"),
        ("extends: smal.yaml\n", "other.yaml:1: there is no file smal.yaml beside other.yaml"),
        ("extends: other.yaml\n", "other.yaml:1: 'extends' goes in a circle"),
        ("extends: small.yaml\n", "other.yaml:1: a benchmark that extends another needs an 'id' of its own"),
        ("extends: small.yaml\nid: small\n", "needs an 'id' of its own"),
        ("extends: small.yaml\nid: other\nfolds: 1\n", "other.yaml:3: folds: must be"),
        ("extends: small.yaml\nid: other\ntitle: null\n", "title: this key is required and missing"),
    ],
)
def test_what_cannot_be_extended_is_said(tmp_path: Path, text: str, said: str) -> None:
    own(tmp_path, SMALL)
    with pytest.raises(BenchmarkError) as caught:
        load_benchmark(own(tmp_path, text, "other.yaml"))
    assert said in str(caught.value)


def test_a_file_that_is_not_there_or_not_yaml_is_said(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match=r"There is no file .*none\.yaml"):
        load_benchmark(tmp_path / "none.yaml")
    with pytest.raises(BenchmarkError, match=r"small\.yaml:2: not valid YAML"):
        load_benchmark(own(tmp_path, "a: [1\n"))
    with pytest.raises(BenchmarkError, match="only plain data is read"):
        load_benchmark(own(tmp_path, f"{SMALL}seed: !!python/name:os.system ''\n"))


def test_paths_are_seen_from_the_file_that_names_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from argqual.frameworks.catalogue import shipped_folder

    below = tmp_path / "below"
    below.mkdir()
    own_card(
        tmp_path, "text,quality\nA.,2\n", rest="labels: {quality: {title: Quality}}\ntargets: {overall: quality}\n"
    )
    own(tmp_path, (shipped_folder() / "ratio.yaml").read_text(encoding="utf-8"), "mine.yaml")
    text = SMALL.replace("  webis:", "  ./letters.yaml:").replace("framework: ratio", "framework: ./mine.yaml")
    own(tmp_path, text)
    variant = own(below, "extends: ../small.yaml\nid: other\nseed: 1\n", "other.yaml")
    monkeypatch.chdir(below)
    for path in (tmp_path / "small.yaml", variant):
        found = load_benchmark(path)
        assert list(found.corpora) == ["dagstuhl", str(tmp_path / "letters.yaml")]
        assert found.strategies["ratio"].params["framework"] == str(tmp_path / "mine.yaml")
    moved = tmp_path / "moved"
    moved.mkdir()
    for name in ("small.yaml", "letters.yaml", "letters.csv", "mine.yaml"):
        own(moved, (tmp_path / name).read_text(encoding="utf-8"), name)
    assert load_benchmark(moved / "small.yaml").fingerprint == load_benchmark(tmp_path / "small.yaml").fingerprint


def test_one_corpus_by_two_names_is_refused(tmp_path: Path) -> None:
    own_card(
        tmp_path, "text,quality\nA.,2\n", rest="labels: {quality: {title: Quality}}\ntargets: {overall: quality}\n"
    )
    path = own(tmp_path, SMALL.replace("  webis:", "  ./letters.yaml:\n  ././letters.yaml:"))
    with pytest.raises(BenchmarkError, match=r"corpora\.\./\./letters\.yaml: letters stands here twice"):
        load_benchmark(path)


def test_the_fingerprint_is_of_all_that_is_said_claims_included() -> None:
    def fingerprint(text: str) -> str:
        return parse_benchmark(text).fingerprint

    first = fingerprint(SMALL)
    assert first == fingerprint("# A comment.\n" + SMALL.replace("  tfidf: {}", "  tfidf:")) == fingerprint(SMALL)
    others = [f"{SMALL}{CLAIM}}}\n", SMALL.replace("60", "61"), SMALL + "seed: 1\n", SMALL.replace("small", "large")]
    assert len({first, *map(fingerprint, others)}) == 5


def test_a_benchmark_is_read_again_from_what_a_run_keeps_of_it() -> None:
    benchmark = parse_benchmark(SMALL)
    again = Benchmark.model_validate(benchmark.model_dump(mode="json", by_alias=True))
    assert again == benchmark and again.fingerprint == benchmark.fingerprint


def test_the_page_on_the_file_names_every_key_and_value() -> None:
    page = (Path(__file__).parents[3] / "docs" / "benchmark-file.md").read_text(encoding="utf-8")
    schema = benchmark_schema()
    keys = set(schema["properties"])
    for part in ("CorpusUse", "StrategyUse", "ClaimSaid"):
        keys |= set(schema["$defs"][part]["properties"])
    assert [key for key in sorted(keys | set(Split)) if f"`{key}`" not in page] == []
    examples = [block.split("```")[0] for block in page.split("```yaml\n")[1:]]
    assert parse_benchmark(examples[0]).id == "posts"


def test_the_variant_on_the_page_is_one(tmp_path: Path) -> None:
    page = (Path(__file__).parents[3] / "docs" / "benchmark-file.md").read_text(encoding="utf-8")
    own(tmp_path, (SHIPPED_FOLDER / "transfer.yaml").read_text(encoding="utf-8"), "transfer.yaml")
    found = load_benchmark(own(tmp_path, page.split("```yaml\n")[2].split("```")[0], "variant.yaml"))
    assert found.id == "transfer-small" and found.corpora["ibm_argq_rank_30k"].sample == 30
    assert "debate_speeches" not in found.corpora and "qoam" not in found.strategies
