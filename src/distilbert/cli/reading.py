"""Texts in: from arguments, a file or standard input.

Lines come in groups, which are run together. A group goes on as long as there are lines; it ends when the
writer of a pipe, or a person at the keyboard, gives no more for a moment and may be waiting for results.
"""

import math
import os
import select
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from ..data.file_names import is_table, suffix
from ..errors import InputError, translated
from . import show

_PATIENCE = 0.2  # seconds that a line waits for others to be run with
_BLOCK = 1 << 16  # bytes read at once
_LONGEST = 1 << 24  # bytes of a line


def text_groups(texts: Sequence[str], path: Path | None) -> Iterator[Iterator[str]]:
    """The texts if there are any, else the lines of the file, else those of standard input.

    Lines are UTF-8; bytes that are not become U+FFFD. Each group must be used up before the next one is
    asked for. Raises InputError if there are texts and a file, or the file cannot be read.
    """
    if texts and path:
        raise InputError("give texts or --file, not both")
    if texts:
        yield iter(texts)
        return
    if path is not None and path.is_file():
        _check_text(path)
    lines = _lines(path)
    for line in lines:
        yield _group(line, lines)


def _check_text(path: Path) -> None:
    """Raises InputError for a file that is no text."""
    from ..data.fast_text import is_fast_text  # not at the top: the readers take time to import
    from ..data.foreign_files import foreign_name

    if path.suffix.lower() == ".gz":
        raise InputError(f"{path}: is compressed; unpack it, or pipe it in: gzip -dc FILE | distilbert …")
    if other := foreign_name(path):
        raise InputError(f"{path}: is {other}")
    if is_fast_text(path):
        raise InputError(f"{path}: has fastText's labels before its texts; cut them off: sed 's/__label__[^ ]*//g'")


def count_texts(texts: Sequence[str], path: Path | None) -> int | None:
    """How many texts `text_groups` gives, None where that is not known before they are read."""
    if texts:
        return len(texts)
    if path is None or not path.is_file() or suffix(path) == ".parquet" or path.suffix.lower() == ".gz":
        return None
    with path.open("rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(_BLOCK), b""))


def _group(line: str | None, following: Iterator[str | None]) -> Iterator[str]:
    while line is not None:
        yield line
        line = next(following, None)


def _lines(path: Path | None) -> Iterator[str | None]:
    """The lines as they come, and None behind those that have waited long enough for the next."""
    name = "standard input" if path is None else str(path)
    with translated(OSError, InputError, f"{name}: cannot be read"), _opened(path) as file:
        yield from _split(file, name)


@contextmanager
def _opened(path: Path | None) -> Iterator[int]:
    """The descriptor of a file, or of standard input."""
    if path is not None:
        with path.open("rb", buffering=0) as file:
            yield file.fileno()
        return
    if sys.stdin is None:
        raise InputError("no text: give it as an argument, with --file, or on standard input")
    if sys.stdin.isatty():
        end = "Ctrl-Z and Enter" if os.name == "nt" else "Ctrl-D"
        print(f"Type a text and press Enter; {end} ends.", file=sys.stderr)
    yield sys.stdin.fileno()


def _split(file: int, name: str) -> Iterator[str | None]:
    block = os.read(file, _BLOCK)
    if block.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InputError(f"{name}: is UTF-16; save it as UTF-8")
    block = block.removeprefix(b"\xef\xbb\xbf")
    rest = b""
    deadline = math.inf  # of the group that has begun
    while block:
        *lines, rest = (rest + block).split(b"\n")
        if len(rest) > _LONGEST:
            raise InputError(f"{name}: has a line of more than {_LONGEST >> 20} MB; give one text a line")
        if lines and deadline == math.inf:
            deadline = time.monotonic() + _PATIENCE
        yield from map(_decoded, lines)
        if deadline < math.inf and not _has_more(file, deadline - time.monotonic()):
            yield None
            deadline = math.inf
        block = os.read(file, _BLOCK)
    if rest:
        yield _decoded(rest)


def _has_more(file: int, seconds: float) -> bool:
    """Whether there is more to read, or the end, at once or within some seconds."""
    try:
        return bool(select.select([file], [], [], max(seconds, 0))[0])
    except (OSError, ValueError):  # Windows cannot tell, of files and pipes
        return True


def _decoded(line: bytes) -> str:
    return line.decode("utf-8", "replace").rstrip("\r\n")


def lines_of(path: Path | None) -> list[str] | None:
    """The texts of a file that are not blank, one a line, or of the column of a table that its name tells; None
    without a file.
    """
    if path is None:
        return None
    if is_table(path):
        from .table_texts import texts_of_table  # not at the top: the readers take time to import

        found, texts = texts_of_table(path, None)
        show.note(f"{path}: {found}")
        return [str(text) for text in texts if text.strip()]
    return [text for group in text_groups([], path) for text in group if text.strip()]
