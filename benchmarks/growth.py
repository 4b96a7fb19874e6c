"""How cost grows: with tokens, batch, layers, width and threads, and with the length of a stream.

    python benchmarks/growth.py [--texts 1000000] [--plot docs/growth.svg] [--save docs/growth.json]

A model of DistilBERT-base's shape, random weights, but for the one size that grows; float32 and int8, medians. The
stream runs through a model of one narrow layer, so that a million texts take minutes: time should grow
in proportion, and memory not at all.
"""

import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

import common
import distilbert
from distilbert import Batch, DistilBertConfig
from distilbert.bench import available_cpus

PRECISIONS = ("float32", "int8")
ROUNDS = 5


def checkpoint(folder: Path, **sizes: int) -> Path:
    """In a process of its own, so that the memory of the stream is not PyTorch's."""
    config = DistilBertConfig(vocab_size=6000, **sizes)
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        pool.submit(common.random_checkpoint, folder, config).result()
    (folder / "vocab.txt").write_bytes((common.REPOSITORY / "tests/data/vocab.txt").read_bytes())
    return folder


def milliseconds(folder: Path, texts: int, tokens: int, precision: str, threads: int) -> float:
    engine = distilbert.load(folder, precision=precision, threads=threads).model.engine
    ids = np.random.default_rng(0).integers(5, 6000, (texts, tokens))
    batch = Batch.pack(list(ids), [np.zeros(1, np.int64)] * texts)
    engine.run(batch)
    taken = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        engine.run(batch)
        taken.append(time.perf_counter() - started)
    return 1e3 * statistics.median(taken)


def grown(name: str, values: list[int], measure: Callable[[int, str], float]) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {name: [float(value) for value in values]}
    for precision in PRECISIONS:
        found[precision] = [measure(value, precision) for value in values]
    rows = {str(value): [f"{found[p][i]:.1f}" for p in PRECISIONS] for i, value in enumerate(values)}
    print(common.table(f"{name}: milliseconds", rows, list(PRECISIONS)))
    return found


def stream(folder: Path, texts: int) -> dict[str, list[float]]:
    """Seconds and resident MB after each tenth of a stream of short texts."""
    words = " ".join(common.sentences()).split()
    task = distilbert.load(folder)

    def lines() -> Iterator[str]:
        for number in range(texts):
            place = 7 * number % (len(words) - 8)
            yield " ".join(words[place : place + 8])

    found: dict[str, list[float]] = {"texts": [], "seconds": [], "megabytes": []}
    started = time.perf_counter()
    for done, _ in enumerate(task.stream(lines()), 1):
        if done % (texts // 10) == 0:
            found["texts"].append(done)
            found["seconds"].append(time.perf_counter() - started)
            found["megabytes"].append(resident())
    rows = {f"{int(n):,}": [f"{s:.1f}", f"{m:.0f}"] for n, s, m in zip(*found.values())}
    print(common.table("stream", rows, ["seconds", "resident MB"]))
    return found


def resident() -> float:
    """MB that this process holds now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6


def plot(found: dict[str, dict[str, list[float]]], path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 6.5), layout="constrained")
    for axes, (name, curve) in zip(figure.subplots(2, 3).flat, found.items()):
        along = next(iter(curve))
        if name == "texts of a stream":
            axes.plot(curve["texts"], curve["seconds"], marker="o", color="#2563a8", label="seconds")
            axes.plot(curve["texts"], curve["megabytes"], marker="s", color="#5c6675", label="resident MB")
        else:
            for precision, colour in zip(PRECISIONS, ("#2563a8", "#c2571a")):
                axes.plot(curve[along], curve[precision], marker="o", color=colour, label=precision)
            axes.set_ylabel("milliseconds")
        axes.set_title(name, fontsize=10)
        axes.set_ylim(bottom=0)
        axes.set_xlim(left=0)
        axes.legend(fontsize=8)
    figure.savefig(path)


def main() -> None:
    parser = common.options(__doc__)
    parser.add_argument("--texts", type=int, default=1_000_000)
    parser.add_argument("--plot", type=Path)
    args = parser.parse_args()
    cpus = available_cpus()
    with tempfile.TemporaryDirectory() as temporary:
        made: dict[str, Path] = {}

        def model(**sizes: int) -> Path:
            name = "-".join(f"{key}{value}" for key, value in sizes.items()) or "base"
            if name not in made:
                made[name] = checkpoint(Path(temporary) / name, **sizes)
            return made[name]

        def wide(dim: int) -> Path:
            return model(dim=dim, n_heads=dim // 64, hidden_dim=4 * dim)

        found = {
            "tokens of one text": grown(
                "tokens", [16, 64, 128, 256, 384, 512], lambda n, p: milliseconds(model(), 1, n, p, cpus)
            ),
            "texts of 32 tokens in a batch": grown(
                "texts", [1, 4, 8, 16, 32, 64], lambda n, p: milliseconds(model(), n, 32, p, cpus)
            ),
            "layers (16 texts of 32 tokens)": grown(
                "layers", [1, 2, 4, 6, 9, 12], lambda n, p: milliseconds(model(n_layers=n), 16, 32, p, cpus)
            ),
            "width (16 texts of 32 tokens)": grown(
                "width", [128, 256, 384, 512, 768, 1024], lambda n, p: milliseconds(wide(n), 16, 32, p, cpus)
            ),
            "threads (16 texts of 32 tokens)": grown(
                "threads", list(range(1, cpus + 1)), lambda n, p: milliseconds(model(), 16, 32, p, n)
            ),
            "texts of a stream": stream(model(n_layers=1, dim=32, n_heads=2, hidden_dim=64), args.texts),
        }
    if args.plot:
        plot(found, args.plot)
    common.save(args.save, {"machine": common.machine(), **found})


if __name__ == "__main__":
    main()
