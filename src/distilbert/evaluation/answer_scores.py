"""Scores of question answering, by SQuAD's rules."""

from collections.abc import Iterator
from typing import Any, Unpack

import numpy as np

from ..data.examples import Data, Question
from ..tasks.options import LongTextKeyword
from ..tasks.question_answering import QuestionAnswerer
from . import metrics
from .outcomes import AnswerOutcome
from .scores import Breakdown, Scores, values
from .squad import squad_scores

_LONGEST_ANSWER = 30  # tokens, as is usual for SQuAD
_LENGTHS = ((1, 1, "1 word"), (2, 3, "2 to 3 words"), (4, 7, "4 to 7 words"), (8, None, "8 words or more"))


def score_answers(task: QuestionAnswerer, data: Data[Question], **options: Unpack[LongTextKeyword]) -> Scores:
    examples = data.examples
    none = any(not example.answers for example in examples)
    pairs = ((example.question, example.context) for example in examples)
    found = [
        answer[0] if isinstance(answer, list) else answer
        for answer in task.stream(pairs, no_answer=none, max_answer_len=_LONGEST_ANSWER, **options)
    ]
    wanted = [[text for text, _ in example.answers or ()] for example in examples]
    scores = np.array([squad_scores(answer.text, texts) for answer, texts in zip(found, wanted, strict=True)])
    confidence = np.array([answer.score for answer in found])
    named = {"f1": metrics.mean(scores[:, 1]), "exact_match": metrics.mean(scores[:, 0])}
    answerable = np.array([bool(texts) for texts in wanted])
    if none:
        for name, chosen in (("answerable", answerable), ("unanswerable", ~answerable)):
            named[f"f1_{name}"] = metrics.ratio(scores[:, 1] * chosen, chosen)
    right = scores[:, 0] == 1
    named["calibration_error"] = metrics.calibration_error(confidence, right)

    def predictions() -> Iterator[dict[str, Any]]:
        for index, example in enumerate(examples):
            row: dict[str, Any] = {"id": example.id, "question": example.question, "answers": wanted[index]}
            row |= {"predicted": found[index].text, "score": float(confidence[index])}
            yield row | {"exact_match": float(scores[index, 0]), "f1": float(scores[index, 1])}

    silent = (~answerable).astype(float)
    usual = {"f1": metrics.mean(silent), "exact_match": metrics.mean(silent)}
    return Scores(
        "f1",
        named,
        len(examples),
        sure=(confidence, right),
        baseline=values(usual, len(examples)) if none else {},
        baseline_is="never an answer" if none else "",
        breakdowns=[_length_table(wanted, scores, np.array([not answer.text for answer in found]))],
        predictions=predictions,
        outcome=AnswerOutcome(data, 1 - scores[:, 1], found),
    )


def _length_table(wanted: list[list[str]], scores: np.ndarray, silent: np.ndarray) -> Breakdown:
    """By the shortest true answer's words, and where there is none."""
    lengths = np.array([min((len(text.split()) for text in texts), default=0) for texts in wanted])
    groups = [("no answer", lengths == 0)]
    groups += [(name, (lengths >= least) & (lengths <= (most or lengths.max()))) for least, most, name in _LENGTHS]
    rows = [
        (name, int(chosen.sum()), *scores[chosen].mean(0).tolist(), int((silent & chosen).sum()))
        for name, chosen in groups
        if chosen.any()
    ]
    columns = ("true answer", "questions", "exact_match", "f1", "no answer predicted")
    return Breakdown("answers by their length", columns, rows)
