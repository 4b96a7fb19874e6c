"""JSON -> rows: an object a line, a list of objects, and tables as pandas and others write them."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..errors import InputError, error_text, name_list, naming, short_repr
from .cells import json_value
from .class_names import class_names, with_class_names
from .faults import Faults
from .foreign_files import no_json_lines
from .source import opened_text

# names under which a list of objects lies: also Rasa's and LUIS's
_WRAPPERS = ("data", "rows", "examples", "records", "items", "results", "common_examples", "utterances")

_SAMPLE = 1 << 12  # characters by which what is no JSON is known
_DECODER = json.JSONDecoder()
_VALUE = re.compile(r"[\s,]*[^\s,]")  # what is between values, and the first character of the next

Values = Mapping[str, Any]
Placed = Iterator[tuple[str, Values]]


def json_lines(path: Path, encoding: str, faults: Faults, *, one_value: bool | None = None) -> Placed:
    """Each object with its place: one a line or, in a file that is one list, each of its own.

    `one_value`: whether the file is known to be one; None: it is not known.

    Objects that go over several lines, or stand on one, are read where the first line is no value by itself.
    """
    with opened_text(path, encoding) as file:
        sample = file.read(_SAMPLE)
        if other := no_json_lines(sample):
            raise InputError(f"{path}:1: is {other}")
        file.seek(0)
        lines = (line for line in file if line.strip())
        first, second = next(lines, ""), next(lines, "")
        if one_value is not False and first.lstrip().startswith("[") and _is_no_row(first):
            yield from json_table(path, encoding, faults)
            return
        if _goes_on(first.strip(), second):
            file.seek(0)
            yield from _stream(path, file.read(), faults)
            return
        file.seek(0)
        for number, line in enumerate(file, 1):
            if line.strip():
                try:
                    yield f"{path}:{number}", _object(json.loads(line))
                except (ValueError, RecursionError) as error:
                    faults.add(InputError(f"{path}:{number}: {_fault(error)}"))


def _goes_on(line: str, following: str) -> bool:
    """Whether an object has not its end in its line, and so has not the next, or another is behind it."""
    if not line.startswith("{"):
        return False
    try:
        _, end = _DECODER.raw_decode(line)
    except (ValueError, RecursionError):
        return json_value(following) is ...
    return line[end:].lstrip()[:1] in ("{", ",")


def _stream(path: Path, text: str, faults: Faults) -> Placed:
    """Objects with nothing, blanks, line ends or commas between them."""
    at, line = 0, 1
    while match := _VALUE.search(text, at):
        line += text.count("\n", at, match.end() - 1)
        place = f"{path}:{line}"
        try:
            value, end = _DECODER.raw_decode(text, match.end() - 1)
        except (ValueError, RecursionError) as error:
            faults.add(InputError(f"{place}: {_fault(error)}; nothing behind it can be read"))
            return
        line += text.count("\n", match.end() - 1, end)
        at = end
        try:
            yield place, _object(value)
        except InputError as error:
            faults.add(InputError(f"{place}: {error}"))


def _is_no_row(line: str) -> bool:
    """Whether a line that opens a list is none by itself, or one of objects."""
    value = json_value(line)
    return value is ... or all(isinstance(part, dict) for part in value)


def json_table(path: Path, encoding: str, faults: Faults) -> Placed:
    """Each row with its place of a list of objects, or of an object as pandas writes one; else as `json_lines`."""
    with opened_text(path, encoding) as file:
        text = file.read()
        try:
            value = json.loads(text)
        except json.JSONDecodeError as error:
            if error.msg != "Extra data":
                other = no_json_lines(text[:_SAMPLE])
                raise InputError(f"{path}: is {other}" if other else f"{path}: {_fault(error)}") from None
            value = None
        except (ValueError, RecursionError) as error:
            raise InputError(f"{path}: {_fault(error)}") from None
    if value is None:
        yield from json_lines(path, encoding, faults, one_value=False)
        return
    with naming(path):
        rows = _rows_of(value)
    for number, row in enumerate(rows, 1):
        try:
            yield f"{path}: row {number}", _object(row)
        except InputError as error:
            faults.add(InputError(f"{path}: row {number}: {error}"))


def _rows_of(value: Any) -> list[Any]:
    """The rows of a list, or of an object: one of rows, one of columns, or a row itself."""
    if not isinstance(value, dict):
        return value if isinstance(value, list) else [value]
    for name in _WRAPPERS:
        if inside := _objects_under(value, name):
            plain = [
                row["row"] if isinstance(row, dict) and isinstance(row.get("row"), dict) else row for row in inside
            ]
            return with_class_names(plain, class_names(value.get("features")))
    only = next(iter(value.values())) if len(value) == 1 else None
    if isinstance(only, dict) and any(_objects_under(only, name) for name in _WRAPPERS):
        return _rows_of(only)
    names, rows = value.get("columns"), value.get("data")
    if isinstance(names, list) and isinstance(rows, list) and all(isinstance(row, list) for row in rows):  # "split"
        return [dict(zip(map(str, names), row)) for row in rows]
    columns = list(value.values())
    if len(columns) > 1 and all(
        isinstance(column, list) and column and isinstance(column[0], dict | list) for column in columns
    ):
        raise InputError(f"has several tables ({name_list(list(value))}); give each a file of its own")
    if columns and all(isinstance(column, dict) for column in columns):
        if all(name.isdecimal() for name in value):  # "index"
            return columns
        return [{name: column.get(key) for name, column in value.items()} for key in columns[0]]  # "columns"
    if columns and all(isinstance(column, list) for column in columns) and len(set(map(len, columns))) == 1:
        return [dict(zip(value, row, strict=True)) for row in zip(*columns, strict=True)]
    return [value]


def _objects_under(value: Mapping[str, Any], name: str) -> list[Any]:
    """The list that begins with an object; empty for any other value."""
    inside = value.get(name)
    return inside if isinstance(inside, list) and inside and isinstance(inside[0], dict) else []


def _object(value: object) -> Values:
    match value:
        case [str() as text, dict() as about]:  # spaCy's training data
            return {"text": text, **about}
        case [first, second, *_] if isinstance(first, str) or isinstance(second, str):  # columns without names
            return {str(number): part for number, part in enumerate(value, 1)}
    if not isinstance(value, dict):
        raise InputError(f"must be an object, not {short_repr(value)}")
    return value


def _fault(error: Exception) -> str:
    return str(error) if isinstance(error, InputError) else f"not valid JSON ({error_text(error)})"
