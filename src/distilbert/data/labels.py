"""Labels as tables write them -> one name for one label."""

import re
import shlex
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..errors import InputError, name_list
from .cells import alike_key, label_name
from .examples import Data

_TAG = re.compile(r"[BIESLUM]-.+")
_TRUTH = {"0": "false", "1": "true"}
_OTHER_TRUTH = {**_TRUTH, "false": "0", "true": "1"}
_PLACEHOLDER = re.compile(r"label_(\d+)", re.IGNORECASE)


class LabelNames:
    """From what a table says to the labels that there are.

    Args:
        names: what the caller says of names: label -> its name, or "" for rows that have none. Names alone stand for
            themselves and, where none is a number, for the whole numbers from 0 on.
        known: the labels that there are; None: whatever the table has.
        classes: what whole numbers stand for, as far as the table itself knows.
        open_ended: whether labels that are not `known` are taken as they are, and counted in `unseen`.
    """

    def __init__(
        self,
        names: Mapping[str, str] | Sequence[str] | None = None,
        known: Sequence[str] | None = None,
        classes: Sequence[str] = (),
        *,
        open_ended: bool = False,
    ) -> None:
        names = names if isinstance(names, Mapping) else {name: name for name in names or ()}
        self._names = {label_name(label): name for label, name in names.items()}
        self.known = None if known is None else tuple(known)
        self.in_order = names_in_order(names)
        self._classes = self.in_order or tuple(classes)
        self.of_table = bool(classes) and not self.in_order  # whether whole numbers are the table's classes
        self._counted = False  # whether a whole number was one of `_classes`
        self._by_name = _unique(self.known or (), label_name)
        self._by_looks = _unique(self.known or (), lambda label: alike_key(label_name(label)))
        self._numbered = bool(self.known) and all(_PLACEHOLDER.fullmatch(label) for label in self.known or ())
        self._open_ended = open_ended
        self._numbers_are_truth = False
        self.unseen: Counter[str] = Counter()
        self.seen = 0  # values that were names of known labels
        self._changed: dict[str, str] = {}

    def __call__(self, value: object) -> str:
        """The label's name, "" for one that is none. Raises InputError, without a place, for an unknown one."""
        given = label_name(value)
        if self._numbers_are_truth:
            given = _TRUTH.get(given, given)
        if given in self._names:
            named = self._names[given]
            return self._known(named) if named else ""
        if self._classes and given.isdecimal() and int(given) < len(self._classes):
            given, self._counted = self._classes[int(given)], True
        elif self.in_order and given.lstrip("-").isdecimal():
            raise InputError(
                f"label {given!r} has no name: {name_list(self.in_order)} are those of 0 to {len(self.in_order) - 1}; "
                f"else name each: --labels {given}=NAME …, in Python labels={{{given!r}: 'NAME', …}}"
            )
        return self._known(given)

    def take_numbers_for_truth(self) -> None:
        """0 and 1 are false and true."""
        self._numbers_are_truth = True

    def is_named(self, value: object) -> bool:
        """Whether what a table says is a label's name, or has one."""
        given = label_name(value)
        return given in self._names or given in (self.known or ())

    def explains(self, value: object) -> bool:
        """Whether a label is a name, or a number of which it is known what it stands for."""
        given = label_name(value)
        known = self.known is not None or bool(self._classes) or given in self._names
        return known or not given.lstrip("-").isdecimal()

    def _known(self, label: str) -> str:
        if self.known is None or label in self.known:
            self.seen += 1
            return label
        found = self._by_name.get(label) or self._by_looks.get(alike_key(label))
        found = found or self._by_name.get(_OTHER_TRUTH.get(label, ""))
        number = _PLACEHOLDER.fullmatch(label)
        index = int(number[1]) if number else int(label) if self._numbered and label.isdecimal() else -1
        if self._numbered and label in self.in_order:
            index = self.in_order.index(label)
        if found is None and 0 <= index < len(self.known):
            found = self.known[index]
        if found is None and self._open_ended:
            self.unseen[label] += 1
            return label
        if found is None:
            raise InputError(
                f"label {label!r} is unknown; there are {', '.join(map(repr, self.known))}{self._way(label)}"
            )
        self.seen += 1
        if label_name(found) != label:
            self._changed[label] = found
        return found

    @property
    def every(self) -> tuple[str, ...] | None:
        """The labels that there are, and behind them those that were not known; None for whatever the table has."""
        return None if self.known is None else (*self.known, *by_number(self.unseen))

    @property
    def remarks(self) -> list[str]:
        """What was taken for another name without being told, in words; empty where nothing was."""
        changed = ", ".join(f"{given} = {name}" for given, name in self._changed.items())
        return [f"taken for the model's: {changed}"] if changed else []

    def in_their_order(self, labels: Sequence[str]) -> tuple[str, ...]:
        """The labels of a table; those that its whole numbers stand for come first, and all of them."""
        return tuple(dict.fromkeys((*self._classes, *labels) if self._counted else labels))

    def _way(self, label: str) -> str:
        """How to say what a table's labels mean, with the known label that begins like this one, if it is but one."""
        assert self.known is not None
        pairs = " ".join(f"{index}={label}" for index, label in enumerate(self.known[:3]))
        dots = " …" if len(self.known) > 3 else ""
        if label.lstrip("-").isdecimal():
            said = f"--labels {pairs}{dots}, in Python labels={{…}}"
        else:
            begun = [name for name in self.known if _one_begins_the_other(alike_key(name), alike_key(label))]
            name = begun[0] if len(begun) == 1 else "NAME"
            said = f"--labels {shlex.quote(label)}={shlex.quote(name)} …, in Python labels={{{label!r}: {name!r}, …}}"
        return f". If the data has other names for them, say so: {said}"


def names_in_order(names: Mapping[str, str]) -> tuple[str, ...]:
    """The names of the labels 0, 1, … where every label is its own name and none is a number; else none."""
    alone = all(label == name and not label_name(name).lstrip("-").isdecimal() for label, name in names.items())
    return tuple(names) if alone else ()


def _one_begins_the_other(one: str, other: str) -> bool:
    return bool(one and other) and (one.startswith(other) or other.startswith(one))


def _unique(labels: Collection[str], key: Any) -> dict[str, str]:
    """key -> its label, of keys that one label alone has."""
    found: dict[str, list[str]] = {}
    for label in labels:
        found.setdefault(key(label), []).append(label)
    return {name: alike[0] for name, alike in found.items() if len(alike) == 1}


def with_labels(data: Data[Any], labels: Iterable[str]) -> Data[Any]:
    """The same examples, with more labels that there may be, in the usual order; of numbers none."""
    more = {label for label in labels if label} - set(data.labels)
    if not data.labels or not more or data.problem == "regression":
        return data
    order = by_number if data.problem else outside_first
    return replace(data, labels=tuple(order({*data.labels, *more})))


def tags_of_known_types(labels: Collection[str], known: Collection[str]) -> list[str]:
    """Of labels like B-PER, those whose type stands in a known label: a small sample may lack one of its tags."""
    types = {label[2:] for label in known if _TAG.fullmatch(label)}
    return [label for label in labels if _TAG.fullmatch(label) and label[2:] in types]


def by_number(labels: Collection[str]) -> list[str]:
    """In order: of numbers where all are, else of letters."""
    numbers = all(label.lstrip("-+").isdecimal() for label in labels)
    return sorted(labels, key=int) if numbers else sorted(labels)


def outside_first(labels: Collection[str]) -> list[str]:
    """In order: "O", and then each entity's labels together."""
    return sorted(labels, key=lambda label: (label != "O", label[2:], label))
