"""From a teacher and text to a student's folder: every task, every loss, and what breaks off."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from students import HEADS, data_file  # noqa: E402

import distilbert  # noqa: E402
from conftest import Maker  # noqa: E402
from distilbert.checkpoint import Head  # noqa: E402
from distilbert.errors import CheckpointError, InputError  # noqa: E402
from distilbert.evaluation.judging import evaluate  # noqa: E402
from distilbert.train import DistillArguments, distill  # noqa: E402
from distilbert.train.distillation import lessons  # noqa: E402
from distilbert.train.distillation.distilling import TEACHABLE  # noqa: E402

SHAPE = {"layers": 1, "dim": 16, "heads": 2, "hidden_dim": 32}


def text_file(folder: Path, sentences: list[str], name: str = "text.txt") -> Path:
    path = folder / name
    path.write_text("\n".join(sentences) + "\n", encoding="utf-8")
    return path


def settings(
    task: str, teacher: Path, folder: Path, sentences: list[str], out: str = "out", **changes: Any
) -> DistillArguments:
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


@pytest.fixture
def make_teacher(make_checkpoint: Maker) -> Any:
    def make(task: str, **config: Any) -> Path:
        labels = {}
        if task == "text-classification":
            labels = {"id2label": {"0": "no", "1": "yes"}}
        elif task == "token-classification":
            labels = {"id2label": {"0": "B-A", "1": "O"}}
        return make_checkpoint(HEADS[task], name=f"teacher-{task}", **labels | config)

    return make


@pytest.mark.parametrize("task", TEACHABLE)
def test_every_task_is_distilled_and_saved(task: str, make_teacher: Any, tmp_path: Path, sentences: list[str]) -> None:
    losses = {"cosine": 1.0, "hidden": 0.5, "attention": 0.5}
    more = {} if task == "question-answering" else {"unlabelled": [text_file(tmp_path, sentences[40:60], "more.txt")]}
    done = distill(settings(task, make_teacher(task), tmp_path, sentences[:40], **losses, **more), quiet=True)
    kept = json.loads((done.folder / "training.json").read_text())
    first, last = kept["losses"][0][1], kept["losses"][-1][1]
    assert last < first
    assert not (done.folder / "lessons").exists()
    assert not (done.folder / "checkpoints").exists()
    assert "Distilled from" in (done.folder / "README.md").read_text(encoding="utf-8")
    # the saved model on the CPU engine says the same as in training
    again = evaluate(done.folder, tmp_path / "eval.jsonl", task, resamples=10)
    for name, score in done.scores.items():
        assert again.scores[name].value == pytest.approx(score.value, abs=0.02), name
    # and Transformers reads it
    _, report = getattr(transformers, HEADS[task].value).from_pretrained(done.folder, output_loading_info=True)
    assert not any(report.values())
