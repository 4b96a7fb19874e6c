"""What a cell of a table says: a name, a number, yes or no, a list, or nothing."""

import ast
import html
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from typing import Any

from ..errors import InputError, short_repr

_WHOLE = re.compile(r"([+-]?\d+)\.0*")
_LARGE = re.compile(r"[+-]?\d(?:\.\d+)?[eE]\+\d{2}")  # as Excel and R write what has many figures
_TRUTH = {"true": "true", "false": "false"}
# what people and Excel in their languages write for yes and no
_YES = (
    "1 true yes y t x on ✓ ✔ ☑ wahr ja vrai oui vero verdadero verdadeiro sí si sim waar prawda tak sand sann sant "
    "tosi igaz igen doğru evet истина да 是 はい 예"
)
_NO = (
    "0 false no n f off ✗ ✘ ☐ falsch nein faux non falso não onwaar nee fałsz nie falsk falskt usand usann epätosi "
    "hamis nem yanlış yanliş hayır hayir ложь нет 否 いいえ 아니요"  # noqa: RUF001
)
_FLAGS = {**dict.fromkeys(_YES.split(), True), **dict.fromkeys(_NO.split(), False)}
# what pandas, R, MySQL, SAS and Excel (also in German) write where there is no value
_NOTHING = ("nan", "<na>", "nat", ".", "#n/a", "#na", "#nv", "#name?", "#ref!", "#value!", "#wert!", "#div/0!", "\\n")
_DECIMAL_COMMA = re.compile(r"[+-]?(?:\d+|\d{1,3}(?:\.\d{3})+),\d+")
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(?:,\d{3})+(?P<rest>\.\d+)?")
_GAPS = re.compile(r"(?<=\d)[\u00a0\u202f\u2009'’](?=\d{3}(?!\d))")  # noqa: RUF001  between thousands
_IN_BRACKETS = re.compile(r"\(([^()]+)\)")  # as bookkeepers write what is less than nothing
_ARRAY = re.compile(r"\s*array\((.*?)(?:,\s*dtype=[\w.<]+)?\)\s*", re.DOTALL)  # NumPy
_LIST = re.compile(r"\s*(?:[\[{](.*)[\]}]|\((.*,.*)?\))\s*", re.DOTALL)  # "(1.5)" is no tuple
_PART = re.compile(
    r"""\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|([^\s,'"\[\]]+))\s*(?:,|(?=\s|['"])|\Z)""", re.DOTALL
)
_TAGS = re.compile(r"\s*(?:<[^<>]+>\s*)+")  # <a><b>, as Stack Overflow writes them
_FLAG = r"[01](?:\.0*)?"
_DIGITS_OF_FLAGS = re.compile(r"[01]{2,}")  # 010
_FLAGS_IN_A_ROW = re.compile(rf"\s*{_FLAG}(?:\s*[,;|]\s*{_FLAG}|\s+{_FLAG})+\s*")
_MARKS = (";", "|", ",", "#", "\n", "\t")  # a comma stands within names as well
_UNSURE_MARKS = ("/", "+", "&", "::", " ")  # names of single labels have these as often
# characters that nobody sees: joints, marks of direction, ways to draw the one before
_UNSEEN = dict.fromkeys(
    (0, 0xAD, 0x200B, 0x200E, 0x200F, *range(0x202A, 0x202F), 0x2060, *range(0x2066, 0x206A), 0xFE0E, 0xFE0F, 0xFEFF)
)
_LIKE = str.maketrans("‐‑‒–—−‘’“”авекмнорстух", "------''\"\"abekmhopctyx")  # noqa: RUF001
_BETWEEN_LETTERS = re.compile(r"(?<=[^\W\d_])[\s_-]+(?=[^\W\d_])")
FAST_TEXT = "__label__"  # before each label in fastText's files
_LONGEST_LIST = 1 << 20  # characters


def is_missing(value: object) -> bool:
    """Whether a cell says nothing."""
    return value is None or (isinstance(value, str) and not value.strip()) or value != value


def says_nothing(value: object) -> bool:
    """Whether a cell is missing, or says so as pandas, R or Excel do."""
    return is_missing(value) or (isinstance(value, str) and value.strip().lower() in _NOTHING)


def number_of(value: Any) -> float:
    """A number, also as a text: "1.5", "1,5", "1.000,5", "1,000.5", "$1.5", "50 %" (0.5) and "(1.5)" (-1.5).

    Raises ValueError, TypeError or OverflowError for any other, and for "1,500", which may be two numbers.
    """
    if not isinstance(value, str):
        return float(value)
    text = _GAPS.sub("", value.strip()).replace("\N{MINUS SIGN}", "-")
    if match := _IN_BRACKETS.fullmatch(text):
        return -number_of(match[1])
    if text.endswith("%"):
        return number_of(text[:-1]) / 100
    if text and (bare := _without_currency(text)) != text:
        return number_of(bare)
    if may_be_two_numbers(text):
        raise ValueError(f"may be two numbers: {value!r}")
    if _THOUSANDS.fullmatch(text):
        text = text.replace(",", "")
    elif _DECIMAL_COMMA.fullmatch(text):
        text = text.replace(".", "").replace(",", ".")
    return float(text)


def may_be_two_numbers(value: object) -> bool:
    """Whether this is "1,500" or the like: 1500 in English, 1.5 in most of Europe."""
    match = _THOUSANDS.fullmatch(value.strip()) if isinstance(value, str) else None
    return match is not None and not match["rest"] and match[0].count(",") == 1


def _without_currency(text: str) -> str:
    if unicodedata.category(text[-1]) == "Sc":
        return text[:-1]
    sign = text[:1] if text[:1] in "+-" else ""
    behind = text[len(sign) :]
    return sign + behind[1:] if behind and unicodedata.category(behind[0]) == "Sc" else text


def label_name(value: object) -> str:
    """The name of a label: "0" for 0, 0.0, "0" and "0.0", "true" for True and "TRUE", "pos" for "__label__pos".

    Of texts that look the same one is made: with one blank for several of any kind, composed letters (Unicode's NFC),
    and without characters that nobody sees.

    Raises InputError, without a place, for what is neither a text nor a number.
    """
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if not isinstance(value, str | int | float):
        raise InputError(f"must be a text or a number, not {short_repr(value)}")
    text = str.__str__(value) if isinstance(value, str) else str(value)  # an enumeration's member is its value
    if not text.isascii() or "\0" in text:
        text = unicodedata.normalize("NFC", text.translate(_UNSEEN))
    text = " ".join(text.split())
    text = text.removeprefix(FAST_TEXT) or text
    if match := _WHOLE.fullmatch(text):
        return match[1]
    if _LARGE.fullmatch(text) and float(text).is_integer():
        return str(int(float(text)))
    return _TRUTH.get(text.lower(), text)


def alike_key(label: str) -> str:
    """What labels share that differ in capitals, blanks, signs between words and look-alike letters alone.

    "R&amp;D" is "R&D", "very_good" is "Very good", "01" is "1"; a full-width or Cyrillic letter is the Latin one.
    """
    text = unicodedata.normalize("NFKC", html.unescape(label)).casefold().translate(_LIKE)
    text = _BETWEEN_LETTERS.sub("", " ".join(text.split()))
    return str(int(text)) if text.isdecimal() else text


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
    inside, place, parts = (match[1] or match[2] or "").strip(), 0, []
    while place < len(inside):
        part = _PART.match(inside, place)
        if part is None:
            return None
        place = part.end()
        quoted = part[1] if part[1] is not None else part[2]
        parts.append(part[3] if quoted is None else re.sub(r"\\(.)", r"\1", quoted))
    return parts


def objects_in(value: object) -> list[dict[str, Any]]:
    """The objects of a list of JSON's; none of any other value."""
    return [part for part in value if isinstance(part, dict)] if isinstance(value, list) else []


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


def json_value(text: str) -> Any:
    """The value that a text is as JSON; `...` for what is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return ...


def label_parts(value: object) -> list[Any] | None:
    """As `listed_parts`, and of "<a><b>"."""
    if isinstance(value, str) and _TAGS.fullmatch(value):
        return re.findall(r"<([^<>]+)>", value)
    return listed_parts(value)


def flags_in_a_row(value: object) -> list[Any] | None:
    """The parts of a list, and of "0 1 0", "0,1,0" and "010"; None for any other."""
    if isinstance(value, str) and _FLAGS_IN_A_ROW.fullmatch(value):
        return re.findall(_FLAG, value)
    if isinstance(value, str) and _DIGITS_OF_FLAGS.fullmatch(value.strip()):
        return list(value.strip())
    return listed_parts(value)


def mark_between(values: Sequence[Any]) -> str:
    """What stands between the labels of cells that have several: semicolons, bars, commas, … or, where there are none
    of these, what is more often part of a name.
    """
    texts = [value for value in values if isinstance(value, str)]
    counts = {mark: sum(mark in text.strip() for text in texts) for mark in _MARKS}
    mark = max(_MARKS, key=lambda mark: counts[mark])
    return mark if counts[mark] else next((mark for mark in _UNSURE_MARKS if hold_several(texts, mark)), ",")


def is_sure(mark: str) -> bool:
    """Whether such marks stand between labels much more often than within one."""
    return mark in _MARKS


def split_at(text: str, mark: str) -> list[str]:
    """The parts of a text, and none of marks that stand double or at its ends."""
    return [part for piece in text.split(mark) if (part := piece.strip())]


def hold_several(values: Sequence[Any], mark: str) -> bool:
    """Whether texts with such marks are several labels: two thirds of their parts stand in other texts too."""
    whole = {str(value).strip() for value in values}
    several = {text: set(split_at(text, mark)) for text in whole if mark in text}
    if len(several) < 2 or all(len(parts) < 2 for parts in several.values()):
        return False
    counts = Counter(part for text in whole for part in several.get(text, {text}))
    parts = set().union(*several.values())
    return 3 * sum(counts[part] > 1 for part in parts) >= 2 * len(parts)
