"""Text is cut where rows end, whatever stands in its cells."""

import csv
import io

import pytest

pytest.importorskip("pyarrow")

from hypothesis import given, settings
from hypothesis import strategies as st

from distilbert.bulk.chunks import RowEnds, row_chunks
from distilbert.data.dialect import Dialect


def rows_of(data: bytes, dialect: Dialect) -> list[list[str]]:
    return list(dialect.reader(io.StringIO(data.decode(), newline="")))


AWKWARD = 'a,"b\nc",24" screen\n"d ""e""\n","",f"\n"",g,"\n"\nh,i,j'


@pytest.mark.parametrize("size", range(1, 60))
def test_awkward_rows_stay_whole(size: int) -> None:
    data, dialect = AWKWARD.encode(), Dialect()
    chunks = list(row_chunks((data[i : i + 3] for i in range(0, len(data), 3)), size, RowEnds(dialect)))
    assert b"".join(chunks) == data
    expected = list(csv.reader(io.StringIO(AWKWARD, newline="")))
    assert [row for chunk in chunks for row in csv.reader(io.StringIO(chunk.decode(), newline=""))] == expected
    assert len(expected) == 4
    if size == 1:
        assert len(chunks) == 4


CELL = st.text(alphabet='ab,"\n;\\ é\t\r', max_size=6)


@settings(max_examples=300)
@given(
    st.lists(st.lists(CELL, min_size=2, max_size=2), min_size=1, max_size=8),
    st.integers(1, 40),
    st.integers(1, 9),
    st.sampled_from([",", ";", "\t"]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    st.booleans(),
)
def test_written_rows_come_back(
    rows: list[list[str]], size: int, block: int, separator: str, quoting: int, escaped: bool
) -> None:
    sink = io.StringIO(newline="")
    escape = "\\" if escaped else None
    csv.writer(
        sink,
        delimiter=separator,
        quoting=quoting,
        escapechar=escape,
        doublequote=not escaped,
        lineterminator="\n",  # type: ignore[arg-type]
    ).writerows(rows)
    data, dialect = sink.getvalue().encode(), Dialect(separator, '"', escape)
    blocks = (data[place : place + block] for place in range(0, len(data), block))
    chunks = list(row_chunks(blocks, size, RowEnds(dialect)))
    assert b"".join(chunks) == data
    if rows_of(data, dialect) == rows:  # Python's reader takes back what its writer writes, but for odd escapes
        assert [row for chunk in chunks for row in rows_of(chunk, dialect)] == rows
    assert all(len(chunk) >= size for chunk in chunks[:-1])


def test_lines_without_marks_are_cut_at_line_ends() -> None:
    data = b'1\t"open\n2\tb\n3\tc\n'
    assert list(row_chunks([data], 3, RowEnds(Dialect("\t", None)))) == [b'1\t"open\n', b"2\tb\n", b"3\tc\n"]


def test_a_row_longer_than_any_block_is_one_chunk() -> None:
    row = b'"' + b"x\n" * 50_000 + b'"\n'
    blocks = [row[place : place + 1000] for place in range(0, len(row), 1000)]
    assert list(row_chunks([*blocks, b"y\n"], 10, RowEnds(Dialect()))) == [row, b"y\n"]
