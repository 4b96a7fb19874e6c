"""Files and Python's tables -> rows with their places: CSV, TSV, JSON lines, JSON, Parquet, frames, lists of dicts."""

import csv
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain, islice, starmap
from pathlib import Path
from typing import Any

from ..errors import InputError, counted, naming, short_repr
from ..files import is_file, is_folder
from .cells import may_be_two_numbers, number_of
from .class_names import class_names
from .dialect import Dialect, Stated, are_numbered, end_in_separators, excel_separator, sniff
from .fast_text import fast_text_rows, is_fast_text
from .faults import Faults
from .file_names import TABLES, is_table, suffix
from .foreign_files import foreign_name, no_separated_values
from .frames import frame_name, frame_rows
from .json_tables import json_lines, json_table
from .parquet import parquet_class_names, parquet_rows
from .source import find_encoding, opened_text

LONGEST_TEXT = 1 << 24  # characters
_TABS = (".tsv", ".tab")
_SAMPLE = 1 << 20  # characters by which a dialect is found
_PEEKED = 1000  # rows by which the columns of JSON lines are known
_PADDING = "\0\x1a"  # behind the last row, as DOS and damaged disks leave it
_LARGEST = 1e30  # of a number: models compute in float32


@dataclass(frozen=True, slots=True)
class Row:
    """Values by column, where they stand, and whether a blank row is before them."""

    place: str
    values: Mapping[str, Any]
    after_blank: bool = False

    def fault(self, message: str) -> InputError:
        return InputError(f"{self.place}: {message}")

    def text(self, column: str) -> str:
        value = self.values.get(column)
        if not isinstance(value, str):
            raise self.fault(f"{column!r} must be text, not {short_repr(value)}")
        if not value.strip():
            raise self.fault(f"{column!r} is empty")
        self.check_length(column, value)
        return value

    def check_length(self, column: str, text: str) -> None:
        """Raises InputError for a text that no one has written: half a file, where a quotation mark is missing."""
        if len(text) > LONGEST_TEXT:
            raise self.fault(
                f"{column!r} has {len(text):,} characters, more than {LONGEST_TEXT:,}; is a quotation mark missing?"
            )

    def number(self, column: str) -> float:
        value = self.values.get(column)
        try:
            number = number_of(value)
        except (TypeError, ValueError, OverflowError):
            why = ", which may be two" if may_be_two_numbers(value) else ""
            raise self.fault(f"{column!r} must be a number, not {short_repr(value)}{why}") from None
        if not math.isfinite(number):
            raise self.fault(f"{column!r} must be a finite number, not {short_repr(value)}")
        if abs(number) > _LARGEST:
            raise self.fault(f"{column!r} must be a number of at most {_LARGEST:g} in size, not {short_repr(value)}")
        return number


@dataclass(frozen=True, eq=False)
class Table:
    """A table whose rows are read as they are asked for, once.

    Attributes:
        source: its name, for messages.
        names: of the columns; from "1" on where there is no header.
        rows: without those that were faulty, which `Faults` has, and those that are blank.
        form: how the file is written, in words for a person; empty where it is as its name says.
        dialect: of separated values; else None.
        encoding: of a file of text; else "".
        class_names: column -> what its whole numbers stand for, as far as the table knows.
        has_header: whether the columns' names are the table's.
    """

    source: str
    names: tuple[str, ...]
    rows: Iterator[Row]
    form: str = ""
    dialect: Dialect | None = None
    encoding: str = ""
    class_names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    has_header: bool = True


def open_table(source: Any, faults: Faults, stated: Stated) -> Table:
    """A table, ready to be read row by row in bounded memory (Parquet as a whole).

    Args:
        source: a file whose name ends in .csv, .tsv, .jsonl, .json (a list of objects) or .parquet, perhaps with .gz
            behind it; or a DataFrame of pandas or Polars, a table of pyarrow, a `datasets.Dataset`, anything with
            `__arrow_c_stream__`, a NumPy array, a mapping of columns, or an iterable of mappings, tuples or texts.
        faults: takes the rows that cannot be read.
        stated: of files of text.

    Raises:
        InputError: for what is no table, or where one cannot tell how it is written.
        MissingExtraError: for Parquet without the extra `train`.
    """
    separator, encoding = stated.separator, stated.encoding
    if separator is not None and (len(separator := separator.replace("\\t", "\t")) != 1 or separator in '\r\n"'):
        raise InputError(f"separator must be one character, not {separator!r}")
    if stated.quote not in (None, '"', "'", "none"):
        raise InputError(f"quote must be '\"', \"'\" or 'none', not {stated.quote!r}")
    if not isinstance(source, str | Path):
        name = frame_name(source)
        names, values = frame_rows(source)
        rows: Iterator[Row] = (Row(f"{name}: row {number}", row) for number, row in enumerate(values, 1))
        numbered = bool(names) and all(part == str(number) for number, part in enumerate(names, 1))
        names_of_classes = class_names(getattr(source, "features", None))
        return _named(Table(name, names, rows, class_names=names_of_classes, has_header=not numbered))
    path = Path(source)
    check_file(path)
    if suffix(path) not in (".json", ".jsonl", ".ndjson", ".parquet") and is_fast_text(path):
        found = find_encoding(path, encoding)
        lines = starmap(Row, fast_text_rows(path, found))
        return Table(str(path), ("text", "label"), lines, "in fastText's form", encoding=found)
    if not is_table(path):
        raise InputError(f"{path}: cannot tell its format; name it {', '.join(TABLES)}")
    if suffix(path) == ".parquet":
        names_of_classes = parquet_class_names(path)
        return _named(Table(str(path), (), starmap(Row, parquet_rows(path)), class_names=names_of_classes))
    found = find_encoding(path, encoding)
    form = "" if found in ("utf-8", "utf-8-sig") or encoding else f"in {found}"
    if suffix(path) == ".json":
        placed = json_table(path, found, faults)
    elif suffix(path) in (".jsonl", ".ndjson"):
        placed = json_lines(path, found, faults)
    else:
        return _separated(path, found, form, faults, replace(stated, separator=separator))
    return _named(Table(str(path), (), starmap(Row, placed), form, encoding=found))


def decimal_commas(table: Table) -> bool:
    """Whether a comma in a cell may be that of a number: where commas do not separate the cells."""
    return table.dialect is not None and table.dialect.separator != ","


def check_file(path: Path) -> None:
    """Raises InputError for what is no file, and for one that holds no text or table."""
    if not is_file(path):
        raise InputError(f"{path}: is a folder; give a file" if is_folder(path) else f"{path}: no such file")
    if other := foreign_name(path):
        raise InputError(f"{path}: is {other}")


def _named(table: Table) -> Table:
    """With the names of all columns that its first rows have."""
    first = list(islice(table.rows, _PEEKED))
    names = tuple(dict.fromkeys(chain(table.names, (name for row in first for name in row.values))))
    return replace(table, names=names, rows=chain(first, table.rows))


# separated values -----------------------------------------------------------------------------------


def _separated(path: Path, encoding: str, form: str, faults: Faults, stated: Stated) -> Table:
    with opened_text(path, encoding, newline="") as file:
        sample = file.read(_SAMPLE)
        whole = not file.read(1)
    if other := no_separated_values(sample):
        raise InputError(f"{path}: is {other}")
    separator, sample = excel_separator(sample)
    headless = stated.headless
    stated = replace(stated, separator=stated.separator or separator)
    with naming(path):
        dialect = sniff(sample, stated, tabs=suffix(path) in _TABS, whole=whole)
    rows = _rows(path, encoding, dialect, faults, skip=separator is not None)
    header = next(rows, None)
    names: tuple[str, ...] = ()
    if header is not None:
        cells = header[1]
        first = list(islice(rows, _PEEKED))
        rows = chain(first, rows)
        if not headless and are_numbered([cells, *(row for _, row, _ in first)]):
            cells = ["", *cells]
        elif not headless and end_in_separators([cells, *(row for _, row, _ in first)]):
            cells = [*cells, ""]
        names = tuple(str(number) for number in range(1, len(cells) + 1)) if headless else _column_names(cells)
        if headless:
            rows = chain([header], rows)
    usual = dialect == Dialect() or dialect == Dialect("\t", None)
    form = ", ".join(part for part in (form, "" if usual else str(dialect)) if part)
    return Table(str(path), names, _checked(rows, names, faults), form, dialect, encoding, has_header=not headless)


def _column_names(cells: Iterable[str]) -> tuple[str, ...]:
    """As pandas has them: a column without a name is "Unnamed: 2", counted from 0, a second "a" is "a.1"."""
    seen: Counter[str] = Counter()
    names = []
    for number, cell in enumerate(cells):
        name = cell.lstrip("\ufeff")  # a second byte order mark
        name = name if name.strip() else f"Unnamed: {number}"
        names.append(f"{name}.{seen[name]}" if seen[name] else name)
        seen[name] += 1
    return tuple(names)


def _rows(
    path: Path, encoding: str, dialect: Dialect, faults: Faults, *, skip: bool
) -> Iterator[tuple[str, list[str], bool]]:
    """Each row with its place, and whether a blank one is before it.

    Marks in a wrong place are a fault, behind which nothing can be told.
    """
    with opened_text(path, encoding, newline="") as file:
        line, blank = 1 + skip, False
        if skip:
            file.readline()
        reader = dialect.reader(file)
        try:
            for cells in reader:
                place, line = f"{path}:{line}", 1 + skip + reader.line_num
                if any(cell.strip().strip(_PADDING) for cell in cells):
                    yield place, cells, blank
                    blank = False
                else:
                    blank = True
        except csv.Error as error:
            kind = "TSV" if suffix(path) in _TABS else "CSV"
            why = "a quotation mark opens a cell and none closes it" if "end of data" in str(error) else str(error)
            faults.add(
                InputError(
                    f"{path}:{line}: not valid {kind} ({why}); nothing behind it can be read. Where marks are "
                    "letters like any other, say --quote none, in Python quote='none'"
                )
            )


def _checked(rows: Iterable[tuple[str, list[str], bool]], names: tuple[str, ...], faults: Faults) -> Iterator[Row]:
    for place, cells, after_blank in rows:
        if len(cells) == len(names):
            yield Row(place, dict(zip(names, cells, strict=True)), after_blank)
        else:
            faults.add(InputError(f"{place}: has {counted(len(cells), 'cell')} where the first line has {len(names)}"))
