"""Bulk runs against `task.stream()`: CPU seconds for the same texts; and memory as the rows grow.

    python benchmarks/bulk.py MODEL [--rows 1000000] [--engines onnx native]   # Parquet and CSV, a worker, a thread
    python benchmarks/bulk.py MODEL --memory 100000 1000000 10000000           # the largest process

CPU seconds, not wall: a shared machine is never quiet. The start of the processes is included.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

STREAM = """
import sys
import pyarrow.parquet as pq
import distilbert
task = distilbert.load(sys.argv[1], threads=1)
with pq.ParquetFile(sys.argv[2]) as file:
    texts = (text for batch in file.iter_batches(columns=["text"]) for text in batch.column(0).to_pylist())
    print(sum(1 for _ in task.stream(texts)))
"""
SENTENCES = Path(__file__).parents[1] / "tests/data/sentence_polarity.tsv"
GROUP = 50_000  # rows
SCHEMA = pa.schema([("id", pa.int64()), ("text", pa.string())])


def write_input(folder: Path, rows: int) -> None:
    """in.parquet and in.csv of real sentences, over and over."""
    lines = [line.split("\t")[1] for line in SENTENCES.read_text(encoding="utf-8").splitlines()]
    with (
        pq.ParquetWriter(folder / "in.parquet", SCHEMA) as parquet,
        pacsv.CSVWriter(folder / "in.csv", SCHEMA) as separated,
    ):
        for start in range(0, rows, GROUP):
            numbers = range(start, min(start + GROUP, rows))
            table = pa.table({"id": numbers, "text": [lines[row % len(lines)] for row in numbers]}, schema=SCHEMA)
            parquet.write_table(table)
            separated.write_table(table)


def measured(command: list[str], **environment: str) -> dict[str, float]:
    """CPU seconds of all processes, wall seconds, and MB of the largest process."""
    started = time.perf_counter()
    given = {**os.environ, "RAYON_NUM_THREADS": "1", **environment}
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=given)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command)}: ended with {os.waitstatus_to_exitcode(status)}")
    wall = time.perf_counter() - started
    return {"cpu": round(used.ru_utime + used.ru_stime, 2), "wall": round(wall, 2), "peak_mb": used.ru_maxrss >> 10}


def bulk(model: str, folder: Path, form: str, **environment: str) -> dict[str, float]:
    out = Path(tempfile.mkdtemp(dir=folder))
    paths = [str(folder / f"in.{form}"), str(out)]
    command = [sys.executable, "-m", "distilbert", "bulk", "text-classification", *paths, "-m", model]
    return measured([*command, "--workers", "1", "--threads", "1"], **environment)


def compare(model: str, rows: int, engines: list[str]) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_input(folder, rows)
        for engine in engines:
            chosen = {"DISTILBERT_ENGINE": engine}
            stream = measured([sys.executable, "-c", STREAM, model, str(folder / "in.parquet")], **chosen)
            print(json.dumps({"engine": engine, "run": "stream", **stream}), flush=True)
            for form in ("parquet", "csv"):
                found = bulk(model, folder, form, **chosen)
                share = round(stream["cpu"] / found["cpu"], 3)
                print(json.dumps({"engine": engine, "run": form, **found, "share_of_stream": share}), flush=True)


def memory(model: str, sizes: list[int]) -> None:
    for rows in sizes:
        with tempfile.TemporaryDirectory() as name:
            write_input(Path(name), rows)
            for form in ("parquet", "csv"):
                print(json.dumps({"rows": rows, "run": form, **bulk(model, Path(name), form)}), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--engines", nargs="+", default=["onnx"], choices=["onnx", "native"])
    parser.add_argument("--memory", nargs="+", type=int, metavar="ROWS")
    args = parser.parse_args()
    if args.memory:
        memory(args.model, args.memory)
    else:
        compare(args.model, args.rows, args.engines)


if __name__ == "__main__":
    main()
