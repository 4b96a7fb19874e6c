"""Rows, and CoNLL's columns -> words with a label each."""

import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from ..errors import InputError
from .examples import Data, TaggedWords
from .labelled import known_labels
from .tables import Row, read_text

_TAG = re.compile(r"O|[BIESLUM]-.+")


def tagged_row(row: Row, found: Mapping[str, str]) -> TaggedWords:
    words, labels = (row.texts(found[role]) for role in ("words", "labels"))
    if not words or len(words) != len(labels):
        raise row.fault(f"has {len(words)} words and {len(labels)} labels; there must be one of each, and some")
    return TaggedWords(tuple(words), tuple(labels))


def tagged(
    path: Path, examples: Sequence[TaggedWords], rows: Sequence[Row], labels: Sequence[str] | None
) -> Data[TaggedWords]:
    def outside_first(found: Collection[str]) -> list[str]:
        return sorted(found, key=lambda label: (label != "O", label[2:], label))

    return Data(
        str(path), examples, known_labels(rows, [example.labels for example in examples], labels, outside_first)
    )


def read_conll(path: Path, columns: Mapping[str, str], labels: Sequence[str] | None) -> Data[TaggedWords]:
    """A word a line with its label in columns (tabs, or else spaces), an empty line between sentences.

    Lines that begin with # and have not the columns of the others are comments.
    """
    text = read_text(path)
    separator = "\t" if "\t" in text else None
    lines = [line.rstrip().split(separator) for line in text.split("\n")]
    width = next((len(cells) for cells in lines if any(cells) and not cells[0].startswith("#")), 0)
    if width < 2:
        raise InputError(f"{path}: has no columns of words and labels; is it in CoNLL's format?")
    table: list[tuple[int, list[str]]] = []
    ends = []
    for number, cells in enumerate(lines, 1):
        if len(cells) != width and cells[:1] and cells[0].startswith("#"):
            continue
        if not any(cells):
            ends.append(len(table))
        elif len(cells) != width:
            raise InputError(f"{path}:{number}: has {len(cells)} columns where the first line has {width}")
        elif cells[0] != "-DOCSTART-":
            table.append((number, cells))
    word, tag = _conll_columns(path, [cells for _, cells in table], columns)
    examples, rows = [], []
    start = 0
    for end in sorted({*ends, len(table)}):
        if end > start:
            for number, cells in table[start:end]:
                if not cells[word].strip() or not cells[tag].strip():
                    raise InputError(f"{path}:{number}: the {'word' if cells[tag].strip() else 'label'} is missing")
            words, tags = zip(*((cells[word], cells[tag]) for _, cells in table[start:end]), strict=True)
            examples.append(TaggedWords(words, tags))
            rows.append(Row(f"{path}:{table[start][0]}", {}))
            start = end
    data = tagged(path, examples, rows, labels)
    guessed = "" if len(columns) == 2 else f"words from column {word + 1}, labels from column {tag + 1}"
    return Data(data.source, data.examples, data.labels, guessed=guessed)


def _conll_columns(path: Path, table: Sequence[Sequence[str]], said: Mapping[str, str]) -> tuple[int, int]:
    """The columns of words and labels: as said, or the first that does not count and the last that looks like tags."""
    by_column = list(zip(*table, strict=True))
    for role, name in said.items():
        if not name.isdecimal() or not 1 <= int(name) <= len(by_column):
            raise InputError(f"{path}: {role} must be a column's number from 1 to {len(by_column)}, not {name!r}")
    word = next((i for i, column in enumerate(by_column) if not all(cell.isdecimal() for cell in column)), 0)
    tags = [i for i, column in enumerate(by_column) if all(_TAG.fullmatch(cell) for cell in column)]
    tag = tags[-1] if tags else len(by_column) - 1
    word, tag = int(said.get("words", word + 1)) - 1, int(said.get("labels", tag + 1)) - 1
    if word == tag:
        raise InputError(f"{path}: column {word + 1} cannot be both words and labels; say which are, with --columns")
    return word, tag
