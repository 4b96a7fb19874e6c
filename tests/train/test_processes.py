"""Two processes learn what one learns."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("accelerate")

from conftest import Maker
from distilbert.folder.checkpoint import open_checkpoint
from distilbert.train import finetune
from helpers.students import NO_DROPOUT, arguments, data_file


@pytest.mark.long
def test_two_processes_give_the_weights_of_one(make_checkpoint: Maker, tmp_path: Path, sentences: list[str]) -> None:
    # ragged items that weigh differently: sentences with one to thirty labels each
    train = data_file(tmp_path, "token-classification", sentences[:41])
    folder = make_checkpoint(**NO_DROPOUT)
    settings = {"eval": train, "batch_size": 5, "epochs": 2}
    finetune(arguments(folder, train, tmp_path / "one", "token-classification", **settings), quiet=True)
    launch = ["-m", "accelerate.commands.launch", "--cpu", "--num_processes", "2", "--num_machines", "1"]
    launch += ["--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", "0"]
    command = ["-m", "distilbert", "train", "--task", "token-classification", "--model", folder, "--train", train]
    command += ["--eval", train, "--out", tmp_path / "two", "--batch-size", 5, "--epochs", 2, "--learning-rate", 1e-3]
    command += ["--threads", 1, "--device", "cpu", "--precision", "float32"]
    run = subprocess.run(
        [sys.executable, *launch, *map(str, command)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert run.stderr.count("saved, with report.html") == 1
    one, two = (open_checkpoint(tmp_path / name).tensors for name in ("one", "two"))
    for name, tensor in one.items():
        np.testing.assert_allclose(two[name].read(), tensor.read(), rtol=0, atol=1e-5, err_msg=name)
