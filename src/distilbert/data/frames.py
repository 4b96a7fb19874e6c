"""Python's tables -> rows, by what they can do: no library of frames is imported that the caller does not have."""

import contextlib
import datetime
import decimal
import enum
import importlib
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from typing import Any

import numpy as np

from ..errors import InputError, MissingExtraError, short_repr

Values = Mapping[str, Any]


def is_frame(value: object) -> bool:
    """Whether this is a table of another library, not one column of it."""
    if isinstance(value, type):
        return False
    names = ("columns", "column_names", "__dataframe__")  # of the class: a lazy frame finds out its columns when asked
    return not isinstance(value, str | bytes | Mapping) and any(hasattr(type(value), name) for name in names)


def frame_columns(value: Any) -> tuple[str, ...]:
    """The names of a frame's columns."""
    names: Any = getattr(value, "column_names", None)
    if names is None:
        names = value.collect_schema().names() if hasattr(value, "collect_schema") else getattr(value, "columns", ())
    return tuple(map(str, names() if callable(names) else names))


def frame_name(value: object) -> str:
    """What messages call it."""
    kind = type(value).__name__
    return {"list": "the list", "dict": "the dict", "generator": "the iterable"}.get(kind, f"the {kind}")


def frame_rows(value: Any) -> tuple[tuple[str, ...], Iterator[Values]]:
    """The names of the columns, as far as they are known before the rows, and each row's values.

    Values of NumPy and of frames are given as Python's own, and bytes of UTF-8 as text; what stands for a missing one
    (NaN, NaT, NA) is None.

    Raises:
        InputError: for what is no table.
        MissingExtraError: for a stream of Arrow's where neither pyarrow nor Polars is installed.
    """
    names, rows = _rows(value)
    return names, ({str(name): _plain(part) for name, part in row.items()} for row in rows)


def _rows(value: Any) -> tuple[tuple[str, ...], Iterator[Values]]:
    if hasattr(value, "collect_schema") and hasattr(value, "collect"):  # Polars' LazyFrame
        value = value.collect()
    if hasattr(value, "iter_rows"):  # Polars
        return frame_columns(value), value.iter_rows(named=True)
    if hasattr(value, "itertuples"):  # pandas
        levels = [name for name in getattr(value.index, "names", ()) if name is not None]
        if levels and not set(levels) & set(value.columns):
            value = value.reset_index(level=levels)  # an index with a name is a column, as in a CSV
        names = frame_columns(value)
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise InputError(f"{frame_name(value)}: two columns have one name, {twice!r}")
        return names, (dict(zip(names, row, strict=True)) for row in value.itertuples(index=False, name=None))
    if hasattr(value, "to_batches"):  # pyarrow's Table
        return frame_columns(value), chain.from_iterable(batch.to_pylist() for batch in value.to_batches())
    if hasattr(value, "to_pylist") and hasattr(value, "column_names"):  # its Dataset's batches
        return frame_columns(value), iter(value.to_pylist())
    if isinstance(value, np.ndarray):
        return _array_rows(value)
    if hasattr(value, "column_names") and hasattr(value, "__iter__") and not isinstance(value, Mapping):
        value = value.with_format(None) if hasattr(value, "with_format") else value  # not as tensors or frames
        return tuple(value.column_names or ()), iter(value)  # a datasets.Dataset, also a streamed one
    if hasattr(value, "to_frame") and hasattr(value, "dtype"):
        raise InputError(f"a {type(value).__name__} is one column; give the table that it is from")
    if hasattr(value, "__arrow_c_stream__") or hasattr(value, "__dataframe__"):
        return _rows(_through_arrow(value))
    if isinstance(value, Mapping):
        return _column_rows(value)
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        raise InputError(f"give a file or a table, not {short_repr(value)}")
    return _iterable_rows(value)


def _array_rows(value: np.ndarray) -> tuple[tuple[str, ...], Iterator[Values]]:
    if value.dtype.names:
        return value.dtype.names, (dict(zip(value.dtype.names, row.tolist(), strict=True)) for row in value)
    if value.ndim not in (1, 2):
        raise InputError(f"an array must have one column or several, not {value.ndim} dimensions")
    return _iterable_rows(value.tolist())


def _column_rows(columns: Mapping[Any, Any]) -> tuple[tuple[str, ...], Iterator[Values]]:
    names = tuple(map(str, columns))
    if any(is_frame(column) or hasattr(column, "column_names") for column in columns.values()):
        raise InputError(f"has several tables ({', '.join(names)}); give one of them")
    lists = [column for column in columns.values() if hasattr(column, "__len__") and not isinstance(column, str)]
    if not lists or len(lists) < len(names) or len({len(column) for column in lists}) > 1:
        raise InputError("a dict must have columns of one length, each a list under its name")
    return names, (dict(zip(names, row, strict=True)) for row in zip(*columns.values(), strict=True))


def _iterable_rows(values: Iterable[Any]) -> tuple[tuple[str, ...], Iterator[Values]]:
    rows = iter(values)
    first = next(rows, None)
    if first is None:
        return (), iter(())
    as_row: Callable[[Any], Values]
    if isinstance(first, Mapping):
        names, as_row = tuple(map(str, first)), dict
    elif isinstance(first, str):
        names, as_row = ("1",), lambda value: {"1": value}
    elif isinstance(first, tuple | list):
        names = tuple(str(number) for number in range(1, len(first) + 1))
        as_row = lambda value: dict(zip(names, value, strict=True))  # noqa: E731
    else:
        raise InputError(f"the rows of a table must be dicts or tuples, not {short_repr(first)}")

    def made() -> Iterator[Values]:
        for number, row in enumerate(chain([first], rows), 1):
            try:
                yield as_row(row)
            except (TypeError, ValueError):
                raise InputError(f"row {number} is not like the first one: {short_repr(row)}") from None

    return names, made()


def _through_arrow(value: Any) -> Any:
    for library, function in (("pyarrow", "table"), ("polars", "DataFrame")):
        try:
            module = importlib.import_module(library)
        except ImportError:
            continue
        if hasattr(value, "__arrow_c_stream__"):
            return getattr(module, function)(value)
        if library == "polars":
            return module.from_dataframe(value)
        return importlib.import_module("pyarrow.interchange").from_dataframe(value)
    raise MissingExtraError("tables of Arrow's need pyarrow or polars: pip install pyarrow")


def _plain(value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, np.ndarray):
        return [_plain(part) for part in value.tolist()]
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    if isinstance(value, set | frozenset):
        return sorted(map(_plain, value), key=str)
    if isinstance(value, enum.Enum) and not isinstance(value, str):
        return value.value
    if hasattr(value, "to_list") and hasattr(value, "dtype"):  # a Polars Series in a cell
        return [_plain(part) for part in value.to_list()]
    if isinstance(value, float) and math.isnan(value):
        return None
    if type(value).__name__ in ("NAType", "NaTType"):  # pandas'
        return None
    if isinstance(value, datetime.date):
        return str(value)
    if isinstance(value, decimal.Decimal):  # of databases
        whole = value.is_finite() and value == value.to_integral_value()
        return None if value.is_nan() else int(value) if whole else float(value)
    if isinstance(value, bytes):  # of Spark and Hive, which do not say that it is text
        with contextlib.suppress(UnicodeDecodeError):
            return value.decode()
    return value
