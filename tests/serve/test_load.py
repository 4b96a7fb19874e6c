"""Every answer belongs to its request: mixed requests of all tasks at once, held to what the library gives offline."""

import asyncio
import random
from dataclasses import dataclass
from typing import Any

import pytest

pytest.importorskip("fastapi")

import httpx

from distilbert import Reranker, TextClassifier, ZeroShotClassifier
from distilbert.tasks.task import Task
from helpers.endurance import SEED, SHARE
from helpers.live import Live
from helpers.patience import PATIENCE

pytestmark = pytest.mark.filterwarnings("ignore::distilbert.LongTextWarning", "ignore::distilbert.LabelWarning")

CLIENTS = 32


@dataclass(frozen=True)
class Asked:
    path: str
    body: dict[str, Any]
    want: Any


class Questions:
    """Requests of every task about random texts, each with its answer."""

    def __init__(self, tasks: dict[str, Task], sentences: list[str]) -> None:
        self.tasks: dict[str, Any] = dict(tasks)
        self.zero_shot = ZeroShotClassifier(tasks["nli"].model)
        self.nli = TextClassifier(tasks["nli"].model)
        self.rerank = Reranker(tasks["rerank"].model)
        self.sentences = sentences
        self.random = random.Random(SEED)

    def texts(self) -> list[str]:
        """Some sentences, some of them several in one, so that short and long ones meet."""
        parts = [self.random.choices(self.sentences, k=self.random.choice((1, 1, 1, 6))) for _ in range(3)]
        return [" ".join(part) for part in parts]

    def __call__(self) -> Asked:
        kinds = ("labels", "pairs", "entities", "answer", "fills", "vectors", "sparse", "ranks", "topics", "choice")
        return getattr(self, f"_{self.random.choice(kinds)}")(*self.texts())

    def _labels(self, a: str, b: str, c: str) -> Asked:
        want = [
            [{"label": e.label, "score": e.score} for e in found]
            for found in self.tasks["sentiment"]([a, b], top_k=None)
        ]
        return Asked("/models/sentiment", {"inputs": [a, b]}, want)

    def _pairs(self, a: str, b: str, c: str) -> Asked:
        want = [{"score": e.score, "label": e.label} for e in self.nli((a, b), top_k=None)]
        return Asked("/models/nli/predict", {"inputs": [a, b], "truncate": True}, want)

    def _entities(self, a: str, b: str, c: str) -> Asked:
        want = [
            {"entity_group": e.label, "score": e.score, "word": e.text, "start": e.start, "end": e.end}
            for e in self.tasks["ner"](a)
        ]
        return Asked("/models/ner", {"inputs": a}, want)

    def _answer(self, a: str, b: str, c: str) -> Asked:
        question = " ".join(b.split()[:12])
        e = self.tasks["qa"](question, a)
        want = {"answer": e.text, "score": e.score, "start": e.start, "end": e.end}
        return Asked("/models/qa", {"inputs": {"question": question, "context": a}}, want)

    def _fills(self, a: str, b: str, c: str) -> Asked:
        text = f"{' '.join(a.split()[:20])} [MASK] ."
        want = [
            {"score": e.score, "token": e.token_id, "token_str": e.token, "sequence": e.text}
            for e in self.tasks["mlm"](text, top_k=2)
        ]
        return Asked("/models/mlm", {"inputs": text, "parameters": {"top_k": 2}}, want)

    def _vectors(self, *texts: str) -> Asked:
        want = self.tasks["embed"](texts).tolist()
        return Asked("/embed", {"inputs": list(texts), "truncate": True}, want)

    def _sparse(self, a: str, b: str, c: str) -> Asked:
        vector = self.tasks["sparse"](a, top_k=8)
        want = [{"index": i, "value": v} for i, v in zip(vector.indices.tolist(), vector.values.tolist(), strict=True)]
        return Asked("/models/sparse", {"inputs": a, "parameters": {"top_k": 8}}, want)

    def _ranks(self, a: str, b: str, c: str) -> Asked:
        want = [{"index": e.index, "score": e.score} for e in self.rerank(a, [b, c])]
        return Asked("/rerank", {"query": a, "texts": [b, c], "truncate": True}, want)

    def _topics(self, a: str, b: str, c: str) -> Asked:
        labels = ["love", "war", "music"]
        want = [{"label": e.label, "score": e.score} for e in self.zero_shot(a, labels)]
        return Asked("/models/nli", {"inputs": a, "parameters": {"candidate_labels": labels}}, want)

    def _choice(self, a: str, b: str, c: str) -> Asked:
        want = [{"label": e.label, "score": e.score} for e in self.tasks["choice"](a, [b, c])]
        return Asked("/models/choice", {"inputs": {"prompt": a, "choices": [b, c]}}, want)


def _same(got: Any, want: Any) -> bool:
    """Equal, numbers to 1e-5."""
    if isinstance(want, float):
        return isinstance(got, float | int) and abs(got - want) < 1e-5
    if isinstance(want, list):
        return isinstance(got, list) and len(got) == len(want) and all(map(_same, got, want))
    if isinstance(want, dict):
        return isinstance(got, dict) and got.keys() == want.keys() and all(_same(got[key], want[key]) for key in want)
    return bool(got == want)


async def _ask(url: str, asked: list[Asked]) -> list[Asked]:
    """Those that were answered wrongly, asked by many clients at once."""
    wrong = []
    waiting = iter(asked)

    async def client() -> None:
        async with httpx.AsyncClient(base_url=url, timeout=PATIENCE, verify=False) as http:
            for each in waiting:
                answer = await http.post(each.path, json=each.body)
                if answer.status_code != 200 or not _same(answer.json(), each.want):
                    wrong.append(each)

    await asyncio.gather(*(client() for _ in range(CLIENTS)))
    return wrong


def _check(server: Live, tasks: dict[str, Task], sentences: list[str], count: int) -> None:
    questions = Questions(tasks, sentences)
    pool = [questions() for _ in range(count // 4)]
    asked = questions.random.choices(pool, k=count)
    wrong = asyncio.run(_ask(server.url, asked))
    assert not wrong, f"{len(wrong)} of {count} wrong, the first: {wrong[0]}"
    assert server.metric("distilbert_run_texts_sum") / server.metric("distilbert_run_texts_count") > 1.2, "no batches"


def test_a_wrong_answer_would_be_found() -> None:
    assert _same([{"a": 0.5, "b": "x"}], [{"a": 0.500001, "b": "x"}])
    assert not _same([{"a": 0.5, "b": "x"}], [{"a": 0.5, "b": "y"}])
    assert not _same([[0.1, 0.2]], [[0.1, 0.3]])
    assert not _same([1.0], [1.0, 2.0])


def test_hundreds_of_mixed_requests_are_answered_right(
    server: Live, tasks: dict[str, Task], sentences: list[str]
) -> None:
    _check(server, tasks, sentences, 200)


@pytest.mark.slow
def test_fifty_thousand_mixed_requests_are_answered_right(
    server: Live, tasks: dict[str, Task], sentences: list[str]
) -> None:
    _check(server, tasks, sentences, int(50_000 * SHARE))
