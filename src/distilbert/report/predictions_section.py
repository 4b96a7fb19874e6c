"""The predictions section: all predictions as a CSV inside the page, as far as they fit."""

import json
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ..data.writing import write_rows
from ..evaluation.scores import Scores
from .markup import Html, paragraph, printable, tag
from .page import Section, section

_MOST_CHARACTERS = 4 << 20


def predictions_section(details: Scores, all_of_them: str) -> Section | None:
    """`all_of_them` says how to have the predictions that do not fit in the page."""
    rows = _Bounded(details.predictions())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "predictions.csv"
        count = write_rows(path, rows)
        text = path.read_bytes().decode() if count else ""  # line ends as they stand
    if not count and not rows.cut:
        return None
    about = f"All {count:,} predictions, a row an example."
    if rows.cut:
        about = f"The first {count:,} of {details.examples:,} predictions: a page holds no more. {all_of_them}"
    return section(
        "predictions",
        "All predictions",
        paragraph(about),
        tag("button", "Download predictions.csv", type="button", data_file="predictions.csv", hidden=True),
        tag("noscript", paragraph("The download needs JavaScript, which is inside this page.")),
        _data(text),
    )


class _Bounded:
    """Rows, until they have as many characters as a page may hold."""

    def __init__(self, rows: Iterable[Mapping[str, Any]]) -> None:
        self._rows, self.cut = rows, False

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        left = _MOST_CHARACTERS
        for row in self._rows:
            left -= len(json.dumps(row))
            if left < 0:
                self.cut = True
                return
            yield row


def _data(text: str) -> Html:
    """A text as JSON in an element that no text can end."""
    written = json.dumps(printable(text), ensure_ascii=False)
    for character in "<>&":
        written = written.replace(character, f"\\u{ord(character):04x}")
    return Html(f'<script type="application/json" id="predictions-data">{written}</script>')
