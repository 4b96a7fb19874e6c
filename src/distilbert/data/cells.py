"""What a cell of a table says: a name, a number, yes or no, a list, or nothing."""

import ast
import json
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from ..errors import InputError, short_repr

_WHOLE = re.compile(r"([+-]?\d+)\.0*")
_TRUTH = {"true": "true", "false": "false"}
_FLAGS = {"0": False, "1": True, "false": False, "true": True, "no": False, "yes": True, "n": False, "y": True}
_FLAGS |= {"f": False, "t": True, "falsch": False, "wahr": True, "nein": False, "ja": True}  # German Excel
_FLAGS |= {"faux": False, "vrai": True, "non": False, "oui": True, "falso": False, "verdadero": True, "x": True}
# what pandas, R and Excel (also in German) write where there is no value
_NOTHING = ("nan", "<na>", "nat", "#n/a", "#na", "#nv", "#name?", "#ref!", "#value!", "#wert!", "#div/0!")
_DECIMAL_COMMA = re.compile(r"[+-]?(?:\d+|\d{1,3}(?:\.\d{3})+),\d+")
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(?:,\d{3})+(?P<rest>\.\d+)?")
_ARRAY = re.compile(r"\s*array\((.*?)(?:,\s*dtype=[\w.<]+)?\)\s*", re.DOTALL)  # NumPy
_LIST = re.compile(r"\s*[\[({](.*)[\])}]\s*", re.DOTALL)
_PART = re.compile(
    r"""\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|([^\s,'"\[\]]+))\s*(?:,|(?=\s|['"])|\Z)""", re.DOTALL
)
_MARKS = (";", "|", ",")  # a comma stands within names as well
_LONGEST_LIST = 1 << 20  # characters


def is_missing(value: object) -> bool:
    """Whether a cell says nothing."""
    return value is None or (isinstance(value, str) and not value.strip()) or value != value


def says_nothing(value: object) -> bool:
    """Whether a cell is missing, or says so as pandas, R or Excel do."""
    return is_missing(value) or (isinstance(value, str) and value.strip().lower() in _NOTHING)


def number_of(value: Any) -> float:
    """A number, also as a text: "1.5", "1,5", "1.000,5" and "1,000.5".

    Raises ValueError, TypeError or OverflowError for any other, and for "1,500", which may be two numbers.
    """
    text = value.strip() if isinstance(value, str) else ""
    if match := _THOUSANDS.fullmatch(text):
        if not match["rest"] and text.count(",") == 1:
            raise ValueError(f"may be two numbers: {value!r}")
        return float(text.replace(",", ""))
    if _DECIMAL_COMMA.fullmatch(text):
        return float(text.replace(".", "").replace(",", "."))
    return float(value)


def label_name(value: object) -> str:
    """The name of a label: "0" for 0, 0.0, "0" and "0.0", "true" for True and "TRUE".

    Raises InputError, without a place, for what is neither a text nor a number.
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if not isinstance(value, str | int | float):
        raise InputError(f"must be a text or a number, not {short_repr(value)}")
    text = str(value).strip()
    if match := _WHOLE.fullmatch(text):
        return match[1]
    return _TRUTH.get(text.lower(), text)


def flag(value: object) -> bool | None:
    """Whether a cell of 0 and 1, of true and false, or of yes and no, says yes; None for any other."""
    if isinstance(value, str | int | float):
        return _FLAGS.get(label_name(value).lower())
    return None


def listed_parts(value: object) -> list[Any] | None:
    """The parts of a list, or of a text that is one as JSON, Python or NumPy writes it; None for what is none.

    "['a', 'b']", '["a", "b"]', "['a' 'b']" and "{'a', 'b'}" have two parts, "[]" has none.
    """
    if isinstance(value, list):
        return value
    if not isinstance(value, str) or len(value) > _LONGEST_LIST:
        return None
    array = _ARRAY.fullmatch(value)
    if (match := _LIST.fullmatch(array[1] if array else value)) is None:
        return None
    inside, place, parts = match[1].strip(), 0, []
    while place < len(inside):
        part = _PART.match(inside, place)
        if part is None:
            return None
        place = part.end()
        quoted = part[1] if part[1] is not None else part[2]
        parts.append(part[3] if quoted is None else re.sub(r"\\(.)", r"\1", quoted))
    return parts


def literal(value: str) -> Any:
    """The value of a text that is one as JSON, Python or NumPy writes it; None for what is none."""
    if len(value) > _LONGEST_LIST:
        return None
    plain = re.sub(r"array\((\[.*?\])(?:,\s*dtype=[\w.<]+)?\)", r"\1", value, flags=re.DOTALL)
    for read in (json.loads, ast.literal_eval):
        try:
            return read(plain)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
    return None


def mark_between(values: Sequence[Any]) -> str:
    """What stands between the labels of cells that have several: semicolons, bars or commas."""
    texts = [value for value in values if isinstance(value, str)]
    counts = {mark: sum(mark in text for text in texts) for mark in _MARKS}
    return max(_MARKS, key=lambda mark: counts[mark])


def hold_several(values: Sequence[Any], mark: str) -> bool:
    """Whether texts with such marks are several labels: two thirds of their parts stand in other texts too."""
    whole = {str(value).strip() for value in values}
    several = {text: {part.strip() for part in text.split(mark)} for text in whole if mark in text}
    if len(several) < 2:
        return False
    counts = Counter(part for text in whole for part in several.get(text, {text}))
    parts = set().union(*several.values())
    return "" not in parts and 3 * sum(counts[part] > 1 for part in parts) >= 2 * len(parts)
