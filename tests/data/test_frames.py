"""Tables of other libraries, and of none: the same examples as from a file. Libraries that are absent are acted."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from distilbert.data.examples import LabelledText
from distilbert.data.frames import frame_columns, is_frame
from distilbert.data.reading import read_data
from distilbert.errors import InputError

COLUMNS: dict[str, list[Any]] = {"text": ["a", "b", "c"], "label": [0, 1, 1]}
ROWS = [dict(zip(COLUMNS, row, strict=True)) for row in zip(*COLUMNS.values(), strict=True)]
WANTED = [LabelledText("a", "0"), LabelledText("b", "1"), LabelledText("c", "1")]


class ArrowStream:
    """What another library of tables hands over."""

    def __init__(self, table: Any) -> None:
        self._table = table

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._table.__arrow_c_stream__(requested_schema)


class ClassLabel:
    names = ("neg", "pos")


class HubDataset:
    """A `datasets.Dataset`, as far as rows and features go."""

    column_names = ("text", "label")
    features = {"text": object(), "label": ClassLabel()}  # noqa: RUF012

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(ROWS)


def tables() -> dict[str, Any]:
    found: dict[str, Any] = {
        "dicts": ROWS,
        "iterable": (row for row in ROWS),
        "columns": COLUMNS,
        "arrays": {name: np.array(column) for name, column in COLUMNS.items()},
        "structured": np.array(list(zip(*COLUMNS.values(), strict=True)), dtype=[("text", "U9"), ("label", "i8")]),
    }
    try:
        import polars

        found |= {"polars": polars.DataFrame(COLUMNS), "lazy": polars.LazyFrame(COLUMNS)}
        found["stream"] = ArrowStream(polars.DataFrame(COLUMNS))
    except ImportError:
        pass
    try:
        import pandas

        found["pandas"] = pandas.DataFrame(COLUMNS)
        found["floats"] = pandas.DataFrame(COLUMNS).astype({"label": float})
    except ImportError:
        pass
    try:
        import pyarrow

        found["pyarrow"] = pyarrow.table(COLUMNS)
    except ImportError:
        pass
    return found


@pytest.mark.parametrize("name", list(tables()))
def test_every_table_is_read_as_a_file_is(name: str) -> None:
    data = read_data(tables()[name], "text-classification")
    assert (data.examples, data.labels, data.problem) == (WANTED, ("0", "1"), "single_label_classification")


def test_rows_without_names_are_numbered() -> None:
    pairs = [("a", 0), ("b", 1), ("c", 1)]
    for table in (pairs, [list(pair) for pair in pairs], np.array(pairs, dtype=object)):
        data = read_data(table, "text-classification", columns={"text": "1", "label": "2"})
        assert data.examples == WANTED
    assert [example.text for example in read_data(["a b", "c"], "fill-mask", columns={"text": "1"}).examples] == [
        "a b",
        "c",
    ]


def test_names_of_classes_that_a_table_knows() -> None:
    data = read_data(HubDataset(), "text-classification")
    assert [example.label for example in data.examples] == ["neg", "pos", "pos"]
    data = read_data(HubDataset(), "text-classification", labels=["POS", "NEG"])
    assert [example.label for example in data.examples] == ["NEG", "POS", "POS"]


def test_missing_values_of_frames() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"text": ["a", None, "c"], "label": [1.0, 0.0, float("nan")]})
    with pytest.raises(
        InputError, match=r"2 rows cannot be used(.|\n)*row 2: 'text' must be text(.|\n)*row 3: the label"
    ):
        read_data(frame, "text-classification")
    data = read_data(frame, "text-classification", skip_bad=True)
    assert data.examples == [LabelledText("a", "1")]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (None, "give a file or a table, not None"),
        (3, "give a file or a table, not 3"),
        ([1, 2], "must be dicts or tuples, not 1"),
        ([{"text": "a"}, "b"], "row 2 is not like the first one: 'b'"),
        ([("a", "b"), ("c",)], "row 2 is not like the first one"),
        ({"text": ["a"], "label": [1, 2]}, "columns of one length"),
        ({"text": "a"}, "columns of one length"),
        ({"train": HubDataset(), "test": HubDataset()}, r"has several tables \(train, test\); give one of them"),
        (np.zeros((1, 2, 3)), "not 3 dimensions"),
        ([], "has no examples"),
    ],
)
def test_what_is_no_table_says_so(table: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_data(table, "text-classification")


def test_a_frame_is_told_from_texts() -> None:
    for name, table in tables().items():
        assert is_frame(table) == (name in ("polars", "lazy", "pandas", "floats", "pyarrow")), name
        if is_frame(table):
            assert frame_columns(table) == ("text", "label")
    assert not any(map(is_frame, ("text", b"", ["a"], ("a", "b"), np.array(["a"]), None)))
