"""Runs that break off: killed, out of disk, or with other settings than before."""

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from conftest import Maker  # noqa: E402
from distilbert.errors import CheckpointError, InputError  # noqa: E402
from distilbert.train import FinetuneArguments, checkpoints, finetune  # noqa: E402
from distilbert.train import run as whole_run  # noqa: E402
from helpers.students import arguments, data_file  # noqa: E402

HERE = Path(__file__).parents[1] / "helpers"


@pytest.fixture
def settings(make_checkpoint: Maker, tmp_path: Path, sentences: list[str]) -> dict[str, Any]:
    """Of a run of about 25 steps with a checkpoint at every second one."""
    train = data_file(tmp_path, "fill-mask", sentences[:60])
    values = {"eval": train, "epochs": 1, "batch_size": 1, "save_steps": 2, "eval_steps": 10, "precision": "float32"}
    made = arguments(make_checkpoint(max_position_embeddings=64), train, tmp_path / "out", "fill-mask", **values)
    return dataclasses.asdict(made) | {"max_length": 64}


def run_killed(kills: int, seed: int, settings: dict[str, Any], folder: Path) -> int:
    """Runs of the settings until one is not killed; how many were."""
    values = {name: str(value) if isinstance(value, Path) else value for name, value in settings.items()}
    del values["resume"]
    (folder / "arguments.json").write_text(json.dumps(values))
    command = [sys.executable, str(HERE / "killed.py"), str(kills), str(seed), str(folder / "arguments.json")]
    return int(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def same_model(folder: Path) -> bool:
    one, other = ((folder / out / "model.safetensors").read_bytes() for out in ("out", "out-unbroken"))
    return one == other


@pytest.mark.long
def test_a_killed_run_ends_in_the_same_weights(settings: dict[str, Any], tmp_path: Path) -> None:
    assert run_killed(3, 0, settings, tmp_path) == 3
    assert same_model(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_a_run_killed_at_many_moments_ends_in_the_same_weights(
    seed: int, settings: dict[str, Any], tmp_path: Path
) -> None:
    assert run_killed(25, seed, settings, tmp_path) == 25
    assert same_model(tmp_path)


def test_a_run_stopped_at_any_step_leaves_whole_checkpoints_and_goes_on(
    settings: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    finetune(arguments_of(settings, out=tmp_path / "out-unbroken"), quiet=True)
    rename, stop = Path.rename, iter(range(100))

    def breaks(self: Path, target: Path) -> Path:
        if next(stop) % 3 == 2:  # the third checkpoint of each run is written but not yet renamed
            raise KeyboardInterrupt
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", breaks)
    stops = 0
    while True:
        try:
            finetune(arguments_of(settings, resume=True), quiet=True)
            break
        except KeyboardInterrupt:
            stops += 1
            assert not list((tmp_path / "out" / "checkpoints").glob(".*"))
    assert stops > 3
    assert same_model(tmp_path)
    # a run that is done is not done again
    before = (tmp_path / "out" / "model.safetensors").stat().st_mtime_ns
    finetune(arguments_of(settings, resume=True), quiet=True)
    assert (tmp_path / "out" / "model.safetensors").stat().st_mtime_ns == before
    with pytest.raises(InputError, match="out: is done, with another test; choose another folder"):
        finetune(arguments_of(settings, resume=True, test=settings["train"]), quiet=True)


def arguments_of(settings: dict[str, Any], **changes: Any) -> FinetuneArguments:
    return FinetuneArguments(**settings | changes)


def test_a_full_disk_is_an_error_and_the_last_good_checkpoint_stays(
    settings: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save, saves = checkpoints.save_file, iter(range(100))

    def full(tensors: Any, path: Path) -> None:
        save(tensors, path)
        if next(saves) == 3:
            with path.open("r+b") as file:  # what a full disk leaves
                file.truncate(1000)
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoints, "save_file", full)
    with pytest.raises(
        CheckpointError, match=r"of step 8 cannot be written .*No space left.*; the last good one is .*06"
    ):
        finetune(arguments_of(settings), quiet=True)
    assert sorted(path.name for path in (tmp_path / "out" / "checkpoints").iterdir()) == ["step-00000006"]
    with pytest.raises(InputError, match=r"holds an unfinished run; resume \(--resume\) goes on with it"):
        finetune(arguments_of(settings), quiet=True)
    finetune(arguments_of(settings, resume=True), quiet=True)
    finetune(arguments_of(settings, out=tmp_path / "out-unbroken"), quiet=True)
    assert same_model(tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root can mount a small disk")
def test_a_disk_that_is_really_full(settings: dict[str, Any], tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(disk)], check=False).returncode:
        pytest.skip("no small disk can be mounted here")
    try:
        (disk / "ballast").write_bytes(b"0" * 4_000_000)
        with pytest.raises(CheckpointError, match=r"cannot be written .*; (the last good one is|there is none yet)"):
            finetune(arguments_of(settings, out=disk / "out"), quiet=True)
        assert not list((disk / "out" / "checkpoints").glob(".*"))
        (disk / "ballast").unlink()
        finetune(arguments_of(settings, out=disk / "out", resume=True), quiet=True)
    finally:
        subprocess.run(["umount", str(disk)], check=True)


def test_a_checkpoint_of_another_run_is_refused(settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(whole_run, "write_training", stop)
        with pytest.raises(KeyboardInterrupt):
            finetune(arguments_of(settings), quiet=True)
    with pytest.raises(InputError, match="belongs to a run with other settings or data"):
        finetune(arguments_of(settings, resume=True, learning_rate=1e-5), quiet=True)
    with Path(settings["train"]).open("a") as file:
        file.write('{"text": "one more"}\n')
    with pytest.raises(InputError, match="belongs to a run with other settings or data"):
        finetune(arguments_of(settings, resume=True), quiet=True)
