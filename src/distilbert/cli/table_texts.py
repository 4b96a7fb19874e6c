"""Texts of a column of a table, each with the rest of its row."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ..data.columns import COLUMNS
from ..data.faults import Faults
from ..data.tables import Row, Table, open_table
from ..errors import InputError, name_list

_KNOWN = {role: COLUMNS["text-classification"][role] for role in ("text", "pair")}


class TextOfRow(str):
    """A text, and the values of its row's other columns as `others`."""

    __slots__ = ("others",)
    others: Mapping[str, Any]


def texts_of_table(
    path: Path, column: str | None, *, pairs: bool = False, separator: str | None = None, encoding: str | None = None
) -> tuple[str, Iterator[TextOfRow]]:
    """What was taken for what, in words for a person, and the texts as they are read.

    Without `column` it is guessed by its name. With `pairs` each is two texts with a tab between.

    Raises InputError for what is wrong in the table, and for a column that is not there or cannot be guessed.
    """
    known = {*_KNOWN["text"], *_KNOWN["pair"], "context"} | ({column.lower()} if column else set())
    table = open_table(path, Faults(str(path), at_once=True), separator=separator, encoding=encoding, known=known)
    first = _column(table, "text", column)
    second = _column(table, "pair", None) if pairs else None
    named = f"text from column {first!r}" + (f", pair from column {second!r}" if second else "")

    def texts() -> Iterator[TextOfRow]:
        for row in table.rows:
            text = _cell(row, first)
            made = TextOfRow(text.replace("\t", " ") + "\t" + _cell(row, second) if second else text)
            made.others = {name: value for name, value in row.values.items() if name not in (first, second)}
            yield made

    return ", ".join(filter(None, (table.form, named))), texts()


def _column(table: Table, role: str, said: str | None) -> str:
    lower = {name.strip().lower(): name for name in reversed(table.names)}
    if said is not None and (name := said if said in table.names else lower.get(said.strip().lower())):
        return name
    if said is None:
        known = (*_KNOWN[role], *(("context",) if role == "text" else ()))
        if guess := next((lower[name] for name in known if name in lower), None):
            return guess
        if len(table.names) == 1 and role == "text":
            return table.names[0]
    why = f"has no column {said!r}" if said is not None else f"no column looks like {role!r}"
    way = " say which it is: --column NAME" if role == "text" else ""
    raise InputError(f"{table.source}: {why}; it has {name_list(table.names, 10)};{way}".rstrip(";"))


def _cell(row: Row, column: str) -> str:
    value = row.values.get(column)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise row.fault(f"{column!r} must be text, not {type(value).__name__}")
    return value
