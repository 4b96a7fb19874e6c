"""The page's markup: all that is no element is escaped, whatever it holds."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from distilbert.report.markup import LONGEST, Html, data_text, joined, number, table, tag
from distilbert.report.plots import SERIES, drawing, histogram, line, scatter, thinned

pytestmark = pytest.mark.drawn

NAUGHTY = json.loads((Path(__file__).parents[1] / "data" / "naughty_strings.json").read_text(encoding="utf-8"))


class Reader(HTMLParser):
    """What a browser would see: elements, and their text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def read(markup: str) -> Reader:
    reader = Reader()
    reader.feed(markup)
    reader.close()
    return reader


HOSTILE = ["<script>alert(1)</script>", "</td></table><img src=x onerror=alert(1)>", "&lt;b&gt; & \"quotes\" 'too'"]


@pytest.mark.parametrize("text", [*HOSTILE, "‮desrever‬", "a" * 1_000_000])
def test_a_text_is_text_wherever_it_stands(text: str) -> None:
    made = tag("p", data_text(text, 2_000_000), tag("b", text), title=text)
    found = read(made)
    assert found.tags == ["p", "bdi", "b"]
    assert found.text == text + text


@pytest.mark.parametrize("text", NAUGHTY)
def test_no_naughty_string_makes_an_element(text: str) -> None:
    made = table("Texts", ("text", text), [(data_text(text), text)])
    assert set(read(made).tags) == {"div", "table", "caption", "thead", "tr", "th", "tbody", "td", "bdi"}
    made.encode("utf-8")


def test_what_a_page_cannot_hold_is_replaced() -> None:
    assert tag("b", "a\x00b\x1b[31m\ud800\x85") == "<b>a�b�[31m��</b>"
    assert tag("b", "tab\tand\nline") == "<b>tab\tand\nline</b>"


def test_long_texts_are_cut() -> None:
    assert data_text("x" * 1_000_000) == f"<bdi>{'x' * LONGEST} …</bdi>"
    assert data_text("x" * LONGEST) == f"<bdi>{'x' * LONGEST}</bdi>"


def test_attributes_and_children() -> None:
    assert tag("th", "a", None, 3, class_="n", scope=None, hidden=True, tabindex=0) == (
        '<th class="n" hidden tabindex="0">a3</th>'
    )
    assert joined("<", Html("<b>"), None) == "&lt;<b>"
    assert [number(value) for value in (0.12345, None, float("nan"))] == ["0.123", "-", "-"]


def test_a_drawing_has_its_text_as_text_and_the_pages_colours() -> None:
    with drawing("one", "Loss <b>", "step", "loss & more", "It falls.") as (axes, made):
        line(axes, [(1, 2.0), (2, 1.0)], 'a $x^2$ <label> "id"', 0)
        line(axes, [(1, 1.0), (2, 0.5)], "other", 1)
    found = read(made.markup)
    assert {"figure", "figcaption", "svg", "text"} <= set(found.tags)
    assert not {"b", "label", "image", "script"} & set(found.tags)
    for text in ("Loss <b>", "step", "loss & more", 'a $x^2$ <label> "id"', "other"):
        assert text in found.text
    assert 'role="img"' in made.markup
    assert 'aria-label="Loss &lt;b&gt;. It falls."' in made.markup
    assert "var(--first)" in made.markup
    assert "var(--second)" in made.markup
    assert not any(colour in made.markup for colour in SERIES)
    assert "http" not in made.markup


def test_the_names_inside_drawings_are_unlike_those_of_others() -> None:
    ids: list[str] = []
    for name in ("one", "two"):
        with drawing(name, "Loss", "step", "loss", "") as (axes, made):
            line(axes, [(1, 2.0), (2, 1.0)], "training", 0)
        found = re.findall(r' id="([^"]+)"', made.markup)
        assert found
        assert set(re.findall(r'(?:url\(#|href="#)([^")]+)', made.markup)) == set(found)
        ids += found
    assert len(set(ids)) == len(ids)


def test_curves_are_thinned_by_means() -> None:
    points = [(float(step), float(step % 2)) for step in range(100_000)]
    kept = thinned(points)
    assert len(kept) == 500
    assert kept[0] == pytest.approx((99.5, 0.5))
    assert thinned(points[:10]) == points[:10]


@pytest.mark.parametrize(
    "values", [np.full(7, 1 - 1e-16), np.zeros(3), np.array([np.nan, np.inf, 2.0]), np.array([1e9]), np.array([])]
)
def test_values_without_a_spread_are_drawn(values: np.ndarray) -> None:
    with drawing("one", "Values", "value", "examples", "") as (axes, made):
        histogram(axes, values)
        scatter(axes, values, values)
    assert "<svg" in made.markup


def test_bars_of_a_span_are_as_wide_as_its_bins() -> None:
    """Confidences that are all alike, which a bar of their own spread would be too thin to show."""
    with drawing("one", "Confidences", "confidence", "predictions", "") as (axes, _):
        histogram(axes, np.array([0.981, 0.982, 0.983]), 15, (0.0, 1.0))
        bars = {round(bar.get_width(), 4): bar.get_height() for bar in axes.patches if bar.get_height()}
    assert bars == {round(1 / 15, 4): 3}
