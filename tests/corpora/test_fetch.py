"""Corpora are fetched from servers on loopback, over real HTTP, and from folders."""

from __future__ import annotations

import csv
import errno
import gzip
import hashlib
import io
import json
import logging
import os
import random
import stat
import struct
import subprocess
import sys
import tarfile
import textwrap
import threading
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from argqual.corpora.card import Card
from argqual.corpora.fetch import (
    cache_folder,
    describe_fetch,
    fetch,
    folder_of,
    is_fetched,
    needs_consent,
    record_consent,
    verified,
)
from argqual.downloads import http, job
from argqual.downloads.files import rows_digest
from argqual.errors import CorpusError, Unreachable
from commandline import in_a_fork
from fileserver import FileServer
from packed import a_tar, a_zip
from tabular.hub import fetch as fetch_from_hub

ONE = random.Random(1).randbytes(700_000)
TWO = b"id,text,score\n1,Because it rains.,0.5\n"
FREE = {"id": "CC-BY-4.0", "evidence": "the README", "redistribution": True, "commercial": True}
STRICT = FREE | {"id": "CC-BY-NC-4.0", "commercial": False}
CARD_PATH = Path("/nowhere/tiny.yaml")


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def said_of(path: str, content: bytes) -> dict[str, Any]:
    return {"path": path, "bytes": len(content), "sha256": sha(content)}


def card_of(*source: dict[str, Any], files: Any = None, licence: Any = FREE, **more: Any) -> Card:
    given = files if files is not None else [said_of("one.bin", ONE), said_of("sub/two.csv", TWO)]
    said = {"schema": "argqual/corpus@1", "id": "tiny", "title": "Tiny", "description": "For tests.", "domain": "x"}
    return Card.model_validate(said | {"source": source, "files": given, "licence": licence} | more)


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [*os.environ]:
        if name.startswith("HF_") or name.lower().endswith("_proxy") or name == "ARGQUAL_MIRROR":
            monkeypatch.delenv(name)
    monkeypatch.setenv("ARGQUAL_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(http, "_WAITS", (0.01, 0.02, 0.03, 0.04))


@pytest.fixture
def server() -> Iterator[FileServer]:
    server = FileServer()
    yield server
    server.close()


@pytest.fixture
def web(server: FileServer) -> FileServer:
    """The two files of the card, served below /data."""
    server.add("/data/one.bin", ONE)
    server.add("/data/sub/two.csv", TWO)
    return server


def of_web(server: FileServer) -> dict[str, str]:
    return {"web": f"{server.url}/data/"}


def in_cache() -> dict[str, bytes]:
    """What the corpus folder holds: by path, the content."""
    folder = cache_folder() / "tiny"
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def nothing_but_locks_beside_the_corpus() -> bool:
    return {path.name for path in cache_folder().iterdir()} <= {"tiny", ".tiny.lock", "accepted.json", ".accepted.lock"}


def shut_port() -> str:
    server = ThreadingHTTPServer(("127.0.0.1", 0), None)  # type: ignore[arg-type]
    server.server_close()
    return f"http://127.0.0.1:{server.server_port}"


def in_another_process(card: Card, **pipes: Any) -> subprocess.Popen[bytes]:
    code = f"""
        import pathlib
        from argqual.corpora.card import Card
        from argqual.corpora.fetch import fetch
        fetch(Card.model_validate_json({card.model_dump_json(by_alias=True)!r}), pathlib.Path("x.yaml"))
    """
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)}
    return subprocess.Popen([sys.executable, "-c", textwrap.dedent(code)], env=environment, **pipes)


# ---- what is known without fetching


def test_files_lie_in_the_cache_or_beside_a_card_without_a_source(tmp_path: Path):
    assert cache_folder() == tmp_path / "cache" / "corpora"
    assert folder_of(card_of({"web": "http://x.org"}), CARD_PATH) == cache_folder() / "tiny"
    assert folder_of(card_of(), CARD_PATH) == Path("/nowhere")


def test_a_fetch_is_described_by_size_hosts_folder_and_free_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    places = [{"web": "https://me:secret@one.org/a?token=secret"}, {"hub": "a/b", "splits": {"one.bin": "train"}}]
    card = card_of(*places)
    said = describe_fetch(card)
    assert said.startswith(
        f"{len(ONE) + len(TWO):,} bytes from one.org or huggingface.co, kept in {cache_folder() / 'tiny'}"
    )
    assert "free disk" in said and "secret" not in said
    (tmp_path / "mirror" / "tiny").mkdir(parents=True)
    monkeypatch.setenv("ARGQUAL_MIRROR", str(tmp_path / "mirror"))
    assert f"from the mirror {tmp_path / 'mirror'}" in describe_fetch(card)
    asked = card_of({"request": "Ask."}, files=[{"path": "x"}], id="other")
    assert describe_fetch(asked).startswith("an unknown size, to be had by request, kept in ")


def test_importing_the_module_loads_no_library_of_the_network():
    heavy = {"httpx", "datasets", "huggingface_hub", "filelock", "pyarrow"}
    code = f"import sys, argqual.corpora.fetch; print(sorted({heavy} & set(sys.modules)))"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(entry for entry in sys.path if entry)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )  # fmt: skip
    assert done.stdout.strip() == "[]"


# ---- files of one's own


def test_files_beside_an_own_card_are_verified_where_they_lie(tmp_path: Path):
    card, path = card_of(files=[said_of("two.csv", TWO)]), tmp_path / "own.yaml"
    assert not is_fetched(card, path)
    with pytest.raises(CorpusError, match=r"two\.csv is missing") as caught:
        verified(card, path)
    assert caught.value.hint == f"Put it beside the card: {path}."
    (tmp_path / "two.csv").write_bytes(TWO)
    assert is_fetched(card, path)
    assert verified(card, path) == fetch(card, path) == tmp_path


def test_an_own_file_that_was_changed_says_what_to_put_into_the_card(tmp_path: Path):
    card, path = card_of(files=[said_of("two.csv", TWO)]), tmp_path / "own.yaml"
    (tmp_path / "two.csv").write_bytes(TWO.upper())
    with pytest.raises(CorpusError) as caught:
        verified(card, path)
    assert f"its SHA-256 is {sha(TWO.upper())}, expected {sha(TWO)}" in caught.value.message
    assert f"put 'sha256: {sha(TWO.upper())}' into {path}" in (caught.value.hint or "")


def test_a_file_without_a_hash_is_taken_if_its_size_is_right(tmp_path: Path):
    (tmp_path / "two.csv").write_bytes(TWO)
    path = tmp_path / "own.yaml"
    assert verified(card_of(files=[{"path": "two.csv"}]), path) == tmp_path
    assert verified(card_of(files=[{"path": "two.csv", "bytes": len(TWO)}]), path) == tmp_path
    with pytest.raises(CorpusError, match="it has 38 bytes, expected 3"):
        verified(card_of(files=[{"path": "two.csv", "bytes": 3}]), path)


def test_a_card_without_files_has_nothing_to_verify_or_fetch(server: FileServer):
    card = card_of({"web": server.url}, files=[])
    assert not is_fetched(card, CARD_PATH)
    for act in (verified, fetch):
        with pytest.raises(CorpusError, match="names no files"):
            act(card, CARD_PATH)


def test_a_file_is_right_by_its_bytes_or_by_its_rows(tmp_path: Path):
    (tmp_path / "two.csv").write_bytes(TWO)
    other = tmp_path / "other" / "two.csv"
    other.parent.mkdir()
    other.write_bytes(b'id,text,score\r\n1.0,"Because it rains.",.5\r\n')
    said = said_of("two.csv", TWO) | {"rows_sha256": rows_digest(tmp_path / "two.csv")}
    for file in (said, {"path": "two.csv", "rows_sha256": said["rows_sha256"]}):
        for path in (tmp_path / "own.yaml", other.parent / "own.yaml"):
            assert is_fetched(card_of(files=[file]), path)
            verified(card_of(files=[file]), path)
    other.write_bytes(TWO.upper())
    with pytest.raises(CorpusError, match="the SHA-256 of its rows is .* expected " + said["rows_sha256"]):
        verified(card_of(files=[said]), other.parent / "own.yaml")


# ---- a mirror


def a_mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, bytes]) -> Path:
    top = tmp_path / "mirror"
    for name, content in files.items():
        path = top / "tiny" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    top.mkdir(exist_ok=True)
    monkeypatch.setenv("ARGQUAL_MIRROR", str(top))
    return top


def test_the_mirror_is_asked_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, web: FileServer):
    a_mirror(tmp_path, monkeypatch, {"one.bin": ONE, "sub/two.csv": TWO})
    told: list[tuple[int, int, str]] = []
    card = card_of(of_web(web))
    assert fetch(card, CARD_PATH, progress=lambda *told_of: told.append(told_of)) == cache_folder() / "tiny"
    assert in_cache() == {"one.bin": ONE, "sub/two.csv": TWO}
    assert is_fetched(card, CARD_PATH) and verified(card, CARD_PATH) == cache_folder() / "tiny"
    assert told[-1] == (card.size, card.size, "mirror")
    assert web.asked == [] and nothing_but_locks_beside_the_corpus()


def test_what_the_mirror_lacks_or_has_wrong_comes_from_the_next_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, web: FileServer
):
    a_mirror(tmp_path, monkeypatch, {"one.bin": ONE, "sub/two.csv": TWO.upper()})
    fetch(card_of(of_web(web)), CARD_PATH)
    assert in_cache() == {"one.bin": ONE, "sub/two.csv": TWO}
    assert web.asked == ["/data/sub/two.csv"]


def test_a_mirror_without_the_corpus_is_passed_over_and_one_that_is_no_folder_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, web: FileServer
):
    card = card_of(of_web(web))
    monkeypatch.setenv("ARGQUAL_MIRROR", str(tmp_path / "none"))
    with pytest.raises(CorpusError, match=r"ARGQUAL_MIRROR names .*none, which is not a folder"):
        fetch(card, CARD_PATH)
    a_mirror(tmp_path, monkeypatch, {})
    fetch(card, CARD_PATH)
    assert in_cache() == {"one.bin": ONE, "sub/two.csv": TWO}


def test_the_mirrors_reason_is_told_when_nothing_else_helps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: FileServer
):
    a_mirror(tmp_path, monkeypatch, {"one.bin": ONE, "sub/two.csv": TWO.upper()})
    with pytest.raises(CorpusError) as caught:
        fetch(card_of(of_web(server)), CARD_PATH)
    assert f"mirror: sub/two.csv is another file: its SHA-256 is {sha(TWO.upper())}" in caught.value.message
    assert f"{server.host}: sub/two.csv: HTTP 404, no such file" in caught.value.message
    assert "put sub/two.csv into FOLDER/tiny/" in (caught.value.hint or "")


# ---- a web folder


def test_a_web_folder_gives_every_file_and_is_asked_once(web: FileServer):
    told: list[tuple[int, int, str]] = []
    card = card_of(of_web(web))
    fetch(card, CARD_PATH, progress=lambda *told_of: told.append(told_of))
    assert in_cache() == {"one.bin": ONE, "sub/two.csv": TWO}
    assert told[-1] == (card.size, card.size, web.host)
    assert [done for done, _, _ in told] == sorted(done for done, _, _ in told)
    assert web.headers[0]["User-Agent"].startswith("argqual/")
    fetch(card, CARD_PATH)
    assert len(web.asked) == 2 and nothing_but_locks_beside_the_corpus()


def test_only_what_is_missing_or_broken_is_fetched_and_force_fetches_all(web: FileServer):
    card = card_of(of_web(web))
    fetch(card, CARD_PATH)
    (cache_folder() / "tiny" / "sub" / "two.csv").write_bytes(TWO.upper())
    with pytest.raises(CorpusError, match="is not the file that its card describes") as caught:
        verified(card, CARD_PATH)
    assert "argqual corpora fetch tiny --force" in (caught.value.hint or "")
    fetch(card, CARD_PATH)
    assert web.asked[2:] == ["/data/sub/two.csv"]
    assert in_cache()["sub/two.csv"] == TWO
    fetch(card, CARD_PATH, force=True)
    assert len(web.asked) == 5


def test_odd_names_are_quoted_in_addresses_and_kept_on_disk(server: FileServer):
    names = {"a b#1?é%.csv": "/q/a%20b%231%3F%C3%A9%25.csv?v=2", "sub/x&y+z.csv": "/q/sub/x%26y%2Bz.csv?v=2"}
    for address in names.values():
        server.add(address, TWO)
    fetch(card_of({"web": f"{server.url}/q?v=2"}, files=[said_of(name, TWO) for name in names]), CARD_PATH)
    assert in_cache() == dict.fromkeys(names, TWO)


def test_a_redirect_is_followed(web: FileServer):
    web.files["/data/one.bin"].statuses.append((302, {"Location": "/elsewhere"}))
    web.add("/elsewhere", ONE)
    fetch(card_of(of_web(web)), CARD_PATH)
    assert "/elsewhere" in web.asked


def test_a_dropped_connection_is_taken_up_where_it_broke(web: FileServer):
    served = web.files["/data/one.bin"]
    served.cuts.extend([300_000, 100_000])
    fetch(card_of(of_web(web)), CARD_PATH)
    assert in_cache()["one.bin"] == ONE
    starts = [int(asked.removeprefix("bytes=").rstrip("-")) for _, asked in web.ranges]
    assert len(starts) == 2 and 0 < starts[0] <= 300_000 and starts[0] < starts[1] <= 400_000
    assert web.headers[1]["If-Range"] == served.version()
    assert web.sent["/data/one.bin"] <= len(ONE) + 2 * 65_536


def test_a_fetch_that_failed_is_taken_up_by_the_next_one_and_whole_files_are_kept(web: FileServer):
    one, two = said_of("one.bin", ONE), said_of("sub/two.csv", TWO)
    card = card_of(of_web(web), files=[two, one])
    web.files["/data/one.bin"].cuts.extend([100_000] * 5)
    with pytest.raises(Unreachable, match=r"one\.bin: the connection broke"):
        fetch(card, CARD_PATH)
    assert in_cache() == {}  # the first file was right, but waits for the other
    before = web.sent["/data/one.bin"]
    fetch(card, CARD_PATH)
    assert in_cache() == {"one.bin": ONE, "sub/two.csv": TWO}
    assert web.asked.count("/data/sub/two.csv") == 1
    assert web.sent["/data/one.bin"] - before < len(ONE) - 100_000
    assert nothing_but_locks_beside_the_corpus()


def test_force_forgets_what_an_interrupted_fetch_left(web: FileServer):
    card = card_of(of_web(web), files=[said_of("sub/two.csv", TWO), said_of("one.bin", ONE)])
    web.files["/data/one.bin"].cuts.extend([100_000] * 5)
    with pytest.raises(Unreachable):
        fetch(card, CARD_PATH)
    ranges = len(web.ranges)
    fetch(card, CARD_PATH, force=True)
    assert web.asked.count("/data/sub/two.csv") == 2 and len(web.ranges) == ranges


def test_a_killed_fetch_is_taken_up_and_leaves_no_half_file(web: FileServer):
    served = web.files["/data/one.bin"]
    served.hold = 400_000
    card = card_of(of_web(web), files=[said_of("sub/two.csv", TWO), said_of("one.bin", ONE)])
    process = in_another_process(card)
    assert web.holding.wait(60)
    parts = cache_folder() / ".tiny.parts" / "partial"
    while not any(path.stat().st_size >= 300_000 for path in parts.glob("*.part")):
        assert process.poll() is None
    process.kill()
    process.wait()
    assert in_cache() == {}
    web.release.set()
    fetch(card, CARD_PATH)
    assert in_cache() == {"one.bin": ONE, "sub/two.csv": TWO}
    assert web.asked.count("/data/sub/two.csv") == 1
    assert int(web.ranges[-1][1].removeprefix("bytes=").rstrip("-")) >= 300_000


@pytest.mark.parametrize(
    "how",
    [
        {"ranges": False},
        {"etag": 'W/"weak"'},
        {"etag": None},
        {"etag": None, "modified": "now"},
    ],
    ids=["no ranges", "weak version", "no version", "changed just now"],
)
def test_without_ranges_or_a_version_to_trust_a_file_is_started_over(server: FileServer, how: dict[str, Any]):
    if "modified" in how:
        how = how | {"modified": format_datetime(datetime.now(UTC), usegmt=True)}
    served = server.add("/data/one.bin", ONE, **how)
    served.cuts.append(300_000)
    fetch(card_of(of_web(server), files=[said_of("one.bin", ONE)]), CARD_PATH)
    assert in_cache() == {"one.bin": ONE}
    assert server.sent["/data/one.bin"] == 300_000 + len(ONE)
    assert how.get("ranges") is False or server.ranges == []


def test_a_date_that_is_old_enough_is_a_version(server: FileServer):
    date = format_datetime(datetime.now(UTC) - timedelta(days=1), usegmt=True)
    server.add("/data/one.bin", ONE, etag=None, modified=date).cuts.append(300_000)
    fetch(card_of(of_web(server), files=[said_of("one.bin", ONE)]), CARD_PATH)
    assert in_cache() == {"one.bin": ONE}
    assert server.headers[1]["If-Range"] == date
    assert server.sent["/data/one.bin"] < 300_000 + len(ONE)


def test_a_file_that_changes_half_way_is_started_over(server: FileServer):
    served = server.add("/data/one.bin", bytes(len(ONE)))
    served.cuts.append(300_000)

    def change(file: Any) -> None:
        file.content = ONE

    served.after_cut = change
    fetch(card_of(of_web(server), files=[said_of("one.bin", ONE)]), CARD_PATH)
    assert in_cache() == {"one.bin": ONE}


def test_a_part_of_another_version_is_not_joined_to_the_first(server: FileServer):
    """A server may ignore If-Range; the version it names tells all the same."""
    served = server.add("/data/one.bin", bytes(len(ONE)), careless=True)
    served.cuts.append(300_000)

    def change(file: Any) -> None:
        file.content = ONE

    served.after_cut = change
    fetch(card_of(of_web(server), files=[said_of("one.bin", ONE)]), CARD_PATH)
    assert in_cache() == {"one.bin": ONE}
    assert len(server.ranges) == 1 and len(server.asked) == 3


def test_a_range_that_cannot_be_had_starts_over(server: FileServer):
    served = server.add("/data/one.bin", ONE)
    served.cuts.append(300_000)
    served.after_cut = lambda file: file.statuses.append((416, {}))
    fetch(card_of(of_web(server), files=[said_of("one.bin", ONE)]), CARD_PATH)
    assert in_cache() == {"one.bin": ONE}
    assert server.sent["/data/one.bin"] == 300_000 + len(ONE)


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_server_in_trouble_is_asked_again(web: FileServer, status: int):
    web.files["/data/one.bin"].statuses.extend([(status, {})] * 3)
    fetch(card_of(of_web(web)), CARD_PATH)
    assert in_cache() == {"one.bin": ONE, "sub/two.csv": TWO}
    assert web.asked.count("/data/one.bin") == 4


def test_a_server_is_given_the_time_it_asks_for(web: FileServer, monkeypatch: pytest.MonkeyPatch):
    waits: list[float] = []
    monkeypatch.setattr(http.time, "sleep", waits.append)
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=20), usegmt=True)
    web.files["/data/one.bin"].statuses.extend([(429, {"Retry-After": "7"}), (503, {"Retry-After": soon})])
    fetch(card_of(of_web(web)), CARD_PATH)
    assert waits[0] == 7 and 10 < waits[1] <= 20
    assert len(waits) == 2


def test_a_server_that_asks_for_too_long_is_not_waited_for(web: FileServer):
    web.files["/data/one.bin"].statuses.append((429, {"Retry-After": "3600"}))
    with pytest.raises(Unreachable, match="HTTP 429, too many requests; it asks to wait 3600 s"):
        fetch(card_of(of_web(web)), CARD_PATH)


def test_a_server_that_stays_in_trouble_is_unreachable_and_a_missing_file_is_not(web: FileServer):
    web.files["/data/one.bin"].statuses.extend([(500, {})] * 9)
    with pytest.raises(Unreachable, match="HTTP 500, the server is in trouble") as caught:
        fetch(card_of(of_web(web)), CARD_PATH)
    assert caught.value.exit_code == 3
    assert web.asked == ["/data/one.bin"] * 5
    del web.files["/data/one.bin"]
    with pytest.raises(CorpusError, match=r"one\.bin: HTTP 404, no such file"):
        fetch(card_of(of_web(web)), CARD_PATH)
    assert in_cache() == {}


def test_many_missing_files_are_one_line(server: FileServer):
    card = card_of(of_web(server), files=[said_of(f"{number}.csv", TWO) for number in range(5)])
    with pytest.raises(CorpusError, match=r"0\.csv: HTTP 404, no such file \(and 4 more files\)") as caught:
        fetch(card, CARD_PATH)
    assert "put 0.csv, 1.csv, 2.csv and 2 more into" in (caught.value.hint or "")


def test_refused_credentials_count_as_unreachable(web: FileServer):
    web.files["/data/one.bin"].statuses.append((403, {}))
    with pytest.raises(Unreachable, match="HTTP 403, access refused"):
        fetch(card_of(of_web(web)), CARD_PATH)


def test_a_host_that_does_not_answer_is_unreachable_and_the_next_place_is_asked(web: FileServer):
    nobody = {"web": f"{shut_port()}/x"}
    with pytest.raises(Unreachable, match="cannot be reached: ConnectError"):
        fetch(card_of(nobody), CARD_PATH)
    fetch(card_of(nobody, of_web(web)), CARD_PATH)
    assert in_cache() == {"one.bin": ONE, "sub/two.csv": TWO}


def test_a_body_that_is_too_short_every_time_is_refused(server: FileServer):
    server.add("/data/one.bin", ONE[:1000], length=len(ONE))
    with pytest.raises(Unreachable, match=r"the connection broke|only 1,000 of"):
        fetch(card_of(of_web(server), files=[said_of("one.bin", ONE)]), CARD_PATH)
    server.add("/data/one.bin", ONE[:1000], length="none")
    with pytest.raises(Unreachable, match="only 1,000 of 700,000 bytes came"):
        fetch(card_of(of_web(server), files=[said_of("one.bin", ONE)]), CARD_PATH)
    assert in_cache() == {}


@pytest.mark.parametrize(
    ("length", "said"), [(None, "50,000,000 bytes, more than the 38"), ("none", "more than the 38 bytes")]
)
def test_more_bytes_than_the_card_says_are_not_read(server: FileServer, length: str | None, said: str):
    endless = bytes(50_000_000)
    server.add("/data/two.csv", endless, length=length)
    with pytest.raises(CorpusError, match=rf"two\.csv: {said} it may have"):
        fetch(card_of(of_web(server), files=[said_of("two.csv", TWO)]), CARD_PATH)
    assert server.sent["/data/two.csv"] < len(endless)
    assert in_cache() == {}
    assert not any(path.is_file() for path in (cache_folder() / ".tiny.parts").rglob("*"))


def test_a_wrong_hash_leaves_the_corpus_as_it_was_and_the_download_is_forgotten(web: FileServer):
    card = card_of(of_web(web))
    fetch(card, CARD_PATH)
    wrong = bytes(len(ONE))
    web.files["/data/one.bin"].content = wrong
    with pytest.raises(CorpusError) as caught:
        fetch(card, CARD_PATH, force=True)
    assert f"one.bin is another file: its SHA-256 is {sha(wrong)}, expected {sha(ONE)}" in caught.value.message
    assert not isinstance(caught.value, Unreachable)
    assert in_cache() == {"one.bin": ONE, "sub/two.csv": TWO}
    (cache_folder() / "tiny" / "one.bin").unlink()
    web.files["/data/one.bin"].content = ONE
    fetch(card, CARD_PATH)
    assert in_cache() == {"one.bin": ONE, "sub/two.csv": TWO}


def test_a_wrong_file_of_one_place_is_had_from_the_next(web: FileServer):
    web.add("/old/one.bin", bytes(len(ONE)))
    web.add("/old/sub/two.csv", TWO)
    fetch(card_of({"web": f"{web.url}/old"}, of_web(web)), CARD_PATH)
    assert in_cache() == {"one.bin": ONE, "sub/two.csv": TWO}
    assert web.asked == ["/old/one.bin", "/old/sub/two.csv", "/data/one.bin"]


def test_a_credential_in_an_address_is_used_but_neither_shown_nor_logged(
    server: FileServer, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO)
    place = {"web": f"http://me:pass%40word@{server.host}/data?token=hidden"}
    with pytest.raises(CorpusError) as caught:
        fetch(card_of(place, {"archive": f"http://me:pass%40word@{server.host}/x.zip?token=hidden"}), CARD_PATH)
    shown = f"{caught.value} {describe_fetch(card_of(place))} {caplog.text}"
    assert "word" not in shown and "hidden" not in shown and server.host in shown
    assert server.headers[0]["Authorization"].startswith("Basic ") and "token=hidden" in server.asked[0]
    kept = b"".join(path.read_bytes() for path in cache_folder().rglob("*") if path.is_file())
    assert b"word" not in kept and b"hidden" not in kept


def test_a_body_that_is_sent_compressed_is_the_file_itself(server: FileServer):
    server.add("/data/two.csv", gzip.compress(TWO), headers={"Content-Encoding": "gzip"})
    fetch(card_of(of_web(server), files=[said_of("two.csv", TWO)]), CARD_PATH)
    assert in_cache() == {"two.csv": TWO}
    assert server.headers[0]["Accept-Encoding"] == "identity"


@pytest.mark.parametrize(("name", "value"), [("SSL_CERT_FILE", "/nowhere.pem"), ("HTTP_PROXY", "nonsense://me:word@x")])
def test_settings_of_the_connection_that_do_not_work_are_told(
    monkeypatch: pytest.MonkeyPatch, web: FileServer, name: str, value: str
):
    monkeypatch.setenv(name, value)
    with pytest.raises(CorpusError, match="the settings of the connection do not work") as caught:
        fetch(card_of(of_web(web)), CARD_PATH)
    assert "word" not in str(caught.value)


def test_two_fetches_at_once_do_the_work_once(web: FileServer):
    web.files["/data/one.bin"].hold = 1000
    card = card_of(of_web(web))
    first = in_another_process(card)
    assert web.holding.wait(60)
    done: list[Path] = []
    second = threading.Thread(target=lambda: done.append(fetch(card, CARD_PATH)))
    second.start()
    web.release.set()
    second.join(60)
    assert first.wait(60) == 0
    assert done == [cache_folder() / "tiny"] and sorted(web.asked) == ["/data/one.bin", "/data/sub/two.csv"]


# ---- archives


GOOD = {"top/one.bin": ONE, "top/sub/two.csv": TWO, "top/README: read me": b"x", "other.txt": b"y"}


def linked(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def zip_linked(name: str, target: str) -> tuple[zipfile.ZipInfo, bytes]:
    info = zipfile.ZipInfo(name)
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info, target.encode()


# Packed in the tests that want them: each process of the suite imports this module.
Packing = Callable[[], bytes]


@pytest.mark.parametrize(
    ("name", "packed"),
    [
        ("a.zip", lambda: a_zip(GOOD)),
        ("a.tar", lambda: a_tar(GOOD, mode="w:")),
        ("a.tgz", lambda: a_tar(GOOD)),
        ("a.tar.bz2", lambda: a_tar(GOOD, mode="w:bz2")),
        ("a.tar.xz", lambda: a_tar(GOOD, mode="w:xz")),
        ("download", lambda: a_zip({f"./{name}": content for name, content in GOOD.items()})),
        ("link.tgz", lambda: a_tar(GOOD, linked("top/latest", "sub/../one.bin"))),
        ("zip-in.tar", lambda: a_tar(GOOD | {"z.zip": a_zip({"x": b"x"})}, mode="w:")),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_files_are_taken_out_of_an_archive(server: FileServer, name: str, packed: Packing):
    server.add(f"/{name}?download=1", packed())
    told: list[tuple[int, int, str]] = []
    card = card_of({"archive": f"{server.url}/{name}?download=1", "root": "top"})
    fetch(card, CARD_PATH, progress=lambda *told_of: told.append(told_of))
    assert in_cache() == {"one.bin": ONE, "sub/two.csv": TWO}
    assert told[-1] == (card.size, card.size, server.host)
    assert [done for done, _, _ in told] == sorted(done for done, _, _ in told)
    assert nothing_but_locks_beside_the_corpus()


def test_an_archive_is_taken_up_where_its_download_broke(server: FileServer):
    server.add("/a.zip", a_zip(GOOD)).cuts.append(300_000)
    fetch(card_of({"archive": f"{server.url}/a.zip", "root": "top/"}), CARD_PATH)
    assert in_cache() == {"one.bin": ONE, "sub/two.csv": TWO}
    assert server.ranges[0][0] == "/a.zip"


FIFO = tarfile.TarInfo("pipe")
FIFO.type = tarfile.FIFOTYPE


@pytest.mark.parametrize(
    ("packed", "member", "why"),
    [
        (lambda: a_zip(GOOD | {"../evil": b"x"}), "../evil", "leads out"),
        (lambda: a_zip(GOOD | {"a/../../evil": b"x"}), "a/../../evil", "leads out"),
        (lambda: a_zip(GOOD | {"/etc/evil": b"x"}), "/etc/evil", "leads out"),
        (lambda: a_zip(GOOD | {"C:evil": b"x"}), "C:evil", "leads out"),
        (lambda: a_zip(GOOD | {"..\\evil": b"x"}), "..\\evil", "leads out"),
        (lambda: a_zip(GOOD | {"\\evil": b"x"}), "\\evil", "leads out"),
        (lambda: a_zip(GOOD, zip_linked("top/evil", "../../etc")), "top/evil", "is a link out"),
        (lambda: a_zip(GOOD, zip_linked("evil", "/etc/passwd")), "evil", "is a link out"),
        (lambda: a_tar(GOOD | {"../evil": b"x"}), "../evil", "leads out"),
        (lambda: a_tar(GOOD | {"/etc/evil": b"x"}), "/etc/evil", "leads out"),
        (lambda: a_tar(GOOD, linked("evil", "..")), "evil", "is a link out"),
        (lambda: a_tar(GOOD, linked("evil", "/etc/passwd")), "evil", "is a link out"),
        (lambda: a_tar(GOOD, linked("top/evil", "../x", tarfile.LNKTYPE)), "top/evil", "is a link out"),
        (lambda: a_tar(GOOD, FIFO), "pipe", "is a device"),
    ],
)
def test_an_archive_with_any_unsafe_member_is_refused_whole(server: FileServer, packed: Packing, member: str, why: str):
    server.add("/files/a.zip/content", packed())
    with pytest.raises(CorpusError) as caught:
        fetch(card_of({"archive": f"{server.url}/files/a.zip/content", "root": "top"}), CARD_PATH)
    assert f"The archive a.zip is refused: its member '{member}' {why}" in caught.value.message
    assert in_cache() == {}
    names = {path.name for path in cache_folder().parent.rglob("*")}
    assert not names & {"evil", "passwd", "one.bin", "two.csv"}


def test_a_member_with_more_than_its_bytes_is_refused(server: FileServer):
    card = card_of({"archive": f"{server.url}/a"}, files=[said_of("two.csv", TWO)])
    for content in (a_zip({"two.csv": bytes(30_000_000)}), a_tar({"two.csv": bytes(30_000_000)})):
        server.add("/a", content)
        with pytest.raises(CorpusError, match=r"'two\.csv' has 30,000,000 bytes; 38 are the most it may have"):
            fetch(card, CARD_PATH)
        assert in_cache() == {}


def test_a_member_that_is_larger_than_its_archive_says_is_cut_off(server: FileServer):
    """The sizes of the uncompressed file are made to read 38 where a local header and the directory give them."""
    size = 5_000_000
    content = a_zip({"two.csv": bytes(size)}).replace(struct.pack("<L", size), struct.pack("<L", len(TWO)))
    server.add("/a", content)
    with pytest.raises(CorpusError, match="The archive a is damaged"):
        fetch(card_of({"archive": f"{server.url}/a"}, files=[said_of("two.csv", TWO)]), CARD_PATH)
    assert in_cache() == {}


def test_an_encrypted_member_says_so(server: FileServer):
    content = bytearray(a_zip({"two.csv": TWO}))
    content[6] |= 1  # the flags in the local header, and in the directory
    content[content.index(b"PK\x01\x02") + 8] |= 1
    server.add("/a.zip", bytes(content))
    with pytest.raises(CorpusError, match=r"In the archive a\.zip, 'two\.csv' is encrypted"):
        fetch(card_of({"archive": f"{server.url}/a.zip"}, files=[said_of("two.csv", TWO)]), CARD_PATH)


@pytest.mark.parametrize(
    ("members", "near"),
    [
        (GOOD, r"Nearest: top/sub/two\.csv"),
        ({"sub/too.csv": TWO}, r"Nearest: sub/too\.csv"),
        ({"x": b"", "y": b"", "z": b"", "w": b""}, "It has: x, y, z, …"),
        ({}, "It has no files"),
    ],
)
def test_a_missing_member_names_the_nearest(server: FileServer, members: dict[str, bytes], near: str):
    server.add("/a.zip", a_zip(members))
    with pytest.raises(CorpusError, match=rf"The archive a\.zip has no 'sub/two\.csv'\. {near}"):
        fetch(card_of({"archive": f"{server.url}/a.zip"}, files=[said_of("sub/two.csv", TWO)]), CARD_PATH)


def test_a_wanted_member_that_is_a_link_is_not_followed(server: FileServer):
    server.add("/a", a_tar({"real.csv": TWO}, linked("two.csv", "real.csv")))
    with pytest.raises(CorpusError, match=r"'two\.csv' is a link and not a file"):
        fetch(card_of({"archive": f"{server.url}/a"}, files=[said_of("two.csv", TWO)]), CARD_PATH)


@pytest.mark.parametrize(
    ("packed", "why"),
    [
        (lambda: b"<html>Not found</html>", "is neither a .zip nor a .tar archive"),
        (lambda: a_zip(GOOD).replace(ONE[1000:1010], b"0123456789"), "is damaged: Bad CRC-32"),
        (lambda: a_tar(GOOD)[:-200_000], "is damaged"),
        (lambda: a_tar(GOOD, mode="w:xz")[:-200_000], "is damaged"),
        (lambda: a_tar(GOOD, mode="w:bz2")[:-200_000], "is neither a .zip nor a .tar archive"),
    ],
    ids=["a page", "a changed byte", "a short gz", "a short xz", "a short bz2"],
)
def test_a_broken_archive_says_so_and_is_fetched_anew_the_next_time(server: FileServer, packed: Packing, why: str):
    card = card_of({"archive": f"{server.url}/a.zip", "root": "top"})
    server.add("/a.zip", packed())
    with pytest.raises(CorpusError, match=why):
        fetch(card, CARD_PATH)
    assert in_cache() == {}
    server.add("/a.zip", a_zip(GOOD))
    fetch(card, CARD_PATH)
    assert in_cache() == {"one.bin": ONE, "sub/two.csv": TWO}


# ---- by request


def test_what_is_had_by_request_says_how_and_where_to_put_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: FileServer
):
    card = card_of({"request": "Write to the authors.\n"}, licence=STRICT)
    with pytest.raises(CorpusError, match="tiny cannot be downloaded") as caught:
        fetch(card, CARD_PATH)
    assert "by request: Write to the authors." in caught.value.message
    assert "into FOLDER/tiny/ and set ARGQUAL_MIRROR=FOLDER" in (caught.value.hint or "")
    assert str(cache_folder() / "tiny") in (caught.value.hint or "")
    a_mirror(tmp_path, monkeypatch, {"one.bin": ONE, "sub/two.csv": TWO})
    with pytest.raises(CorpusError, match="does not allow commercial use"):
        fetch(card, CARD_PATH)
    fetch(card, CARD_PATH, accepted=True)
    assert in_cache() == {"one.bin": ONE, "sub/two.csv": TWO}


def test_a_request_is_told_with_what_the_other_places_said(server: FileServer):
    with pytest.raises(Unreachable, match="by request: Ask us") as caught:
        fetch(card_of({"web": shut_port()}, {"request": "Ask us."}), CARD_PATH)
    assert "cannot be reached" in caught.value.message


# ---- consent


def test_consent_is_asked_once_and_again_when_the_licence_changes(web: FileServer):
    card = card_of(of_web(web), licence=STRICT | {"terms": "Cite the paper."})
    assert needs_consent(card)
    with pytest.raises(CorpusError) as caught:
        fetch(card, CARD_PATH)
    assert caught.value.message == ("The licence of tiny (CC-BY-NC-4.0) does not allow commercial use. Cite the paper.")
    assert "--accept-licence" in (caught.value.hint or "") and "the README" in (caught.value.hint or "")
    assert web.asked == []
    fetch(card, CARD_PATH, accepted=True)
    assert not needs_consent(card)
    fetch(card, CARD_PATH, force=True)
    changed = card.model_copy(update={"licence": card.licence.model_copy(update={"terms": "And ask first."})})
    assert needs_consent(changed)
    with pytest.raises(CorpusError, match="And ask first"):
        fetch(changed, CARD_PATH)
    said = json.loads((cache_folder() / "accepted.json").read_text())
    assert set(said) == {"tiny"} and said["tiny"]["date"] == datetime.now(UTC).date().isoformat()


def test_a_licence_that_forbids_nothing_and_an_own_corpus_need_no_consent():
    assert not needs_consent(card_of({"web": "http://x.org"}))
    assert not needs_consent(card_of(licence=STRICT))
    assert not (cache_folder() / "accepted.json").exists()


@pytest.mark.parametrize("content", [b"{", b"[]", b'{"tiny": 1}', b"\xff", b'{"tiny": {"licence": 3}}'])
def test_a_record_that_cannot_be_read_accepts_nothing_and_is_written_anew(content: bytes):
    card, other = (card_of({"web": "http://x.org"}, licence=STRICT, id=name) for name in ("tiny", "other"))
    cache_folder().mkdir(parents=True)
    (cache_folder() / "accepted.json").write_bytes(content)
    assert needs_consent(card)
    record_consent(card)
    record_consent(other)
    assert not needs_consent(card) and not needs_consent(other)


# ---- the disk


def test_a_cache_that_cannot_be_written_says_what_to_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, web: FileServer
):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("ARGQUAL_CACHE", str(tmp_path / "file"))
    with pytest.raises(CorpusError) as caught:
        fetch(card_of(of_web(web)), CARD_PATH)
    assert str(tmp_path / "file") in caught.value.message
    assert caught.value.hint == "Set ARGQUAL_CACHE to a folder that can be written."
    with pytest.raises(CorpusError, match=str(tmp_path / "file")):
        record_consent(card_of(of_web(web), licence=STRICT))


def test_a_file_that_the_disk_has_no_room_for_is_not_begun_and_what_is_whole_is_kept(
    monkeypatch: pytest.MonkeyPatch, web: FileServer
):
    card = card_of(of_web(web), files=[said_of("sub/two.csv", TWO), said_of("one.bin", ONE)])
    with monkeypatch.context() as patched:
        patched.setattr("argqual.downloads.files.free_bytes", lambda _: 1000)
        with pytest.raises(CorpusError, match="Not enough room on the disk: 700,000 bytes needed, 1,000 bytes free in"):
            fetch(card, CARD_PATH)
    assert in_cache() == {}
    fetch(card, CARD_PATH)
    assert web.asked.count("/data/sub/two.csv") == 1


def test_a_disk_that_runs_full_while_writing_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, web: FileServer):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(job.os, "replace", full)
    with pytest.raises(CorpusError, match="The disk ran full; what was fetched whole is kept") as caught:
        fetch(card_of(of_web(web)), CARD_PATH)
    assert "Make room" in (caught.value.hint or "")


# ---- the hub

ROWS = {"text": ["it, rains", 'a "quote"', None], "votes": [1, 2, 3], "score": [0.1, 1 / 3, None]}
AS_CSV = "votes,score,text\n" + '1.0,.1,"it, rains"\n2,0.3333333333333333,"a ""quote"""\n3,,\n'


@pytest.fixture
def hub(tmp_path: Path) -> Path:
    data = tmp_path / "repo" / "data"
    data.mkdir(parents=True)
    pq.write_table(pa.table(ROWS), data / "train-00000-of-00001.parquet")
    return tmp_path / "repo"


def hub_fetch(hub: Path | None, card: Card) -> tuple[str, str, str]:
    found: tuple[str, str, str] = in_a_fork(fetch_from_hub, hub, card.model_dump_json(by_alias=True))
    return found


@pytest.fixture
def rows(tmp_path: Path) -> str:
    path = tmp_path / "expected.csv"
    path.write_text(AS_CSV)
    return rows_digest(path)


def hub_card(rows: str, **more: Any) -> Card:
    place = {"hub": "owner/essays", "splits": {"sub/train.csv": "train"}} | more
    return card_of(place, files=[{"path": "sub/train.csv", "bytes": 3, "sha256": sha(TWO), "rows_sha256": rows}])


def test_a_split_of_the_hub_becomes_a_verified_csv(hub: Path, rows: str, tmp_path: Path):
    revision = "0123456789abcdef0123456789abcdef01234567"
    card = hub_card(rows, revision=revision)
    _, error, said = hub_fetch(hub, card)
    assert not error, said
    assert verified(card, CARD_PATH) == cache_folder() / "tiny" and is_fetched(card, CARD_PATH)
    written = list(csv.DictReader(io.StringIO(in_cache()["sub/train.csv"].decode())))
    assert written[0] == {"text": "it, rains", "votes": "1", "score": "0.1"}
    assert written[2] == {"text": "", "votes": "3", "score": ""}
    assert nothing_but_locks_beside_the_corpus()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"splits": {"sub/train.csv": "dev"}}, "dev"),
        ({"hub": "owner/nothing"}, "no public data set 'owner/nothing'"),
        ({"hub": "owner/gated"}, "access to owner/gated has to be asked for: accept its terms"),
    ],
)
def test_what_the_hub_does_not_give_is_told(hub: Path, rows: str, change: dict[str, Any], message: str):
    address, error, said = hub_fetch(hub, hub_card(rows, **change))
    assert error and f"{address}: " in said and message in said
    assert in_cache() == {}


def test_other_rows_of_the_hub_are_refused(hub: Path, rows: str):
    _, _, said = hub_fetch(hub, hub_card("0" * 64))
    assert f"the SHA-256 of its rows is {rows}, expected {'0' * 64}" in said
    assert in_cache() == {}


def test_a_hub_that_cannot_be_reached_is_unreachable(rows: str):
    _, error, said = hub_fetch(None, hub_card(rows))
    assert error == "Unreachable" and "cannot be reached" in said


# ---- the corpora themselves, where there is a mirror of them

MIRROR = os.environ.get("ARGQUAL_MIRROR")


@pytest.mark.skipif(not (MIRROR and (Path(MIRROR) / "manifest.json").is_file()), reason="needs ARGQUAL_MIRROR")
def test_the_corpora_of_a_mirror_are_what_its_manifest_says(monkeypatch: pytest.MonkeyPatch):
    assert MIRROR is not None
    manifest = json.loads((Path(MIRROR) / "manifest.json").read_text())
    monkeypatch.setenv("ARGQUAL_MIRROR", str(Path(MIRROR).resolve()))
    for name in sorted({path.partition("/")[0] for path in manifest}):
        files = [
            {"path": path.partition("/")[2], **said}
            for path, said in manifest.items()
            if path.partition("/")[0] == name
        ]
        card = card_of({"web": shut_port()}, files=files, id=name)
        folder = fetch(card, CARD_PATH)
        assert verified(card, CARD_PATH) == folder and is_fetched(card, CARD_PATH)
        assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) == card.size
