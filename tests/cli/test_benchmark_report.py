"""`argqual benchmark report` and `verdict`, over a run whose predictions were made up."""

from __future__ import annotations

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

import planted_run
from argqual.benchmark.analysis.results import read
from argqual.cli.benchmark import report, verdict
from argqual.errors import ArgqualError
from argqual.report.benchmark.files import write_report

app = typer.Typer()
app.command("report")(report)
app.command("verdict")(verdict)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("benchmark")
    planted_run.write(folder / "planted.run.sqlite").close()
    path = folder / "planted.yaml"
    path.write_text(planted_run.YAML, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def folder_of_one(file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report's folder."""
    folder = tmp_path_factory.mktemp("reports") / "planted"
    called("report", str(file), "--format", "json", "--output", str(folder))
    return folder


def called(*words: str) -> tuple[str, str]:
    """What went to stdout and to stderr."""
    ran = CliRunner().invoke(app, list(words), catch_exceptions=False)
    assert ran.exit_code == 0
    return ran.stdout, ran.stderr


def test_the_report_is_written_and_its_first_page_printed(file: Path) -> None:
    out, err = called("report", str(file), "--format", "text")
    assert "oracle carries over best" in out and max(map(len, out.splitlines())) <= 80
    folder = file.parent / "planted-report"
    assert "oracle carries over best" in (folder / "report.html").read_text(encoding="utf-8")
    assert "oracle carries over best" in (folder / "report.md").read_text(encoding="utf-8")
    with (folder / "tables" / "transfer.csv").open(encoding="utf-8", newline="") as table:
        assert {row["strategy"] for row in csv.DictReader(table)} == {"oracle", "length", "memoriser", "guess"}
    with (folder / "predictions.csv").open(encoding="utf-8", newline="") as table:
        rows = [row for row in csv.DictReader(table) if row["strategy"] == "oracle"]
    assert len(rows) == 2 * 310 and all(row["status"] == "ok" and 0 < float(row["prediction"]) < 1 for row in rows)
    assert "planted-report" in err


def test_a_report_is_made_again_from_its_results_alone(file: Path, tmp_path: Path) -> None:
    first, again = tmp_path / "first", tmp_path / "again"
    page, _ = called("report", str(file), "--format", "markdown", "--output", str(first))
    for place in (first, first / "results.json"):
        out, err = called("report", str(place), "--format", "markdown", "--output", str(again))
        assert out == page and "results.json" in err and "predictions" not in err
        whole = {path.relative_to(first): path.read_bytes() for path in first.rglob("*.*")}
        del whole[Path("predictions.csv")]
        assert {path.relative_to(again): path.read_bytes() for path in again.rglob("*.*")} == whole
    said = called("verdict", str(file), "--format", "json")[0]
    assert called("verdict", str(first / "results.json"), "--format", "json")[0] == said


def test_json_is_json_and_nothing_else(file: Path, tmp_path: Path) -> None:
    out, _ = called("report", str(file), "--format", "json", "--output", str(tmp_path / "elsewhere"))
    content = json.loads(out)
    assert content["headline"] == "spearman_beyond_length" and content["contrasts"]
    assert (tmp_path / "elsewhere" / "report.html").exists()


def test_texts_that_cannot_be_read_are_said_and_stay_ids(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARGQUAL_CACHE", str(tmp_path / "empty"))
    _, err = called("report", str(file), "--texts", "--format", "text", "--output", str(tmp_path / "out"))
    assert "no texts of dagstuhl" in err
    assert "dagstuhl-" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


def test_verdicts_are_a_sentence_each(file: Path) -> None:
    out, _ = called("verdict", str(file), "--format", "text")
    assert "SUPPORTED: The oracle carries over better than memory." in out
    assert "CONTRADICTED: Guessing carries over better than the oracle." in out
    content = json.loads(called("verdict", str(file), "--format", "json")[0])
    assert [claim["outcome"] for claim in content] == ["supported", "supported", "contradicted"]


def test_of_a_folder_the_first_claim_of_each_benchmark_is_said(file: Path, tmp_path: Path) -> None:
    for number, source in enumerate((planted_run.YAML, planted_run.YAML.replace("id: planted", "id: another")), 1):
        (tmp_path / f"{number}.yaml").write_text(source, encoding="utf-8")
    shutil.copy(file.parent / "planted.run.sqlite", tmp_path)
    out, _ = called("verdict", str(tmp_path), "--format", "text")
    assert out.count("SUPPORTED") == 1 and out.count("NOT RUN YET") == 1
    assert max(map(len, out.splitlines())) <= 80
    content = json.loads(called("verdict", str(tmp_path), "--format", "json")[0])
    assert content["another"] is None and content["planted"]["outcome"] == "supported"
    (tmp_path / "empty").mkdir()
    with pytest.raises(ArgqualError, match="no benchmark"):
        called("verdict", str(tmp_path / "empty"))


def test_of_a_folder_of_reports_what_they_say_is_said_without_a_run(
    file: Path, folder_of_one: Path, tmp_path: Path
) -> None:
    for name in ("planted", "twin"):
        shutil.copytree(folder_of_one, tmp_path / "reports" / name)
    computed = json.loads(called("verdict", str(file), "--format", "json")[0])[0]
    out, err = called("verdict", str(tmp_path / "reports"), "--format", "text")
    assert "SUPPORTED: The oracle carries over better than memory." in out and "NOT RUN" not in out
    assert "nothing is computed again" in err
    said = json.loads(called("verdict", str(tmp_path / "reports"), "--format", "json")[0])["planted"]
    assert {key: said[key] for key in ("id", "sentence", "outcome", "mde")} == {
        key: computed[key] for key in ("id", "sentence", "outcome", "mde")
    }
    assert said["estimate"]["low"] == pytest.approx(computed["estimate"]["low"])
    (tmp_path / "reports" / "planted" / "results.json").unlink()  # as reports of before have none
    of_before = json.loads(called("verdict", str(tmp_path / "reports"), "--format", "json")[0])["planted"]
    assert of_before["sentence"] == said["sentence"] and of_before["estimate"]["low"] == said["estimate"]["low"]
    (tmp_path / "reports" / "planted" / "tables" / "claims.csv").write_text("claim,verdict\na,maybe\n")
    with pytest.raises(ArgqualError, match=r"claims\.csv is no table of claims"):
        called("verdict", str(tmp_path / "reports"))


def test_of_several_reports_it_says_that_there_are_more_claims(folder_of_one: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        shutil.copytree(folder_of_one, tmp_path / name)
    out, _ = called("verdict", str(tmp_path), "--format", "text")
    assert out.count("SUPPORTED: The oracle carries over better than memory.") == 2 and "CONTRADICTED" not in out
    assert "the first claim of each. There are 4 more claims." in " ".join(out.split())


@pytest.mark.parametrize("of_before", [False, True])
def test_of_one_report_every_claim_is_said_as_it_was_written(
    folder_of_one: Path, tmp_path: Path, of_before: bool
) -> None:
    title = "What *carries* over_all [or] `not` <b>, a | b & c &amp; #1 \\ ~d~?"
    results = replace(read(folder_of_one / "results.json"), title=title)
    write_report(results, None, tmp_path / "reports" / "alone")
    if of_before:  # as reports of before have no results.json
        (tmp_path / "reports" / "alone" / "results.json").unlink()
    for folder in ("reports/alone", "reports"):  # the report itself, and a folder with nothing but it
        out, _ = called("verdict", str(tmp_path / folder), "--format", "text")
        assert [out.count(f"{word}:") for word in ("SUPPORTED", "CONTRADICTED")] == [2, 1]
        assert " ".join(out.split()).startswith(f"alone: {title} SUPPORTED")
        said = json.loads(called("verdict", str(tmp_path / folder), "--format", "json")[0])
        assert [each["sentence"] for each in said] == [claim.sentence for claim in results.claims]


def test_another_model_has_a_run_of_its_own(file: Path) -> None:
    with pytest.raises(ArgqualError, match=r"planted@openai-gpt-4\.1-mini\.run\.sqlite"):
        called("verdict", str(file), "--model", "openai/gpt-4.1-mini")


def test_without_a_run_it_says_how_to_make_one(tmp_path: Path) -> None:
    path = tmp_path / "planted.yaml"
    path.write_text(planted_run.YAML, encoding="utf-8")
    with pytest.raises(ArgqualError, match=r"There is no run .*planted\.run\.sqlite"):
        called("verdict", str(path))
