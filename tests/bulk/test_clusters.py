"""Slow: clusters of Ray and of Dask on this machine, whose nodes are killed while they run parts."""

import io
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyarrow")

import pyarrow as pa
import pyarrow.parquet as pq

import distilbert
from conftest import Maker
from distilbert.bulk import BulkSettings, Done, run
from helpers.bulk import KILLER, contents, planted

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
SOURCE = str(Path(distilbert.__file__).parents[1])
ROWS = 8_000
MEMORY: dict[str, Any] = {"object_store_memory": 100 << 20}  # of a node of Ray


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Processes that are started from here die with the row KILLER."""
    with pytest.MonkeyPatch.context() as patch:
        site = planted(tmp_path_factory.mktemp("site"))
        patch.setenv("PYTHONPATH", os.pathsep.join([str(site), SOURCE, os.environ.get("PYTHONPATH", "")]))
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        yield


def job(model: Path, texts: list[str], folder: Path, on: str, name: str, part_rows: int = 200) -> Done:
    path = folder / "in.parquet"
    if not path.exists():
        pq.write_table(pa.table({"id": range(len(texts)), "text": texts}), path)
    settings = BulkSettings(part_rows=part_rows, on=on, workers=1, threads=1)
    return run(model, "text-classification", path, folder / name, settings=settings)


def survives(model: Path, texts: list[str], folder: Path, on: str, kill: Callable[[], None]) -> None:
    """A job, in the middle of which something is killed, comes to what it comes to undisturbed."""
    texts = (texts * (ROWS // len(texts) + 1))[:ROWS]
    job(model, texts, folder, "local", "whole")
    there = [0]  # parts

    def kill_in_the_middle() -> None:
        while there[-1] < 10:
            time.sleep(0.02)
            there.append(len(contents(folder / "out")))
        kill()

    killer = threading.Thread(target=kill_in_the_middle, daemon=True)
    killer.start()
    done = job(model, texts, folder, on, "out")
    killer.join()
    assert 10 <= there[-1] < done.parts == ROWS / 200, "it was killed in the middle"
    assert (done.rows, done.errors, done.finished) == (ROWS, 0, True)
    assert contents(folder / "out") == contents(folder / "whole")
    assert [path.name for path in (folder / "out").rglob(".*")] == []


def finds_the_killer(model: Path, texts: list[str], folder: Path, on: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The part is named, and its row is found."""
    done = job(model, [*texts[:5], KILLER, *texts[5:7]], folder, on, "out", part_rows=4)
    assert (done.rows, done.errors) == (8, 1)
    assert "part-000001.parquet" in capsys.readouterr().err
    rows = pq.read_table(sorted((folder / "out").glob("part-*"))).to_pylist()
    assert [row["error"] for row in rows] == [None] * 5 + ["the worker died with this row", None, None]


# Ray ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def ray_cluster(environment: None) -> Iterator[Any]:
    """A head, on which nothing runs, and two nodes."""
    ray = pytest.importorskip("ray")
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False, **MEMORY})
    for _ in range(2):
        cluster.add_node(num_cpus=1, **MEMORY)
    ray.init(address=cluster.address, log_to_driver=False)
    yield cluster
    ray.shutdown()
    cluster.shutdown()


def kill_a_node(cluster: Any, attempt: int) -> None:
    cluster.remove_node(sorted(cluster.worker_nodes, key=id)[attempt % 2], allow_graceful=False)


@pytest.mark.parametrize("attempt", range(10))
def test_a_node_of_ray_is_killed(
    ray_cluster: Any, model: Path, sentences: list[str], tmp_path: Path, attempt: int
) -> None:
    survives(model, sentences, tmp_path, "ray://auto", lambda: kill_a_node(ray_cluster, attempt))
    ray_cluster.add_node(num_cpus=1, **MEMORY)


def test_a_row_that_ends_its_worker_is_found_on_ray(
    ray_cluster: Any, model: Path, sentences: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    finds_the_killer(model, sentences, tmp_path, "ray://auto", capsys)


# Dask -----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def dask_cluster(environment: None) -> Iterator[Any]:
    distributed, dask = pytest.importorskip("distributed"), pytest.importorskip("dask")
    # a worker that takes longer to come back would be given up; on a busy machine all of them in the end
    with (
        dask.config.set({"distributed.deploy.lost-worker-timeout": "300s"}),
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
    ):
        yield cluster


def address(cluster: Any) -> str:
    return str(cluster.scheduler_address).replace("tcp://", "dask://")


@pytest.mark.parametrize("attempt", range(5))
def test_a_worker_of_dask_is_killed(
    dask_cluster: Any, model: Path, sentences: list[str], tmp_path: Path, attempt: int
) -> None:
    def kill() -> None:
        os.kill(dask_cluster.workers[attempt % 2].pid, signal.SIGKILL)

    survives(model, sentences, tmp_path, address(dask_cluster), kill)


def test_a_row_that_ends_its_worker_is_found_on_dask(
    dask_cluster: Any, model: Path, sentences: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    finds_the_killer(model, sentences, tmp_path, address(dask_cluster), capsys)
    where = tmp_path / "stop"
    settings = BulkSettings(part_rows=4, on=address(dask_cluster), threads=1, errors="stop")
    with pytest.raises(distilbert.InputError, match=r"part-000001\.parquet .*: \d+ workers died with it"):
        run(model, "text-classification", tmp_path / "in.parquet", where, settings=settings, quiet=True)


def test_an_error_of_a_part_is_one_line(dask_cluster: Any, model: Path, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_text("text,n\na film,1\nb\n")
    settings = BulkSettings(part_rows=1, on=address(dask_cluster), threads=1)
    with pytest.raises(distilbert.InputError, match="not valid CSV") as raised:
        run(model, "text-classification", tmp_path / "in.csv", tmp_path / "out", settings=settings, quiet=True)
    assert "\n" not in str(raised.value)


def test_dask_is_waited_for_where_it_has_no_worker(
    environment: None, model: Path, sentences: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(n_workers=0, threads_per_worker=1, dashboard_address=None) as cluster:

        class Told(io.StringIO):
            def write(self, text: str) -> int:
                if "the cluster has no worker of 1 thread yet; waiting for one" in text:
                    cluster.scale(1)
                return len(text)

        monkeypatch.setattr(sys, "stderr", Told())
        assert job(model, sentences[:9], tmp_path, address(cluster), "out").rows == 9


# engines of tables ----------------------------------------------------------------------------------


def test_ray_data(ray_cluster: Any, model: Path, sentences: list[str]) -> None:
    data = pytest.importorskip("ray.data")
    table = pa.table({"text": sentences[:40]})
    from distilbert.bulk import Annotator

    made = data.from_arrow(table).map_batches(
        Annotator, fn_constructor_args=(str(model),), batch_format="pyarrow", batch_size=16, concurrency=1
    )
    expected = Annotator(model)(table).select(["text", "label"]).to_pylist()
    assert sorted(made.select_columns(["text", "label"]).take_all(), key=str) == sorted(expected, key=str)


def test_spark(make_checkpoint: Maker, sentences: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    sql = pytest.importorskip("pyspark.sql")
    from distilbert.bulk import Annotator

    monkeypatch.setenv("PYTHONPATH", SOURCE)
    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    monkeypatch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
    a = Annotator(make_checkpoint(), threads=1)
    settings = {"spark.ui.enabled": "false", "spark.driver.memory": "512m", "spark.driver.host": "127.0.0.1"}
    session = sql.SparkSession.builder.master("local[1]").config(map=settings).getOrCreate()
    try:
        frame = session.createDataFrame([(text,) for text in sentences[:40]], "text string")
        schema = "text string, label string, score double, truncated boolean, error string"
        found = frame.mapInArrow(lambda batches: map(a, batches), schema).collect()
        table = a(pa.table({"text": sentences[:40]}))
        assert [row.label for row in found] == table["label"].to_pylist()
        assert [row.score for row in found] == pytest.approx(table["score"].to_pylist(), abs=1e-6)
    finally:
        session.stop()
