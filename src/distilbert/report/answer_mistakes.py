"""Questions with a wrong answer: the true and the predicted one marked in the context."""

from itertools import pairwise

import numpy as np

from ..data.examples import Question
from ..evaluation.outcomes import AnswerOutcome
from ..results import Answer
from .markup import Html, data_text, joined, paragraph, tag

_MOST = 20  # questions
_AROUND = 120  # characters of context around an answer
_SIDES = {1: ("k-true", "true"), 2: ("k-said", "predicted"), 3: ("k-both", "true and predicted")}


def answer_mistakes(outcome: AnswerOutcome) -> Html | None:
    """The questions with the least F1; of those with as much, the surest answers first."""
    sure = np.array([answer.score for answer in outcome.predicted])
    order = [index for index in np.lexsort((-sure, -outcome.errors)) if outcome.errors[index] > 0]
    if not order:
        return None
    chosen = [
        _question(outcome.data.examples[index], outcome.predicted[index], 1 - float(outcome.errors[index]))
        for index in order[:_MOST]
    ]
    return joined(
        tag("h3", "Questions with a wrong answer"),
        paragraph(
            f"{len(order):,} of {len(sure):,} answers have an F1 below 1; here are {len(chosen)} with the least, the "
            "surest first. ",
            tag("mark", "true answers", class_="k-true"),
            " ",
            tag("mark", "the predicted one", class_="k-said"),
            " ",
            tag("mark", "both", class_="k-both"),
        ),
        *chosen,
    )


def _question(example: Question, answer: Answer, f1: float) -> Html:
    true = list(dict.fromkeys(text for text, _ in example.answers or ()))
    wanted = joined(*(part for text in true for part in (" | ", data_text(text, 200)))).removeprefix(" | ")
    said = data_text(answer.text, 200) if answer.text else "(no answer)"
    return tag(
        "div",
        tag("p", tag("b", data_text(example.question, 300))),
        tag("p", "true: ", Html(wanted) if true else "(no answer)"),
        tag("p", "predicted: ", said, f" (score {answer.score:.3f}, F1 {f1:.2f})"),
        tag("p", _context(example, answer), class_="context"),
        class_="sentence",
    )


def _context(example: Question, answer: Answer) -> Html:
    """The context around the answers, which are marked; its beginning where there is none."""
    text = example.context
    spans = [(start, start + len(found), 1) for found, start in example.answers or ()]
    if answer.text:
        spans.append((answer.start, answer.end, 2))
    edges = sorted({0, len(text), *(edge for start, end, _ in spans for edge in (start, end))})
    near = spans or [(0, _AROUND, 0)]
    parts: list[str] = []
    for start, end in pairwise(edges):
        side = 0
        for first, last, kind in spans:
            side |= kind if first <= start and end <= last else 0
        if side:
            class_, name = _SIDES[side]
            parts.append(tag("mark", text[start:end], tag("span", f" ({name})", class_="hidden"), class_=class_))
        else:
            parts.append(_shortened(text, start, end, near))
    return tag("bdi", *parts)


def _shortened(text: str, start: int, end: int, near: list[tuple[int, int, int]]) -> str:
    """A stretch between two answers without its middle, where that is far from both."""
    before = any(last == start for _, last, _ in near)
    after = any(first == end for first, _, _ in near)
    keep_start, keep_end = _AROUND if before else 0, _AROUND if after else 0
    if start == 0 and not before and not after:  # no answer is marked
        keep_start = 3 * _AROUND
    if end - start <= keep_start + keep_end:
        return text[start:end]
    head, tail = text[start : start + keep_start], text[end - keep_end : end] if keep_end else ""
    return f"{head.rpartition(' ')[0]} … {tail.partition(' ')[2]}"  # whole words
