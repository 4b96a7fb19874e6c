"""What a large table costs to evaluate: memory by its rows, and how much of the time is reading.

    python benchmarks/tables.py [--only memory report reading] [--rows 1000000] [--student MODEL] [--save FILE]

A CSV of film-review sentences with two labels. Memory is the peak of `distilbert evaluate` on all rows, beyond that on
10,000, through a model of one narrow layer, so that a million rows take minutes; and the size of a report on 100,000.
Reading is timed beside evaluating with a student of two layers of width 384 in int8 (random weights unless MODEL is
one), on 10,000 rows.
"""

import csv
import sys
import tempfile
import time
from itertools import cycle, islice
from pathlib import Path

import common
from distilbert.convert import quantize
from distilbert.evaluation import evaluate, read_data
from growth import checkpoint

FEW, REPORTED = 10_000, 100_000  # rows


def written(path: Path, rows: int) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "text", "label"])
        for number, text in enumerate(islice(cycle(common.sentences()), rows)):
            writer.writerow([number, text, f"LABEL_{number * 7919 % 10007 % 2}"])
    return path


def cost(folder: Path, data: Path, resamples: int, *options: str) -> tuple[float, float]:
    """Seconds, and MB at most, of the command."""
    command = [sys.executable, "-m", "distilbert", "evaluate", str(folder), str(data), "--resamples", str(resamples)]
    return common.process_cost([*command, *options])


def memory(place: Path, rows: int, resamples: int) -> dict[str, object]:
    """The peak on few rows and on all, and what a report of some takes."""
    narrow = checkpoint(place / "narrow", n_layers=1, dim=32, n_heads=2, hidden_dim=64)
    costs = {count: cost(narrow, written(place / f"{count}.csv", count), resamples) for count in (FEW, rows)}
    cells = {f"{count:,} rows": [f"{seconds:.1f}", f"{peak:.1f}"] for count, (seconds, peak) in costs.items()}
    print(common.table("Evaluating a CSV, one narrow layer", cells, ["seconds", "MB at most"]))
    each = (costs[rows][1] - costs[FEW][1]) * 2**20 / max(rows - FEW, 1)
    print(f"{each:.1f} bytes for each row beyond the first {FEW:,}\n")
    return {"costs": costs, "bytes_a_row": each}


def report(place: Path, resamples: int) -> dict[str, object]:
    narrow = checkpoint(place / "reported", n_layers=1, dim=32, n_heads=2, hidden_dim=64)
    page = place / "report.html"
    seconds, peak = cost(narrow, written(place / "some.csv", REPORTED), resamples, "--report", str(page))
    size = page.stat().st_size / 2**20
    print(f"{REPORTED:,} rows with a report of {size:.1f} MB: {seconds:.1f} s, {peak:.1f} MB at most\n")
    return {"rows": REPORTED, "seconds": seconds, "peak_mb": peak, "mb": size}


def reading(place: Path, student: Path | None, resamples: int) -> dict[str, object]:
    """Seconds of reading, and of evaluating, the best of three each."""
    if student is None:
        wide = checkpoint(place / "wide", n_layers=2, dim=384, n_heads=12, hidden_dim=1536)
        quantize(wide, place / "student", data=common.sentences()[:10])
        student = place / "student"
    few = written(place / "few.csv", FEW)
    seconds = {"reading": float("inf"), "evaluating": float("inf")}
    for _ in range(3):
        started = time.perf_counter()
        read_data(few, "text-classification", labels=["LABEL_0", "LABEL_1"])
        seconds["reading"] = min(seconds["reading"], time.perf_counter() - started)
        started = time.perf_counter()
        evaluate(student, few, resamples=resamples)
        seconds["evaluating"] = min(seconds["evaluating"], time.perf_counter() - started)
    share = seconds["reading"] / seconds["evaluating"]
    print(f"{FEW:,} rows: reading {seconds['reading']:.3f} s, {share:.1%} of evaluating\n")
    return {"seconds": seconds, "reading_share": share}


def main() -> None:
    parser = common.options(__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--resamples", type=int, default=250, help="enough that they are drawn in parts")
    parser.add_argument("--student", type=Path)
    parser.add_argument("--only", nargs="+", choices=("memory", "report", "reading"))
    args = parser.parse_args()
    only = args.only or ("memory", "report", "reading")
    values: dict[str, object] = {"machine": common.machine(("distilbert", "onnxruntime", "numpy"))}
    with tempfile.TemporaryDirectory() as name:
        if "memory" in only:
            values["memory"] = memory(Path(name), args.rows, args.resamples)
        if "report" in only:
            values["report"] = report(Path(name), args.resamples)
        if "reading" in only:
            values["reading"] = reading(Path(name), args.student, args.resamples)
    common.save(args.save, values)


if __name__ == "__main__":
    main()
