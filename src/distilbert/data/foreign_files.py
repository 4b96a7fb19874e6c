"""What a file is that holds no text or table that can be read, by its name or its first bytes, and the next step."""

import re
from pathlib import Path

from ..diagnosis import stand_in_name
from .cells import json_value
from .file_names import suffix
from .source import first_bytes

_BEGINNING = 1 << 12  # bytes that a file is known by
_TAR = slice(257, 262)

_WORKBOOK = "a workbook; save its sheet as CSV, in UTF-8"
_ARCHIVE = "an archive; unpack it, and give the table that is in it"
_ARROW = "an Arrow file; write it as Parquet: polars.read_ipc(FILE).write_parquet(OUT)"
_PICKLE = "a pickle, which is never run; in Python give the DataFrame itself, or write it with to_parquet"
_STATISTICS = "a file of a statistics program; export it as CSV, or in Python give the DataFrame of pandas"
_DATABASE = "a database; export the table as CSV"
_SQL = "SQL, not a table; export the table as CSV"
_DOCUMENT = "a document, not a text; save it as plain text, or its table as CSV"

_STARTS: tuple[tuple[bytes, str], ...] = (
    (b"PK\3\4", "a workbook or an archive, whatever its name; save the sheet as CSV, in UTF-8, or unpack it"),
    (b"\xd0\xcf\x11\xe0", _WORKBOOK),
    (b"\x28\xb5\x2f\xfd", "compressed by Zstandard; unpack it first: zstd -d FILE"),
    (b"BZh", "compressed by bzip2; unpack it first: bunzip2 FILE"),
    (b"\xfd7zXZ", "compressed by xz; unpack it first: unxz FILE"),
    (b"7z\xbc\xaf", _ARCHIVE),
    (b"Rar!", _ARCHIVE),
    (b"#FORMAT=WebAnno TSV", "a file of WebAnno or INCEpTION; export it as CoNLL 2002"),
    (b"ARROW1", _ARROW),
    (b"%PDF", _DOCUMENT),
    (b"{\\rtf", _DOCUMENT),
    (b"SQLite format 3", _DATABASE),
    (b"\x89HDF", "an HDF5 file; in Python give the DataFrame itself, or write it with to_parquet"),
    *((bytes([0x80, protocol]), _PICKLE) for protocol in range(2, 6)),
)
_TEXT_STARTS: tuple[tuple[bytes, str], ...] = (
    *((start, _SQL) for start in (b"insert into", b"create table", b"-- mysql dump", b"--\n-- postgresql")),
    (b"<table", "an HTML table; open it in a program for tables, and save it as CSV"),
    (b"@relation", "an ARFF file of Weka; save it as CSV"),
)
_ENDINGS = {
    **dict.fromkeys((".xlsx", ".xls", ".xlsm", ".xlsb", ".ods", ".numbers"), _WORKBOOK),
    **dict.fromkeys((".zip", ".7z", ".rar", ".tar", ".tgz"), _ARCHIVE),
    **dict.fromkeys((".zst", ".bz2", ".xz"), "compressed by another program than gzip; unpack it first"),
    **dict.fromkeys((".arrow", ".feather", ".ipc"), _ARROW),
    **dict.fromkeys((".pkl", ".pickle"), _PICKLE),
    **dict.fromkeys((".db", ".sqlite", ".sqlite3", ".duckdb", ".mdb", ".accdb"), _DATABASE),
    **dict.fromkeys((".rds", ".rdata", ".dta", ".sas7bdat"), _STATISTICS),
    **dict.fromkeys((".pdf", ".docx", ".doc", ".odt", ".rtf"), _DOCUMENT),
    **dict.fromkeys((".yml", ".yaml"), "YAML; write its examples as a table, a row each"),
    **dict.fromkeys((".xml", ".html", ".htm"), "text with marks; write its examples as a table, a row each"),
    **dict.fromkeys((".sav", ".por", ".xpt", ".mat"), _STATISTICS),
    **dict.fromkeys((".avro", ".orc", ".tfrecord", ".msgpack"), "a table that is not read; write it as Parquet"),
    **dict.fromkeys((".npy", ".npz", ".h5", ".hdf5"), "an array; in Python give it itself"),
    ".sql": _SQL,
    ".arff": "an ARFF file of Weka; save it as CSV",
    ".ann": "a file of brat's annotations, of texts in files beside it; brat's tools/anntoconll.py makes CoNLL of both",
    ".spacy": "documents of spaCy as they lie in memory; write them as JSON lines of texts with their labels",
}
_RULE = re.compile(r"(?=.*[|+])[\s|+:]*-{3,}[-\s|+:]*")  # above or under the header of a table that was printed


def foreign_name(path: Path) -> str:
    """What a file is that is no text or table that can be read, and the next step; "" where it may be one.

    Raises InputError where the file cannot be read.
    """
    if what := _ENDINGS.get(suffix(path)):
        return what
    start = first_bytes(path, _BEGINNING)
    if start.startswith(b"PAR1"):
        return "" if suffix(path) == ".parquet" else "a Parquet file; name it .parquet"
    if start.startswith(b"\x1f\x8b"):
        packed = path.name.lower().endswith(".gz")
        return "compressed twice by gzip; unpack it once" if packed else "compressed by gzip; name it so, with .gz"
    if start[_TAR] == b"ustar":
        return _ARCHIVE
    return next((what for magic, what in _STARTS if start.startswith(magic)), "")


def no_separated_values(sample: str) -> str:
    """What a text is that was called a CSV and is none, and the next step; "" where it may be one."""
    start = sample.lstrip("\ufeff \t\r\n")
    opening = start[:_BEGINNING].encode(errors="replace")
    if other := stand_in_name(opening):
        return other
    if other := next((what for magic, what in _TEXT_STARTS if opening.lower().startswith(magic)), ""):
        return other
    lines = start.split("\n", 2)
    if _RULE.fullmatch(lines[0]) or (len(lines) > 1 and _RULE.fullmatch(lines[1])):
        return "a table as it is printed or stands in Markdown, not CSV; export it as CSV"
    if start.startswith("{") and isinstance(json_value(lines[0]), dict):
        return "JSON; name it .jsonl"
    return "JSON; name it .json" if re.match(r"\[\s*\{", start) else ""


def no_json_lines(sample: str) -> str:
    """What a text is that was called JSON and is none, and the next step; "" where it may be some."""
    lines = [line for line in sample.lstrip("\ufeff").split("\n") if line.strip()][:3]
    if lines and lines[0].lstrip().startswith("{'"):
        return "a text of Python's dictionaries, not JSON; write them with json.dumps"
    if any(line.lstrip()[0] in "{}[]/" for line in lines):
        return ""
    return stand_in_name("\n".join(lines).encode(errors="replace")) or (
        "no JSON; where its cells are separated, name it .csv or .tsv" if lines else ""
    )
