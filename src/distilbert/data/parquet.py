"""Parquet files -> rows, by Polars, and the names of classes that `datasets` writes into them."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..errors import InputError, import_extra, translated
from .class_names import class_names
from .frames import frame_rows


def polars_library() -> Any:
    """Polars. Raises MissingExtraError."""
    return import_extra("polars", "Parquet files need polars: pip install 'distilbert[train]'")


def parquet_rows(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each row with its place, its values as those of a frame. Raises InputError for a file that cannot be read."""
    polars = polars_library()
    # polars' errors have no public base class
    with translated(Exception, InputError, f"{path}: not a Parquet file that can be read"):
        table = polars.read_parquet(path)
    for number, values in enumerate(frame_rows(table)[1], 1):
        yield f"{path}: row {number}", values


def parquet_class_names(path: Path) -> dict[str, tuple[str, ...]]:
    """column -> the names of its classes, where the file has them."""
    polars = polars_library()
    try:
        about = json.loads(polars.read_parquet_metadata(path)["huggingface"])
        return class_names(about["info"]["features"])
    except Exception:  # no such entry, or another form of it: the columns are what they are
        return {}
