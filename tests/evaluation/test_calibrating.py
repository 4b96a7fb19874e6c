"""Calibration: what it fits, that it is used wherever scores are made, and what becomes of it."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import distilbert
from conftest import Maker
from distilbert.calibration import Calibration
from distilbert.cli.main import main
from distilbert.convert import convert, export_onnx, quantize
from distilbert.errors import ConfigError, InputError
from distilbert.evaluation import calibrate, evaluate
from distilbert.evaluation.fitting import cross_entropy, fit
from distilbert.folder.checkpoint import Head
from distilbert.tasks.numbers import logistic, softmax

LABELS = {"0": "neg", "1": "neutral", "2": "pos"}
KEY = {"temperature": 2.5, "bias": [0.5, -0.25, -0.25]}


def drawn(scores: np.ndarray, seed: int = 0) -> np.ndarray:
    """bool [n, C], one label a row, as likely as its score."""
    rng = np.random.default_rng(seed)
    picked = (scores.cumsum(1) < rng.random((len(scores), 1))).sum(1).clip(max=scores.shape[1] - 1)
    return np.eye(scores.shape[1], dtype=bool)[picked]


def test_what_logits_were_made_with_is_found() -> None:
    logits = np.random.default_rng(1).normal(size=(20000, 3)) * 2
    true = drawn(softmax(logits))
    shift = np.array([1.0, -0.5, -0.5])
    found = fit((logits - shift) * 2.5, true, biases=True, several=False)
    assert found.temperature == pytest.approx(2.5, rel=0.03)
    assert found.bias == pytest.approx(shift.tolist(), abs=0.06)
    assert fit(logits * 0.5, true, biases=False, several=False).temperature == pytest.approx(0.5, rel=0.03)
    each = np.random.default_rng(2).random(logits.shape) < logistic(logits)
    found = fit((logits - shift) * 2.5, each, biases=True, several=True)
    assert found.temperature == pytest.approx(2.5, rel=0.03)
    assert found.bias == pytest.approx(shift.tolist(), abs=0.06)


@pytest.mark.parametrize("several", [False, True])
def test_no_other_calibration_has_a_smaller_loss(several: bool) -> None:
    optimize = pytest.importorskip("scipy.optimize")
    rng = np.random.default_rng(3)
    logits, true = rng.normal(size=(300, 4)) * 3, rng.random((300, 4)) < 0.4
    true = true if several else np.eye(4, dtype=bool)[rng.integers(0, 4, 300)]

    def loss(x: np.ndarray) -> float:
        prior = ((x[0] - 1) ** 2 + x[1:] @ x[1:]) / 2 / 300
        return float(cross_entropy(x[0] * logits + x[1:], true, several=several).mean() + prior)

    wanted = optimize.minimize(loss, np.array([1.0, 0, 0, 0, 0]), method="BFGS", options={"gtol": 1e-8}).fun
    found = fit(logits, true, biases=True, several=several)
    assert loss(np.array([1 / found.temperature, *found.bias])) == pytest.approx(wanted, abs=1e-9)


def test_answers_that_are_all_right_have_a_calibration_too() -> None:
    logits = np.eye(3)[np.arange(60) % 3] * 4
    found = fit(logits, logits > 0, biases=True, several=False)
    assert 0.05 < found.temperature < 1
    # and those that are all wrong still differ
    assert fit(logits, np.roll(logits, 1, 1) > 0, biases=False, several=False).temperature == pytest.approx(1000)


# the folder -----------------------------------------------------------------------------------------


def written(path: Path, texts: list[str], labels: list[str]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("text", "label"), *zip(texts, labels, strict=True)])
    return path


@pytest.fixture
def too_sure(make_checkpoint: Maker, tmp_path: Path, sentences: list[str]) -> tuple[Path, Path]:
    """A model whose logits are twelve times too large, and data that it is right on as often as the others say."""
    folder = make_checkpoint(id2label=LABELS)
    _scale_head(folder, 60)
    logits = distilbert.load(folder, "text-classification").logits(sentences)
    true = drawn(softmax(logits / 12))
    return folder, written(tmp_path / "held_out.csv", sentences, [LABELS[str(row.argmax())] for row in true])


def _scale_head(folder: Path, times: float) -> None:
    from safetensors.numpy import load_file, save_file

    weights = load_file(folder / "model.safetensors")
    for name in ("classifier.weight", "classifier.bias"):
        weights[name] = weights[name] * np.float32(times)
    save_file(weights, folder / "model.safetensors")


def test_a_temperature_is_written_and_used(
    too_sure: tuple[Path, Path], sentences: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, data = too_sure
    raw = distilbert.load(folder, "text-classification")
    logits, before = raw.logits(sentences[:20]), raw(sentences[:20], top_k=None)
    first = evaluate(folder, data, resamples=10)
    (folder / "README.md").write_text("# A model\n\n## Calibration\n\nOLD WORDS\n\n## Scores\n\nnone\n")
    config = json.loads((folder / "config.json").read_text())
    report = calibrate(folder, data)
    saved = json.loads((folder / "config.json").read_text())
    assert saved.pop("calibration") == report.calibration.to_dict()
    assert saved == config
    assert report.calibration.temperature == pytest.approx(12, rel=0.35)
    assert report.before["cross_entropy"] == pytest.approx(first.scores["cross_entropy"].value, rel=1e-5)
    assert report.before["calibration_error"] == pytest.approx(first.scores["calibration_error"].value, abs=1e-6)
    assert report.after["calibration_error"] < report.before["calibration_error"]
    card = (folder / "README.md").read_text()
    assert card.count("## Calibration") == 1
    assert "OLD WORDS" not in card
    assert f"({report.calibration})" in card

    used = distilbert.load(folder, "text-classification")
    assert np.array_equal(used.logits(sentences[:20]), logits)
    wanted = softmax(logits / np.float32(report.calibration.temperature) + np.float32(report.calibration.bias or 0))
    scores = [
        [each.score for each in sorted(found, key=lambda x: x.label)] for found in used(sentences[:20], top_k=None)
    ]
    assert np.allclose(scores, wanted, atol=1e-6)
    assert used(sentences[0], function="none").score == pytest.approx(float(logits[0].max()))
    assert distilbert.load(folder, "text-classification", calibrated=False)(sentences[:20], top_k=None) == before

    after = evaluate(folder, data, resamples=10)
    assert after.scores["calibration_error_raw"].value == first.scores["calibration_error"].value
    assert after.scores["calibration_error"].value < first.scores["calibration_error"].value
    table = next(each for each in after.details.tables if each.title.startswith("how often it is right"))
    assert table.columns[1:4] == ("examples raw", "mean confidence raw", "share right raw")
    assert sum(int(row[1]) for row in table.rows) == sum(int(row[4]) for row in table.rows) == len(sentences)  # type: ignore[arg-type]

    assert main(["info", str(folder), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["calibration"] == report.calibration.to_dict()
    assert main(["calibrate", str(folder), str(data)]) == 0  # again: the same, from raw logits
    assert f"{folder}: {report.calibration}, written into its config.json" in capsys.readouterr().out
    assert main(["calibrate", str(folder), str(data), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == report.to_dict()


def test_where_it_does_not_help_none_is_written(make_checkpoint: Maker, tmp_path: Path, sentences: list[str]) -> None:
    folder = make_checkpoint(id2label=LABELS, calibration=KEY)
    _scale_head(folder, 20)
    logits = distilbert.load(folder, "text-classification").logits(sentences)
    data = written(tmp_path / "d.csv", sentences, [LABELS[str(row.argmax())] for row in drawn(softmax(logits))])
    report = calibrate(folder, data)
    assert report.calibration == Calibration()
    assert "calibration" not in json.loads((folder / "config.json").read_text())


@pytest.mark.int8
def test_it_goes_along_and_is_dropped_where_the_head_changes(
    make_checkpoint: Maker, tmp_path: Path, sentences: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make_checkpoint(id2label=LABELS, calibration=KEY)
    kept = Calibration(2.5, (0.5, -0.25, -0.25))
    report = quantize(folder, tmp_path / "int8", data=sentences[:5])
    assert report.calibrated
    assert "`distilbert calibrate` fits it to int8" in str(report)
    convert(folder, tmp_path / "converted")
    export_onnx(folder, tmp_path / "exported")
    for name in ("int8", "converted", "exported"):
        assert json.loads((tmp_path / name / "config.json").read_text())["calibration"] == KEY
    for name in ("int8", "converted"):
        task = distilbert.load(tmp_path / name, "text-classification")
        assert task.calibration == kept
        row = task.logits(sentences[0]) / 2.5 + np.array(KEY["bias"])
        assert task(sentences[0]).score == pytest.approx(float(softmax(row).max()), abs=1e-6)
    assert main(["export", "onnx", str(folder), str(tmp_path / "again")]) == 0
    assert "its logits are raw: scores are those of logits / temperature + bias" in capsys.readouterr().out
    assert "calibration" not in distilbert.load(folder).config.for_training(folder).extra


def test_both_engines_use_it(make_checkpoint: Maker, sentences: list[str]) -> None:
    pytest.importorskip("torch")
    from distilbert.folder.opened import open_folder
    from distilbert.loading import open_model
    from distilbert.nn import DistilBertForSequenceClassification
    from distilbert.nn.engine import TorchEngine
    from distilbert.tasks.text_classification import TextClassifier

    folder = make_checkpoint(id2label=LABELS, calibration=KEY)
    module = DistilBertForSequenceClassification.from_pretrained(folder)
    assert "calibration" not in module.config.extra  # it may be trained further
    other = TextClassifier(open_model(open_folder(folder), TorchEngine(module)))
    ours = distilbert.load(folder, "text-classification")
    for one, two in zip(ours(sentences[:5], top_k=None), other(sentences[:5], top_k=None), strict=True):
        assert [(a.label, pytest.approx(a.score, abs=1e-5)) for a in one] == [(b.label, b.score) for b in two]


def test_the_tasks_on_pairs_use_it(make_checkpoint: Maker) -> None:
    names = {"0": "contradiction", "1": "neutral", "2": "entailment"}
    folder = make_checkpoint(id2label=names, calibration=KEY)
    zero_shot = distilbert.load(folder, "zero-shot-classification")
    (found,) = zero_shot("a good film", ["film"], multi_label=True)
    row = zero_shot.logits("a good film", ["film"])[0] / 2.5 + np.array(KEY["bias"])
    assert found.score == pytest.approx(float(logistic(row[2] - row[0])), abs=1e-6)
    folder = make_checkpoint(name="two", calibration={"temperature": 2, "bias": [0, 1]})
    reranker = distilbert.load(folder, "text-ranking")
    (document,) = reranker("a query", ["a document"])
    row = reranker.logits("a query", ["a document"])[0] / 2 + np.array([0, 1])
    assert document.score == pytest.approx(float(softmax(row)[1]), abs=1e-6)


def test_words_and_several_labels(make_checkpoint: Maker, tmp_path: Path, sentences: list[str]) -> None:
    folder = make_checkpoint(Head.TOKEN_CLASSIFICATION, id2label={"0": "O", "1": "B-X", "2": "I-X"})
    _scale_head(folder, 30)
    task = distilbert.load(folder, "token-classification")
    words = [sentence.split() for sentence in sentences[:80]]
    lines = []
    for sentence, (read, logits) in zip(words, task.word_logits(words), strict=True):
        labels = ["O"] * len(sentence)
        for word, row in zip(read.tolist(), drawn(softmax(logits / 6), len(lines)), strict=True):
            labels[word] = task.config.labels[row.argmax()]
        lines += [f"{word}\t{label}" for word, label in zip(sentence, labels, strict=True)] + [""]
    data = tmp_path / "d.conll"
    data.write_text("\n".join(lines), encoding="utf-8")
    before = evaluate(folder, data, resamples=10)
    report = calibrate(folder, data)
    assert report.calibration.temperature == pytest.approx(6, rel=0.2)
    after = evaluate(folder, data, resamples=10)
    assert after.scores["calibration_error_raw"].value == before.scores["calibration_error"].value
    assert after.scores["calibration_error"].value < before.scores["calibration_error"].value

    folder = make_checkpoint(name="multi", id2label={"0": "a", "1": "b"}, problem_type="multi_label_classification")
    _scale_head(folder, 60)
    logits = distilbert.load(folder, "text-classification").logits(sentences)
    each = np.random.default_rng(0).random(logits.shape) < logistic(logits / 12)
    data = tmp_path / "m.jsonl"
    rows: list[dict[str, Any]] = [
        {"text": text, "label": [name for name, here in zip("ab", row, strict=True) if here]}
        for text, row in zip(sentences, each, strict=True)
    ]
    data.write_text("\n".join(map(json.dumps, rows)))
    report = calibrate(folder, data)
    assert report.calibration.temperature == pytest.approx(12, rel=0.35)
    assert report.after["calibration_error"] < report.before["calibration_error"]


@pytest.mark.parametrize(
    "values",
    [
        *(3, {}, {"temperature": 0}, {"temperature": "2"}, {"temperature": 1, "bias": [1]}),
        *({"temperature": 1, "more": 2}, {"temperature": float("nan")}, {"temperature": 1, "bias": [0, 0, None]}),
        {"temperature": True},
    ],
)
@pytest.mark.filterwarnings("ignore:.*its vectors say little")
def test_what_cannot_be_one_is_refused(make_checkpoint: Maker, values: object) -> None:
    folder = make_checkpoint(id2label=LABELS, calibration=values)
    with pytest.raises(ConfigError, match=r"calibration must be like \{'temperature': 1.5\}, perhaps with a bias"):
        distilbert.load(folder)
    assert distilbert.load(folder, calibrated=False)("a").score > 0
    assert len(distilbert.load(folder, "feature-extraction")("a")) == 32


def test_what_cannot_be_calibrated_says_so(
    make_checkpoint: Maker, tmp_path: Path, sentences: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = written(tmp_path / "d.csv", sentences[:60], ["1.5"] * 60)
    with pytest.raises(InputError, match="one output has no scores to calibrate"):
        calibrate(make_checkpoint(num_labels=1, problem_type="regression"), data)
    with pytest.raises(InputError, match="fill-mask has no scores to calibrate"):
        calibrate(make_checkpoint(Head.MASKED_LM, name="lm"), data)
    with pytest.raises(
        InputError, match="calibrate writes into a folder: `distilbert convert some/model OUT` makes one"
    ):
        calibrate("some/model", data)
    monkeypatch.setattr("distilbert.evaluation.calibrating.fetch", lambda _: tmp_path / "there")
    with pytest.raises(InputError, match=f"calibrate writes into a folder: copy {tmp_path / 'there'}$"):
        calibrate("starter/sentiment", data)
    folder = make_checkpoint(name="few", id2label=LABELS)
    with pytest.raises(InputError, match=r"d.csv: has 30 examples; give 50 at least"):
        calibrate(folder, written(tmp_path / "d.csv", sentences[:30], ["pos"] * 30))
