"""`distilbert serve` as a process of its own: its log as it comes, its memory, and plain requests."""

import contextlib
import dataclasses
import http.client
import json
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import httpx

from helpers.patience import PATIENCE

COMMAND = [sys.executable, "-m", "distilbert", "serve"]


@dataclasses.dataclass
class Peak:
    """How many bytes a process has taken more than at the beginning, at the most."""

    grown: int = 0


class Process:
    """A server on a free port. As a context it ends with the block."""

    def __init__(self, *arguments: str, **environment: str) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = subprocess.Popen(
            [*COMMAND, *arguments, "--port", str(self.port)],
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | environment,
        )
        self.log: list[dict[str, object]] = []
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.process.kill()
        self.end()

    def _read(self) -> None:
        assert self.process.stderr
        for line in self.process.stderr:
            self.log.append(json.loads(line))

    def warm(self) -> bool:
        """Whether it answers. Without `verify=False` each client of httpx first reads all certificates."""
        try:
            return httpx.get(f"{self.url}/health", verify=False).status_code == 200
        except httpx.TransportError:
            assert self.process.poll() is None, self.log
            return False

    def end(self) -> int:
        code = self.process.wait(PATIENCE)
        self.reader.join(PATIENCE)
        assert self.process.stderr
        self.process.stderr.close()
        return code

    def send(self, path: str, body: bytes) -> int:
        """The status of a POST."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request("POST", path, body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            answer.read()
            return answer.status
        except (BrokenPipeError, ConnectionResetError):  # it was refused before it was sent
            return 413
        finally:
            connection.close()

    @contextlib.contextmanager
    def connected(self) -> Iterator[socket.socket]:
        with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE) as sock:
            yield sock

    def resident(self) -> int:
        """Bytes of memory that are its own."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return 1024 * sum(int(value) for value in re.findall(r"RssAnon:\s*(\d+)", status))

    @contextlib.contextmanager
    def peak(self) -> Iterator[Peak]:
        found, before, ended = Peak(), self.resident(), threading.Event()

        def watch() -> None:
            while not ended.wait(0.02):
                found.grown = max(found.grown, self.resident() - before)

        thread = threading.Thread(target=watch)
        thread.start()
        try:
            yield found
        finally:
            ended.set()
            thread.join()

    def worst_lag(self) -> float:
        """Seconds, of the server's event loop."""
        text = httpx.get(f"{self.url}/metrics", timeout=PATIENCE, verify=False).text
        return next(
            float(line.split()[1]) for line in text.splitlines() if line.startswith("distilbert_loop_lag_worst")
        )
