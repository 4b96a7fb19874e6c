"""--resume from a checkpoint that is damaged: one line that says what is wrong, never a traceback, nothing loaded."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import load_file, save_file  # noqa: E402

from distilbert.errors import CheckpointError, InputError  # noqa: E402
from distilbert.train.checkpoints import State  # noqa: E402
from helpers.tiny_runs import LOSSES, SCORES, load_run, save_run  # noqa: E402


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    return save_run(tmp_path)


def resumed(folder: Path) -> State:
    return load_run(folder.parent)[0]


def test_a_whole_one_is_loaded(saved: Path) -> None:
    (saved.parent / "step-by-step").mkdir()  # not ours
    state = resumed(saved)
    assert (state.step, state.losses, state.scores) == (3, LOSSES, SCORES)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda values: {}, "says nothing of a run"),
        (lambda values: [], "must hold an object"),
        (lambda values: values | {"state": None}, "its state must have step, best_step"),
        (lambda values: {"run": values["run"]}, "its state must have"),
        (lambda values: values | {"state": values["state"] | {"more": 1}}, "its state must have"),
        (lambda values: values | {"state": values["state"] | {"losses": [1]}}, "lists of pairs"),
        (lambda values: values | {"state": values["state"] | {"losses": None}}, "lists of pairs"),
        (lambda values: values | {"state": values["state"] | {"scores": [[1, 2]]}}, "lists of pairs"),
        (lambda values: values | {"state": values["state"] | {"step": "3"}}, "step must be a whole number, not '3'"),
        (lambda values: values | {"state": values["state"] | {"tokens": -1}}, "tokens must be a whole number"),
        (lambda values: values | {"state": values["state"] | {"seconds": []}}, "seconds must be a number"),
    ],
)
def test_a_damaged_state(change: Callable[[Any], Any], reason: str, saved: Path) -> None:
    path = saved / "state.json"
    path.write_text(json.dumps(change(json.loads(path.read_text()))))
    with pytest.raises(CheckpointError, match=rf"state\.json: .*{reason}") as caught:
        resumed(saved)
    assert str(caught.value).isprintable()


def test_another_run_is_refused(saved: Path) -> None:
    path = saved / "state.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"run": "another"}))
    with pytest.raises(InputError, match="belongs to a run with other settings or data"):
        resumed(saved)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda t: {name.replace("bias", "b"): x for name, x in t.items()}, "'[a-z_]+\\.b' does not fit the model"),
        (lambda t: t | {"weight.weight": torch.ones(2, 2)}, "'weight.weight' does not fit the model"),
        (lambda t: {name: x for name, x in t.items() if name != "weight.bias"}, "lacks bias"),
        (lambda t: t | {"no_dot": torch.ones(1)}, "'no_dot' does not fit the model"),
        (lambda t: {"weight.weight": t["weight.weight"]}, "lacks bias"),
    ],
)
def test_weights_of_another_model(change: Callable[[Any], Any], reason: str, saved: Path) -> None:
    path = saved / "training.safetensors"
    save_file(change(load_file(path)), path)
    with pytest.raises(CheckpointError, match=rf"training\.safetensors: is damaged: {reason}; remove step-00000003"):
        resumed(saved)


@pytest.mark.parametrize("content", [b"", b"x", b"\xff" * 100])
@pytest.mark.parametrize("file", ["training.safetensors", "state.json"])
def test_files_that_are_none(file: str, content: bytes, saved: Path) -> None:
    (saved / file).write_bytes(content)
    with pytest.raises(CheckpointError, match="step-00000003"):
        resumed(saved)
