"""Labels of examples that the model does not know: wrong, with one warning; other names of labels stay an error."""

import json
import warnings
from pathlib import Path

import numpy as np
import pytest

from conftest import Maker
from distilbert import LabelWarning
from distilbert.cli import main
from distilbert.errors import InputError
from distilbert.evaluation import evaluate, read_data
from distilbert.folder.checkpoint import Head


def conll(path: Path, labels: list[str]) -> Path:
    path.write_text("".join(f"word{index} {label}\n" for index, label in enumerate(labels)) + "\n")
    return path


@pytest.fixture
def tagger(make_checkpoint: Maker) -> Path:
    folder: Path = make_checkpoint(Head.TOKEN_CLASSIFICATION, id2label={0: "O", 1: "B-PER", 2: "I-PER"})
    return folder


def test_an_entity_type_that_training_had_none_of_counts_as_missed(
    tagger: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = conll(tmp_path / "test.conll", ["O", "B-PER", "O", "O", "B-ORG", "O"])
    with pytest.warns(LabelWarning, match=r"does not know 1 of the labels \('B-ORG' 1\)"):
        done = evaluate(tagger, data, resamples=5)
    assert done.details.labels == ("O", "B-PER", "I-PER", "B-ORG")
    assert done.details.confusion is not None
    assert done.details.confusion[3].sum() == 1  # one true ORG
    assert done.details.confusion[:, 3].sum() == 0  # and none predicted
    assert done.scores["recall"].value <= 0.5
    assert main(["evaluate", str(tagger), str(data), "--resamples", "5"]) == 0
    result = capsys.readouterr()
    assert result.err.count("B-ORG") == 1
    assert "ORG" in result.out


def test_entities_in_another_scheme_are_compared_all_the_same(tagger: Path, tmp_path: Path) -> None:
    data = conll(tmp_path / "test.conll", ["O", "B-PER", "E-PER", "O", "S-PER", "O"])
    with pytest.warns(LabelWarning, match=r"2 of the labels \('E-PER' 1, 'S-PER' 1\); their entities are compared"):
        done = evaluate(tagger, data, resamples=5)
    plain = evaluate(tagger, conll(tmp_path / "plain.conll", ["O", "B-PER", "I-PER", "O", "B-PER", "O"]), resamples=5)
    assert done.scores["f1"] == plain.scores["f1"]


def test_a_class_that_training_had_none_of_is_wrong(make_checkpoint: Maker, tmp_path: Path) -> None:
    folder = make_checkpoint(id2label={0: "no", 1: "yes"})
    data = tmp_path / "test.jsonl"
    rows = [{"text": f"text {index}", "label": label} for index, label in enumerate(["yes", "no", "yes", "perhaps"])]
    data.write_text("\n".join(map(json.dumps, rows)))
    with pytest.warns(LabelWarning, match="'perhaps' 1"):
        done = evaluate(folder, data, resamples=5)
    assert done.scores["accuracy"].value <= 0.75
    assert [row["label"] for row in done.details.predictions()] == ["yes", "no", "yes", "perhaps"]
    assert done.details.confusion is not None
    assert done.details.confusion.shape == (3, 3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        known = read_data(data, "text-classification")
    assert set(known.labels) == {"yes", "no", "perhaps"}


def test_several_labels_of_which_one_is_not_known(make_checkpoint: Maker, tmp_path: Path) -> None:
    folder = make_checkpoint(id2label={0: "a", 1: "b"}, problem_type="multi_label_classification")
    data = tmp_path / "test.jsonl"
    rows = [
        {"text": "one", "label": ["a", "b"]},
        {"text": "two", "label": ["b", "new"]},
        {"text": "three", "label": []},
    ]
    data.write_text("\n".join(map(json.dumps, rows)))
    with pytest.warns(LabelWarning, match="'new' 1"):
        done = evaluate(folder, data, resamples=5)
    assert np.isfinite(done.scores["f1_micro"].value)
    assert done.scores["exact_match"].value <= 2 / 3


def test_other_names_for_the_labels_are_an_error_with_the_line(tagger: Path, tmp_path: Path) -> None:
    data = conll(tmp_path / "other.conll", ["O", "O", "PERSON", "PERSON", "PLACE", "PLACE"])
    with pytest.raises(InputError, match=r"other.conll:3: label 'PERSON' is unknown; there are 'O', .*--labels"):
        evaluate(tagger, data, resamples=5)
