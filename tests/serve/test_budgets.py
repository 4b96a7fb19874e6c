"""What a request will come to is known before it is done, and a request that is given up ends."""

import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from pydantic import TypeAdapter

from distilbert.serve.batcher import Work
from distilbert.serve.body import parsed
from distilbert.serve.budget import Budget, Share
from distilbert.serve.cost import count_tokens
from distilbert.serve.errors import RequestError
from distilbert.serve.schemas import EmbedRequest
from distilbert.serve.writing import written
from distilbert.tasks.task import Task
from helpers.live import Gates, Live, gated, serving, until

pytestmark = pytest.mark.filterwarnings("ignore::distilbert.LongTextWarning", "ignore::distilbert.LabelWarning")

WORDS = "a film " * 200

# a body for each task, which comes to more than 300 tokens
LONG: dict[str, tuple[str, dict[str, Any]]] = {
    "text-classification": ("/models/sentiment", {"inputs": [WORDS] * 6}),
    "pairs": ("/models/nli/predict", {"inputs": [["a", WORDS]] * 6, "truncate": True}),
    "token-classification": ("/models/ner", {"inputs": WORDS * 3}),
    "question-answering": ("/models/qa", {"inputs": {"question": "where ?", "context": WORDS * 3}}),
    "fill-mask": ("/models/mlm", {"inputs": f"{WORDS} [MASK] {WORDS} [MASK] {WORDS} [MASK]"}),
    "feature-extraction": ("/models/embed", {"inputs": [WORDS] * 6}),
    "embed": ("/models/embed/embed", {"inputs": [WORDS] * 6, "truncate": True}),
    "embed_all": ("/models/embed/embed_all", {"inputs": [WORDS] * 6, "truncate": True}),
    "similarity": ("/models/embed", {"inputs": {"source_sentence": WORDS, "sentences": [WORDS] * 6}}),
    "openai": ("/v1/embeddings", {"input": ["a film " * 50] * 6}),
    "sparse": ("/models/sparse", {"inputs": [WORDS] * 6}),
    "zero-shot": ("/models/nli", {"inputs": WORDS, "parameters": {"candidate_labels": list("abcdef")}}),
    "rerank": ("/models/rerank/rerank", {"query": WORDS, "texts": [WORDS] * 6, "truncate": True}),
    "multiple-choice": ("/models/choice", {"inputs": {"prompt": WORDS, "choices": [WORDS, "b", "c", "d"]}}),
}


@pytest.fixture(scope="module")
def strict(tasks: dict[str, Task]) -> Iterator[Live]:
    """A server that allows few tokens."""
    with serving(tasks, max_tokens=300) as live:
        yield live


@pytest.mark.parametrize("name", LONG)
def test_what_comes_to_too_many_tokens_is_refused_before_it_runs(strict: Live, name: str) -> None:
    path, body = LONG[name]
    before = strict.metric("distilbert_run_texts_count")
    answer = strict.http.post(path, json=body)
    assert answer.status_code == 413, answer.text
    assert "--max-tokens" in answer.text
    assert strict.metric("distilbert_run_texts_count") == before


@pytest.fixture(scope="module")
def waiting(tasks: dict[str, Task]) -> Iterator[tuple[Live, Gates]]:
    """A server whose runs can be held up."""
    gates = Gates()
    with serving(gated(tasks, gates, max_batch_tokens=128), max_batch_tokens=128, timeout=0.5) as live:
        yield live, gates
        gates.open.set()


@pytest.mark.parametrize("name", LONG)
def test_a_request_that_is_given_up_ends_within_one_run(waiting: tuple[Live, Gates], name: str) -> None:
    (server, gates), (path, body) = waiting, LONG[name]
    if name == "openai":
        body = {"input": [f"{n} film " * 50 for n in range(6)]}
    gates.open.clear()
    runs = gates.runs
    with ThreadPoolExecutor(1) as pool:
        late = pool.submit(server.http.post, path, json=body)
        until(lambda: gates.runs > runs)
        assert late.result().status_code == 503
    gates.open.set()
    until(lambda: server.metric("distilbert_requests_at_work") == 0)
    assert gates.runs <= runs + 2, "a run was under way in each of the two lanes, and no more came"
    assert server.metric('distilbert_memory_held_bytes{of="requests"}') == 0


@pytest.fixture(scope="module")
def brief(tasks: dict[str, Task]) -> Iterator[Live]:
    """A server that allows short answers."""
    with serving(tasks, max_answer_bytes=100_000) as live:
        yield live


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/embed_all", {"inputs": ["a film " * 50] * 20}),
        ("/models/mlm", {"inputs": "[MASK] " * 60, "parameters": {"top_k": 100}}),
        ("/tokenize", {"inputs": "a film " * 3000}),
        ("/embed_sparse", {"inputs": ["a film", "another film"] * 20}),
        ("/models/nli", {"inputs": ["a"] * 40, "parameters": {"candidate_labels": ["b" * 900, "c", "d"]}}),
    ],
)
def test_large_answers_are_refused(brief: Live, path: str, body: dict[str, Any]) -> None:
    answer = brief.http.post(path, json=body)
    assert answer.status_code == 413, answer.text[:200]
    assert "--max-answer-bytes" in answer.text


def test_large_bodies_share_a_budget_and_small_ones_pass(tasks: dict[str, Task]) -> None:
    with serving({"embed": tasks["embed"]}, max_memory=16) as server:  # four for bodies
        host, port = server.url.removeprefix("http://").split(":")
        lines = ["POST /embed HTTP/1.1", "Host: localhost", "Content-Type: application/json", "Content-Length: 1900000"]
        head = "\r\n".join([*lines, "", ""])
        stalled = [socket.create_connection((host, int(port))) for _ in range(2)]
        for sock in stalled:
            sock.sendall(head.encode() + b'{"inputs":"')
        until(lambda: server.metric('distilbert_memory_held_bytes{of="bodies"}') == 3_800_000)
        large = b'{"inputs": "a film"}' + b" " * 300_000
        refused = server.http.post("/embed", content=large, headers={"Content-Type": "application/json"})
        assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")
        assert server.post("/embed", inputs="a film").status_code == 200
        for sock in stalled:
            sock.close()
        until(lambda: server.metric('distilbert_memory_held_bytes{of="bodies"}') == 0)
        again = server.http.post("/embed", content=large, headers={"Content-Type": "application/json"})
        assert again.status_code == 200


def test_a_share_is_given_back_when_all_have_let_go() -> None:
    budget = Budget(100)
    one, other = Share(budget), Share(budget)
    one.take(60)
    with pytest.raises(RequestError, match="try again"):
        other.take(50)
    with pytest.raises(RequestError, match="--max-memory leaves"):
        one.take(50)
    one.hold()
    one.let_go()
    assert budget.held == 60
    one.let_go()
    assert budget.held == 0
    other.take(100)


@pytest.mark.parametrize(
    "content", [b'{"inputs":[' + b"{}," * 2000 + b"1]}", b'{"inputs":[' + b'"",' * 2000 + b'""]}', b"[" * 1500]
)
def test_values_are_counted_before_they_are_built(content: bytes) -> None:
    with pytest.raises(RequestError, match=r"more values .* than the 1000 of --max-tokens"):
        parsed(TypeAdapter(EmbedRequest), content, 1000)


@pytest.mark.parametrize("text", ["," * 2000, '\\"' * 2000, "\\\\" * 2000, "[{" * 1000])
def test_what_stands_in_texts_is_no_value(text: str) -> None:
    content = f'{{"inputs": "{text}"}}'.encode()
    if text.startswith('\\"'):
        content = f'{{"inputs": "{text}"}}'.encode()
        assert parsed(TypeAdapter(EmbedRequest), content, 5000).inputs == '"' * 2000
    else:
        assert parsed(TypeAdapter(EmbedRequest), content, 1000).inputs == json.loads(f'"{text}"')


def test_tokens_are_counted_to_the_limit_and_not_far_beyond(tasks: dict[str, Task]) -> None:
    tokenizer = tasks["embed"].tokenizer
    text = "a charming film " * 1000
    assert abs(count_tokens(tokenizer, [text] * 3, 100_000) - 3 * len(tokenizer.encode(text))) < 30
    assert 130_000 < count_tokens(tokenizer, ["a " * 500_000], 130_000) < 150_000
    assert count_tokens(tokenizer, ["漢" * 100], 1000) >= 102


@pytest.mark.parametrize("text", ["a" * 800_000, " " * 800_000, "e\u0301" * 400_000], ids=["word", "blanks", "accents"])
def test_characters_that_are_few_tokens_count_too(tasks: dict[str, Task], text: str) -> None:
    tokenizer = tasks["embed"].tokenizer
    assert count_tokens(tokenizer, [text[:80_000]], 131_072) >= 10_000
    assert count_tokens(tokenizer, [text], 99_999, pytest.fail) >= 100_000  # nothing had to be cut up to know it


def test_counting_is_given_up(tasks: dict[str, Task]) -> None:
    work = Work(cancelled=True)
    with pytest.raises(RequestError, match="cancelled"):
        count_tokens(tasks["embed"].tokenizer, ["a film " * 10_000], 131_072, work.check)


def test_answers_are_written_item_by_item() -> None:
    sizes: list[int] = []
    value = {"object": "list", "data": ({"n": n} for n in range(3)), "empty": iter(())}
    assert written(value, sizes.append) == b'{"object":"list","data":[{"n":0},{"n":1},{"n":2}],"empty":[]}'
    assert sizes == [6, 7, 7, 7]
    assert written({"data": iter((1,)), "sum": lambda: 1}, sizes.append) == b'{"data":[1],"sum":1}'
    nested = (iter(range(count)) for count in (2, 0, 1))
    assert written(nested, sizes.append) == b"[[0,1],[],[0]]"
    assert json.loads(written({"text": "\ud800"}, sizes.append)) == {"text": "\ud800"}
