"""What a large table costs to evaluate: memory by its rows, and how much of the time is reading.

    python benchmarks/tables.py [--rows 1000000] [--student MODEL] [--save FILE]

A CSV of film-review sentences with two labels. Memory is the peak of `distilbert evaluate` on all rows, beyond that on
10,000, through a model of one narrow layer, so that a million rows take minutes; and the size of a report on 100,000.
Reading is timed beside evaluating with a student of two layers of width 384 in int8 (random weights unless MODEL is
one), on 10,000 rows.
"""

import argparse
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


def memory(folder: Path, data: Path, resamples: int, *options: str) -> tuple[float, float]:
    """Seconds, and MB at most, of the command."""
    command = [sys.executable, "-m", "distilbert", "evaluate", str(folder), str(data), "--resamples", str(resamples)]
    return common.process_cost([*command, *options])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--resamples", type=int, default=250, help="enough that they are drawn in parts")
    parser.add_argument("--student", type=Path)
    parser.add_argument("--save", type=Path)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        few, every = written(place / "few.csv", FEW), written(place / "all.csv", args.rows)
        narrow = checkpoint(place / "narrow", n_layers=1, dim=32, n_heads=2, hidden_dim=64)
        costs = {count: memory(narrow, path, args.resamples) for count, path in ((FEW, few), (args.rows, every))}
        rows = {f"{count:,} rows": [f"{seconds:.1f}", f"{peak:.1f}"] for count, (seconds, peak) in costs.items()}
        print(common.table("Evaluating a CSV, one narrow layer", rows, ["seconds", "MB at most"]))
        (_, first), (_, last) = costs[FEW], costs[args.rows]
        each = (last - first) * 2**20 / max(args.rows - FEW, 1)
        print(f"{each:.1f} bytes for each row beyond the first {FEW:,}\n")

        report = place / "report.html"
        taken, peak = memory(narrow, written(place / "some.csv", REPORTED), args.resamples, "--report", str(report))
        size = report.stat().st_size / 2**20
        print(f"{REPORTED:,} rows with a report of {size:.1f} MB: {taken:.1f} s, {peak:.1f} MB at most\n")

        student = args.student
        if student is None:
            wide = checkpoint(place / "wide", n_layers=2, dim=384, n_heads=12, hidden_dim=1536)
            quantize(wide, place / "student", data=common.sentences()[:10])
            student = place / "student"
        seconds = {"reading": float("inf"), "evaluating": float("inf")}
        for _ in range(3):
            started = time.perf_counter()
            data = read_data(few, "text-classification", labels=["LABEL_0", "LABEL_1"])
            seconds["reading"] = min(seconds["reading"], time.perf_counter() - started)
            started = time.perf_counter()
            evaluate(student, few, resamples=args.resamples)
            seconds["evaluating"] = min(seconds["evaluating"], time.perf_counter() - started)
        share = seconds["reading"] / seconds["evaluating"]
        print(f"{len(data.examples):,} rows: reading {seconds['reading']:.3f} s, {share:.1%} of evaluating\n")
        common.save(
            args.save,
            {"machine": common.machine(("distilbert", "onnxruntime", "numpy")), "costs": costs}
            | {"report": {"rows": REPORTED, "seconds": taken, "peak_mb": peak, "mb": size}}
            | {"bytes_a_row": each, "seconds": seconds, "reading_share": share},
        )


if __name__ == "__main__":
    main()
