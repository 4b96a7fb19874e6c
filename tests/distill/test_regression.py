"""A teacher whose answer is a number: its size, and the whole table's, are passed on to the student."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

import distilbert  # noqa: E402
from conftest import Maker  # noqa: E402
from distilbert.distill import distill, distillation  # noqa: E402
from distilbert.nn import DistilBertForSequenceClassification  # noqa: E402
from distilbert.train.numbers import NumbersHead  # noqa: E402
from helpers.distillers import settings, teacher_of  # noqa: E402


@pytest.mark.parametrize("size", [1e-5, 1.0, 3e5])
@pytest.mark.parametrize("live", [False, True])
def test_numbers_of_any_size_are_passed_on(
    make_checkpoint: Maker, tmp_path: Path, sentences: list[str], size: float, live: bool
) -> None:
    """3e5 is beyond half precision."""
    teacher = teacher_of(
        "text-classification", make_checkpoint, dim=64, hidden_dim=128, id2label={"0": "x"}, problem_type="regression"
    )
    model = DistilBertForSequenceClassification.from_pretrained(teacher)
    with torch.no_grad():
        model.classifier.weight *= size
        model.classifier.bias.fill_(size)
    model.save_pretrained(teacher)
    sizes = {"layers": 1, "dim": 0, "heads": 0, "hidden_dim": 0}
    (tmp_path / "numbers.jsonl").write_text(
        "".join(json.dumps({"text": text, "label": size}) + "\n" for text in sentences[:40])
    )
    changes = {"hard": 0.0, "epochs": 20, "eval": None, "live": live, "train": tmp_path / "numbers.jsonl"}
    done = distill(settings("text-classification", teacher, tmp_path, sentences, **changes, **sizes), quiet=True)
    told, printed = (distilbert.load(folder).logits(sentences[:40]).ravel() for folder in (teacher, done.folder))
    assert np.corrcoef(told, printed)[0, 1] > 0.85
    assert np.abs(told - printed).mean() < 0.6 * np.abs(told - told.mean()).mean()


def test_the_size_of_numbers_is_that_of_the_whole_table(
    make_checkpoint: Maker, tmp_path: Path, sentences: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    regression = {"id2label": {"0": "x"}, "problem_type": "regression"}
    teacher = teacher_of("text-classification", make_checkpoint, **regression)
    (tmp_path / "numbers.jsonl").write_text(
        "".join(json.dumps({"text": text, "label": 1.0}) + "\n" for text in sentences[:9])
    )
    seen = []

    def head(plain: Any, numbers: list[float], *, fresh: bool) -> NumbersHead:
        seen.append(numbers)
        return NumbersHead(plain, numbers, fresh=fresh)

    monkeypatch.setattr(distillation, "NumbersHead", head)
    monkeypatch.setattr(distillation, "_NUMBERS", 3)
    arguments = {"train": tmp_path / "numbers.jsonl", "eval": None, "epochs": 1}
    distill(settings("text-classification", teacher, tmp_path, sentences, **arguments), quiet=True)
    told = distilbert.load(teacher).logits([sentences[place] for place in (0, 4, 8)]).ravel()
    np.testing.assert_allclose(seen, [told], rtol=1e-3, atol=1e-4)
