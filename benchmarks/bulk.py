"""Bulk runs against `task.stream()`: CPU seconds for the same texts, Parquet and CSV, one worker and one thread.

    python benchmarks/bulk.py MODEL [ROWS]

CPU seconds, not wall: a shared machine is never quiet. The start of the processes is included.
"""

import json
import resource
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


def measured(command: list[str]) -> dict[str, float]:
    """CPU seconds, wall seconds and the largest process in MB."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, env={"RAYON_NUM_THREADS": "1", "PATH": "/usr/bin:/bin"})
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"cpu": round(cpu, 2), "wall": round(time.perf_counter() - started, 2), "peak_mb": after.ru_maxrss // 1024}


def main(model: str, rows: int) -> None:
    lines = [line.split("\t")[1] for line in SENTENCES.read_text(encoding="utf-8").splitlines()]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        table = pa.table({"id": range(rows), "text": [lines[row % len(lines)] for row in range(rows)]})
        pq.write_table(table, folder / "in.parquet")
        pacsv.write_csv(table, folder / "in.csv")
        found = {"stream": measured([sys.executable, "-c", STREAM, model, str(folder / "in.parquet")])}
        for form in ("parquet", "csv"):
            paths = [str(folder / f"in.{form}"), str(folder / form)]
            options = ["-m", model, "--workers", "1", "--threads", "1"]
            command = [sys.executable, "-m", "distilbert", "bulk", "text-classification", *paths, *options]
            found[form] = measured(command)
    for name, each in found.items():
        print(json.dumps({"run": name, **each, "share_of_stream": round(found["stream"]["cpu"] / each["cpu"], 3)}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 100_000)
