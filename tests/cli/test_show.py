import time
import unicodedata
from collections.abc import Iterator
from io import StringIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from conftest import Maker
from distilbert import Answer, Classification, Entity, MaskFill, load, progress
from distilbert.cli import show
from distilbert.search import Found


@pytest.mark.parametrize(
    ("share", "drawn"),
    [(0, ""), (1, "█" * 20), (0.5, "█" * 10), (0.51, "█" * 10 + "▎"), (1 / 160, "▏"), (-1, ""), (7.5, "█" * 20)],
)
def test_bars(share: float, drawn: str) -> None:
    assert show.bar(share) == drawn.ljust(20)


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_longer_bar_is_a_larger_share(a: float, b: float) -> None:
    def length(share: float) -> float:
        drawn = show.bar(share).rstrip()
        return sum(1 if block == "█" else " ▏▎▍▌▋▊▉".index(block) / 8 for block in drawn)

    assert abs(length(a) - 20 * a) <= 1 / 16 + 1e-9
    assert (length(a) <= length(b)) or a > b


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.5, " 0.5000"), (1, " 1.0000"), (0, " 0.0000"), (3.2e-7, "3.2e-07"), (-1.25, "-1.2500"), (12.5, "12.5000")],
)
def test_scores_have_one_width(value: float, text: str) -> None:
    assert show.score(value) == text


@given(st.text())
def test_clean_text_is_on_one_line_and_harmless(text: str) -> None:
    cleaned = show.clean(text)
    assert len(cleaned) == len(text)
    assert len(cleaned.splitlines()) <= 1
    for before, after in zip(text, cleaned, strict=True):
        assert after == before or after in " \ufffd"
        assert unicodedata.category(after) not in ("Cc", "Cs", "Zl", "Zp")
        if before.isprintable():
            assert after == before


def test_clean_text_keeps_what_people_write() -> None:
    for text in ("👨\u200d👩\u200d👧", "\u0645\u06cc\u200c\u062e\u0648", "e\u0301", "中文", "naïve", "🇩🇪"):
        assert show.clean(text) == text
    assert show.clean("a\u00a0b\u3000c\td") == "a b c d"


# on a terminal --------------------------------------------------------------------------------------


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Console:
    console = Console(
        highlight=False, soft_wrap=True, force_terminal=True, color_system="standard", record=True, width=80
    )
    monkeypatch.setattr(show, "_console", console)
    return console


def test_entities_are_highlighted_each_kind_in_its_colour(terminal: Console) -> None:
    text = "Anna met Ben in Rome"
    found = [Entity("PER", "Anna", 0, 4, 0.99), Entity("PER", "Ben", 9, 12, 0.98), Entity("LOC", "Rome", 16, 20, 0.5)]
    show.entities(text, found)
    styled = terminal.export_text(styles=True, clear=False)
    assert terminal.export_text() == "[Anna](PER 0.99) met [Ben](PER 0.98) in [Rome](LOC 0.50)\n"
    assert "\x1b[1;36m[Anna]\x1b[0m" in styled
    assert "\x1b[1;36m[Ben]\x1b[0m" in styled
    assert "\x1b[1;35m[Rome]\x1b[0m" in styled
    assert "\x1b[0m met \x1b" in styled


def test_an_answer_is_marked_in_its_context(terminal: Console) -> None:
    terminal.width = 400
    context = "x" * 200 + " Amy lives in Amsterdam " + "y" * 200
    start = context.index("Amsterdam")
    show.answers(context, [Answer("Amsterdam", start, start + 9, 0.9978), Answer("", 0, 0, 0.001)])
    styled = terminal.export_text(styles=True, clear=False)
    first, second, third = terminal.export_text().splitlines()
    assert first == " 0.9978  Amsterdam"
    assert second == f"         …{'x' * 106} Amy lives in [Amsterdam] {'y' * 119}…"
    assert third == " 0.0010  (no answer in the context)"
    assert "\x1b[1;32m[Amsterdam]\x1b[0m" in styled


def test_long_lines_go_on_below_each_other(terminal: Console) -> None:
    show.ranked(2, Found(7, 0.5, "word " * 30 + "漢字" * 30))
    show.labels("x" * 130, Classification("good", 0.5, 3, True))
    first, *others = terminal.export_text().splitlines()
    assert first.startswith(" 0.5000  #2     word word")
    indented = [line for line in others if not line.startswith(" 0.5000")]
    assert len(indented) >= 4
    for line in indented:
        assert line[:16].isspace()
        assert not line[22:23].isspace()


def test_nothing_is_taken_for_markup(terminal: Console) -> None:
    show.labels("[bold]a[/bold] [/x]", [Classification("[red]b", 0.5, 3, True)])
    show.fills("[/x] [MASK]", [MaskFill("[unused1]", 2, 0.25, "")])
    printed = terminal.export_text().splitlines()
    assert printed[0] == "[bold]a[/bold] [/x] (cut)"
    assert printed[1].endswith(" [red]b")
    assert printed[2] == "[/x] [MASK]"
    assert printed[3].endswith(" [unused1]")


# progress -------------------------------------------------------------------------------------------


class Screen(Console):
    """A terminal on standard error that keeps what it shows."""

    def __init__(self, stderr: bool) -> None:
        super().__init__(file=StringIO(), force_terminal=True, force_interactive=True, color_system=None, width=80)
        SCREENS.append(self)


SCREENS: list[Screen] = []


@pytest.fixture
def screens(monkeypatch: pytest.MonkeyPatch) -> list[Screen]:
    SCREENS.clear()
    monkeypatch.setattr(progress, "Console", Screen)
    return SCREENS


def slowly(count: int) -> Iterator[int]:
    for number in range(count):
        time.sleep(0.02)
        yield number


def screen_text(screen: Screen) -> str:
    assert isinstance(screen.file, StringIO)
    return screen.file.getvalue()


def test_long_work_shows_its_progress(screens: list[Screen], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_LONG_WORK", 0.05)
    assert list(show.progress(slowly(20), lambda: 20, silent=False)) == list(range(20))
    assert "/20 texts" in screen_text(screens[0])
    assert screen_text(screens[0]).endswith("\x1b[2K")  # and takes it away again
    assert list(show.progress(slowly(20), lambda: None, silent=False)) == list(range(20))
    assert "/? texts" in screen_text(screens[1])


def test_short_work_shows_none(screens: list[Screen]) -> None:
    assert list(show.progress(slowly(5), lambda: 5, silent=True)) == list(range(5))
    assert screen_text(screens[0]) == ""


def test_work_that_shows_its_results_shows_no_progress(
    screens: list[Screen], terminal: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "_LONG_WORK", 0)
    list(show.progress(slowly(5), lambda: 5, silent=False))
    assert screens == []
    list(show.progress(slowly(5), lambda: 5, silent=True))
    assert "/5 texts" in screen_text(screens[0])


def test_a_long_line_is_the_terminals_to_wrap(terminal: Console) -> None:
    show.line("word " * 100)
    assert len(terminal.export_text().splitlines()) == 1


def test_a_task_shows_its_progress_where_it_is_asked_to(
    screens: list[Screen], make_checkpoint: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "_LONG_WORK", 0)
    folder = make_checkpoint()
    texts = ["a film " * 40] * 60  # more than a stream holds at once
    for options, total in (({"progress": True}, "/60 texts"), ({}, None)):
        screens.clear()
        classify = load(folder, "text-classification", max_batch_tokens=100, **options)  # type: ignore[arg-type]
        assert classify(texts) == classify(texts)
        assert len(list(classify.stream(iter(texts)))) == 60
        assert [total in screen_text(screen) for screen in screens[:1]] == ([True] if total else [])
        assert len(screens) == (3 if total else 0)


def test_work_of_unknown_length_says_what_is_done(screens: list[Screen]) -> None:
    with progress.working("converting"):
        time.sleep(0.3)
    assert "converting" in screen_text(screens[0])
    assert screen_text(screens[0]).endswith("\x1b[2K")  # nothing of it stays
