"""Results as HTML and as data frames: right values, and nothing of a text or a label becomes markup."""

import re
from html import unescape
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

from distilbert import (
    Answer,
    Classification,
    Entity,
    InputError,
    MaskFill,
    MissingExtraError,
    Ranked,
    SparseVector,
    to_frame,
    to_html,
)

HOSTILE = "<script>alert('x')</script> & \"quotes\" <img src=x onerror=alert(1)>"
GOOD = Classification("good", 0.75, 5, False)
AMY = Entity("PER", "Amy", 0, 3, 0.5)
OSLO = Entity("LOC", "Oslo", 14, 18, 0.9)


class Reader(HTMLParser):
    """The tags of HTML, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def test_a_result_shows_itself() -> None:
    shown = GOOD._repr_html_()
    assert re.findall("<td>(?:<span[^>]*>)?([^<]*)", shown) == ["good", "0.7500", "5", "False"]
    assert "width:6.00em" in shown  # a bar of three quarters
    assert "width" not in Classification("price", 12.5, 5, False)._repr_html_()


def test_entities_are_marked_in_their_text() -> None:
    text = "Amy lives in \nOslo & Rome."
    shown = to_html([AMY, OSLO], text)
    assert shown._repr_html_() == str(shown)
    assert Reader(shown).text == "Amy PER lives in \nOslo LOC & Rome."
    assert Reader(shown).tags.count("mark") == 2
    assert Reader(to_html([], text)).text == text


@pytest.mark.parametrize(
    "results",
    [
        Classification(HOSTILE, 0.5, 5, False),
        [Entity(HOSTILE, HOSTILE, 0, 9, 0.1)],
        [[Answer(HOSTILE, 0, 9, 0.1)], []],
        [[[MaskFill(HOSTILE, None, 0.1, HOSTILE)]]],
        Ranked(0, -3.5, HOSTILE, True),
    ],
)
def test_nothing_becomes_markup(results: Any) -> None:
    shown = to_html(results)
    assert set(Reader(shown).tags) <= {"table", "tr", "th", "td", "span"}
    assert HOSTILE in unescape(shown)
    marked = to_html([Entity(HOSTILE, HOSTILE, 2, 2 + len(HOSTILE), 0.1)], f"a {HOSTILE} b")
    assert set(Reader(marked).tags) == {"div", "mark", "small"}


def test_lists_of_lists_say_whose_each_result_is() -> None:
    assert "<th>input</th><th>label</th>" in to_html([[AMY], [], [AMY, OSLO]])
    assert re.findall("<tr><td>([^<]*)", to_html([[AMY], [], [AMY, OSLO]])) == ["0", "2", "2"]
    assert to_html([]) == "<i>no results</i>"
    vector = SparseVector(np.arange(5000), np.ones(5000, np.float32))
    assert len(to_html([vector])) < 1000


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_a_frame_has_a_row_for_each_result(library: Any) -> None:
    pytest.importorskip(library)
    frame = to_frame([GOOD, Classification("bad", 0.25, 7, True)], library)
    assert type(frame).__module__.startswith(library)
    assert list(frame.columns) == ["label", "score", "tokens", "truncated"]
    assert list(frame["label"]) == ["good", "bad"]
    assert list(frame["truncated"]) == [False, True]
    assert list(to_frame([[AMY], [], [AMY, OSLO]], library)["input"]) == [0, 2, 2]
    fills = to_frame([[[MaskFill("a", 1, 0.5, "a b")], [MaskFill("b", None, 0.4, "a b")]]], library)
    assert [list(fills[name]) for name in ("input", "part", "token")] == [[0, 0], [0, 1], ["a", "b"]]
    assert len(to_frame([], library)) == 0
    assert len(to_frame(GOOD, library)) == 1


def test_what_is_no_result_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for call in (to_html, to_frame):
        for wrong in ("text", [1], np.ones(3), None, [[[[GOOD]]]]):
            with pytest.raises(InputError, match="give results of a task or a search"):
                call(wrong)
    with pytest.raises(InputError, match="text is for entities"):
        to_html([GOOD], "a text")
    with pytest.raises(InputError, match="'Oslo' does not stand at 14"):
        to_html([OSLO], "another text")
    with pytest.raises(InputError, match="'Amy' does not stand at 0"):
        to_html([AMY, AMY], "Amy lives here")
    with pytest.raises(InputError, match="library must be"):
        to_frame([GOOD], "numpy")  # type: ignore[arg-type]
    monkeypatch.setattr("distilbert.notebook.find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match="data frames need pandas or polars: pip install pandas"):
        to_frame([GOOD])
