"""Texts of a column of a table, each with the rest of its row."""

import math
from collections.abc import Collection, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from ..data.cells import listed_parts
from ..data.columns import COLUMNS, by_usual_name, choice_columns, columns_of_pair, without_header
from ..data.dialect import Stated
from ..data.faults import Faults
from ..data.file_names import is_table, suffix
from ..data.tables import Row, Table, open_table
from ..errors import InputError, name_list, short_repr
from .row_texts import TextOfRow, of_row

_KNOWN = {role: COLUMNS["text-classification"][role] for role in ("text", "pair")}
_KNOWN |= {role: COLUMNS["multiple-choice"][role] for role in ("prompt", "choices")}
_LOOKED_AT = 1000  # rows that show whether there is a header
_LONGEST_NAME = 3  # words of a column's name: a first line of more is a text, and the table has no header


def texts_of_table(
    path: Path, column: str | None, *, pairs: bool = False, separator: str | None = None, encoding: str | None = None
) -> tuple[str, Iterator[TextOfRow]]:
    """What was taken for what, in words for a person, and the texts as they are read.

    Without `column` it is guessed by its name; a number is that of a column of a file without a header. With `pairs`
    each is two texts with a tab between.

    Raises InputError for what is wrong in the table, and for a column that is not there or cannot be guessed.
    """
    known = {*_KNOWN["text"], *_KNOWN["pair"], "context"} | ({column.lower()} if column else set())

    def opened(*, headless: bool = False) -> Table:
        return open_table(path, Faults(str(path), at_once=True), Stated(separator, None, encoding, headless, known))

    table = opened()
    if column is not None and column.isdecimal() and column not in table.names:
        table = opened(headless=True)
    elif column is None and not pairs and by_usual_name(table.names).keys().isdisjoint(known):
        found = without_header(table, "text-classification", list(islice(table.rows, _LOOKED_AT)))
        table, column = opened(headless=found is not None), found[0]["text"] if found else None
    pair = columns_of_pair(by_usual_name(table.names)) if pairs and column is None else {}
    first = pair.get("text") or _column(table, "text", column)
    second = pair.get("pair") or (_column(table, "pair", None) if pairs else None)
    named = f"text from column {first!r}" + (f", pair from column {second!r}" if second else "")
    named += "" if table.has_header else ", no header"

    def texts() -> Iterator[TextOfRow]:
        for row in table.rows:
            text = _cell(row, first)
            if second:
                text = text.replace("\t", " ") + "\t" + _cell(row, second)
            yield of_row(text, _others(table, row, (first, second)))

    return ", ".join(filter(None, (table.form, named))), texts()


def has_choices(path: Path) -> bool:
    """Whether a file is a table of prompts and choices: a .tsv may also be lines of them, without names of columns."""
    if suffix(path) != ".tsv" or not path.is_file():
        return is_table(path)
    with path.open(encoding="utf-8", errors="replace") as file:
        names = {cell.strip().lower() for cell in file.readline().split("\t")}
    return not names.isdisjoint(_KNOWN["prompt"])


def choices_of_table(path: Path) -> tuple[str, Iterator[tuple[TextOfRow, list[str]]]]:
    """What was taken for what, and a prompt with its choices for each row: a list in a cell, or choice1, choice2, …

    Raises InputError for what is wrong in the table, and where no column can be guessed.
    """
    known = {*_KNOWN["prompt"], *_KNOWN["choices"]}
    table = open_table(path, Faults(str(path), at_once=True), Stated(known=known))
    prompt = _column(table, "prompt", None)
    columns = choice_columns(table.names)
    if len(columns) < 2:
        columns = [_column(table, "choices", None)]

    def rows() -> Iterator[tuple[TextOfRow, list[str]]]:
        for row in table.rows:
            choices = [_cell(row, name) for name in columns] if len(columns) > 1 else _choices(row, columns[0])
            yield of_row(_cell(row, prompt), _others(table, row, (prompt, *columns))), choices

    named = f"prompt from column {prompt!r}, choices from {name_list(columns, 5)}"
    return ", ".join(filter(None, (table.form, named))), rows()


def _choices(row: Row, column: str) -> list[str]:
    choices = listed_parts(row.values.get(column))
    if choices is None or not all(isinstance(choice, str) for choice in choices):
        raise row.fault(f"{column!r} must be a list of texts, not {short_repr(row.values.get(column))}")
    return choices


def _others(table: Table, row: Row, taken: Collection[str | None]) -> dict[str, Any]:
    """The values of the other columns; None for one that a row lacks, and for NaN."""
    values = {name: row.values.get(name) for name in table.names if name not in taken}
    values |= {name: value for name, value in row.values.items() if name not in values and name not in taken}
    nan = [name for name, value in values.items() if isinstance(value, float) and math.isnan(value)]
    return values | dict.fromkeys(nan)


def _column(table: Table, role: str, given: str | None) -> str:
    lower = by_usual_name(table.names)
    if not table.names:
        raise InputError(f"{table.source}: is empty; a table begins with the names of its columns")
    if given is not None and (name := given if given in table.names else lower.get(given.strip().lower())):
        return name
    if given is None:
        known = (*_KNOWN[role], *(("context",) if role == "text" else ()))
        if guess := next((lower[name] for name in known if name in lower), None):
            return guess
        if len(table.names) == 1 and role == "text" and len(table.names[0].split()) <= _LONGEST_NAME:
            return table.names[0]
    why = f"has no column {given!r}" if given is not None else f"no column looks like {role!r}"
    way = " say which it is: --column NAME" if role == "text" else ""
    if len(table.names) == 1 and table.has_header:
        way += "; or name it .txt, where each of its lines is a text"
    raise InputError(f"{table.source}: {why}; it has {name_list(table.names, 10)};{way}".rstrip(";"))


def _cell(row: Row, column: str) -> str:
    value = row.values.get(column)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise row.fault(f"{column!r} must be text, not {type(value).__name__}")
    row.check_length(column, value)
    return value
