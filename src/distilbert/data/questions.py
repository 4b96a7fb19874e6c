"""Rows, and SQuAD's JSON -> questions with their contexts and answers."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..errors import InputError, short_repr
from .cells import is_missing, listed_parts, literal, objects_in, says_nothing
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
    rows = []
    for number, (context, question) in enumerate(questions, 1):
        known = question if isinstance(question, dict) else {}
        place = f"{path}: question {short_repr(known.get('id', number))}"
        rows.append((Row(place, {**known, "context": context}), number))
    return Data(str(path), faults.each(rows, lambda row: question_row(row[0], _COLUMNS, row[1])))


def question_row(row: Row, found: Mapping[str, str], number: int) -> Question:
    question, context = row.text(found["question"]), row.text(found["context"])
    answers = []
    for text, start in _given_answers(row, found):
        if not isinstance(text, str) or not text.strip():
            raise row.fault(f"the answer must be a text, not {short_repr(text)}")
        if is_missing(start):
            answers.append(_sought(row, text, context))
            continue
        if isinstance(start, str | float) and _WHOLE.fullmatch(str(start).strip()):
            start = int(float(start))
        if type(start) is not int or start < 0 or context[start : start + len(text)] != text:
            raise row.fault(f"the answer {short_repr(text)} is not in the context at {short_repr(start)}")
        answers.append((text, start))
    return Question(str(row.values.get(found.get("id", ""), number)), question, context, tuple(answers))


def _sought(row: Row, text: str, context: str) -> tuple[str, int]:
    """An answer with its first place in the context; without the blanks around it where it has none with them."""
    for spelling in (text, text.strip()):
        if (start := context.find(spelling)) >= 0:
            return spelling, start
    other = "; it has it in other capitals" if text.strip().casefold() in context.casefold() else ""
    raise row.fault(f"the answer {short_repr(text)} is not in the context{other}")


def hold_questions(rows: Sequence[Row]) -> bool:
    """Whether rows are articles, passages with their questions, or a whole file of SQuAD's in one."""
    return any(isinstance(row.values.get(name), list) for row in rows[:2] for name in ("qas", "paragraphs")) or (
        any(isinstance(part, dict) and "paragraphs" in part for part in objects_in(rows[0].values.get("data")))
    )


def questions_in(row: Row) -> list[Row]:
    """A row for each question; none for the header of MRQA's files, https://github.com/mrqa/MRQA-Shared-Task-2019."""
    articles = objects_in(row.values.get("data")) or [dict(row.values)]
    passages = [part for article in articles for part in objects_in(article.get("paragraphs")) or [article]]
    return [
        Row(row.place, {"id": question.get("qid"), **question, **_in_context(question, passage.get("context"))})
        for passage in passages
        for question in objects_in(passage.get("qas"))
    ]


def _in_context(question: Mapping[str, Any], context: Any) -> dict[str, Any]:
    """The context, and MRQA's answers: the places of those that were detected in it, first and last character."""
    spans = [span for found in objects_in(question.get("detected_answers")) for span in found.get("char_spans") or ()]
    if not isinstance(context, str) or not all(isinstance(span, list) and len(span) == 2 for span in spans):
        return {"context": context}
    answers = [{"text": context[first : last + 1], "answer_start": first} for first, last in spans]
    return {"context": context, **({"answers": answers} if answers else {})}


def _given_answers(row: Row, found: Mapping[str, str]) -> list[tuple[Any, Any]]:
    """(text, start or None) of each of a list, of columns of texts and starts, or of a text; none of an empty cell."""
    given = row.values.get(found["answers"])
    impossible = str(row.values.get("is_impossible", "")).strip().lower()
    if impossible in ("true", "1"):
        return []
    if isinstance(given, str) and given.strip()[:1] in ("{", "[") and isinstance(read := literal(given), dict | list):
        given = read  # a dict of answers, or a list of them, as a CSV has it
    if isinstance(given, dict):
        return _texts_and_starts(row, given)
    if found["answers"] not in row.values:
        raise row.fault("the answers must be a list, not None")
    in_context = isinstance(given, str) and given.strip() in str(row.values.get(found["context"]))
    if is_missing(given) or (says_nothing(given) and not in_context):
        given = []
    elif isinstance(given, str):
        parts = None if in_context else listed_parts(given)
        start = row.values.get(found.get("start", ""))
        given = [{"text": given, "answer_start": start}] if parts is None else parts
    if not isinstance(given, list):
        raise row.fault(f"the answers must be a list, not {short_repr(given)}")
    if not given and impossible:
        raise row.fault("the answer is missing")
    pairs = [_texts_and_starts(row, each) if isinstance(each, dict) else [(each, None)] for each in given]
    return [pair for each in pairs for pair in each]


def _texts_and_starts(row: Row, answer: Mapping[str, Any]) -> list[tuple[Any, Any]]:
    """Of an answer, or of columns of texts and starts, as Hugging Face's copies have them."""
    texts, starts = answer.get("text"), answer.get("answer_start")
    if not isinstance(texts, list):
        return [(texts, starts)]
    if not isinstance(starts, list) or len(texts) != len(starts):
        raise row.fault(f"the answers must have as many texts as starts, not {short_repr(answer)}")
    return list(zip(texts, starts, strict=True))
