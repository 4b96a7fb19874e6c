import pickle
import re
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
selection = pytest.importorskip("sklearn.model_selection")

from sklearn.exceptions import NotFittedError  # noqa: E402
from sklearn.pipeline import make_pipeline  # noqa: E402
from sklearn.preprocessing import FunctionTransformer  # noqa: E402
from sklearn.utils import get_tags  # noqa: E402
from sklearn.utils.estimator_checks import check_estimator  # noqa: E402

from conftest import Maker  # noqa: E402
from distilbert import load  # noqa: E402
from distilbert.errors import CheckpointError, ConfigError, InputError  # noqa: E402
from distilbert.train import DistilBertClassifier  # noqa: E402
from distilbert.train import estimator as estimators  # noqa: E402


@pytest.fixture
def estimator(make_checkpoint: Maker) -> DistilBertClassifier:
    folder: Path = make_checkpoint(dim=64, hidden_dim=128, n_layers=1)
    return DistilBertClassifier(folder, epochs=6, batch_size=8, learning_rate=2e-3, threads=1)


@pytest.fixture
def examples(sentences: list[str]) -> tuple[list[str], np.ndarray]:
    """Texts whose class stands in their first words."""
    classes = np.array([3, 7] * 30)
    words = {3: "good good good", 7: "bad bad bad"}
    return [f"{words[label]} {text[:20]}" for label, text in zip(classes.tolist(), sentences)], classes


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


def test_a_head_that_reads_all_tokens_is_trained_on_all(
    make_checkpoint: Maker, examples: tuple[list[str], np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    texts, classes = examples
    folder = make_checkpoint(classifier_pooling="mean", id2label={"0": "3", "1": "7"})
    trained = []
    monkeypatch.setattr(estimators, "run", lambda _, objective, *__, **___: trained.append(objective))
    DistilBertClassifier(folder, threads=1).fit(texts, classes)
    assert trained[0].items[0].rows is None


def test_it_is_a_step_of_a_pipeline(estimator: DistilBertClassifier, examples: tuple[list[str], np.ndarray]) -> None:
    texts, classes = examples
    steps = make_pipeline(FunctionTransformer(lambda texts: [text.upper() for text in texts]), estimator)
    assert steps.fit(texts, classes).predict(texts[:9]).shape == (9,)


@pytest.mark.slow  # each process imports PyTorch
def test_it_is_fitted_in_several_processes(
    estimator: DistilBertClassifier, examples: tuple[list[str], np.ndarray]
) -> None:
    texts, classes = examples
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


# classes and texts as people have them ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (None, "requires y to be passed, but the target y is None"),
        ([[1, 0], [0, 1]], "not a table; `finetune` with problem='multi-label'"),
        ([["a"], ["a", "b"]], "not lists of unequal length"),
        ([0.5, 1.0], "Unknown label type: text 0 has 0.5, which is no class; `finetune` with problem='regression'"),
        ([1.0, float("nan")], "y holds no class for text 1 but nan"),
        (np.array(["a", None], object), "y holds no class for text 1 but None"),
        (np.array(["a", 1], object), "y mixes texts and numbers"),
        (np.array([b"a", b"b"]), "classes are texts, whole numbers, or True and False; text 0 has bytes"),
    ],
)
def test_what_holds_no_classes_is_refused(estimator: DistilBertClassifier, y: object, message: str) -> None:
    with pytest.raises(InputError, match=re.escape(message)):
        estimator.fit(["a", "b"], y)


def test_what_holds_no_texts_is_refused(estimator: DistilBertClassifier) -> None:
    pandas = pytest.importorskip("pandas")
    with pytest.raises(InputError, match="give the texts of one column, as in data\\['text'\\]"):
        estimator.fit(pandas.DataFrame({"text": ["a", "b"]}), [0, 1])
    with pytest.raises(InputError, match="text 1 must be a string or a pair of strings, not NoneType"):
        estimator.fit(["a", None], [0, 1])
    with pytest.raises(InputError, match="not str"):
        estimator.fit("ab", [0, 1])


def test_before_fit_it_is_said_not_to_be_fitted(estimator: DistilBertClassifier, tmp_path: Path) -> None:
    for call in (estimator.predict, estimator.predict_proba, lambda _: estimator.save(tmp_path / "out")):
        with pytest.raises(NotFittedError):
            call(["a"])


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
def test_it_passes_the_checks_of_scikit_learn_that_need_no_numbers(estimator: DistilBertClassifier) -> None:
    passed = [each["check_name"] for each in check_estimator(estimator) if each["status"] == "passed"]
    assert "check_estimator_cloneable" in passed
    tags = get_tags(estimator)
    assert (tags.input_tags.string, tags.input_tags.two_d_array, tags.estimator_type) == (True, False, "classifier")


@pytest.mark.parametrize("classes", [[3, 7], ["bad", "good"], [False, True], [1.0, 2.0]])
def test_it_is_saved_as_a_model_folder_and_loaded(
    estimator: DistilBertClassifier, examples: tuple[list[str], np.ndarray], tmp_path: Path, classes: list[object]
) -> None:
    texts, y = examples
    y = np.array(classes)[(y == 7).astype(int)]
    fitted = estimator.set_params(epochs=1, class_weight="balanced", max_length=16).fit(texts, y[:, None])
    fitted.save(tmp_path / "saved")
    loaded = DistilBertClassifier.load(tmp_path / "saved")
    assert loaded.classes_.dtype == y.dtype
    assert loaded.get_params() == fitted.get_params() | {"model": str(fitted.model)}
    np.testing.assert_array_equal(loaded.predict_proba(texts), fitted.predict_proba(texts))
    np.testing.assert_array_equal(loaded.predict(texts), fitted.predict(texts))
    run = load(tmp_path / "saved", "text-classification")
    np.testing.assert_allclose(run.logits(texts[:5]), fitted.classifier_.logits(texts[:5]), atol=1e-5)
    with pytest.raises(CheckpointError, match=r"saved: cannot be written .* give a new or an empty folder"):
        fitted.save(tmp_path / "saved")


def test_a_folder_of_another_origin_has_its_labels_as_classes(make_checkpoint: Maker) -> None:
    folder = make_checkpoint(id2label={"0": "no", "1": "yes"})
    loaded = DistilBertClassifier.load(folder)
    assert loaded.classes_.tolist() == ["no", "yes"]
    assert loaded.predict(["a film"])[0] == load(folder)("a film").label
    (folder / "estimator.json").write_text('{"settings": {}, "classes": ["yes", "no"], "dtype": "<U3"}')
    with pytest.raises(ConfigError, match=r"estimator\.json: classes are not the labels of the model: no, yes"):
        DistilBertClassifier.load(folder)
    (folder / "estimator.json").write_text('{"settings": {"epoch": 1}}')
    with pytest.raises(ConfigError, match=r"estimator\.json: settings must be those of DistilBertClassifier"):
        DistilBertClassifier.load(folder)
