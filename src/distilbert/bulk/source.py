"""What the input is: its format, its columns, and which of them are read; found out from its first file."""

import gzip
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq

from ..bulk_settings import BulkSettings
from ..data.columns import COLUMNS
from ..data.dialect import Dialect, Stated, excel_separator, sniff
from ..errors import InputError, name_list, naming, translated
from .chunks import RowEnds
from .places import File, opened, patiently

Form = Literal["parquet", "csv", "tsv", "jsonl", "text"]

_FORMS: dict[str, Form] = {
    "parquet": "parquet",
    "csv": "csv",
    "tsv": "tsv",
    "tab": "tsv",
    "jsonl": "jsonl",
    "ndjson": "jsonl",
    "txt": "text",
    "text": "text",
}
_SAMPLE = 1 << 20  # bytes by which a dialect, and the columns of JSON lines, are found
_CUTTABLE = {"utf-8", "utf-8-sig", "ascii", "cp1252", "latin-1", "iso-8859-1", "iso-8859-15"}  # "\n" is one byte
LINE = "line"  # the column of JSON lines that are kept as they stand
_TEXT = "text"  # the column of plain text
_PAIR_TASKS = {
    "question-answering": ("question", "context"),
    "multiple-choice": ("prompt", "choices"),
    "text-ranking": ("query", "document"),
}
_NAMES = {"query": ("query", "question", "text"), "document": ("document", "passage", "text", "context")}


@dataclass(frozen=True)
class Source:
    """How the files of the input are read.

    Attributes:
        form: their format.
        schema: of all their columns; of JSON lines that are kept as they stand, one column LINE.
        text, pair: the columns that the model reads; no pair: "".
        dialect: of CSV and TSV.
        encoding: of text.
        skipped: rows before the first one of values: a header, and before it a line that states the separator.
    """

    form: Form
    schema: pa.Schema
    text: str
    pair: str = ""
    dialect: Dialect | None = None
    encoding: str = "utf-8"
    skipped: int = 0

    @property
    def columns(self) -> list[str]:
        return [self.text, *([self.pair] if self.pair else [])]

    @property
    def ends(self) -> RowEnds:
        return RowEnds(self.dialect)

    def is_cuttable(self, url: str) -> bool:
        """Whether reading can begin in the middle of a file."""
        return self.form == "parquet" or (not is_gzip(url) and self.encoding in _CUTTABLE)


def is_gzip(url: str) -> bool:
    return url.lower().endswith(".gz")


def form_of(url: str) -> Form:
    """The format of a file by its name. Raises InputError."""
    ending = url.lower().removesuffix(".gz").rpartition(".")[2]
    if ending not in _FORMS or (ending == "parquet" and is_gzip(url)):
        raise InputError(
            f"{url}: cannot tell its format; name it .parquet, .csv, .tsv, .jsonl or .txt, perhaps with .gz"
        )
    return _FORMS[ending]


def find_source(files: Sequence[File], task: str, settings: BulkSettings) -> Source:
    """How to read the files. Raises InputError where they are not of one kind, or a column is not there."""
    forms = {form_of(file.url) for file in files}
    if len(forms) > 1:
        raise InputError(f"{files[0].url}: has neighbours of other formats ({name_list(forms)}); give one, as in *.csv")
    filled = [file for file in files if file.size] or list(files)
    (form,) = forms
    url = filled[0].url
    source = _OPENERS[form](url, settings)
    known = source.schema.names
    if known == [LINE]:
        known = list(dict.fromkeys(name for row in _json_rows(url, source.encoding) for name in row))
    source = replace(source, text=_column("column", settings.column, known, task, 0, url))
    if task in _PAIR_TASKS or settings.pair_column is not None:
        pair = _column("pair_column", settings.pair_column, known, task, 1, url, [source.text])
        source = replace(source, pair=pair)
    for name in source.columns if source.form == "parquet" else ():
        _check_text(url, source.schema.field(name), task)
    return source


def _column(
    setting: str, given: str | None, names: Sequence[str], task: str, place: int, url: str, taken: Sequence[str] = ()
) -> str:
    if given is not None:
        if given not in names:
            raise InputError(f"{url}: has no column {given!r}; it has {name_list(names, 20)}")
        return given
    role = _PAIR_TASKS.get(task, ("text", "pair"))[place]
    likely = _NAMES.get(role) or COLUMNS.get(task, {}).get(role) or COLUMNS["text-classification"]["text"]
    lower = {name.strip().lower(): name for name in reversed(names)}
    found = next((lower[name] for name in likely if name in lower and lower[name] not in taken), None)
    if found is None and len(names) == 1 and not taken:
        found = names[0]
    if found is None:
        raise InputError(f"{url}: which column has the {role}s? It has {name_list(names, 20)}; say {setting}")
    return found


def _check_text(url: str, field: pa.Field, task: str) -> None:
    kind = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
    listed = task == "multiple-choice" and (pa.types.is_list(kind) or pa.types.is_large_list(kind))
    if not listed and kind not in (pa.null(), pa.string(), pa.large_string(), pa.string_view()):
        raise InputError(f"{url}: column {field.name!r} must be text, not {field.type}")


# the formats ----------------------------------------------------------------------------------------


def parquet_footer(url: str) -> tuple[pa.Schema, list[int]]:
    """The schema of a Parquet file, and the rows of each of its row groups. Raises InputError."""

    def read() -> tuple[pa.Schema, list[int]]:
        with opened(url) as raw, pq.ParquetFile(raw) as file:
            metadata = file.metadata
            return file.schema_arrow, [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]

    with translated(pa.ArrowException, InputError, f"{url}: not a Parquet file that can be read"):
        return patiently(read)


def _parquet(url: str, _: BulkSettings) -> Source:
    return Source("parquet", parquet_footer(url)[0], "")


def _separated(form: Form, url: str, settings: BulkSettings) -> Source:
    sample, encoding, whole = _sample(url, settings.encoding)
    of_excel, sample = excel_separator(sample)
    separator = settings.separator.replace("\\t", "\t") if settings.separator else of_excel
    with naming(url):
        dialect = sniff(sample, Stated(separator, settings.quote), tabs=form == "tsv", whole=whole)
        if settings.quote is not None:  # blanks before a mark are the cell's, unless they are guessed with the mark
            dialect = replace(dialect, spaced=False)
        names = next(iter(dialect.reader(iter(sample.splitlines(keepends=True)))), [])
    if not names:
        raise InputError(f"{url}: is empty; its first line must name the columns")
    if len({*names}) < len(names):
        raise InputError(f"{url}: two columns have one name; is the first line a header?")
    schema = pa.schema([(name, pa.string()) for name in names])
    return Source(form, schema, "", "", dialect, encoding, 1 if of_excel is None else 2)


def _text(url: str, settings: BulkSettings) -> Source:
    return Source("text", pa.schema([(_TEXT, pa.string())]), "", encoding=_sample(url, settings.encoding)[1])


def _json(url: str, settings: BulkSettings) -> Source:
    """Lines as they stand where the output has all of them; else columns of the types that the first rows show."""
    encoding = _sample(url, settings.encoding)[1]
    if settings.format in (None, "jsonl") and settings.keep is None:
        return Source("jsonl", pa.schema([(LINE, pa.string())]), "", encoding=encoding)
    rows = _json_rows(url, encoding)
    with translated(pa.ArrowException, InputError, f"{url}: its rows have no common types", "; say format jsonl"):
        names = dict.fromkeys(name for row in rows for name in row)
        schema = pa.schema([(name, pa.array([row.get(name) for row in rows]).type) for name in names])
    null = [pa.field(f.name, pa.string()) if pa.types.is_null(f.type) else f for f in schema]
    return Source("jsonl", pa.schema(null), "", encoding=encoding)


def _json_rows(url: str, encoding: str) -> list[dict[str, Any]]:
    text, _, whole = _sample(url, encoding)
    lines = text.split("\n") if whole else text.split("\n")[:-1]
    with translated((ValueError, RecursionError), InputError, f"{url}: not JSON lines"):
        rows = [json.loads(line) for line in lines if line.strip()]
    if not all(isinstance(row, dict) for row in rows):
        raise InputError(f"{url}: each line must be a JSON object")
    return rows


def _sample(url: str, encoding: str) -> tuple[str, str, bool]:
    """The beginning of a file, its encoding (a byte order mark says it) and whether that is all of it."""
    with opened(url) as raw, translated((EOFError, gzip.BadGzipFile), InputError, f"{url}: not a whole gzip file"):
        data = patiently(lambda: (gzip.GzipFile(fileobj=raw) if is_gzip(url) else raw).read(_SAMPLE + 1))
    if data.startswith(b"\xef\xbb\xbf"):
        encoding = "utf-8-sig"
    elif data.startswith((b"\xff\xfe", b"\xfe\xff")):
        encoding = "utf-16"
    whole = len(data) <= _SAMPLE
    try:
        text = data[:_SAMPLE].decode(encoding, "strict" if whole else "ignore")
    except UnicodeDecodeError:
        raise InputError(f"{url}: not {encoding} text; say its encoding") from None
    except LookupError:
        raise InputError(f"encoding {encoding!r} is unknown; use utf-8, utf-16, cp1252 or one of Python's") from None
    return text, encoding, whole


_OPENERS: dict[Form, Callable[[str, BulkSettings], Source]] = {
    "parquet": _parquet,
    "csv": partial(_separated, "csv"),
    "tsv": partial(_separated, "tsv"),
    "jsonl": _json,
    "text": _text,
}
