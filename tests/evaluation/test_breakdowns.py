"""The tables of an evaluation: equal to scikit-learn's and seqeval's, and to counts made by hand."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import distilbert
from conftest import Maker
from distilbert.cli.main import main
from distilbert.errors import InputError
from distilbert.evaluation.entity_scores import error_table
from distilbert.evaluation.evaluations import Evaluation, evaluate
from distilbert.evaluation.metrics import count_spans, entity_spans, weighted_f1
from distilbert.evaluation.thresholds import precision_recall, threshold_table
from distilbert.folder.checkpoint import Head

LABELS = {"0": "neg", "1": "neutral", "2": "pos"}


def table(done: Evaluation, title: str) -> dict[Any, dict[str, Any]]:
    found = next(each for each in done.details.breakdowns if each.title == title)
    return {row[0]: dict(zip(found.columns, row, strict=True)) for row in found.rows}


@pytest.fixture
def reviews(tmp_path: Path, sentences: list[str]) -> Path:
    rows = [[text, LABELS[str(index % 7 % 3)]] for index, text in enumerate(sentences[:60])]
    path = tmp_path / "reviews.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["text", "label"], *rows])
    return path


def test_each_class_and_the_baseline_are_scikit_learns(make_checkpoint: Maker, reviews: Path) -> None:
    sklearn_metrics = pytest.importorskip("sklearn.metrics")
    folder = make_checkpoint(id2label=LABELS)
    done = evaluate(folder, reviews, resamples=20)
    predictions = list(done.details.predictions())
    true, predicted = ([row[name] for row in predictions] for name in ("label", "predicted"))
    report = sklearn_metrics.classification_report(true, predicted, output_dict=True, zero_division=0)
    for label, row in table(done, "each class").items():
        wanted = report[label]
        assert row["precision"] == pytest.approx(wanted["precision"])
        assert row["recall"] == pytest.approx(wanted["recall"])
        assert row["f1"] == pytest.approx(wanted["f1-score"])
        assert row["support"] == wanted["support"]
    assert done.scores["f1_weighted"].value == pytest.approx(report["weighted avg"]["f1-score"])
    assert "f1_micro" not in done.scores  # of single labels it is the accuracy
    most = max(set(true), key=true.count)
    assert done.details.baseline_is == f"always {most!r}"
    assert done.details.baseline["accuracy"] == pytest.approx(true.count(most) / len(true))
    wanted = sklearn_metrics.f1_score(true, [most] * len(true), average="macro", zero_division=0)
    assert done.details.baseline["f1_macro"] == pytest.approx(wanted * 3 / 3)
    assert predictions[0]["score"] == pytest.approx(max(predictions[0][f"score {label}"] for label in LABELS.values()))


def test_weighted_f1_of_several_labels_is_scikit_learns() -> None:
    sklearn_metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    true, predicted = rng.random((50, 4)) < 0.4, rng.random((50, 4)) < 0.4
    wanted = sklearn_metrics.f1_score(true, predicted, average="weighted", zero_division=0)
    assert weighted_f1(true, predicted)(np.ones((1, 50)))[0] == pytest.approx(wanted)


def test_thresholds_are_those_of_the_precision_recall_curve() -> None:
    sklearn_metrics = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(0)
    true = rng.random(200) < 0.3
    scores = np.round(np.clip(0.3 * true + 0.7 * rng.random(200), 0, 1), 2)  # with ties
    threshold, precision, recall = precision_recall(true, scores)
    wanted = sklearn_metrics.precision_recall_curve(true, scores)
    kept = len(threshold)  # scikit-learn's are in ascending order, with an end of their own
    assert np.allclose(threshold[::-1], wanted[2][-kept:])
    assert np.allclose(precision[::-1], wanted[0][:-1][-kept:])
    assert np.allclose(recall[::-1], wanted[1][:-1][-kept:])
    found = threshold_table(["yes"], true[:, None], scores[:, None])
    row = dict(zip(found.columns, found.rows[0], strict=True))
    f1s = {x: sklearn_metrics.f1_score(true, scores >= x) for x in np.unique(scores)}
    assert row["f1"] == pytest.approx(max(f1s.values()))
    assert f1s[row["best threshold"]] == pytest.approx(row["f1"])
    assert row["f1 at 0.5"] == pytest.approx(sklearn_metrics.f1_score(true, scores >= 0.5))
    assert row["precision at recall 0.9"] == pytest.approx(precision[recall >= 0.9].max())
    assert threshold_table(["none"], np.zeros((3, 1), bool), np.ones((3, 1))).rows[0] == ("none", *[None] * 8)


def test_several_labels_have_their_tables(make_checkpoint: Maker, tmp_path: Path, sentences: list[str]) -> None:
    rows = [{"text": text, "label": ["a", "b"][: index % 3]} for index, text in enumerate(sentences[:40])]
    (tmp_path / "m.jsonl").write_text("\n".join(map(json.dumps, rows)))
    folder = make_checkpoint(id2label={"0": "a", "1": "b"}, problem_type="multi_label_classification")
    done = evaluate(folder, tmp_path / "m.jsonl", resamples=20)
    each = table(done, "each label")
    assert [each[label]["support"] for label in "ab"] == [26, 13]
    assert set(table(done, "thresholds")) == {"a", "b"}
    assert [row["label"] for row in done.details.predictions()] == [row["label"] for row in rows]


def test_entities_by_type_and_what_is_wrong_with_them() -> None:
    true = [["B-PER", "I-PER", "O", "B-LOC"], ["B-ORG", "O", "B-LOC", "I-LOC"], ["O", "B-PER"], ["B-PER", "I-PER"]]
    predicted = [["B-PER", "O", "O", "B-LOC"], ["B-LOC", "O", "O", "B-ORG"], ["B-PER", "O"], ["B-PER", "I-PER"]]
    errors = {row[0]: row[1] for row in error_table(entity_spans(true, predicted)).rows}
    # "PER" cut short; ORG taken for LOC; "LOC" is ORG and shorter; a PER missed, another invented
    assert errors == {"boundary": 1, "type": 1, "both": 1, "missed": 1, "invented": 1}
    seqeval = pytest.importorskip("seqeval.metrics")
    report = seqeval.classification_report(true, predicted, output_dict=True, zero_division=0)
    for kind, (right, found, wanted) in count_spans(entity_spans(true, predicted)).items():
        assert report[kind]["support"] == wanted.sum()
        assert report[kind]["precision"] == pytest.approx(right.sum() / max(found.sum(), 1))


def test_answers_by_their_length(make_checkpoint: Maker, tmp_path: Path, sentences: list[str]) -> None:
    rows = [
        {"id": str(index), "question": "what is it?", "context": text, "answers": [" ".join(text.split()[:count])]}
        for index, (text, count) in enumerate(zip(sentences[:4], (1, 1, 3, 5), strict=True))
    ]
    rows.append({"id": "none", "question": "what is it?", "context": sentences[5], "answers": []})
    (tmp_path / "dev.jsonl").write_text("\n".join(map(json.dumps, rows)))
    done = evaluate(make_checkpoint(Head.QUESTION_ANSWERING), tmp_path / "dev.jsonl", resamples=20)
    lengths = table(done, "answers by their length")
    counts = {name: row["questions"] for name, row in lengths.items()}
    assert counts == {"no answer": 1, "1 word": 2, "2 to 3 words": 1, "4 to 7 words": 1}
    assert done.details.baseline == {"f1": 0.2, "exact_match": 0.2}
    assert [row["id"] for row in done.details.predictions()] == ["0", "1", "2", "3", "none"]


@pytest.mark.int8
def test_the_command_shows_tables_and_writes_predictions(
    make_checkpoint: Maker, reviews: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make_checkpoint(id2label=LABELS)
    command = ["evaluate", str(folder), str(reviews), "--resamples", "20"]
    assert main([*command, "--predictions", str(tmp_path / "p.csv")]) == 0
    text = capsys.readouterr().out
    for part in ("text from column 'text'", "always 'neg'", "each class", "precision", "support", "confusion, a row"):
        assert part in text
    with (tmp_path / "p.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 60
    classifier = distilbert.load(folder)
    assert [row["predicted"] for row in rows] == [classifier(row["text"]).label for row in rows]
    assert main([*command, "--json", "--predictions", str(tmp_path / "p.jsonl")]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["baseline"]["is"] == "always 'neg'"
    assert [row["label"] for row in found["breakdowns"][0]["rows"]] == list(LABELS.values())
    assert np.sum(found["confusion"]) == 60
    lines = (tmp_path / "p.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(lines[0])["right"] in (True, False)
    assert main([*command, "--compare", str(folder), "--compare-precision", "int8"]) == 0
    head = capsys.readouterr().out.splitlines()[2]
    assert f"{folder} (as stored)" in head
    assert f"{folder} (int8)" in head
    assert main([*command, "--compare-precision", "int8"]) == 1
    assert "--compare-precision is that of the other model: --compare MODEL" in capsys.readouterr().err
    assert main([*command, "--predictions", str(tmp_path / "p.xlsx")]) != 0
    assert "cannot tell its format" in capsys.readouterr().err


def test_data_with_other_names_of_labels(make_checkpoint: Maker, tmp_path: Path, sentences: list[str]) -> None:
    path = tmp_path / "sst.tsv"
    path.write_text("sentence\tlabel\n" + "".join(f"{text}\t{i % 2}\n" for i, text in enumerate(sentences[:20])))
    folder = make_checkpoint(id2label={"0": "NEGATIVE", "1": "POSITIVE"})
    with pytest.raises(InputError, match="--labels 0=NEGATIVE 1=POSITIVE"):
        evaluate(folder, path)
    done = evaluate(folder, path, labels={"0": "NEGATIVE", "1": "POSITIVE"}, resamples=5)
    assert evaluate(folder, path, labels=["NEGATIVE", "POSITIVE"], resamples=5).scores == done.scores
    plain = evaluate(make_checkpoint(name="plain"), path, resamples=5)  # LABEL_0 and LABEL_1
    assert done.scores == plain.scores


def test_an_unfinished_run_is_said_to_be_one(make_checkpoint: Maker, reviews: Path) -> None:
    folder = make_checkpoint(id2label=LABELS)
    (folder / "checkpoints").mkdir()
    with pytest.raises(InputError, match="holds an unfinished run; --resume"):
        evaluate(folder, reviews)
