"""What a data file's name says of its form. Apart from the readers, which take time to import."""

from pathlib import Path

TABLES = (".csv", ".tsv", ".jsonl", ".parquet")
_OTHER_TABLES = (".tab", ".ndjson", ".json")


def suffix(path: Path) -> str:
    """What a file's name says of its form, `.gz` left out: ".csv" for "a.CSV.gz"."""
    name = path.name.lower()
    return Path(name.removesuffix(".gz")).suffix


def is_table(path: Path) -> bool:
    """Whether a file's name is that of a table, compressed or not."""
    return suffix(path) in (*TABLES, *_OTHER_TABLES)
