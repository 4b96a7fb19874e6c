"""Files -> text: compressed or not, in the encoding that was said or that the bytes show."""

import codecs
import gzip
import io
import re
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TextIO, cast

from ..errors import InputError, error_text

_BLOCK = 1 << 20  # bytes read at once
_MARKS = (  # the longest first: the mark of UTF-32 begins with that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

# What Western text never looks like, and bytes of another encoding do when they are read as cp1252 ----------
# a sign, or a quotation mark that opens, between two letters: Central European, DOS
_INSIDE_WORDS = re.compile(r"(?<=[a-zà-ÿ])[¡-©«¬®-³¶¸¹»-¿×÷‚„†‡ˆ‰‹›•˜€“”](?=[a-zà-ÿ])")  # noqa: RUF001
_FILLER = re.compile(r"(?<![a-zA-Z])ÿ|¤")  # the bytes 255, and 164, which is the euro's in ISO 8859-15
_CAPITAL_INSIDE = re.compile(r"[a-zà-öø-ÿ][À-ÖØ-ÞŠŒŽŸ]")  # Macintosh
_UTF8_TWICE = re.compile(rb"\xc3[\x80-\xbf]|\xc2[\xa0-\xbf]|\xe2\x80[\x90-\xaf]")  # lines of UTF-8 among others
_LETTER_RUN = re.compile(r"[¡-ÿ]{4,}")  # Cyrillic, Greek, Chinese, …
_MOST_RUNS = 2  # of different letters
_MOST_MARKED = 0.25  # of the letters: French has 4 %
_TURKISH = 0.005  # of the letters, of those that only Icelandic has as well


@contextmanager
def opened_text(path: Path, encoding: str, *, newline: str | None = None) -> Iterator[TextIO]:
    """A file's text; `newline` as for `open`. Raises InputError where it cannot be read."""
    with _readable(path), _opened(path) as file:
        yield io.TextIOWrapper(file, encoding=encoding, newline=newline)


def first_bytes(path: Path, count: int) -> bytes:
    """The first bytes of a file, unpacked. Raises InputError where it cannot be read."""
    with _readable(path), _opened(path) as file:
        return file.read(count)


def read_text(path: Path, encoding: str | None = None) -> str:
    """All of a file's text, its line ends as "\\n". Raises as `find_encoding` does."""
    encoding = find_encoding(path, encoding)
    with opened_text(path, encoding) as file:
        return file.read()


def find_encoding(path: Path, encoding: str | None = None) -> str:
    """The encoding of a file, which all of its bytes are valid in.

    A byte order mark says it; without one it is UTF-8, or UTF-16 where every other byte is zero, or cp1252 where
    that makes Western text. Anything else has to be said.

    Raises InputError, naming the line, where the encoding that was said, or every one of these, is not that of the
    file, and for a name that no encoding has.
    """
    head = first_bytes(path, 1 << 12)
    with _readable(path):
        if encoding is not None:
            try:
                name = codecs.lookup(encoding).name
                "".encode(name)  # some codecs are none of text
            except (LookupError, ValueError):
                raise InputError(
                    f"encoding {encoding!r} is unknown; use utf-8, utf-16, cp1252 or one of Python's"
                ) from None
            name = "utf-8-sig" if name == "utf-8" else name
            if (line := _first_bad_line(path, name)) is not None:
                raise InputError(f"{path}:{line}: not {encoding} text")
            return name
        name = next((name for mark, name in _MARKS if head.startswith(mark)), "")
        even, odd = head[::2].count(0), head[1::2].count(0)
        if not name and 5 * max(even, odd) > 2 * len(head[::2]) and 10 * min(even, odd) < max(even, odd):
            name = "utf-16-le" if odd > even else "utf-16-be"
        line = _first_bad_line(path, name or "utf-8")
        if line is None:
            return name or "utf-8"
        if name or not _is_western(path):
            raise InputError(
                f"{path}:{line}: not {'UTF-8' if 'utf-8' in (name or 'utf-8') else name} text; "
                "say its encoding: --encoding NAME, in Python encoding='NAME'"
            )
    return "cp1252"


def _first_bad_line(path: Path, encoding: str) -> int | None:
    decoder = codecs.getincrementaldecoder(encoding)()
    line = 1
    with _opened(path) as file:
        while True:
            block = file.read(_BLOCK)
            try:
                line += decoder.decode(block, final=not block).count("\n")
            except UnicodeDecodeError as error:
                good = error.object[: error.start].decode(encoding, "ignore")
                return line + good.count("\n")
            except UnicodeError:  # UTF-16 without a mark
                return line
            if not block:
                return None


def _is_western(path: Path) -> bool:
    """Whether bytes that are not UTF-8 make sense as cp1252."""
    runs: set[str] = set()
    letters: Counter[str] = Counter()
    with _opened(path) as file:
        while block := file.read(_BLOCK):
            if _UTF8_TWICE.search(block):
                return False
            try:
                text = block.decode("cp1252")
            except UnicodeDecodeError:
                return False
            if any(sign.search(text) for sign in (_INSIDE_WORDS, _CAPITAL_INSIDE, _FILLER)):
                return False
            runs.update(run for run in _LETTER_RUN.findall(text) if len(set(run)) > 1)
            letters.update(text)
    ascii_count = sum(count for char, count in letters.items() if char.isascii() and char.isalpha())
    marked = sum(count for char, count in letters.items() if not char.isascii() and char.isalpha())
    turkish = sum(letters[char] for char in "ðýþÐÝÞ")
    return (
        len(runs) <= _MOST_RUNS
        and marked <= _MOST_MARKED * (ascii_count + marked)
        and not (turkish > _TURKISH * (ascii_count + marked) and any(letters[char] for char in "çüÇÜ"))
    )


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    if path.name.lower().endswith(".gz"):
        with gzip.open(path) as file:
            yield cast(BinaryIO, file)
    else:
        with path.open("rb") as file:
            yield file


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except gzip.BadGzipFile:
        raise InputError(f"{path}: is not compressed by gzip; name it without .gz") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error_text(error)})") from None
    except (EOFError, zlib.error) as error:
        raise InputError(f"{path}: not a whole gzip file ({error})") from None
