"""Rows -> labelled texts: what kind of labels they are, and which there are."""

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import short_repr
from .examples import Data, LabelledText, Problem
from .tables import Row

_MOST_CLASSES = 20  # more whole numbers than this are a quantity, not classes


def labelled(
    path: Path,
    rows: Sequence[Row],
    found: Mapping[str, str],
    labels: Sequence[str] | None,
    problem: Problem | None,
) -> Data[LabelledText]:
    column = found["label"]
    values = [row.values.get(column) for row in rows]
    for row, value in zip(rows, values, strict=True):
        if value is None or (isinstance(value, str) and not value.strip()):
            raise row.fault(f"the label ({column!r}) is missing")
    guessed = "" if problem else f"a {(problem := _problem(values))} problem"
    texts: list[str | tuple[str, str]] = []
    for row in rows:
        text = row.text(found["text"])
        texts.append((text, row.text(found["pair"])) if "pair" in found else text)
    if problem == "regression":
        numbers = [LabelledText(text, row.number(column)) for text, row in zip(texts, rows, strict=True)]
        return Data(str(path), numbers, tuple(labels or (column,)), problem, guessed)
    if problem == "multi-label":
        sets = [_several(row, column) for row in rows]
        examples = [LabelledText(text, label) for text, label in zip(texts, sets, strict=True)]
        return Data(str(path), examples, known_labels(rows, sets, labels, _by_number), problem, guessed)
    singles = [_single(row, column) for row in rows]
    examples = [LabelledText(text, label) for text, label in zip(texts, singles, strict=True)]
    return Data(
        str(path), examples, known_labels(rows, [[label] for label in singles], labels, _by_number), problem, guessed
    )


def _problem(values: Sequence[Any]) -> Problem:
    """What labels look like."""
    if any(isinstance(value, list) for value in values):
        return "multi-label"
    try:
        numbers = [float(value) for value in values if not isinstance(value, bool)]
    except (TypeError, ValueError):
        return "single-label"
    fractions = any(
        not number.is_integer() for number in numbers
    )  # a NaN too: it is refused as a number, with its place
    return "regression" if fractions or len(set(numbers)) > _MOST_CLASSES else "single-label"


def _single(row: Row, column: str) -> str:
    value = row.values[column]
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, str | int):
        raise row.fault(f"the label ({column!r}) must be a text or a number, not {short_repr(value)}")
    return str(value).strip()


def _several(row: Row, column: str) -> tuple[str, ...]:
    value = row.values[column]
    listed = [part.strip() for part in value.split(",")] if isinstance(value, str) else value
    if not isinstance(listed, list) or not all(isinstance(part, str | int) for part in listed):
        raise row.fault(f"the labels ({column!r}) must be a list of texts, not {short_repr(value)}")
    return tuple(dict.fromkeys(str(part) for part in listed if part != ""))


def _by_number(labels: Collection[str]) -> list[str]:
    numbers = all(label.lstrip("-").isdecimal() for label in labels)
    return sorted(labels, key=int) if numbers else sorted(labels)


def known_labels(
    rows: Sequence[Row],
    own: Sequence[Sequence[str]],
    labels: Sequence[str] | None,
    ordered: Callable[[Collection[str]], list[str]],
) -> tuple[str, ...]:
    """The labels there are: those given, which every row's own must be among, or else all of the rows'."""
    if labels is None:
        return tuple(ordered({label for each in own for label in each}))
    for row, each in zip(rows, own, strict=True):
        for label in each:
            if label not in labels:
                raise row.fault(f"label {label!r} is unknown; there are {', '.join(map(repr, labels))}")
    return tuple(labels)
