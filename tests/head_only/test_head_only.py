"""A linear head on an encoder that stays as it is: fitted without PyTorch, and the same on both engines."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

import distilbert
from conftest import Maker
from distilbert.arguments import FinetuneArguments
from distilbert.cli import main
from distilbert.convert import quantize
from distilbert.errors import InputError, MissingExtraError
from distilbert.evaluation import evaluate
from distilbert.folder.checkpoint import Head
from distilbert.folder.opened import open_folder
from distilbert.head_only.fitting import fit_classifier
from distilbert.head_only.logistic import best_strength, fit, sigmoid_loss, softmax_loss, squared_loss


def labelled_file(folder: Path, sentences: list[str], problem: str = "single") -> Path:
    """Texts whose first words say their label."""
    rows = []
    for index, text in enumerate(sentences[:40]):
        word = ("good", "bad")[index % 2]
        label = {"single": word, "several": [word] + ["long"] * (index % 4 == 0), "number": float(index % 2) + 0.5}[
            problem
        ]
        rows.append({"text": f"{word} {word} {word} {text[:20]}", "label": label})
    path = folder / f"{problem}.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)) + "\n")
    return path


def settings(model: Path, train: Path, out: Path, **changes: object) -> FinetuneArguments:
    values = {"task": "text-classification", "eval": train, "head_only": True, "threads": 1}
    return FinetuneArguments(model=model, train=train, out=out, **values | changes)  # type: ignore[arg-type]


def test_the_fit_is_that_of_scikit_learn() -> None:
    linear = pytest.importorskip("sklearn.linear_model")
    rng = np.random.default_rng(0)
    classes = rng.integers(0, 3, 60)
    vectors = rng.normal(size=(60, 8)) + np.eye(3, 8)[classes]
    for strength in (0.1, 1.0, 10.0):
        ours = fit(vectors, np.eye(3)[classes], softmax_loss, strength=strength)
        theirs = linear.LogisticRegression(C=strength, tol=1e-9, max_iter=5000).fit(vectors, classes)
        np.testing.assert_allclose(ours.weight, theirs.coef_, atol=1e-4)
    weights = np.where(classes == 0, 3.0, 1.0)
    ours = fit(vectors, np.eye(3)[classes], softmax_loss, strength=1.0, weights=weights)
    theirs = linear.LogisticRegression(tol=1e-9, max_iter=5000).fit(vectors, classes, sample_weight=weights)
    np.testing.assert_allclose(ours.weight, theirs.coef_, atol=1e-4)
    one = fit(vectors, (classes == 1)[:, None].astype(float), sigmoid_loss, strength=1.0)
    theirs = linear.LogisticRegression(tol=1e-9, max_iter=5000).fit(vectors, classes == 1)
    np.testing.assert_allclose(one.weight, theirs.coef_, atol=1e-4)
    numbers = vectors @ np.arange(8) + 3
    line = fit(vectors, numbers[:, None], squared_loss, strength=1.0)
    np.testing.assert_allclose(line.weight[0], linear.Ridge(alpha=1.0).fit(vectors, numbers).coef_, atol=1e-4)


def test_noise_is_fitted_less_than_what_is_certain() -> None:
    rng = np.random.default_rng(0)
    classes = np.arange(60) % 2
    vectors = rng.normal(size=(60, 30))
    noise = best_strength(vectors, np.eye(2)[classes], softmax_loss)
    certain = best_strength(vectors + 3 * np.eye(2, 30)[classes], np.eye(2)[classes], softmax_loss)
    assert noise < certain
    assert best_strength(vectors[:6], np.eye(2)[classes[:6]], softmax_loss) == 1.0


@pytest.mark.parametrize(
    ("problem", "metric"), [("single", "accuracy"), ("several", "f1_micro"), ("number", "pearson")]
)
def test_what_is_fitted_is_a_classifiers_folder(
    problem: str, metric: str, make_checkpoint: Maker, tmp_path: Path, sentences: list[str]
) -> None:
    folder, train = make_checkpoint(Head.NONE, dim=64, hidden_dim=128), labelled_file(tmp_path, sentences, problem)
    before = sys.modules.keys() & {"torch"}
    done = fit_classifier(settings(folder, train, tmp_path / "out", test=train), quiet=True)
    assert sys.modules.keys() & {"torch"} == before
    assert done.scores[metric].value > 0.8
    assert done.test_scores[metric].value == done.scores[metric].value
    again = evaluate(done.folder, train, resamples=5)
    assert again.scores[metric].value == pytest.approx(done.scores[metric].value)
    config = json.loads((done.folder / "config.json").read_text())
    assert config["classifier_pooling"] == "mean"
    about = json.loads((done.folder / "training.json").read_text())
    assert about["scores"][metric]["value"] > 0.8
    card = (done.folder / "README.md").read_text(encoding="utf-8")
    assert f"Fitted from `{folder}` with `distilbert train --task text-classification" in card
    assert f"| {metric} | {done.scores[metric].value:.4f} |" in card
    assert "chose the best" not in card  # nothing was chosen by the evaluation
    assert about["command"].endswith("--head-only")
    # the head is on the mean of the states, whatever the first layer of the head in the folder does
    states = distilbert.load(folder, "feature-extraction").logits(["good good good film"])[0].mean(0)
    classifier = distilbert.load(done.folder)
    one = classifier.logits(["good good good film"])[0]
    alone = classifier.logits("good good good film")
    np.testing.assert_allclose(one, alone, atol=1e-5)
    assert states.shape == (64,)
    batch = classifier.logits(["good good good film", "bad", "good bad " * 20])
    np.testing.assert_allclose(batch[0], one, atol=1e-5)


def test_it_has_a_report_where_one_can_be_drawn(
    make_checkpoint: Maker, tmp_path: Path, sentences: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, train = make_checkpoint(Head.NONE), labelled_file(tmp_path, sentences)
    with monkeypatch.context() as patched:
        patched.setitem(sys.modules, "matplotlib", None)
        for name in [name for name in sys.modules if name.startswith("distilbert.report")]:
            patched.delitem(sys.modules, name)
        done = fit_classifier(settings(folder, train, tmp_path / "plain"), quiet=True)
        assert not (done.folder / "report.html").exists()
        with pytest.raises(MissingExtraError, match="report"):
            fit_classifier(settings(folder, train, tmp_path / "x", report=tmp_path / "page.html"), quiet=True)
        assert not (tmp_path / "x").exists()
    pytest.importorskip("matplotlib")
    done = fit_classifier(
        settings(folder, train, tmp_path / "out", test=train, report=tmp_path / "page.html"), quiet=True
    )
    page = (done.folder / "report.html").read_text(encoding="utf-8")
    assert page == (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "Test scores" in page
    assert "tokens a second" not in page  # there were no steps


def test_both_engines_and_the_other_formats_read_the_mean(
    make_checkpoint: Maker, tmp_path: Path, sentences: list[str]
) -> None:
    torch = pytest.importorskip("torch")
    from distilbert.convert import export_onnx, quantize
    from distilbert.nn import DistilBertForSequenceClassification
    from distilbert.nn.engine import TorchEngine

    folder, train = make_checkpoint(Head.NONE, dim=64, hidden_dim=128), labelled_file(tmp_path, sentences)
    done = fit_classifier(settings(folder, train, tmp_path / "out"), quiet=True)
    texts = ["good film", *sentences[:5]]
    classifier = distilbert.load(done.folder)
    expected = classifier.logits(texts)
    model = DistilBertForSequenceClassification.from_pretrained(done.folder)
    import dataclasses

    on_torch = type(classifier)(dataclasses.replace(classifier.model, engine=TorchEngine(model)))
    np.testing.assert_allclose(on_torch.logits(texts), expected, atol=1e-4)
    ids = [encoding.ids for encoding in classifier.tokenizer.encode_batch(texts)]
    longest = max(map(len, ids))
    padded = torch.tensor([[*each, *[0] * (longest - len(each))] for each in ids])
    mask = torch.tensor([[1] * len(each) + [0] * (longest - len(each)) for each in ids])
    with torch.inference_mode():
        np.testing.assert_allclose(model(padded, mask).logits.numpy(), expected, atol=1e-4)
    quantize(done.folder, tmp_path / "int8", data=texts)
    small = distilbert.load(tmp_path / "int8").logits(texts)
    assert (small.argmax(1) == expected.argmax(1)).mean() > 0.8
    import onnxruntime

    session = onnxruntime.InferenceSession(export_onnx(done.folder, tmp_path / "onnx"))
    (logits,) = session.run(None, {"input_ids": padded.numpy(), "attention_mask": mask.numpy()})
    np.testing.assert_allclose(logits, expected, atol=1e-4)


def test_it_is_trained_further_on_the_mean_and_a_fresh_head_is_not(
    make_checkpoint: Maker, tmp_path: Path, sentences: list[str]
) -> None:
    pytest.importorskip("torch")
    from distilbert.train import finetune

    folder, train = make_checkpoint(Head.NONE, dim=64, hidden_dim=128), labelled_file(tmp_path, sentences)
    done = fit_classifier(settings(folder, train, tmp_path / "out"), quiet=True)
    same = {"head_only": False, "learning_rate": 1e-9, "epochs": 1.0, "device": "cpu"}
    kept = finetune(settings(done.folder, train, tmp_path / "kept", **same), quiet=True)
    texts = sentences[:4]
    logits = [distilbert.load(each.folder).logits(texts) for each in (done, kept)]
    np.testing.assert_allclose(*logits, atol=1e-3)
    other = labelled_file(tmp_path, sentences, "several")
    fresh = finetune(settings(done.folder, other, tmp_path / "fresh", **same), quiet=True)
    assert "classifier_pooling" not in json.loads((fresh.folder / "config.json").read_text())


def test_the_command_says_what_cannot_be(
    make_checkpoint: Maker, tmp_path: Path, sentences: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, train = make_checkpoint(Head.NONE), labelled_file(tmp_path, sentences)
    command = ["train", "--task", "text-classification", "--model", str(folder), "--train", str(train), "--head-only"]
    assert main([*command, "--eval", str(train), "--out", str(tmp_path / "out"), "--json"]) == 0
    result = capsys.readouterr()
    assert json.loads(result.out)["scores"]["accuracy"]["value"] > 0.5
    assert "classifier_pooling mean, which Transformers does not read" in result.err
    assert main([*command, "--out", str(tmp_path / "out")]) == 1
    assert "exists already; give a new or an empty folder" in capsys.readouterr().err
    assert main([*command, "--out", str(tmp_path / "x"), "--few-shot"]) == 1
    assert "either --few-shot or --head-only" in capsys.readouterr().err
    with pytest.raises(InputError, match="--head-only is for text-classification, not for fill-mask"):
        fit_classifier(settings(folder, train, tmp_path / "x", task="fill-mask"), quiet=True)
    with pytest.raises(InputError, match="max_length=129 is more than the 128 tokens that the model reads"):
        fit_classifier(settings(folder, train, tmp_path / "x", max_length=129), quiet=True)
    pairs = tmp_path / "pairs.jsonl"
    pairs.write_text("\n".join(json.dumps({"text": "a", "pair": "b", "label": label}) for label in "yn"))
    with pytest.raises(InputError, match="has pairs of texts"):
        fit_classifier(settings(folder, pairs, tmp_path / "x"), quiet=True)
    alike = tmp_path / "alike.jsonl"
    alike.write_text("\n".join(json.dumps({"text": text, "label": "y"}) for text in "ab"))
    with pytest.raises(InputError, match="nothing to tell apart"):
        fit_classifier(settings(folder, alike, tmp_path / "x"), quiet=True)
    for labels in ((["y"], ["y", "n"]), (0.5, 2.5)):  # several of them, and numbers
        alike.write_text("\n".join(json.dumps({"text": "a", "label": label}) for label in labels))
        with pytest.raises(InputError, match="class_weights are for single labels"):
            fit_classifier(settings(folder, alike, tmp_path / "x", class_weights="balanced"), quiet=True)
    assert not (tmp_path / "x").exists()


@pytest.mark.int8
def test_a_head_on_int8_weights(make_checkpoint: Maker, tmp_path: Path, sentences: list[str]) -> None:
    train = tmp_path / "train.jsonl"
    rows = [{"text": text, "label": "yn"[place % 2]} for place, text in enumerate(sentences[:40])]
    train.write_text("\n".join(map(json.dumps, rows)))
    folder = make_checkpoint(Head.NONE)
    quantize(folder, tmp_path / "int8", data=sentences[:2])
    fit_classifier(settings(tmp_path / "int8", train, tmp_path / "out"), quiet=True)
    written = open_folder(tmp_path / "out").checkpoint
    assert written.bits is None
    for name, tensor in open_folder(folder).checkpoint.tensors.items():
        assert (
            np.abs(written.tensors[f"distilbert.{name.removeprefix('distilbert.')}"].read() - tensor.read()).max()
            < 1e-2
        )


def test_uneven_classes_and_settings_of_steps_are_told(
    make_checkpoint: Maker, tmp_path: Path, sentences: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    train = tmp_path / "train.jsonl"
    rows = [{"text": text, "label": "bad" if place < 3 else "good"} for place, text in enumerate(sentences[:40])]
    train.write_text("\n".join(map(json.dumps, rows)))
    folder = make_checkpoint(Head.NONE)
    command = ["train", "--task", "text-classification", "--model", str(folder), "--train", str(train), "--head-only"]
    assert main([*command, "--out", str(tmp_path / "out")]) == 0
    assert "classes are uneven ('bad' 7.5%): weights make all count the same" in capsys.readouterr().err
    assert main([*command, "--out", str(tmp_path / "x"), "--epochs", "3", "--best-by", "accuracy"]) == 1
    assert "does not heed epochs, --best-by" in capsys.readouterr().err
