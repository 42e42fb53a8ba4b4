"""Any GGUF of a model hub: fetched from a hub on loopback, and from then on what it was when it was fetched."""

from __future__ import annotations

import hashlib
import json
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from argqual.errors import ModelError, Unreachable, WeightsError
from argqual.models import hub_weights as h
from argqual.models import weights
from argqual.models.connect import connect
from argqual.models.names import embedded_weights, is_embedded
from hubserver import HubServer
from pinned.calling import Called, called

CONTENT = b"GGUF" + random.Random(1).randbytes(400_000)
REPOSITORY = "someone/tiny-GGUF"
NAME = f"hf://{REPOSITORY}/tiny.Q4.gguf"
SHA = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    import huggingface_hub

    server = HubServer()
    server.put(REPOSITORY, "tiny.Q4.gguf", CONTENT)
    for name in [*os.environ]:
        if name.startswith("HF_") or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub-home"))
    monkeypatch.setenv("ARGQUAL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_TELEMETRY", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "no-token"))
    huggingface_hub.close_session()
    yield server
    server.close()
    huggingface_hub.close_session()


def pull(name: str = NAME, **options: Any) -> Path:
    wanted = h.hub_name(name)
    return h.pull(wanted, h.look_up(wanted, **options), **options)


def argqual(folder: Path, *words: str) -> Called:
    return called(folder, *words)


# ---- names


@pytest.mark.parametrize("end", ["", "@main", "@v1.0", "@refs/pr/3", "@" + "a" * 40])
def test_a_name_is_a_repository_a_path_and_perhaps_a_revision(end: str) -> None:
    name = h.hub_name(f"hf://o.x/r-1/sub/F.GGUF{end}")
    assert (name.repository, name.path, name.revision) == ("o.x/r-1", "sub/F.GGUF", end[1:] or None)
    assert str(name) == f"hf://o.x/r-1/sub/F.GGUF{end}"
    assert is_embedded(str(name))


@pytest.mark.parametrize(
    "name",
    [
        "hf://",
        "hf://o/r",
        "hf://o/x.gguf",
        "hf://o/r/x.bin",
        "hf://o/r/../x.gguf",
        "hf://o/r//x.gguf",
        "hf://o/r/x.gguf@",
    ],
)
def test_what_names_no_file_shows_the_form(name: str) -> None:
    for ask in (h.hub_name, connect):
        with pytest.raises(ModelError, match=r"OWNER/REPO/FILE\.gguf"):
            ask(name)


def test_one_part_of_a_file_in_several_is_refused() -> None:
    with pytest.raises(ModelError, match="one part of a file in several"):
        h.hub_name("hf://o/r/big-00001-of-00003.gguf")


@pytest.mark.parametrize("kind", ["resolve", "blob"])
def test_the_address_of_a_page_is_told_as_a_name(kind: str) -> None:
    with pytest.raises(ModelError, match=r"hf://o/r/sub/x\.gguf$"):
        connect(f"https://huggingface.co/o/r/{kind}/main/sub/x.gguf")
    assert h.named_on_a_page(f"hf.co/o/r/{kind}/v2/x.gguf?download=true") is None
    assert h.named_on_a_page(f"hf.co/o/r/{kind}/v2/x.gguf") == "hf://o/r/x.gguf@v2"


# ---- fetching


def test_a_file_is_fetched_with_its_hash_and_then_found_without_the_hub(hub: HubServer) -> None:
    path = pull()
    assert path.read_bytes() == CONTENT
    noted = json.loads(path.with_name(f"{path.name}.json").read_text())
    assert (noted["model"], noted["sha256"], noted["commit"]) == (NAME, SHA, hub.commit)
    hub.close()
    assert embedded_weights(NAME) == (NAME, path, SHA)
    assert h.locate(h.hub_name("hf://someone/other/tiny.Q4.gguf")) is None


def test_a_file_in_a_folder_and_at_a_revision_is_another(hub: HubServer) -> None:
    hub.put(REPOSITORY, "sub/tiny.Q4.gguf", CONTENT + b"!")
    hub.revisions.add("v1")
    paths = {pull(), pull(f"hf://{REPOSITORY}/sub/tiny.Q4.gguf"), pull(f"{NAME}@v1")}
    assert len(paths) == 3
    assert sorted(each.model for each in h.all_kept()) == sorted(
        [NAME, f"hf://{REPOSITORY}/sub/tiny.Q4.gguf", f"{NAME}@v1"]
    )


def test_a_connection_that_breaks_is_taken_up_where_it_broke(hub: HubServer) -> None:
    hub.cut_at = 200_000
    assert pull().read_bytes() == CONTENT
    assert hub.ranges[0] == "bytes=0-3"
    assert 100_000 < int(hub.ranges[1].removeprefix("bytes=").rstrip("-")) <= 200_000


def test_what_an_interrupted_pull_left_is_gone_on_from(hub: HubServer) -> None:
    def interrupt(done: int, total: int, source: str) -> None:
        if done > 100_000:
            raise KeyboardInterrupt

    wanted = h.hub_name(NAME)
    with pytest.raises(KeyboardInterrupt):
        h.pull(wanted, h.look_up(wanted), progress=interrupt)
    assert h.locate(wanted) is None
    assert pull().read_bytes() == CONTENT
    assert hub.ranges[-1].startswith("bytes=1")


def test_a_hub_that_knows_no_hash_gives_a_file_whose_own_is_kept(hub: HubServer) -> None:
    hub.hashed = False
    path = pull()
    assert embedded_weights(NAME)[2] == SHA
    path.unlink()
    hub.put(REPOSITORY, "tiny.Q4.gguf", CONTENT[:-1] + b"?")
    with pytest.raises(WeightsError, match=SHA):
        pull()


# ---- what can be wrong


def test_a_file_that_was_changed_here_is_refused_and_fetched_anew_when_forced(hub: HubServer) -> None:
    path = pull()
    path.write_bytes(CONTENT[:-1] + b"!")
    with pytest.raises(WeightsError, match=rf"not the file that was fetched(?s:.)*{NAME} --force"):
        connect(NAME)
    assert pull(force=True).read_bytes() == CONTENT


def test_another_file_under_the_same_name_is_refused_unless_forced(hub: HubServer) -> None:
    pull().unlink()
    hub.put(REPOSITORY, "tiny.Q4.gguf", b"GGUF of today")
    with pytest.raises(WeightsError, match="another file on the hub now") as caught:
        pull()
    assert SHA in str(caught.value) and f"{NAME}@{hub.commit}" in str(caught.value)
    assert pull(force=True).read_bytes() == b"GGUF of today"


def test_a_file_that_is_not_the_one_that_the_hub_says_is_refused(hub: HubServer) -> None:
    hub.promised = b"GGUF of another"
    hub.put(REPOSITORY, "tiny.Q4.gguf", CONTENT)
    with pytest.raises(WeightsError, match="another file: its SHA-256 is") as caught:
        pull()
    assert SHA in str(caught.value)
    assert h.locate(h.hub_name(NAME)) is None


def test_what_is_no_gguf_is_told_before_it_is_fetched(hub: HubServer) -> None:
    hub.put(REPOSITORY, "tiny.Q4.gguf", b"<html>" + CONTENT)
    with pytest.raises(WeightsError, match="is not a GGUF file"):
        pull()
    assert hub.ranges == ["bytes=0-3"] and hub.got["tiny.Q4.gguf"] == 1


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("hf://nobody/nothing/x.gguf", "there is no repository nobody/nothing"),
        (f"hf://{REPOSITORY}/tiny.Q5.gguf", "Did you mean 'tiny.Q4.gguf'?"),
        (f"hf://{REPOSITORY}/else.gguf", "Known: tiny.Q4.gguf"),
        (f"{NAME}@v9", "has no revision v9"),
    ],
)
def test_what_the_hub_does_not_have_is_told(hub: HubServer, name: str, said: str) -> None:
    with pytest.raises(WeightsError) as caught:
        pull(name)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    "refusal", [(401, "GatedRepo"), (403, "GatedRepo"), (401, ""), (403, ""), (401, "RepoNotFound")]
)
def test_a_closed_repository_asks_for_a_token(hub: HubServer, refusal: tuple[int, str]) -> None:
    hub.refusing = refusal
    with pytest.raises(Unreachable, match="HF_TOKEN"):
        pull()


def test_the_user_s_token_opens_it(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.token = "hf_verysecret"
    with pytest.raises(Unreachable) as caught:
        pull()
    assert "verysecret" not in str(caught.value)
    monkeypatch.setenv("HF_TOKEN", "hf_verysecret")
    assert pull().read_bytes() == CONTENT


@pytest.mark.parametrize("status", [404, 500, 503])
def test_a_hub_in_trouble_is_told(hub: HubServer, status: int) -> None:
    hub.refusing = (status, "")
    with pytest.raises(WeightsError if status == 404 else Unreachable):
        pull()


def test_a_hub_that_is_not_there_is_told(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(Unreachable, match="cannot be reached"):
        pull()


def test_a_disk_that_is_too_full_is_told_before(hub: HubServer, monkeypatch: pytest.MonkeyPatch) -> None:
    class Usage:
        free = 1000

    monkeypatch.setattr("shutil.disk_usage", lambda path: Usage)
    with pytest.raises(WeightsError, match=r"Not enough room(?s:.)*ARGQUAL_CACHE"):
        pull()
    assert hub.got["tiny.Q4.gguf"] == 1  # the first bytes


def test_a_note_that_was_torn_is_told_with_what_to_do(hub: HubServer) -> None:
    path = pull()
    path.with_name(f"{path.name}.json").write_text("{")
    with pytest.raises(WeightsError, match=rf"pull {NAME} --force"):
        connect(NAME)
    assert list(h.all_kept()) == []
    assert pull(force=True) == path
    assert embedded_weights(NAME)[2] == SHA


# ---- commands


def test_nothing_is_fetched_unasked_and_the_size_is_told(hub: HubServer, tmp_path: Path) -> None:
    for words in (("models", "pull", NAME), ("score", "We should walk.", "--model", NAME)):
        done = argqual(tmp_path, *words)
        assert done.code == 2
        assert "400,004 bytes from someone/tiny-GGUF" in done.err and "--yes" in done.err
    assert hub.got["tiny.Q4.gguf"] == 2  # first bytes


def test_what_was_pulled_is_listed_and_not_fetched_again(hub: HubServer, tmp_path: Path) -> None:
    done = argqual(tmp_path, "models", "pull", NAME, "--yes")
    assert done.code == 0, done.err
    assert f"{NAME} is at {tmp_path}" in done.out
    listed = json.loads(argqual(tmp_path, "models", "list", "--format", "json").out)
    (row,) = [each for each in listed if each["id"] == NAME]
    assert (row["bytes"], row["fetched"], row["default"]) == (len(CONTENT), True, False)
    assert NAME in argqual(tmp_path, "models", "list", "--format", "text").out
    hub.close()
    assert argqual(tmp_path, "models", "pull", NAME).code == 0


def test_what_was_pulled_can_be_removed_and_nothing_is_left_of_it(hub: HubServer, tmp_path: Path) -> None:
    path = h.hub_name(NAME)
    argqual(tmp_path, "models", "pull", NAME, "--yes")
    asked = argqual(tmp_path, "models", "remove", NAME)
    assert asked.code == 2 and "--yes" in asked.err
    assert "removed: 400,2" in argqual(tmp_path, "models", "remove", NAME, "--yes").out
    assert not [
        each for each in (tmp_path / "cache" / "weights").rglob("*") if each.is_file() and each.suffix != ".lock"
    ]
    assert not h.is_there(path)
    assert "is not on this machine" in argqual(tmp_path, "models", "remove", NAME).out


def test_known_weights_are_removed_in_the_same_way(hub: HubServer, tmp_path: Path) -> None:
    folder = tmp_path / "cache" / "weights"
    folder.mkdir(parents=True)
    (folder / weights.KNOWN["smollm2-135m"].filename).write_bytes(b"GGUF")
    (folder / "all-minilm-l6-v2").mkdir()
    (folder / "all-minilm-l6-v2" / "model").write_bytes(b"12345")
    assert "smollm2-135m is removed" in argqual(tmp_path, "models", "remove", "smollm2-135m", "--yes").out
    assert "all-minilm-l6-v2 is removed: 5 bytes" in argqual(tmp_path, "models", "remove", "all-minilm-l6-v2", "-y").out
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "said"),
    [("my.gguf", "a file of your own"), ("openai/x", "has no weights"), ("locla", "Did you mean 'local'")],
)
def test_what_is_not_argqual_s_to_remove_is_told(tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / "my.gguf").write_bytes(b"GGUF")
    done = argqual(tmp_path, "models", "remove", name, "--yes")
    assert done.code == 2 and said in done.err
    assert (tmp_path / "my.gguf").exists()


def test_a_page_s_address_can_be_pulled_as_it_is(hub: HubServer, tmp_path: Path) -> None:
    page = f"https://huggingface.co/{REPOSITORY}/blob/main/tiny.Q4.gguf"
    assert NAME in argqual(tmp_path, "models", "pull", page, "--yes").out


@pytest.mark.parametrize("word", ["tiny", "someone/tiny-GGUF"])
def test_what_is_no_name_at_all_shows_the_form(hub: HubServer, tmp_path: Path, word: str) -> None:
    done = argqual(tmp_path, "models", "pull", word)
    assert done.code == 2 and "hf://OWNER/REPO/FILE.gguf" in done.err


@pytest.mark.model
def test_a_model_that_was_pulled_runs(hub: HubServer, small_weights: Path) -> None:
    hub.put("someone/small", "small.gguf", small_weights)
    name = "hf://someone/small/small.gguf"
    pull(name)
    model = connect(name)
    assert model.name == name and model.server is not None
    assert model.server.count_tokens("We should walk, because it is sunny.") > 5
    assert weights.KNOWN["smollm2-135m"].sha256 in model.identity


@pytest.fixture(scope="session")
def small_weights() -> Path:
    found = weights.locate("smollm2-135m")
    assert found is not None
    return found
