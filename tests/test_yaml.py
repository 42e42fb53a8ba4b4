"""Untrusted YAML is read as plain data with places, or refused with a file and a line."""

from __future__ import annotations

import contextlib
import random
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from argqual import _yaml as yamlfile
from argqual._yaml import LocatedDict, LocatedList, YamlError, parse_value, parse_yaml, place_of, read_yaml


def refusal(text: str) -> YamlError:
    with pytest.raises(YamlError) as caught:
        parse_yaml(text, name="f.yaml")
    return caught.value


# What is read


def test_plain_data_comes_out_as_pyyaml_reads_it() -> None:
    text = 'a: 1\nb: [x, 2.5, true, null, "on"]\nc:\n  d: >\n    two\n    lines\n  e: |\n    kept\n    apart\n'
    assert parse_yaml(text) == yaml.safe_load(text)


def test_an_alias_stands_for_what_it_names() -> None:
    assert parse_yaml("a: &x [1, 2]\nb: *x") == {"a": [1, 2], "b": [1, 2]}


def test_windows_line_ends_are_read() -> None:
    assert parse_yaml("a: 1\r\nb: 2\r\n") == {"a": 1, "b": 2}


def test_a_byte_order_mark_is_not_part_of_the_first_key(tmp_path: Path) -> None:
    path = tmp_path / "f.yaml"
    path.write_bytes(b"\xef\xbb\xbfa: 1\n")
    assert read_yaml(path) == {"a": 1}


def test_letters_of_any_script_are_read(tmp_path: Path) -> None:
    path = tmp_path / "f.yaml"
    path.write_text("título: 論證 😀\n", encoding="utf-8")
    assert read_yaml(path) == {"título": "論證 😀"}


# Places

PLACED = "a: 1\nb:\n  c: 2\n  d:\n    - x\n    - e: 3\n      f: 4\n"


def test_keys_and_items_know_the_line_they_stand_on() -> None:
    data = parse_yaml(PLACED, name="f.yaml")
    assert data.places == {"a": "f.yaml:1", "b": "f.yaml:2"}
    assert isinstance(data["b"], LocatedDict) and data["b"].places == {"c": "f.yaml:3", "d": "f.yaml:4"}
    assert isinstance(data["b"]["d"], LocatedList) and data["b"]["d"].places == ["f.yaml:5", "f.yaml:6"]


@pytest.mark.parametrize(
    ("path", "place"),
    [
        (("a",), "f.yaml:1"),
        (("b", "d", 1, "f"), "f.yaml:7"),
        (("b", "d", 1, "missing"), "f.yaml:6"),
        (("b", "d", 9), "f.yaml:4"),
        (("b", "missing", "deeper"), "f.yaml:2"),
        (("missing",), None),
        ((), None),
    ],
)
def test_the_place_of_a_path_is_its_own_or_that_of_what_encloses_it(path: tuple[object, ...], place: str) -> None:
    assert place_of(parse_yaml(PLACED, name="f.yaml"), path) == place


def test_a_file_is_named_in_its_places_as_it_was_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("f.yaml").write_text("a: 1\n", encoding="utf-8")
    assert read_yaml(Path("f.yaml")).places == {"a": "f.yaml:1"}


# What is refused, with the line it stands on


@pytest.mark.parametrize(
    ("text", "place", "said"),
    [
        ("a: 1\nb:\n\t- 2\n", "f.yaml:3", "not valid YAML"),
        ("a: 1\nb: 2\na: 3\n", "f.yaml:3", "'a'"),
        ("a:\n  b: 1\n  b: 1\n", "f.yaml:3", "'b'"),
        ("1: a\n1.0: b\n", "f.yaml:2", "1.0"),
        ("a: 1\nb: !!python/object:os.system x\n", "f.yaml:2", "!!python/object"),
        ("a: 1\nb: !!python/object/apply:os.system [ls]\n", "f.yaml:2", "!!python/object/apply"),
        ("a: !!python/name:os.system ''\n", "f.yaml:1", "!!python/name"),
        ("a:\n  - !mine {b: 1}\n", "f.yaml:2", "!mine"),
        ("a: !!binary aGk=\n", "f.yaml:1", "!!binary"),
        ("a: !!set {x}\n", "f.yaml:1", "!!set"),
        ("b: &b {x: 1}\na:\n  <<: *b\n", "f.yaml:3", "merge key"),
        ("a: 1\nb: 2024-01-31\n", "f.yaml:2", "date"),
        ("a: 1\n2024-01-31: b\n", "f.yaml:2", "date"),
        ("a: 1\non: 2\n", "f.yaml:2", "on as true"),
        ("a:\n  no: x\n", "f.yaml:2", "no as false"),
        ("a: 1\n? [b]\n: c\n", "f.yaml:2", "key"),
        ("a: &x [1, *x]\n", "f.yaml:1", "contains itself"),
        ("a: 1\nb: &x {c: {d: *x}}\n", "f.yaml:2", "contains itself"),
        ("a: 1\nb: *nowhere\n", "f.yaml:2", "alias"),
        ("a: [1, 2\nb: 3\n", "f.yaml:2", "not valid YAML"),
        ("a: 1\nb: " + "1" * 5000 + "\n", "f.yaml:2", "cannot read"),
        ("a: 1\nb: 0x_\n", "f.yaml:2", "cannot read"),
        ("a: !!int abc\n", "f.yaml:1", "cannot read"),
        ("a: !!float abc\n", "f.yaml:1", "cannot read"),
        ("a: 1\nb: !!int ''\n", "f.yaml:2", "cannot read"),
        ("a: 1\nb: !!bool abc\n", "f.yaml:2", "cannot read"),
        ("- a\n- b\n", "f.yaml:1", "key: value"),
        ("only words\n", "f.yaml:1", "key: value"),
        ("~\n", "f.yaml:1", "key: value"),
        ("a: 1\n---\nb: 2\n", "f.yaml:2", "document"),
        ("a: 1\nb: x\0y\n", "f.yaml:2", "character"),
        ("a: 1\nb: x\x07y\n", "f.yaml:2", "character"),
    ],
)
def test_what_is_not_plain_data_is_refused_on_its_line(text: str, place: str, said: str) -> None:
    error = refusal(text)
    assert error.message.startswith(f"{place}: ")
    assert said in error.message
    assert "\n" not in error.message


def test_a_tab_in_the_indentation_is_called_a_tab() -> None:
    for text in ("a:\n\tb: 1\n", "a: 1\nb:\n\t- 2\n", "\ta: 1\n"):
        assert "tab" in str(refusal(text)), text


def test_a_repeated_key_says_where_it_stood_first() -> None:
    assert "f.yaml:1" in refusal("a: 1\nb: 2\na: 3\n").message


def test_a_repeated_key_is_found_behind_an_alias_too() -> None:
    assert "second time" in refusal("a: &x {b: 1, b: 2}\nc: *x\n").message


def test_a_key_read_as_a_boolean_is_shown_in_quotes() -> None:
    assert refusal("yes: 1\n").hint == 'Quote it: "yes".'


@pytest.mark.parametrize("text", ["", "\n\n", "# only a note\n", "---\n"])
def test_a_file_that_holds_nothing_is_refused(text: str) -> None:
    assert refusal(text).message.startswith("f.yaml")


def test_text_that_no_file_can_hold_is_an_error_for_the_caller_to_read() -> None:
    with pytest.raises(YamlError):
        parse_yaml("a: \ud800")


# Numbers, as whoever wrote them sees them


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (".5", 0.5),
        ("5.", 5.0),
        ("+5", 5),
        ("1_000", 1000),
        ("1e-3", 0.001),
        ("1.5E3", 1500.0),
        ("2\u00a0", 2),
        ("\u00a02", 2),
        ("min\u00a0", "min"),
        ("'010'", "010"),
        ("clair\u00a0?", "clair\u00a0?"),
        ("2\t", 2),
    ],
)
def test_a_value_is_read_as_it_is_meant(written: str, meant: object) -> None:
    found = parse_yaml(f"a: 1\nb: {written}\nc: 3\n")["b"]
    assert found == meant and type(found) is type(meant)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("010", "read as 8"),
        ("0x1F", "read as 31"),
        ("0b11", "read as 3"),
        ("0o17", "cannot read"),
        ("1:30", "read as 90"),
        ("1:30:00.5", "read as 5400.5"),
        ("1_0", "read as 10"),
        ("00", "read as 0"),
        ("!!int 010", "read as 8"),
        ("0x" + "F" * 400, "read as another number"),
    ],
)
def test_a_number_that_yaml_would_take_for_another_is_refused(written: str, said: str) -> None:
    for text in (f"a: 1\nb: {written}\nc: 3\n", f"a: 1\n{written}: b\n", f"a:\n  - {written}\n"):
        error = refusal(text)
        assert error.message.startswith("f.yaml:2: ") and said in error.message, text
        assert "in quotes" in (error.hint or "")


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("a: 1\nb:\u00a02\nc: 3\n", 3, "Line 2 has a no-break"),
        ("a: 1\n\u00a0\u00a0b: 2\n", 2, "U+00A0"),
        ("a: 1\nb\u00a0c: 2\n", 2, "U+00A0"),
        ("a:\n  -\u00a0x\n  -\u00a0y\n", 2, "U+00A0"),
        ("a: {b:\u00a01}\n", 1, "U+00A0"),
        ("a: 1\n\u200bb: 2\n", 2, "U+200B"),
        ("```yaml\na: 1\n```\n", 1, "block of code"),
        ("a: 1\n```\n", 2, "block of code"),
        ("~~~yaml\na: 1\n~~~\n", 2, "block of code"),
        ("a: 1\nb: `x`\n", 2, "in quotes"),
        ("b: &b {x: 1}\na:\n  <<: *b\n", 3, "keys that it stands for"),
    ],
)
def test_usual_accidents_come_with_a_remedy(text: str, line: int, said: str) -> None:
    error = refusal(text)
    assert error.message.startswith(f"f.yaml:{line}: ") and said in str(error)


def test_a_value_on_its_own_is_read_as_behind_a_key() -> None:
    values = {"4": 4, "[a, 1e-3]": ["a", 0.001], "": None, "a: b: c": "a: b: c", "@x": "@x", "{a: b}": {"a": "b"}}
    assert {text: parse_value(text, name="--set k") for text in values} == values
    with pytest.raises(YamlError, match=r"--set k:1: '010' would be read as 8"):
        parse_value("010", name="--set k")


# Files


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(YamlError, match=r"nowhere\.yaml: No such file"):
        read_yaml(tmp_path / "nowhere.yaml")


def test_a_folder_is_not_a_file(tmp_path: Path) -> None:
    with pytest.raises(YamlError, match="directory"):
        read_yaml(tmp_path)


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16", "cp1252"])
def test_a_file_that_is_not_utf8_is_refused_with_a_remedy(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "f.yaml"
    path.write_bytes("a: 1\nb: café\n".encode(encoding))
    with pytest.raises(YamlError, match=r"f\.yaml.*not UTF-8") as caught:
        read_yaml(path)
    assert caught.value.hint == "Save the file as UTF-8."


@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_the_line_of_a_byte_that_is_not_utf8_is_given(tmp_path: Path, mark: bytes) -> None:
    path = tmp_path / "f.yaml"
    path.write_bytes(mark + b"a: 1\nb: 2\nc: caf\xe9\n")
    with pytest.raises(YamlError, match=r"f\.yaml:3: "):
        read_yaml(path)


def test_a_file_larger_than_any_framework_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(yamlfile, "_MAX_BYTES", 100)
    path = tmp_path / "f.yaml"
    path.write_text("a: 1\n" + "#" * 95, encoding="utf-8")
    assert read_yaml(path) == {"a": 1}
    path.write_text("a: 1\n" + "#" * 96, encoding="utf-8")
    with pytest.raises(YamlError, match="101 bytes"):
        read_yaml(path)


# Small files that would grow


def bomb(levels: int, width: int) -> str:
    """Each level lists the one before `width` times: `width ** levels` values at the last."""
    lines = ["a0: &a0 x"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * width)}]" for i in range(1, levels + 1)]
    return "\n".join(lines)


def refused_in_a_process_of_its_own(expression: str) -> tuple[int, str]:
    """Exit code and message of parsing what `expression` makes; a crash of the interpreter stays in there."""
    code = (
        "from argqual._yaml import YamlError, parse_yaml\n"
        f"text = {expression}\n"
        "assert len(text) <= 1_000_000\n"
        "try:\n    parse_yaml(text, name='f.yaml')\n"
        "except YamlError as error:\n    print(error.message)\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    return ran.returncode, ran.stdout


def test_aliases_that_multiply_are_refused_before_they_are_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    # Three levels of two: the mapping and its 4 keys are 5 values; x is 1, [x, x] 3, then 7, then 15: 5 + 26 = 31.
    monkeypatch.setattr(yamlfile, "_MAX_VALUES", 31)
    assert parse_yaml(bomb(3, 2))["a3"] == [[["x", "x"], ["x", "x"]], [["x", "x"], ["x", "x"]]]
    monkeypatch.setattr(yamlfile, "_MAX_VALUES", 30)
    with pytest.raises(YamlError, match="values"):
        parse_yaml(bomb(3, 2))


def test_the_billion_laughs_are_refused() -> None:
    # Nine levels of nine: 9 ** 9 strings at the last level alone, in less than a kilobyte.
    assert len(bomb(9, 9)) < 1000
    assert "values" in refusal(bomb(9, 9)).message


def test_a_bomb_in_a_key_is_refused() -> None:
    assert "values" in refusal(bomb(9, 9) + "\n? *a9\n: x\n").message


def test_a_bomb_whose_size_has_thousands_of_digits_is_refused_like_any_other() -> None:
    # 2 ** 15,000 values, a number of 4,516 digits: Python refuses to write it out.
    lines = "''.join(f'a{i}: &a{i} [*a{i - 1}, *a{i - 1}]\\n' for i in range(1, 15_001))"
    code, message = refused_in_a_process_of_its_own(f"'a0: &a0 x\\n' + {lines}")
    assert code == 0
    assert message.startswith("f.yaml") and "values" in message and len(message) < 200


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? "])
@pytest.mark.parametrize("depth", [600, 5_000])
def test_nesting_beyond_all_reason_is_refused(opening: str, depth: int) -> None:
    closing = {"[": "]", "{a: ": "}"}.get(opening, "")
    assert "deep" in refusal(f"a:\n  {opening * depth}x{closing * depth}\n").message


def test_nesting_of_every_depth_is_either_read_or_refused() -> None:
    # What builds the data may need more stack than what checked it, for a few depths below the limit.
    for depth in range(1, 520):
        for opening, closing in (("[", "]"), ("{a: ", "}"), ("[{a: ", "}]")):
            with contextlib.suppress(YamlError):
                parse_yaml(f"a: {opening * depth}1.5{closing * depth}")


@pytest.mark.parametrize(
    "expression", ["'a: ' + '[' * 400_000", "'a: ' + '{a: ' * 200_000", "'a:\\n ' + '- ' * 400_000"]
)
def test_nesting_that_fills_a_file_does_not_crash_the_interpreter(expression: str) -> None:
    # A parser in C that calls itself for each level runs out of stack, which no `except` can catch.
    code, message = refused_in_a_process_of_its_own(expression)
    assert code == 0
    assert message.startswith("f.yaml")


def test_whatever_characters_come_the_answer_is_data_or_a_yaml_error() -> None:
    chance = random.Random(7)
    pieces = [*"abc:-?[]{},&*!|>'\"%@`#\n\t ~0.\\=é\u2028", "  ", ": ", "- ", "\n  ", "&a ", "*a", "!!int ", "<<: "]
    pieces += ["2024-01-01", "!!bool ", "!!float ", "!!null ", "1_000", "\n---\n", '"x"']
    for _ in range(3000):
        text = "k: " * chance.randint(0, 1) + "".join(chance.choices(pieces, k=chance.randint(1, 25)))
        with contextlib.suppress(YamlError):
            assert isinstance(parse_yaml(text), LocatedDict), text
