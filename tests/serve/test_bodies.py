"""Bodies too large, half there, no JSON, or full of traps: each gets its own answer, and nobody else notices."""

import contextlib
import gzip
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

pytest.importorskip("fastapi")

import httpx

from conftest import DATA
from distilbert.tasks.task import Task
from helpers.live import Live, check_error, serving
from helpers.marks import slow_but_for
from helpers.served_bodies import FULL_BODIES, JUNK, places, put

pytestmark = pytest.mark.filterwarnings("ignore::distilbert.LongTextWarning", "ignore::distilbert.LabelWarning")

TEXT = "a charming and often affecting journey"
HEAD = b"POST /embed HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


@pytest.fixture(scope="module")
def server(tasks: dict[str, Task]) -> Iterator[Live]:
    with serving(tasks, max_bytes=400_000, max_texts=32, timeout=120) as live:
        yield live


def test_too_many_bytes_are_413(server: Live) -> None:
    check_error(server.send(json.dumps({"inputs": "x" * 400_000}).encode()), 413, "Validation")

    def chunks() -> Iterator[bytes]:
        for _ in range(50):
            yield b"x" * 10_000

    with contextlib.suppress(httpx.WriteError):  # the server may have hung up by then
        json_type = {"Content-Type": "application/json"}
        check_error(server.http.post("/embed", content=chunks(), headers=json_type), 413, "Validation")
    with server.connected() as sock:
        sock.sendall(HEAD + b"Content-Length: 99999999999999999\r\n\r\n")
        assert b" 413 " in sock.recv(4000)


def test_a_gzip_bomb_is_not_opened(server: Live) -> None:
    bomb = gzip.compress(b'{"inputs": "' + b"x" * 10_000_000 + b'"}')
    check_error(server.send(bomb, **{"Content-Encoding": "gzip"}), 415, "Validation")
    check_error(server.send(bomb), 400, "Validation")


def test_half_a_request_is_408_in_time(tasks: dict[str, Task]) -> None:
    with serving({"embed": tasks["embed"]}, timeout=0.5) as server:
        with server.connected() as sock:
            sock.sendall(HEAD + b'Content-Length: 100\r\n\r\n{"inputs": "a')
            assert b" 408 " in sock.recv(4000)
        with server.connected() as sock:  # and one that leaves
            sock.sendall(HEAD + b'Content-Length: 100\r\n\r\n{"inputs": "a')
        with server.connected() as sock:  # and one that speaks something else
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
        (b'{"inputs": "\xed\xa0\x80"}', 400),
        ('{"inputs": "a"}'.encode("utf-16"), 400),
        ('{"inputs": "\u00e4"}'.encode("latin-1"), 400),
        (b'{"inputs": ' + b"[" * 100_000, 400),
        (b'{"inputs": ' + b"[" * 500 + b"]" * 500 + b"}", 422),
        (b'{"a":' * 50_000, 400),
    ],
    ids=lambda value: repr(value[:40]) if isinstance(value, bytes) else None,
)
def test_bodies_that_cannot_be_right(server: Live, content: bytes, status: int) -> None:
    check_error(server.send(content), status, "Validation")
    answer = server.send(content, path="/v1/embeddings")
    assert 400 <= answer.status_code < 500
    assert answer.json()["error"]["message"]
    assert 400 <= server.send(content, path="/").status_code < 500


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("/embed", {"inputs": 3}, "inputs: "),
        ("/embed", [], "the body: Input should be an object"),
        ("/embed", {"inputs": ["a", "b", {}]}, "inputs.2: "),
        ("/embed", {"inputs": [[1, 2], [1, -1]]}, "inputs.1.1: Input should be greater than or equal to 0"),
        ("/predict", {"inputs": [["a"], ["b", 1]]}, "inputs.1.1: Input should be a valid string"),
        ("/rerank", {"texts": ["a"]}, "query: Field required"),
        ("/v1/rerank", {"query": "a", "documents": ["b", {"title": "c"}]}, "documents.1.text: Field required"),
        ("/models/qa", {"inputs": {"question": "a"}}, "inputs.context: Field required"),
        ("/models/nli", {"inputs": [{"text": "a"}, {"text_pair": "b"}]}, "inputs.1.text: Field required"),
        ("/models/sentiment", {"inputs": "a", "texts": 1}, "texts: not known here"),
        ("/models/sentiment", {"inputs": "a", "parameters": {"top_k": "1"}}, "parameters.top_k: "),
        ("/models/sentiment", {f"k{n}": n for n in range(5000)}, "the body: more fields"),
        (
            "/models/sentiment",
            {"inputs": "a", "parameters": {f"k{n}": n for n in range(5000)}},
            "parameters: more fields",
        ),
    ],
)
def test_errors_name_the_place_in_the_body(server: Live, path: str, body: object, message: str) -> None:
    error = server.send(json.dumps(body).encode(), path=path).json()["error"]
    assert (error if isinstance(error, str) else error["message"]).startswith(message)


def test_what_stands_before_json_is_passed_over(server: Live) -> None:
    assert server.send(b'\xef\xbb\xbf {"inputs": "a"}').status_code == 200
    assert "not UTF-8" in server.send('{"inputs": "\u00e4"}'.encode("latin-1")).text


@pytest.mark.parametrize(
    "kind",
    [
        *("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/json", "", "*/*"),
        *("application/msgpack", "application/x-protobuf", "application/x-ndjson", "application/json, text/plain"),
    ],
)
def test_only_json_is_read_so_that_web_pages_cannot_send_forms(server: Live, kind: str) -> None:
    answer = server.http.post("/embed", content=b'{"inputs": "a"}', headers={"Content-Type": kind})
    check_error(answer, 415, "Validation")
    assert "Content-Type: application/json" in answer.text


@pytest.mark.parametrize("kind", ["APPLICATION/JSON", "application/json;charset=UTF-8", "application/vnd.api+json"])
def test_json_may_be_called_otherwise(server: Live, kind: str) -> None:
    assert server.http.post("/embed", content=b'{"inputs": "a"}', headers={"Content-Type": kind}).status_code == 200


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"inputs": "a",}', "property name enclosed in double quotes (line 1, column 16)"),
        ('{"inputs":\n"a"}x', "Extra data (line 2, column 5)"),
        ('{"inputs": "a\nb"}', "Invalid control character at (line 1, column 14)"),
        ('{"inputs": [' + "9" * 5000 + "]}", "a number has thousands of digits"),
        ('{"a":' * 5000, "nested too deep"),
        ('{"inputs": "a", "truncate": true, "inputs": "b"}', "inputs: stands twice in one object; give it once"),
        ('{"inputs": "a", "more": [{"b": 1, "b": 1}]}', "b: stands twice"),
    ],
)
def test_what_is_no_json_is_told_by_its_place(server: Live, content: str, message: str) -> None:
    answer = server.send(content.encode())
    check_error(answer, 400, "Validation")
    assert message in answer.json()["error"]


def test_naughty_strings_harm_no_neighbour(server: Live, tasks: dict[str, Task]) -> None:
    naughty = json.loads((DATA / "naughty_strings.json").read_text(encoding="utf-8"))[::40]
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
        assert all(pool.map(neighbour, range(50)))
        statuses = [each.result() for each in asked]
    assert set(statuses) <= {200, 413, 422}, set(statuses)
    assert statuses.count(200) > 0.8 * len(statuses)


@pytest.mark.parametrize("path", slow_but_for(("/embed", "/v1/rerank", "/models/nli"), FULL_BODIES))
def test_no_value_at_any_place_is_a_fault_of_the_servers(server: Live, path: str) -> None:
    body = FULL_BODIES[path]
    assert server.http.post(path, json=body).status_code == 200
    for place in places(body):
        for value in (*JUNK, "a\ud800", "a\0", "{}", "0", "\u202e", "e" + "\u0301" * 500):
            answer = server.send(json.dumps(put(body, place, value)).encode(), path=path)
            assert answer.status_code in (200, 400, 404, 413, 422, 424), (place, value, answer.text)
            assert answer.status_code == 200 or "\n" not in answer.text


def test_unpaired_surrogates_are_read_and_sent_back(server: Live) -> None:
    content = b'{"query": "a", "texts": ["\\ud800", "b"], "return_text": true}'
    answer = server.send(content, path="/rerank")
    assert answer.status_code == 200
    assert "\\ud800" in answer.text


def test_answers_stay_of_a_size(server: Live) -> None:
    too_much = server.post("/models/mlm", inputs="[MASK] " * 100, parameters={"top_k": 1000})
    check_error(too_much, 413, "Validation")
    check_error(
        server.post("/models/nli", inputs=["a"] * 9, parameters={"candidate_labels": list("abcd")}), 413, "Validation"
    )
