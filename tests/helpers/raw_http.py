"""Requests as they stand on the wire, and what comes back."""

import contextlib
import socket

JSON = "Content-Type: application/json"
HEAD = "POST /embed HTTP/1.1\r\nHost: localhost\r\n" + JSON + "\r\n"
CLOSE = b"Connection: close\r\n\r\n"


def post(body: bytes, *headers: str, close: bool = False) -> bytes:
    """A whole request to /embed."""
    lines = [*headers, f"Content-Length: {len(body)}", *(["Connection: close"] if close else [])]
    return (HEAD + "\r\n".join(lines) + "\r\n\r\n").encode() + body


def received(sock: socket.socket) -> bytes:
    """All that comes until the server hangs up."""
    found = b""
    with contextlib.suppress(ConnectionResetError):
        while part := sock.recv(65536):
            found += part
    return found


def sent_until_refused(sock: socket.socket, part: bytes) -> int:
    """How many bytes the server took of `part` again and again; 20 MB at most."""
    sent = 0
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        while sent < 20_000_000:
            sent += sock.send(part)
    return sent


def statuses(answers: bytes) -> list[int]:
    return [int(part[:3]) for part in answers.split(b"HTTP/1.1 ")[1:]]
