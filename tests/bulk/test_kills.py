"""Slow: kills by the dozen, a full disk, generated inputs, a billion rows planned."""

import csv
import io
import os
import random
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyarrow")

import pyarrow as pa
import pyarrow.parquet as pq

from distilbert import DistilBertError
from distilbert.bulk import BulkSettings
from distilbert.bulk import parts as parts_module
from distilbert.bulk import work as work_module
from distilbert.bulk.places import File
from distilbert.bulk.plan import Plan, cut, groups_of, read_plan, write_plan
from distilbert.bulk.source import find_source
from distilbert.bulk.work import Counts
from helpers.bulk import Runner, contents

pytestmark = pytest.mark.slow


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_thirty_kills_of_the_job_or_of_a_worker(model: Path, sentences: list[str], tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": range(24_000), "text": sentences * 60}), tmp_path / "in.parquet")
    command = [sys.executable, "-m", "distilbert", "bulk", "text-classification", str(tmp_path / "in.parquet")]
    options = ["-m", str(model), "--part-rows", "200", "--workers", "2", "--threads", "1"]
    started = time.monotonic()
    subprocess.run([*command, str(tmp_path / "whole"), *options], check=True, capture_output=True)
    takes, moments, killed = time.monotonic() - started, random.Random(5), 0
    out = tmp_path / "out"
    while killed < 30:
        process = subprocess.Popen([*command, str(out), *options], stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + moments.uniform(0.1, 0.6) * takes
        while time.monotonic() < deadline and process.poll() is None:
            time.sleep(0.01)
        if process.poll() is not None:
            for path in random.Random(killed).sample(sorted(out.glob("part-*")), 60):
                path.unlink()  # it was done: so that there is something left to kill
            continue
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        victim = process.pid if killed % 2 or not children else int(moments.choice(children))
        os.kill(victim, signal.SIGKILL)
        killed += 1
        if victim != process.pid:
            time.sleep(0.2)
            process.kill()
        process.wait()
    subprocess.run([*command, str(out), *options], check=True, capture_output=True)
    assert contents(out) == contents(tmp_path / "whole")
    assert pq.read_table(sorted(out.glob("part-*")))["id"].to_pylist() == list(range(24_000))
    assert [path.name for path in out.iterdir() if path.name.startswith(".")] == []


def test_a_full_disk_leaves_whole_parts_alone(bulk: Runner, sentences: list[str], tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": [*sentences[:90], *["long words " * 4000] * 90]}), tmp_path / "in.parquet")
    bulk(tmp_path / "in.parquet", tmp_path / "whole", format="jsonl", part_rows=90)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
    try:
        with pytest.raises(DistilBertError, match=r"part-000001\.jsonl: .*File too large"):
            bulk(tmp_path / "in.parquet", format="jsonl", part_rows=90)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [path.name for path in (tmp_path / "out").iterdir() if path.name.startswith(".")] == []
    assert list(contents(tmp_path / "out")) == ["part-000000.jsonl"]
    bulk(tmp_path / "in.parquet", format="jsonl")
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


# generated inputs -----------------------------------------------------------------------------------

LETTERS = "ab é\"',;\t\n\\日"


def cell(chance: random.Random) -> str:
    return "".join(chance.choice(LETTERS) for _ in range(chance.randrange(8)))


def value(chance: random.Random, kind: pa.DataType) -> Any:
    if chance.random() < 0.2:
        return None
    if pa.types.is_list(kind):
        return [value(chance, kind.value_type) for _ in range(chance.randrange(4))]
    if pa.types.is_struct(kind):
        return {field.name: value(chance, field.type) for field in kind}
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return cell(chance)
    if pa.types.is_boolean(kind):
        return chance.random() < 0.5
    return chance.randrange(100) if pa.types.is_integer(kind) else chance.randrange(100) / 4


KINDS = [
    pa.int8(),
    pa.int64(),
    pa.float32(),
    pa.float64(),
    pa.bool_(),
    pa.string(),
    pa.large_string(),
    pa.list_(pa.int32()),
    pa.list_(pa.struct([("x", pa.string()), ("y", pa.list_(pa.int64()))])),
    pa.struct([("a", pa.float64()), ("b", pa.string())]),
]


@pytest.mark.parametrize("seed", range(150))
def test_generated_tables(bulk: Runner, tmp_path: Path, seed: int) -> None:
    polars = pytest.importorskip("polars")
    chance = random.Random(seed)
    rows = chance.choice([0, 1, 2, 30, 200])
    columns = {f"c{i}": (k := chance.choice(KINDS), [value(chance, k) for _ in range(rows)]) for i in range(5)}
    table = pa.table({name: pa.array(values, kind) for name, (kind, values) in columns.items()})
    table = table.append_column(
        "text", pa.array([cell(chance) if chance.random() < 0.9 else None for _ in range(rows)])
    )
    folder = tmp_path / "in"
    folder.mkdir()
    middle = chance.randrange(rows + 1)
    size = chance.choice([1, 7, 1000])
    pq.write_table(table.slice(0, middle), folder / "a.parquet", row_group_size=size)
    pq.write_table(table.slice(middle), folder / "b.parquet", row_group_size=chance.choice([1, 7, 1000]))
    done = bulk(folder, part_rows=chance.choice([1, 5, 64, 1000]) if rows < 50 else 64)
    written = pq.read_table(sorted((tmp_path / "out").glob("part-*")))
    assert done.rows == rows
    expected = polars.read_parquet(sorted(folder.glob("*.parquet")))
    assert polars.from_arrow(written.select(table.schema.names)).equals(expected, null_equal=True)
    assert written.select(table.schema.names).schema.equals(table.schema, check_metadata=False)


@pytest.mark.parametrize("seed", range(150))
def test_generated_dialects(bulk: Runner, tmp_path: Path, seed: int) -> None:
    chance = random.Random(1000 + seed)
    separator, quoting = chance.choice([",", ";", "\t", "|"]), chance.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
    rows = chance.choice([1, 3, 50, 300])
    data = [[str(number), *(cell(chance) for _ in range(3)), f"{cell(chance)} text"] for number in range(rows)]
    sink = io.StringIO(newline="")
    ending = chance.choice(["\n", "\r\n"])
    writer = csv.writer(sink, delimiter=separator, quoting=quoting, lineterminator=ending)  # type: ignore[arg-type]
    writer.writerows([["id", "a", "b", "c", "text"], *data])
    path = tmp_path / ("in.tsv" if separator == "\t" else "in.csv")
    path.write_bytes(sink.getvalue().encode())
    bulk(path, part_rows=chance.choice([1, 9, 1000]), separator=separator, quote='"')
    found: list[list[str]] = []
    for part in sorted((tmp_path / "out").glob("part-*")):
        with part.open(newline="", encoding="utf-8") as file:
            found += [row[:5] for row in csv.reader(file, delimiter=separator)][1:]
    assert found == data


# a billion rows -------------------------------------------------------------------------------------


class Pretended(Executor):
    """A thousand workers that do nothing, and lose one call in a hundred with their node."""

    def __init__(self) -> None:
        self.chance, self.lost = random.Random(7), 0

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        if self.chance.random() < 0.01:
            self.lost += 1
            future.set_exception(BrokenExecutor("the node is lost"))
        else:
            future.set_result(fn(*args, **kwargs))
        return future


def test_a_billion_rows_are_planned_in_a_minute_and_a_gigabyte(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    schema = pa.schema([("text", pa.string())])
    one = tmp_path / "one.parquet"
    with pq.ParquetWriter(one, schema, compression="zstd") as writer:
        group = pa.table({"text": pa.repeat(pa.scalar("a film"), 100_000)})
        for _ in range(10):
            writer.write_table(group, row_group_size=100_000)
    files = []
    for number in range(1000):
        link = tmp_path / f"{number:04d}.parquet"
        link.hardlink_to(one)
        files.append(File(str(link), one.stat().st_size, "1"))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.monotonic()
    source = find_source(files, "text-classification", BulkSettings())
    plan = Plan({"task": "a"}, files, cut(source, files, groups_of(source, files), 10_000, 1))
    write_plan(str(tmp_path / "out"), plan)
    again = read_plan(str(tmp_path / "out"))
    took = time.monotonic() - started
    assert again is not None
    assert list(again.pieces) == list(plan.pieces)
    assert (len(plan), sum(stop - start for _, start, stop in plan.pieces)) == (100_000, 1_000_000_000)

    ran: list[int] = []

    def count(job: Any, part: Any) -> Counts:
        ran.append(part.number)
        return Counts(part.stop - part.start)

    monkeypatch.setattr(parts_module, "run_part", count)
    executor, progress = Pretended(), work_progress(len(plan))
    started = time.monotonic()
    assert parts_module.Parts(executor, job_of(source), plan, progress).run(range(len(plan))) == []
    looped = time.monotonic() - started
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert sorted(ran) == list(range(100_000))
    assert executor.lost > 500
    print(f"planned in {took:.1f} s, handed out in {looped:.1f} s, {grown / 1024:.0f} MB more")
    assert grown < 1 << 20  # KB


def work_progress(total: int) -> Any:
    from distilbert.bulk.progress import Progress

    return Progress(total, 0, quiet=True)


def job_of(source: Any) -> Any:
    return work_module.Job(
        "m", "text-classification", {}, source, ("text",), "o", "parquet", ",", "", "column", 1, None
    )
