"""Rows -> files: CSV, TSV, JSON lines and Parquet, in bounded memory, written whole or not at all."""

import csv
import json
from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

from ..errors import InputError, error_text, translated
from ..files import written_whole
from .file_names import TABLES, suffix
from .parquet import polars_library

_PART_ROWS = 1 << 13  # of a Parquet file that are held at once


def check_writable(path: Path) -> None:
    """Raises InputError for a name that says no form, MissingExtraError for Parquet without Polars."""
    if suffix(path) not in TABLES or path.name.lower().endswith(".gz"):
        raise InputError(f"{path}: cannot tell its format; name it {', '.join(TABLES)}")
    if suffix(path) == ".parquet":
        polars_library()


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> int:
    """Write rows of plain values as they come; returns how many there are.

    Those of a CSV have the columns of the first one, and lists and dicts are JSON in its cells.

    Raises InputError where the file cannot be written, and for a row with a column or a kind of value that the form
    has no place for.
    """
    check_writable(path)
    form = suffix(path)
    with translated(OSError, InputError, f"{path}: cannot be written"), written_whole(path) as temporary:
        if form == ".parquet":
            return _write_parquet(path, temporary, rows)
        with temporary.open("w", encoding="utf-8", errors="replace", newline="") as file:
            if form == ".jsonl":
                return _write_json_lines(file, rows)
            return _write_separated(path, file, rows, "\t" if form == ".tsv" else ",")


def _write_json_lines(file: TextIO, rows: Iterable[Mapping[str, Any]]) -> int:
    count = 0
    for count, row in enumerate(rows, 1):  # noqa: B007
        file.write(_json(row) + "\n")
    return count


def _write_separated(path: Path, file: TextIO, rows: Iterable[Mapping[str, Any]], separator: str) -> int:
    writer, names, count = csv.writer(file, delimiter=separator), [], 0
    for count, row in enumerate(rows, 1):
        if count == 1:
            names = list(row)
            writer.writerow(names)
        if more := [name for name in row if name not in names]:
            raise InputError(f"{path}: row {count:,} has a column {more[0]!r} that the first has not; write .jsonl")
        writer.writerow([_cell(row.get(name)) for name in names])
    return count


def _write_parquet(path: Path, temporary: Path, rows: Iterable[Mapping[str, Any]]) -> int:
    """In parts, which are joined at the end: a part's columns may have what those before lack."""
    polars = polars_library()
    rows, count = iter(rows), 0
    parts: list[Path] = []
    try:
        while part := list(islice(rows, _PART_ROWS)):
            parts.append(temporary.with_name(f"{len(parts)}.parquet"))
            polars.DataFrame(part, infer_schema_length=None).write_parquet(parts[-1])
            count += len(part)
        frames = [polars.scan_parquet(part) for part in parts] or [polars.LazyFrame()]
        polars.concat(frames, how="diagonal_relaxed").sink_parquet(temporary)
    except (OverflowError, polars.exceptions.PolarsError) as error:
        why = error_text(error)
        raise InputError(f"{path}: Parquet has no place for these values ({why}); write .jsonl") from None
    return count


def _cell(value: Any) -> Any:
    return _json(value) if isinstance(value, list | dict | bool) else value


def _json(value: Any) -> str:
    """Dates and the like are texts."""
    return json.dumps(value, ensure_ascii=False, default=str)
