"""Hours in short: mistaken bodies and exchanges by the thousand, a soak, and ends and restarts under load."""

import json
import random
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from helpers.endurance import SEED, SHARE, report
from helpers.live import until
from helpers.patience import PATIENCE
from helpers.process import Process
from helpers.served_bodies import FULL_BODIES, JUNK, TEXT

pytestmark = pytest.mark.slow


@pytest.fixture
def models(folders: dict[str, Path]) -> list[str]:
    return [*map(str, folders.values()), "--threads", "1"]


@pytest.fixture
def process(models: list[str]) -> Iterator[Process]:
    with Process(*models, "--max-memory", "256", "--log-level", "error") as process:
        until(process.warm)
        yield process


def damaged(value: object, rng: random.Random) -> object:
    """The value with one part of it replaced, doubled or left out."""
    if isinstance(value, dict) and value and rng.random() < 0.8:
        name = rng.choice(list(value))
        other = dict(value)
        if rng.random() < 0.15:
            del other[name]
        else:
            other[name] = damaged(value[name], rng)
        return other
    if isinstance(value, list) and value and rng.random() < 0.6:
        index = rng.randrange(len(value))
        return [*value[:index], damaged(value[index], rng), *value[index:]]
    return rng.choice(JUNK)


def test_ten_thousand_mistaken_bodies(process: Process) -> None:
    rng = random.Random(SEED)
    before = process.resident()
    with httpx.Client(base_url=process.url, timeout=PATIENCE) as http:
        for _ in range(int(10_000 * SHARE)):
            path, body = rng.choice(list(FULL_BODIES.items()))
            content = json.dumps(damaged(body, rng)).encode()
            if rng.random() < 0.3:
                place = rng.randrange(len(content))
                content = content[:place] + rng.randbytes(rng.randrange(3)) + content[place + rng.randrange(3) :]
            answer = http.post(path, content=content, headers={"Content-Type": "application/json"})
            assert answer.status_code == 200 or 400 <= answer.status_code < 500, (path, content, answer.text)
            assert answer.json() is not None
    grown = process.resident() - before
    report("mistaken bodies", grown_mb=grown / 1e6, worst_lag_ms=1e3 * process.worst_lag())
    assert grown < 256e6


LINES = [
    b"GET /health HTTP/1.1\r\n", b"POST /embed HTTP/1.1\r\n", b"Host: localhost\r\n", b"Content-Length: 16\r\n",
    b"Content-Type: application/json\r\n", b"Transfer-Encoding: chunked\r\n", b"Connection: Upgrade\r\n",
    b"Upgrade: h2c\r\n", b"Expect: 100-continue\r\n", b"\r\n", b'{"inputs": "a"}\n', b"10\r\n", b"0\r\n", b"\r\n",
    b"X: y\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"OPTIONS * HTTP/1.1\r\n", b"Connection: close\r\n", b"\n", b"\0",
    b" folded\r\n", b"Content-Length: -1\r\n", b"HEAD /info HTTP/1.0\r\n", b"CONNECT a:1 HTTP/1.1\r\n", b"f" * 5000,
]  # fmt: skip


def test_two_thousand_raw_exchanges(process: Process) -> None:
    rng, before = random.Random(SEED), process.resident()
    for _ in range(int(2000 * SHARE)):
        sent = LINES[rng.randrange(2)] + b"Host: localhost\r\n" * rng.randrange(3) if rng.random() < 0.7 else b""
        sent += b"".join(rng.choices(LINES, k=rng.randrange(12)))
        with process.connected() as sock:
            sock.settimeout(0.2)
            answer = b""
            try:
                for start in range(0, len(sent), 1 + rng.randrange(3000)):
                    sock.sendall(sent[start : start + 3000])
                sock.shutdown(socket.SHUT_WR)
                while part := sock.recv(65536):
                    answer += part
            except (TimeoutError, OSError):
                pass
        statuses = [int(part[:3]) for part in answer.split(b"HTTP/1.1 ")[1:]]
        assert all(status in (100, 200) or 400 <= status < 500 for status in statuses), (sent, answer)
    assert process.send("/embed", b'{"inputs": "a"}') == 200
    grown = process.resident() - before
    report("raw exchanges", grown_mb=grown / 1e6, worst_lag_ms=1e3 * process.worst_lag())
    assert grown < 256e6


def test_a_soak_takes_no_memory(process: Process) -> None:
    seconds, rng = 600 * SHARE, random.Random(SEED)

    def ask_for(duration: float) -> None:
        ended = time.monotonic() + duration
        with httpx.Client(base_url=process.url, timeout=PATIENCE) as http:
            while time.monotonic() < ended:
                path, body = rng.choice(list(FULL_BODIES.items()))
                assert http.post(path, json=body).status_code == 200

    def load(duration: float) -> int:
        threads = [threading.Thread(target=ask_for, args=(duration,)) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return process.resident()

    load(seconds * 0.2)
    early = load(seconds * 0.1)
    late = load(seconds * 0.7)
    report("soak", early_mb=early / 1e6, late_mb=late / 1e6, worst_lag_ms=1e3 * process.worst_lag())
    assert late < 1.05 * early


def ask_until_refused(process: Process, statuses: list[int]) -> None:
    with httpx.Client(base_url=process.url, timeout=PATIENCE) as http:
        while True:
            try:
                statuses.append(http.post("/embed", json={"inputs": TEXT}).status_code)
            except httpx.TransportError:
                return


@pytest.mark.parametrize("signal_", [signal.SIGKILL, signal.SIGTERM], ids=["kill", "term"])
def test_ends_and_restarts_under_load(
    models: list[str], signal_: signal.Signals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    times, slowest, answered = max(1, int(20 * SHARE)), 0.0, 0
    for _ in range(times):
        started = time.monotonic()
        with Process(*models) as process:
            until(process.warm)
            slowest = max(slowest, time.monotonic() - started)
            statuses: list[int] = []
            asking = [threading.Thread(target=ask_until_refused, args=(process, statuses)) for _ in range(4)]
            for thread in asking:
                thread.start()
            until(lambda statuses=statuses: len(statuses) > 20)
            process.process.send_signal(signal_)
            for thread in asking:
                thread.join()
            code = process.process.wait(PATIENCE)
            assert set(statuses) == {200}
            assert code == (0 if signal_ is signal.SIGTERM else -signal.SIGKILL)
            if signal_ is signal.SIGTERM:  # whatever was admitted has reached its client
                process.reader.join(PATIENCE)
                admitted = [line["status"] for line in process.log if line.get("path") == "/embed"]
                assert admitted == [200] * len(statuses)
            answered += len(statuses)
    report(f"{times} times {signal_.name}", answered=answered, slowest_start_ms=1e3 * slowest)
    assert not list(tmp_path.iterdir()), "it leaves files behind"
