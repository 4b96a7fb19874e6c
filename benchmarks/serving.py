"""The server under load: offered load against throughput and latency, next to the library offline and to a peer.

    python benchmarks/serving.py [--seconds 4] [--clients 1 8 64] [--plot FILE.svg] [--save FILE.json]

Clients ask for one ragged sentence after the other, each on a connection of its own, the next when the
last is answered. They run in this process, on the same cores as the server. The peer is FastAPI around a
pipeline of Transformers (pipeline_server.py), with the threads that it has by default and those with which
it does best.
"""

import argparse
import contextlib
import functools
import itertools
import json
import os
import re
import selectors
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
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


def peer(folder: Path, workers: int, torch_threads: int) -> "contextlib.AbstractContextManager[int]":
    script = str(Path(__file__).with_name("pipeline_server.py"))
    return serving(script, str(folder), "{port}", str(workers), str(torch_threads))


OURS = {precision: functools.partial(ours, precision=precision) for precision in ("float32", "int8")}
PEERS = {
    "pipeline, as it comes": functools.partial(peer, workers=40, torch_threads=2),
    "pipeline, at its best": functools.partial(peer, workers=2, torch_threads=1),  # of five settings tried
}
SERVERS = OURS | PEERS


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

    def close(self) -> None:
        self.socket.close()

    def ask(self, request: bytes) -> float:
        self.send(request)
        while (seconds := self.receive()) is None:
            pass
        return seconds


def request(text: str) -> bytes:
    body = json.dumps({"inputs": text}).encode()
    head = f"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}"
    return f"{head}\r\n\r\n".encode() + body


def ask_all(port: int, streams: Sequence[Iterator[bytes]], seconds: float) -> list[list[float]]:
    """The seconds that the answers to each client took. Each sends its next request when the last is answered."""
    taken: list[list[float]] = [[] for _ in streams]
    with selectors.DefaultSelector() as selector, contextlib.ExitStack() as stack:
        for stream, seconds_of in zip(streams, taken, strict=True):
            connection = Connection(port)
            stack.enter_context(contextlib.closing(connection))
            selector.register(connection.socket, selectors.EVENT_READ, (connection, stream, seconds_of))
            connection.send(next(stream))
        started = time.perf_counter()
        while (now := time.perf_counter()) < started + UNMEASURED + seconds:
            for key, _ in selector.select(0.1):
                connection, stream, seconds_of = key.data
                if (answered := connection.receive()) is not None:
                    if now > started + UNMEASURED:
                        seconds_of.append(answered)
                    connection.send(next(stream))
    return taken


def load(port: int, clients: int, seconds: float, requests: Sequence[bytes]) -> dict[str, float]:
    """Texts a second, and milliseconds, of so many clients; and what the clients take of one core, in per cent."""
    streams = [itertools.islice(itertools.cycle(requests), 7 * n, None) for n in range(clients)]
    used = time.process_time()
    taken = np.concatenate(ask_all(port, streams, seconds))
    share = (time.process_time() - used) / (seconds + UNMEASURED)
    return {"texts/s": len(taken) / seconds} | milliseconds(taken) | {"clients' %": 100 * share}


def milliseconds(seconds: np.ndarray) -> dict[str, float]:
    return {f"p{q} ms": 1e3 * float(np.percentile(seconds, q)) for q in (50, 95, 99)}


def flooded(port: int, seconds: float, requests: Sequence[bytes]) -> dict[str, float]:
    """One client's short texts while eight others send texts of 512 tokens."""
    floods = [(request(f"{n} {LONG}") for n in itertools.count(first, 8)) for first in range(8)]
    short, *_ = ask_all(port, [itertools.cycle(requests), *floods], seconds)
    return milliseconds(np.array(short))


def offline(folder: Path, precision: str, texts: Sequence[str]) -> float:
    task = distilbert.load(folder, precision=precision)
    task(texts[:40])
    return float(np.median([rate(task, texts) for _ in range(3)]))


def rate(task: Callable[[Sequence[str]], object], texts: Sequence[str]) -> float:
    """Texts a second of the library, with all of them at hand."""
    started = time.perf_counter()
    task(texts)
    return len(texts) / (time.perf_counter() - started)


def added(folder: Path, precision: str, text: str, rounds: int = 100) -> dict[str, float]:
    """Milliseconds at the median of one short text: offline, over HTTP, asked by turns."""
    task = distilbert.load(folder, precision=precision)
    alone, served = [], []
    with ours(folder, precision) as port, contextlib.closing(Connection(port)) as connection:
        for _ in range(rounds):
            started = time.perf_counter()
            task(text)
            alone.append(time.perf_counter() - started)
            served.append(connection.ask(request(text)))
    medians = {"library": 1e3 * float(np.median(alone[5:])), "server": 1e3 * float(np.median(served[5:]))}
    return medians | {"added": medians["server"] - medians["library"]}


def plot(path: Path, rows: dict[str, dict[int, dict[str, float]]]) -> None:
    """Texts a second and the median latency against the number of clients, for each server."""
    import matplotlib

    matplotlib.use("svg")
    import matplotlib.pyplot as plt

    plt.rcParams |= {"svg.hashsalt": "distilbert", "svg.fonttype": "none", "font.family": "sans-serif"}
    figure, panels = plt.subplots(1, 2, figsize=(8, 3.2), layout="constrained")
    for panel, column, label in zip(
        panels, ("texts/s", "p50 ms"), ("texts a second", "p50, milliseconds"), strict=True
    ):
        for name, loads in rows.items():
            values = [row[column] for row in loads.values()]
            legend = f"distilbert, {name}" if name in OURS else f"FastAPI + {name}"
            panel.plot(list(loads), values, marker="o", markersize=3, label=legend)
        clients = sorted({count for loads in rows.values() for count in loads})
        panel.set(xscale="log", xlabel="clients", ylabel=label)
        panel.set_xticks(clients, [str(count) for count in clients], minor=False)
        panel.minorticks_off()
        panel.grid(alpha=0.3)
    panels[0].set_ylim(0)
    panels[1].set_yscale("log")
    panels[1].yaxis.set_major_formatter("{x:g}")
    panels[1].legend(frameon=False, fontsize="small")
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    parts = {"load": load_part, "added": added_part, "flood": flood_part, "saturation": saturation_part}
    parser = common.options(__doc__)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 2, 4, 8, 16, 32, 64])
    parser.add_argument("--servers", nargs="+", default=list(SERVERS), choices=list(SERVERS))
    parser.add_argument("--parts", nargs="+", default=list(parts), choices=list(parts))
    parser.add_argument("--rounds", type=int, default=5, help="of the part saturation")
    parser.add_argument("--plot", type=Path, metavar="FILE.svg")
    args = parser.parse_args()
    results: dict[str, object] = {"machine": common.machine()}
    with tempfile.TemporaryDirectory() as temporary:
        folder = common.base_checkpoint(Path(temporary) / "base")
        for part in args.parts:
            results[part] = parts[part](folder, args)
    common.save(args.save, results)


def load_part(folder: Path, args: argparse.Namespace) -> dict[str, object]:
    texts = common.sentences()
    requests = [request(text) for text in texts]
    rows: dict[str, dict[int, dict[str, float]]] = {}
    precisions = [name for name in OURS if name in args.servers]
    before = {precision: offline(folder, precision, texts) for precision in precisions}
    for name in args.servers:
        with SERVERS[name](folder) as port:
            rows[name] = {clients: load(port, clients, args.seconds, requests) for clients in args.clients}
    columns = ["texts/s", "p50 ms", "p95 ms", "p99 ms", "clients' %"]
    cells = {f"{name}, {clients}": [f"{row[column]:.1f}" for column in columns]
             for name, at_load in rows.items() for clients, row in at_load.items()}  # fmt: skip
    print(common.table("Server, clients", cells, columns))
    most = {name: max(row["texts/s"] for row in at_load.values()) for name, at_load in rows.items()}
    peers = [most[name] for name in PEERS if name in most]
    rates, shares = {}, {}
    for precision in precisions:
        # the better of before and after: the machine's own speed drifts
        rate = rates[precision] = max(before[precision], offline(folder, precision, texts))
        ratio = f"{most[precision] / max(peers):.2f}x" if peers else ""
        shares[precision] = [f"{rate:.1f}", f"{most[precision] / rate:.0%}", ratio]
    print(common.table("At saturation", shares, ["library, texts/s", "server of it", "of the best peer"]))
    if args.plot:
        plot(args.plot, rows)
    return {"rows": rows, "library texts/s": rates}


def added_part(folder: Path, _: argparse.Namespace) -> dict[str, object]:
    text = "a charming and often affecting journey ."
    rows = {precision: added(folder, precision, text) for precision in OURS}
    cells = {name: [f"{value:.2f}" for value in row.values()] for name, row in rows.items()}
    print(common.table("One text, ms at p50", cells, ["library", "server", "added"]))
    return dict(rows)


def flood_part(folder: Path, args: argparse.Namespace) -> dict[str, object]:
    requests = [request(text) for text in common.sentences()]
    rows = {}
    for name, flags in {"no bound": {"max_run_ms": 100_000}, "bound of 64 ms": {}}.items():
        with ours(folder, **flags) as port:
            rows[name] = flooded(port, 3 * args.seconds, requests)
    cells = {name: [f"{value:.0f}" for value in row.values()] for name, row in rows.items()}
    print(common.table("Short texts among texts of 512 tokens", cells, ["p50 ms", "p95 ms", "p99 ms"]))
    return dict(rows)


def saturation_part(folder: Path, args: argparse.Namespace) -> dict[str, object]:
    """int8 with 64 clients against the library with all texts at hand, by turns: the machine's speed drifts."""
    texts = common.sentences()
    requests = [request(text) for text in texts]
    rows: dict[str, dict[str, list[float]]] = {}
    for engine in ("onnx", "native") if find_spec("distilbert_native") else ("onnx",):
        os.environ["DISTILBERT_ENGINE"] = engine
        task = distilbert.load(folder, precision="int8")
        library, server = [], []
        with ours(folder, "int8") as port:
            rate(task, texts)
            library.append(rate(task, texts))
            for _ in range(args.rounds):
                server.append(load(port, 64, args.seconds, requests)["texts/s"])
                library.append(rate(task, texts))
        shares = [2 * served / (before + after) for served, before, after in zip(server, library, library[1:])]
        rows[engine] = {"library": library, "server": server, "shares": shares}
    cells = {}
    for name, row in rows.items():
        library, served, shares = row["library"], row["server"], row["shares"]
        cells[name] = [f"{np.median(rates):.1f}" for rates in (library, served)]
        cells[name] += [f"{share:.0%}" for share in (min(shares), float(np.median(shares)), max(shares))]
    print(common.table("int8 at saturation", cells, ["library, texts/s", "server", "share, least", "median", "most"]))
    return dict(rows)


if __name__ == "__main__":
    main()
