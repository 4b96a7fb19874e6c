"""Files -> rows: CSV, TSV, JSONL and Parquet, each row with its place for messages."""

import csv
import io
import json
import math
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import InputError, MissingExtraError, short_repr

TABLES = (".csv", ".tsv", ".jsonl", ".parquet")


@dataclass(frozen=True, slots=True)
class Row:
    """Values by column, and where they stand."""

    place: str
    values: Mapping[str, Any]

    def fault(self, message: str) -> InputError:
        return InputError(f"{self.place}: {message}")

    def text(self, column: str) -> str:
        value = self.values.get(column)
        if not isinstance(value, str):
            raise self.fault(f"{column!r} must be text, not {short_repr(value)}")
        if not value.strip():
            raise self.fault(f"{column!r} is empty")
        return value

    def number(self, column: str) -> float:
        value = self.values.get(column)
        try:
            number = float(value)  # type: ignore[arg-type]
        except (TypeError, ValueError):
            raise self.fault(f"{column!r} must be a number, not {short_repr(value)}") from None
        if not math.isfinite(number):
            raise self.fault(f"{column!r} must be a finite number, not {short_repr(value)}")
        return number

    def texts(self, column: str) -> list[str]:
        value = self.values.get(column)
        if not isinstance(value, list) or not all(isinstance(part, str) for part in value):
            raise self.fault(f"{column!r} must be a list of texts, not {short_repr(value)}")
        return value


def read_table(path: Path, headless: bool) -> tuple[list[str], list[Row]]:
    """The columns' names (from "1" on without a header) and the rows."""
    match suffix(path):
        case ".jsonl":
            rows = list(_json_lines(path))
        case ".parquet":
            rows = list(_parquet(path))
        case _:
            return _separated(path, headless)
    return list(dict.fromkeys(name for row in rows for name in row.values)), rows


def suffix(path: Path) -> str:
    return path.suffix.lower()


def _separated(path: Path, headless: bool) -> tuple[list[str], list[Row]]:
    csv.field_size_limit(sys.maxsize)  # the default, 131,072 characters, is shorter than some documents
    lines = io.StringIO(read_text(path))
    if suffix(path) == ".csv":
        reader = csv.reader(lines, strict=True)
    else:  # a TSV has no quotes: a mark at the beginning of a text is a letter like any other
        reader = csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
    names: list[str] = []
    rows: list[Row] = []
    line = 1
    try:
        for cells in reader:
            place, line = f"{path}:{line}", reader.line_num + 1
            if not cells:
                continue
            if not names:
                names = [str(number) for number in range(1, len(cells) + 1)] if headless else cells
                if len(set(names)) < len(names):
                    raise InputError(f"{place}: two columns have one name; is the first line a header?")
                if not headless:
                    continue
            if len(cells) != len(names):
                raise InputError(f"{place}: has {len(cells)} cells where the first line has {len(names)}")
            rows.append(Row(place, dict(zip(names, cells, strict=True))))
    except csv.Error as error:
        raise InputError(f"{path}:{line}: not valid {suffix(path)[1:].upper()} ({error})") from None
    return names, rows


def _json_lines(path: Path) -> Iterator[Row]:
    for number, line in enumerate(read_text(path).split("\n"), 1):
        if not line.strip():
            continue
        try:
            values = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{path}:{number}: not valid JSON ({error})") from None
        if not isinstance(values, dict):
            raise InputError(f"{path}:{number}: must be an object, not {short_repr(values)}")
        yield Row(f"{path}:{number}", values)


def _parquet(path: Path) -> Iterator[Row]:
    try:
        import polars
    except ImportError:
        raise MissingExtraError("Parquet files need polars: pip install 'distilbert[train]'") from None
    try:
        table = polars.read_parquet(path)
    except Exception as error:  # polars' errors have no public base class
        raise InputError(f"{path}: not a Parquet file that can be read ({str(error).splitlines()[0]})") from None
    for number, values in enumerate(table.iter_rows(named=True), 1):
        yield Row(f"{path}: row {number}", values)


def read_text(path: Path) -> str:
    try:
        content = path.read_bytes()
        text = content.decode("utf-8-sig").replace("\r\n", "\n")
        return text if "\n" in text else text.replace("\r", "\n")  # which ended lines on old Macintoshes
    except UnicodeDecodeError as error:
        raise InputError(f"{path}:{1 + content[: error.start].count(10)}: not UTF-8 text") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
