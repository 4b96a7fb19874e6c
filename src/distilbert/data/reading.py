"""Files -> examples: CSV, TSV, JSONL, Parquet, CoNLL columns, SQuAD JSON and plain text.

Everything is read and checked before anything runs; what is wrong is an InputError that names file and line.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import InputError, short_repr
from ..files import is_file, is_folder
from .examples import Choices, Data, PlainText, Problem, SentencePair
from .labelled import labelled
from .questions import question_row, read_squad
from .tables import TABLES, Row, read_table, read_text, suffix
from .tagged import read_conll, tagged, tagged_row

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
    if suffix(path) not in TABLES:
        if task == "token-classification":
            return _some(read_conll(path, columns, labels))
        if task == "question-answering":
            return _some(read_squad(path))
        if task == "fill-mask":
            lines = ((number, line.strip()) for number, line in enumerate(read_text(path).split("\n"), 1))
            return _some(Data(str(path), [PlainText(line) for _, line in lines if line]))
        raise InputError(f"{path}: cannot tell its format; name it {', '.join(TABLES)}")
    names, rows = read_table(path, headless=bool(columns) and all(name.isdecimal() for name in columns.values()))
    if not rows:
        raise InputError(f"{path}: has no examples")
    found, guessed = _find_columns(path, task, names, columns)
    data: Data[Any]
    match task:
        case "text-classification":
            data = labelled(path, rows, found, labels, problem)
        case "token-classification":
            data = tagged(path, [tagged_row(row, found) for row in rows], rows, labels)
        case "question-answering":
            data = Data(str(path), [question_row(row, found, place) for place, row in enumerate(rows)])
        case "fill-mask":
            data = Data(str(path), [PlainText(row.text(found["text"])) for row in rows])
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


def _pair_row(row: Row, found: Mapping[str, str]) -> SentencePair:
    first, second = row.text(found["text"]), row.text(found["pair"])
    return SentencePair(first, second, row.number(found["score"]) if "score" in found else None)


def _choice_columns(names: Sequence[str]) -> list[str]:
    """choice1, choice2, … (or ending0, option_a, …) in their order."""
    matches = {name: match for name in names if (match := _CHOICE_COLUMN.fullmatch(name.strip().lower()))}
    return sorted(matches, key=lambda name: (len(matches[name][1]), matches[name][1]))


def _choices_row(row: Row, found: Mapping[str, str], names: Sequence[str]) -> Choices:
    if found["choices"]:
        choices = row.values.get(found["choices"])
    else:
        choices = [row.text(name) for name in _choice_columns(names)]
    if not isinstance(choices, list) or len(choices) < 2 or not all(isinstance(c, str) and c.strip() for c in choices):
        raise row.fault(f"the choices must be two texts at least, not {short_repr(choices)}")
    label = row.values.get(found["label"])
    if isinstance(label, str) and label in choices:
        right = choices.index(label)
    else:
        try:
            right = int(label)  # type: ignore[arg-type]
        except (TypeError, ValueError):
            raise row.fault(f"the label must be a choice or its number from 0 on, not {short_repr(label)}") from None
    if not 0 <= right < len(choices):
        raise row.fault(f"the label must be from 0 to {len(choices) - 1}, not {short_repr(label)}")
    return Choices(row.text(found["prompt"]), tuple(choices), right)
