"""Rows into files: what is read again is what was written, or nothing is written."""

import csv
import datetime
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from distilbert.data import writing
from distilbert.data.writing import write_rows
from distilbert.errors import InputError

ROWS: list[dict[str, Any]] = [
    {"text": 'a, "b"\nc', "score": 0.1, "labels": ["x", "y"], "right": True, "day": datetime.date(2024, 2, 29)},
    {"text": "é\t;", "score": 1e-9, "labels": [], "right": False, "day": None},
]


def test_cells_of_a_csv_and_lines_of_json(tmp_path: Path) -> None:
    assert write_rows(tmp_path / "a.csv", ROWS) == 2
    with (tmp_path / "a.csv").open(encoding="utf-8", newline="") as file:
        first, second = csv.DictReader(file)
    assert first == {
        "text": 'a, "b"\nc',
        "score": "0.1",
        "labels": '["x", "y"]',
        "right": "true",
        "day": "2024-02-29",
    }
    assert (second["text"], float(second["score"]), second["day"]) == ("é\t;", 1e-9, "")
    write_rows(tmp_path / "a.jsonl", ROWS)
    lines = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text(encoding="utf-8").splitlines()]
    assert lines == [ROWS[0] | {"day": "2024-02-29"}, ROWS[1]]


def test_parquet_is_written_in_parts_whose_columns_may_differ(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    polars = pytest.importorskip("polars")
    monkeypatch.setattr(writing, "_PART_ROWS", 2)
    rows: list[dict[str, Any]] = [{"text": "a", "n": None}, {"text": "b", "n": None}, {"text": "c", "n": 1}]
    rows += [{"text": "d", "n": 0.5, "more": ["x"]}, {"text": "e", "n": 2, "more": None}]
    assert write_rows(tmp_path / "a.parquet", iter(rows)) == 5
    found = polars.read_parquet(tmp_path / "a.parquet").to_dicts()
    assert found == [{"more": None} | row for row in rows]
    assert [path.name for path in tmp_path.iterdir()] == ["a.parquet"]
    with pytest.raises(InputError, match=r"b.parquet: Parquet has no place for these values .*; write .jsonl"):
        write_rows(tmp_path / "b.parquet", [{"n": 1}, {"n": [1]}])
    assert write_rows(tmp_path / "none.parquet", []) == 0


def test_a_row_with_another_column_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a.csv: row 2 has a column 'b' that the first has not; write .jsonl"):
        write_rows(tmp_path / "a.csv", [{"a": 1}, {"a": 2, "b": 3}])
    assert write_rows(tmp_path / "a.csv", [{"a": 1, "b": 2}, {"a": 2}]) == 2
    assert (tmp_path / "a.csv").read_text().splitlines() == ["a,b", "1,2", "2,"]


@pytest.mark.parametrize("name", ["a.csv", "a.jsonl", "a.parquet"])
def test_what_fails_on_the_way_leaves_nothing(tmp_path: Path, name: str) -> None:
    if name.endswith(".parquet"):
        pytest.importorskip("polars")

    def rows() -> Iterator[dict[str, Any]]:
        yield {"a": 1}
        raise InputError("t.csv:3: bad")

    with pytest.raises(InputError, match=r"t.csv:3: bad"):
        write_rows(tmp_path / name, rows())
    assert list(tmp_path.iterdir()) == []
