import pickle
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
selection = pytest.importorskip("sklearn.model_selection")

from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import FunctionTransformer  # noqa: E402

from conftest import Maker  # noqa: E402
from distilbert.errors import InputError  # noqa: E402
from distilbert.train import DistilBertClassifier  # noqa: E402


@pytest.fixture
def estimator(make_checkpoint: Maker) -> DistilBertClassifier:
    folder: Path = make_checkpoint(dim=64, hidden_dim=128, n_layers=1)
    return DistilBertClassifier(folder, epochs=6, batch_size=8, learning_rate=2e-3, threads=1)


@pytest.fixture
def examples(sentences: list[str]) -> tuple[list[str], np.ndarray]:
    """Texts whose class stands in their first words."""
    classes = np.array([3, 7] * 30)
    words = {3: "good good good", 7: "bad bad bad"}
    return [f"{words[own]} {text[:20]}" for own, text in zip(classes.tolist(), sentences)], classes


def test_it_goes_into_cross_validation_and_grid_search(
    estimator: DistilBertClassifier, examples: tuple[list[str], np.ndarray]
) -> None:
    texts, classes = examples
    scores = selection.cross_val_score(estimator, texts, classes, cv=3)
    assert scores.shape == (3,)
    assert scores.mean() > 0.7
    search = selection.GridSearchCV(estimator, {"learning_rate": [1e-9, 2e-3]}, cv=2).fit(texts, classes)
    assert search.best_params_ == {"learning_rate": 2e-3}
    assert set(search.predict(texts[:9])) <= {3, 7}


def test_it_is_a_step_of_a_pipeline_and_is_fitted_in_several_processes(
    estimator: DistilBertClassifier, examples: tuple[list[str], np.ndarray]
) -> None:
    texts, classes = examples
    steps = make_pipeline(FunctionTransformer(lambda own: [text.upper() for text in own]), estimator)
    assert steps.fit(texts, classes).predict(texts[:9]).shape == (9,)
    scores = selection.cross_val_score(estimator, texts, classes, cv=2, n_jobs=2)
    np.testing.assert_array_equal(scores, selection.cross_val_score(estimator, texts, classes, cv=2))


def test_what_is_fitted_predicts_the_same_again_and_survives_a_pickle(
    estimator: DistilBertClassifier, examples: tuple[list[str], np.ndarray]
) -> None:
    texts, classes = examples
    fitted = estimator.fit(np.array(texts), classes)
    probabilities = fitted.predict_proba(texts)
    assert fitted.classes_.tolist() == [3, 7]
    np.testing.assert_allclose(probabilities.sum(1), 1)
    assert fitted.score(texts, classes) > 0.8
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(fitted)).predict_proba(texts), probabilities)
    pairs = estimator.fit([(text, "and") for text in texts], classes)
    assert pairs.predict([(texts[0], "and")]).shape == (1,)


def test_what_cannot_be_fitted_is_refused(estimator: DistilBertClassifier) -> None:
    with pytest.raises(InputError, match="all of one class, or none"):
        estimator.fit(["a", "b"], [1, 1])
    with pytest.raises(InputError, match="2 texts and 3 classes; give one for each"):
        estimator.fit(["a", "b"], [1, 2, 1])
