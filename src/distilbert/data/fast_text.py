"""fastText's files -> rows: a text a line, with its labels before it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .cells import FAST_TEXT
from .source import first_bytes, opened_text

_BEGINNING = 1 << 8


def is_fast_text(path: Path) -> bool:
    """Whether a file begins with one of fastText's labels, whatever its name."""
    return first_bytes(path, _BEGINNING).lstrip(b"\xef\xbb\xbf \r\n").startswith(FAST_TEXT.encode())


def fast_text_rows(path: Path, encoding: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each line that is not blank, with its place."""
    with opened_text(path, encoding) as file:
        for number, line in enumerate(file, 1):
            if words := line.lstrip("\ufeff").split():
                count = next((place for place, word in enumerate(words) if not word.startswith(FAST_TEXT)), len(words))
                labels: list[str] = [word.rstrip(",") for word in words[:count]]
                text = " ".join(words[count:]).removeprefix(",").strip()
                yield f"{path}:{number}", {"text": text, "label": labels[0] if count == 1 else labels or None}
