"""From files to a model folder: every task learns, and other programs read what is saved."""

import dataclasses
import errno
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

import distilbert  # noqa: E402
from conftest import Maker  # noqa: E402
from distilbert.data.examples import Data, LabelledText  # noqa: E402
from distilbert.data.reading import read_data  # noqa: E402
from distilbert.errors import CheckpointError, CheckpointWarning, InputError  # noqa: E402
from distilbert.evaluation.evaluations import evaluate  # noqa: E402
from distilbert.folder.checkpoint import Head  # noqa: E402
from distilbert.train import finetune  # noqa: E402
from distilbert.train import run as whole_run  # noqa: E402
from distilbert.train.opened import open_trainable  # noqa: E402
from helpers.reports import Page  # noqa: E402
from helpers.students import HEADS, NO_DROPOUT, arguments, data_file  # noqa: E402

# what a small model reaches on the examples that it learnt from, where guessing gives less than half
REACHED = {
    "text-classification": ("accuracy", 0.9),
    "token-classification": ("f1", 0.9),
    "question-answering": ("f1", 0.8),
    "fill-mask": ("top1_accuracy", 0.07),
    "sentence-similarity": ("spearman", 0.6),
    "multiple-choice": ("accuracy", 0.8),
}


@pytest.mark.parametrize("task", HEADS)
def test_every_task_learns_and_is_saved(
    task: str, make_checkpoint: Maker, tmp_path: Path, sentences: list[str]
) -> None:
    train = data_file(tmp_path, task, sentences[:20])
    out = tmp_path / "out"
    folder = make_checkpoint(dim=64, hidden_dim=128, n_layers=1)
    epochs = {"fill-mask": 40, "question-answering": 30}.get(task, 15)
    done = finetune(
        arguments(folder, train, out, task, eval=train, epochs=epochs, eval_steps=50, learning_rate=4e-3), quiet=True
    )
    metric, least = REACHED[task]
    assert done.scores[metric].value >= least
    # the saved model on the CPU engine says the same
    again = evaluate(out, train, task, resamples=10)
    assert again.scores[metric].value == pytest.approx(done.scores[metric].value, abs=0.02)
    # and Transformers reads it
    kind = getattr(transformers, HEADS[task].value)
    _, report = kind.from_pretrained(out, output_loading_info=True)
    assert not any(report.values())
    assert transformers.AutoTokenizer.from_pretrained(out).vocab_size == 6000
    assert not (out / "checkpoints").exists()


def test_a_share_held_out_a_test_and_the_metric_that_decides(
    make_checkpoint: Maker, tmp_path: Path, sentences: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    train = data_file(tmp_path, "text-classification", [*sentences[:60], *sentences[:3]])
    folder, out = make_checkpoint(dim=64, hidden_dim=128, n_layers=1), tmp_path / "out"
    made = arguments(folder, train, out, eval="0.25", test=train, best_by="f1_macro", epochs=1)
    done = finetune(made)
    printed = capsys.readouterr().err
    assert "0.25 of " in printed
    assert "labels: " in printed
    assert "longer than 128 and cut" in printed
    assert "steps of 8 items" in printed
    saved = json.loads((out / "training.json").read_text(encoding="utf-8"))
    assert saved["train_examples"] + saved["eval_examples"] == 63
    assert saved["test_scores"]["accuracy"]["value"] == pytest.approx(
        evaluate(out, train, resamples=5).scores["accuracy"].value, abs=0.02
    )
    assert "f1_macro" in done.scores
    assert done.test_scores["accuracy"].value == saved["test_scores"]["accuracy"]["value"]
    with pytest.raises(InputError, match=r"best_by must be one of accuracy, f1_macro, .*, not 'cross_entropy'"):
        finetune(dataclasses.replace(made, best_by="cross_entropy", out=tmp_path / "other"), quiet=True)


def test_the_report_stands_alone_and_the_card_says_what_was_done(
    make_checkpoint: Maker, tmp_path: Path, sentences: list[str]
) -> None:
    texts = [*sentences[:60], "<script>alert(1)</script> the end", "so & so"]
    train = data_file(tmp_path, "text-classification", texts)
    report = tmp_path / "again.html"
    done = finetune(
        arguments(make_checkpoint(), train, tmp_path / "out", eval=train, test=train, report=report), quiet=True
    )
    page = Page(done.folder / "report.html")
    assert (tmp_path / "again.html").read_text(encoding="utf-8") == page.source
    assert "<script>alert" not in page.source
    for heading in ("Data", "Scores", "Test scores", "Training", "Labels", "Calibration", "Mistakes", "Settings"):
        assert f">{heading}</h2>" in page.source
    assert page.source.count("<svg") == page.source.count("</svg>") == 5
    assert "share of examples that are right" in page.text
    assert ["learning_rate", "0.001"] in page.tables["Settings and versions"]
    again = [f"--train {train}", f"--out {tmp_path / 'out'}", f"--eval {train}", "--epochs 2", "--batch-size 8"]
    assert all(option in page.text for option in ("distilbert train --task text-classification", *again))
    card = (done.folder / "README.md").read_text(encoding="utf-8")
    score = done.scores["accuracy"]
    assert f"| accuracy | {score.value:.4f} | {score.low:.4f} to {score.high:.4f} |" in card
    assert "62 examples" in card
    assert "| learning_rate | 0.001 |" in card
    kept = json.loads((done.folder / "training.json").read_text())
    assert kept["steps"] == 16
    assert kept["losses"][-1][0] == 16
    step, scores = kept["evaluations"][-1]
    assert page.tables["The last evaluations"][-1] == [str(step), f"{scores['loss']:.4f}", f"{scores['accuracy']:.4f}"]
    assert scores["loss"] == pytest.approx(scores["cross_entropy"], rel=1e-4)


def test_an_evaluation_label_that_training_has_not_has_no_loss(
    make_checkpoint: Maker, tmp_path: Path, sentences: list[str]
) -> None:
    train = data_file(tmp_path, "text-classification", sentences[:16])
    rows = [{"text": text, "label": label} for text, label in zip(sentences, ("yes", "no", "perhaps"))]
    (tmp_path / "eval.jsonl").write_text("\n".join(map(json.dumps, rows)))
    with pytest.warns(distilbert.LabelWarning, match="perhaps"):
        finetune(arguments(make_checkpoint(), train, tmp_path / "out", eval=tmp_path / "eval.jsonl"), quiet=True)
    kept = json.loads((tmp_path / "out" / "training.json").read_text())
    assert 0 < kept["evaluations"][-1][1]["loss"] < 10
    assert "perhaps" in Page(tmp_path / "out" / "report.html").tables["Confusion, as shares of the true labels"][0]


def test_a_tag_of_a_known_type_becomes_a_label_and_another_one_is_named(make_checkpoint: Maker, tmp_path: Path) -> None:
    (tmp_path / "train.conll").write_text("she O\nloved O\nParis B-LOC\n\n" * 4)
    (tmp_path / "eval.conll").write_text("New B-LOC\nYork I-LOC\nloved O\nher B-PER\n\n" * 2)
    run = arguments(
        make_checkpoint(Head.NONE), tmp_path / "train.conll", tmp_path / "out", "token-classification",
        eval=tmp_path / "eval.conll",
    )  # fmt: skip
    with pytest.warns(distilbert.LabelWarning, match=r"does not know 1 of the labels \('B-PER' 2\)"):
        finetune(run, quiet=True)
    config = json.loads((tmp_path / "out" / "config.json").read_text())
    assert [*config["id2label"].values()] == ["O", "B-LOC", "I-LOC"]


@pytest.mark.parametrize("task", HEADS)
def test_the_evaluation_loss_is_that_of_the_same_examples_in_training(
    task: str, make_checkpoint: Maker, tmp_path: Path, sentences: list[str]
) -> None:
    train = data_file(tmp_path, task, sentences[:16])
    weights = {"class_weights": "balanced"} if task in ("text-classification", "token-classification") else {}
    given = arguments(
        make_checkpoint(**NO_DROPOUT),
        train,
        tmp_path / "out",
        task,
        eval=train,
        epochs=2,
        batch_size=16,
        learning_rate=1e-9,
        **weights,
    )
    finetune(given, quiet=True)
    kept = json.loads((tmp_path / "out" / "training.json").read_text())
    of_training, of_evaluation = kept["losses"][0][1], kept["evaluations"][0][1]["loss"]
    # masks are drawn anew in each step
    assert of_evaluation == pytest.approx(of_training, rel=0.1 if task == "fill-mask" else 1e-4)
    assert (tmp_path / "out" / "report.html").is_file()


def test_several_labels_and_numbers_and_negatives(make_checkpoint: Maker, tmp_path: Path, sentences: list[str]) -> None:
    folder = make_checkpoint(dim=64, hidden_dim=128, n_layers=1)
    kinds = [[], ["good"], ["bad"], ["bad", "good"]]
    texts = [" ".join([*3 * kinds[index % 4], text[:20]]) for index, text in enumerate(sentences[:40])]
    rows = [{"text": text, "label": kinds[index % 4]} for index, text in enumerate(texts)]
    (tmp_path / "m.jsonl").write_text("\n".join(map(json.dumps, rows)))
    train = tmp_path / "m.jsonl"
    out = tmp_path / "several"
    done = finetune(arguments(folder, train, out, eval=train, epochs=8, learning_rate=4e-3), quiet=True)
    assert done.scores["f1_micro"].value > 0.85
    assert distilbert.load(out).config.problem_type == "multi_label_classification"
    rows = [{"text": text, "label": 5000.5 + len(text)} for text in sentences[:40]]  # far from 0 and 1
    (tmp_path / "r.jsonl").write_text("\n".join(map(json.dumps, rows)))
    out = tmp_path / "numbers"
    done = finetune(
        arguments(folder, tmp_path / "r.jsonl", out, eval=tmp_path / "r.jsonl", epochs=10, learning_rate=4e-3),
        quiet=True,
    )
    assert done.scores["pearson"].value > 0.8
    assert done.scores["rmse"].value < 0.7 * np.std([row["label"] for row in rows])
    assert distilbert.load(out)("short").label == "label"
    stars = Data("s", [LabelledText("a", 1.0)], ("stars",), "regression")
    assert not open_trainable("text-classification", out, stars).fresh_head  # numbers of another column are numbers
    rows = [{"anchor": text, "positive": " ".join(text.split()[::-1])} for text in sentences[:24]]
    (tmp_path / "p.jsonl").write_text("\n".join(map(json.dumps, rows)))
    pairs = arguments(
        folder, tmp_path / "p.jsonl", tmp_path / "pairs", "sentence-similarity", eval=tmp_path / "p.jsonl"
    )
    with pytest.warns(CheckpointWarning, match="trained for text-classification"):
        before = evaluate(folder, tmp_path / "p.jsonl", "sentence-similarity", resamples=10)
    assert finetune(pairs, quiet=True).scores["mrr"].value > before.scores["mrr"].value


def test_numbers_of_any_size_are_learnt_alike(make_checkpoint: Maker, tmp_path: Path, sentences: list[str]) -> None:
    folder, scores, errors = make_checkpoint(dim=64, hidden_dim=128, n_layers=1), [], []
    for size in (1.0, 1e-5, 1e7):
        numbers = [size * (0.5 + len(text)) for text in sentences[:40]]
        train = tmp_path / f"{size}.jsonl"
        train.write_text(
            "".join(json.dumps({"text": t, "label": n}) + "\n" for t, n in zip(sentences, numbers, strict=False))
        )
        of_size = arguments(folder, train, tmp_path / f"of {size}", eval=train, epochs=6, problem="regression")
        done = finetune(of_size, quiet=True)
        again = evaluate(done.folder, train, resamples=10)
        np.testing.assert_allclose(again.scores["pearson"].value, done.scores["pearson"].value, rtol=1e-4)
        scores.append(done.scores["pearson"].value)
        errors.append(again.scores["rmse"].value / np.std(numbers))
        goes_on = open_trainable("text-classification", done.folder, read_data(train, "text-classification"))
        assert not goes_on.fresh_head
        found = [each.score for each in goes_on.live(sentences[:9])]
        np.testing.assert_allclose(
            found, [each.score for each in distilbert.load(done.folder)(sentences[:9])], rtol=1e-3
        )
    assert scores[0] > 0.5
    np.testing.assert_allclose(scores, scores[0], rtol=0.01)
    np.testing.assert_allclose(errors, errors[0], rtol=0.01)


def test_a_head_with_the_same_labels_goes_on_learning(
    make_checkpoint: Maker, tmp_path: Path, sentences: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    train = data_file(tmp_path, "text-classification", sentences[:20])
    first = finetune(arguments(make_checkpoint(), train, tmp_path / "one", epochs=8))
    assert "a fresh head takes the place of the model's, whose labels are LABEL_0, LABEL_1" in capsys.readouterr().err
    tiny = {"learning_rate": 1e-9, "epochs": 1}
    second = finetune(arguments(first.folder, train, tmp_path / "two", **tiny))
    assert "fresh head" not in capsys.readouterr().err
    one, two = (distilbert.load(done.folder).logits(sentences[:5]) for done in (first, second))
    np.testing.assert_allclose(one, two, atol=1e-4)
    assert second.scores == {}
    assert "no data to evaluate on" in (second.folder / "README.md").read_text()


HEAD_ONLY = {"head_only": True, "epochs": 0.0, "batch_size": 0, "learning_rate": 0.0}


def test_what_is_wrong_is_found_before_anything_trains(
    make_checkpoint: Maker, tmp_path: Path, sentences: list[str]
) -> None:
    folder = make_checkpoint()
    train = data_file(tmp_path, "text-classification", sentences[:20])
    bad = tmp_path / "bad.csv"
    bad.write_text("text,label\nb,perhaps\n")
    alike = tmp_path / "alike.csv"
    alike.write_text("text,label\na,yes\nb,yes\n")
    outside = tmp_path / "outside.conll"
    outside.write_text("a O\nb O\n")
    out = tmp_path / "out"

    def refused(match: str, error: Any = InputError, **changes: Any) -> None:
        with pytest.raises(error, match=match):
            finetune(arguments(folder, **{"train": train, "out": out} | changes), quiet=True)
        assert not out.exists()

    refused("bad.csv:2: label 'perhaps' is unknown; there are 'no', 'yes'", eval=bad)
    refused("max_length=129 is more than the 128 tokens", max_length=129)
    refused("max_length=2 has no room for text beside 2 special tokens", max_length=2)
    refused("'text' cannot be 'label' and something else as well", columns={"text": "text", "label": "text"})
    refused("no such file", train=tmp_path / "none.csv")
    refused("class_weights are for single labels", task="fill-mask", class_weights="balanced")
    refused("class_weights must be above 0, and finite", class_weights={"yes": float("nan")})
    refused("alike.csv: all labels are 'yes'; there is nothing to tell apart", train=alike)
    refused("outside.conll: all labels are 'O'", train=outside, task="token-classification")
    refused("task must be 'text-classification', .*, not 'zero-shot-classification'", task="zero-shot-classification")
    refused("exists already; give a new", out=tmp_path)
    alike.write_text("text,score\na,2.5\nb,2.5\n")
    refused("alike.csv: all numbers are 2.5; there is nothing to learn", train=alike)
    refused("alike.csv: all numbers are 2.5; there is nothing to learn", train=alike, **HEAD_ONLY)
    nowhere = tmp_path / "nowhere.jsonl"
    nowhere.write_text('{"question": "q", "context": "c", "answers": []}')
    refused("no question has an answer", train=nowhere, task="question-answering")
    pairs = tmp_path / "pairs.jsonl"
    pairs.write_text('{"anchor": "a", "positive": "b"}\n{"anchor": "c", "positive": "d"}')
    refused("a step compares its texts", train=pairs, task="sentence-similarity", batch_size=1)
    refused("without eval nothing is scored in training, which does not heed patience", patience=2)
    refused("problem is for text-classification, not for fill-mask", task="fill-mask", problem="regression")


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path, sentences: list[str]) -> None:
    train = data_file(tmp_path, "text-classification", sentences[:20])
    (tmp_path / "file").write_text("")
    for out, message in (("file", "exists already"), ("file/out", "no folder can be here")):
        with pytest.raises(InputError, match=message):  # before the model is opened, or the data are read
            finetune(arguments(tmp_path / "no model", train, tmp_path / out), quiet=True)


def test_a_model_that_cannot_be_saved_is_not_lost(
    make_checkpoint: Maker, tmp_path: Path, sentences: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    train = data_file(tmp_path, "text-classification", sentences[:20])
    given = arguments(make_checkpoint(), train, tmp_path / "out", resume=True)

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(whole_run, "write_training", full)
        with pytest.raises(CheckpointError, match=r"out: the model cannot be written \(No space left on device\)"):
            finetune(given, quiet=True)
    assert not (tmp_path / "out" / "training.json").exists()
    done = finetune(given, quiet=True)
    whole = finetune(dataclasses.replace(given, out=tmp_path / "whole"), quiet=True)
    first, second = ((trained_run.folder / "model.safetensors").read_bytes() for trained_run in (done, whole))
    assert first == second


def test_a_run_that_never_began_is_not_gone_on_with(
    make_checkpoint: Maker, tmp_path: Path, sentences: list[str]
) -> None:
    train = data_file(tmp_path, "text-classification", sentences[:20])
    with pytest.raises(InputError, match="holds other files, and no run to go on with; choose another folder"):
        finetune(arguments(make_checkpoint(), train, tmp_path, resume=True), quiet=True)
    (tmp_path / "out" / "checkpoints").mkdir(parents=True)  # what a run leaves that fails before its first checkpoint
    finetune(arguments(make_checkpoint(), train, tmp_path / "out"), quiet=True)


def test_a_score_without_a_value_is_kept_as_null(
    make_checkpoint: Maker, tmp_path: Path, sentences: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [{"text": text, "pair": text, "score": 1} for text in sentences[:8]]
    (tmp_path / "same.jsonl").write_text("\n".join(map(json.dumps, rows)))
    train = data_file(tmp_path, "sentence-similarity", sentences[:8])
    run = arguments(
        make_checkpoint(Head.NONE), train, tmp_path / "out", "sentence-similarity",
        eval=tmp_path / "same.jsonl", resume=True,
    )  # fmt: skip
    assert np.isnan(finetune(run).scores["spearman"].value)
    assert "correlations have no value (nan): all true numbers are 1" in " ".join(capsys.readouterr().err.split())
    kept = json.loads((tmp_path / "out" / "training.json").read_text(), parse_constant=pytest.fail)
    assert kept["scores"]["spearman"]["value"] is None
    assert kept["evaluations"][0][1]["spearman"] is None
    assert np.isnan(finetune(run, quiet=True).scores["spearman"].value)
