import pickle
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import check_estimator

from distilbert import InputError, load
from distilbert.sklearn import DistilBertEmbedder

TEXTS = ["a good film", "a bad film", "a good war film", "bad, bad", "good", "so bad"]


def test_it_gives_the_vectors_of_the_task_and_needs_no_fit(encoder_folder: Path) -> None:
    embedder = DistilBertEmbedder(encoder_folder, normalize=True, truncate_dim=8, threads=1)
    wanted = load(encoder_folder, threads=1)(TEXTS, normalize=True, truncate_dim=8)
    np.testing.assert_array_equal(embedder.transform(np.array(TEXTS)), wanted)
    np.testing.assert_array_equal(embedder.fit_transform(TEXTS), wanted)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(embedder)).transform(TEXTS), wanted)
    embedder.set_params(truncate_dim=4)
    assert clone(embedder).transform(TEXTS).shape == (6, 4)
    assert embedder.transform([]).shape == (0, 4)


def test_it_is_a_step_of_a_pipeline(encoder_folder: Path) -> None:
    steps = make_pipeline(DistilBertEmbedder(encoder_folder, threads=1), LogisticRegression(C=100))
    classes = [1, 0, 1, 0, 1, 0]
    assert steps.fit(TEXTS, classes).score(TEXTS, classes) == 1
    assert cross_val_score(steps, TEXTS, classes, cv=2).shape == (2,)


def test_its_columns_have_names_and_a_frame_is_refused(encoder_folder: Path) -> None:
    pandas = pytest.importorskip("pandas")
    embedder = DistilBertEmbedder(encoder_folder, truncate_dim=2, threads=1).set_output(transform="pandas")
    assert list(embedder.transform(pandas.Series(TEXTS))) == ["distilbertembedder0", "distilbertembedder1"]
    with pytest.raises(InputError, match="give the texts of one column"):
        embedder.transform(pandas.DataFrame({"text": TEXTS}))
    with pytest.raises(InputError, match="not str"):
        embedder.transform("a film")


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
def test_it_passes_the_checks_of_scikit_learn_that_need_no_numbers(encoder_folder: Path) -> None:
    checks = check_estimator(DistilBertEmbedder(encoder_folder))
    passed = [check["check_name"] for check in checks if check["status"] == "passed"]
    assert "check_estimator_cloneable" in passed
