"""More than the server can do, and faults: who asks too much is told so, and nobody else notices."""

import dataclasses
import json
import logging
from concurrent.futures import ThreadPoolExecutor

import pytest

pytest.importorskip("fastapi")

import httpx

from distilbert.serve.log import JsonFormatter
from distilbert.tasks.task import Task
from helpers.live import Gate, check_error, serving, until

pytestmark = pytest.mark.filterwarnings("ignore::distilbert.LongTextWarning", "ignore::distilbert.LabelWarning")

TEXT = "a charming and often affecting journey"


@pytest.fixture
def gated(tasks: dict[str, Task]) -> tuple[dict[str, Task], Gate]:
    """The classifier alone, behind a gate."""
    task = tasks["sentiment"]
    gate = Gate(task.model.engine)
    return {"sentiment": type(task)(dataclasses.replace(task.model, engine=gate))}, gate


def test_more_than_max_concurrent_is_429(gated) -> None:
    tasks, gate = gated
    with serving(tasks, max_concurrent=2) as server, ThreadPoolExecutor() as pool:
        gate.open.clear()
        asked = [pool.submit(server.post, "/", inputs=f"{TEXT} {n}") for n in range(2)]
        until(lambda: server.metric("distilbert_requests_at_work") == 2)
        refused = server.post("/", inputs=TEXT)
        gate.open.set()
        check_error(refused, 429, "Overloaded")
        assert refused.headers["retry-after"] == "1"
        assert [each.result().status_code for each in asked] == [200, 200]
        assert server.post("/", inputs=TEXT).status_code == 200


def test_out_of_time_is_503(gated) -> None:
    tasks, gate = gated
    with serving(tasks, timeout=0.3) as server:
        gate.open.clear()
        late = server.post("/", inputs=TEXT)
        check_error(late, 503, "Unhealthy")
        assert late.headers["retry-after"] == "1"
        assert "0.3 seconds" in late.json()["error"]
        gate.open.set()
        until(lambda: server.metric("distilbert_requests_at_work") == 0)
        assert server.post("/", inputs=TEXT).status_code == 200


def test_health_is_bad_until_models_are_warm(gated) -> None:
    tasks, gate = gated
    gate.open.clear()
    with serving(tasks, warm=False) as server:
        check_error(server.http.get("/health"), 503, "Unhealthy")
        refused = server.post("/", inputs=TEXT)
        check_error(refused, 503, "Unhealthy")
        assert refused.headers["retry-after"] == "1"
        gate.open.set()
        server.wait_until_warm()
        assert server.post("/", inputs=TEXT).status_code == 200


def test_a_client_that_leaves_frees_its_place(gated) -> None:
    tasks, gate = gated
    with serving(tasks) as server, ThreadPoolExecutor() as pool:
        gate.open.clear()
        first = pool.submit(server.post, "/", inputs=TEXT)
        until(lambda: gate.running == 1)
        for n in range(8):
            with pytest.raises(httpx.ReadTimeout):
                httpx.post(server.url, json={"inputs": f"{TEXT} {n}"}, timeout=0.1, verify=False)
        until(lambda: server.metric("distilbert_requests_at_work") == 1)
        assert server.metric("distilbert_queue_texts") == 0
        assert server.metric('distilbert_errors_total{kind="Gone"}') == 8
        gate.open.set()
        assert first.result().status_code == 200
        assert server.metric('distilbert_texts_total{model="sentiment"}') == 3  # one, and two to get warm


def test_identical_texts_are_computed_once(gated) -> None:
    tasks, gate = gated
    with serving(tasks) as server, ThreadPoolExecutor(16) as pool:
        gate.open.clear()
        asked = [pool.submit(server.post, "/", inputs=TEXT) for _ in range(16)]
        until(lambda: server.metric("distilbert_shared_texts_total") == 15)
        gate.open.set()
        assert len({each.result().text for each in asked}) == 1
        assert server.metric('distilbert_texts_total{model="sentiment"}') == 3


def test_a_fault_of_the_engine_is_a_500_without_a_trace(gated, caplog: pytest.LogCaptureFixture) -> None:
    tasks, gate = gated
    with serving(tasks) as server:
        gate.error = ZeroDivisionError("a secret")
        with caplog.at_level(logging.INFO, "distilbert.serve"):
            answer = server.post("/", inputs=TEXT)
            check_error(answer, 500, "Backend")
            assert "secret" not in answer.text
            assert "Traceback" not in answer.text
            until(lambda: any(record.getMessage() == "request" for record in caplog.records))
        failed = next(json.loads(JsonFormatter().format(r)) for r in caplog.records if r.getMessage() == "failed")
        assert "ZeroDivisionError: a secret" in failed["trace"]
        assert failed["id"] == answer.headers["x-request-id"]
        gate.error = None
        assert server.post("/", inputs=TEXT).status_code == 200
