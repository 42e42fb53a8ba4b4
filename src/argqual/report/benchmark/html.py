"""A benchmark's results as one HTML file that opens from disk: no network, no script, nothing beside it.

The answer comes first, then charts, and the exact tables under each. The page forbids itself scripts and every
address (Content-Security-Policy), so a text that gets into it can do nothing; all text is escaped besides.
"""

from __future__ import annotations

from importlib.resources import files

from markupsafe import Markup

from argqual.benchmark.analysis.results import Results
from argqual.report.benchmark import appendix, sections, substance
from argqual.report.benchmark.answer import answer_of, notes_of
from argqual.report.benchmark.words import facts
from argqual.report.markup import joined, tag

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_PARTS = (
    ("transfer", "In domain and out of domain", sections.transfer),
    ("differences", "Paired differences", sections.differences),
    ("matrix", "Trained on, tested on", sections.matrix),
    ("ladder", "Along the ladder of distance", sections.ladder_of_distance),
    ("budgets", "What a few labels buy", sections.budgets),
    ("costs", "Quality against cost", sections.costs),
    ("calibration", "Calibration", sections.calibration),
    ("criteria", "Criterion by criterion", sections.criteria),
    ("bias", "Bias at equal human quality", sections.bias),
    ("probes", "Style or substance", substance.probes),
    ("specificity", "Which rating falls", substance.specificity),
    ("reliance", "What predictions go by", substance.reliance),
    ("injections", "Can it be talked to?", substance.injections),
    ("disagreements", "The worst disagreements", appendix.disagreements),
    ("figures", "Every metric, and coverage", appendix.every_metric),
    ("data", "The data", appendix.data),
    ("missing", "What is missing", appendix.missing),
    ("methods", "Methods, versions, hashes", appendix.methods),
    ("sources", "Licences and citations", appendix.sources),
)


def html(results: Results) -> str:
    """The whole file."""
    parts = [(id, title, content) for id, title, draw in _PARTS if (content := draw(results)) is not None]
    style = files("argqual.report.benchmark").joinpath("report.css").read_text(encoding="utf-8")
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("title", f"{results.title} (argqual benchmark {results.id})"),
        tag("style", Markup(style)),  # noqa: S704 - our own file
    )
    body = tag(
        "body",
        tag("a", "Skip to the figures", href="#main", class_="skip"),
        _masthead(results),
        tag("main", _contents(parts), *(_section(*part) for part in parts), id="main"),
        _colophon(results),
    )
    return f"<!DOCTYPE html>\n{tag('html', head, body, lang='en')}\n"


def _masthead(results: Results) -> Markup:
    answer = answer_of(results)
    kicker = f"Benchmark {results.id} · target: {results.target} · {results.methods.started[:10]}"
    return tag(
        "header",
        tag("p", kicker, class_="kicker"),
        tag("h1", results.title),
        tag("p", answer.sentence, class_="answer"),
        *(tag("p", each, class_="detail") for each in answer.details),
        tag("ul", *(tag("li", fact) for fact in facts(results)), class_="facts"),
        _claims(results),
        _notes(results),
    )


def _verdict_mark(outcome: str) -> Markup | None:
    """A word and a sign, so that nothing hangs on colour."""
    signs = {"supported": "✓", "contradicted": "✗", "undecided": "?"}
    if outcome not in signs:
        return None
    sign = tag("span", signs[outcome], aria_hidden="true")
    return tag("strong", sign, f" {outcome.capitalize()}", class_=f"verdict {outcome}")


def _claims(results: Results) -> Markup | None:
    if not results.claims:
        return None
    rows = [
        tag(
            "li",
            tag(
                "p",
                _verdict_mark(each.outcome),
                tag("q", each.says),
                tag("span", "exploratory", class_="tagged") if each.exploratory else None,
            ),
            tag("p", each.because, class_="because"),
            *(tag("p", warning, class_="because") for warning in each.warnings),
        )
        for each in results.claims
    ]
    return tag(
        "section",
        tag("h2", "Claims", id="claims"),
        tag("ul", *rows, class_="claims"),
        _exploratory(results),
        aria_labelledby="claims",
    )


def _exploratory(results: Results) -> Markup | None:
    if not any(each.exploratory for each in results.claims):
        return None
    return tag("p", "Exploratory claims were added after the run had started: they suggest, they do not confirm.")


def _notes(results: Results) -> Markup | None:
    notes = notes_of(results)
    if not notes:
        return None
    return tag(
        "aside",
        tag("h2", "Before you rely on this", id="notes"),
        tag("ul", *(tag("li", note) for note in notes)),
        class_="notes",
        aria_labelledby="notes",
    )


def _contents(parts: list[tuple[str, str, Markup]]) -> Markup:
    links = (tag("li", tag("a", title, href=f"#{id}")) for id, title, _ in parts)
    return tag("nav", tag("ul", *links), aria_label="Contents", class_="contents")


def _section(id: str, title: str, content: Markup) -> Markup:
    heading = tag("h2", title, id=f"{id}-title")
    return tag("section", heading, content, id=id, aria_labelledby=f"{id}-title")


def _colophon(results: Results) -> Markup:
    texts = any(each.text for each in results.disagreements)
    warning = "It holds texts of corpora: their licences decide whether it may be passed on."
    return tag(
        "footer",
        joined(tag("p", f"Made by argqual {results.methods.argqual}.", f" {warning}" if texts else None)),
    )
