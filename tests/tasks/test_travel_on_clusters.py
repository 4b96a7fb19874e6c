"""Tasks in Ray's and Spark's processes: they are sent as any value is, and answer as where they come from."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest

import distilbert
from conftest import Maker

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
TEXTS = ["a film .", "it put me to sleep .", "a charming and often affecting journey ."]
SOURCE = str(Path(distilbert.__file__).parents[1])


def test_ray(make_checkpoint: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    ray = pytest.importorskip("ray")
    monkeypatch.setenv("PYTHONPATH", SOURCE)
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    task = distilbert.load(make_checkpoint(), threads=1)
    ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False, object_store_memory=100 << 20)
    try:
        remote = ray.remote(lambda sent, texts: (os.getpid(), sent.logits(texts)))
        process, found = ray.get(remote.remote(ray.put(task), TEXTS))
        assert process != os.getpid()
        np.testing.assert_allclose(found, task.logits(TEXTS), atol=1e-6)

        class Actor:
            def __init__(self, sent: object) -> None:
                self.task = sent

            def labels(self, texts: list[str]) -> list[str]:
                return [each.label for each in self.task(texts)]  # type: ignore[operator]

        actor = ray.remote(Actor).remote(task)
        assert ray.get(actor.labels.remote(TEXTS)) == [each.label for each in task(TEXTS)]
    finally:
        ray.shutdown()


def test_spark(make_checkpoint: Maker, monkeypatch: pytest.MonkeyPatch) -> None:
    sql = pytest.importorskip("pyspark.sql")
    monkeypatch.setenv("PYTHONPATH", SOURCE)
    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    monkeypatch.setenv("SPARK_LOCAL_IP", "127.0.0.1")
    task = distilbert.load(make_checkpoint(), threads=1)
    settings = {"spark.ui.enabled": "false", "spark.driver.memory": "512m", "spark.driver.host": "127.0.0.1"}
    session = sql.SparkSession.builder.master("local[1]").config(map=settings).getOrCreate()
    try:
        shared = session.sparkContext.broadcast(task)
        rows = session.sparkContext.parallelize(TEXTS, 2)
        found = rows.map(lambda text: (os.getpid(), shared.value(text).score)).collect()
        assert os.getpid() not in {process for process, _ in found}
        np.testing.assert_allclose([score for _, score in found], [each.score for each in task(TEXTS)], atol=1e-6)
    finally:
        session.stop()
