"""Damaged checkpoints of a training run: one line that says what is wrong, or a state that training can go on from."""

import os
from pathlib import Path
from random import Random

import pytest

torch = pytest.importorskip("torch")

from distilbert import DistilBertError  # noqa: E402
from distilbert.train.checkpoints import State  # noqa: E402
from helpers.damage import damaged  # noqa: E402
from helpers.tiny_runs import load_run, save_run  # noqa: E402

MANY = int(os.environ.get("DISTILBERT_MUTANTS", "10000")) // 4


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    save_run(tmp_path)
    return tmp_path


def going_on(state: State, model: torch.nn.Linear) -> str:
    """What the loop does with a state, which must be able to."""
    assert type(state.step) is type(state.stale) is int
    assert isinstance(state.seconds + state.best_score, float | int)
    assert all(isinstance(step + loss, float) for step, loss in state.losses)
    assert all(isinstance(score, float) for _, scores in state.scores for score in scores.values())
    assert [parameter.shape for parameter in model.parameters()] == [(2, 3), (2,)]
    return f"step {state.step % 100}"


@pytest.mark.parametrize("many", [300, pytest.param(MANY, marks=pytest.mark.slow)])
def test_damaged_checkpoints(many: int, saved: Path) -> None:
    files = {name: saved / "step-00000003" / name for name in ("state.json", "training.safetensors")}
    whole = {name: path.read_bytes() for name, path in files.items()}
    refused = 0
    for seed in range(many):
        random = Random(seed)
        name = random.choice(sorted(files))
        content, what = damaged(whole[name], name, random)
        files[name].write_bytes(content)
        try:
            state, model = load_run(saved)
        except DistilBertError as error:
            refused += 1
            message = str(error)
        else:
            message = f"{saved}: " + going_on(state, model)
        assert message.startswith(str(saved)), (seed, what, message)
        assert "\n" not in message, (seed, what, message)
        assert len(message) < 2 * len(str(saved)) + 700, (seed, what, message)
        files[name].write_bytes(whole[name])
    assert many * 0.3 < refused < many
