"""How a file of separated values is written: its separator, its quotation marks and its escapes, found by trying.

Python's `csv.Sniffer` looks at letters' frequencies and is often wrong about text. This asks what each dialect would
make of the rows: the right one gives every row as many cells as the header has, and marks in the right places.
"""

import csv
import re
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import InputError

if TYPE_CHECKING:
    import _csv  # where the types of csv are

_USUAL = (",", ";", "\t", "|", "\x01", "\x1f")
_UNUSUAL = ("^", "~", ":", " ")  # taken where a header of known names comes of it
_NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars", " ": "blanks"}
_NOWHERE = "\x1e"  # the separator of a table of one column
_ROWS = 2000  # that are tried

_LETTERS = re.compile(r"(\\[^tnrN])|\\([tnrN])", re.DOTALL)
_LETTER = {"t": "\\\t", "n": "\\\n", "r": "\\\r", "N": "\\\\N"}

csv.field_size_limit(sys.maxsize)  # the default, 131,072 characters, is shorter than some documents


@dataclass(frozen=True, slots=True)
class Dialect:
    """What `csv.reader` has to know.

    Attributes:
        separator: between cells.
        quote: around cells that hold separators or line ends; None: marks are letters like any other.
        escape: before a letter that shall not be special.
        spaced: blanks behind a separator do not belong to the cell.
    """

    separator: str = ","
    quote: str | None = '"'
    escape: str | None = None
    spaced: bool = False

    def reader(self, lines: Iterable[str]) -> "_csv.Reader":
        """Raises csv.Error while it reads, for marks in wrong places."""
        return csv.reader(
            map(_with_letters, lines) if self.escape == "\\" else lines,
            delimiter=self.separator,
            quotechar=self.quote,
            quoting=csv.QUOTE_MINIMAL if self.quote else csv.QUOTE_NONE,
            escapechar=self.escape,
            skipinitialspace=self.spaced,
            strict=True,
        )

    def __str__(self) -> str:
        """For a person: what a comma and double quotation marks do not go without saying."""
        parts = []
        if self.separator == _NOWHERE:
            parts.append("one column")
        elif self.separator != ",":
            parts.append(f"separated by {_NAMES.get(self.separator, repr(self.separator))}")
        if self.quote is None and self.separator != "\t":
            parts.append("without quotation marks")
        elif self.quote == "'":
            parts.append("in single quotation marks")
        if self.escape:
            parts.append("with backslashes before special letters")
        return ", ".join(parts)


@dataclass(frozen=True, slots=True)
class Stated:
    """What is known of how a file is written before it is looked at.

    Attributes:
        separator: between cells; None: as it seems to be.
        quote: around them; "none": marks are letters like any other. None: as it seems to be.
        encoding: None: as it seems to be.
        headless: whether the first row is one of values.
        known: names of columns, in lower case, that the header may have.
    """

    separator: str | None = None
    quote: str | None = None
    encoding: str | None = None
    headless: bool = False
    known: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class _Trial:
    dialect: Dialect
    width: int  # cells of the first row
    fit: float  # share of the rows that have as many; negative where the marks are in wrong places
    known: int  # cells of the first row that are names one knows
    others: frozenset[int]  # widths of the other rows


def excel_separator(sample: str) -> tuple[str | None, str]:
    """The separator that a first line of "sep=;" says, which is Excel's way, and the text behind it; else None."""
    if sample[:4].lower() == "sep=" and sample[4:5].strip("\r\n") and sample[5:6] in ("\r", "\n", ""):
        return sample[4], sample[5:].lstrip("\r\n")
    return None, sample


def sniff(sample: str, stated: Stated, *, tabs: bool, whole: bool) -> Dialect:
    """The dialect of a file by its beginning.

    Args:
        sample: its text; all of it where `whole`.
        tabs: whether its name says that tabs separate (.tsv).

    Raises InputError (without a place) where it cannot be told.
    """
    beginning = _Beginning(sample, tabs, stated.quote, stated.known, whole)
    first = next((line for line in _lines(sample) if line.strip()), "")
    usual, separator = "\t" if tabs else ",", stated.separator
    candidates = [separator] if separator is not None else [char for char in (*_USUAL, *_UNUSUAL) if char in first]
    trials = [trial for trial in map(beginning.best_marks, candidates) if trial.width > 1]
    if separator is None:
        usual_known = max((t.known for t in trials if t.dialect.separator in _USUAL and t.fit == 1), default=0)
        fitting = [t for t in trials if t.fit == 1 and t.known > usual_known and not stated.headless]
        trials = [t for t in trials if t.dialect.separator in _USUAL or t in fitting]
    if not trials:
        return beginning.one_column(separator or usual)
    perfect = [trial for trial in trials if trial.fit == 1]
    of_usual = next((trial for trial in trials if trial.dialect.separator == usual), None)
    best = _clear_winner(perfect) or (None if perfect else _clear_winner(trials) or of_usual)
    if best is None:
        options = " or ".join(_NAMES.get(t.dialect.separator, repr(t.dialect.separator)) for t in perfect or trials)
        raise InputError(f"{options} may separate its cells; say which: --separator CHAR, in Python separator='CHAR'")
    return best.dialect


def _clear_winner(trials: Collection[_Trial]) -> _Trial | None:
    """The one that has more known names than every other or, with as many, more rows that fit."""
    ranked = sorted(trials, key=lambda trial: (-trial.known, -trial.fit))
    if len(ranked) > 1 and (ranked[0].known, ranked[0].fit) == (ranked[1].known, ranked[1].fit):
        return None
    return ranked[0] if ranked else None


@dataclass(frozen=True, slots=True)
class _Beginning:
    """The beginning of a file, and what is known of it: see `sniff`."""

    text: str
    tabs: bool
    quote: str | None
    known: Collection[str]
    whole: bool

    def one_column(self, separator: str) -> Dialect:
        """The dialect of a table whose first row has one cell. Raises InputError where its rows all have more."""
        trial = self.best_marks(separator)
        if trial.fit == 1 or trial.width == 0:
            return trial.dialect
        for char in (separator, *_USUAL):
            other = self.best_marks(char)
            if other.fit == 0 and len(other.others) == 1:
                (count,) = other.others
                raise InputError(
                    f"its first line has 1 cell and the others {count}; is the first line a header? Take out what is "
                    "before the header, such as a title"
                )
        if trial.fit < 0 and '"' in self.text:  # marks at wrong places: say where
            return trial.dialect
        return Dialect(_NOWHERE, trial.dialect.quote, trial.dialect.escape)

    def best_marks(self, separator: str) -> _Trial:
        """What quotation marks and escapes go with a separator."""
        tabs = self.tabs or separator == "\t"
        if self.quote is not None:
            marks: list[str | None] = [None if self.quote == "none" else self.quote]
        else:
            marks = [None if tabs and not _are_marks('"', separator, self.text) else '"']
            if "'" in self.text and _are_marks("'", separator, self.text):
                marks.append("'")
        trials = []
        for mark in marks:
            trials.append(self.trial(Dialect(separator, mark)))
            if mark and re.search(f"{re.escape(separator)} +{mark}", self.text):
                trials.append(self.trial(Dialect(separator, mark, spaced=True)))
            if "\\" in self.text:
                place = 0 if _are_escapes(separator, mark, self.text) else len(trials)
                trials.insert(place, self.trial(Dialect(separator, mark, "\\")))
        best = max(trial.fit for trial in trials)
        fitting = [trial for trial in trials if trial.fit == best]
        spaced = next((trial for trial in fitting if trial.dialect.spaced), None)
        single = next((trial for trial in fitting if trial.dialect.quote == "'" and self.quote is None), None)
        if tabs and self.quote is None and best < 1 and marks[0] == '"':  # marks that do not fit are letters
            letters = self.trial(Dialect(separator, None))
            return letters if letters.fit > best else fitting[0]
        return spaced or single or fitting[0]

    def trial(self, dialect: Dialect) -> _Trial:
        rows = []
        wrong = False
        try:
            for row in dialect.reader(_lines(self.text)):
                if any(cell.strip() for cell in row):
                    rows.append(row)
                if len(rows) > _ROWS:
                    break
            else:
                rows = rows if self.whole else rows[:-1]
        except csv.Error as error:
            wrong = self.whole or "unexpected end" not in str(error)
        if not rows:
            return _Trial(dialect, 0, -1.0 if wrong else 0.0, 0, frozenset())
        width = len(rows[0])
        fit = sum(len(row) == width for row in rows[1:]) / (len(rows) - 1) if len(rows) > 1 else 1.0
        if fit == 0 and (are_numbered(rows) or end_in_separators(rows)):
            fit = 1.0
        names = sum(cell.strip().lower() in self.known for cell in rows[0])
        return _Trial(dialect, width, fit - 2 if wrong else fit, names, frozenset(len(row) for row in rows[1:]))


def _are_marks(mark: str, separator: str, sample: str) -> bool:
    """Whether marks around cells have a purpose: they hide something, or stand around every cell of a column."""
    edge = re.escape(separator)
    cell = re.compile(
        f"(?:^|(?<={edge})|(?<=\r)){mark}((?:[^{mark}]++|{mark}{mark})*+){mark}(?={edge}|\r|\n|\\Z)", re.M
    )
    found = [match[1] for match in cell.finditer(sample)]
    special = {separator, "\n", "\r", mark + mark}
    hides = any(sign in inside for inside in found for sign in special)
    return hides or len(found) >= max(2, sum(1 for line in _lines(sample) if line.strip()))


def _are_escapes(separator: str, mark: str | None, sample: str) -> bool:
    """Whether every backslash stands before something special, a separator or a mark at least once."""
    special = {separator, mark or '"'}
    following = [match[1] for match in re.finditer(r"\\(.|\n|\r|\Z)", sample, re.DOTALL)]
    return any(char in special for char in following) and all(
        char in {*special, "\\", "\n", "\r"} for char in following
    )


def are_numbered(rows: Sequence[Sequence[str]]) -> bool:
    """Whether all rows but the header have a number before their cells, as R writes tables."""
    return len(rows) > 1 and all(len(row) == len(rows[0]) + 1 and row[0].isdecimal() for row in rows[1:])


def end_in_separators(rows: Sequence[Sequence[str]]) -> bool:
    """Whether all rows but the header, two at least, have an empty cell behind the others."""
    return len(rows) > 2 and all(len(row) == len(rows[0]) + 1 and not row[-1].strip() for row in rows[1:])


def _with_letters(line: str) -> str:
    """A line with the letters that MySQL and PostgreSQL write by others: \\t and \\n; \\N, for nothing, stays."""
    return _LETTERS.sub(lambda match: match[1] or _LETTER[match[2]], line) if "\\" in line else line


def _lines(text: str) -> Iterator[str]:
    """As a file opened with newline="" gives them: csv wants to see the line ends that cells hold."""
    return (match[0] for match in re.finditer(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+\Z", text))
