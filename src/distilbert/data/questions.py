"""Rows, and SQuAD's JSON -> questions with their contexts and answers."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import InputError, short_repr
from .cells import is_missing, listed_parts, literal
from .examples import Data, Question
from .faults import Faults
from .source import read_text
from .tables import Row

_COLUMNS = {name: name for name in ("id", "question", "context", "answers")}
_WHOLE = re.compile(r"\d+(?:\.0*)?")


def read_squad(path: Path, faults: Faults, encoding: str | None = None) -> Data[Question] | None:
    """SQuAD 1.1 or 2.0, or a list of its articles; None for a table of questions."""
    try:
        value = json.loads(read_text(path, encoding))
        articles = value["data"] if isinstance(value, dict) and "data" in value else value
        if not (
            isinstance(articles, list) and all(isinstance(each, dict) and "paragraphs" in each for each in articles)
        ):
            return None
        questions = [
            (paragraph["context"], question)
            for article in articles
            for paragraph in article["paragraphs"]
            for question in paragraph["qas"]
        ]
    except InputError:
        raise
    except (ValueError, RecursionError):  # objects one a line, or no JSON
        return None
    except (KeyError, TypeError):
        raise InputError(f"{path}: not in SQuAD's format (data, paragraphs, qas)") from None
    examples = []
    for number, (context, question) in enumerate(questions, 1):
        known = isinstance(question, dict)
        place = f"{path}: question {short_repr(question.get('id', number) if known else number)}"
        row = Row(place, {**(question if known else {}), "context": context})
        try:
            examples.append(question_row(row, _COLUMNS, number))
        except InputError as error:
            faults.add(error)
    return Data(str(path), examples)


def question_row(row: Row, found: Mapping[str, str], number: int) -> Question:
    question, context = row.text(found["question"]), row.text(found["context"])
    answers = []
    for text, start in _given_answers(row, found):
        if not isinstance(text, str) or not text:
            raise row.fault(f"the answer must be a text, not {short_repr(text)}")
        if is_missing(start):
            start = context.find(text)
        if isinstance(start, str | float) and _WHOLE.fullmatch(str(start).strip()):
            start = int(float(start))
        if type(start) is not int or start < 0 or context[start : start + len(text)] != text:
            raise row.fault(f"the answer {short_repr(text)} is not in the context at {short_repr(start)}")
        answers.append((text, start))
    return Question(str(row.values.get(found.get("id", ""), number)), question, context, tuple(answers))


def _given_answers(row: Row, found: Mapping[str, str]) -> list[tuple[Any, Any]]:
    """(text, start or None) of each of a list, of columns of texts and starts, or of a text; none of an empty cell."""
    given = row.values.get(found["answers"])
    impossible = str(row.values.get("is_impossible", "")).strip().lower()
    if impossible in ("true", "1"):
        return []
    if isinstance(given, str) and given.strip()[:1] in ("{", "[") and isinstance(read := literal(given), dict | list):
        given = read  # a dict of answers, or a list of them, as a CSV has it
    if isinstance(given, dict):  # columns of texts and starts, as Hugging Face's copies have them
        texts, starts = (
            value if isinstance(value, list) or value is None else [value]
            for value in (given.get("text"), given.get("answer_start"))
        )
        if not isinstance(texts, list) or not isinstance(starts, list) or len(texts) != len(starts):
            raise row.fault(f"the answers must have as many texts as starts, not {short_repr(given)}")
        return list(zip(texts, starts, strict=True))
    if found["answers"] not in row.values:
        raise row.fault("the answers must be a list, not None")
    if is_missing(given):
        given = []
    elif isinstance(given, str):
        parts = listed_parts(given) if given not in str(row.values.get(found["context"])) else None
        start = row.values.get(found.get("start", ""))
        given = [{"text": given, "answer_start": start}] if parts is None else parts
    if not isinstance(given, list):
        raise row.fault(f"the answers must be a list, not {short_repr(given)}")
    if not given and impossible:
        raise row.fault("the answer is missing")
    return [
        (answer.get("text"), answer.get("answer_start")) if isinstance(answer, dict) else (answer, None)
        for answer in given
    ]
