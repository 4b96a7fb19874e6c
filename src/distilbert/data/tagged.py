"""Rows, and CoNLL's columns -> words with a label each."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import InputError, counted, short_repr
from .cells import listed_parts, says_nothing
from .examples import Data, TaggedWords
from .faults import Faults
from .file_names import suffix
from .labels import LabelNames, outside_first
from .source import read_text
from .tables import Row
from .tags import are_tags, is_tag, language_before, plain_tags

_DOCUMENT = "-DOCSTART-"
_UNIVERSAL = 10  # columns of CoNLL-U: https://universaldependencies.org/format.html
_FORM, _UPOS = 1, 3  # of them, the word and its part of speech
_BEGINS = "#begin document"  # of CoNLL-2012
_WORD_OF_2012, _ENTITIES = 3, 10
_PLACES = ""  # no column's name: where each word of a sentence stands
_HEADERS = {  # names that columns of words and labels have where a file of CoNLL's has a header
    "words": ("word", "words", "token", "tokens", "form"),
    "labels": ("ner_tag", "ner_tags", "ner", "tag", "tags", "label", "labels", "entity"),
}
_NOT_A_WORD = re.compile(r"\d+-\d+|\d+\.\d+")  # the ids of words written as one, and of words left out


def tagged(
    source: str, rows: Sequence[Row], found: Mapping[str, str], names: LabelNames, faults: Faults
) -> Data[TaggedWords]:
    """From a sentence a row, or (with a column of sentences) a word a row."""
    one_each = len(rows) > 1 and all(len(str(row.values.get(found["words"])).split()) < 2 for row in rows)
    if "sentence" in found or (one_each and any(row.after_blank for row in rows)):
        rows = _sentences(rows, found)
    elif one_each and not any(isinstance(row.values.get(found["words"]), list) for row in rows):
        raise InputError(
            f"{source}: has one word a row, and nothing says where a sentence ends; say it by a blank line, or by a "
            "column: --columns sentence=NAME, in Python columns={'sentence': 'NAME'}"
        )
    return _named(source, rows, found["words"], found["labels"], names, faults)


def _named(
    source: str, rows: Sequence[Row], words: str, labels: str, names: LabelNames, faults: Faults
) -> Data[TaggedWords]:
    examples = faults.each(rows, lambda row: (row, *_words_and_labels(row, words, labels)))
    plain = plain_tags({str(label) for _, _, tags in examples for label in tags})
    if any(map(names.is_named, plain)):
        plain = {}
    language = language_before({word for _, sentence, _ in examples for word in sentence})

    def named(example: tuple[Row, list[str], list[Any]]) -> TaggedWords:
        row, sentence, tags = example
        of_words = _named_tags(row, [plain.get(str(tag), tag) for tag in tags], labels, names)
        return TaggedWords(tuple(word.removeprefix(language) for word in sentence), of_words)

    tagged_words = faults.each(examples, named)
    seen = {label for example in tagged_words for label in example.labels}
    every = names.every or names.in_their_order(outside_first(seen))
    guessed = [f"{given} read as {tag}" for given, tag in sorted(plain.items())[:3]]
    guessed += [f"{language!r} before every word left out"] if language else []
    guessed += names.remarks
    return Data(source, tagged_words, every, guessed="; ".join(guessed))


def _words_and_labels(row: Row, words_column: str, labels_column: str) -> tuple[list[str], list[Any]]:
    words, labels = _parts(row, words_column), _parts(row, labels_column)
    if not words or len(words) != len(labels):
        counts = f"{counted(len(words), 'word')} and {counted(len(labels), 'label')}"
        raise row.fault(f"has {counts}; there must be one of each, and some")
    if not all(isinstance(word, str) for word in words):
        raise row.fault(f"{words_column!r} must be a list of texts, not {short_repr(words)}")
    return words, labels


def _named_tags(row: Row, labels: Sequence[Any], column: str, names: LabelNames) -> tuple[str, ...]:
    named = tuple(_name(row, place, label, names) for place, label in enumerate(labels))
    if number := next((label for label in labels if not names.explains(label)), None):
        raise row.fault(
            f"{column!r} has numbers ({number}); say what they stand for: --labels 0=O 1=B-PER …, "
            "in Python labels={'0': 'O', …}"
        )
    return named


def _name(row: Row, place: int, label: Any, names: LabelNames) -> str:
    """The name of a word's label. Raises InputError with the line that it stands on, where words have lines."""
    try:
        return names(label)
    except InputError as error:
        places = row.values.get(_PLACES)
        raise InputError(f"{places[place] if places else row.place}: {error}") from None


def _parts(row: Row, column: str) -> list[Any]:
    """A list, a text that is one, or a text with blanks between its words."""
    value = row.values.get(column)
    parts = listed_parts(value)
    if parts is None and isinstance(value, str):
        return value.split()
    if parts is None or any(isinstance(part, list | dict) or part is None for part in parts):
        raise row.fault(f"{column!r} must be a list of texts, not {short_repr(value)}")
    return parts


def _sentences(rows: Sequence[Row], found: Mapping[str, str]) -> list[Row]:
    """Rows of one word each -> rows of a sentence, by its name, which may stand at its first word alone, or by blank
    lines.
    """
    sentences: list[Row] = []
    name: Any = None
    words: list[str] = []
    labels: list[str] = []
    places: list[str] = []
    for row in rows:
        given = row.values.get(found.get("sentence", ""))
        ends = row.after_blank if "sentence" not in found else not says_nothing(given) and given != name
        if not sentences or ends:
            name, words, labels, places = given, [], [], []
            sentences.append(Row(row.place, {found["words"]: words, found["labels"]: labels, _PLACES: places}))
        places.append(row.place)
        for parts, role in ((words, "words"), (labels, "labels")):
            value = row.values.get(found[role])
            parts.append("" if value is None else str(value))
    return sentences


def is_conll(path: Path, columns: Mapping[str, str], encoding: str | None) -> bool:
    """Whether a file whose name is that of a table has CoNLL's columns: none is named, and its first line has a tag."""
    if columns or suffix(path) not in (".csv", ".tsv", ".tab"):
        return False
    lines = (line for line in read_text(path, encoding).split("\n") if line.strip())
    start = next((line for line in lines if not line.startswith(("#", _DOCUMENT))), "")
    cells = _cells(start, tabs=False)
    return len(cells) > 1 and is_tag(cells[-1]) and "," not in start


def read_conll(
    path: Path, columns: Mapping[str, str], names: LabelNames, faults: Faults, encoding: str | None = None
) -> Data[TaggedWords]:
    """A word a line with its label in columns (tabs, or else spaces), an empty line between sentences.

    Lines that begin with # and have not the columns of the others are comments; -DOCSTART- ends a sentence
    wherever it stands. CoNLL-U (ten columns, or a name that ends in .conllu) has its comments, its words written as one
    and its words left out by its specification; its labels are the parts of speech (column 4), unless columns say else.
    """
    text = read_text(path, encoding)
    guessed = []
    if not columns and _BEGINS in text:
        text, columns = _of_2012(text), {"words": "1", "labels": "2"}
        guessed.append("CoNLL-2012: words from column 4, named entities from column 11")
    opening = next((line for line in text.split("\n") if line.strip() and not line.startswith(("#", _DOCUMENT))), "")
    lines = [_cells(line, tabs="\t" in opening) for line in text.split("\n")]
    first = _cells(opening, tabs=False)
    width = len(first)
    if width < 2:
        raise InputError(f"{path}: has no columns of words and labels; is it in CoNLL's format?")
    universal = suffix(path) == ".conllu" or (width == _UNIVERSAL and first[0].startswith("1"))
    header = [name.lower() for name in first] if not universal and _is_header(first) else []
    table: list[tuple[int, list[str]]] = []
    ends = []
    for number, cells in enumerate(lines, 1):
        if not any(cells) or cells[0] == _DOCUMENT:
            ends.append(len(table))
        elif cells[0].startswith("#") and (universal or len(cells) != width):
            continue
        elif len(cells) != width:
            has = counted(len(cells), "column")
            faults.add(InputError(f"{path}:{number}: has {has} where the first line has {width}"))
            table.append((number, []))  # its sentence is left out
        elif header and cells == first and not table:
            continue
        elif not (universal and _NOT_A_WORD.fullmatch(cells[0])):
            table.append((number, cells))
    if header and not columns:
        columns = {role: str(1 + header.index(_named_in(header, role))) for role in ("words", "labels")}
    word, tag = _conll_columns(path, [cells for _, cells in table if cells], columns, universal)
    rows, start = [], 0
    for end in sorted({*ends, len(table)}):
        sentence = table[start:end]
        bad = [
            (number, cells) for number, cells in sentence if not (cells and cells[word].strip() and cells[tag].strip())
        ]
        for number, cells in bad:
            if cells:
                faults.add(InputError(f"{path}:{number}: the {'word' if cells[tag].strip() else 'label'} is missing"))
        if sentence and not bad:
            words, tags = ([cells[place] for _, cells in sentence] for place in (word, tag))
            places = [f"{path}:{number}" for number, _ in sentence]
            rows.append(Row(places[0], {"words": words, "labels": tags, _PLACES: places}))
        start = max(start, end)
    data = _named(str(path), rows, "words", "labels", names, faults)
    if len(columns) < 2:
        guessed.append(f"words from column {word + 1}, labels from column {tag + 1}")
    return Data(data.source, data.examples, data.labels, guessed="; ".join(filter(None, [*guessed, data.guessed])))


def _cells(line: str, *, tabs: bool) -> list[str]:
    """The columns of a line: tabs stand between them or, where there are none, spaces.

    `tabs`: they do in other lines, so that what begins with # and has none is a comment.
    """
    line = line.rstrip(" \r")
    if "\t" in line or (tabs and line.startswith("#")):
        return line.split("\t")
    return re.split(" +", line)


def _of_2012(text: str) -> str:
    """CoNLL-2012 -> lines of a word and its tag. Its entities are in brackets: "(GPE*", "*)", "(DATE)".

    https://cemantix.org/conll/2012/data.html
    """
    lines, entity = [], ""
    for line in text.split("\n"):
        cells = line.split()
        if len(cells) <= _ENTITIES or line.startswith((_BEGINS, "#end document")):
            lines.append("" if not cells or line.startswith("#") else line)
            continue
        word, mark = cells[_WORD_OF_2012], cells[_ENTITIES]
        if begins := mark.startswith("("):
            entity = mark.strip("()*")
        lines.append(f"{word}\t{f'B-{entity}' if begins else f'I-{entity}' if entity else 'O'}")
        if mark.endswith(")"):
            entity = ""
    return "\n".join(lines)


def _is_header(cells: Sequence[str]) -> bool:
    """Whether the first line has the names of the columns."""
    names = [cell.lower() for cell in cells]
    return bool(_named_in(names, "words") and _named_in(names, "labels"))


def _named_in(names: Sequence[str], role: str) -> str:
    return next((name for name in _HEADERS[role] if name in names), "")


def _check_labels(path: Path, column: Sequence[str], word: int, label: int) -> None:
    """Raises InputError where a file's last column has no labels: running text, markup, or a column with gaps."""
    kinds = set(column)
    if "O" not in kinds and (2 * len(kinds) > len(column) or "_" in kinds):
        what = "has '_' for a label" if "_" in kinds else "mostly has words that stand once, and no tags"
        raise InputError(
            f"{path}: its last column {what}; is it in CoNLL's format? If it is, say which columns are what: "
            f"--columns words={word} labels={label}"
        )


def _conll_columns(
    path: Path, table: Sequence[Sequence[str]], columns_of: Mapping[str, str], universal: bool
) -> tuple[int, int]:
    """The columns of words and labels: as said, or the first that does not count and the last that looks like tags."""
    by_column = list(zip(*table, strict=True))
    for role, name in columns_of.items():
        if not name.isdecimal() or not 1 <= int(name) <= len(by_column):
            raise InputError(f"{path}: {role} must be a column's number from 1 to {len(by_column)}, not {name!r}")
    if universal:
        word, tag = _FORM, _UPOS
    else:
        texts = [i for i, column in enumerate(by_column) if not all(cell.isdecimal() for cell in column)]
        tags = [i for i, column in enumerate(by_column) if are_tags([cell for cell in column if cell.strip()])]
        word = next((i for i in texts if i not in tags), texts[0] if texts else 0)
        # where words are counted, the outer entities come first (GermEval 2014); else phrases do (CoNLL-2003)
        tag = (tags[-1] if 0 in texts else tags[0]) if tags else len(by_column) - 1
        if not tags and "labels" not in columns_of:
            _check_labels(path, by_column[-1], word + 1, len(by_column))
    word, tag = int(columns_of.get("words", word + 1)) - 1, int(columns_of.get("labels", tag + 1)) - 1
    if word == tag:
        raise InputError(f"{path}: column {word + 1} cannot be both words and labels; say which are, with --columns")
    return word, tag
