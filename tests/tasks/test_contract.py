"""What every task promises: any iterable, lazily and in bounded memory; each text by itself; clear errors."""

import dataclasses
import inspect
import itertools
import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_type_hints

import numpy as np
import pytest

from conftest import DATA
from distilbert import InputError
from distilbert.fields import options_of
from distilbert.tasks.by_name import TASKS
from helpers.task_cases import CASES, GOOD, LONG, Opened, opened_case


@pytest.fixture(scope="module", params=list(CASES))
def opened(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Opened:
    return opened_case(request.param, tmp_path_factory.mktemp("contract"))


def test_no_task_is_forgotten() -> None:
    assert set(TASKS) == set(CASES)


# one, many, and how they come ---------------------------------------------------------------------


def test_one_or_many_and_iterables_of_every_kind(opened: Opened, sentences: list[str]) -> None:
    texts = opened.texts(sentences[:6])
    expected = opened.called(texts)
    ways: list[Any] = [iter(texts), (text for text in texts), np.array(texts), np.array(texts, object)]
    for way in (*ways, dict.fromkeys(texts).keys(), [np.str_(text) for text in texts]):
        np.testing.assert_equal(opened.called(way), expected)
    if opened.case.many:
        one, (only,) = opened.case.call(opened.task, texts[0]), opened.case.call(opened.task, texts[:1])
        assert repr(one) == repr(only)
        np.testing.assert_allclose(opened.case.numbers(one), expected[0], rtol=1e-6, atol=1e-6)
    assert list(opened.stream(opened.task, [])) == []


def test_series_of_polars(opened: Opened, sentences: list[str]) -> None:
    polars = pytest.importorskip("polars")
    texts = opened.texts(sentences[:3])
    np.testing.assert_equal(opened.called(polars.Series("text", texts)), opened.called(texts))


# streams --------------------------------------------------------------------------------------------


def test_a_stream_is_lazy_reads_a_bounded_part_ahead_and_keeps_the_order(opened: Opened, sentences: list[str]) -> None:
    texts = opened.texts(sentences[:40])
    read = 0

    def endless() -> Iterator[str]:
        nonlocal read
        for text in itertools.cycle(texts):
            read += 1
            yield text

    stream = opened.stream(opened.small, endless())
    assert read == 0
    expected = opened.numbers(texts)
    for done in range(1, 101):
        found = opened.case.numbers(next(stream))
        assert done <= read <= done + 150  # 4,096 characters, and what a text is read with
        np.testing.assert_allclose(found, expected[(done - 1) % 40], atol=2e-6)


def test_a_stream_needs_bounded_memory(opened: Opened) -> None:
    """Less is held 200 texts later than if each, or its result, were kept in 250 bytes; up to 90 are read at once."""
    texts = itertools.cycle(opened.texts([f"{number} {GOOD}" for number in range(10, 30)]))
    held = np.zeros(400, int)
    tracemalloc.start()
    try:
        stream = opened.stream(opened.small, itertools.islice(texts, 600))
        for number, _ in enumerate(itertools.islice(stream, 400)):
            held[number] = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert held[300:].min() - held[100:200].min() < 200 * 250


def test_an_error_of_the_callers_iterator_comes_through(opened: Opened) -> None:
    def broken() -> Iterator[str]:
        yield from opened.texts([GOOD] * 120)
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        for _ in opened.stream(opened.small, broken()):
            pass
    assert len(list(opened.stream(opened.small, opened.texts([GOOD])))) == 1  # nothing is left behind


# each text by itself --------------------------------------------------------------------------------


def test_a_result_depends_on_no_other_text_nor_on_the_order(opened: Opened, sentences: list[str]) -> None:
    texts = opened.texts([*sentences[:25], "", "😀", LONG])
    together = opened.numbers(texts, long_text="window")
    backwards = opened.numbers(texts[::-1], long_text="window")[::-1]
    for text, numbers, turned in zip(texts, together, backwards, strict=True):
        (alone,) = opened.numbers([text], long_text="window")
        np.testing.assert_allclose(numbers, alone, rtol=1e-6, atol=2e-6)
        np.testing.assert_allclose(turned, alone, rtol=1e-6, atol=2e-6)


def test_texts_of_every_kind_leave_their_neighbours_alone(opened: Opened) -> None:
    """Each task reads one in eleven of the naughty strings and of the languages: together they read all."""
    mine = slice(list(CASES).index(opened.name), None, len(CASES))
    odd = json.loads((DATA / "naughty_strings.json").read_text(encoding="utf-8"))[mine]
    odd += ["", " \t\n", "\x00", "a\x00b", "\ud800", "\udc80\udfff", "a" * 100_000, "\U0001f600" * 300, "[SEP] [CLS]"]
    odd += ["\u0301" * 500, "中" * 300, "\u202e\u2066"]
    odd += [line.split("\t")[1] for line in (DATA / "udhr.tsv").read_text(encoding="utf-8").splitlines()[mine]]
    (alone,) = opened.numbers(opened.texts([GOOD]))
    texts = opened.texts([text for odd_one in odd for text in (odd_one, GOOD)])
    results = opened.numbers(texts, long_text="window")
    assert all(np.isfinite(numbers).all() for numbers in results)
    for neighbour in results[1::2]:
        np.testing.assert_allclose(neighbour, alone, rtol=1e-6, atol=2e-6)


# what cannot be -------------------------------------------------------------------------------------


class Frame:
    """A table as pandas has it: it can be iterated over, and gives the names of its columns."""

    columns = ("id", "review")

    def __iter__(self) -> Iterator[str]:
        return iter(self.columns)


@pytest.mark.parametrize("wrong", [3, None, b"a film", {"text": GOOD}, 1.5, np.array("a film"), object()])
def test_what_is_no_list_of_texts_is_refused(opened: Opened, wrong: Any) -> None:
    with pytest.raises(InputError, match=r"string|list of texts") as error:
        opened.case.call(opened.task, wrong)
    assert "\n" not in str(error.value)
    with pytest.raises(InputError):
        list(opened.task.stream(wrong, *opened.case.rest))


@pytest.mark.parametrize("wrong", [3, None, b"a film", 1.5, ["a", "b"], {"text": "a"}, np.array(["a", "b"])])
def test_what_is_no_text_is_named_by_its_place(opened: Opened, wrong: Any) -> None:
    texts = [*opened.texts([GOOD]), wrong]
    with pytest.raises(InputError, match=r"\b1\b.*(string|strings)\b"):
        opened.case.call(opened.task, texts)
    with pytest.raises(InputError, match=r"\b1\b.*(string|strings)\b"):
        list(opened.stream(opened.task, texts))


def test_a_stream_of_one_text_is_refused(opened: Opened) -> None:
    with pytest.raises(InputError, match="give a list or another iterable of"):
        list(opened.task.stream("a film", *opened.case.rest))


def test_a_table_is_refused_with_the_way_to_its_column(opened: Opened) -> None:
    tables: list[Any] = [Frame()]
    try:
        polars = __import__("polars")
        tables.append(polars.DataFrame({"id": [1], "review": [GOOD]}))
    except ImportError:  # the core's environment
        pass
    for table in tables:
        for run in (
            lambda table=table: opened.case.call(opened.task, table),
            lambda table=table: list(opened.task.stream(table, *opened.case.rest)),
        ):
            with pytest.raises(InputError, match=r"one column, as in data\['id'\], .*\(its columns: id, review\)"):
                run()


# options --------------------------------------------------------------------------------------------


def test_options_are_stated_once(opened: Opened) -> None:
    kind = type(opened.task)
    signature = {
        name: parameter
        for name, parameter in inspect.signature(kind.__call__).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY
    }
    fields = {field.name: field for field in dataclasses.fields(kind.options)}
    assert {option.name for option in options_of(kind.options)} == set(fields)
    assert {name: parameter.default for name, parameter in signature.items()} == {
        name: field.default for name, field in fields.items()
    }
    hints = get_type_hints(kind.options)
    assert {name: parameter.annotation for name, parameter in signature.items()} == hints
    for method in ("stream", "logits", "from_words"):
        if hasattr(kind, method):
            (keywords,) = get_args(inspect.signature(getattr(kind, method)).parameters["options"].annotation)
            accepted = get_type_hints(keywords)
            assert accepted.items() <= hints.items()
            assert method == "logits" or accepted.keys() == hints.keys()


@pytest.mark.parametrize("wrong", [object(), -1, "something else", 1.5])
def test_options_are_checked_before_anything_is_read(opened: Opened, wrong: Any) -> None:
    for option in options_of(opened.task.options):
        free_text = option.kind is str and not option.choices and isinstance(wrong, str)
        if option.container is not None or free_text or (option.kind is float and isinstance(wrong, int | float)):
            continue
        with pytest.raises(InputError, match=f"^{option.name} must "):
            opened.case.call(opened.task, [], **{option.name: wrong})
        with pytest.raises(InputError, match=f"^{option.name} must "):
            opened.stream(opened.task, [], **{option.name: wrong})


def test_a_long_text_is_an_error_where_it_is_asked_to_be(opened: Opened) -> None:
    texts = opened.texts([GOOD, LONG])
    with pytest.raises(InputError, match=r'\b1\b.*shorten it, or choose long_text="truncate" or "window"'):
        list(opened.stream(opened.task, texts, long_text="error"))


def test_a_folder_is_named_in_the_repr(opened: Opened) -> None:
    assert str(Path(opened.task.model.folder)) in repr(opened.task)
