"""Processes of their own: they die and are replaced, a row that ends them is found, Ctrl-C stops in two steps."""

import os
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

from distilbert import InputError
from distilbert.bulk import BulkSettings, annotate, run
from distilbert.bulk.clusters import WorkersDied
from distilbert.bulk.pool import LocalWorkers
from distilbert.bulk.work import run_part
from helpers.bulk import KILLER, planted
from helpers.patience import PATIENCE


def die(_: int) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_worker_that_dies_takes_no_other_call_along() -> None:
    workers = LocalWorkers(2)
    try:
        slow, dead = workers.submit(time.sleep, 0.5), workers.submit(die, 0)
        assert dead.exception() is not None
        assert slow.result() is None
        assert {workers.submit(os.getpid).result() for _ in range(3)}.isdisjoint({os.getpid()})
    finally:
        workers.shutdown()


@pytest.fixture
def deadly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers of other processes die with one text."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(planted(site)), os.environ.get("PYTHONPATH", "")]))


@pytest.mark.long
def test_rows_that_end_their_worker_are_found(
    model: Path,
    tmp_path: Path,
    sentences: list[str],
    deadly: None,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("distilbert.bulk.parts._MOST_DEATHS", 1)  # each death is a process of its own
    texts = [*sentences[:3], KILLER]
    pq.write_table(pa.table({"text": texts}), tmp_path / "in.parquet")
    settings = BulkSettings(part_rows=2, workers=1, threads=1)
    done = run(model, "text-classification", tmp_path / "in.parquet", tmp_path / "out", settings=settings)
    rows = pq.read_table(sorted((tmp_path / "out").glob("part-*"))).to_pylist()
    assert [row["text"] for row in rows] == texts
    assert {number for number, row in enumerate(rows) if row["error"]} == {3}
    assert (done.errors, rows[3]["label"], rows[3]["error"]) == (1, None, "the worker died with this row")
    assert "part-000001.parquet" in capsys.readouterr().err


class Dying(Executor):
    """A cluster whose workers die with the row KILLER, here without a process."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except BrokenExecutor as error:
            future.set_exception(error)
        return future


@pytest.fixture
def dying(monkeypatch: pytest.MonkeyPatch) -> Dying:
    plain = annotate.run_rows

    def deadly(task: Any, rows: Any, *more: Any) -> Any:
        if any(KILLER in row for row in rows):
            raise BrokenExecutor
        return plain(task, rows, *more)

    monkeypatch.setattr(annotate, "run_rows", deadly)
    return Dying()


@pytest.mark.parametrize("killers", [{0}, {7}, {2, 3}, {3, 4}, {0, 4, 7}, set(range(8))], ids=str)
def test_rows_that_end_their_worker_are_found_wherever_they_stand(
    model: Path, tmp_path: Path, sentences: list[str], killers: set[int], dying: Dying
) -> None:
    texts = [KILLER if number in killers else text for number, text in enumerate(sentences[:8])]
    pq.write_table(pa.table({"text": texts}), tmp_path / "in.parquet")
    files = tmp_path / "in.parquet", tmp_path / "out"
    settings = BulkSettings(part_rows=8)
    done = run(model, "text-classification", *files, settings=settings, executor=dying, quiet=True)
    rows = pq.read_table(sorted((tmp_path / "out").glob("part-*"))).to_pylist()
    assert {number for number, row in enumerate(rows) if row["error"]} == killers
    assert (done.rows, done.errors) == (8, len(killers))


def test_a_part_that_ends_its_workers_stops_a_run_that_is_to_stop_at_errors(
    model: Path, tmp_path: Path, sentences: list[str], dying: Dying
) -> None:
    pq.write_table(pa.table({"text": [*sentences[:3], KILLER]}), tmp_path / "in.parquet")
    files, settings = (tmp_path / "in.parquet", tmp_path / "out"), BulkSettings(part_rows=2, errors="stop")
    with pytest.raises(InputError, match=r"part-000001\.parquet .*: \d workers died with it"):
        run(model, "text-classification", *files, settings=settings, executor=dying, quiet=True)


class Blaming(Executor):
    """A cluster that blames the death of a worker on the parts that waited for it, too: here on the first two."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.calls.append(fn.__name__)
        if fn is run_part and self.calls.count("run_part") <= 2:
            future.set_exception(WorkersDied())
        else:
            future.set_result(fn(*args, **kwargs))
        return future


@pytest.mark.parametrize("errors", ["column", "stop"])
def test_parts_that_are_blamed_for_another_are_run_when_nothing_else_runs(
    model: Path, tmp_path: Path, sentences: list[str], errors: Any
) -> None:
    pq.write_table(pa.table({"text": sentences[:20]}), tmp_path / "in.parquet")
    settings, cluster = BulkSettings(part_rows=4, errors=errors), Blaming()
    files = tmp_path / "in.parquet", tmp_path / "out"
    done = run(model, "text-classification", *files, settings=settings, executor=cluster, quiet=True)
    assert (done.parts, done.rows, done.errors, done.finished) == (5, 20, 0, True)
    assert cluster.calls.index("try_rows") == 1 + 5, "the survey, and all parts"


SLOW = """
import os, pathlib, time
from distilbert.bulk import annotate

plain, calls = annotate.run_rows, []

def slow(*arguments):
    calls.append(0)
    if len(calls) > 2:
        pathlib.Path(os.environ["THIRD_PART"]).touch()
        time.sleep(3)
    return plain(*arguments)

annotate.run_rows = slow
"""


@pytest.fixture
def job(model: Path, tmp_path: Path, sentences: list[str], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The command of a job of 40 parts; from the third on each takes three seconds."""
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(SLOW)
    monkeypatch.setenv("THIRD_PART", str(tmp_path / "third"))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")]))
    pq.write_table(pa.table({"id": range(40), "text": sentences[:40]}), tmp_path / "in.parquet")
    files = [str(tmp_path / "in.parquet"), str(tmp_path / "out")]
    options = ["-m", str(model), "--part-rows", "1", "--workers", "1", "--threads", "1"]
    return [sys.executable, "-m", "distilbert", "bulk", "text-classification", *files, *options]


def started(command: list[str], folder: Path) -> "subprocess.Popen[str]":
    """The job, when two of its parts are there and the third runs."""
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    while len(list(folder.glob("part-*"))) < 2 or not folder.with_name("third").exists():
        assert process.poll() is None, process.stderr and process.stderr.read()
        time.sleep(0.02)
    return process


def children(pid: int) -> set[int]:
    return {int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()}


def gone(pids: set[int]) -> bool:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if not any(Path(f"/proc/{pid}").exists() for pid in pids):
            return True
        time.sleep(0.05)
    return False


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c_stops_after_the_running_part_and_twice_at_once(job: list[str], tmp_path: Path, times: int) -> None:
    process = started(job, tmp_path / "out")
    workers = children(process.pid)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the workers, too
    assert process.stderr is not None
    assert process.stderr.readline() == "stopping after the parts that run; once more stops at once\n"
    if times == 2:
        os.killpg(process.pid, signal.SIGINT)
    _, told = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130
    assert told == "stopped; the same command goes on with the parts that are left\n"
    assert gone(workers)
    assert len(list((tmp_path / "out").glob("part-*"))) == (3 if times == 1 else 2)


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_workers_end_with_a_parent_that_is_killed(job: list[str], tmp_path: Path) -> None:
    process = started(job, tmp_path / "out")
    workers = children(process.pid)
    process.kill()
    process.communicate()
    assert workers
    assert gone(workers)


def test_a_worker_without_the_model_says_so(tmp_path: Path) -> None:
    pq.write_table(pa.table({"text": ["a"]}), tmp_path / "in.parquet")
    command = ["bulk", "text-classification", str(tmp_path / "in.parquet"), str(tmp_path / "out"), "-m", "./nowhere"]
    done = subprocess.run([sys.executable, "-m", "distilbert", *command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "distilbert bulk: ./nowhere: no such folder\n")
