"""Few examples: an encoder that contrast teaches, with a linear head."""

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("accelerate")

import torch
from torch.nn import functional as F  # noqa: N812

import distilbert
from conftest import Maker
from distilbert.data.examples import Data, LabelledText
from distilbert.errors import InputError
from distilbert.folder.checkpoint import Head
from distilbert.train import finetune
from distilbert.train.few_shot import ContrastClasses
from distilbert.train.objective import StepTotals
from distilbert.train.opened import open_trainable
from helpers.students import arguments


def few(folder: Path, sentences: list[str], name: str = "few.jsonl") -> Path:
    """Texts of two classes that share no word, behind words that say nothing."""
    words = {"warm": "sun heat fire", "cold": "ice snow frost"}
    rows = [
        {"text": f"{text[:15]} {words[label].split()[index % 3]}", "label": label}
        for index, text in enumerate(sentences[:8])
        for label in words
    ]
    path = folder / name
    path.write_text("\n".join(map(json.dumps, rows)) + "\n")
    return path


def test_contrast_is_the_loss_of_all_pairs_by_hand(make_checkpoint: Maker, sentences: list[str]) -> None:
    data = Data("d", [LabelledText(t, "ab"[i % 2]) for i, t in enumerate(sentences[:6])], ("a", "b"), None)
    opened = open_trainable("sentence-similarity", make_checkpoint(Head.NONE), Data("d", []), seed=0)
    objective = ContrastClasses(data, opened.folder.tokenizer, opened.max_length)
    items = list(objective.items)
    loss = objective.loss(opened.model.eval(), items, StepTotals.of(items))
    vectors = torch.from_numpy(np.stack([s.mean(0) for s in opened.live.logits(sentences[:6])]))  # type: ignore[attr-defined]
    errors: dict[bool, list[float]] = {True: [], False: []}
    for i in range(6):
        for j in range(i):
            cosine = float(F.cosine_similarity(vectors[i], vectors[j], dim=0))
            same = i % 2 == j % 2
            errors[same].append((cosine - same) ** 2)
    assert float(loss.detach()) == pytest.approx(np.mean([np.mean(errors[True]), np.mean(errors[False])]), abs=1e-5)
    drawn = [objective.draw(items[0], np.random.default_rng(seed)).target for seed in range(40)]
    assert 8 < sum(drawn) < 32  # all classes are drawn, not the item's own alone


def test_few_shot_learns_and_is_saved_as_a_classifier(
    make_checkpoint: Maker, tmp_path: Path, sentences: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    train = few(tmp_path, sentences)
    folder = make_checkpoint(Head.NONE, dim=64, hidden_dim=128, n_layers=1)
    settings = {"eval": train, "few_shot": True, "epochs": 40, "learning_rate": 3e-3, "batch_size": 16}
    done = finetune(arguments(folder, train, tmp_path / "out", **settings))
    assert done.scores["accuracy"].value > 0.9
    assert distilbert.load(done.folder)("fire").label == "warm"
    made = json.loads((done.folder / "training.json").read_text(encoding="utf-8"))
    assert made["settings"]["precision"] in ("float32", "bfloat16")  # what was chosen
    card = (done.folder / "README.md").read_text(encoding="utf-8")
    assert f"Fine-tuned from `{folder}` with `distilbert train" in card
    page = (done.folder / "report.html").read_text(encoding="utf-8")
    assert "The training loss ends at" in page
    assert "tokens a second" in page
    assert "40 steps of 16 texts at a learning rate of 0.003, then a head" in capsys.readouterr().err
    again = finetune(arguments(folder, train, tmp_path / "again", **settings), quiet=True)
    texts = sentences[:3]
    np.testing.assert_array_equal(*(distilbert.load(each.folder).logits(texts) for each in (done, again)))
    # the encoder has changed
    before, after = (distilbert.load(each, "feature-extraction")("sun") for each in (folder, done.folder))
    assert float(before @ after) < 0.999


def test_the_default_rate_falls_with_the_width_and_few_texts_come_twenty_times(
    make_checkpoint: Maker, tmp_path: Path, sentences: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    unset = {"epochs": 0, "batch_size": 0, "learning_rate": 0}
    folder = make_checkpoint(Head.NONE, dim=64)
    finetune(arguments(folder, few(tmp_path, sentences), tmp_path / "out", few_shot=True, **unset))
    # docs/training.md: 5e-5 at a width of 384
    assert "20 steps of 16 texts at a learning rate of 0.0003, then a head" in capsys.readouterr().err


def test_what_few_shot_is_not_for_is_said(make_checkpoint: Maker, tmp_path: Path, sentences: list[str]) -> None:
    numbers = tmp_path / "numbers.jsonl"
    numbers.write_text("\n".join(json.dumps({"text": text, "label": 0.5}) for text in sentences[:4]))
    folder = make_checkpoint(Head.NONE)
    with pytest.raises(InputError, match="is for texts with one label each"):
        finetune(arguments(folder, numbers, tmp_path / "out", few_shot=True), quiet=True)
    with pytest.raises(InputError, match="--few-shot is for text-classification, not for fill-mask"):
        finetune(arguments(folder, numbers, tmp_path / "out", "fill-mask", few_shot=True), quiet=True)
    for unheeded in ({"resume": True}, {"patience": 2, "eval": "0.2"}, {"best_by": "f1_macro", "eval": "0.2"}):
        with pytest.raises(InputError, match=f"does not heed {next(iter(unheeded))}"):
            arguments(folder, numbers, tmp_path / "out", few_shot=True, **unheeded)
    with pytest.raises(InputError, match="class_weights of few_shot and head_only are balanced or none"):
        arguments(folder, numbers, tmp_path / "out", few_shot=True, class_weights={"a": 2.0})
