"""Labels as yes and no: cells that are vectors of 0 and 1, and tables with a column for each label."""

from collections.abc import Sequence
from typing import Any

from .cells import flag, flags_in_a_row, label_name, says_nothing
from .tables import Row

_BITS = ("0", "1", "false", "true")


def are_vectors(values: Sequence[Any]) -> bool:
    """Whether all labels are lists of 0 and 1 of one length, or texts that are."""
    size = None
    bare = False  # whether all are texts without brackets, which "0,1" may be the labels 0 and 1 of
    ordered = True
    if all(isinstance(value, str) and value.strip().isdecimal() for value in values):  # 010, which no number is
        starts = {value.strip()[0] for value in values}
        if "0" not in starts or (len(starts) < 2 and len(values[0].strip()) < 3):
            return False
    for value in values:
        parts = flags_in_a_row(value)
        if parts is None or len(parts) < 2 or len(parts) != (size := size or len(parts)):
            return False
        if not all(isinstance(part, str | int | float) and label_name(part) in _BITS for part in parts):
            return False
        bare = bare or (isinstance(value, str) and value.strip()[:1] in ("0", "1"))
        ordered = ordered and parts == sorted(set(parts), key=str)
    return size is not None and not (bare and ordered)


def _are_flags(values: Sequence[Any]) -> bool:
    """Whether cells say yes or no, or are ticked or empty; few may be empty or -1 beside those that say both."""
    given = [value for value in values if not says_nothing(value) and value not in (-1, "-1", "-1.0")]
    flags = [flag(value) for value in given]
    if not flags or None in flags:
        return False
    return all(flags) or 2 * len(flags) > len(values)


def flag_columns(rows: Sequence[Row], names: Sequence[str], taken: Sequence[str]) -> tuple[str, ...]:
    """The columns of 0 and 1 (or true and false), two at least, where a table has a column for each label."""
    found = [
        name
        for name in names
        if name not in taken
        and label_name(name).lower() not in ("id", "index", "idx", "fold", "split")
        and not name.startswith("Unnamed: ")
        and rows
        and _are_flags([row.values.get(name) for row in rows])
    ]
    return tuple(found) if len(found) > 1 else ()
