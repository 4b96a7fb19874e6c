"""Zero-shot classification by similarity: cosines of an encoder's vectors, in Python and over the command line."""

import json
from pathlib import Path

import numpy as np
import pytest

import distilbert
from distilbert import InputError
from distilbert.cli.main import main
from distilbert.tasks.zero_shot_similarity import SimilarityClassifier

LABELS = ["politics", "sport", "food"]
TEXTS = ["the team won the cup .", "a soup of onions and garlic"]


def test_scores_are_a_softmax_of_cosines(encoder_folder: Path) -> None:
    task = distilbert.load(encoder_folder, "zero-shot-classification")
    assert isinstance(task, SimilarityClassifier)
    embedder = distilbert.load(encoder_folder, "feature-extraction")
    sentences = [f"About {label}:" for label in LABELS]
    cosines = embedder(TEXTS, normalize=True) @ embedder(sentences, normalize=True).T
    np.testing.assert_allclose(task.logits(TEXTS, LABELS, hypothesis_template="About {}:")[..., 0], cosines, atol=1e-5)
    wanted = np.exp(cosines / 0.05) / np.exp(cosines / 0.05).sum(1, keepdims=True)
    for row, results in zip(wanted, task(TEXTS, LABELS, hypothesis_template="About {}:"), strict=True):
        assert [each.label for each in results] == [LABELS[place] for place in np.argsort(-row)]
        np.testing.assert_allclose([each.score for each in results], np.sort(row)[::-1], atol=1e-4)
        assert results[0].tokens > 2
        assert not results[0].truncated


def test_labels_by_themselves(encoder_folder: Path) -> None:
    task = distilbert.load(encoder_folder, "zero-shot-classification")
    cosines = task.logits(TEXTS[0], LABELS)[:, 0]
    scores = {each.label: each.score for each in task(TEXTS[0], LABELS, multi_label=True)}
    for label, cosine in zip(LABELS, cosines, strict=True):
        assert scores[label] == pytest.approx(1 / (1 + np.exp(-(cosine - 0.2) / 0.05)), abs=1e-4)
    (alone,) = task(TEXTS[0], ["sport"])
    assert alone.score == pytest.approx(scores["sport"], abs=1e-4)


def test_what_cannot_be(encoder_folder: Path) -> None:
    task = distilbert.load(encoder_folder, "zero-shot-classification")
    with pytest.raises(InputError, match="models of inference"):
        task(TEXTS, LABELS, entailment="LABEL_1")
    with pytest.raises(InputError, match="twice"):
        task(TEXTS, ["a", "a"])


def test_the_command(encoder_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["zero-shot", TEXTS[0], "--labels", *LABELS, "--model", str(encoder_folder), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert LABELS[0] in json.dumps(found)
