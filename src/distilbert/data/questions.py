"""Rows, and SQuAD's JSON -> questions with their contexts and answers."""

import json
from collections.abc import Mapping
from pathlib import Path

from ..errors import InputError, short_repr
from .examples import Data, Question
from .tables import Row, read_text


def read_squad(path: Path) -> Data[Question]:
    """SQuAD 1.1 or 2.0."""
    try:
        articles = json.loads(read_text(path))["data"]
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
        row = Row(
            f"{path}: question {short_repr(question.get('id', number) if known else number)}", question if known else {}
        )
        row = Row(row.place, {**row.values, "context": context})
        examples.append(question_row(row, {name: name for name in ("id", "question", "context", "answers")}, number))
    return Data(str(path), examples)


def question_row(row: Row, found: Mapping[str, str], number: int) -> Question:
    question, context = row.text(found["question"]), row.text(found["context"])
    given = row.values.get(found["answers"])
    if isinstance(given, dict):  # columns of texts and starts, as Hugging Face's copies have them
        texts, starts = given.get("text"), given.get("answer_start")
        if not isinstance(texts, list) or not isinstance(starts, list) or len(texts) != len(starts):
            raise row.fault(f"the answers must have as many texts as starts, not {short_repr(given)}")
        given = [{"text": text, "answer_start": start} for text, start in zip(texts, starts, strict=True)]
    if not isinstance(given, list):
        raise row.fault(f"the answers must be a list, not {short_repr(given)}")
    if row.values.get("is_impossible"):
        given = []
    elif not given and "is_impossible" in row.values:
        raise row.fault("the answer is missing")
    answers = []
    for answer in given:
        text, start = (answer.get("text"), answer.get("answer_start")) if isinstance(answer, dict) else (answer, None)
        if not isinstance(text, str) or not text:
            raise row.fault(f"the answer must be a text, not {short_repr(text)}")
        if start is None:
            start = context.find(text)
        if type(start) is not int or start < 0 or context[start : start + len(text)] != text:
            raise row.fault(f"the answer {short_repr(text)} is not in the context at {short_repr(start)}")
        answers.append((text, start))
    return Question(str(row.values.get(found.get("id", ""), number)), question, context, tuple(answers))
