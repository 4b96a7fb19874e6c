"""What one client can send to stop a server, against a process of its own: memory and answers stay within bounds."""

import contextlib
import json
import resource
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from helpers.endurance import report
from helpers.live import until
from helpers.process import Process

MEMORY = 256  # MB of --max-memory

HEAD = "POST {} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"


@pytest.fixture(scope="module")
def process(folders: dict[str, Path]) -> Iterator[Process]:
    models = [str(folder) for folder in folders.values()]
    sparse = [f"sparse={folders['mlm']}", "--task", "sparse=sparse-encoding"]
    with Process(*models, *sparse, "--threads", "1", "--max-memory", str(MEMORY), "--timeout", "10") as process:
        until(process.warm)
        yield process


Attack = Callable[[Process], object]


def objects(process: Process) -> None:
    """Lists of what is no text."""
    for item in (b"{},", b"1,", b"[],", b'"",', b"[1],"):
        body = b'{"inputs":[' + item * (1_800_000 // len(item)) + b'"a"]}'
        assert 400 <= process.send("/embed", body) < 500


def quotes(process: Process) -> None:
    """Strings that do not end, whose ends are escaped, or that are full of commas."""
    for body in (b'{"inputs":"' + b"\\" * 1_900_000, b'"' * 1_900_000, b'{"a":"' + b'\\"' * 900_000):
        assert 400 <= process.send("/embed", body) < 500
    assert process.send("/embed", b'{"inputs":"' + b"," * 1_900_000 + b'","truncate":true}') == 413


def masks(process: Process) -> None:
    """Masks times targets."""
    targets = [f"word{n}s" for n in range(20_000)]
    body = json.dumps({"inputs": "[MASK] " * 400, "parameters": {"targets": targets}}).encode()
    assert process.send("/models/mlm", body) == 413
    body = json.dumps({"inputs": "[MASK] " * 5000, "parameters": {"top_k": 10_000}}).encode()
    assert process.send("/models/mlm", body) == 413


def windows(process: Process) -> None:
    """Long contexts, windows that overlap, long answers."""
    for options in ({"max_answer_len": 100}, {"doc_stride": 1000, "max_seq_len": 40}):
        inputs = {"question": "where ?", "context": "a " * 900_000}
        body = json.dumps({"inputs": inputs, "parameters": options}).encode()
        assert process.send("/models/qa", body) == 413
    body = json.dumps({"inputs": "a " * 60_000, "parameters": {"stride": 120}}).encode()
    assert process.send("/models/ner", body) == 413


def ids(process: Process) -> None:
    body = json.dumps({"input": [7] * 400_000}).encode()
    assert process.send("/v1/embeddings", body) == 413
    assert process.send("/decode", json.dumps({"ids": [[7]] * 100_000}).encode()) == 413


def products(process: Process) -> None:
    """Small bodies that come to much: a long query for many texts, labels for many texts."""
    body = json.dumps({"query": "a " * 5000, "texts": ["b"] * 2000, "truncate": True}).encode()
    assert process.send("/rerank", body) == 413
    parameters = {"candidate_labels": ["a " * 500, "b", "c"]}
    body = json.dumps({"inputs": ["a " * 100] * 600, "parameters": parameters}).encode()
    assert process.send("/models/nli", body) == 413


def vectors(process: Process) -> None:
    """Answers that are large, from several clients at once."""
    sparse = json.dumps({"inputs": ["a charming film"] * 1500}).encode()
    tokens = json.dumps({"inputs": ["a " * 120] * 700}).encode()
    with ThreadPoolExecutor(6) as pool:
        asked = [pool.submit(process.send, "/embed_sparse", sparse) for _ in range(3)]
        asked += [pool.submit(process.send, "/embed_all", tokens) for _ in range(3)]
        assert {each.result() for each in asked} <= {200, 413, 429, 503}


def stalled(process: Process) -> None:
    """Bodies that begin and do not come."""
    with contextlib.ExitStack() as stack:
        for _ in range(600):
            with contextlib.suppress(OSError):
                sock = stack.enter_context(process.connected())
                sock.setblocking(False)
                sock.send(
                    (HEAD.format("/embed") + "Content-Length: 1900000\r\n\r\n").encode()
                    + b'{"inputs":"'
                    + b"a" * 190_000
                )
        assert process.send("/embed", b'{"inputs":"a"}') == 200


def parallel(process: Process) -> None:
    """Many large bodies at once: they are parsed one after the other."""
    body = json.dumps({"inputs": ["word " * 300] * 1100, "truncate": True}).encode()
    with ThreadPoolExecutor(16) as pool:
        found = set(pool.map(lambda _: process.send("/embed", body), range(16)))
    assert found <= {200, 413, 429, 503}


def medium(process: Process) -> None:
    """Bodies that are too small to be counted, and take some milliseconds each, from many clients at once."""
    body = b'{"inputs":[' + b"[1],[2]," * 8000 + b"{}]}"
    with ThreadPoolExecutor(100) as pool:
        assert set(pool.map(lambda _: process.send("/embed", body), range(300))) <= {422, 429}


def unread(process: Process) -> None:
    """Answers that nobody reads."""
    body = json.dumps({"inputs": ["a " * 100] * 300}).encode()
    request = f"{HEAD.format('/embed_all')}Content-Length: {len(body)}\r\n\r\n".encode() + body
    with contextlib.ExitStack() as stack:
        for _ in range(12):
            stack.enter_context(process.connected()).sendall(request)
        time.sleep(3)
        assert process.send("/embed", b'{"inputs":"a"}') == 200


def pipelined(process: Process) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(20):
            sock = stack.enter_context(process.connected())
            sock.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                while True:
                    sock.send(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n" * 1000)
        assert process.send("/embed", b'{"inputs":"a"}') == 200


ATTACKS: list[Attack] = [
    objects, quotes, masks, windows, ids, products, vectors, stalled, parallel, medium, unread, pipelined,
]  # fmt: skip


QUICK = (masks, products, stalled)


@pytest.mark.parametrize(
    "attack",
    [pytest.param(each, id=each.__name__, marks=() if each in QUICK else pytest.mark.slow) for each in ATTACKS],
)
def test_memory_stays_within_its_bound(process: Process, attack: Attack) -> None:
    with process.peak() as peak:
        attack(process)
    assert process.send("/embed", b'{"inputs":"a film"}') == 200
    assert peak.grown < (MEMORY + 1000 * 0.35) * 1e6, f"{peak.grown / 1e6:.0f} MB more"
    report(attack.__name__, grown_mb=peak.grown / 1e6, worst_lag_ms_so_far=1e3 * process.worst_lag())


def test_few_open_files_are_fewer_connections(folders: dict[str, Path]) -> None:
    with Process(str(folders["embed"]), "--threads", "1") as process, contextlib.ExitStack() as stack:
        resource.prlimit(process.process.pid, resource.RLIMIT_NOFILE, (192, 192))  # while it starts
        until(process.warm)
        for _ in range(200):
            stack.enter_context(process.connected())
        assert process.send("/embed", b'{"inputs":"a"}') == 200
        fewer = "fewer connections"
        until(lambda: any(str(line["event"]).startswith(fewer) for line in process.log))
        (line,) = [line for line in process.log if str(line["event"]).startswith(fewer)]
        assert line["most"] == 192 - 128
        assert not [line for line in process.log if line["level"] == "error"]
