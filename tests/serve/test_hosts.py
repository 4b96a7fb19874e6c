"""Which hosts are answered, and where the server listens."""

import socket

import pytest

pytest.importorskip("fastapi")

from distilbert.serve import Settings
from distilbert.serve.errors import RequestError
from distilbert.serve.hosts import Hosts, listen
from helpers.live import Live
from helpers.raw_http import received, statuses


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        (["HTTP/1.1"], 400),
        (["HTTP/1.1", "Host: localhost", "Host: localhost"], 400),
        (["HTTP/1.1", "Host: "], 400),
        (["HTTP/1.1", "Host: a b"], 400),
        (["HTTP/1.1", "Host: user@localhost"], 400),
        (["HTTP/1.1", "Host: evil.example"], 421),
        (["HTTP/1.1", "Host: localhost.evil.example"], 421),
        (["HTTP/1.1", "Host: 127.0.0.1.evil.example"], 421),
        (["HTTP/1.1", "Host: 127.0.0.256"], 421),
        (["HTTP/1.1", "Host: LOCALHOST:99"], 200),
        (["HTTP/1.1", "Host: localhost.:"], 200),
        (["HTTP/1.1", "Host: [0:0:0:0:0:0:0:1]"], 200),
        (["HTTP/1.1", "Host: [::1]:8080"], 200),
        (["HTTP/1.1", "Host: models.localhost"], 200),
        (["HTTP/1.0"], 200),
        (["HTTP/2.0", "Host: localhost"], 400),
    ],
)
def test_a_request_has_one_host_that_is_served(server: Live, lines: list[str], status: int) -> None:
    with server.connected() as sock:
        sock.sendall(("GET /health " + "\r\n".join([*lines, "Connection: close"]) + "\r\n\r\n").encode())
        assert statuses(received(sock)) == [status]


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("GET http://localhost/health", 200),
        ("GET http://evil.example/health", 421),
        ("GET http://localhost", 200),
        ("GET http://localhost?a", 200),
        ("OPTIONS http://localhost", 204),
        ("OPTIONS *", 204),
        ("GET *", 404),
        ("GET http://user:secret@localhost/health", 400),
        ("GET localhost:80", 400),
        ("GET ftp://localhost/health", 400),
    ],
)
def test_the_target_says_the_host_where_it_has_one(server: Live, line: str, status: int) -> None:
    with server.connected() as sock:
        sock.sendall(f"{line} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        assert statuses(received(sock)) == [status]


@pytest.mark.parametrize(
    ("settings", "answered", "refused"),
    [
        ({"api_key": "k"}, ["evil.example", "localhost"], []),
        ({"allowed_hosts": "a.example, *.b.example"}, ["a.example", "x.b.example:80", "127.0.0.1"], ["b.example", "c"]),
        ({"host": "0.0.0.0"}, ["anything", "10.0.0.1:8080"], []),
        ({"host": "::1"}, ["[::1]"], ["evil.example"]),
    ],
)
def test_hosts_that_are_answered(settings: dict[str, str], answered: list[str], refused: list[str]) -> None:
    hosts = Hosts(Settings(**settings))  # type: ignore[arg-type]
    for name in answered:
        hosts.check("1.1", [(b"host", name.encode())])
    for name in refused:
        with pytest.raises(RequestError, match="--allowed-hosts"):
            hosts.check("1.1", [(b"host", name.encode())])


@pytest.mark.parametrize("host", ["::", "", "[::]", "0.0.0.0"])
def test_both_kinds_of_addresses_are_listened_on(host: str) -> None:
    with listen(host, 0) as listening:
        port = listening.getsockname()[1]
        socket.create_connection(("127.0.0.1", port)).close()
        if host != "0.0.0.0":
            socket.create_connection(("::1", port)).close()
