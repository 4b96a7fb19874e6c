"""Tables -> one output file, whole or not at all; and the files of all parts -> one."""

import base64
import io
import json
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from ..bulk_settings import Format
from .places import opened, written
from .source import LINE

_GROUP_ROWS = 1 << 16  # of a Parquet row group
_GROUP_BYTES = 1 << 26
_BLOCK = 1 << 20

Write = Callable[[pa.Table], None]


def write_tables(
    url: str,
    form: Format,
    schema: pa.Schema,
    tables: Iterable[pa.Table],
    separator: str,
    before_it_appears: Callable[[], None],
) -> None:
    """Write the tables, which have that schema, as one file."""
    with written(url) as path, path.open("wb") as file:
        with _WRITERS[form](file, schema, separator) as write:
            for table in tables:
                write(table)
        before_it_appears()


@contextmanager
def _parquet(file: BinaryIO, schema: pa.Schema, _: str) -> Iterator[Write]:
    """Tables are put together until they are large enough for a row group."""
    held: list[pa.Table] = []

    def write(table: pa.Table) -> None:
        held.append(table)
        if sum(map(len, held)) >= _GROUP_ROWS or sum(each.nbytes for each in held) >= _GROUP_BYTES:
            writer.write_table(pa.concat_tables(held))
            held.clear()

    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        yield write
        if held:
            writer.write_table(pa.concat_tables(held))


@contextmanager
def _separated(file: BinaryIO, schema: pa.Schema, separator: str) -> Iterator[Write]:
    def write(table: pa.Table) -> None:
        flat = pa.table([_flat(column) for column in table.columns], names=table.schema.names)
        pacsv.write_csv(flat, file, pacsv.WriteOptions(include_header=False, delimiter=separator))

    file.write(_header(schema, separator))
    yield write


@contextmanager
def _json_lines(file: BinaryIO, schema: pa.Schema, _: str) -> Iterator[Write]:
    raw = schema.names[:1] == [LINE]

    def write(table: pa.Table) -> None:
        lines = table.column(LINE).to_pylist() if raw else [None] * len(table)
        rest = table.drop_columns([LINE]) if raw else table
        for line, row in zip(lines, rest.to_pylist()):
            file.write(_joined(line, _json(row)).encode() + b"\n")

    yield write


_WRITERS: dict[Format, Callable[[BinaryIO, pa.Schema, str], AbstractContextManager[Write]]] = {
    "parquet": _parquet,
    "csv": _separated,
    "tsv": _separated,
    "jsonl": _json_lines,
}


def _header(schema: pa.Schema, separator: str) -> bytes:
    """The first row of separated values."""
    sink = io.BytesIO()
    empty = pa.table([pa.array([], pa.string()) for _ in schema], names=schema.names)
    pacsv.write_csv(empty, sink, pacsv.WriteOptions(delimiter=separator))
    return sink.getvalue()


def _flat(column: pa.ChunkedArray) -> pa.ChunkedArray:
    """A column that CSV can hold: what has parts is JSON."""
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _flat(column.cast(kind.value_type))
    if kind in (pa.string_view(), pa.large_string()):
        return column.cast(pa.string())
    is_binary = kind in (pa.binary(), pa.large_binary()) or pa.types.is_fixed_size_binary(kind)
    if not is_binary and not pa.types.is_nested(kind):
        return column
    texts = [None if value is None else (_plain if is_binary else _json)(value) for value in column.to_pylist()]
    return pa.chunked_array([pa.array(texts, pa.string())])


def _joined(line: str | None, added: str) -> str:
    """A JSON object's text with another's members behind its own; its own stay as they are written."""
    if line is None:
        return added
    inside = line[:-1].rstrip()
    return f"{inside}{'' if inside.endswith('{') else ', '}{added[1:]}"


def _json(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, default=_plain)
    except ValueError:  # JSON has no NaN and no infinity
        return json.dumps(_finite(value), ensure_ascii=False, default=_plain)


def _plain(value: Any) -> str:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not abs(value) < float("inf") else value


def merge(urls: Iterable[str], target: str, form: Format, schema: pa.Schema, separator: str) -> None:
    """Join the files of the parts, in order."""
    with written(target) as path:
        if form == "parquet":
            with pq.ParquetWriter(path, schema, compression="zstd") as writer:
                for url in urls:
                    _add_parquet(writer, url)
            return
        first = _header(schema, separator) if form in ("csv", "tsv") else b""
        with Path(path).open("wb") as out:
            out.write(first)
            for url in urls:
                with opened(url) as file:
                    file.read(len(first))
                    shutil.copyfileobj(file, out, _BLOCK)


def _add_parquet(writer: pq.ParquetWriter, url: str) -> None:
    with opened(url) as raw, pq.ParquetFile(raw) as file:
        for group in range(file.metadata.num_row_groups):
            writer.write_table(file.read_row_group(group, use_threads=False))
