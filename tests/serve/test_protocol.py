"""Connections that send heads of requests slowly, without end, not at all, or several at once."""

import contextlib
import json
import socket
import threading
import time

import pytest

pytest.importorskip("fastapi")

import httpx

from distilbert.serve.protocol import Protocol
from distilbert.tasks.task import Task
from helpers.live import Live, serving, until
from helpers.patience import PATIENCE
from helpers.raw_http import CLOSE, HEAD, JSON, post, received, sent_until_refused, statuses

pytestmark = pytest.mark.filterwarnings("ignore::distilbert.LongTextWarning", "ignore::distilbert.LabelWarning")


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Protocol, "head_seconds", 0.3)


@pytest.mark.usefixtures("hurried")
def test_a_silent_connection_is_closed(server: Live) -> None:
    with server.connected() as sock:
        assert received(sock).startswith(b"HTTP/1.1 400")


@pytest.mark.usefixtures("hurried")
def test_a_head_that_drips_is_closed(server: Live) -> None:
    with server.connected() as sock:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            for letter in b"GET /health HTTP/1.1\r\nHost: a-name-that-goes-on-and-on-and-on":
                sock.sendall(bytes([letter]))
                time.sleep(0.02)
        assert received(sock).startswith(b"HTTP/1.1 400")


@pytest.mark.usefixtures("hurried")
def test_a_connection_between_requests_stays(server: Live) -> None:
    server.http.get("/health")
    with server.connected() as sock:
        for _ in range(2):
            sock.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert sock.recv(4096).startswith(b"HTTP/1.1 200")
            time.sleep(0.5)


@pytest.mark.parametrize(
    "start", [b"GET /health HTTP/1.1\r\nX-Long: ", b"GET /", b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 9]
)
def test_a_head_without_end_is_closed(server: Live, start: bytes) -> None:
    with server.connected() as sock:
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
        head = f"POST /embed HTTP/1.1\r\nHost: localhost\r\n{JSON}\r\nContent-Length: {len(body)}\r\n"
        requests += f"{head}{'Connection: close' if text == texts[-1] else 'A: b'}\r\n\r\n".encode() + body
    with server.connected() as sock:
        sock.sendall(requests)
        answers = received(sock).split(b"HTTP/1.1 200 OK")[1:]
    want = [server.post("/embed", inputs=text, dimensions=2).json() for text in texts]
    assert [json.loads(answer.partition(b"\r\n\r\n")[2]) for answer in answers] == want


@pytest.mark.parametrize("offer", ["h2c", "websocket", "TLS/1.2, h2c"])
@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("chunked", [True, False])
def test_an_offer_to_upgrade_is_passed_over(server: Live, offer: str, whole: bool, chunked: bool) -> None:
    body = json.dumps({"inputs": "a film " * 1000, "truncate": True, "dimensions": 2}).encode()
    lines = [f"Upgrade: {offer}", "HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA"]
    head = HEAD + "\r\n".join(["Connection: Upgrade, HTTP2-Settings", *lines]) + "\r\n"
    if chunked:
        request = f"{head}Transfer-Encoding: chunked\r\n\r\n{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n"
    else:
        request = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
    with server.connected() as sock:
        for part in [request] if whole else [request[:150], request[150:600], request[600:]]:
            sock.sendall(part)
            time.sleep(0 if whole else 0.05)
        sock.sendall(post(body, *lines, "Connection: close, upgrade"))  # and the connection goes on
        answers = received(sock)
    assert statuses(answers) == [200, 200]
    assert answers.count(b"[[") == 2


def test_a_request_that_is_whole_is_answered_whatever_follows(server: Live) -> None:
    body = json.dumps({"inputs": "film " * 16_000, "truncate": True, "dimensions": 2}).encode()
    with server.connected() as sock:
        sock.sendall(post(body) + b"GET /health HTTP/1.1\r\nHost: local")
        assert sock.recv(4096).startswith(b"HTTP/1.1 200")
        sock.sendall(b"host\r\nConnection: close\r\n\r\n")
        assert statuses(received(sock)) == [200]
    with server.connected() as sock:  # and what cannot be right is told in its turn
        sock.sendall(post(body) + b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n" + b"\x00 nonsense\r\n\r\n")
        assert statuses(received(sock)) == [200, 200, 400]


def test_more_than_a_thousand_requests_at_once_are_all_answered(server: Live) -> None:
    request = b"GET /v1/models/qa HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with server.connected() as sock:
        sending = threading.Thread(target=sock.sendall, args=(request * 1499 + request[:-2] + CLOSE,))
        sending.start()
        assert statuses(received(sock)) == [200] * 1500
        sending.join()


@pytest.mark.parametrize(("version", "answer"), [("1.1", b"HTTP/1.1 100 Continue"), ("1.0", b"HTTP/1.1 200 OK")])
def test_an_expectation_is_met_where_the_client_knows_it(server: Live, version: str, answer: bytes) -> None:
    with server.connected() as sock:
        request = post(b'{"inputs": "a"}', "Expect: 100-continue", close=True)
        sock.sendall(request.replace(b"HTTP/1.1", f"HTTP/{version}".encode(), 1))
        assert received(sock).startswith(answer)


def test_trailers_are_no_headers_and_have_an_end(server: Live) -> None:
    head = f"{HEAD}Transfer-Encoding: chunked\r\n"
    body = b'{"inputs": "a", "dimensions": 2}'
    chunk = f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n"
    with server.connected() as sock:
        sock.sendall(f"{head}Connection: close\r\n\r\n".encode() + chunk + b"X-Request-Id: trailer\r\n\r\n")
        answer = received(sock)
    assert statuses(answer) == [200]
    assert b"trailer" not in answer
    for endless in (b"A: b\r\n", b"a"):
        with server.connected() as sock:
            sock.sendall(f"{head}\r\n".encode() + chunk + (b"X: " if len(endless) == 1 else b""))
            assert sent_until_refused(sock, endless * 2000) < 10_000_000


def test_chunks_extensions_have_an_end(server: Live) -> None:
    with server.connected() as sock:
        sock.sendall(f"{HEAD}Transfer-Encoding: chunked\r\n\r\n1;".encode())
        assert sent_until_refused(sock, b"a=b;" * 2000) < 10_000_000
    body = b'{"inputs": "' + b"a " * 20_000 + b'", "truncate": true, "dimensions": 2}'
    with server.connected() as sock:  # but chunks may be small
        pieces = b"".join(b"1\r\n%c\r\n" % byte for byte in body)
        sock.sendall(f"{HEAD}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n".encode() + pieces)
        sock.sendall(b"0\r\n\r\n")
        assert statuses(received(sock)) == [200]


def test_head_is_get_without_a_body(server: Live) -> None:
    for path in ("/health", "/info", "/v1/models", "/docs", "/openapi.json", "/models/qa/health"):
        head, get = server.http.head(path), server.http.get(path)
        assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(len(get.content)))
    assert server.http.head("/embed").status_code == 405
    assert server.http.head("/none").status_code == 404


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        (bytes.fromhex("16030100a5010000a10303"), b"plain HTTP, not TLS: write http://"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"HTTP/2 is not spoken here"),
        (b"FETCH / HTTP/1.1\r\n\r\n", b"Invalid method"),
        (b"GET / HTTP/1.1\r\nA b: c\r\n\r\n", b"Invalid header token"),
        (b"GET /\r\n\r\n", b"of HTTP/1.1: another HTTP"),
        (b"CONNECT a:1 HTTP/1.1\r\n\r\n", b"this is no proxy"),
        (HEAD.encode() + b"Content-Length: -1\r\n\r\n", b"Invalid character in Content-Length"),
    ],
)
def test_what_is_no_http_is_told_what_is_wrong_with_it(server: Live, sent: bytes, message: bytes) -> None:
    with server.connected() as sock:
        sock.sendall(sent)
        answer = received(sock)
    assert statuses(answer) == [400]
    assert message in answer


@pytest.mark.parametrize("name", ["Content-Type", "Content-Encoding", "Authorization", "Api-Key"])
def test_a_header_that_stands_once_stands_once(server: Live, name: str) -> None:
    with server.connected() as sock:
        sock.sendall(post(b'{"inputs": "a"}', f"{name}: identity", f"{name}: identity", close=True))
        answer = received(sock)
    assert statuses(answer) == [400]
    assert f"a request has one {name}, not ".encode() in answer


@pytest.mark.parametrize(
    "header",
    [
        *("Content-Type: text/plain", "Content-Encoding: gzip", "Transfer-Encoding: gzip, chunked"),
        "Content-Length: 99999999",
    ],
)
def test_a_body_that_is_not_wanted_is_not_asked_for(server: Live, header: str) -> None:
    head = HEAD.replace(JSON, header) if header.startswith("Content-Type") else HEAD + header + "\r\n"
    with server.connected() as sock:
        length = "" if "Length" in header or "Transfer" in header else "Content-Length: 9\r\n"
        sock.sendall(f"{head}{length}Expect: 100-continue\r\nConnection: close\r\n\r\n".encode())
        assert sock.recv(4096).startswith(b"HTTP/1.1 41")


def test_a_client_that_does_not_read_is_cut_off(tasks: dict[str, Task], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Protocol, "reader_seconds", 0.3)
    monkeypatch.setattr(Protocol, "reader_bytes", 1e8)
    body = json.dumps({"inputs": ["a film " * 100] * 200, "truncate": True}).encode()
    request = post(body).replace(b"/embed ", b"/embed_all ")  # some megabytes
    with serving({"embed": tasks["embed"]}) as live, contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(live.connected()) for _ in range(3)]
        for sock in sockets:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.sendall(request)
        until(lambda: live.metric('distilbert_requests_total{model="embed",route="/embed_all"') == 3)


@pytest.mark.parametrize(
    "sent", [b"", b"GET / HT", post(b"{" * 99)[:-1]], ids=["nothing", "half a head", "half a body"]
)
def test_more_connections_than_the_most_close_those_that_wait(tasks: dict[str, Task], sent: bytes) -> None:
    with serving({"embed": tasks["embed"]}, max_connections=8) as live, contextlib.ExitStack() as stack:
        for _ in range(40):
            stack.enter_context(live.connected()).sendall(sent)
        assert httpx.post(f"{live.url}/embed", json={"inputs": "a"}, timeout=PATIENCE).status_code == 200
