"""A model, a table with all that a column can be, and runs without processes of their own."""

import datetime
import decimal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyarrow")

import pyarrow as pa

from conftest import Maker
from distilbert.bulk import BulkSettings, Done, run
from helpers.bulk import Runner


@pytest.fixture
def model(make_checkpoint: Maker) -> Path:
    return make_checkpoint()


@pytest.fixture
def texts(sentences: list[str]) -> list[str | None]:
    return [None if number % 40 == 7 else text for number, text in enumerate(sentences)]


@pytest.fixture
def table(texts: list[str | None]) -> Any:
    """Each kind of column, with nulls."""
    count = len(texts)
    holes = [number % 7 == 3 for number in range(count)]

    def column(values: list[Any], kind: Any) -> Any:
        return pa.array([None if hole else value for hole, value in zip(holes, values, strict=True)], kind)

    numbers = range(count)
    moment = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.UTC)
    return pa.table(
        {
            "id": pa.array(numbers, pa.int64()),
            "text": pa.array(texts, pa.string()),
            "small": column([number % 100 for number in numbers], pa.uint8()),
            "share": column([number / 3 for number in numbers], pa.float64()),
            "when": column([moment + datetime.timedelta(seconds=n) for n in numbers], pa.timestamp("us", tz="UTC")),
            "day": column([datetime.date(2026, 1, 1 + n % 28) for n in numbers], pa.date32()),
            "price": column([decimal.Decimal(n) / 4 for n in numbers], pa.decimal128(12, 2)),
            "tags": column([[str(n), None] for n in numbers], pa.list_(pa.string())),
            "kind": column(["a" if n % 2 else "b" for n in numbers], pa.string()).dictionary_encode(),
            "place": column([{"x": n, "y": None} for n in numbers], pa.struct([("x", pa.int32()), ("y", pa.string())])),
            "raw": column([bytes([n % 256]) for n in numbers], pa.binary()),
            "large": column([f'"{n}",\n' for n in numbers], pa.large_string()),
        },
        metadata={"made by": "a test"},
    )


@pytest.fixture
def bulk(model: Path, tmp_path: Path) -> Runner:
    """`bulk(input, output="out", task=…, **settings)` in this process."""

    def call(given: Any, output: Any = None, task: str = "text-classification", **settings: Any) -> Done:
        with ThreadPoolExecutor(1) as executor:
            where = output or tmp_path / "out"
            values = {"part_rows": 90} | settings
            return run(model, task, given, where, settings=BulkSettings(**values), executor=executor, quiet=True)

    return call
