"""Tables of other libraries, and of none: the same examples as from a file. Libraries that are absent are acted."""

import datetime
import enum
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from distilbert.data.examples import LabelledText, TaggedWords
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


TABLES: dict[str, Callable[[], Any]] = {
    "dicts": lambda: ROWS,
    "iterable": lambda: (row for row in ROWS),
    "columns": lambda: COLUMNS,
    "arrays": lambda: {name: np.array(column) for name, column in COLUMNS.items()},
    "structured": lambda: np.array(list(zip(*COLUMNS.values(), strict=True)), [("text", "U9"), ("label", "i8")]),
    "polars": lambda: pytest.importorskip("polars").DataFrame(COLUMNS),
    "lazy": lambda: pytest.importorskip("polars").LazyFrame(COLUMNS),
    "stream": lambda: ArrowStream(pytest.importorskip("polars").DataFrame(COLUMNS)),
    "pandas": lambda: pytest.importorskip("pandas").DataFrame(COLUMNS),
    "floats": lambda: pytest.importorskip("pandas").DataFrame(COLUMNS).astype({"label": float}),
    "pyarrow": lambda: pytest.importorskip("pyarrow").table(COLUMNS),
    "batch": lambda: pytest.importorskip("pyarrow").record_batch(COLUMNS),
    "hub": lambda: pytest.importorskip("datasets").Dataset.from_dict(COLUMNS),
    "hub stream": lambda: pytest.importorskip("datasets").Dataset.from_dict(COLUMNS).to_iterable_dataset(),
}


@pytest.mark.parametrize("name", TABLES)
def test_every_table_is_read_as_a_file_is(name: str) -> None:
    data = read_data(TABLES[name](), "text-classification")
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


def test_datasets_of_the_hub_have_their_classes_in_order() -> None:
    datasets = pytest.importorskip("datasets")
    names = ["world", "sports", "business"]
    rows = {"text": ["a", "b", "c"], "label": [2, 0, 0]}
    features = datasets.Features(text=datasets.Value("string"), label=datasets.ClassLabel(names=names))
    made = datasets.Dataset.from_dict(rows, features=features)
    for table in (made, made.to_iterable_dataset(), made.select([0, 1, 2]), made.with_format("numpy")):
        data = read_data(table, "text-classification")
        assert [example.label for example in data.examples] == ["business", "world", "world"]
        assert data.labels == ("world", "sports", "business")  # as models of Transformers number them
    tags = datasets.List(datasets.ClassLabel(names=["O", "B-PER", "I-PER"]))
    features = datasets.Features(tokens=datasets.List(datasets.Value("string")), ner_tags=tags)
    made = datasets.Dataset.from_dict({"tokens": [["Amy", "Li", "x"]], "ner_tags": [[1, 2, 0]]}, features=features)
    data = read_data(made, "token-classification")
    assert data.examples == [TaggedWords(("Amy", "Li", "x"), ("B-PER", "I-PER", "O"))]
    assert data.labels == ("O", "B-PER", "I-PER")
    missing = datasets.Dataset.from_dict({"text": ["a", None], "label": [0, 1]})
    with pytest.raises(InputError, match="the Dataset: row 2: 'text' must be text, not None"):
        read_data(missing, "text-classification")
    with pytest.raises(InputError, match=r"has several tables \(train, test\); give one of them"):
        read_data(datasets.DatasetDict(train=missing, test=missing), "text-classification")


def test_indexes_and_types_of_pandas() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(COLUMNS, index=["x", "y", "z"])
    others = [frame.astype({"label": kind}) for kind in ("category", "Int64", "float32", "object")]
    for other in (
        *others,
        frame.astype({"text": "string"}),
        frame[["label", "text"]],
        frame.set_index("label", drop=False),
    ):
        assert read_data(other, "text-classification").examples == WANTED
    lists = pandas.DataFrame({"text": ["a", "b"], "labels": [["x", "y"], []]})
    assert [example.label for example in read_data(lists, "text-classification").examples] == [("x", "y"), ()]
    twice = pandas.DataFrame([["a", "b", 0]], columns=["text", "text", "label"])
    with pytest.raises(InputError, match="two columns have one name, 'text'"):
        read_data(twice, "text-classification")


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


_FRAMES = ("polars", "lazy", "pandas", "floats", "pyarrow", "batch", "hub", "hub stream")


@pytest.mark.parametrize("name", TABLES)
def test_a_frame_is_told_from_other_tables(name: str) -> None:
    table = TABLES[name]()
    assert is_frame(table) == (name in _FRAMES)
    if is_frame(table):
        assert frame_columns(table) == ("text", "label")


def test_a_frame_is_told_from_texts() -> None:
    assert not any(map(is_frame, ("text", b"", ["a"], ("a", "b"), np.array(["a"]), None)))


class Topic(enum.Enum):
    FILM = "film"
    CAST = "cast"


class Mood(str, enum.Enum):  # noqa: UP042 - whose str() is not its value
    GOOD = "good"
    BAD = "bad"


@pytest.mark.parametrize(
    ("labels", "wanted"),
    [
        ([Topic.FILM, Topic.CAST], ["film", "cast"]),
        ([Mood.GOOD, Mood.BAD], ["good", "bad"]),
        ([datetime.date(2024, 1, 31), datetime.date(2024, 2, 1)], ["2024-01-31", "2024-02-01"]),
        ([{"x", "y"}, frozenset("x")], [("x", "y"), ("x",)]),
        ([("x", "y"), ()], [("x", "y"), ()]),
        (np.array([[0, 1, 0], [1, 1, 0]]), [("1",), ("0", "1")]),
        ([np.int64(1), np.bool_(False)], ["true", "false"]),
        ([Decimal(1), Decimal("0.0")], ["1", "0"]),
        ([b"gut", "süß".encode()], ["gut", "süß"]),
    ],
)
def test_labels_as_pythons_values(labels: Any, wanted: list[Any]) -> None:
    data = read_data({"text": ["a", "b"], "label": labels}, "text-classification")
    assert [example.label for example in data.examples] == wanted


def test_one_hot_vectors_are_classes_where_that_is_said() -> None:
    table = {"text": ["a", "b", "c"], "label": np.eye(3)[[0, 2, 2]]}
    assert "if no text can have two labels, --problem single-label" in read_data(table, "text-classification").guessed
    data = read_data(table, "text-classification", problem="single-label", labels=["x", "y", "z"])
    assert [example.label for example in data.examples] == ["x", "z", "z"]
    table["label"] = np.array([[1, 1, 0], [0, 0, 1], [0, 0, 1]])
    with pytest.raises(InputError, match="row 1: has 2 labels where there must be one"):
        read_data(table, "text-classification", problem="single-label")


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_one_column_is_no_table(library: str) -> None:
    column = pytest.importorskip(library).Series(["a", "b"])
    with pytest.raises(InputError, match="a Series is one column; give the table that it is from"):
        read_data(column, "text-classification")
