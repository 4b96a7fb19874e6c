"""This checkout against another one: nothing may have become slower, or hold more memory.

    python benchmarks/two_checkouts.py OTHER [--rounds 7] [--only start tasks server] [--save FILE.json]

OTHER is the root of another checkout, as `git worktree add OTHER COMMIT` makes it. Every run is a process
of its own with that checkout's sources; the two take turns. Ratios are this checkout to the other: below 1 is
faster, or smaller.
"""

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import common
import serving

TEXT = "a charming and often affecting journey"
IMPORT = "import distilbert"
TOKENIZER = """
import sys, time
from distilbert import BertTokenizer
started = time.perf_counter()
BertTokenizer.from_folder(sys.argv[1])
print(time.perf_counter() - started)
"""
TASK = """
import sys, time, statistics, distilbert
texts = sys.stdin.read().splitlines()
task = distilbert.load(sys.argv[1], precision=sys.argv[2])
task(texts[:40])
def median(run, rounds):
    seconds = []
    for _ in range(rounds):
        started = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)
print(median(lambda: task(texts), 3), median(lambda: task(texts[0]), 40))
"""


def main() -> None:
    parser = common.options(__doc__, 7)
    parser.add_argument("other", type=Path)
    parser.add_argument("--only", nargs="+", choices=list(PARTS), default=list(PARTS))
    args = parser.parse_args()
    trees = {"other": args.other.resolve(), "this": common.REPOSITORY}
    with tempfile.TemporaryDirectory() as temporary:
        folder = common.base_checkpoint(Path(temporary) / "float32")
        for name, tree in trees.items():
            environment(tree, Path(temporary) / "cache", Path(temporary) / f"bytecode-{name}")
            place = Path(temporary) / name
            place.mkdir()
            (place / "float32").symlink_to(folder)
            quantize(place / "float32", place / "int8")
        runs: dict[str, dict[str, list[float]]] = {}
        for turn in range(args.rounds):
            for name, tree in sorted(trees.items(), reverse=turn % 2 == 0):
                environment(tree, Path(temporary) / f"cache-{name}-{turn}", Path(temporary) / f"bytecode-{name}")
                for part in args.only:
                    for figure, value in PARTS[part](Path(temporary) / name).items():
                        runs.setdefault(figure, {}).setdefault(name, []).append(value)
    medians = {figure: {name: statistics.median(values) for name, values in of.items()} for figure, of in runs.items()}
    rows = {
        figure: [f"{of['other']:.4g}", f"{of['this']:.4g}", f"{of['this'] / of['other']:.2f}"]
        for figure, of in medians.items()
    }
    print(common.table("Two checkouts", rows, ["the other", "this one", "ratio"]))
    common.save(args.save, {"machine": common.machine(), "medians": medians})


def environment(tree: Path, cache: Path, bytecode: Path) -> None:
    """Processes started from now on use that checkout's sources, and a cache of graphs of their own.

    Sources are compiled once, as pip does for an installed package: else the checkout with more of them starts later.
    """
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ |= {
        "PYTHONPATH": str(tree / "src"),
        "DISTILBERT_CACHE": str(cache),
        "PYTHONPYCACHEPREFIX": str(bytecode),
    }


def quantize(folder: Path, out: Path) -> None:
    """Write the int8 folder by a checkout's own command: an older one does not open a newer one's."""
    texts = folder.with_name("texts.txt")
    texts.write_text("\n".join(common.sentences()[:8]), encoding="utf-8")
    command = [sys.executable, "-m", "distilbert", "quantize", str(folder), str(out), "--data", str(texts)]
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)


def start_part(place: Path) -> dict[str, float]:
    """Seconds and peak memory from a shell's prompt to the end of a process."""
    figures = {}
    folders = {"float32": place / "float32", "int8 folder": place / "int8"}
    ways = {"import distilbert": ["-c", IMPORT]}
    for kind, folder in folders.items():
        for start in ("first", "second"):
            ways[f"classify, {kind}, {start} start"] = ["-m", "distilbert", "classify", "-m", str(folder), TEXT]
    for what, way in ways.items():
        seconds, megabytes = common.process_cost([sys.executable, *way])
        figures |= {f"{what}, s": seconds, f"{what}, MB": megabytes}
    opened = subprocess.run(
        [sys.executable, "-c", TOKENIZER, str(place / "float32")], stdout=subprocess.PIPE, check=True
    )
    return figures | {"tokenizer opened, s": float(opened.stdout)}


def tasks_part(place: Path) -> dict[str, float]:
    """160 ragged sentences, and one text, in seconds."""
    texts = "\n".join(common.sentences()[:160]).encode()
    figures = {}
    for precision in ("float32", "int8"):
        ran = subprocess.run(
            [sys.executable, "-c", TASK, str(place / "float32"), precision],
            input=texts,
            stdout=subprocess.PIPE,
            check=True,
        )
        many, one = map(float, ran.stdout.split())
        figures |= {f"160 sentences, {precision}, s": many, f"one text, {precision}, s": one}
    return figures


def server_part(place: Path) -> dict[str, float]:
    """Seconds a text at saturation and at one client, and the 99th percentile of short texts beside a flood."""
    requests = [serving.request(text) for text in common.sentences()[:160]]
    figures = {}
    with serving.ours(place / "float32", "int8") as port:
        for clients in (1, 8, 64):
            loaded = serving.load(port, clients, 4.0, requests)
            figures |= {
                f"server, {clients} clients, s a text": 1 / loaded["texts/s"],
                f"server, {clients} clients, p99 ms": loaded["p99 ms"],
            }
        figures["server, short texts beside a flood, p99 ms"] = serving.flooded(port, 4.0, requests)["p99 ms"]
    return figures


PARTS: dict[str, Callable[[Path], dict[str, float]]] = {
    "start": start_part,
    "tasks": tasks_part,
    "server": server_part,
}


if __name__ == "__main__":
    main()
