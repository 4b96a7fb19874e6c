"""A part of a file -> Arrow tables, one after the other, in bounded memory."""

import codecs
import csv
import gzip
import io
import json
import zlib
from collections.abc import Iterator
from typing import Any, BinaryIO, NamedTuple

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from ..data.dialect import Dialect
from ..errors import InputError, error_text, name_list, translated
from .chunks import row_chunks
from .places import opened, read_bytes
from .source import LINE, Source, is_gzip, parquet_footer

BATCH_ROWS = 8192
_CHUNK_BYTES = 1 << 22
_BLOCK = 1 << 20


class Part(NamedTuple):
    """What one output file is made of: rows (of Parquet) or bytes `start` to `stop` of a file; all of it: 0 to -1."""

    number: int
    url: str
    start: int
    stop: int


class Rows(NamedTuple):
    """Some rows: all columns of the source, and the values of those that the model reads."""

    table: pa.Table
    texts: list[list[Any]]

    def slice(self, start: int, stop: int) -> "Rows":
        return Rows(self.table.slice(start, max(stop - start, 0)), [column[start:stop] for column in self.texts])


def read_part(source: Source, part: Part) -> Iterator[Rows]:
    """The rows of a part. Raises InputError for what cannot be read."""
    if source.form == "parquet":
        yield from (_with_texts(source, table) for table in _parquet(part))
        return
    if part.start == part.stop:
        return
    damaged = (EOFError, zlib.error, gzip.BadGzipFile)
    with translated(damaged, InputError, f"{part.url}: not a whole gzip file"):
        yield from _text_tables(source, part)


def row_groups(url: str, schema: pa.Schema) -> list[int]:
    """The rows of each row group of a Parquet file. Raises InputError for one of another schema."""
    found, rows = parquet_footer(url)
    if not found.equals(schema):
        odd = next((field for field in found if field not in list(schema)), None) or "fewer columns, or another order"
        raise InputError(f"{url}: its columns are not those of the first file: {odd}")
    return rows


def _parquet(part: Part) -> Iterator[pa.Table]:
    damaged = translated(pa.ArrowException, InputError, f"{part.url}: a Parquet file that is damaged")
    with damaged, opened(part.url) as raw, pq.ParquetFile(raw) as file:
        groups: list[int] = []
        first = before = 0
        for group in range(file.metadata.num_row_groups):
            rows = file.metadata.row_group(group).num_rows
            if before + rows > part.start and before < part.stop:
                first = first if groups else before
                groups.append(group)
            before += rows
        place = first
        for batch in file.iter_batches(BATCH_ROWS, row_groups=groups, use_threads=False) if groups else ():
            start, stop = max(part.start - place, 0), min(part.stop - place, batch.num_rows)
            place += batch.num_rows
            if start < stop:
                yield pa.Table.from_batches([batch.slice(start, stop - start)])
            if place >= part.stop:
                return


def _with_texts(source: Source, table: pa.Table) -> Rows:
    return Rows(table, [table.column(name).to_pylist() for name in source.columns])


def _text_tables(source: Source, part: Part) -> Iterator[Rows]:
    chunks = row_chunks(_utf8_blocks(source, part), _CHUNK_BYTES, source.ends)
    skipped = 0 if part.start else source.skipped
    before = 0
    for chunk in chunks:
        while skipped and chunk:
            end = source.ends.find(chunk, 0) or len(chunk)
            skipped -= 1
            if not skipped:
                _check_header(source, chunk[:end], part.url)
            chunk = chunk[end:]
        if not chunk:
            continue
        if source.dialect is not None:
            yield _with_texts(source, _separated(source, source.dialect, chunk, part))
        elif source.form == "text":
            lines = _lines(chunk)
            yield Rows(pa.table([pa.array(lines, pa.string())], schema=source.schema), [lines])
        else:
            yield _json(source, chunk, part, before)
        before += chunk.count(b"\n")


def _check_header(source: Source, row: bytes, url: str) -> None:
    assert source.dialect is not None
    names = next(iter(source.dialect.reader(io.StringIO(row.decode(), newline=""))), [])
    if names != source.schema.names:
        raise InputError(f"{url}: its columns are not those of the first file: {name_list(names, 10)}")


def _lines(chunk: bytes) -> list[str]:
    lines = chunk.decode().split("\n")
    if not lines[-1]:
        lines.pop()
    return [line.removesuffix("\r") for line in lines]


def _utf8_blocks(source: Source, part: Part) -> Iterator[bytes]:
    """The part's bytes, in UTF-8 without a byte order mark. Raises InputError for what is not in the encoding."""
    behind_mark = source.encoding == "utf-8-sig" and part.start
    decoder = codecs.getincrementaldecoder("utf-8" if behind_mark else source.encoding)()
    try:
        for block in _blocks(part):
            yield decoder.decode(block).encode()
        yield decoder.decode(b"", final=True).encode()
    except UnicodeDecodeError as error:
        raise InputError(
            f"{part.url}: not {source.encoding} text ({error_text(error)}, behind byte {part.start}); say its encoding"
        ) from None


def _blocks(part: Part) -> Iterator[bytes]:
    if part.stop >= 0:
        data = read_bytes(part.url, part.start, part.stop)
        yield from (data[place : place + _BLOCK] for place in range(0, len(data), _BLOCK))
        return
    with opened(part.url) as raw:
        yield from blocks_of(gzip.GzipFile(fileobj=raw) if is_gzip(part.url) else raw)


def blocks_of(file: BinaryIO | gzip.GzipFile) -> Iterator[bytes]:
    while block := file.read(_BLOCK):
        yield block


def _separated(source: Source, dialect: Dialect, chunk: bytes, part: Part) -> pa.Table:
    what = f"{part.url}: bytes {part.start} to {part.stop}: not valid {source.form.upper()}"
    way = "; where marks are letters like any other, say quote none"
    with translated((pa.ArrowException, csv.Error, ValueError), InputError, what, way):
        return (_by_python if dialect.spaced else _by_arrow)(dialect, chunk, source.schema)


def _by_arrow(dialect: Dialect, chunk: bytes, schema: pa.Schema) -> pa.Table:
    """All cells as texts, as they stand; a cell with nothing in it, not even marks, is null."""
    return pacsv.read_csv(
        io.BytesIO(chunk),
        pacsv.ReadOptions(use_threads=False, block_size=len(chunk) + 1, column_names=schema.names),
        pacsv.ParseOptions(
            delimiter=dialect.separator,
            quote_char=dialect.quote or False,
            escape_char=dialect.escape or False,
            newlines_in_values=True,
        ),
        pacsv.ConvertOptions(
            column_types={name: pa.string() for name in schema.names},
            strings_can_be_null=True,
            null_values=[""],
            quoted_strings_can_be_null=False,
        ),
    )


def _by_python(dialect: Dialect, chunk: bytes, schema: pa.Schema) -> pa.Table:
    """The same for blanks behind separators, which pyarrow takes for a part of the cell."""
    rows = [row for row in dialect.reader(io.StringIO(chunk.decode(), newline="")) if row]
    if bad := next((row for row in rows if len(row) != len(schema)), None):
        raise ValueError(f"a row has {len(bad)} cells, not {len(schema)}")
    columns = zip(*rows) if rows else [[] for _ in schema]
    return pa.table([pa.array([cell or None for cell in column], pa.string()) for column in columns], schema=schema)


def _json(source: Source, chunk: bytes, part: Part, before: int) -> Rows:
    rows, kept = [], []
    for number, line in enumerate(chunk.decode().split("\n"), before + 1):
        if not line.strip():
            continue
        place = f"{part.url}: line {number}" + (f" behind byte {part.start}" if part.start else "")
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{place}: not valid JSON ({error_text(error)})") from None
        if not isinstance(row, dict):
            raise InputError(f"{place}: must be a JSON object")
        rows.append(row)
        kept.append(line.strip())
    texts = [[row.get(name) for row in rows] for name in source.columns]
    if source.schema.names == [LINE]:
        return Rows(pa.table([pa.array(kept, pa.string())], schema=source.schema), texts)
    if unknown := next((name for row in rows for name in row if name not in source.schema.names), None):
        raise InputError(f"{part.url}: the first rows have no {unknown!r}, later ones have; say format jsonl")
    what = f"{part.url}: later rows do not fit the types of the first"
    with translated((pa.ArrowException, OverflowError, TypeError), InputError, what, "; say format jsonl"):
        return Rows(pa.Table.from_pylist(rows, schema=source.schema), texts)


def first_rows(source: Source, part: Part, most: int) -> Rows:
    """The first rows of a part, `most` at least where it has as many."""
    taken = Rows(source.schema.empty_table(), [[] for _ in source.columns])
    for rows in read_part(source, part):
        table = pa.concat_tables([taken.table, rows.table])
        taken = Rows(table, [[*held, *more] for held, more in zip(taken.texts, rows.texts)])
        if taken.table.num_rows >= most:
            break
    return taken
