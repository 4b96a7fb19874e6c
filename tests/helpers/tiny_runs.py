"""The checkpoint of a training run of a model of eight numbers, written and read."""

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from distilbert.train.checkpoints import Checkpoints, State  # noqa: E402

LOSSES = [(1, 0.5), (3, 0.25)]
SCORES = [(3, {"accuracy": 0.5})]


def save_run(folder: Path) -> Path:
    """The folder of the one checkpoint, of step 3."""
    model = torch.nn.Linear(3, 2)
    optimizer = torch.optim.AdamW(model.parameters())
    model(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    state = State(step=3, best_step=3, best_score=0.5, losses=LOSSES, scores=SCORES)
    Checkpoints(folder, "a run").save(model, optimizer, state)
    return folder / "step-00000003"


def load_run(folder: Path) -> tuple[State, torch.nn.Linear]:
    model = torch.nn.Linear(3, 2)
    optimizer = torch.optim.AdamW(model.parameters())
    return Checkpoints(folder, "a run").load_last(model, optimizer), model
