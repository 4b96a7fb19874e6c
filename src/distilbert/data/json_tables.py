"""JSON -> rows: an object a line, a list of objects, and tables as pandas and others write them."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..errors import InputError, error_text, short_repr
from .faults import Faults
from .source import opened_text

_WRAPPERS = ("data", "rows", "examples", "records", "items")  # names under which a list of objects lies

Values = Mapping[str, Any]
Placed = Iterator[tuple[str, Values]]


def json_lines(path: Path, encoding: str, faults: Faults) -> Placed:
    """Each object with its place: one a line or, in a file that is one list, each of its own."""
    with opened_text(path, encoding) as file:
        first = next((line for line in file if line.strip()), "")
        if first.lstrip().startswith("[") and _is_no_row(first):
            yield from json_table(path, encoding, faults)
            return
        file.seek(0)
        for number, line in enumerate(file, 1):
            if line.strip():
                try:
                    yield f"{path}:{number}", _object(json.loads(line))
                except (ValueError, RecursionError) as error:
                    faults.add(InputError(f"{path}:{number}: {_fault(error)}"))


def _is_no_row(line: str) -> bool:
    """Whether a line that opens a list is none by itself, or one of objects."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return True
    return all(isinstance(part, dict) for part in value)


def json_table(path: Path, encoding: str, faults: Faults) -> Placed:
    """Each row with its place of a list of objects, or of an object as pandas writes one; else as `json_lines`."""
    with opened_text(path, encoding) as file:
        try:
            value = json.load(file)
        except json.JSONDecodeError as error:
            if error.msg != "Extra data":
                raise InputError(f"{path}: {_fault(error)}") from None
            value = None
        except (ValueError, RecursionError) as error:
            raise InputError(f"{path}: {_fault(error)}") from None
    if value is None:
        yield from json_lines(path, encoding, faults)
        return
    for number, row in enumerate(_rows_of(value), 1):
        try:
            yield f"{path}: row {number}", _object(row)
        except InputError as error:
            faults.add(InputError(f"{path}: row {number}: {error}"))


def _rows_of(value: Any) -> list[Any]:
    """The rows of a list, or of an object: one of rows, one of columns, or a row itself."""
    if not isinstance(value, dict):
        return value if isinstance(value, list) else [value]
    for name in _WRAPPERS:
        inside = value.get(name)
        if isinstance(inside, list) and inside and isinstance(inside[0], dict):
            return inside
    names, rows = value.get("columns"), value.get("data")
    if isinstance(names, list) and isinstance(rows, list) and all(isinstance(row, list) for row in rows):  # "split"
        return [dict(zip(map(str, names), row)) for row in rows]
    columns = list(value.values())
    if columns and all(isinstance(column, dict) for column in columns):
        if all(name.isdecimal() for name in value):  # "index"
            return columns
        return [{name: column.get(key) for name, column in value.items()} for key in columns[0]]  # "columns"
    if columns and all(isinstance(column, list) for column in columns) and len(set(map(len, columns))) == 1:
        return [dict(zip(value, row, strict=True)) for row in zip(*columns, strict=True)]
    return [value]


def _object(value: object) -> Values:
    match value:
        case [str() as text, dict() as about]:  # spaCy's training data
            return {"text": text, **about}
    if not isinstance(value, dict):
        raise InputError(f"must be an object, not {short_repr(value)}")
    return value


def _fault(error: Exception) -> str:
    return str(error) if isinstance(error, InputError) else f"not valid JSON ({error_text(error)})"
