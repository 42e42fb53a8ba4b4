"""The HTML report in a real browser: on a desk and on a phone, light, dark and on paper."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import planted
from argqual.report.benchmark.html import html
from browser import Browser, browser, find_chromium

pytestmark = pytest.mark.skipif(
    find_chromium() is None, reason="needs Chromium (apt-get install chromium), or its path in ARGQUAL_CHROMIUM"
)


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "report.html"
    path.write_text(html(planted.results()), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with browser(tmp_path_factory.mktemp("browser")) as found:
        yield found


OPEN_ALL = "document.querySelectorAll('details').forEach(each => each.open = true)"
OVERFLOWING = """[...document.querySelectorAll('body *')].filter(each => {
  const box = each.getBoundingClientRect();
  return box.width > 0 && box.right > document.documentElement.clientWidth + 1
      && !each.closest('caption, .skip, thead') }).map(each => each.outerHTML.slice(0, 200))"""


@pytest.mark.parametrize(("width", "dark"), [(320, False), (390, True), (768, False), (1280, True)])
def test_nothing_stands_outside_the_screen_and_the_console_is_silent(
    opened: Browser, page: Path, width: int, dark: bool
) -> None:
    opened.messages.clear(), opened.requests.clear()
    opened.open(page, width=width, dark=dark)
    opened.evaluate(OPEN_ALL)
    assert opened.evaluate("document.documentElement.scrollWidth") <= width
    assert opened.evaluate(OVERFLOWING) == []
    assert opened.messages == []
    assert opened.requests == [page.as_uri()]


def test_nothing_scrolls_inside_a_box_of_its_own(opened: Browser, page: Path) -> None:
    opened.open(page, width=390)
    opened.evaluate(OPEN_ALL)
    boxes = "[...document.querySelectorAll('main *')].filter(e => getComputedStyle(e).overflowX === 'auto').length"
    assert opened.evaluate(boxes) == 0


def test_text_stands_out_from_its_ground_in_both_schemes(opened: Browser, page: Path) -> None:
    """WCAG 2.2 AA: 4.5 to 1 for every shade of the matrix and for the muted text."""
    measure = """(() => {
      const canvas = document.createElement('canvas').getContext('2d');
      const rgb = colour => { canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
        return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3) };
      const light = colour => { const [r, g, b] = rgb(colour).map(v => { v /= 255;
        return v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4 });
        return .2126 * r + .7152 * g + .0722 * b };
      const ratio = (one, two) => { const [a, b] = [light(one), light(two)].sort((x, y) => y - x);
        return (a + .05) / (b + .05) };
      const root = getComputedStyle(document.documentElement), value = name => root.getPropertyValue(name).trim();
      const grounds = ['--paper', '--panel', ...[0,1,2,3,4,5].flatMap(n => [`--up${n}`, `--down${n}`])];
      const inks = grounds.map(each => ratio(value('--ink'), value(each)));
      const others = ['--soft', '--blue', '--amber', '--green', '--red'].map(
        each => ratio(value(each), value('--paper')));
      return Math.min(...inks, ...others) })()"""
    for dark in (False, True):
        opened.open(page, width=1280, dark=dark)
        assert opened.evaluate(measure) >= 4.5
    opened.open(page, width=1280)
    light = opened.evaluate("getComputedStyle(document.body).backgroundColor")
    opened.open(page, width=1280, dark=True)
    assert opened.evaluate("getComputedStyle(document.body).backgroundColor") != light


def test_paper_shows_the_closed_tables(opened: Browser, page: Path) -> None:
    opened.open(page, width=718, paper=True)  # A4 within its margins
    assert opened.evaluate("document.documentElement.scrollWidth") <= 718
    assert opened.evaluate("getComputedStyle(document.querySelector('.exact tr')).display") == "table-row"
    assert opened.evaluate("document.querySelector('details table').getBoundingClientRect().height") > 50
    assert opened.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


def test_text_that_runs_from_right_to_left_does(opened: Browser, page: Path) -> None:
    opened.open(page, width=390)
    directions = opened.evaluate(
        "[...document.querySelectorAll('blockquote')].map(each => getComputedStyle(each).direction)"
    )
    assert directions[:4] == ["ltr", "ltr", "rtl", "ltr"]
