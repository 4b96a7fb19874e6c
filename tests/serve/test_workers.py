"""Several processes behind one socket: they share its connections, signals reach all, whoever dies is replaced."""

import contextlib
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from distilbert import InputError
from distilbert.serve import Settings, run_server
from distilbert.serve.metrics import SharedMetrics
from helpers.live import until
from helpers.patience import PATIENCE
from helpers.process import COMMAND, Process

BODY = b'{"inputs": "a film"}'


def lines(process: Process, event: str) -> list[dict[str, object]]:
    return [line for line in process.log if line["event"] == event]


def started(process: Process) -> bool:
    """Each of the three processes writes its own lines."""
    return len(lines(process, "worker ready")) == 2 and bool(lines(process, "ready"))


@pytest.fixture
def process(folders: dict[str, Path]) -> Iterator[Process]:
    with Process(str(folders["embed"]), "--workers", "2") as process:
        until(lambda: started(process) or process.process.poll() is not None)
        yield process


def children(process: Process) -> set[int]:
    found = Path(f"/proc/{process.process.pid}/task/{process.process.pid}/children").read_text()
    return {int(number) for number in found.split()}


def is_running(number: int) -> bool:
    with contextlib.suppress(OSError):
        return "(zombie)" not in Path(f"/proc/{number}/status").read_text()
    return False


def asked_workers(process: Process) -> set[str]:
    """Which workers the metrics say have been asked for vectors."""
    families = list(
        text_string_to_metric_families(httpx.get(f"{process.url}/metrics", timeout=PATIENCE, verify=False).text)
    )
    assert len({family.name for family in families}) == len(families)
    samples = [sample for family in families for sample in family.samples]
    return {each.labels["worker"] for each in samples if each.labels.get("route") == "/embed"}


def test_workers_share_the_work_and_end_in_order(process: Process) -> None:
    (ready,) = lines(process, "ready")
    assert (ready["url"], ready["workers"]) == (process.url, 2)
    assert all(memory > 1 for memory in ready["private_mb"])
    each = {line["worker"]: line for line in lines(process, "worker ready")}
    assert set(each) == {0, 1}
    assert each[1]["models"] == ["embed: feature-extraction, float32"]
    while {line["worker"] for line in lines(process, "request")} != {0, 1}:
        assert process.send("/embed", BODY) == 200
    until(lambda: asked_workers(process) == {"0", "1"})
    process.process.send_signal(signal.SIGHUP)
    until(lambda: {line["worker"] for line in lines(process, "reloaded")} == {0, 1})
    workers = children(process)
    process.process.send_signal(signal.SIGTERM)
    assert process.end() == 0
    assert not any(map(is_running, workers))


def test_a_worker_that_dies_is_replaced(process: Process) -> None:
    (first, *_) = workers = children(process)
    os.kill(first, signal.SIGKILL)
    until(lambda: len(lines(process, "worker ready")) == 3)
    (ended,) = lines(process, "a worker has ended")
    assert (ended["process"], ended["code"]) == (first, -signal.SIGKILL)
    assert len(children(process)) == 2
    assert children(process) != workers
    assert [process.send("/embed", BODY) for _ in range(8)] == [200] * 8
    assert len(lines(process, "ready")) == 1


def test_nobody_is_left_behind(process: Process) -> None:
    workers = children(process)
    process.process.kill()
    until(lambda: not any(map(is_running, workers)))


def test_what_cannot_start_says_so_once(tmp_path: Path) -> None:
    command = [*COMMAND, str(tmp_path / "nothing"), "--workers", "3", "--port", "0", "--log-level", "error"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 1
    assert re.fullmatch(r"distilbert serve: .*nothing: no such folder\n", done.stderr)


def test_metrics_of_several_are_one_text(tmp_path: Path) -> None:
    head = "# HELP a_total Some\n# TYPE a_total counter\n"
    SharedMetrics(tmp_path, 0).write(f'{head}a_total{{of="x y"}} 2.0\n'.encode())
    text = SharedMetrics(tmp_path, 10).text(f"{head}a_total 3.0\n".encode()).decode()
    assert text == f'{head}a_total{{worker="0",of="x y"}} 2.0\na_total{{worker="10"}} 3.0\n'


def test_workers_are_started_before_models_are_opened() -> None:
    with pytest.raises(InputError, match="start_workers first"):
        run_server({}, Settings(workers=2))
