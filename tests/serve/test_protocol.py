"""Connections that send heads of requests slowly, without end, not at all, or several at once."""

import contextlib
import json
import socket
import time
from collections.abc import Iterator

import pytest

pytest.importorskip("fastapi")

from distilbert.serve.protocol import Protocol
from helpers.live import Live, make_tasks, serving


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    tasks = make_tasks(tmp_path_factory.mktemp("models"))
    with serving({"embed": tasks["embed"]}) as live:
        yield live


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Protocol, "head_seconds", 0.3)


@contextlib.contextmanager
def connected(server: Live) -> Iterator[socket.socket]:
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=10) as sock:
        yield sock


def told(sock: socket.socket) -> bytes:
    """All that comes until the server hangs up."""
    said = b""
    with contextlib.suppress(ConnectionResetError):
        while part := sock.recv(65536):
            said += part
    return said


@pytest.mark.usefixtures("hurried")
def test_a_silent_connection_is_closed(server: Live) -> None:
    with connected(server) as sock:
        assert told(sock).startswith(b"HTTP/1.1 400")


@pytest.mark.usefixtures("hurried")
def test_a_head_that_drips_is_closed(server: Live) -> None:
    with connected(server) as sock:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for letter in b"GET /health HTTP/1.1\r\nHost: a-name-that-goes-on-and-on-and-on":
                sock.sendall(bytes([letter]))
                time.sleep(0.02)
        assert told(sock).startswith(b"HTTP/1.1 400")


@pytest.mark.usefixtures("hurried")
def test_a_connection_between_requests_stays(server: Live) -> None:
    server.http.get("/health")
    with connected(server) as sock:
        for _ in range(2):
            sock.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
            assert sock.recv(4096).startswith(b"HTTP/1.1 200")
            time.sleep(0.5)


@pytest.mark.parametrize(
    "start", [b"GET /health HTTP/1.1\r\nX-Long: ", b"GET /", b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 9]
)
def test_a_head_without_end_is_closed(server: Live, start: bytes) -> None:
    with connected(server) as sock:
        sent = 0
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            sock.sendall(start)
            while sent < 5_000_000:
                sent += sock.send(b"a" * 10_000)
        assert sent < 5_000_000, "all of it was read"
    assert server.http.get("/health").status_code == 200


def test_requests_sent_at_once_are_answered_in_turn(server: Live) -> None:
    texts = ["a film", "a fine film", "a fine and long film"]
    requests = b""
    for text in texts:
        body = json.dumps({"inputs": text, "dimensions": 2}).encode()
        head = f"POST /embed HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        requests += f"{head}{'Connection: close' if text == texts[-1] else 'A: b'}\r\n\r\n".encode() + body
    with connected(server) as sock:
        sock.sendall(requests)
        answers = told(sock).split(b"HTTP/1.1 200 OK")[1:]
    want = [server.post("/embed", inputs=text, dimensions=2).json() for text in texts]
    assert [json.loads(answer.partition(b"\r\n\r\n")[2]) for answer in answers] == want


def test_an_upgrade_is_not_taken_up(server: Live) -> None:
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Key": "AAAA",
        "Sec-WebSocket-Version": "13",
    }
    assert server.http.get("/health", headers=upgrade).status_code == 200
