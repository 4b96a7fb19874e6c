"""Settings that follow from the data, and what is said of them."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("accelerate")

import torch

from conftest import Maker
from distilbert.arguments import FinetuneArguments, LoopArguments
from distilbert.data.examples import Data, LabelledText
from distilbert.train import finetune, precision
from distilbert.train.defaults import remarks, with_class_weights, with_defaults
from helpers.marks import slow_but_for
from helpers.students import HEADS, NO_DROPOUT, arguments, data_file


def given(**settings: Any) -> FinetuneArguments:
    return FinetuneArguments(task="text-classification", model="model", train="train", out="out", **settings)


def labelled(*counts: int) -> Data[LabelledText]:
    examples = [LabelledText(f"text {i}", "abc"[label]) for label, count in enumerate(counts) for i in range(count)]
    return Data("train.csv", examples, tuple("abc"[: len(counts)]), "single_label_classification")


def test_small_data_get_more_epochs_and_wide_models_a_lower_rate() -> None:
    def chosen(examples: int, width: int = 384, task: str = "text-classification", **settings: Any) -> tuple[Any, ...]:
        used = with_defaults(LoopArguments(**settings), task, examples, width, fresh_head=True)
        return used.batch_size, used.epochs, used.learning_rate

    assert chosen(2000) == (32, 3, 1.5e-4)
    assert chosen(2000, task="token-classification") == (32, 8, 1.5e-4)
    assert chosen(100_000, 768) == (32, 3, 7.5e-5)
    assert chosen(64) == (8, 23, 1.5e-4)
    assert chosen(64, epochs=2, batch_size=16, learning_rate=1e-3) == (16, 2, 1e-3)


def test_a_head_that_is_there_learns_as_fast_as_the_rest_and_all_of_it_more_slowly() -> None:
    settings = LoopArguments(head_rate=5.0)
    fresh, kept = (with_defaults(settings, "text-classification", 500, 384, fresh_head=new) for new in (True, False))
    assert (fresh.head_rate, kept.head_rate) == (5.0, 1.0)
    assert kept.learning_rate < fresh.learning_rate


def test_uneven_classes_are_weighted_unless_the_caller_says_otherwise() -> None:
    assert with_class_weights(given(), labelled(95, 5)).class_weights == "balanced"
    assert with_class_weights(given(), labelled(60, 40)).class_weights is None
    assert with_class_weights(given(), labelled(80, 20)).class_weights is None
    assert with_class_weights(given(class_weights="none"), labelled(95, 5)).class_weights is None
    assert with_class_weights(given(class_weights={"a": 2.0}), labelled(95, 5)).class_weights == {"a": 2.0}
    numbers: Data[LabelledText] = Data("n", [LabelledText("a", 1.0)], ("n",), "regression")
    assert with_class_weights(given(), numbers).class_weights is None


def test_what_is_said_names_the_cure() -> None:
    data = labelled(190, 10)
    used = with_defaults(with_class_weights(given(epochs=1), data), "text-classification", 200, 384, fresh_head=True)
    text = "\n".join(remarks(given(epochs=1), used, data, 200, 384))
    assert "chosen for 200 items and a width of 384: batch size 16, learning rate 0.00015" in text
    assert "13 steps of 16 items" in text
    assert "--epochs 8 makes them 100 or more" in text
    assert "classes are uneven ('b' 5.0%)" in text
    assert "--class-weights none" in text
    assert "--few-shot" not in text  # the other class has enough
    assert "80 examples of 2 classes are few: try --few-shot" in "\n".join(
        remarks(used, used, labelled(60, 20), 80, 384)
    )
    many = labelled(2000, 2000)
    used = dataclasses.replace(used, epochs=3.0, class_weights=None)
    text = "\n".join(remarks(used, used, many, 4000, 384))
    assert text == "750 steps of 16 items"
    pairs = Data(
        "p", [LabelledText(("a", "b"), "ab"[i % 2]) for i in range(6)], ("a", "b"), "single_label_classification"
    )
    used = with_defaults(given(max_steps=3), "text-classification", 6, 384, fresh_head=True)
    assert [*remarks(given(max_steps=3), used, pairs, 6, 384)] == [
        "chosen for 6 items and a width of 384: batch size 8, learning rate 0.00015",
        "3 steps of 6 items",
    ]


def test_a_class_that_is_never_predicted_is_named_and_macro_f1_decides(
    make_checkpoint: Maker, tmp_path: Path, sentences: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [f'"{text[:30]}",{"rare" if index < 4 else "usual"}' for index, text in enumerate(sentences[:40])]
    train = tmp_path / "train.csv"
    train.write_text("\n".join(["text,label", *(row.replace("\n", " ") for row in rows)]) + "\n")
    settings = {"eval": train, "epochs": 1, "learning_rate": 1e-6, "class_weights": {"usual": 50.0}}
    finetune(arguments(make_checkpoint(), train, tmp_path / "out", **settings))
    text = capsys.readouterr().err
    assert "labels: usual 36, rare 4" in text
    assert "f1_macro 0." in text
    assert "never predicted, though there are examples: rare" in text
    # of several labels too, and on the examples of the test where there are no others
    several = tmp_path / "several.jsonl"
    rows = [
        json.dumps({"text": text[:30], "label": ["rare", "b"] if i < 4 else ["b"]})
        for i, text in enumerate(sentences[:40])
    ]
    several.write_text("\n".join(rows))
    settings = {"test": several, "max_steps": 20, "learning_rate": 0.01}
    finetune(arguments(make_checkpoint(), several, tmp_path / "several", **settings))
    assert "never predicted, though there are examples: rare\n" in capsys.readouterr().err


@pytest.mark.parametrize(("fast", "expected"), [(True, "bfloat16"), (False, "float32")])
def test_bfloat16_is_taken_where_the_processor_is_faster_with_it(
    fast: bool, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(precision, "_seconds", lambda dtype: 1.0 if dtype is torch.float32 else 0.5 if fast else 2.0)
    precision._bfloat16_is_faster.cache_clear()
    assert precision.with_precision(LoopArguments(device="cpu")).precision == expected
    assert precision.with_precision(LoopArguments(device="cpu", precision="float32")).precision == "float32"
    precision._bfloat16_is_faster.cache_clear()


@pytest.mark.parametrize(
    "task",
    slow_but_for(["token-classification"], ["token-classification", "sentence-similarity", "text-classification"]),
)
def test_bfloat16_learns_what_float32_learns(
    task: str, make_checkpoint: Maker, tmp_path: Path, sentences: list[str]
) -> None:
    model = make_checkpoint(HEADS[task], **NO_DROPOUT)
    data = data_file(tmp_path, task, sentences[:32])
    settings = {"eval": data, "epochs": 6, "learning_rate": 5e-3}
    made = {
        kind: finetune(arguments(model, data, tmp_path / kind, task, precision=kind, **settings), quiet=True)
        for kind in ("float32", "bfloat16")
    }
    main = next(iter(made["float32"].scores))
    full, half = (done.scores[main].value for done in made.values())
    assert full > 0.6  # something was learnt
    assert half == pytest.approx(full, abs=0.1)
    losses = [json.loads((tmp_path / kind / "training.json").read_text())["losses"] for kind in made]
    assert losses[0] != losses[1]
    assert losses[1][0][1] == pytest.approx(losses[0][0][1], rel=0.02)
