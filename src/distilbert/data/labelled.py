"""Rows -> labelled texts: what kind of labels they are, and which there are."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from ..config_keys import Problem
from ..errors import InputError, counted, short_repr
from .cells import (
    flag,
    flags_in_a_row,
    hold_several,
    is_missing,
    is_sure,
    label_name,
    label_parts,
    mark_between,
    may_be_two_numbers,
    number_of,
    says_nothing,
    split_at,
)
from .examples import Data, LabelledText
from .faults import Faults
from .flags import are_vectors
from .labels import LabelNames, by_number
from .tables import Row

_PAIR = re.compile(r"([0-9]+),([0-9]+)")
_FEW_CLASSES = 20  # so many whole numbers are classes, whatever they are
_MARK_NAMES = {";": "semicolons", "|": "bars", ",": "commas", "\n": "line ends", "\t": "tabs"}
_NO_WORDS = ("none", "None", "null", "NULL", "n/a", "N/A", "NA")  # what many write where there is no label
_NO_LABEL = ("-1", "-", *_NO_WORDS)
_TRUTH = ({"0", "1"}, {"false", "true"})
# columns of numbers, perhaps with decimal commas
_QUANTITIES = ("score", "rating", "stars", "overall", "similarity", "bewertung", "wertung", "sterne", "note", "punkte")


class Labelling:
    """How the rows of a table become labelled texts, decided by some of them.

    Attributes:
        problem: as the caller says, or as the labels look.
        counts: how many of the examples made so far have each label.
        without: how many rows had none.
    """

    def __init__(
        self,
        rows: Sequence[Row],
        found: Mapping[str, str],
        names: LabelNames,
        problem: Problem | None,
        *,
        decimal_commas: bool = False,
    ) -> None:
        """`found["label"]` may be several columns with commas between: 0 or 1 for each label.

        `decimal_commas`: commas do not separate the cells, so that 0,5 is a number.
        """
        self._found, self._names = found, names
        self._columns = columns = label_columns(found["label"], rows)
        self._guessed = []
        if problem is None:
            problem, why = _problem(rows, columns, named=bool(names.in_order), decimal_commas=decimal_commas)
            self._guessed.append(why)
        self.problem = problem
        values = [row.values.get(columns[0]) for row in rows]
        lists = problem == "multi_label_classification" or all(isinstance(value, list) for value in values)
        stated = [value for value in values if not says_nothing(value)]
        self._vectors = (
            problem != "regression" and len(columns) == 1 and lists and not names.of_table and are_vectors(stated)
        )
        self._mark = mark_between(values) if problem == "multi_label_classification" else ""
        if self._mark and not is_sure(self._mark):
            self._guessed.append(f"labels with {self._mark!r} between taken for several")
        if problem == "single_label_classification" and _is_truth_mixed(values):
            names.take_numbers_for_truth()
            self._guessed.append("0 and 1 taken for false and true")
        # columns that never say no: an empty cell does
        self._ticked = {name for name in columns if all(flag(row.values.get(name)) is not False for row in rows)}
        self._given = columns  # the labels that there are, where the form of the table says it
        if self._vectors:
            self._guessed.append("labels as 0 and 1 in their order")
            self._given = tuple(map(str, range(len(flags_in_a_row(stated[0]) or ()))))
        self.counts: Counter[str] = Counter()
        self.without = 0

    def examples(self, rows: Iterable[Row], faults: Faults) -> Iterator[LabelledText]:
        """The example of each row that has a label."""
        for row in rows:
            try:
                label = self._label(row)
                text: str | tuple[str, str] = row.text(self._found["text"])
                if "pair" in self._found:
                    text = (str(text), row.text(self._found["pair"]))
            except InputError as error:
                faults.add(error)
                continue
            if label is None:
                self.without += 1
                continue
            if not isinstance(label, float):
                self.counts.update([label] if isinstance(label, str) else label)
            yield LabelledText(text, label)

    def _label(self, row: Row) -> str | tuple[str, ...] | float | None:
        """None for a label that is none."""
        column, names = self._columns[0], self._names
        value = row.values.get(column)
        if self.problem == "regression":
            if says_nothing(value) or value in _NO_WORDS:
                raise row.fault(f"the label ({column!r}) is missing")
            return row.number(column)
        try:
            if len(self._columns) > 1:
                flags = zip(self._columns, self._flags(row), strict=True)
                named = tuple(names(name) for name, yes in flags if yes)
            elif self.problem == "multi_label_classification" or self._vectors:
                named = tuple(names(part) for part in _several(value, self._mark, self._vectors, names.known))
            elif says_nothing(value) and (is_missing(value) or not names.is_named(value)):
                raise InputError(f"the label ({column!r}) is missing")
            else:
                parts = value if isinstance(value, list) else None
                return names(parts[0] if parts and len(parts) == 1 else value) or None
        except InputError as error:
            text = str(error)
            raise row.fault(f"the label ({column!r}) {text}" if text.startswith("must be") else text) from None
        named = tuple(dict.fromkeys(filter(None, named)))
        if self.problem == "single_label_classification":  # one-hot columns
            if len(named) != 1:
                raise row.fault(f"has {len(named)} labels where there must be one")
            return named[0]
        return named

    def _flags(self, row: Row) -> list[bool]:
        found = []
        for column in self._columns:
            given = row.values.get(column)
            value = False if column in self._ticked and says_nothing(given) else flag(given)
            if value is None:
                raise InputError(f"{column!r} must be 0 or 1, not {short_repr(given)}")
            found.append(value)
        return found

    def data(self, source: str, examples: Sequence[LabelledText]) -> Data[LabelledText]:
        """The examples, all of which were made, with what is known of their labels."""
        names, columns = self._names, self._columns
        if self.problem == "regression":
            return Data(source, examples, names.known or (columns[0],), self.problem, "; ".join(self._guessed))
        if len(columns) > 1 or self._vectors:
            every = names.every or tuple(filter(None, dict.fromkeys(map(names, self._given))))
        else:
            every = names.every or names.in_their_order(by_number(self.counts))
        guessed = [*self._guessed, *_remarks(names, self.counts, self.without)]
        return Data(source, examples, every, self.problem, "; ".join(guessed))


def label_columns(column: str, rows: Sequence[Row]) -> tuple[str, ...]:
    """One column, or several where none has that name."""
    if rows and column not in rows[0].values and "," in column:
        return tuple(part.strip() for part in column.split(","))
    return (column,)


def _remarks(names: LabelNames, counts: Mapping[Any, int], without: int) -> list[str]:
    remarks = names.remarks
    if without:
        remarks.append(f"{counted(without, 'row')} without a label left out")
    marks = [label for label in _NO_LABEL if label in counts and names.known is None and len(counts) > 2]
    return remarks + [
        f"label {label!r} of {counted(counts[label], 'row')} is taken for a class; if it means that there is none, "
        f"--labels={label}= leaves them out"
        for label in marks
    ]


def _problem(rows: Sequence[Row], columns: Sequence[str], *, named: bool, decimal_commas: bool) -> tuple[Problem, str]:
    """What labels look like, and that in words; `named`: whole numbers have names."""
    values: list[Any] = [value for row in rows if not says_nothing(value := row.values.get(columns[0]))]
    if len(columns) > 1:
        flags = [[flag(row.values.get(column)) for column in columns] for row in rows]
        return "multi_label_classification", f"a multi-label problem, a column a label{_alone(flags)}"
    if are_vectors(values):
        flags = [list(map(flag, flags_in_a_row(value) or ())) for value in values]
        return "multi_label_classification", f"a multi-label problem{_alone(flags)}"
    lists = [parts for value in values if (parts := label_parts(value)) is not None]
    if lists:
        return "multi_label_classification", f"a multi-label problem{_alone([[True] * len(parts) for parts in lists])}"
    several = hold_several(values, mark := mark_between(values))
    convert = number_of if decimal_commas or not several or _are_decimal(rows, columns[0], values) else float
    try:
        numbers = [convert(value) for value in values if not isinstance(value, bool) and value not in _NO_WORDS]
    except (TypeError, ValueError, OverflowError):
        _refuse_unsure_numbers(rows, columns[0], values)
        if several and is_sure(mark):
            marks = _MARK_NAMES.get(mark, repr(mark))
            why = f"labels with {marks} between taken for several; if they are one, --problem single-label"
            return "multi_label_classification", why
        why = f"; if labels with {mark!r} between are several, --problem multi-label" if several and mark != " " else ""
        return "single_label_classification", f"a single-label problem{why}"
    if any(not number.is_integer() for number in numbers):  # a NaN too: it is refused as a number, with its place
        percents = any(isinstance(value, str) and value.strip().endswith("%") for value in values)
        why = "; percents taken for parts of 1; if they are classes, --problem single-label" if percents else ""
        return "regression", f"a regression problem{why}"
    distinct = set(numbers)
    if named or len(distinct) <= _FEW_CLASSES:
        return "single_label_classification", "a single-label problem"
    # classes are counted from 0 or 1 on, with few gaps, and have several texts each
    dense = min(distinct) in (0, 1) and 2 * len(distinct) > max(distinct) and len(numbers) > 1.2 * len(distinct)
    if dense:
        return (
            "single_label_classification",
            f"{len(distinct)} whole numbers taken for classes; if they are a quantity, --problem regression",
        )
    return (
        "regression",
        f"{len(distinct)} whole numbers taken for a quantity; if they are classes, --problem single-label",
    )


def _alone(flags: Sequence[Sequence[bool | None]]) -> str:
    """What is said where every row of several has one label."""
    alone = len(flags) > 1 and all(row.count(True) == 1 for row in flags)
    return "; if no text can have two labels, --problem single-label" if alone else ""


def _are_decimal(rows: Sequence[Row], column: str, values: Sequence[Any]) -> bool:
    """Whether commas in cells that commas separate are those of numbers: "4,5" may be two labels.

    They are in columns that have the name of a quantity, where a number before one is no smaller than that behind,
    which is no order of labels, and where halves alone are behind.

    Raises InputError where it cannot be told.
    """
    pairs = [match for value in values if isinstance(value, str) and (match := _PAIR.fullmatch(value.strip()))]
    alone = [value for value in values if not isinstance(value, str) or value.strip().isdecimal()]
    if len(pairs) + len(alone) < len(values):
        return False
    behind = {match[2].rstrip("0") for match in pairs}
    if column.strip().lower() in _QUANTITIES or behind <= {"", "5"}:
        return True
    if any(int(match[1]) >= int(match[2]) or len(match[2]) > len(match[1]) for match in pairs):
        return True
    place = next(row for row in rows if str(row.values.get(column)).strip() == pairs[0][0])
    raise place.fault(
        f"the label {pairs[0][0]!r} may be two or a number; say which: --problem multi-label or --problem regression"
    )


def _refuse_unsure_numbers(rows: Sequence[Row], column: str, values: Sequence[Any]) -> None:
    """Raises InputError where all labels are numbers, and commas in some may be decimal or between thousands."""
    unsure = [value for value in values if may_be_two_numbers(value)]
    if not unsure or any(not isinstance(value, str) or not value.strip()[-1:].isdecimal() for value in values):
        return
    try:
        for value in values:
            float(value.replace(",", ""))
    except ValueError:
        return
    place = next(row for row in rows if row.values.get(column) == unsure[0])
    whole, decimal = unsure[0].strip().replace(",", ""), unsure[0].strip().replace(",", ".")
    raise place.fault(f"the label {unsure[0]!r} may be {whole} or {decimal}; write it so, or say --problem NAME")


def _is_truth_mixed(values: Sequence[Any]) -> bool:
    """Whether labels are true and false in some rows, and 1 and 0 in others."""
    found = {label_name(value) for value in values if isinstance(value, str | int | float) and not says_nothing(value)}
    return found <= set().union(*_TRUTH) and all(found & names for names in _TRUTH)


def _several(value: Any, mark: str, vectors: bool, known: Sequence[str] | None) -> list[Any]:
    """The labels of a cell: a list, or a text with marks between; none of an empty one."""
    if says_nothing(value):
        return []
    if known is not None and isinstance(value, str) and label_name(value) in known:  # "Arts, Crafts"
        return [value]
    parts = flags_in_a_row(value) if vectors else label_parts(value)
    if vectors and parts is not None:
        if known is not None and len(known) != len(parts):
            raise InputError(f"must be {len(known)} times 0 or 1, not {len(parts)}")
        return [known[index] if known else index for index, part in enumerate(parts) if flag(part)]
    if parts is None:
        if not isinstance(value, str):
            return [value]
        parts = split_at(value, mark)
    if not all(isinstance(part, str | int | float) for part in parts):
        raise InputError(f"must be a list of texts, not {short_repr(value)}")
    return [part for part in parts if not says_nothing(part)]
