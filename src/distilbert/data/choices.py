"""Rows -> prompts with what may follow them, and which of it is right."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import short_repr
from .cells import is_missing, label_name, listed_parts
from .columns import choice_columns
from .examples import Choices, Data
from .faults import Faults
from .tables import Row


@dataclass(frozen=True, slots=True)
class _Given:
    """What a row says. `keys` are the names of the choices, where it has some."""

    row: Row
    prompt: str
    choices: list[str]
    keys: list[str]
    label: Any


def choice_data(
    source: str, rows: Sequence[Row], found: Mapping[str, str], names: Sequence[str], faults: Faults
) -> Data[Choices]:
    """Labels are a choice itself, its name or letter, or its number: from 1 on where the last is one, and none is 0."""
    given = faults.each(rows, lambda row: _given(row, found, names))
    numbers = [(_number(each.label), len(each.choices)) for each in given if not each.keys]
    first = int(all(number for number, _ in numbers) and any(number == count for number, count in numbers))
    examples = faults.each(given, lambda each: Choices(each.prompt, tuple(each.choices), _right(each, first)))
    return Data(source, examples, guessed="labels counted from 1 on" if first else "")


def _given(row: Row, found: Mapping[str, str], names: Sequence[str]) -> _Given:
    choices: Any
    keys: Any = None
    if found["choices"]:
        choices = row.values.get(found["choices"])
        if isinstance(choices, dict):
            choices, keys = choices.get("text"), choices.get("label")
        choices = listed_parts(choices)
    else:
        choices = [row.text(name) for name in choice_columns(names)]
    if not isinstance(choices, list) or len(choices) < 2 or not all(isinstance(c, str) and c.strip() for c in choices):
        raise row.fault(f"the choices must be two texts at least, not {short_repr(row.values.get(found['choices']))}")
    named = isinstance(keys, list) and len(keys) == len(choices) and all(isinstance(key, str | int) for key in keys)
    label = row.values.get(found["label"])
    return _Given(row, row.text(found["prompt"]), choices, list(map(str, keys)) if named else [], label)


def _number(label: Any) -> int | None:
    """A whole number, also as a text; None for any other label."""
    if isinstance(label, str | int | float) and not isinstance(label, bool) and not is_missing(label):
        name = label_name(label)
        return int(name) if name.lstrip("-").isdecimal() else None
    return None


def _right(given: _Given, first: int) -> int:
    """The index of the right choice; `first` is the number of the first one."""
    label, choices = given.label, given.choices
    if isinstance(label, str) and label in choices:
        return choices.index(label)
    if str(label) in given.keys:
        return given.keys.index(str(label))
    if isinstance(label, str) and len(label.strip()) == 1 and label.strip().isascii() and label.strip().isalpha():
        right: int | None = ord(label.strip().lower()) - ord("a")
    else:
        number = _number(label)
        right = None if number is None else number - first
    if right is None:
        raise given.row.fault(
            f"the label must be a choice, its letter or its number from {first} on, not {short_repr(label)}"
        )
    if not 0 <= right < len(choices):
        raise given.row.fault(f"the label must be from {first} to {len(choices) - 1 + first}, not {short_repr(label)}")
    return right
