"""Bulk runs against `task.stream()`: CPU seconds for the same texts; and memory as the rows grow.

    python benchmarks/bulk.py MODEL [--rows 1000000 --engine native]   # stream, Parquet, CSV: one worker, one thread
    python benchmarks/bulk.py MODEL --memory --rows 100000 1000000 10000000 --words 4   # the largest process

CPU seconds of all processes, their start included, not wall: a shared machine is never quiet. `--words` keeps the first
words of each text alone, where ten million texts would take too long. `--save` adds to what the file holds already, so
that a long measurement can be made in pieces.
"""

import json
import os
import sys
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pacsv
import pyarrow.parquet as pq

from common import machine, options, process_usage, save, sentences

STREAM = """
import sys
import pyarrow.parquet as pq
import distilbert
task = distilbert.load(sys.argv[1], threads=1)
with pq.ParquetFile(sys.argv[2]) as file:
    texts = (text for batch in file.iter_batches(columns=["text"]) for text in batch.column(0).to_pylist())
    print(sum(1 for _ in task.stream(texts)))
"""
FORMATS = ("parquet", "csv")
GROUP = 50_000  # rows
SCHEMA = pa.schema([("id", pa.int64()), ("text", pa.string())])
Usage = dict[str, float | str]


def write_input(path: Path, rows: int, words: int | None) -> None:
    """Real sentences, over and over."""
    lines = [" ".join(line.split()[:words]) for line in sentences()]
    writer = pq.ParquetWriter if path.suffix == ".parquet" else pacsv.CSVWriter
    with writer(path, SCHEMA) as file:
        for start in range(0, rows, GROUP):
            numbers = range(start, min(start + GROUP, rows))
            texts = [lines[row % len(lines)] for row in numbers]
            file.write_table(pa.table({"id": numbers, "text": texts}, schema=SCHEMA))


def usage(rows: int, run: str, command: list[str]) -> Usage:
    seconds, cpu, memory = process_usage(command)
    found: Usage = {"run": run, "rows": rows, "cpu_s": round(cpu, 1), "wall_s": round(seconds, 1)}
    return found | {"largest_process_mb": round(memory)}


def bulk(model: str, source: Path, rows: int, workers: int) -> Usage:
    out = tempfile.mkdtemp(dir=source.parent)
    command = [sys.executable, "-m", "distilbert", "bulk", "text-classification", str(source), out, "-m", model]
    return usage(rows, f"bulk, {source.suffix[1:]}", [*command, "--workers", str(workers), "--threads", "1"])


def main() -> None:
    parser = options(__doc__)
    parser.add_argument("model")
    parser.add_argument("--rows", type=int, nargs="+", default=[1_000_000])
    parser.add_argument("--words", type=int)
    parser.add_argument("--engine", choices=["onnx", "native"], help="of int8; by default as the package chooses")
    parser.add_argument("--formats", nargs="+", choices=FORMATS, default=FORMATS)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--memory", action="store_true", help="leave the stream out")
    args = parser.parse_args()
    os.environ["RAYON_NUM_THREADS"] = "1"  # the tokenizer's
    if args.engine:
        os.environ["DISTILBERT_ENGINE"] = args.engine
    runs: list[Usage] = json.loads(args.save.read_text())["runs"] if args.save and args.save.exists() else []

    def note(found: Usage) -> None:
        runs.append(found | {"engine": args.engine or ""})
        print(json.dumps(runs[-1]), flush=True)
        save(args.save, {"machine": machine(("distilbert", "numpy", "onnxruntime", "pyarrow")), "runs": runs})

    for rows in args.rows:
        stream: Usage = {}
        for form in args.formats:
            with tempfile.TemporaryDirectory() as folder:
                source = Path(folder, f"in.{form}")
                write_input(source, rows, args.words)
                if form == "parquet" and not args.memory:
                    stream = usage(rows, "stream", [sys.executable, "-c", STREAM, args.model, str(source)])
                    note(stream)
                found = bulk(args.model, source, rows, args.workers)
            if stream:
                found["share_of_stream"] = round(float(stream["cpu_s"]) / float(found["cpu_s"]), 3)
            note(found)


if __name__ == "__main__":
    main()
