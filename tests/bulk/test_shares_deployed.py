"""The files of deploy/bulk/ are sound, and what they run is a command that the package has."""

import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

yaml = pytest.importorskip("yaml")

from distilbert.bulk_settings import BulkSettings  # noqa: E402
from distilbert.cli.bulk_command import add_bulk  # noqa: E402
from distilbert.cli.options import read_options  # noqa: E402

DEPLOY = Path(__file__).parents[2] / "deploy/bulk"
COUNT = 64


def share_of(command: list[str]) -> tuple[int, int]:
    """(I, N) of a command, which the parser takes."""
    assert command[:2] == ["distilbert", "bulk"]
    parser = argparse.ArgumentParser(exit_on_error=False)
    add_bulk(parser)
    index, count = read_options(parser.parse_args(command[2:]), BulkSettings).shares
    return index + 1, count


def run_script(script: list[str], folder: Path, **environment: str) -> list[str]:
    """The command that a script ends with."""
    stub = folder / "distilbert"
    stub.write_text('#!/bin/sh\nprintf "distilbert\\n"; printf "%s\\n" "$@"\n')
    stub.chmod(0o755)
    given = {"PATH": f"{folder}:{os.environ['PATH']}", **environment}
    return subprocess.run(script, env=given, capture_output=True, text=True, check=True).stdout.splitlines()


@pytest.fixture
def job() -> Any:
    return yaml.safe_load((DEPLOY / "kubernetes-indexed-job.yaml").read_text())


def test_kubernetes_knows_every_field_of_the_job(job: Any) -> None:
    pytest.importorskip("kubernetes_validate").validate(job, "1.30", strict=True)


@pytest.mark.parametrize("index", [0, COUNT - 1])
def test_each_pod_runs_a_share_of_its_own(job: Any, tmp_path: Path, index: int) -> None:
    (container,) = job["spec"]["template"]["spec"]["containers"]
    script = [*container["command"], *container["args"]]
    assert share_of(run_script(script, tmp_path, JOB_COMPLETION_INDEX=str(index))) == (index + 1, COUNT)
    spec = job["spec"]
    assert (spec["completionMode"], spec["completions"], spec["parallelism"]) == ("Indexed", COUNT, COUNT)
    mounts = {mount["name"] for mount in container["volumeMounts"]}
    assert mounts == {volume["name"] for volume in spec["template"]["spec"]["volumes"]}


@pytest.mark.parametrize("index", [1, COUNT])
def test_each_task_of_the_array_runs_a_share_of_its_own(tmp_path: Path, index: int) -> None:
    path = DEPLOY / "slurm-array.sh"
    variables = {"SLURM_ARRAY_TASK_ID": str(index), "SLURM_ARRAY_TASK_COUNT": str(COUNT)}
    places = {"INPUT": "/data/two words/*.parquet", "OUTPUT": "/data/out", "MODEL": "/models/a"}
    command = run_script(["sh", "-eu", str(path)], tmp_path, **variables, **places)
    assert share_of(command) == (index, COUNT)
    assert command[3:5] == ["/data/two words/*.parquet", "/data/out"]


def test_shellcheck_finds_nothing() -> None:
    shellcheck = shutil.which("shellcheck", path=str(Path(sys.executable).parent))
    if shellcheck is None:
        pytest.skip("shellcheck is not here")
    found = subprocess.run([shellcheck, DEPLOY / "slurm-array.sh"], capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout) == (0, "")


def test_the_array_asks_for_the_cores_that_it_uses() -> None:
    text = (DEPLOY / "slurm-array.sh").read_text()
    asked = dict(re.findall(r"^#SBATCH --([a-z-]+)(?:=(\S+))?$", text, re.MULTILINE))
    known = {"job-name", "array", "cpus-per-task", "mem", "requeue", "output", "time"}
    assert set(asked) <= known
    assert asked["array"] == f"1-{COUNT}"
    words = shlex.split(text.partition("\nexec ")[2].replace("\\\n", ""))
    workers, threads = (int(words[words.index(option) + 1]) for option in ("--workers", "--threads"))
    assert int(asked["cpus-per-task"]) == workers * threads
