"""Files -> examples: CSV, TSV, JSONL, Parquet, CoNLL columns, SQuAD JSON and plain text.

Everything is read and checked before anything runs; what is wrong is an InputError that names file and line.
"""

import csv
import io
import json
import math
import re
import sys
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import InputError, MissingExtraError, shown
from ..files import is_file, is_folder
from .examples import (
    Choices,
    Data,
    LabelledText,
    PlainText,
    Problem,
    Question,
    SentencePair,
    TaggedWords,
)

__all__ = ["COLUMNS", "read_data"]

# task -> what a row has -> the names by which its column is known, likeliest first
COLUMNS: dict[str, dict[str, tuple[str, ...]]] = {
    "text-classification": {
        "text": ("text", "sentence", "sentence1", "premise", "question1", "review", "content", "document", "comment"),
        "pair": ("pair", "text2", "text_pair", "sentence2", "hypothesis", "question2"),
        "label": ("label", "labels", "category", "class", "target", "sentiment", "score", "rating", "stars"),
    },
    "token-classification": {
        "words": ("words", "tokens"),
        "labels": ("labels", "tags", "ner_tags", "ner"),
    },
    "question-answering": {
        "id": ("id",),
        "question": ("question",),
        "context": ("context",),
        "answers": ("answers", "answer"),
    },
    "fill-mask": {"text": ("text", "sentence", "content", "document")},
    "sentence-similarity": {
        "text": ("text", "sentence1", "sentence_1", "anchor", "query", "question1", "premise", "first"),
        "pair": ("pair", "text2", "sentence2", "sentence_2", "positive", "answer", "question2", "hypothesis", "second"),
        "score": ("score", "similarity", "similarity_score", "label", "rating"),
    },
    "multiple-choice": {
        "prompt": ("prompt", "question", "context", "sent1", "startphrase", "ctx"),
        "choices": ("choices", "endings", "options"),
        "label": ("label", "right", "answer", "gold"),
    },
}
_OPTIONAL = {("text-classification", "pair"), ("question-answering", "id"), ("sentence-similarity", "score")}
_CHOICE_COLUMN = re.compile(r"(?:choice|ending|option|answer)_?([0-9]+|[a-z])")
_TAG = re.compile(r"O|[BIESLUM]-.+")
_MOST_CLASSES = 20  # more whole numbers than this are a quantity, not classes
_TABLES = (".csv", ".tsv", ".jsonl", ".parquet")


@dataclass(frozen=True, slots=True)
class _Row:
    """Values by column, and where they stand."""

    place: str
    values: Mapping[str, Any]

    def fault(self, message: str) -> InputError:
        return InputError(f"{self.place}: {message}")


def read_data(
    path: str | Path,
    task: str,
    *,
    columns: Mapping[str, str] | None = None,
    labels: Sequence[str] | None = None,
    problem: Problem | None = None,
) -> Data[Any]:
    """The examples of a file.

    Args:
        path: .csv, .tsv, .jsonl or .parquet; for token classification also CoNLL columns, for question answering
            also SQuAD's .json, for fill-mask also plain text, a text a line.
        task: one of those in `COLUMNS`.
        columns: what a row has -> the name of its column, as far as it should not be guessed. If all are
            numbers (from 1 on), the file has no header.
        labels: the labels there are; any other is an error. By default those of the file.
        problem: of text classification; by default guessed from the labels. Several labels in one cell
            have commas between them.

    Raises:
        InputError: for all that is wrong in the data, naming file and line.
        MissingExtraError: for Parquet without the extra `train`.
    """
    path = Path(path)
    if task not in COLUMNS:
        raise InputError(f"task {task!r} has no data format; use one of {', '.join(COLUMNS)}")
    if not is_file(path):
        raise InputError(f"{path}: is a folder; give a file" if is_folder(path) else f"{path}: no such file")
    columns = dict(columns or {})
    if unknown := sorted(set(columns) - set(COLUMNS[task])):
        raise InputError(f"columns: {task} has no {unknown[0]!r}; it has {', '.join(COLUMNS[task])}")
    if _suffix(path) not in _TABLES:
        if task == "token-classification":
            return _conll(path, columns, labels)
        if task == "question-answering":
            return _squad(path)
        if task == "fill-mask":
            lines = ((number, line.strip()) for number, line in enumerate(_text(path).split("\n"), 1))
            return _some(Data(str(path), [PlainText(line) for _, line in lines if line]))
        raise InputError(f"{path}: cannot tell its format; name it {', '.join(_TABLES)}")
    names, rows = _table(path, headless=bool(columns) and all(name.isdecimal() for name in columns.values()))
    if not rows:
        raise InputError(f"{path}: has no examples")
    found, guessed = _find_columns(path, task, names, columns)
    data: Data[Any]
    match task:
        case "text-classification":
            data = _labelled(path, rows, found, labels, problem)
        case "token-classification":
            data = _tagged(path, [_tagged_row(row, found) for row in rows], rows, labels)
        case "question-answering":
            data = Data(str(path), [_question_row(row, found, place) for place, row in enumerate(rows)])
        case "fill-mask":
            data = Data(str(path), [PlainText(_string(row, found["text"])) for row in rows])
        case "sentence-similarity":
            data = Data(str(path), [_pair_row(row, found) for row in rows])
        case _:
            data = Data(str(path), [_choices_row(row, found, names) for row in rows])
    said = ", ".join(f"{role} from column {name!r}" for role, name in found.items() if name) if guessed else ""
    return _some(Data(data.source, data.examples, data.labels, data.problem, _joined(said, data.guessed)))


def _some(data: Data[Any]) -> Data[Any]:
    if not data.examples:
        raise InputError(f"{data.source}: has no examples")
    return data


def _joined(*parts: str) -> str:
    return "; ".join(part for part in parts if part)


# tables ---------------------------------------------------------------------------------------------


def _table(path: Path, headless: bool) -> tuple[list[str], list[_Row]]:
    """The columns' names (from "1" on without a header) and the rows."""
    match _suffix(path):
        case ".jsonl":
            rows = list(_json_lines(path))
        case ".parquet":
            rows = list(_parquet(path))
        case _:
            return _separated(path, headless)
    return list(dict.fromkeys(name for row in rows for name in row.values)), rows


def _suffix(path: Path) -> str:
    return path.suffix.lower()


def _separated(path: Path, headless: bool) -> tuple[list[str], list[_Row]]:
    csv.field_size_limit(sys.maxsize)  # the default, 131,072 characters, is shorter than some documents
    lines = io.StringIO(_text(path))
    if _suffix(path) == ".csv":
        reader = csv.reader(lines, strict=True)
    else:  # a TSV has no quotes: a mark at the beginning of a text is a letter like any other
        reader = csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
    names: list[str] = []
    rows: list[_Row] = []
    line = 1
    try:
        for cells in reader:
            place, line = f"{path}:{line}", reader.line_num + 1
            if not cells:
                continue
            if not names:
                names = [str(number) for number in range(1, len(cells) + 1)] if headless else cells
                if len(set(names)) < len(names):
                    raise InputError(f"{place}: two columns have one name; is the first line a header?")
                if not headless:
                    continue
            if len(cells) != len(names):
                raise InputError(f"{place}: has {len(cells)} cells where the first line has {len(names)}")
            rows.append(_Row(place, dict(zip(names, cells, strict=True))))
    except csv.Error as error:
        raise InputError(f"{path}:{line}: not valid {_suffix(path)[1:].upper()} ({error})") from None
    return names, rows


def _json_lines(path: Path) -> Iterator[_Row]:
    for number, line in enumerate(_text(path).split("\n"), 1):
        if not line.strip():
            continue
        try:
            values = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise InputError(f"{path}:{number}: not valid JSON ({error})") from None
        if not isinstance(values, dict):
            raise InputError(f"{path}:{number}: must be an object, not {shown(values)}")
        yield _Row(f"{path}:{number}", values)


def _parquet(path: Path) -> Iterator[_Row]:
    try:
        import polars
    except ImportError:
        raise MissingExtraError("Parquet files need polars: pip install 'distilbert[train]'") from None
    try:
        table = polars.read_parquet(path)
    except Exception as error:  # polars' errors have no public base class
        raise InputError(f"{path}: not a Parquet file that can be read ({str(error).splitlines()[0]})") from None
    for number, values in enumerate(table.iter_rows(named=True), 1):
        yield _Row(f"{path}: row {number}", values)


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
        text = content.decode("utf-8-sig").replace("\r\n", "\n")
        return text if "\n" in text else text.replace("\r", "\n")  # which ended lines on old Macintoshes
    except UnicodeDecodeError as error:
        raise InputError(f"{path}:{1 + content[: error.start].count(10)}: not UTF-8 text") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None


def _find_columns(path: Path, task: str, names: Sequence[str], said: Mapping[str, str]) -> tuple[dict[str, str], bool]:
    """What a row has -> its column, and whether any was guessed."""
    found: dict[str, str] = {}
    lower = {name.strip().lower(): name for name in reversed(names)}
    for role in COLUMNS[task]:
        if role in said:
            if said[role] not in names:
                raise InputError(f"{path}: has no column {said[role]!r}; it has {', '.join(map(repr, names))}")
            if said[role] in found.values():
                raise InputError(f"columns: {said[role]!r} cannot be {role!r} and something else as well")
            found[role] = said[role]
    for role, known in COLUMNS[task].items():
        if role in found:
            continue
        guess = next((lower[name] for name in known if name in lower and lower[name] not in found.values()), None)
        if guess is not None:
            found[role] = guess
        elif role == "choices" and len(_choice_columns(names)) > 1:
            found[role] = ""
        elif (task, role) not in _OPTIONAL:
            raise InputError(
                f"{path}: no column looks like {role!r} among {', '.join(map(repr, names))}; "
                f"say which it is: --columns {role}=NAME, in Python columns={{'{role}': 'NAME'}}"
            )
    return found, any(role not in said and name for role, name in found.items())


def _string(row: _Row, column: str) -> str:
    value = row.values.get(column)
    if not isinstance(value, str):
        raise row.fault(f"{column!r} must be text, not {shown(value)}")
    if not value.strip():
        raise row.fault(f"{column!r} is empty")
    return value


def _number(row: _Row, column: str) -> float:
    value = row.values.get(column)
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        raise row.fault(f"{column!r} must be a number, not {shown(value)}") from None
    if not math.isfinite(number):
        raise row.fault(f"{column!r} must be a finite number, not {shown(value)}")
    return number


# text classification ----------------------------------------------------------------------------------


def _labelled(
    path: Path,
    rows: Sequence[_Row],
    found: Mapping[str, str],
    labels: Sequence[str] | None,
    problem: Problem | None,
) -> Data[LabelledText]:
    column = found["label"]
    values = [row.values.get(column) for row in rows]
    for row, value in zip(rows, values, strict=True):
        if value is None or (isinstance(value, str) and not value.strip()):
            raise row.fault(f"the label ({column!r}) is missing")
    guessed = "" if problem else f"a {(problem := _problem(values))} problem"
    texts: list[str | tuple[str, str]] = []
    for row in rows:
        text = _string(row, found["text"])
        texts.append((text, _string(row, found["pair"])) if "pair" in found else text)
    if problem == "regression":
        numbers = [LabelledText(text, _number(row, column)) for text, row in zip(texts, rows, strict=True)]
        return Data(str(path), numbers, tuple(labels or (column,)), problem, guessed)
    if problem == "multi-label":
        sets = [_several(row, column) for row in rows]
        examples = [LabelledText(text, label) for text, label in zip(texts, sets, strict=True)]
        return Data(str(path), examples, _known(rows, sets, labels, _by_number), problem, guessed)
    singles = [_single(row, column) for row in rows]
    examples = [LabelledText(text, label) for text, label in zip(texts, singles, strict=True)]
    return Data(str(path), examples, _known(rows, [[label] for label in singles], labels, _by_number), problem, guessed)


def _problem(values: Sequence[Any]) -> Problem:
    """What labels look like."""
    if any(isinstance(value, list) for value in values):
        return "multi-label"
    try:
        numbers = [float(value) for value in values if not isinstance(value, bool)]
    except (TypeError, ValueError):
        return "single-label"
    fractions = any(
        not number.is_integer() for number in numbers
    )  # a NaN too: it is refused as a number, with its place
    return "regression" if fractions or len(set(numbers)) > _MOST_CLASSES else "single-label"


def _single(row: _Row, column: str) -> str:
    value = row.values[column]
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, str | int):
        raise row.fault(f"the label ({column!r}) must be a text or a number, not {shown(value)}")
    return str(value).strip()


def _several(row: _Row, column: str) -> tuple[str, ...]:
    value = row.values[column]
    listed = [part.strip() for part in value.split(",")] if isinstance(value, str) else value
    if not isinstance(listed, list) or not all(isinstance(part, str | int) for part in listed):
        raise row.fault(f"the labels ({column!r}) must be a list of texts, not {shown(value)}")
    return tuple(dict.fromkeys(str(part) for part in listed if part != ""))


def _by_number(labels: Collection[str]) -> list[str]:
    numbers = all(label.lstrip("-").isdecimal() for label in labels)
    return sorted(labels, key=int) if numbers else sorted(labels)


def _known(
    rows: Sequence[_Row],
    own: Sequence[Sequence[str]],
    labels: Sequence[str] | None,
    ordered: Callable[[Collection[str]], list[str]],
) -> tuple[str, ...]:
    """The labels there are: those given, which every row's own must be among, or else all of the rows'."""
    if labels is None:
        return tuple(ordered({label for each in own for label in each}))
    for row, each in zip(rows, own, strict=True):
        for label in each:
            if label not in labels:
                raise row.fault(f"label {label!r} is unknown; there are {', '.join(map(repr, labels))}")
    return tuple(labels)


# token classification -------------------------------------------------------------------------------


def _tagged_row(row: _Row, found: Mapping[str, str]) -> TaggedWords:
    words, labels = (_strings(row, found[role]) for role in ("words", "labels"))
    if not words or len(words) != len(labels):
        raise row.fault(f"has {len(words)} words and {len(labels)} labels; there must be one of each, and some")
    return TaggedWords(tuple(words), tuple(labels))


def _strings(row: _Row, column: str) -> list[str]:
    value = row.values.get(column)
    if not isinstance(value, list) or not all(isinstance(part, str) for part in value):
        raise row.fault(f"{column!r} must be a list of texts, not {shown(value)}")
    return value


def _tagged(
    path: Path, examples: Sequence[TaggedWords], rows: Sequence[_Row], labels: Sequence[str] | None
) -> Data[TaggedWords]:
    def outside_first(found: Collection[str]) -> list[str]:
        return sorted(found, key=lambda label: (label != "O", label[2:], label))

    return Data(str(path), examples, _known(rows, [example.labels for example in examples], labels, outside_first))


def _conll(path: Path, columns: Mapping[str, str], labels: Sequence[str] | None) -> Data[TaggedWords]:
    """A word a line with its label in columns (tabs, or else spaces), an empty line between sentences.

    Lines that begin with # and have not the columns of the others are comments.
    """
    text = _text(path)
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
            rows.append(_Row(f"{path}:{table[start][0]}", {}))
            start = end
    data = _tagged(path, examples, rows, labels)
    guessed = "" if len(columns) == 2 else f"words from column {word + 1}, labels from column {tag + 1}"
    return _some(Data(data.source, data.examples, data.labels, guessed=guessed))


def _conll_columns(path: Path, table: Sequence[Sequence[str]], said: Mapping[str, str]) -> tuple[int, int]:
    """The columns of words and labels: as said, or the first that does not count and the last that looks like tags."""
    by_column = list(zip(*table, strict=True))
    for role, name in said.items():
        if not name.isdecimal() or not 1 <= int(name) <= len(by_column):
            raise InputError(f"{path}: {role} must be a column's number from 1 to {len(by_column)}, not {name!r}")
    word = next((i for i, column in enumerate(by_column) if not all(cell.isdecimal() for cell in column)), 0)
    tags = [i for i, column in enumerate(by_column) if all(_TAG.fullmatch(cell) for cell in column)]
    tag = tags[-1] if tags else len(by_column) - 1
    return int(said.get("words", word + 1)) - 1, int(said.get("labels", tag + 1)) - 1


# question answering -----------------------------------------------------------------------------------


def _squad(path: Path) -> Data[Question]:
    """SQuAD 1.1 or 2.0."""
    try:
        articles = json.loads(_text(path))["data"]
        questions = [
            (paragraph["context"], question)
            for article in articles
            for paragraph in article["paragraphs"]
            for question in paragraph["qas"]
        ]
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not valid JSON ({error})") from None
    except (KeyError, TypeError):
        raise InputError(f"{path}: not in SQuAD's format (data, paragraphs, qas); or name it .jsonl") from None
    examples = []
    for number, (context, question) in enumerate(questions, 1):
        known = isinstance(question, dict)
        row = _Row(
            f"{path}: question {shown(question.get('id', number) if known else number)}", question if known else {}
        )
        row = _Row(row.place, {**row.values, "context": context})
        examples.append(_question_row(row, {name: name for name in ("id", "question", "context", "answers")}, number))
    return _some(Data(str(path), examples))


def _question_row(row: _Row, found: Mapping[str, str], number: int) -> Question:
    question, context = _string(row, found["question"]), _string(row, found["context"])
    given = row.values.get(found["answers"])
    if isinstance(given, dict):  # columns of texts and starts, as Hugging Face's copies have them
        texts, starts = given.get("text"), given.get("answer_start")
        if not isinstance(texts, list) or not isinstance(starts, list) or len(texts) != len(starts):
            raise row.fault(f"the answers must have as many texts as starts, not {shown(given)}")
        given = [{"text": text, "answer_start": start} for text, start in zip(texts, starts, strict=True)]
    if not isinstance(given, list):
        raise row.fault(f"the answers must be a list, not {shown(given)}")
    if row.values.get("is_impossible"):
        given = []
    elif not given and "is_impossible" in row.values:
        raise row.fault("the answer is missing")
    answers = []
    for answer in given:
        text, start = (answer.get("text"), answer.get("answer_start")) if isinstance(answer, dict) else (answer, None)
        if not isinstance(text, str) or not text:
            raise row.fault(f"the answer must be a text, not {shown(text)}")
        if start is None:
            start = context.find(text)
        if type(start) is not int or start < 0 or context[start : start + len(text)] != text:
            raise row.fault(f"the answer {shown(text)} is not in the context at {shown(start)}")
        answers.append((text, start))
    return Question(str(row.values.get(found.get("id", ""), number)), question, context, tuple(answers))


# pairs and choices --------------------------------------------------------------------------------------


def _pair_row(row: _Row, found: Mapping[str, str]) -> SentencePair:
    first, second = _string(row, found["text"]), _string(row, found["pair"])
    return SentencePair(first, second, _number(row, found["score"]) if "score" in found else None)


def _choice_columns(names: Sequence[str]) -> list[str]:
    """choice1, choice2, … (or ending0, option_a, …) in their order."""
    matches = {name: match for name in names if (match := _CHOICE_COLUMN.fullmatch(name.strip().lower()))}
    return sorted(matches, key=lambda name: (len(matches[name][1]), matches[name][1]))


def _choices_row(row: _Row, found: Mapping[str, str], names: Sequence[str]) -> Choices:
    if found["choices"]:
        choices = row.values.get(found["choices"])
    else:
        choices = [_string(row, name) for name in _choice_columns(names)]
    if not isinstance(choices, list) or len(choices) < 2 or not all(isinstance(c, str) and c.strip() for c in choices):
        raise row.fault(f"the choices must be two texts at least, not {shown(choices)}")
    label = row.values.get(found["label"])
    if isinstance(label, str) and label in choices:
        right = choices.index(label)
    else:
        try:
            right = int(label)  # type: ignore[arg-type]
        except (TypeError, ValueError):
            raise row.fault(f"the label must be a choice or its number from 0 on, not {shown(label)}") from None
    if not 0 <= right < len(choices):
        raise row.fault(f"the label must be from 0 to {len(choices) - 1}, not {shown(label)}")
    return Choices(_string(row, found["prompt"]), tuple(choices), right)
