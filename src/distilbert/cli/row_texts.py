"""A text that has come from a table, with the rest of its row."""

from collections.abc import Mapping
from typing import Any


class TextOfRow(str):
    """A text, and the values of its row's other columns as `others`."""

    __slots__ = ("others",)
    others: Mapping[str, Any]


def of_row(text: str, others: Mapping[str, Any]) -> TextOfRow:
    made = TextOfRow(text)
    made.others = others
    return made


def beside(text: str, part: str) -> str:
    """A part of a text, with the row of that text if it has one."""
    return of_row(part, text.others) if isinstance(text, TextOfRow) else part
