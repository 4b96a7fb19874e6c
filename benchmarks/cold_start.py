"""From a shell's prompt to the first result: `distilbert classify TEXT` against a script with Transformers' pipeline.

    python benchmarks/cold_start.py [--rounds 5]

Each run is a process of its own; seconds are medians, memory is the peak of the process.
"""

import os
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

import common
from distilbert.convert import quantize

TEXT = "a charming and often affecting journey"
PIPELINE = """
import sys
from transformers import pipeline
print(pipeline("text-classification", model=sys.argv[1], device="cpu")(sys.argv[2]))
"""

STARTS = {
    "distilbert": ("first", "second"),
    "distilbert, quantised folder": ("first", "second"),
    "Transformers' pipeline": ("every",),
}


def main() -> None:
    parser = common.options(__doc__, 5)
    args = parser.parse_args()
    command = shutil.which("distilbert", path=Path(sys.executable).parent) or "distilbert"
    with tempfile.TemporaryDirectory() as temporary:
        folder = common.base_checkpoint(Path(temporary) / "float32")
        quantize(folder, Path(temporary) / "int8", data=[TEXT])
        ways = {
            "distilbert": [command, "classify", "-m", str(folder), TEXT],
            "distilbert, quantised folder": [command, "classify", "-m", f"{temporary}/int8", TEXT],
            "Transformers' pipeline": [sys.executable, "-c", PIPELINE, str(folder), TEXT],
        }
        # the first start builds the graph, later ones find it in the cache
        ways = {f"{name}, {start} start": way for name, way in ways.items() for start in STARTS[name]}
        runs: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
        for turn in range(args.rounds):
            os.environ["DISTILBERT_CACHE"] = f"{temporary}/cache-{turn}"
            for name, way in ways.items():
                runs[name].append(common.process_cost(way))
    seconds = {name: statistics.median(run[0] for run in runs_of) for name, runs_of in runs.items()}
    memory = {name: max(run[1] for run in runs_of) for name, runs_of in runs.items()}
    slowest = seconds["Transformers' pipeline, every start"]
    rows = {
        name: [f"{took:.2f} s", f"{slowest / took:.1f}", f"{memory[name]:.0f} MB"] for name, took in seconds.items()
    }
    print(common.table("From cold to one result", rows, ["time", "times faster", "peak memory"]))
    common.save(args.save, {"machine": common.machine(), "seconds": seconds, "memory": memory})


if __name__ == "__main__":
    main()
