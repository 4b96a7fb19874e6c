"""The server under load: offered load against throughput and latency, next to the library offline and to a peer.

    python benchmarks/serving.py [--seconds 4] [--clients 1 8 64] [--save FILE.json]

Clients ask for one ragged sentence after the other, each on a connection of its own, the next when the
last is answered. They run in this process, on the same cores as the server. The peer is FastAPI around a
pipeline of Transformers (pipeline_server.py).
"""

import argparse
import contextlib
import itertools
import json
import re
import selectors
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

import common
import distilbert

LONG = "the " * 510
LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)
UNMEASURED = 0.5  # seconds of load before it counts


@contextlib.contextmanager
def serving(*command: str) -> Iterator[int]:
    """Start a server; its port, once it is warm."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    arguments = [argument.format(port=port) for argument in command]
    process = subprocess.Popen([sys.executable, *arguments], stderr=subprocess.DEVNULL)
    try:
        while True:
            with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/health") as answer:
                if answer.status == 200:
                    break
            if process.poll() is not None:
                raise SystemExit(f"{' '.join(arguments)} ended with {process.returncode}")
            time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait()


def ours(folder: Path, precision: str = "float32", **flags: int) -> "contextlib.AbstractContextManager[int]":
    extra = [f"--{name.replace('_', '-')}={value}" for name, value in flags.items()]
    return serving("-m", "distilbert", "serve", str(folder), "--precision", precision, "--port", "{port}", *extra)


def peer(folder: Path) -> "contextlib.AbstractContextManager[int]":
    return serving(str(Path(__file__).with_name("pipeline_server.py")), str(folder), "{port}")


class Connection:
    """A client of prebuilt bytes: it takes next to no time itself."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, request: bytes) -> None:
        self.asked = time.perf_counter()
        self.answer = b""
        self.socket.sendall(request)

    def receive(self) -> float | None:
        """Read what is there: the seconds that the answer took, once it is whole."""
        self.answer += self.socket.recv(1 << 16)
        head = self.answer.find(b"\r\n\r\n")
        length = LENGTH.search(self.answer, 0, head) if head >= 0 else None
        if length is None or len(self.answer) < head + 4 + int(length[1]):
            return None
        if not self.answer.startswith(b"HTTP/1.1 200"):
            raise SystemExit(self.answer.decode())
        return time.perf_counter() - self.asked

    def ask(self, request: bytes) -> float:
        self.send(request)
        while (seconds := self.receive()) is None:
            pass
        return seconds


def request(text: str) -> bytes:
    body = json.dumps({"inputs": text}).encode()
    head = f"POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def ask_all(port: int, streams: Sequence[Iterator[bytes]], seconds: float) -> list[list[float]]:
    """The seconds that the answers to each client took. Each sends its next request when the last is answered."""
    taken: list[list[float]] = [[] for _ in streams]
    with selectors.DefaultSelector() as selector, contextlib.ExitStack() as stack:
        for stream, own in zip(streams, taken, strict=True):
            connection = Connection(port)
            stack.enter_context(connection.socket)
            selector.register(connection.socket, selectors.EVENT_READ, (connection, stream, own))
            connection.send(next(stream))
        started = time.perf_counter()
        while (now := time.perf_counter()) < started + UNMEASURED + seconds:
            for key, _ in selector.select(0.1):
                connection, stream, own = key.data
                if (answered := connection.receive()) is not None:
                    if now > started + UNMEASURED:
                        own.append(answered)
                    connection.send(next(stream))
    return taken


def load(port: int, clients: int, seconds: float, requests: Sequence[bytes]) -> dict[str, float]:
    """Texts a second, and milliseconds, of so many clients; and what the clients themselves take of a core."""
    streams = [itertools.islice(itertools.cycle(requests), 7 * n, None) for n in range(clients)]
    used = time.process_time()
    taken = np.concatenate(ask_all(port, streams, seconds))
    share = (time.process_time() - used) / (seconds + UNMEASURED)
    return {"texts/s": len(taken) / seconds} | milliseconds(taken) | {"client's %": 100 * share}


def milliseconds(seconds: np.ndarray) -> dict[str, float]:
    return {f"p{q} ms": 1e3 * float(np.percentile(seconds, q)) for q in (50, 95, 99)}


def flooded(port: int, seconds: float, requests: Sequence[bytes]) -> dict[str, float]:
    """One client's short texts while eight others send texts of 512 tokens."""
    floods = [(request(f"{n} {LONG}") for n in itertools.count(own, 8)) for own in range(8)]
    short, *_ = ask_all(port, [itertools.cycle(requests), *floods], seconds)
    return milliseconds(np.array(short))


def offline(folder: Path, precision: str, texts: Sequence[str]) -> float:
    task = distilbert.load(folder, precision=precision)
    task(texts[:40])
    rates = []
    for _ in range(3):
        started = time.perf_counter()
        task(texts)
        rates.append(len(texts) / (time.perf_counter() - started))
    return float(np.median(rates))


def added(folder: Path, text: str, rounds: int = 60) -> dict[str, float]:
    """Milliseconds at the median of one short text: offline, over HTTP, asked by turns."""
    task = distilbert.load(folder)
    alone, served = [], []

    async def by_turns(port: int) -> None:
        connection = await Connection().open(port)
        for _ in range(rounds):
            started = time.perf_counter()
            task(text)
            alone.append(time.perf_counter() - started)
            served.append(await connection.ask(text))

    with ours(folder) as port:
        asyncio.run(by_turns(port))
    medians = {"offline": 1e3 * float(np.median(alone[5:])), "server": 1e3 * float(np.median(served[5:]))}
    return medians | {"added": medians["server"] - medians["offline"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 64])
    parser.add_argument("--parts", nargs="+", default=["load", "added", "flood"], choices=["load", "added", "flood"])
    parser.add_argument("--save", type=Path)
    args = parser.parse_args()
    texts = common.sentences()
    results: dict[str, object] = {"machine": common.machine()}
    with tempfile.TemporaryDirectory() as temporary:
        folder = common.base_checkpoint(Path(temporary) / "base")
        if "load" in args.parts:
            rows = {}
            servers = {
                "distilbert float32": lambda: ours(folder),
                "distilbert int8": lambda: ours(folder, "int8"),
                "FastAPI + pipeline": lambda: peer(folder),
            }
            for name, server in servers.items():
                with server() as port:
                    for clients in args.clients:
                        rows[f"{name}, {clients} clients"] = load(port, clients, args.seconds, texts)
            results["load"] = rows
            columns = ["texts/s", "p50 ms", "p95 ms", "p99 ms"]
            cells = {name: [f"{row[column]:.1f}" for column in columns] for name, row in rows.items()}
            print(common.table("Offered load", cells, columns))
            rates = {precision: offline(folder, precision, texts) for precision in ("float32", "int8")}
            results["offline texts/s"] = rates
            most = {name: max(rows[f"{name}, {n} clients"]["texts/s"] for n in args.clients) for name in servers}
            shares = {
                precision: [f"{rate:.1f}", f"{most[f'distilbert {precision}'] / rate:.0%}",
                            f"{most[f'distilbert {precision}'] / most['FastAPI + pipeline']:.2f}x"]
                for precision, rate in rates.items()
            }  # fmt: skip
            print(common.table("At saturation", shares, ["offline texts/s", "server of it", "of the peer"]))
        if "added" in args.parts:
            results["added"] = added(folder, "a charming and often affecting journey .")
            print(common.table("One text, ms at p50", {k: [f"{v:.2f}"] for k, v in results["added"].items()}, ["ms"]))
        if "flood" in args.parts:
            flood = {}
            for name, flags in {"no bound": {"max_run_ms": 100_000}, "bound of 64 ms": {}}.items():
                with ours(folder, **flags) as port:
                    flood[name] = flooded(port, 3 * args.seconds, texts)
            results["flood"] = flood
            cells = {name: [f"{value:.0f}" for value in row.values()] for name, row in flood.items()}
            print(common.table("Short texts among texts of 512 tokens", cells, ["p50 ms", "p95 ms", "p99 ms"]))
    common.save(args.save, results)


if __name__ == "__main__":
    main()
