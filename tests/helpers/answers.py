"""Answers by hand and as Transformers 4 has them, and an engine that is told the answer."""

import functools
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from conftest import DATA
from distilbert import Answer, QuestionAnswerer
from distilbert.batch import Batch
from distilbert.tasks.numbers import softmax

GOLDEN = Path(__file__).parents[1] / "golden" / "question_answering.jsonl"
PARAGRAPHS = json.loads((DATA / "squad.json").read_text(encoding="utf-8"))
PAIRS = [(question, paragraph["context"]) for paragraph in PARAGRAPHS for question in paragraph["questions"]]


class Window(NamedTuple):
    """What one window of a context says: the first of its tokens, and their logits [t, 2], and those of no answer."""

    start: int
    logits: np.ndarray
    none: np.ndarray


@functools.lru_cache(64)
def windows_of(task: QuestionAnswerer, question: str, context: str, most: int, stride: int) -> list[Window]:
    """The tokenizer's windows, each run by itself."""
    found = []
    for window in task.tokenizer.pair_windows(question, context, most, stride):
        ((rows,),) = task._run([[window.encoding]])
        found.append(Window(window.start, rows[window.encoding.sequence_ids == 1], rows[0]))
    return found


def places_of(
    task: QuestionAnswerer, context: str, aligned: bool, window: slice = slice(None)
) -> Callable[[int, int], tuple[int, int]]:
    """Tokens of a context, first and last -> characters; words are what the window holds of them."""
    encoding = task.tokenizer.encode(context)
    offsets, words = encoding.offsets[1:-1].tolist(), encoding.word_ids[1:-1].tolist()
    starts: dict[int, int] = {}
    ends: dict[int, int] = {}
    for word, (start, end) in zip(words[window], offsets[window]):
        starts.setdefault(word, start)
        ends[word] = end

    def place(first: int, last: int) -> tuple[int, int]:
        if aligned:
            return starts[words[first]], ends[words[last]]
        return offsets[first][0], offsets[last][1]

    return place


def by_hand(
    task: QuestionAnswerer,
    question: str,
    context: str,
    *,
    top_k: int = 1,
    max_answer_len: int = 15,
    max_seq_len: int = 384,
    doc_stride: int = 128,
    align_to_words: bool = True,
    no_answer: bool = False,
) -> list[tuple[int, int, float]]:
    """Every span of every window, one after the other: (start, end, score), best first."""
    windows = windows_of(task, question, context, min(max_seq_len, task.model.max_length), doc_stride)
    place = places_of(task, context, align_to_words)
    sums: dict[tuple[int, int], float] = {}
    best: list[dict[int, float]] = [{}, {}]
    for window in windows:
        for first, (start, _) in enumerate(window.logits.tolist()):
            for last, (_, end) in enumerate(window.logits.tolist()[first : first + max_answer_len], first):
                spot = place(window.start + first, window.start + last)
                sums[spot] = max(sums.get(spot, -math.inf), start + end)
        for side in (0, 1):
            for token, logit in enumerate(window.logits[:, side].tolist(), window.start):
                best[side][token] = max(best[side].get(token, -math.inf), logit)
    none = min((window.none.tolist() for window in windows), key=sum)
    norm = math.prod(sum(map(math.exp, [*best[side].values(), none[side]])) for side in (0, 1))
    if no_answer:
        sums[0, 0] = sum(none)
    ranked = sorted(sums.items(), key=lambda item: -item[1])[:top_k]
    return [(*spot, math.exp(total) / norm) for spot, total in ranked]


def by_transformers_4(
    task: QuestionAnswerer,
    question: str,
    context: str,
    *,
    top_k: int = 1,
    max_answer_len: int = 15,
    max_seq_len: int = 384,
    doc_stride: int = 128,
    align_to_words: bool = True,
    handle_impossible_answer: bool = False,
) -> tuple[list[tuple[int, int, float]], bool]:
    """What its pipeline makes of the same logits, with differences 1 to 4, and whether any of them came up."""
    answers: list[list[Any]] = []
    none = math.inf
    windows = windows_of(task, question, context, max_seq_len, doc_stride)
    differs = len(windows) > 1
    for window in windows:
        place = places_of(task, context, align_to_words, slice(window.start, window.start + len(window.logits)))
        start, end = softmax(np.concatenate([window.none[None], window.logits]).T)
        none = min(none, float(start[0] * end[0]))
        spans = np.tril(np.triu(np.outer(start[1:], end[1:])), max_answer_len - 1)
        for index in np.argsort(-spans, axis=None)[: 2 * top_k + 10 if align_to_words else top_k].tolist():
            first, last = divmod(index, len(spans))
            spot = place(window.start + first, window.start + last)
            text = context[slice(*spot)].lower()
            alike = next((answer for answer in answers if context[slice(*answer[:2])].lower() == text), None)
            if alike:
                differs = True
                alike[2] += float(spans[first, last])
            else:
                answers.append([*spot, float(spans[first, last])])
    if handle_impossible_answer:
        answers.append([0, 0, none])
    return [tuple(answer) for answer in sorted(answers, key=lambda answer: -answer[2])[:top_k]], differs


def triples(answers: Answer | list[Answer]) -> list[tuple[int, int, float]]:
    return [(a.start, a.end, a.score) for a in (answers if isinstance(answers, list) else [answers])]


def same(ours: list[tuple[int, int, float]], theirs: list[tuple[int, int, float]], tolerance: float = 1e-5) -> bool:
    """Equal places in the same order, and scores; those whose scores differ by less may have changed places."""
    return len(ours) == len(theirs) and all(
        any(a[:2] == c[:2] and abs(a[2] - c[2]) <= tolerance for c in theirs) and abs(a[2] - b[2]) <= tolerance
        for a, b in zip(ours, theirs)
    )


class Told:
    """An engine that knows the answer: its tokens score high, unless the window's edge is near; noise elsewhere."""

    def __init__(self) -> None:
        self.answers: list[list[int]] = []

    def run(self, batch: Batch) -> np.ndarray:
        logits = np.random.default_rng(int(batch.ids.sum())).normal(0, 0.3, (len(batch.ids), 2)).astype(np.float32)
        for start, length in zip(batch.starts.tolist(), batch.lengths.tolist()):
            ids = batch.ids[start : start + length].tolist()
            logits[start] = 9  # no answer
            for answer in self.answers:
                for place in range(ids.index(102), length - len(answer) - 4):
                    if ids[place : place + len(answer)] == answer and place > ids.index(102) + 3:
                        logits[start + place, 0] = logits[start + place + len(answer) - 1, 1] = 12
                        logits[start] = -3
        return logits


def tell(task: QuestionAnswerer, answer: str) -> None:
    engine = task.model.engine
    assert isinstance(engine, Told)
    engine.answers = [task.tokenizer.encode(answer).ids[1:-1].tolist()]
