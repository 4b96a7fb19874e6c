"""Rows -> files: CSV, TSV, JSON lines and Parquet, written row by row, whole or not at all."""

import csv
import json
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from ..errors import InputError, MissingExtraError, error_text
from ..files import written_whole
from .source import suffix

WRITABLE = (".csv", ".tsv", ".jsonl", ".parquet")


def check_writable(path: Path) -> None:
    """Raises InputError for a name that says no form, MissingExtraError for Parquet without Polars."""
    if suffix(path) not in WRITABLE or path.name.lower().endswith(".gz"):
        raise InputError(f"{path}: cannot tell its format; name it {', '.join(WRITABLE)}")
    if suffix(path) == ".parquet":
        _polars()


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> int:
    """Write rows of plain values, which have the columns of the first one; returns how many (Parquet holds them all).

    Lists and dicts are JSON in the cells of a CSV. Raises InputError where the file cannot be written.
    """
    check_writable(path)
    form = suffix(path)
    try:
        with ExitStack() as stack:
            temporary = stack.enter_context(written_whole(path))
            if form == ".parquet":
                table = list(rows)
                _polars().DataFrame(table, infer_schema_length=None).write_parquet(temporary)
                return len(table)
            file = stack.enter_context(temporary.open("w", encoding="utf-8", errors="replace", newline=""))
            count = 0
            writer: csv.DictWriter[str] | None = None
            for row in rows:
                count += 1
                if form == ".jsonl":
                    file.write(json.dumps(row, ensure_ascii=False) + "\n")
                    continue
                if writer is None:
                    delimiter = "\t" if form == ".tsv" else ","
                    writer = csv.DictWriter(file, list(row), delimiter=delimiter, extrasaction="ignore")
                    writer.writeheader()
                writer.writerow({name: _cell(value) for name, value in row.items()})
            return count
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror or error_text(error)})") from None


def _cell(value: Any) -> Any:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict | bool) else value


def _polars() -> Any:
    try:
        import polars
    except ImportError:
        raise MissingExtraError("Parquet files need polars: pip install 'distilbert[train]'") from None
    return polars
