"""Text cut into pieces that end where rows end, line ends inside quotation marks left alone."""

import re
from collections.abc import Iterable, Iterator

from ..data.dialect import Dialect


class RowEnds:
    """Finds ends of rows in bytes that begin with a row.

    A mark opens a cell only at the cell's beginning; anywhere else it is a letter, as in `24" screen`. Counting marks
    would be wrong there.
    """

    def __init__(self, dialect: Dialect | None = None) -> None:
        """`dialect` of separated values; None where every line is a row."""
        self._mark = dialect.quote.encode() if dialect and dialect.quote else b""
        if not dialect or not self._mark:
            return
        mark, escape = re.escape(self._mark), re.escape((dialect.escape or "").encode())
        before = re.escape(dialect.separator.encode()) + rb"\r\n" + (b" " if dialect.spaced else b"")
        escaped = rb"|%b." % escape if escape else b""
        inside = rb"(?:[^%b%b]++|%b%b%b)*+" % (mark, escape, mark, mark, escaped)
        cell = rb"(?<![^%b])%b%b%b" % (before, mark, inside, mark)
        letter = rb"(?<=[^%b])%b" % (before, mark)
        self._whole = re.compile(rb"(?:[^%b]++|%b|%b)*+" % (mark, cell, letter), re.DOTALL)
        self._rest = re.compile(rb"(?:[^%b\n]++|%b|%b)*+\n" % (mark, cell, letter), re.DOTALL)
        self._split = self._mark + (dialect.escape or "").encode()  # what means something else with the byte behind

    def find(self, data: bytes | bytearray, start: int) -> int:
        """Where the row ends that byte `start` lies in: behind its line end; 0 where `data` does not show it."""
        if not self._mark or (not start and data.find(self._mark) < 0):
            return data.find(b"\n", start) + 1
        while 0 < start < len(data) and data[start - 1] in self._split:
            start += 1
        outside = start if data.find(self._mark, 0, start) < 0 else self._matched(data, start)
        found = self._rest.match(data, outside)
        return found.end() if found else 0

    def _matched(self, data: bytes | bytearray, stop: int) -> int:
        """The last byte up to `stop` that is in no cell in marks."""
        found = self._whole.match(data, 0, stop)
        return found.end() if found else 0


def row_chunks(blocks: Iterable[bytes], size: int, ends: RowEnds) -> Iterator[bytes]:
    """The blocks cut anew into chunks of whole rows, each the shortest of at least `size` bytes."""
    held, wanted = bytearray(), size
    for block in blocks:
        held += block
        while len(held) > wanted:
            end = ends.find(held, size)
            if not end:
                wanted = 2 * len(held)  # a long row: it is not searched again for each block
                break
            yield bytes(held[:end])
            del held[:end]
            wanted = size
    while held:
        end = (ends.find(held, size) if len(held) > size else 0) or len(held)
        yield bytes(held[:end])
        del held[:end]
