"""Defaults of one's own: a flag beats the environment, that beats the file, and an address goes with its model only."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path

import pytest

from loopback import Loopback
from pinned.calling import Called, called
from pinned.exchanges import say_levels

TEXT = "We should walk, because it is sunny."
SCORE = ("score", TEXT, "--no-store", "--readout", "label", "--format", "json")
KEYS = ("OPENAI_API_KEY", "OPENAI_API_BASE", "OPENAI_BASE_URL", "ANTHROPIC_API_KEY")


@pytest.fixture(autouse=True)
def own_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in KEYS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ARGQUAL_CONFIG", str(tmp_path / "mine" / "config.toml"))
    return tmp_path / "mine" / "config.toml"


@pytest.fixture
def serving(loopback: Loopback) -> Loopback:
    for _ in range(30):
        say_levels(loopback)
    return loopback


def with_variables(folder: Path, words: tuple[str, ...], variables: dict[str, str]) -> Called:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        return called(folder, *words)


def ran(folder: Path, *words: str, **variables: str) -> Called:
    done = with_variables(folder, words, variables)
    assert done.code == 0, done.err
    return done


def refused(folder: Path, *words: str, **variables: str) -> str:
    done = with_variables(folder, words, variables)
    assert (done.code, done.out) == (2, ""), done.err
    return done.err


def shown(folder: Path, **variables: str) -> dict[str, dict[str, str | None]]:
    content: dict[str, dict[str, str | None]] = json.loads(ran(folder, "config", **variables).out)
    return content


def model_asked(folder: Path, *words: str, **variables: str) -> str:
    return str(json.loads(ran(folder, *SCORE, *words, **variables).out)["model"])


# ---- what is set


def test_what_is_set_is_shown_with_where_it_is_from(tmp_path: Path, own_file: Path) -> None:
    assert shown(tmp_path)["model"] == {"value": "local", "source": "default"}
    ran(tmp_path, "config", "set", "model", "openai/mine")
    ran(tmp_path, "config", "set", "framework", "qoam")
    found = shown(tmp_path, ARGQUAL_FRAMEWORK="toulmin")
    assert found["file"] == str(own_file)  # type: ignore[comparison-overlap]
    assert found["model"] == {"value": "openai/mine", "source": "file"}
    assert found["framework"] == {"value": "toulmin", "source": "environment"}
    assert found["api_base"] == {"value": None, "source": "default"}
    text = ran(tmp_path, "config", "show", "--format", "text", ARGQUAL_FRAMEWORK="toulmin").out
    assert "environment (ARGQUAL_FRAMEWORK)" in text and str(own_file) in text
    assert ran(tmp_path, "config", "path").out.strip() == str(own_file)


def test_what_is_unset_is_no_more(tmp_path: Path, own_file: Path) -> None:
    ran(tmp_path, "config", "set", "framework", "qoam")
    assert "no more" in ran(tmp_path, "config", "unset", "framework").out
    assert "is not set" in ran(tmp_path, "config", "unset", "framework").out
    assert shown(tmp_path)["framework"]["source"] == "default"
    assert own_file.read_text() == ""


def test_the_file_lies_in_the_user_s_folder_when_no_other_is_named(tmp_path: Path) -> None:
    path = ran(tmp_path, "config", "path", ARGQUAL_CONFIG="", XDG_CONFIG_HOME=str(tmp_path / "xdg")).out.strip()
    assert path.endswith("config.toml") and "argqual" in path


def test_what_else_is_in_the_file_stays(tmp_path: Path, own_file: Path) -> None:
    own_file.parent.mkdir()
    kept = tmp_path / "dotfiles.toml"
    own_file.symlink_to(kept)
    kept.write_text('# my settings\nframework = "qoam"  # for letters\nmodel = "openai/old"', encoding="utf-8")
    ran(tmp_path, "config", "set", "model", "openai/new")
    assert kept.read_text() == '# my settings\nframework = "qoam"  # for letters\nmodel = "openai/new"\n'
    assert own_file.is_symlink()
    assert [path.name for path in tmp_path.iterdir() if path.name.endswith(".tmp")] == []


@pytest.mark.parametrize("value", ['openai/"odd"\\name', "openai/ü-π"])
def test_odd_names_are_kept_as_they_are(tmp_path: Path, value: str) -> None:
    ran(tmp_path, "config", "set", "model", value)
    assert shown(tmp_path)["model"]["value"] == value


def test_how_long_an_engine_stays_is_a_number_in_the_file(tmp_path: Path, own_file: Path) -> None:
    ran(tmp_path, "config", "set", "keep", "10")
    ran(tmp_path, "config", "set", "framework", "qoam")
    assert own_file.read_text() == 'keep = 10\nframework = "qoam"\n'
    assert shown(tmp_path)["keep"] == {"value": "10", "source": "file"}
    assert shown(tmp_path, ARGQUAL_KEEP="2.5")["keep"] == {"value": "2.5", "source": "environment"}
    own_file.write_text("keep = 7.50  # a while\n")
    ran(tmp_path, "config", "set", "model", "local")
    assert own_file.read_text() == 'keep = 7.50  # a while\nmodel = "local"\n'
    ran(tmp_path, "config", "unset", "keep")
    assert shown(tmp_path)["keep"]["value"] is None
    assert "'keep' is long" in refused(tmp_path, "score", TEXT, "--model", "nowhere.gguf", ARGQUAL_KEEP="long")


def test_files_are_kept_by_their_whole_path(tmp_path: Path) -> None:
    (tmp_path / "m.gguf").write_bytes(b"GGUF and the rest")
    ran(tmp_path, "frameworks", "new", "letters")
    ran(tmp_path, "config", "set", "framework", "letters.yaml")
    ran(tmp_path, "config", "set", "model", "m.gguf")
    found = shown(tmp_path)
    assert found["framework"]["value"] == str(tmp_path / "letters.yaml")
    assert found["model"]["value"] == str(tmp_path / "m.gguf")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("api_key", "sk-verysecret"), "OPENAI_API_KEY"),
        (("api-key", "sk-verysecret"), "Keys are not kept"),
        (("ANTHROPIC_API_KEY", "sk-verysecret"), "Keys are not kept"),
        (("token", "sk-verysecret"), "Keys are not kept"),
        (("modle", "local"), "Did you mean 'model'?"),
        (("model", "lokal"), "Did you mean 'local'?"),
        (("model", " "), "is empty"),
        (("model", "nowhere.gguf"), "No such file"),
        (("framework", "ratoi"), "Did you mean 'ratio'?"),
        (("keep", "long"), "no number of minutes from 0.1 to 1440"),
        (("keep", "0.01"), "no number of minutes"),
        (("keep", "nan"), "no number of minutes"),
        (("api-base", "localhost:8000"), "Did you mean http://localhost:8000"),
        (("api_base", "http://me:verysecret@localhost:8000/v1"), "ARGQUAL_API_BASE"),
    ],
)
def test_what_cannot_be_set_is_told_and_nothing_is_written(
    tmp_path: Path, own_file: Path, words: tuple[str, str], said: str
) -> None:
    message = refused(tmp_path, "config", "set", *words)
    assert said in message
    assert "verysecret" not in message
    assert not own_file.exists()


def test_a_model_on_this_machine_gets_no_address(tmp_path: Path) -> None:
    ran(tmp_path, "config", "set", "model", "local")
    assert "has no address" in refused(tmp_path, "config", "set", "api_base", "http://localhost:8000/v1")


def test_an_address_is_forgotten_with_the_model_that_it_was_set_with(tmp_path: Path) -> None:
    ran(tmp_path, "config", "set", "api_base", "http://localhost:8000/v1")
    ran(tmp_path, "config", "set", "model", "openai/mine")
    assert shown(tmp_path)["api_base"]["value"] == "http://localhost:8000/v1"
    assert "api_base went with it" in ran(tmp_path, "config", "set", "model", "anthropic/claude-sonnet-5-5").err
    assert shown(tmp_path)["api_base"]["value"] is None


def test_a_variable_that_beats_what_was_just_set_is_named(tmp_path: Path) -> None:
    assert "ARGQUAL_MODEL is set too" in ran(tmp_path, "config", "set", "model", "local", ARGQUAL_MODEL="openai/x").err


def test_a_password_in_the_address_of_the_environment_is_not_shown(tmp_path: Path) -> None:
    variables = {"ARGQUAL_API_BASE": "http://me:verysecret@h:1/v1", "ARGQUAL_MODEL": "openai/x"}
    for format in ("text", "json"):
        said = ran(tmp_path, "config", "show", "--format", format, **variables).out
        assert "http://h:1/v1" in said and "verysecret" not in said


# ---- a file that is wrong


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b'# mine\nmodle = "local"\n', ":2: No setting is called 'modle'. Did you mean 'model'?"),
        (b'model = "local"\n[server]\nport = 1\n', ":2: No setting is called 'server'."),
        (b"\nmodel = local\n", ":2:9: this is no TOML: Invalid value"),
        (b'model = "local', ": this is no TOML"),
        (b'model = "local"\nmodel = "other"\n', ":2:"),
        (b"keep = true\n", ":1: 'keep' is True, which is no number of minutes"),
        (b'model = "local"\nkeep = [10]\n', ":2: 'keep' is [10]"),
        (b"keep = 1e9\n", ":1: 'keep' is 1000000000.0"),
        (b"\n\nmodel = 3\n", ":3: 'model' must be a text"),
        (b'model = ""\n', ":1: 'model' must be a text"),
        (b"model = " + b"[" * 20_000, ": this is no TOML"),
        (b"model = " + b"9" * 20_000, ":"),
        (b'[model]\nname = "local"\n', ":1: 'model' must be a text"),
        (b'framework = "ratio"\napi_key = "verysecret"\n', ":2: Keys are not kept among the settings"),
        (b'framework = "ratio"\nmodel = "\xff"\n', ":2: this is not UTF-8"),
    ],
)
def test_a_wrong_file_is_told_with_its_place(tmp_path: Path, own_file: Path, content: bytes, said: str) -> None:
    own_file.parent.mkdir()
    own_file.write_bytes(content)
    message = refused(tmp_path, "config")
    assert f"{own_file}{said}" in message
    assert "verysecret" not in message


@pytest.mark.parametrize("words", [("score", TEXT), ("config", "show"), ("config", "set", "framework", "qoam")])
def test_every_command_that_reads_a_wrong_file_tells_so_and_leaves_it(
    tmp_path: Path, own_file: Path, words: tuple[str, ...]
) -> None:
    own_file.parent.mkdir()
    own_file.write_text("modle = 3")
    assert f"{own_file}:1: No setting is called 'modle'" in refused(tmp_path, *words)
    assert own_file.read_text() == "modle = 3"
    assert ran(tmp_path, "config", "path").out.strip() == str(own_file)
    assert "--api-base" in ran(tmp_path, "score", "--help").out


def test_a_wrong_file_is_no_matter_where_everything_is_said(tmp_path: Path, own_file: Path, serving: Loopback) -> None:
    own_file.parent.mkdir()
    own_file.write_text("modle = 3")
    flags = ("--framework", "ratio", "--model", "openai/test", "--api-base", f"{serving.url}/v1")
    assert model_asked(tmp_path, *flags) == "openai/test"


def test_a_file_that_cannot_be_read_or_written_is_told(tmp_path: Path, own_file: Path) -> None:
    own_file.mkdir(parents=True)
    assert f"{own_file} cannot be read: Is a directory" in refused(tmp_path, "score", TEXT)
    beneath = str(own_file / "x" / "config.toml")
    own_file.rmdir()
    own_file.write_text("")
    assert "cannot be" in refused(tmp_path, "config", "set", "model", "local", ARGQUAL_CONFIG=beneath)
    if os.geteuid():
        own_file.chmod(0)
        assert "Permission denied" in refused(tmp_path, "score", TEXT)
        own_file.chmod(stat.S_IRUSR)


# ---- what is used


def test_a_flag_beats_the_environment_which_beats_the_file(tmp_path: Path, serving: Loopback) -> None:
    here = f"{serving.url}/v1"
    ran(tmp_path, "config", "set", "model", "openai/of-the-file")
    ran(tmp_path, "config", "set", "api_base", here)
    assert model_asked(tmp_path) == "openai/of-the-file"
    in_environment = {"ARGQUAL_MODEL": "openai/of-the-environment", "ARGQUAL_API_BASE": here}
    assert model_asked(tmp_path, **in_environment) == "openai/of-the-environment"
    assert model_asked(tmp_path, "--model", "openai/of-the-flag", **in_environment) == "openai/of-the-flag"
    assert [asked["model"] for asked in serving.requests] == ["of-the-file", "of-the-environment", "of-the-flag"]


def test_the_framework_is_taken_in_the_same_way(tmp_path: Path) -> None:
    ran(tmp_path, "config", "set", "framework", "toulmin")
    assert "warrant" in ran(tmp_path, "frameworks", "prompt").out.lower()
    assert "Sufficiency" in ran(tmp_path, "frameworks", "prompt", ARGQUAL_FRAMEWORK="ratio").out
    assert "warrant" in ran(tmp_path, "frameworks", "prompt", "toulmin", ARGQUAL_FRAMEWORK="ratio").out.lower()


def test_an_address_in_the_environment_is_no_matter_to_a_model_on_this_machine(tmp_path: Path) -> None:
    """The weights are not there, which is all that is said."""
    for words in (("--model", "local"), ("--model", "smollm2-135m"), ()):
        message = refused(tmp_path, *SCORE, *words, ARGQUAL_API_BASE="http://localhost:1/v1")
        assert "weights are not on this machine" in message and "has no address" not in message


@pytest.mark.parametrize("of_file", [True, False])
def test_an_address_that_was_set_with_another_model_is_not_used_and_that_is_said(
    tmp_path: Path, serving: Loopback, of_file: bool
) -> None:
    """Or a text, and the key of one provider, would go to another."""
    here, variables = f"{serving.url}/v1", {"ANTHROPIC_API_KEY": "bad\nkey"}
    if of_file:
        ran(tmp_path, "config", "set", "model", "openai/mine")
        ran(tmp_path, "config", "set", "api_base", here)
    else:
        variables |= {"ARGQUAL_MODEL": "openai/mine", "ARGQUAL_API_BASE": here}
    message = refused(tmp_path, *SCORE, "--model", "anthropic/claude-sonnet-5-5", **variables)
    assert f"anthropic/claude-sonnet-5-5 is not asked at {here}" in message and "was set for openai/mine" in message
    assert "ANTHROPIC_API_KEY has a line end" in message  # so nothing was sent anywhere
    assert serving.requests == []


def test_an_address_alone_is_that_of_models_on_a_server_of_one_s_own(tmp_path: Path, serving: Loopback) -> None:
    assert model_asked(tmp_path, "--model", "openai/x.gguf", ARGQUAL_API_BASE=f"{serving.url}/v1") == "openai/x.gguf"
    assert serving.requests[0]["model"] == "x.gguf"


def test_models_compare_and_goldens_take_the_defaults_too(tmp_path: Path, serving: Loopback) -> None:
    variables = {"ARGQUAL_MODEL": "openai/mine", "ARGQUAL_API_BASE": f"{serving.url}/v1"}
    assert "openai/mine" in ran(tmp_path, "models", "test", "--readout", "label", **variables).out
    compared = ran(tmp_path, "compare", TEXT, "Rain is wet.", "--readout", "label", **variables)
    assert json.loads(compared.out)["model"] == "openai/mine"
    words = ("frameworks", "validate", "ratio", "--readout", "label")
    serving.requests.clear()
    ran(tmp_path, *words, **variables)
    assert not serving.requests  # a default asks nothing by itself
    with_variables(tmp_path, (*words, "--goldens"), variables)
    assert serving.requests[0]["model"] == "mine"


def test_fitting_a_strategy_that_asks_takes_the_defaults_and_says_so(tmp_path: Path, serving: Loopback) -> None:
    words = ("fit", "principle", "--corpus", "constructed", "--limit", "2", "-o", "fitted")
    variables = {"ARGQUAL_MODEL": "openai/mine", "ARGQUAL_API_BASE": f"{serving.url}/v1", "ARGQUAL_FRAMEWORK": "qoam"}
    assert "As argqual config says: model openai/mine, framework qoam." in ran(tmp_path, *words, **variables).err
    kept = json.loads((tmp_path / "fitted" / "strategy.json").read_text())["params"]
    assert (kept["model"], kept["framework"], kept["api_base"]) == ("openai/mine", "qoam", f"{serving.url}/v1")


def test_a_saved_strategy_is_used_with_the_model_that_it_was_fitted_with(tmp_path: Path) -> None:
    ran(tmp_path, "fit", "length", "--corpus", "constructed", "--limit", "20", "-o", "fitted")
    ran(tmp_path, "score", TEXT, "--strategy", "fitted", ARGQUAL_MODEL="openai/mine", ARGQUAL_FRAMEWORK="qoam")
