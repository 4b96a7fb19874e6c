"""Limits, faults and poison: each gets its own answer, and nobody else notices."""

import contextlib
import dataclasses
import gzip
import json
import logging
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

pytest.importorskip("fastapi")

import httpx

from conftest import DATA
from distilbert.serve.log import JsonFormatter
from distilbert.tasks.task import Task
from helpers.live import Gate, Live, serving, until
from helpers.patience import PATIENCE

pytestmark = pytest.mark.filterwarnings("ignore::distilbert.LongTextWarning")

TEXT = "a charming and often affecting journey"


@pytest.fixture(scope="module")
def server(tasks: dict[str, Task]) -> Iterator[Live]:
    with serving(tasks, max_bytes=400_000, max_texts=32, timeout=10) as live:
        yield live


@pytest.fixture
def gated(tasks: dict[str, Task]) -> tuple[dict[str, Task], Gate]:
    """The classifier alone, behind a gate."""
    task = tasks["sentiment"]
    gate = Gate(task.model.engine)
    return {"sentiment": type(task)(dataclasses.replace(task.model, engine=gate))}, gate


def bad(answer: httpx.Response, status: int, kind: str) -> None:
    assert (answer.status_code, answer.json()["error_type"]) == (status, kind), answer.text


def raw(server: Live, content: bytes, *, path: str = "/embed", **headers: str) -> httpx.Response:
    return server.http.post(path, content=content, headers={"Content-Type": "application/json"} | headers)


# ---- overload


def test_more_than_max_concurrent_is_429(gated) -> None:
    tasks, gate = gated
    with serving(tasks, max_concurrent=2) as server, ThreadPoolExecutor() as pool:
        gate.open.clear()
        asked = [pool.submit(server.post, "/", inputs=f"{TEXT} {n}") for n in range(2)]
        until(lambda: server.metric("distilbert_requests_at_work") == 2)
        refused = server.post("/", inputs=TEXT)
        gate.open.set()
        bad(refused, 429, "Overloaded")
        assert refused.headers["retry-after"] == "1"
        assert [each.result().status_code for each in asked] == [200, 200]
        assert server.post("/", inputs=TEXT).status_code == 200


def test_out_of_time_is_503(gated) -> None:
    tasks, gate = gated
    with serving(tasks, timeout=0.3) as server:
        gate.open.clear()
        late = server.post("/", inputs=TEXT)
        bad(late, 503, "Unhealthy")
        assert late.headers["retry-after"] == "1"
        assert "0.3 seconds" in late.json()["error"]
        gate.open.set()
        until(lambda: server.metric("distilbert_requests_at_work") == 0)
        assert server.post("/", inputs=TEXT).status_code == 200


def test_health_is_bad_until_models_are_warm(gated) -> None:
    tasks, gate = gated
    gate.open.clear()
    with serving(tasks, warm=False) as server:
        bad(server.http.get("/health"), 503, "Unhealthy")
        refused = server.post("/", inputs=TEXT)
        bad(refused, 503, "Unhealthy")
        assert refused.headers["retry-after"] == "1"
        gate.open.set()
        server.wait_until_warm()
        assert server.post("/", inputs=TEXT).status_code == 200


def test_a_client_that_leaves_frees_its_place(gated) -> None:
    tasks, gate = gated
    with serving(tasks) as server, ThreadPoolExecutor() as pool:
        gate.open.clear()
        first = pool.submit(server.post, "/", inputs=TEXT)
        until(lambda: gate.running == 1)
        for n in range(8):
            with pytest.raises(httpx.ReadTimeout):
                httpx.post(server.url, json={"inputs": f"{TEXT} {n}"}, timeout=0.1)
        until(lambda: server.metric("distilbert_requests_at_work") == 1)
        assert server.metric("distilbert_queue_texts") == 0
        assert server.metric('distilbert_errors_total{kind="Gone"}') == 8
        gate.open.set()
        assert first.result().status_code == 200
        assert server.metric('distilbert_texts_total{model="sentiment"}') == 3  # one, and two to get warm


def test_identical_texts_are_computed_once(gated) -> None:
    tasks, gate = gated
    with serving(tasks) as server, ThreadPoolExecutor(16) as pool:
        gate.open.clear()
        asked = [pool.submit(server.post, "/", inputs=TEXT) for _ in range(16)]
        until(lambda: server.metric("distilbert_shared_texts_total") == 15)
        gate.open.set()
        assert len({each.result().text for each in asked}) == 1
        assert server.metric('distilbert_texts_total{model="sentiment"}') == 3


def test_a_fault_of_the_engine_is_a_500_without_a_trace(gated, caplog: pytest.LogCaptureFixture) -> None:
    tasks, gate = gated
    with serving(tasks) as server:
        gate.error = ZeroDivisionError("a secret")
        with caplog.at_level(logging.INFO, "distilbert.serve"):
            answer = server.post("/", inputs=TEXT)
            bad(answer, 500, "Backend")
            assert "secret" not in answer.text
            assert "Traceback" not in answer.text
            until(lambda: any(record.getMessage() == "request" for record in caplog.records))
        failed = next(json.loads(JsonFormatter().format(r)) for r in caplog.records if r.getMessage() == "failed")
        assert "ZeroDivisionError: a secret" in failed["trace"]
        assert failed["id"] == answer.headers["x-request-id"]
        gate.error = None
        assert server.post("/", inputs=TEXT).status_code == 200


# ---- poison


def test_too_many_bytes_are_413(server: Live) -> None:
    bad(raw(server, json.dumps({"inputs": "x" * 400_000}).encode()), 413, "Validation")

    def chunks() -> Iterator[bytes]:
        for _ in range(50):
            yield b"x" * 10_000

    with contextlib.suppress(httpx.WriteError):  # the server may have hung up by then
        bad(server.http.post("/embed", content=chunks()), 413, "Validation")
    with connected(server) as sock:
        sock.sendall(b"POST /embed HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999\r\n\r\n")
        assert b" 413 " in sock.recv(4000)


def test_a_gzip_bomb_is_not_opened(server: Live) -> None:
    bomb = gzip.compress(b'{"inputs": "' + b"x" * 10_000_000 + b'"}')
    bad(raw(server, bomb, **{"Content-Encoding": "gzip"}), 415, "Validation")
    bad(raw(server, bomb), 400, "Validation")


@contextlib.contextmanager
def connected(server: Live) -> Iterator[socket.socket]:
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=PATIENCE) as sock:
        yield sock


def test_half_a_request_is_408_in_time(tasks: dict[str, Task]) -> None:
    with serving({"embed": tasks["embed"]}, timeout=0.5) as server:
        with connected(server) as sock:
            sock.sendall(b'POST /embed HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{"inputs": "a')
            assert b" 408 " in sock.recv(4000)
        with connected(server) as sock:  # and one that leaves
            sock.sendall(b'POST /embed HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{"inputs": "a')
        with connected(server) as sock:  # and one that speaks something else
            sock.sendall(b"\x16\x03\x01\x00\xa5\x01\x00\x00")
            assert b" 400 " in sock.recv(4000)
        assert server.post("/embed", inputs=TEXT).status_code == 200


@pytest.mark.parametrize(
    ("content", "status"),
    [
        (b"", 422),
        (b"{", 400),
        (b"null", 422),
        (b"[]", 422),
        (b'"text"', 422),
        (b'{"inputs": NaN}', 422),
        (b'{"inputs": "a", "dimensions": NaN}', 422),
        (b'{"inputs": "a", "dimensions": 1e400}', 422),
        (b'{"inputs": "a", "dimensions": 100000000000000000000000000}', 422),
        (b'{"inputs": "a", "dimensions": true}', 422),
        (b'{"inputs": "a", "dimensions": "4"}', 422),
        (b'{"inputs": "a", "normalize": "yes"}', 422),
        (b'{"inputs": 3}', 422),
        (b'{"inputs": null}', 422),
        (b'{"inputs": {"a": 1}}', 422),
        (b'{"inputs": [["a"]]}', 422),
        (b'{"inputs": [1.5]}', 422),
        (b'{"inputs": [-1]}', 422),
        (b'{"inputs": [true]}', 422),
        (b'{"inputs": "\xff\xfe"}', 400),
        (b'{"inputs": ' + b"[" * 100_000, 400),
        (b'{"inputs": ' + b"[" * 500 + b"]" * 500 + b"}", 422),
        (b'{"a":' * 50_000, 400),
    ],
    ids=lambda value: repr(value[:40]) if isinstance(value, bytes) else None,
)
def test_bodies_that_cannot_be_right(server: Live, content: bytes, status: int) -> None:
    bad(raw(server, content), status, "Validation")
    answer = raw(server, content, path="/v1/embeddings")
    assert 400 <= answer.status_code < 500
    assert answer.json()["error"]["message"]
    assert 400 <= raw(server, content, path="/").status_code < 500


def test_only_json_is_read_so_that_web_pages_cannot_send_forms(server: Live) -> None:
    answer = server.http.post("/embed", content=b'{"inputs": "a"}', headers={"Content-Type": "text/plain"})
    bad(answer, 422, "Validation")


def test_naughty_strings_harm_no_neighbour(server: Live, tasks: dict[str, Task]) -> None:
    naughty = json.loads((DATA / "naughty_strings.json").read_text(encoding="utf-8"))[::3]
    naughty += ["", " ", "\0", "a\0b", "\u202e", "x" * 100_000, "漢" * 10_000, "\U0010ffff", "[MASK] [CLS] [SEP] [PAD]"]
    want = tasks["sentiment"](TEXT, top_k=None)

    def neighbour(_: int) -> bool:
        (labels,) = server.post("/models/sentiment", inputs=TEXT).json()
        return labels == [{"label": each.label, "score": pytest.approx(each.score, abs=1e-5)} for each in want]

    def bodies(text: str) -> Iterator[tuple[str, dict[str, object]]]:
        yield "sentiment", {"inputs": text}
        yield "ner", {"inputs": text}
        yield "mlm", {"inputs": f"{text} [MASK]", "parameters": {"targets": [text]}}
        yield "embed", {"inputs": [text, TEXT]}
        yield "qa", {"inputs": {"question": text, "context": f"{text} and {TEXT}"}}
        yield (
            "nli",
            {"inputs": text, "parameters": {"candidate_labels": [text, "b"], "hypothesis_template": f"{text}{{}}"}},
        )
        yield "embed", {"inputs": {"source_sentence": text, "sentences": [text]}}
        yield "choice", {"inputs": {"prompt": text, "choices": [text, "b"]}}

    def status(request: tuple[str, dict[str, object]]) -> int:
        name, body = request
        return server.post(f"/models/{name}", **body).status_code

    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(status, request) for text in naughty for request in bodies(text)]
        assert all(pool.map(neighbour, range(100)))
        statuses = [each.result() for each in asked]
    assert set(statuses) <= {200, 413, 422}, set(statuses)
    assert statuses.count(200) > 0.8 * len(statuses)


def test_unpaired_surrogates_are_read_and_sent_back(server: Live) -> None:
    content = b'{"query": "a", "texts": ["\\ud800", "b"], "return_text": true}'
    answer = raw(server, content, path="/rerank")
    assert answer.status_code == 200
    assert "\\ud800" in answer.text


def test_answers_stay_of_a_size(server: Live) -> None:
    too_much = server.post("/models/mlm", inputs="[MASK] " * 100, parameters={"top_k": 1000})
    bad(too_much, 413, "Validation")
    bad(server.post("/models/nli", inputs=["a"] * 9, parameters={"candidate_labels": list("abcd")}), 413, "Validation")


# ---- security


def test_the_key_is_asked_for(tasks: dict[str, Task]) -> None:
    with serving({"embed": tasks["embed"]}, api_key="swordfish") as server:
        for headers in (
            {},
            {"Authorization": "swordfish"},
            {"Authorization": "Bearer swordfis"},
            {"Authorization": "Bearer é"},
        ):
            for method, path in (
                ("POST", "/embed"),
                ("GET", "/metrics"),
                ("GET", "/models"),
                ("POST", "/"),
                ("GET", "/openapi.json"),
            ):
                encoded = {name: value.encode() for name, value in headers.items()}
                answer = server.http.request(method, path, headers=encoded)
                bad(answer, 401, "Validation")
                assert answer.headers["www-authenticate"] == "Bearer"
        assert server.http.get("/health").status_code == 200
        right = server.http.post("/embed", json={"inputs": "a"}, headers={"Authorization": "Bearer swordfish"})
        assert right.status_code == 200


def test_security_headers_are_on_every_answer(server: Live) -> None:
    for answer in (
        server.http.get("/health"),
        server.post("/embed", inputs=3),
        server.http.get("/no"),
        raw(server, b"{"),
    ):
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")
        assert answer.headers["cache-control"] == "no-store"
        assert len(answer.headers["x-request-id"]) == 32
        assert "access-control-allow-origin" not in answer.headers


def test_request_ids_are_taken_over_if_they_are_plain(server: Live) -> None:
    assert server.http.get("/health", headers={"X-Request-Id": "abc-1"}).headers["x-request-id"] == "abc-1"
    evil = server.http.get("/health", headers={"X-Request-Id": 'a"}{"b'})
    assert len(evil.headers["x-request-id"]) == 32


def test_origins_are_allowed_one_by_one(tasks: dict[str, Task]) -> None:
    with serving({"embed": tasks["embed"]}, cors="https://good.example", api_key="k") as server:
        ask = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}
        good = server.http.options("/embed", headers=ask | {"Origin": "https://good.example"})
        assert good.headers["access-control-allow-origin"] == "https://good.example"
        evil = server.http.options("/embed", headers=ask | {"Origin": "https://evil.example"})
        assert "access-control-allow-origin" not in evil.headers


@pytest.mark.parametrize("name", ["..%2f..%2fetc", "%2e%2e", "bert-base-uncased", "starter%2Fx", "sentiment%00"])
def test_names_on_requests_lead_nowhere_but_to_what_is_served(server: Live, name: str) -> None:
    assert server.post(f"/models/{name}", inputs=TEXT).status_code == 404
    assert server.post("/v1/embeddings", input=TEXT, model=name).status_code == 404


def test_no_path_of_the_machine_is_told(server: Live, tasks: dict[str, Task]) -> None:
    folder = str(Path(tasks["embed"].model.folder).parent)
    told = [server.http.get(path).text for path in ("/info", "/v1/models", "/metrics", "/openapi.json")]
    told += [server.post("/models/qa", inputs=TEXT).text, server.post("/", inputs=3).text]
    assert not any(folder in text for text in told)


def test_the_log_tells_of_requests_but_not_of_texts(server: Live, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "distilbert.serve"):
        answer = server.post("/models/nli/predict", inputs="a very private text")
        until(lambda: caplog.records)
    line = json.loads(JsonFormatter().format(caplog.records[-1]))
    assert line["event"] == "request"
    assert line["id"] == answer.headers["x-request-id"]
    assert (line["method"], line["path"], line["status"]) == ("POST", "/models/nli/predict", 200)
    assert (line["model"], line["texts"]) == ("nli", 1)
    assert line["tokens"] > 3
    assert line["ms"] >= line["ran_ms"] > 0
    assert "private" not in json.dumps(line)
