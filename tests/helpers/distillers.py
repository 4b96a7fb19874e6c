"""Small teachers for every task, and runs of distillation that end in a moment."""

from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("accelerate")

from conftest import Maker
from distilbert.distill import DistillArguments
from helpers.students import HEADS, data_file

SHAPE = {"layers": 1, "dim": 16, "heads": 2, "hidden_dim": 32}
_LABELS = {
    "text-classification": {"id2label": {"0": "no", "1": "yes"}},
    "token-classification": {"id2label": {"0": "B-A", "1": "O"}},
}


def teacher_of(task: str, make_checkpoint: Maker, **config: Any) -> Path:
    """A model of random weights with the labels of students.py's data."""
    return make_checkpoint(HEADS[task], name=f"teacher-{task}", **_LABELS.get(task, {}) | config)


def text_file(folder: Path, sentences: list[str], name: str = "text.txt") -> Path:
    """Sentences, one a line."""
    path = folder / name
    path.write_text("\n".join(sentences) + "\n", encoding="utf-8")
    return path


def settings(
    task: str, teacher: Path, folder: Path, sentences: list[str], out: str = "out", **changes: Any
) -> DistillArguments:
    """A small student on the sentences, judged on the first ten."""
    plain = task in ("fill-mask", "sentence-similarity")
    values: dict[str, Any] = {
        "train": text_file(folder, sentences) if plain else data_file(folder, task, sentences),
        "eval": data_file(folder, task, sentences[:10], "eval"),
        "epochs": 2,
        "batch_size": 8,
        "learning_rate": 2e-3,
        "threads": 1,
        "device": "cpu",
        **SHAPE,
    }
    return DistillArguments(task=task, teacher=teacher, out=folder / out, **values | changes)
