"""Frameworks are found by name or path, may extend one another, and say where they are wrong."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import Any

import pytest

from argqual import known_frameworks, load_framework
from argqual.errors import FrameworkError
from argqual.frameworks.catalogue import parse_framework, read_framework, shipped_folder
from argqual.frameworks.framework import Criterion

BASE = """\
schema: argqual/framework@1
id: base
version: "1"
title: Base
description: "A base."
license: CC0-1.0
provenance: {status: own, caveat: "Invented."}
scale: {levels: [{value: 1, label: bad}, {value: 2, label: good}]}
criteria:
  - id: logic
    name: Logic
    plain: p
    criteria:
      - id: one
        name: One
        plain: p
        question: q
        levels: {1: "not at all"}
      - {id: two, name: Two, plain: p, question: q}
  - {id: three, name: Three, plain: p, question: q}
"""


@pytest.fixture(autouse=True)
def _a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.delenv("ARGQUAL_FRAMEWORKS", raising=False)


def written(path: Path | str, text: str) -> Path:
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def extended(text: str, base: str = BASE) -> Any:
    """The framework of a file that extends `base`, which lies beside it."""
    written("base.yaml", base)
    return read_framework(written("child.yaml", "extends: base.yaml\nid: child\n" + text))


def refused(text: str, base: str = BASE) -> str:
    with pytest.raises(FrameworkError) as caught:
        extended(text, base)
    return caught.value.message


def tree(criteria: tuple[Criterion, ...]) -> dict[str, Any]:
    return {criterion.id: tree(criterion.criteria) for criterion in criteria}


# Finding


def test_a_framework_is_found_by_its_name_and_by_its_path(tmp_path: Path) -> None:
    assert load_framework("ratio") == load_framework(shipped_folder() / "ratio.yaml")
    written("mine.yaml", BASE)
    for source in ("mine.yaml", "./mine.yaml", Path("mine.yaml"), str(tmp_path / "here" / "mine.yaml")):
        assert load_framework(source).id == "base"


def test_a_path_may_begin_at_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    written(tmp_path / "mine.yaml", BASE)
    assert load_framework("~/mine.yaml").id == "base"


@pytest.mark.parametrize(("name", "near"), [("ratoi", "'ratio'"), ("qaom", "'qoam'"), ("wachsmuth", "'wachsmuth2017'")])
def test_an_unknown_name_brings_the_nearest_ones(name: str, near: str) -> None:
    with pytest.raises(FrameworkError) as caught:
        load_framework(name)
    assert f"'{name}'" in caught.value.message and near in str(caught.value)


def test_a_name_like_no_other_brings_all_of_them() -> None:
    with pytest.raises(FrameworkError) as caught:
        load_framework("zzz")
    assert all(name in str(caught.value) for name in known_frameworks())


@pytest.mark.parametrize(
    "source",
    ["nowhere.yaml", "nowhere.yml", "no/where", "", ".", "a" * 300, "a\0b", "~nobody-of-that-name/x.yaml", "/"],
)
def test_whatever_is_no_framework_is_a_framework_error(source: str) -> None:
    with pytest.raises(FrameworkError):
        load_framework(source)


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(FrameworkError, match=r"nowhere\.yaml"):
        load_framework("nowhere.yaml")


def test_the_users_folder_comes_before_the_shipped_frameworks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = written(tmp_path / "own" / "ratio.yaml", BASE.replace("id: base", "id: ratio"))
    written(tmp_path / "own" / "mine.yml", BASE.replace("id: base", "id: mine"))
    written(tmp_path / "own" / "notes.txt", "no framework")
    monkeypatch.setenv("ARGQUAL_FRAMEWORKS", str(tmp_path / "own"))
    assert known_frameworks()["ratio"] == own
    assert load_framework("ratio").title == "Base"
    assert load_framework("mine").id == "mine"
    assert "notes" not in known_frameworks()
    assert load_framework("qoam").id == "qoam"


def test_a_users_framework_may_extend_the_shipped_one_of_its_own_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written(tmp_path / "own" / "ratio.yaml", "extends: ratio\ncriteria: [{id: relevance, weight: 2}]\n")
    monkeypatch.setenv("ARGQUAL_FRAMEWORKS", str(tmp_path / "own"))
    assert [criterion.weight for criterion in load_framework("ratio").asked] == [2, 1, 1]


def test_a_folder_that_is_none_is_named_with_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARGQUAL_FRAMEWORKS", "nowhere")
    with pytest.raises(FrameworkError, match=r"ARGQUAL_FRAMEWORKS.*nowhere"):
        known_frameworks()


def install(folder: Path, module: str) -> None:
    """A distribution as pip leaves it, which names `rubrics:FOLDER` as a folder of frameworks."""
    written(folder / "rubrics.py", module)
    written(folder / "rubrics-1.0.dist-info" / "METADATA", "Metadata-Version: 2.1\nName: rubrics\nVersion: 1.0\n")
    written(folder / "rubrics-1.0.dist-info" / "entry_points.txt", "[argqual.frameworks]\nrubrics = rubrics:FOLDER\n")


def test_an_installed_packages_entry_point_adds_its_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site = tmp_path / "site"
    install(site, "from pathlib import Path\nFOLDER = Path(__file__).parent / 'rubrics_data'\n")
    theirs = written(site / "rubrics_data" / "theirs.yaml", BASE.replace("id: base", "id: theirs"))
    written(site / "rubrics_data" / "ratio.yaml", BASE.replace("id: base", "id: ratio"))
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.delitem(sys.modules, "rubrics", raising=False)
    assert known_frameworks()["theirs"] == theirs
    assert load_framework("theirs").id == "theirs"
    assert load_framework("ratio").title == "Base"  # an installed package's before the shipped ones


@pytest.mark.parametrize(
    "module", ["import a_module_that_is_not_there\n", "raise RuntimeError('broken')\n", "OTHER = 1\n"]
)
def test_an_installed_package_that_is_broken_is_named_and_is_no_crash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    install(tmp_path / "site", module)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    monkeypatch.delitem(sys.modules, "rubrics", raising=False)
    with pytest.raises(FrameworkError, match="rubrics"):
        known_frameworks()


# Extending


def test_an_extending_file_inherits_what_it_leaves_out() -> None:
    framework = extended("title: Child\n")
    assert (framework.id, framework.title, framework.description) == ("child", "Child", "A base.")
    assert tree(framework.criteria) == {"logic": {"one": {}, "two": {}}, "three": {}}


def test_a_shipped_framework_is_extended_by_its_name() -> None:
    framework = read_framework(written("child.yaml", "extends: ratio\nid: child\n"))
    assert tree(framework.criteria) == {"relevance": {}, "acceptability": {}, "sufficiency": {}}


@pytest.mark.parametrize("base", ["../other/base.yaml", "../other/base.yml", "ABSOLUTE"])
def test_a_base_is_found_relative_to_the_file_that_extends_it(tmp_path: Path, base: str) -> None:
    path = written(tmp_path / "other" / ("base.yml" if base.endswith("yml") else "base.yaml"), BASE)
    base = str(path) if base == "ABSOLUTE" else base
    child = written(tmp_path / "sub" / "child.yaml", f"extends: {base}\nid: child\n")
    assert read_framework(child).title == "Base"


def test_a_base_is_not_looked_for_where_the_command_was_given(tmp_path: Path) -> None:
    # The same file must mean the same wherever it is read from.
    written("base.yaml", BASE)
    written("ratio", BASE)
    missing = written(tmp_path / "sub" / "missing.yaml", "extends: base.yaml\nid: child\n")
    with pytest.raises(FrameworkError, match=r"base\.yaml"):
        read_framework(missing)
    named = written(tmp_path / "sub" / "named.yaml", "extends: ratio\nid: child\n")
    assert "relevance" in tree(read_framework(named).criteria)


def test_a_base_may_extend_another() -> None:
    written("first.yaml", BASE)
    written("second.yaml", "extends: first.yaml\ntitle: Second\n")
    framework = read_framework(written("third.yaml", "extends: second.yaml\nid: third\n"))
    assert (framework.id, framework.title, framework.description) == ("third", "Second", "A base.")


def test_text_may_extend_a_known_framework() -> None:
    assert parse_framework("extends: ratio\nid: mine\n").id == "mine"


def test_a_mapping_is_changed_key_by_key_and_a_scale_as_a_whole() -> None:
    framework = extended(
        "provenance: {status: adapted}\n"
        "scale: {levels: [{value: 1, label: no way}, {value: 2, label: perhaps}, {value: 3, label: sure}]}\n"
    )
    assert (framework.provenance.status, framework.provenance.caveat) == ("adapted", "Invented.")
    assert [level.label for level in framework.scale.levels] == ["no way", "perhaps", "sure"]


def test_a_criterion_is_changed_by_its_id_at_any_depth() -> None:
    framework = extended("criteria: [{id: one, weight: 2}, {id: three, plain: other}]\n")
    assert tree(framework.criteria) == {"logic": {"one": {}, "two": {}}, "three": {}}
    one = framework.criterion("one")
    assert (one.weight, one.name, one.levels) == (2, "One", {1: "not at all"})
    assert framework.criterion("three").plain == "other"


def test_a_level_is_changed_and_the_others_stay() -> None:
    framework = extended("criteria: [{id: one, levels: {2: entirely}}]\n")
    assert framework.criterion("one").levels == {1: "not at all", 2: "entirely"}


def test_a_parent_and_its_child_are_changed_in_one_file() -> None:
    framework = extended("criteria: [{id: logic, weight: 2}, {id: one, weight: 3}]\n")
    assert tree(framework.criteria) == {"logic": {"one": {}, "two": {}}, "three": {}}
    assert (framework.criterion("logic").weight, framework.criterion("one").weight) == (2, 3)


def test_a_child_is_changed_and_another_added_under_their_parent() -> None:
    framework = extended(
        "criteria:\n  - id: logic\n    criteria:\n      - {id: one, weight: 3}\n"
        "      - {id: new, name: New, plain: p, question: q}\n"
    )
    assert tree(framework.criteria) == {"logic": {"one": {}, "two": {}, "new": {}}, "three": {}}
    assert framework.criterion("one").weight == 3


def test_a_criterion_with_a_new_id_is_added_at_the_end() -> None:
    framework = extended("criteria: [{id: new, name: New, plain: p, question: q}]\n")
    assert tree(framework.criteria) == {"logic": {"one": {}, "two": {}}, "three": {}, "new": {}}


@pytest.mark.parametrize(
    ("drop", "left"),
    [
        ("[three]", {"logic": {"one": {}, "two": {}}}),
        ("[one]", {"logic": {"two": {}}, "three": {}}),
        ("[logic]", {"three": {}}),
        ("[logic, one]", {"three": {}}),
        ("[]", {"logic": {"one": {}, "two": {}}, "three": {}}),
    ],
)
def test_what_is_dropped_is_left_out_with_all_below_it(drop: str, left: dict[str, Any]) -> None:
    assert tree(extended(f"drop: {drop}\n").criteria) == left


SPEAKS_OF_ONE = (
    BASE.replace("{id: three, name: Three,", "{id: three, independent_of: [one, two], name: Three,")
    + """\
goldens:
  - id: both
    arguments: {sound: "A, because B.", flawed: "A!"}
    expect:
      - {better: sound, worse: flawed, criteria: [one, three]}
      - {argument: sound, at_least: 2, criteria: [one]}
  - id: single
    arguments: {sound: "C, because D.", flawed: "C!"}
    expect: {better: sound, worse: flawed, criteria: [one]}
"""
)


def test_what_the_base_says_of_a_dropped_criterion_is_dropped_with_it() -> None:
    framework = extended("drop: [one]\n", SPEAKS_OF_ONE)
    assert framework.criterion("three").independent_of == ("two",)
    (golden,) = framework.goldens
    (expectation,) = golden.expect
    assert (golden.id, expectation.criteria) == ("both", ("three",))


@pytest.mark.parametrize("goldens", ["~", "one", "[one]", "[{id: a}]", "[{id: a, expect: one}]", "[{expect: [one]}]"])
def test_goldens_of_any_shape_in_the_base_are_an_error_that_is_placed(goldens: str) -> None:
    assert ".yaml:" in refused("drop: [one]\n", f"{BASE}goldens: {goldens}\n")


def test_what_is_dropped_may_be_written_anew() -> None:
    framework = extended("drop: [one]\ncriteria: [{id: one, name: New, plain: p, question: q}]\n")
    assert tree(framework.criteria) == {"logic": {"two": {}}, "three": {}, "one": {}}
    assert framework.criterion("one").levels == {}


def test_reading_an_extension_leaves_its_base_as_it_was() -> None:
    extended("drop: [one]\ncriteria: [{id: three, weight: 5}]\n")
    base = read_framework(Path("base.yaml"))
    assert tree(base.criteria) == {"logic": {"one": {}, "two": {}}, "three": {}}
    assert base.criterion("three").weight == 1


# What goes wrong in extending


def test_nothing_to_drop_is_said_with_the_nearest_id_and_the_line() -> None:
    message = refused("title: Child\ndrop: [onee]\n")
    assert message.startswith("child.yaml:4: ") and "'onee'" in message and "'one'" in message


@pytest.mark.parametrize("drop", ["one", "{one: 1}", "[1]", "5"])
def test_drop_takes_a_list_of_ids(drop: str) -> None:
    assert refused(f"drop: {drop}\n").startswith("child.yaml:3: ")


def test_drop_needs_something_to_drop_from() -> None:
    path = written("alone.yaml", BASE + "drop: [one]\n")
    with pytest.raises(FrameworkError, match=r"^alone\.yaml:21: 'drop'"):
        read_framework(path)


def test_a_circle_is_shown_with_the_line_that_closes_it() -> None:
    written("a.yaml", "id: a\nextends: b.yaml\n")
    written("b.yaml", "# note\n\nextends: c.yaml\n")
    written("c.yaml", "extends: a.yaml\n")
    with pytest.raises(FrameworkError) as caught:
        read_framework(Path("a.yaml"))
    assert caught.value.message.startswith("c.yaml:1: ")
    assert "a.yaml -> b.yaml -> c.yaml -> a.yaml" in caught.value.message


def test_a_file_that_extends_itself_is_a_circle() -> None:
    path = written("a.yaml", "id: a\nextends: a.yaml\n")
    with pytest.raises(FrameworkError, match=r"^a\.yaml:2: .*circle"):
        read_framework(path)


@pytest.mark.parametrize(
    ("base", "said"),
    [
        ("nowhere.yaml", "nowhere.yaml"),
        ("ratoi", "'ratio'"),
        ("''", ""),
        (".", ""),
        ("[ratio, qoam]", "one framework"),
        ("", "one framework"),
        ("5", "one framework"),
        ("a" * 300, ""),
        ("~nobody-of-that-name/x.yaml", ""),
    ],
)
def test_a_base_that_is_not_there_is_placed_where_it_is_named(base: str, said: str) -> None:
    path = written("child.yaml", f"id: child\n\nextends: {base}\n")
    with pytest.raises(FrameworkError) as caught:
        read_framework(path)
    assert caught.value.message.startswith("child.yaml:3: ")
    assert said in caught.value.message


def test_a_base_that_is_not_yaml_is_placed_in_the_base() -> None:
    assert refused("", BASE + "\ttitle: x\n").startswith("base.yaml:21: ")


@pytest.mark.parametrize(
    ("base", "place"),
    [
        (BASE + "titel: x\n", "base.yaml:21: titel: "),
        (BASE.replace("value: 2", "value: 0"), "base.yaml:8: scale: "),
        (BASE.replace("{id: two, name:", "{id: two, nam:"), "base.yaml:19: criteria.1.criteria.2.nam: "),
        (BASE.replace("{id: three, name:", "{id: three, nam:"), "base.yaml:20: criteria.2.nam: "),
        (BASE.replace('{1: "not at all"}', "{5: never}"), "base.yaml:1"),
    ],
)
def test_a_mistake_of_the_base_is_placed_in_the_base(base: str, place: str) -> None:
    assert refused("title: Child\ncriteria: [{id: one, weight: 2}, {id: three, weight: 2}]\n", base).startswith(place)


def test_a_mistake_of_the_extension_is_placed_in_the_extension() -> None:
    assert refused("title: Child\ncriteria:\n  - {id: one, wieght: 2}\n").startswith("child.yaml:5: ")
    assert refused("criteria: [{id: new, name: New}]\n").startswith("child.yaml:3: ")


def test_one_criterion_changed_twice_is_refused_and_neither_change_is_lost() -> None:
    assert "'one'" in refused("criteria:\n  - {id: one, weight: 2}\n  - {id: one, weight: 3}\n")


@pytest.mark.parametrize(
    "criteria", ["", "one", "[one]", "[[one]]", "[{id: [one]}]", "[{id: {a: b}}]", "[{id: ~}]", "[{}]", "{id: one}"]
)
@pytest.mark.parametrize("rest", ["", "drop: [three]\n"])
def test_criteria_of_any_shape_are_an_error_that_is_placed(criteria: str, rest: str) -> None:
    assert refused(f"{rest}criteria: {criteria}\n").startswith("child.yaml:")


@pytest.mark.parametrize(
    "criteria", ["", "one", "[one]", "[[one]]", "[{id: [one]}]", "[{id: a, criteria: one}]", "[{id: a, criteria: ~}]"]
)
@pytest.mark.parametrize("rest", ["", "drop: [one]\n", "criteria: [{id: one, weight: 2}]\n"])
def test_criteria_of_any_shape_in_the_base_are_an_error_that_is_placed(criteria: str, rest: str) -> None:
    base = BASE[: BASE.index("criteria:")] + f"criteria: {criteria}\n"
    assert ".yaml:" in refused(rest, base)


def test_a_long_chain_of_extensions_ends_in_a_framework_or_an_error() -> None:
    written("link0.yaml", BASE)
    for number in range(1, 1200):
        written(f"link{number}.yaml", f"extends: link{number - 1}.yaml\n")
    with contextlib.suppress(FrameworkError):
        assert read_framework(Path("link1199.yaml")).title == "Base"


def test_a_folder_of_a_frameworks_name_is_no_framework() -> None:
    Path("folder.yaml").mkdir()
    with pytest.raises(FrameworkError):
        load_framework("folder.yaml")
